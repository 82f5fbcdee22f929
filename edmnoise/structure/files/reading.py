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

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ..atoms import Atoms
from ..common import common_rows
from ..structure import NO_BONDS, Structure, renumbered
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


def read_structure(
    path: Path, model: int = 1, hydrogens: bool = True, solvent: bool = False, ligands: str = "residue"
) -> Structure:
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
    ligands
        "residue" or "atom": what a group of level 1 is outside polymers, as in `Structure.from_atoms`.

    Returns
    -------
    Structure
        Coordinates in angstrom, atoms in the file's order, the bonds that the file states.

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
        bonds = renumbered(source.bonds(records), keep, len(keep)) if _alike(source, model - 1) else NO_BONDS
    return Structure.from_atoms(coordinates[keep], records.atoms.take(keep), bonds=bonds, ligands=ligands)


def read_frames(
    path: Path, hydrogens: bool = True, solvent: bool = False, common: bool = False, ligands: str = "residue"
) -> tuple[Structure, NDArray[np.float32]]:
    """All models of a PDB or mmCIF file as frames of one structure.

    Parameters
    ----------
    path, hydrogens, solvent, ligands
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
        if all(_alike(source, model) for model in models):
            frames = np.empty((len(models), int(source.sizes[0]), 3), dtype=np.float32)
            for model in models:
                frames[model] = source.coordinates(source.span(model))
            keep = _wanted(records, np.isfinite(frames).all(axis=(0, 2)), hydrogens, solvent)
            frames, atoms = np.ascontiguousarray(frames[:, keep]), records.atoms.take(keep)
            bonds = renumbered(source.bonds(records), keep, len(keep))
        else:
            frames, atoms, bonds = _shared(source, hydrogens, solvent, common)
    return Structure.from_atoms(frames[0], atoms, bonds=bonds, ligands=ligands), frames


def _shared(
    source: RecordSource, hydrogens: bool, solvent: bool, common: bool
) -> tuple[NDArray[np.float32], Atoms, NDArray[np.int64]]:
    """Frames (S, N, 3), atoms and bonds, in the order of the first, of models that differ in what is left out."""
    names, places = [], []
    for model in range(len(source.sizes)):
        records = source.records(model)
        keep = _wanted(records, np.ones(len(records.atoms), dtype=np.bool_), hydrogens, solvent)
        if model == 0:
            bonds = renumbered(source.bonds(records), keep, len(keep))
        names.append((f"model {model + 1}", records.atoms.take(keep)))
        places.append(source.coordinates(source.span(model))[keep])
    rows = common_rows(names, common, "read one model at a time, or give common=True for the atoms that all have")
    frames = np.stack([place[row] for place, row in zip(places, rows, strict=True)]).astype(np.float32)
    placed = np.isfinite(frames).all(axis=(0, 2))
    kept = rows[0][placed]
    atoms = names[0][1]
    return np.ascontiguousarray(frames[:, placed]), atoms.take(kept), renumbered(bonds, kept, len(atoms))


def one_conformer(atoms: Atoms, altloc: Text) -> NDArray[np.bool_]:
    """(N,) the atoms of one conformer of each residue number, with those that all its conformers share.

    Per segment, chain and residue number (not name: alternatives may be different residues; water apart) the
    alternate location with the highest mean occupancy is kept, as AlphaFold 3 does, the first in the alphabet where
    means are equal. Atoms without alternate location are shared, unless one of them stands beside an atom of its name
    that has one: then they are an alternative, too, of which those stay that the better one lacks.

    Parameters
    ----------
    atoms
        N atoms.
    altloc
        (N,) alternate location, "" for none.
    """
    keep = np.ones(len(atoms), dtype=np.bool_)
    if not (altloc != "").any():
        return keep
    facts = (atoms.segment, atoms.chain, atoms.number, atoms.is_water)
    places = list(zip(*(column.tolist() for column in facts), strict=True))
    marked = {places[atom] for atom in np.flatnonzero(altloc != "").tolist()}
    members: dict[tuple[str, str, str, bool], list[int]] = defaultdict(list)
    for atom, place in enumerate(places):
        if place in marked:
            members[place].append(atom)
    for rivals in members.values():
        at = np.array(rivals)
        keep[at] = _chosen(atoms.name[at], atoms.residue_name[at], altloc[at], atoms.occupancy[at])
    return keep


def _chosen(name: Text, residue_name: Text, altloc: Text, occupancy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which atoms of one residue number stay."""
    blank = altloc == ""
    rivals = blank & np.isin(name, name[~blank])

    def rank(alt: str) -> tuple[float, str]:
        return (-round(float(occupancy[rivals if alt == "" else altloc == alt].mean()), 6), alt)

    best = min(set(altloc[~blank].tolist()), key=rank)
    lettered = altloc == best
    if not rivals.any():
        return blank | lettered
    winner, loser = (blank, lettered) if rank("") < rank(best) else (lettered, blank)
    return winner | loser & np.isin(residue_name, residue_name[winner]) & ~np.isin(name, name[winner])


def _alike(source: RecordSource, model: int) -> bool:
    """Whether a model holds the atoms of the first one, for which files state bonds."""
    return model == 0 or (source.sizes[model] == source.sizes[0] and source.other(model) is None)


def _wanted(records: Records, placed: NDArray[np.bool_], hydrogens: bool, solvent: bool) -> NDArray[np.bool_]:
    """(N,) which records of a model become atoms, of those that have coordinates."""
    keep = np.zeros(len(placed), dtype=np.bool_)
    held = np.flatnonzero(placed)
    keep[held] = one_conformer(records.atoms.take(held), records.altloc[held])
    if not hydrogens:
        keep &= ~records.atoms.is_hydrogen
    if not solvent:
        keep &= ~records.atoms.is_water
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
