"""Domains "A:4-20 | A:21-35 | rest" -> a label for each atom: every atom in one domain, and in one alone.

Domains are chosen, and not found: residue ranges of chains, the segments of a file, runs of secondary structure, or
any way of a program to name atoms (PyMOL's selections).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import EdmNoiseError
from ..base.table import Column, Table
from .hierarchy import DOMAIN
from .structure import Structure, describe

REST = "rest"
"""What stands last for all atoms that no other domain holds."""

SEGMENTS = "segi"
"""Stands for the segments of the file as domains."""

SECONDARY = "ss"
"""Stands for each run of residues of a helix, of a strand, or of neither, as the file names them."""

Labels = NDArray[np.int64]

_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?")
_ITEM = re.compile(rf"([^\s:/|]*):({_RANGE.pattern}(?:\+{_RANGE.pattern})*)?")


def with_domains(structure: Structure, domains: str | ArrayLike) -> Structure:
    """The same atoms with domains between their residues and their chains.

    Parameters
    ----------
    structure
        The atoms.
    domains
        A text as `domain_labels` reads it, "A:4-20 | A:21-35 | rest" or "ss", or (N,) labels, one for each atom.

    Raises
    ------
    EdmNoiseError
        As `domain_labels` and `Structure.with_domains`.
    """
    return structure.with_domains(domain_labels(structure, domains) if isinstance(domains, str) else domains)


def domain_labels(structure: Structure, text: str) -> Labels:
    """Labels of domains, for `Structure.with_domains`.

    Parameters
    ----------
    structure
        The atoms.
    text
        Residue ranges with "|" between domains: "A:4-20 | A:21-35+40-60 | B: | rest". "B:" is all of chain B, "rest"
        what is left. Or "segi", for the segments of the file; "ss", for its helices, its strands and what lies
        between them.

    Returns
    -------
    NDArray
        (N,) int64.

    Raises
    ------
    EdmNoiseError
        For a text that does not read so, domains that hold no atoms, that overlap, or that leave atoms out (naming the
        first); for "ss" of a file that names no helices and strands.

    Examples
    --------
    >>> from edmnoise.structure.atoms import Atoms
    >>> atoms = Atoms.make(["CA"] * 4, ["C"] * 4, ["GLY"] * 4, [1, 2, 3, 4], ["A"] * 4, [""] * 4, [False] * 4)
    >>> structure = Structure.from_atoms(np.zeros((4, 3)), atoms)
    >>> domain_labels(structure, "A:2-3 | rest")
    array([1, 0, 0, 1])
    >>> with_domains(structure, "A:2-3 | rest")
    Structure(1 chain, 2 domains, 4 residues, 4 atoms)
    """
    if text.strip() == SEGMENTS:
        return np.unique(structure.atoms.segment, return_inverse=True)[1].reshape(-1)
    if text.strip() == SECONDARY:
        if structure.atoms.secondary is None:
            raise EdmNoiseError(
                "domains are 'ss', and the file names no helices and no strands: give residue ranges, or a file of a "
                "program that finds them"
            )
        return runs(structure, structure.atoms.secondary)
    return assigned(structure, text, lambda item: in_range(structure, item))


def is_range(item: str) -> bool:
    """Whether a domain is written as a residue range, "A:4-20"."""
    return _ITEM.fullmatch(item) is not None


def in_range(structure: Structure, item: str, what: str = "domain") -> NDArray[np.bool_]:
    """(N,) which atoms a residue range "A:4-20+30" holds; residues with an insertion code go with their number.

    ``what`` is what the range is of, for the sentence that refuses one.
    """
    match = _ITEM.fullmatch(item)
    if match is None:
        rest = f", or {REST} for what is left" if what == "domain" else ""
        raise EdmNoiseError(f"{what} {item!r}: give a chain and its residues as A:4-20{rest}")
    inside = structure.atoms.chain == match[1]
    if match[2] is None:
        return inside
    number = np.array([_number(said) for said in structure.atoms.number.tolist()])
    chosen = np.zeros(structure.n_atoms, dtype=np.bool_)
    for low, high in _RANGE.findall(match[2]):
        chosen |= (number >= int(low)) & (number <= int(high or low))
    return inside & chosen


def assigned(structure: Structure, text: str, find: Callable[[str], NDArray[np.bool_]]) -> Labels:
    """(N,) the domain of each atom, with ``find`` for which atoms (N,) an item holds; errors as in `domain_labels`."""
    items = [item.strip() for item in text.split("|")]
    if not all(items) or REST in items[:-1] or items == [REST]:
        raise EdmNoiseError(f"domains are {text!r}: put | between them, and {REST} last or nowhere")
    label = np.full(structure.n_atoms, -1, dtype=np.int64)
    for number, item in enumerate(items):
        if item == REST:
            label[label < 0] = number
            break
        held = find(item)
        twice = np.flatnonzero(held & (label >= 0))
        if twice.size:
            first = int(twice[0])
            raise EdmNoiseError(
                f"domains overlap: {structure.label(first)} is in {items[label[first]]!r} and in {item!r}"
            )
        if not held.any():
            raise EdmNoiseError(f"domain {item!r} holds no atoms")
        label[held] = number
    left = np.flatnonzero(label < 0)
    if left.size:
        raise EdmNoiseError(
            f"domains leave out {left.size:,} of {structure.n_atoms:,} atoms, first {structure.label(int(left[0]))}: "
            f"name them too, or put | {REST} behind"
        )
    return label


def runs(structure: Structure, kind: ArrayLike) -> Labels:
    """(N,) runs of neighbouring residues of one kind in each chain: elements of secondary structure, for instance.

    Parameters
    ----------
    kind
        (N,) of each atom; a residue is of its first atom's. Neighbours are in the order of the structure.
    """
    home, hierarchy = structure.residue_of_atoms, structure.hierarchy
    first = np.unique(home, return_index=True)[1]
    kinds, chain = np.asarray(kind)[first], hierarchy.ancestors(0, hierarchy.depth - 1)[first]
    label = np.empty(len(first), dtype=np.int64)
    last: dict[int, tuple[object, int]] = {}
    for residue, (own, its) in enumerate(zip(kinds.tolist(), chain.tolist(), strict=True)):
        before = last.get(its)
        label[residue] = before[1] if before is not None and before[0] == own else residue
        last[its] = own, int(label[residue])
    return label[home]


def domain_table(structure: Structure) -> Table:
    """The domains of a structure: their chain, residues, and how many these and their atoms are; no rows for none."""
    hierarchy, atoms = structure.hierarchy, structure.atoms
    members = _members(structure)
    return Table(
        describe(hierarchy),
        (
            Column("domain", list(range(1, len(members) + 1))),
            Column("chain", [str(atoms.chain[structure.first_atoms[its[0]]]) for its in members]),
            Column("residues", [_ranges(structure, its) for its in members]),
            Column("count", [len(its) for its in members], help="of residues"),
            Column("atoms", [int(hierarchy.sizes(1)[its].sum()) for its in members]),
        ),
        notes=() if members else ("No domains.",),
    )


def domain_text(structure: Structure) -> str:
    """Domains as `domain_labels` reads them; "" for none. What shares a chain's name and a number reads alike."""
    rows = domain_table(structure).rows()
    return " | ".join(f"{row['chain']}:{row['residues']}" for row in rows)


def _members(structure: Structure) -> list[Labels]:
    """The residues of each domain, in their order."""
    hierarchy = structure.hierarchy
    if DOMAIN not in hierarchy.names:
        return []
    home = hierarchy.parents[1]
    return np.split(np.argsort(home, kind="stable"), np.cumsum(np.bincount(home))[:-1])


def _ranges(structure: Structure, residues: Labels) -> str:
    """Residues of a domain as "4-20+30": a range ends where one of another domain of the chain lies between."""
    chain = structure.hierarchy.ancestors(1, structure.hierarchy.depth - 1)
    beside = np.flatnonzero(chain == chain[residues[0]])
    place = np.searchsorted(beside, residues)
    numbers = [_number(structure.atoms.number[structure.first_atoms[residue]]) for residue in residues.tolist()]
    ranges = [[numbers[0], numbers[0]]]
    for step, number in zip(np.diff(place).tolist(), numbers[1:], strict=True):
        if step == 1 and number >= ranges[-1][1]:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return "+".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)


def _number(said: str) -> int:
    """A residue's number without its insertion code; 0 where it has none."""
    found = re.match(r"-?\d+", said)
    return int(found[0]) if found else 0
