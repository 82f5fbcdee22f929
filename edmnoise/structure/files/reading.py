"""A file's atoms in the file's own order, one conformer of each residue, named as PyMOL names them.

gemmi's own model of a structure is not used: it moves late atoms to the residue that they belong to, and the rule of
what a residue is needs the order of the file.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ..common import common_rows
from ..structure import WATER_NAMES, Atoms, Structure
from .mmcif import MmcifSource
from .pdb import PdbSource
from .records import Records, RecordSource, Text

Path = str | os.PathLike[str]

SOURCES: dict[str, type[PdbSource] | type[MmcifSource]] = {
    ".pdb": PdbSource,
    ".ent": PdbSource,
    ".cif": MmcifSource,
    ".mmcif": MmcifSource,
}
"""What a file's ending says that it is."""


def read_structure(path: Path, model: int = 1, hydrogens: bool = True, solvent: bool = False) -> Structure:
    """One model of a PDB or mmCIF file.

    Segments, chains, residue numbers and names are those that PyMOL gives the same file: of an mmCIF file the
    author's chain, number and names, and label_asym_id as the segment. Atoms without coordinates are left out;
    of alternate locations one conformer is kept (`one_conformer`); a residue number that is missing is 0.

    Parameters
    ----------
    path
        Name ending in .pdb, .ent, .cif or .mmcif, each also with .gz. mmCIF needs gemmi (``edmnoise[files]``).
    model
        Which model, 1 for the file's first.
    hydrogens
        Whether to keep hydrogen and deuterium.
    solvent
        Whether to keep water.

    Returns
    -------
    Structure
        Coordinates in angstrom, atoms in the file's order.

    Raises
    ------
    EdmNoiseError
        If the file is missing, unreadable, of an unknown kind or holds no atoms, if it has no such model, or if
        gemmi is needed and missing.
    """
    with _reading(path) as source:
        count = len(source.sizes)
        if not 1 <= model <= count:
            raise EdmNoiseError(f"there is no model {model}, the file's models are 1 to {count}")
        records = source.records(model - 1)
        coordinates = source.coordinates(source.span(model - 1))
        keep = _wanted(records, np.isfinite(coordinates).all(axis=1), hydrogens, solvent)
    return Structure.from_atoms(coordinates[keep], records.atoms.take(keep))


def read_frames(
    path: Path, hydrogens: bool = True, solvent: bool = False, common: bool = False
) -> tuple[Structure, NDArray[np.float32]]:
    """All models of a PDB or mmCIF file as frames of one structure.

    Parameters
    ----------
    path, hydrogens, solvent
        As in `read_structure`. An atom that one model gives no coordinates is left out of all.
    common
        Whether to take the atoms that all models have, where they differ in others than these leave out.

    Returns
    -------
    structure : Structure
        The file's first model: in a file that `write_frames` wrote for its readers, the reference.
    frames : (S, N, 3) float32
        All S models, the first among them, angstrom.

    Raises
    ------
    EdmNoiseError
        As in `read_structure`, and if the models do not hold the same atoms, naming those that differ.
    """
    with _reading(path) as source:
        models = range(len(source.sizes))
        records = source.records(0)
        if all(source.sizes[model] == source.sizes[0] and source.other(model) is None for model in models):
            frames = np.empty((len(models), int(source.sizes[0]), 3), dtype=np.float32)
            for model in models:
                frames[model] = source.coordinates(source.span(model))
            keep = _wanted(records, np.isfinite(frames).all(axis=(0, 2)), hydrogens, solvent)
            frames, atoms = np.ascontiguousarray(frames[:, keep]), records.atoms.take(keep)
        else:
            frames, atoms = _shared(source, hydrogens, solvent, common)
    return Structure.from_atoms(frames[0], atoms), frames


def _shared(source: RecordSource, hydrogens: bool, solvent: bool, common: bool) -> tuple[NDArray[np.float32], Atoms]:
    """Frames (S, N, 3) of models that differ, at best in what is left out; and the atoms, in the order of the first."""
    names, places = [], []
    for model in range(len(source.sizes)):
        records = source.records(model)
        keep = _wanted(records, np.ones(len(records.atoms), dtype=np.bool_), hydrogens, solvent)
        names.append((f"model {model + 1}", records.atoms.take(keep)))
        places.append(source.coordinates(source.span(model))[keep])
    rows = common_rows(names, common, "read one model at a time, or give common=True for the atoms that all have")
    frames = np.stack([place[row] for place, row in zip(places, rows, strict=True)]).astype(np.float32)
    placed = np.isfinite(frames).all(axis=(0, 2))
    return np.ascontiguousarray(frames[:, placed]), names[0][1].take(rows[0][placed])


def one_conformer(atoms: Atoms, altloc: Text, occupancy: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(N,) the atoms without alternate location, and one conformer of each residue number.

    Per segment, chain and residue number (not name: alternatives may be different residues) the alternate
    location with the highest sum of occupancies is kept, the first in the alphabet where sums are equal.

    Parameters
    ----------
    atoms
        N atoms.
    altloc
        (N,) alternate location, "" for none.
    occupancy
        (N,) between 0 and 1.
    """
    keep = np.ones(len(atoms), dtype=np.bool_)
    marked = np.flatnonzero(altloc != "")
    sums: dict[tuple[str, str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    places = [(str(atoms.segment[i]), str(atoms.chain[i]), str(atoms.number[i])) for i in marked]
    for place, atom in zip(places, marked, strict=True):
        sums[place][str(altloc[atom])] += float(occupancy[atom])
    best = {place: min(total, key=lambda alt: (-round(total[alt], 6), alt)) for place, total in sums.items()}
    keep[marked] = [altloc[atom] == best[place] for place, atom in zip(places, marked, strict=True)]
    return keep


def _wanted(records: Records, placed: NDArray[np.bool_], hydrogens: bool, solvent: bool) -> NDArray[np.bool_]:
    """(N,) which records of a model become atoms, of those that have coordinates."""
    keep = np.zeros(len(placed), dtype=np.bool_)
    held = np.flatnonzero(placed)
    keep[held] = one_conformer(records.atoms.take(held), records.altloc[held], records.occupancy[held])
    if not hydrogens:
        keep &= ~np.isin(np.char.upper(records.atoms.element), ["H", "D"])
    if not solvent:
        keep &= ~np.isin(records.atoms.residue_name, list(WATER_NAMES))
    if not keep.any():
        without = [what for what, kept in (("hydrogens", hydrogens), ("water", solvent)) if not kept]
        raise EdmNoiseError("there are no atoms with coordinates" + " besides " * bool(without) + " and ".join(without))
    return keep


@contextmanager
def _reading(path: Path) -> Iterator[RecordSource]:
    """The file taken apart; what is wrong with it is said with its name."""
    file = os.path.expanduser(os.fspath(path))
    stem, ending = os.path.splitext(file.lower())
    packed = ending == ".gz"
    if packed:
        ending = os.path.splitext(stem)[1]
    try:
        if ending not in SOURCES:
            raise EdmNoiseError(f"its name must end in {', '.join(SOURCES)}, or in one of them with .gz")
        with gzip.open(file) if packed else open(file, "rb") as handle:
            data = handle.read()
        source = SOURCES[ending](data)
        if not source.sizes.size:
            raise EdmNoiseError("there are no atoms in it")
        yield source
    except (OSError, EOFError, zlib.error, EdmNoiseError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EdmNoiseError(f"cannot read {os.fspath(path)}: {reason}") from error
