"""``read_trajectory("design_traj.pdb")``: which program wrote a file, told by its name."""

from __future__ import annotations

import os
from collections.abc import Callable

from ...base.errors import EdmNoiseError, one_of
from ...structure.files import read_structure
from ...structure.structure import Structure
from ..trace import KINDS, Trace
from . import lucidrains
from .boltzgen import read_boltzgen
from .foundry import read_foundry
from .levels import Wanted
from .lucidrains import read_lucidrains
from .made import Asked
from .plain import ENDINGS, read_plain
from .proteina import read_proteina
from .rfdiffusion import read_rfdiffusion

PROGRAMS: tuple[Callable[[str, Asked], Trace | None], ...] = (
    read_rfdiffusion,
    read_boltzgen,
    read_foundry,
    read_proteina,
    read_lucidrains,
)
"""In the order in which they are asked whether a file is theirs."""


def read_trajectory(
    path: str | os.PathLike[str],
    schedule: Wanted = None,
    kind: str | None = None,
    structure: Structure | str | os.PathLike[str] | None = None,
) -> Trace:
    """Open a trajectory that another program has written, as a trace; a line of ``info["repairs"]`` says what was
    put right.

    Parameters
    ----------
    path
        The file.
    schedule
        Its levels, where the file does not tell them: the name of a published sampler, whose number of steps follows
        from the frames, or levels in angstrom, one a frame, highest first. Without one the levels of a program that
        is not known are NaN, and steps have numbers alone.
    kind
        "noisy" or "denoised": what the frames are; as they themselves tell when not given.
    structure
        The atoms, in the order of the file: a structure or the file of one. For files that do not name them.

    Raises
    ------
    EdmNoiseError
        A file that cannot be read, is of an unknown kind or no trajectory, models of other atoms, an unknown schedule,
        one that does not fit the frames, a structure of other atoms.
    """
    file = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(file):
        raise EdmNoiseError(f"there is no file {file}: give that of a trajectory")
    if kind not in (None, *KINDS):
        raise EdmNoiseError(f"kind is {kind!r}: give {one_of(KINDS)}")
    known = (*ENDINGS, *lucidrains.ENDINGS)
    if not file.lower().removesuffix(".gz").endswith(known):
        raise EdmNoiseError(f"{file} is no trajectory: its name must end in {', '.join(known)}")
    if structure is not None and not isinstance(structure, Structure):
        structure = read_structure(structure, solvent=True)
    asked = Asked(schedule, kind, structure)
    found = (trace for read in PROGRAMS if (trace := read(file, asked)) is not None)
    return next(found, None) or read_plain(file, asked)
