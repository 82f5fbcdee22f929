"""What an atom, a residue and a chain is.

**Residue**: the atoms that share segment, chain identifier, residue number with insertion code, and residue name.
Where such a residue comes back later in the file (other residues lie between), the atoms join the earlier one if
they bring new atom names (hydrogens at the end of the file, interleaved atoms) and begin another residue if they
repeat a name (numbers used twice: blank chain identifiers, waters numbered modulo 10,000, numbers past 9,999 that a
program could not read). Within one uninterrupted stretch a repeated name begins another residue in polymers, ions and
water, whose hydrogens may share a name, and in other molecules where the whole sequence of names comes again; names
that are nothing but elements tell no atoms apart: a ligand may call all its carbons C.

**Chain**: the atoms that share segment and chain identifier. PyMOL's segment of an mmCIF file is the label_asym_id,
AlphaFold 3's asym_id, so a ligand is a chain of its own there; in a PDB file it belongs to the chain that the file
gives it. Several copies of a polymer may share one identifier: wherever its residue numbers go back to ones that it
has had, another chain begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.coordinates import CoordinatesLike, float_array
from ..base.errors import EdmNoiseError
from .components import component_of
from .hierarchy import DOMAIN, LEVELS, WITH_DOMAINS, Hierarchy, Index, as_read

T = TypeVar("T")

WATER_NAMES = frozenset("HOH WAT DOD H2O SOL TIP TIP2 TIP3 TIP4 TIP5 TP3 T3P T4P SPC".split())
"""Residue names of water."""

LIGANDS = ("residue", "atom")
"""What a group of level 1 is where a residue is no polymer component: the residue, or each of its atoms."""

NO_BONDS = np.empty((0, 3), dtype=np.int64)
NO_BONDS.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Atoms:
    """What a file says of each atom: arrays of one length N, in the order of the coordinates.

    ``number`` is the residue number with its insertion code, as text ("42", "42A"); ``hetero`` marks HETATM;
    ``b_factor`` is in angstrom^2, or what a program put there; ``charge`` is the formal charge; ``secondary`` is "H" in
    helices, "S" in strands and "" elsewhere, None of a file that names none.
    """

    name: NDArray[np.str_]
    element: NDArray[np.str_]
    residue_name: NDArray[np.str_]
    number: NDArray[np.str_]
    chain: NDArray[np.str_]
    segment: NDArray[np.str_]
    hetero: NDArray[np.bool_]
    occupancy: NDArray[np.float64]
    b_factor: NDArray[np.float64]
    charge: NDArray[np.int64]
    secondary: NDArray[np.str_] | None = None

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
        occupancy: ArrayLike = 1.0,
        b_factor: ArrayLike = 0.0,
        charge: ArrayLike = 0,
    ) -> Atoms:
        """From any sequences: text becomes str arrays, residue numbers may be integers, and one value may be all's."""

        def text(column: ArrayLike) -> NDArray[np.str_]:
            return np.asarray(column).astype(np.str_)

        def numbers(column: ArrayLike, dtype: type) -> NDArray[Any]:
            return np.array(np.broadcast_to(np.asarray(column, dtype=dtype), np.shape(name)))

        identity = text(name), text(element), text(residue_name), text(number), text(chain), text(segment)
        facts = numbers(occupancy, np.float64), numbers(b_factor, np.float64), numbers(charge, np.int64)
        return cls(*identity, np.asarray(hetero, dtype=np.bool_), *facts)

    def __len__(self) -> int:
        return len(self.name)

    def __repr__(self) -> str:
        return f"Atoms({len(self):,})"

    def take(self, index: NDArray[np.generic]) -> Atoms:
        """The atoms at ``index`` (integers or a mask)."""

        def taken(column: Any) -> Any:
            return None if column is None else column[index]

        return Atoms(*(taken(getattr(self, column.name)) for column in fields(self)))

    @cached_property
    def is_hydrogen(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is hydrogen or deuterium."""
        return self.of_element({"H": True, "D": True}, False)

    @cached_property
    def in_component(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is in a residue that polymers are made of (`edmnoise.structure.components`)."""
        kinds, kind = distinct(self.residue_name)
        return np.array([component_of(name) is not None for name in kinds], dtype=np.bool_)[kind]

    @cached_property
    def is_water(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is in water."""
        kinds, kind = distinct(self.residue_name)
        return np.array([name in WATER_NAMES for name in kinds], dtype=np.bool_)[kind]

    def of_element(self, table: dict[str, T], otherwise: T) -> NDArray[Any]:
        """(N,) what a table holds for each atom's element, spelled in capitals."""
        kinds, kind = distinct(self.element)
        return np.array([table.get(said.strip().upper(), otherwise) for said in kinds])[kind]

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
        Atoms in residues in chains, or in residues in domains in chains (`with_domains`).
    bonds
        (B, 3) two atoms and the order of the bond (1, 2, 3; 4 for aromatic) that a file or a program gave along; what
        chemistry says by itself need not be among them (`edmnoise.structure.bonds`).
    residue
        (N,) the residue of each atom, where the groups of level 1 are finer.

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
    bonds: NDArray[np.int64] = field(default_factory=lambda: NO_BONDS)
    residue: Index | None = None

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
    def from_atoms(
        cls,
        coordinates: CoordinatesLike,
        atoms: Atoms,
        file_order: ArrayLike | None = None,
        bonds: NDArray[np.int64] = NO_BONDS,
        ligands: str = "residue",
    ) -> Structure:
        """Find residues and chains by the rule of this module.

        Parameters
        ----------
        coordinates
            (N, 3), angstrom: an array, a tensor or lists; copied.
        atoms
            What the file says of each atom.
        file_order
            (N,) rank of each atom in the file it came from, where the atoms have been sorted since (PyMOL does).
        bonds
            (B, 3) as in the class.
        ligands
            "residue", or "atom": then each atom of a residue that is no polymer component (ligands, ions, modified
            residues, but not water) is a group of level 1 by itself, as tokens are in AlphaFold 3.
        """
        if len(atoms) == 0:
            raise EdmNoiseError("no atoms: a structure needs at least one")
        if ligands not in LIGANDS:
            raise EdmNoiseError(f"ligands is {ligands!r}: give {' or '.join(LIGANDS)}")
        order = np.arange(len(atoms)) if file_order is None else np.argsort(np.asarray(file_order), kind="stable")
        residue = np.empty(len(atoms), dtype=np.int64)
        residue[order] = residue_labels(atoms.take(order))
        chain = np.empty(len(atoms), dtype=np.int64)
        chain[order] = chain_labels(atoms.take(order), residue[order])
        whole = Hierarchy.from_labels(LEVELS, [residue, chain])
        xyz = float_array("coordinates", coordinates).astype(np.float32)
        if ligands == "residue":
            return cls(xyz, atoms, whole, bonds)
        single = ~(atoms.in_component | atoms.is_water)
        group = np.where(single, len(atoms) + np.arange(len(atoms)), residue)
        return cls(xyz, atoms, Hierarchy.from_labels(LEVELS, [group, chain]), bonds, whole.ancestors(0, 1))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    @property
    def residue_of_atoms(self) -> Index:
        """(N,) the residue of each atom: its group of level 1, or the one that holds it where these are finer."""
        return self.hierarchy.ancestors(0, 1) if self.residue is None else self.residue

    def take(self, order: Index) -> Structure:
        """The same residues and chains, their atoms in another order or some of them left out (integers)."""
        groups = [self.hierarchy.ancestors(0, level)[order] for level in range(1, self.hierarchy.depth)]
        hierarchy = Hierarchy.from_labels(self.hierarchy.names, groups)
        residue = None if self.residue is None else np.unique(self.residue[order], return_inverse=True)[1].reshape(-1)
        bonds = renumbered(self.bonds, order, self.n_atoms)
        return Structure(self.coordinates[order], self.atoms.take(order), hierarchy, bonds, residue)

    def with_domains(self, labels: ArrayLike) -> Structure:
        """The same atoms with domains between their residues and their chains, in place of those that it had.

        Parameters
        ----------
        labels
            (N,) numbers or texts: the atoms of a domain have the same. Domains lie in chains, so that a label in two
            chains is two domains. `edmnoise.structure.domains` reads them from residue ranges.

        Raises
        ------
        EdmNoiseError
            Unless each atom has a label, and the atoms of a residue the same one.
        """
        given = np.asarray(labels)
        if given.shape != (self.n_atoms,):
            raise EdmNoiseError(f"labels of domains have the shape {given.shape}: {self.n_atoms} atoms need one each")
        label = np.unique(given, return_inverse=True)[1].reshape(-1)
        residue = self.residue_of_atoms
        usual = label[np.unique(residue, return_index=True)[1]][residue]
        split = np.flatnonzero(label != usual)
        if split.size:
            raise EdmNoiseError(f"domains part a residue, at {self.label(int(split[0]))}: give them whole residues")
        kept = self.without_domains().hierarchy
        groups = [kept.ancestors(0, 1), label, kept.ancestors(0, 2)]
        return replace(self, hierarchy=Hierarchy.from_labels(WITH_DOMAINS, groups))

    def without_domains(self) -> Structure:
        """The same atoms in residues in chains; itself where it has no domains."""
        if DOMAIN not in self.hierarchy.names:
            return self
        return replace(self, hierarchy=self.hierarchy.without(DOMAIN))

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
    """Counts as people read them: "7 chains, 712 residues, 5,684 atoms"."""
    pairs = zip(as_read(hierarchy.counts), as_read(hierarchy.names), strict=True)
    return ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in pairs)


def renumbered(bonds: NDArray[np.int64], kept: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """Bonds (B, 3) among ``count`` atoms as bonds among those at ``kept`` (integers or a mask)."""
    place = np.full(count, -1, dtype=np.int64)
    chosen = np.arange(count)[kept]
    place[chosen] = np.arange(len(chosen))
    ends = place[bonds[:, :2]]
    return np.concatenate([ends, bonds[:, 2:]], axis=1)[(ends >= 0).all(axis=1)]


def distinct(texts: NDArray[np.str_]) -> tuple[list[str], Index]:
    """The different texts in the order in which they appear, and which of them each one is (N,)."""
    numbers: dict[str, int] = {}
    index = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts.tolist()), np.int64, len(texts))
    return list(numbers), index


