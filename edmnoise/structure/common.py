"""Which atom of one list is which of another: the same segment, chain, residue number, residue name and name.

Several atoms of one identity are told by their order: the first is the first, the second the second. Between two files,
whose segments and chains may be called otherwise (an mmCIF file has label_asym_id for both), the rest of the identity
decides where that finds more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from .atoms import Atoms

Rows = NDArray[np.int64]

_IDENTITIES = (
    ("segment", "chain", "number", "residue_name", "name"),
    ("chain", "number", "residue_name", "name"),
    ("number", "residue_name", "name"),
)

_NAMED = 3
"""Atoms that a message names; the others are counted."""


class AtomsDiffer(EdmNoiseError):
    """Atoms that one list holds and another does not."""


def matched(one: Atoms, other: Atoms, renamed: bool = False) -> tuple[Rows, Rows]:
    """Rows of the atoms that two lists have in common: (M,) of each, in the order of the first.

    ``renamed``: whether segments and chains may be called otherwise.

    Examples
    --------
    >>> def atoms(names): return Atoms.make(list(names), list(names), ["LIG"] * len(names), [1] * len(names),
    ...                                     ["A"] * len(names), [""] * len(names), [True] * len(names))
    >>> [rows.tolist() for rows in matched(atoms("CCO"), atoms("OCN"))]
    [[0, 2], [1, 0]]
    """
    whole = np.arange(len(one), dtype=np.int64)
    if _alike(one, other, _IDENTITIES[0]):
        return whole, whole
    best: tuple[Rows, Rows] = whole[:0], whole[:0]
    for identity in _IDENTITIES if renamed else _IDENTITIES[:1]:
        place = {key: row for row, key in enumerate(_keys(other, identity))}
        found = np.array([place.get(key, -1) for key in _keys(one, identity)], dtype=np.int64)
        rows = np.flatnonzero(found >= 0)
        if len(rows) > len(best[0]):
            best = rows, found[rows]
        if len(rows) == len(one) == len(other):
            break
    return best


def common_rows(lists: Sequence[tuple[str, Atoms]], common: bool, advice: str, renamed: bool = False) -> list[Rows]:
    """Rows of the atoms that all lists have in common, one array for each list, in the order of the first.

    Parameters
    ----------
    lists
        What each list is called in messages ("model 2"), and its atoms.
    common
        Whether lists may hold atoms that others do not, which are left out then.
    advice
        What a message ends with: how to ask for the atoms in common.
    renamed
        As in `matched`.

    Raises
    ------
    AtomsDiffer
        Naming the atoms, where ``common`` is false.
    EdmNoiseError
        Where nothing is in common.
    """
    (first, atoms), *others = lists
    pairs = [matched(atoms, other, renamed) for _, other in others]
    kept = np.ones(len(atoms), dtype=np.bool_)
    for (name, other), (mine, theirs) in zip(others, pairs, strict=True):
        if not common and not len(mine) == len(atoms) == len(other):
            lost = _left(len(atoms), mine), _left(len(other), theirs)
            said = [
                f"{_some(of, rows)} of {who} {'is' if len(rows) == 1 else 'are'} not in {than}"
                for of, rows, who, than in ((atoms, lost[0], first, name), (other, lost[1], name, first))
                if len(rows)
            ]
            raise AtomsDiffer(f"{', and '.join(said)}: {advice}")
        kept &= np.isin(np.arange(len(atoms)), mine)
    rows = np.flatnonzero(kept)
    if not len(rows):
        raise EdmNoiseError(f"{first} and {others[0][0]} have no atoms in common")
    found = [rows]
    for mine, theirs in pairs:
        place = np.empty(len(atoms), dtype=np.int64)
        place[mine] = theirs
        found.append(place[rows])
    return found


def _alike(one: Atoms, other: Atoms, identity: Sequence[str]) -> bool:
    return len(one) == len(other) and all(np.array_equal(getattr(one, f), getattr(other, f)) for f in identity)


def _keys(atoms: Atoms, identity: Sequence[str]) -> list[tuple[object, ...]]:
    """Identity of each atom, and how many of the same stand before it."""
    seen: dict[tuple[object, ...], int] = {}
    keys = []
    for key in zip(*(getattr(atoms, field).tolist() for field in identity), strict=True):
        seen[key] = count = seen.get(key, -1) + 1
        keys.append((*key, count))
    return keys


def _left(size: int, rows: Rows) -> Rows:
    return np.setdiff1d(np.arange(size), rows)


def _some(atoms: Atoms, rows: Rows) -> str:
    """A few atoms by name, the others counted."""
    named = ", ".join(atoms.label(row) for row in rows[:_NAMED].tolist())
    more = len(rows) - _NAMED
    return f"{named} and {more:,} more atoms" if more > 1 else f"{named} and 1 more atom" if more == 1 else named
