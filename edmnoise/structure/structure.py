"""What an atom, a residue and a chain is.

**Residue**: the atoms that share segment, chain identifier, residue number with insertion code, and residue name.
Where such a residue comes back later in the file (other residues lie between), the atoms join the earlier one if
they bring new atom names (hydrogens at the end of the file, interleaved atoms) and begin another residue if they
repeat a name (numbers used twice: blank chain identifiers, waters numbered modulo 10,000). Within one uninterrupted
stretch a repeated name begins another residue in water only; a ligand may name all its carbons C.

**Chain**: the atoms that share segment and chain identifier. PyMOL's segment of an mmCIF file is the label_asym_id,
AlphaFold 3's asym_id, so a ligand is a chain of its own there; in a PDB file it belongs to the chain that the file
gives it. Several copies of a polymer may share one identifier: wherever its residue numbers go back to ones that it
has had, another chain begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import EdmNoiseError
from .hierarchy import Hierarchy

WATER_NAMES = frozenset("HOH WAT DOD H2O SOL TIP TIP2 TIP3 TIP4 TIP5 TP3 T3P T4P SPC".split())
"""Residue names of water."""

LEVELS = ("atom", "residue", "chain")
"""The levels of a structure, finest first."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """What a file says of each atom: arrays of one length N, in the order of the coordinates.

    ``number`` is the residue number with its insertion code, as text ("42", "42A"); ``hetero`` marks HETATM.
    """

    name: NDArray[np.str_]
    element: NDArray[np.str_]
    residue_name: NDArray[np.str_]
    number: NDArray[np.str_]
    chain: NDArray[np.str_]
    segment: NDArray[np.str_]
    hetero: NDArray[np.bool_]

    @classmethod
    def make(
        cls,
        name: ArrayLike,
        element: ArrayLike,
        residue_name: ArrayLike,
        number: ArrayLike,
        chain: ArrayLike,
        segment: ArrayLike,
        hetero: ArrayLike,
    ) -> Atoms:
        """From any sequences: text becomes str arrays, residue numbers may be given as integers."""

        def text(column: ArrayLike) -> NDArray[np.str_]:
            return np.asarray(column).astype(np.str_)

        identity = text(name), text(element), text(residue_name), text(number), text(chain), text(segment)
        return cls(*identity, np.asarray(hetero, dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.name)

    def take(self, index: NDArray[np.generic]) -> Atoms:
        """The atoms at ``index`` (integers or a mask)."""
        return Atoms(*(getattr(self, field.name)[index] for field in fields(self)))

    def label(self, atom: int) -> str:
        """One atom as PyMOL writes it: /segment/chain/residue`number/name."""
        residue = f"{self.residue_name[atom]}`{self.number[atom]}"
        return f"/{self.segment[atom]}/{self.chain[atom]}/{residue}/{self.name[atom]}"


@dataclass(frozen=True, eq=False)
class Structure:
    """Atoms with reference coordinates and their nested groups; never changed after it is made.

    Parameters
    ----------
    coordinates
        (N, 3) float32, angstrom.
    atoms
        What the file says of each atom.
    hierarchy
        Atoms in residues in chains.

    Examples
    --------
    >>> structure = Structure.from_atoms(
    ...     [[0, 0, 0], [1.5, 0, 0], [5, 0, 0]],
    ...     Atoms.make(["N", "CA", "CA"], ["N", "C", "C"], ["GLY", "GLY", "ALA"], [1, 1, 2], "A A A".split(),
    ...                ["", "", ""], [False] * 3))
    >>> structure
    Structure(1 chain, 2 residues, 3 atoms)
    """

    coordinates: NDArray[np.float32]
    atoms: Atoms
    hierarchy: Hierarchy

    def __post_init__(self) -> None:
        if self.coordinates.shape != (len(self.atoms), 3):
            raise EdmNoiseError(
                f"coordinates have the shape {self.coordinates.shape}: "
                f"{len(self.atoms)} atoms need {(len(self.atoms), 3)}"
            )
        bad = np.flatnonzero(~np.isfinite(self.coordinates).all(axis=1))
        if bad.size:
            raise EdmNoiseError(
                f"{bad.size} of {len(self.atoms)} atoms have NaN or infinite coordinates, "
                f"first {self.label(int(bad[0]))}: remove them or give them coordinates"
            )
        self.coordinates.setflags(write=False)

    @classmethod
    def from_atoms(cls, coordinates: ArrayLike, atoms: Atoms, file_order: ArrayLike | None = None) -> Structure:
        """Find residues and chains by the rule of this module.

        Parameters
        ----------
        coordinates
            (N, 3), angstrom.
        atoms
            What the file says of each atom.
        file_order
            (N,) rank of each atom in the file it came from, where the atoms have been sorted since (PyMOL does).
        """
        if len(atoms) == 0:
            raise EdmNoiseError("no atoms: a structure needs at least one")
        order = np.arange(len(atoms)) if file_order is None else np.argsort(np.asarray(file_order), kind="stable")
        residue = np.empty(len(atoms), dtype=np.int64)
        residue[order] = residue_labels(atoms.take(order))
        chain = np.empty(len(atoms), dtype=np.int64)
        chain[order] = chain_labels(atoms.take(order), residue[order])
        hierarchy = Hierarchy.from_labels(LEVELS, [residue, chain])
        return cls(np.array(coordinates, dtype=np.float32), atoms, hierarchy)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    @cached_property
    def first_atoms(self) -> NDArray[np.int64]:
        """(R,) the first atom of each residue, where its number and name can be read."""
        residue = self.hierarchy.ancestors(0, 1)
        return np.unique(residue, return_index=True)[1]

    def label(self, atom: int) -> str:
        """One atom as PyMOL writes it: /segment/chain/residue`number/name."""
        return self.atoms.label(atom)

    def __repr__(self) -> str:
        return f"Structure({describe(self.hierarchy)})"