def residue_labels(atoms: Atoms) -> NDArray[np.int64]:
    """(N,) number of each atom's residue, for atoms in file order, by the rule of this module."""
    keys = _numbered(atoms.segment, atoms.chain, atoms.number, atoms.residue_name)
    run = np.concatenate([[0], np.cumsum(keys[1:] != keys[:-1])])
    starts = np.unique(run, return_index=True)[1]
    stops = np.append(starts[1:], len(atoms))
    labels = np.empty(len(atoms), dtype=np.int64)
    used: dict[int, dict[str, int]] = {}  # key -> for each atom name, in how many of its residues it stands so far
    found: dict[tuple[int, int], int] = {}  # (key, which of its residues) -> label
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        key, names = int(keys[start]), atoms.name[start:stop].tolist()
        times = used.setdefault(key, {})
        cuts = _cuts(atoms.take(np.arange(start, stop))) if len(set(names)) < len(names) else []
        for here, there in pairwise([0, *cuts, len(names)]):
            piece = names[here:there]
            copy = max([times.get(name, 0) for name in piece])
            times.update(dict.fromkeys(piece, copy + 1))
            labels[start + here : start + there] = found.setdefault((key, copy), len(found))
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


def _cuts(atoms: Atoms) -> list[int]:
    """Where another residue begins within an uninterrupted stretch of one that repeats a name."""
    names, residue_name = atoms.name.tolist(), str(atoms.residue_name[0])
    hydrogen = atoms.is_hydrogen.tolist()
    if residue_name in WATER_NAMES:
        return _cuts_of_water(names, hydrogen)
    if component_of(residue_name) or set(names) == {residue_name} or {"N", "CA", "C"} <= set(names):
        return _repeats(names, hydrogen)
    period = names.index(names[0], 1) if names[0] in names[1:] else len(names)
    again = len(names) % period == 0 and names == names[:period] * (len(names) // period)
    told = any(name.upper() != element.upper() for name, element in zip(names, atoms.element.tolist(), strict=True))
    return list(range(period, len(names), period)) if again and told and period > 1 else []


def _repeats(names: Sequence[str], hydrogen: Sequence[bool]) -> list[int]:
    """Where the name of a heavy atom comes back; of a hydrogen, where there are no others."""
    cuts: list[int] = []
    piece: set[str] = set()
    for place, name in enumerate(names):
        if name in piece and (not hydrogen[place] or all(hydrogen)):
            cuts.append(place)
            piece = set()
        piece.add(name)
    return cuts


def _cuts_of_water(names: Sequence[str], hydrogen: Sequence[bool]) -> list[int]:
    """Where a water has two hydrogens already, or a name comes back that is not a hydrogen's."""
    cuts: list[int] = []
    piece: set[str] = set()
    hydrogens = 0
    for place, name in enumerate(names):
        if (hydrogens == 2) if hydrogen[place] else (name in piece):
            cuts.append(place)
            piece, hydrogens = set(), 0
        piece.add(name)
        hydrogens += hydrogen[place]
    return cuts


def _numbered(*columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """(N,) one number for each distinct combination of the columns."""
    numbers: dict[tuple[object, ...], int] = {}
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return np.fromiter((numbers.setdefault(row, len(numbers)) for row in rows), np.int64, len(columns[0]))
