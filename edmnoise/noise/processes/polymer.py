"""Where polymers walk: the backbone places of each chain in order, missing residues counted, and what rides on them.

**Walk**: the polymer residues of one kind (protein, nucleic acid) of a chain, in the order of their numbers. The next
residue is one step away where a bond joins the two or the numbers follow each other; a gap of k missing residues is
k + 1 steps. A residue that the file marks HETATM and that is bonded to neither neighbour is no part of the walk.
**Place**: one of the atoms that a process names, counted along the whole walk; that of a missing atom is passed over.
**Rides**: any other atom of the residue, on its C-alpha (of nucleotides C4'), or, where that is missing, on the
residue's first place. Any other residue (ligand, ion, water) is a walk of one place, its first atom, on which the
others ride.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.atoms import distinct
from ...structure.bonds import longest_bond, whole_number
from ...structure.components import NUCLEOTIDES, component_of
from ...structure.hierarchy import Index
from ...structure.residues import in_polymer
from ...structure.structure import Structure

PIVOTS = ("CA", "C4'")
"""The atom that stands for a residue of a protein, of a nucleic acid."""

BACKBONES = (("N", "CA", "C", "O"), ("P", "O5'", "C5'", "C4'", "C3'", "O3'"))
"""Atoms along the chain of a protein (those that Chroma's walk goes through), of a nucleic acid."""

_LINKS = (("C", "N"), ("O3'", "P"))
_NEAR = (4.5, 7.5)
"""How far apart the pivots of neighbours lie at most, angstrom, where the atoms of the bond are missing."""


@dataclass(frozen=True, eq=False, repr=False)
class Walks(Legible):
    """Arrays over N atoms, K places and W walks; places follow each other along their walk.

    Attributes
    ----------
    node
        (N,) the place that an atom rides on.
    anchor
        (K,) the atom that is the place itself.
    walk
        (K,) number of the walk of a place, rising.
    step
        (K,) how far along its walk a place is, in places from the first of the walk's first residue.
    length
        (W,) places of a walk, those of missing residues and atoms counted.
    polymer
        (W,) whether the walk is that of a polymer.
    """

    node: Index
    anchor: Index
    walk: Index
    step: Index
    length: Index
    polymer: NDArray[np.bool_]

    @property
    def first(self) -> NDArray[np.bool_]:
        """(K,) whether a place is the first of its walk."""
        return np.diff(self.walk, prepend=-1) > 0


def walks(structure: Structure, places: tuple[tuple[str, ...], tuple[str, ...]], noise: str = "") -> Walks:
    """The walks of a structure through the atoms of these names, of proteins and of nucleic acids.

    Raises
    ------
    EdmNoiseError
        Where ``noise`` is named and there is no polymer.
    """
    residues = _Residues(structure)
    line = residues.line()
    if noise and not len(line.residue):
        raise EdmNoiseError(
            f"{noise} noise walks along polymers, and among these {structure.n_atoms:,} atoms is none: choose another "
            "process, or select a protein or a nucleic acid"
        )
    anchor, walk, step = residues.places(line, places)
    others, alone = residues.groups_of_others(line)
    along = np.lexsort((step, walk))
    anchor = np.concatenate([anchor[along], others])
    last = np.append(np.flatnonzero(line.begins), len(line.residue))[1:] - 1
    length = (line.offset[last] + 1) * np.where(line.nucleic[last], len(places[1]), len(places[0]))

    node = residues.pivot_places(anchor)[residues.of_atoms]
    rest = alone >= 0
    node[rest] = len(along) + alone[rest]
    node[anchor] = np.arange(len(anchor))
    return Walks(
        node=node,
        anchor=anchor,
        walk=np.concatenate([walk[along], len(last) + np.arange(len(others))]),
        step=np.concatenate([step[along], np.zeros(len(others), dtype=np.int64)]),
        length=np.concatenate([length, np.ones(len(others), dtype=np.int64)]),
        polymer=np.arange(len(last) + len(others)) < len(last),
    )


class _Line(NamedTuple):
    """The P polymer residues of all walks, one behind the other."""

    residue: Index  # (P,)
    nucleic: NDArray[np.bool_]  # (P,) of a nucleic acid
    begins: NDArray[np.bool_]  # (P,) the first of its walk
    offset: Index  # (P,) residues from the first of the walk on, missing ones counted


class _Residues:
    """The residues of a structure, and where their atoms are."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        _, first, residue = np.unique(structure.residue_of_atoms, return_index=True, return_inverse=True)
        self.first, self.of_atoms = first.astype(np.int64), residue.reshape(-1).astype(np.int64)
        kinds, kind = distinct(structure.atoms.name)
        self._named = {name.replace("*", "'"): np.flatnonzero(kind == i) for i, name in enumerate(kinds)}

    def atom(self, name: str) -> Index:
        """(R,) the atom of this name in each residue, -1 where there is none."""
        found = np.full(len(self.first), -1, dtype=np.int64)
        atoms = self._named.get(name, np.empty(0, dtype=np.int64))[::-1]
        found[self.of_atoms[atoms]] = atoms
        return found

    def line(self) -> _Line:
        """The polymers' residues in order."""
        atoms = self.structure.atoms
        nucleic = (self.atom("C4'") >= 0) | (np.minimum(self.atom("P"), self.atom("O5'")) >= 0)
        nucleic |= self._named_as(NUCLEOTIDES)
        chain = self.structure.hierarchy.ancestors(0, self.structure.hierarchy.depth - 1)[self.first]
        kinds, kind = distinct(atoms.number[self.first])
        number = np.array([whole_number(said) for said in kinds], dtype=np.int64)[kind]
        order = np.lexsort((np.arange(len(number)), number, nucleic, chain))
        polymer = in_polymer(atoms, self.of_atoms) | atoms.in_component  # by its name where its pivot is missing
        order = order[polymer[self.first][order]]
        near = self._near(order, nucleic)
        lone = atoms.hetero[self.first[order]] & ~np.append(False, near) & ~np.append(near, False)
        order = order[~lone]
        if not len(order):
            none = np.empty(0, dtype=np.int64)
            return _Line(none, none.astype(np.bool_), none.astype(np.bool_), none)
        one, other = order[:-1], order[1:]
        begins = np.append(True, (chain[one] != chain[other]) | (nucleic[one] != nucleic[other]))
        steps = np.where(self._near(order, nucleic), 1, np.maximum(number[other] - number[one], 1))
        along = np.append(0, np.cumsum(steps))
        return _Line(order, nucleic[order], begins, along - along[begins][np.cumsum(begins) - 1])

    def _named_as(self, components: frozenset[str]) -> NDArray[np.bool_]:
        """(R,) whether a residue goes by the name of one of these."""
        kinds, kind = distinct(self.structure.atoms.residue_name[self.first])
        return np.array([component_of(name) in components for name in kinds], dtype=np.bool_)[kind]

    def _near(self, order: Index, nucleic: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(P - 1,) whether each residue is bonded to the next: the bond's atoms, or else the pivots, lie together."""
        one, other = order[:-1], order[1:]
        near = np.zeros(len(one), dtype=np.bool_)
        for kind, (giver, taker) in enumerate(_LINKS):
            ends = np.stack([self.atom(giver)[one], self.atom(taker)[other]], axis=1)
            pivots = np.stack([self.atom(PIVOTS[kind])[one], self.atom(PIVOTS[kind])[other]], axis=1)
            mine = (nucleic[one] == bool(kind)) & (nucleic[other] == bool(kind))
            linked, seen = (ends >= 0).all(axis=1), (pivots >= 0).all(axis=1)
            near |= mine & linked & (self._lengths(ends) < longest_bond(self.structure, ends))
            near |= mine & ~linked & seen & (self._lengths(pivots) < _NEAR[kind])
        return near

    def _lengths(self, pairs: Index) -> NDArray[np.float32]:
        x = self.structure.coordinates
        return np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)

    def places(self, line: _Line, names: tuple[tuple[str, ...], tuple[str, ...]]) -> tuple[Index, Index, Index]:
        """The atom, the walk and the step of each place."""
        walk = np.cumsum(line.begins) - 1
        found = []
        for kind, own in enumerate(names):
            rows = np.flatnonzero(line.nucleic == bool(kind))
            residue = line.residue[rows]
            table = np.stack([self.atom(name)[residue] for name in own], axis=1)
            without = (table < 0).all(axis=1)
            table[without, own.index(PIVOTS[kind])] = self.first[residue[without]]
            row, column = np.nonzero(table >= 0)
            found.append((table[row, column], walk[rows[row]], line.offset[rows[row]] * len(own) + column))
        atom, of_walk, step = (np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True))
        return atom, of_walk, step

    def groups_of_others(self, line: _Line) -> tuple[Index, Index]:
        """The first atom of each group of level 1 that is no polymer's, and (N,) which of these an atom is in."""
        rest = np.flatnonzero(~np.isin(self.of_atoms, line.residue))
        group = self.structure.hierarchy.ancestors(0, 1)[rest]
        _, first, member = np.unique(group, return_index=True, return_inverse=True)
        alone = np.full(len(self.of_atoms), -1, dtype=np.int64)
        alone[rest] = member.reshape(-1)
        return rest[first], alone

    def pivot_places(self, anchor: Index) -> Index:
        """(R,) the place that the atoms of a residue ride on: its pivot's, or its first."""
        place = np.zeros(len(self.first), dtype=np.int64)
        place[self.of_atoms[anchor][::-1]] = np.arange(len(anchor))[::-1]
        pivots = np.flatnonzero(np.isin(anchor, np.concatenate([self.atom(name) for name in PIVOTS])))
        place[self.of_atoms[anchor[pivots]]] = pivots
        return place
