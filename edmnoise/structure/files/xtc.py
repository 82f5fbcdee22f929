"""XTC files, rounded to 0.01 angstrom, through mdtraj or MDAnalysis where one of them is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.files import appearing

Frames = NDArray[np.float32]

_ANGSTROM = 10.0
"""In a nanometre, in which XTC files are."""


def read_xtc(path: str) -> Frames:
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


def _by_mdtraj(path: str) -> Frames:
    from mdtraj.formats import XTCTrajectoryFile

    with XTCTrajectoryFile(path) as file:
        return file.read()[0]


def _by_mdanalysis(path: str) -> Frames:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    with XTCFile(path) as file:
        return np.stack([np.array(frame.x) for frame in file])


@contextmanager
def xtc_writer(path: str) -> Iterator[Callable[[Frames], None]]:
    """What adds (s, N, 3) coordinates, angstrom, to a new file, which takes its place when the block ends well.

    Raises
    ------
    EdmNoiseError
        Neither mdtraj nor MDAnalysis is installed, or the file cannot be written.
    """
    with ExitStack() as opened:
        part = opened.enter_context(appearing(path))
        try:
            add = _into_mdtraj(part, opened)
        except ImportError:
            try:
                add = _into_mdanalysis(part, opened)
            except ImportError:
                raise EdmNoiseError(
                    f"cannot write {path}: XTC files need mdtraj or MDAnalysis (pip install mdtraj), .dcd needs neither"
                ) from None
        done = 0

        def write(block: Frames) -> None:
            nonlocal done
            for frame in block:
                add(frame / np.float32(_ANGSTROM), done)
                done += 1

        yield write


def _into_mdtraj(path: str, opened: ExitStack) -> Callable[[Frames, int], None]:
    from mdtraj.formats import XTCTrajectoryFile

    file = opened.enter_context(XTCTrajectoryFile(path, "w"))
    return lambda frame, number: file.write(
        frame[None], time=np.array([number], np.float32), step=np.array([number], np.int32)
    )


def _into_mdanalysis(path: str, opened: ExitStack) -> Callable[[Frames, int], None]:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    file = opened.enter_context(XTCFile(path, "w"))
    return lambda frame, number: file.write(frame, np.zeros((3, 3), np.float32), number, float(number))