def describe(hierarchy: Hierarchy) -> str:
    """Counts, coarsest first: "7 chains, 712 residues, 5,684 atoms"."""
    pairs = zip(reversed(hierarchy.counts), reversed(hierarchy.names), strict=True)
    return ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in pairs)


def residue_labels(atoms: Atoms) -> NDArray[np.int64]:
    """(N,) number of each atom's residue, for atoms in file order, by the rule of this module."""
    keys = _numbered(atoms.segment, atoms.chain, atoms.number, atoms.residue_name)
    run = np.concatenate([[0], np.cumsum(keys[1:] != keys[:-1])])
    starts = np.unique(run, return_index=True)[1]
    stops = np.append(starts[1:], len(atoms))
    water = np.isin(atoms.residue_name, list(WATER_NAMES))
    labels = np.empty(len(atoms), dtype=np.int64)
    used: dict[int, dict[str, int]] = {}  # key -> for each atom name, in how many of its residues it stands so far
    found: dict[tuple[int, int], int] = {}  # (key, which of its residues) -> label
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        key = int(keys[start])
        names = atoms.name[start:stop].tolist()
        position = start
        for piece in _split_repeats(names) if water[start] else [names]:
            times = used.setdefault(key, {})
            copy = max([times.get(name, 0) for name in piece])
            times.update(dict.fromkeys(piece, copy + 1))
            labels[position : position + len(piece)] = found.setdefault((key, copy), len(found))
            position += len(piece)
    return labels


def chain_labels(atoms: Atoms, residue: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) number of each atom's chain, for atoms in file order with their residues, by the rule of this module."""
    first = np.unique(residue, return_index=True)[1]
    polymer = in_polymer(atoms, residue)
    residues: dict[tuple[str, str], list[int]] = {}  # segment, chain -> polymer residues, each by its first atom
    for atom in np.sort(first[polymer[first]]).tolist():
        residues.setdefault((atoms.segment[atom], atoms.chain[atom]), []).append(atom)
    copy = np.zeros(len(atoms), dtype=np.int64)
    for members in residues.values():
        copies: list[set[str]] = []
        for run in _ascending_runs(members, atoms.number):
            numbers = set(atoms.number[run].tolist())
            free = (place for place, taken in enumerate(copies) if not taken & numbers)
            if (place := next(free, len(copies))) == len(copies):
                copies.append(set())
            copies[place] |= numbers
            copy[run] = place
    return _numbered(atoms.segment, atoms.chain, copy[first][residue])


def _ascending_runs(members: list[int], number: NDArray[np.str_]) -> list[list[int]]:
    """Cut a list of atoms wherever the residue number, without its insertion code, is lower than the one before."""
    runs: list[list[int]] = []
    before = 0
    for atom in members:
        found = re.match(r"-?\d+", number[atom])
        here = int(found[0]) if found else 0
        if not runs or here < before:
            runs.append([])
        runs[-1].append(atom)
        before = here
    return runs


def in_polymer(atoms: Atoms, residue: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether the atom's residue has a backbone: CA with N or C, P or C4' of a nucleotide, or a lone CA."""
    count = int(residue.max()) + 1

    def has(name: str) -> NDArray[np.bool_]:
        return np.bincount(residue[atoms.name == name], minlength=count) > 0

    lone = (np.bincount(residue, minlength=count) == 1) & has("CA")
    calcium = np.bincount(residue[atoms.residue_name == "CA"], minlength=count) > 0
    backbone = has("CA") & (has("N") | has("C")) | has("C4'") | has("C4*") | (has("P") & has("O5'")) | lone & ~calcium
    return backbone[residue]


def _split_repeats(names: Sequence[str]) -> list[list[str]]:
    """Cut a stretch of atom names wherever a name comes back."""
    pieces: list[list[str]] = [[]]
    for name in names:
        if name in pieces[-1]:
            pieces.append([])
        pieces[-1].append(name)
    return pieces


def _numbered(*columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """(N,) one number for each distinct combination of the columns."""
    numbers: dict[tuple[object, ...], int] = {}
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return np.fromiter((numbers.setdefault(row, len(numbers)) for row in rows), np.int64, len(columns[0]))
