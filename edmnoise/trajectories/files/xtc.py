"""XTC files, through mdtraj or MDAnalysis where one of them is installed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError

_ANGSTROM = 10.0
"""In a nanometre, in which XTC files are."""


def read_xtc(path: str) -> NDArray[np.float32]:
    """(S, N, 3) float32, angstrom; EdmNoiseError where the file cannot be read, or nothing that reads it is there."""
    try:
        return (_by_mdtraj(path) * np.float32(_ANGSTROM)).astype(np.float32)
    except ImportError:
        pass
    except (OSError, RuntimeError, ValueError) as error:
        raise EdmNoiseError(f"cannot read {path}: {error}") from error
    try:
        return (_by_mdanalysis(path) * np.float32(_ANGSTROM)).astype(np.float32)
    except ImportError:
        raise EdmNoiseError("XTC files need mdtraj or MDAnalysis: pip install mdtraj") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise EdmNoiseError(f"cannot read {path}: {error}") from error


def _by_mdtraj(path: str) -> NDArray[np.float32]:
    from mdtraj.formats import XTCTrajectoryFile

    with XTCTrajectoryFile(path) as file:
        return file.read()[0]


def _by_mdanalysis(path: str) -> NDArray[np.float32]:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    with XTCFile(path) as file:
        return np.stack([np.array(frame.x) for frame in file])
