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
from ..structure import NO_BONDS, Atoms, Structure, renumbered
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
    path: Path, hydrogens: bool = True, solvent: bool = False, ligands: str = "residue"
) -> tuple[Structure, NDArray[np.float32]]:
    """All models of a PDB or mmCIF file as frames of one structure.

    Parameters
    ----------
    path, hydrogens, solvent, ligands
        As in `read_structure`. An atom that one model gives no coordinates is left out of all.

    Returns
    -------
    structure : Structure
        The file's first model: in a file that `write_frames` wrote for its readers, the reference.
    frames : (S, N, 3) float32
        All S models, the first among them, angstrom.

    Raises
    ------
    EdmNoiseError
        As in `read_structure`, and if the models do not hold the same atoms in the same order.
    """
    with _reading(path) as source:
        count, atoms = len(source.sizes), int(source.sizes[0])
        records = source.records(0)
        frames = np.empty((count, atoms, 3), dtype=np.float32)
        for model, size in enumerate(source.sizes.tolist()):
            if size != atoms:
                raise EdmNoiseError(f"model {model + 1} has {size:,} atoms and model 1 has {atoms:,}; {_ONE_MODEL}")
            if (other := source.other(model)) is not None:
                label = records.atoms.label(other)
                raise EdmNoiseError(f"model {model + 1} has another atom where model 1 has {label}; {_ONE_MODEL}")
            frames[model] = source.coordinates(source.span(model))
        keep = _wanted(records, np.isfinite(frames).all(axis=(0, 2)), hydrogens, solvent)
        bonds = renumbered(source.bonds(records), keep, len(keep))
    frames = np.ascontiguousarray(frames[:, keep])
    return Structure.from_atoms(frames[0], records.atoms.take(keep), bonds=bonds, ligands=ligands), frames


_ONE_MODEL = "frames are the same atoms in the same order: read one model at a time with read_structure"


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
