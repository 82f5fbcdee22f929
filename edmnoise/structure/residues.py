"""A residue is what shares segment, chain, number and name, a chain what shares the first two; copies are told apart.

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
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .atoms import WATER_NAMES, Atoms
from .components import component_of


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
