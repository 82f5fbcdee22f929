"""Nested groups: atom i lies in residue g(i), residue r lies in chain h(r), and so on to any depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import EdmNoiseError

T = TypeVar("T")
Index = NDArray[np.int64]

LEVELS = ("atom", "residue", "chain")
"""The levels of a structure, finest first: the order of every array and tuple that has an axis of levels."""

DOMAIN = "domain"
"""A level that a structure may have between residue and chain (`edmnoise.structure.domains`)."""

WITH_DOMAINS = ("atom", "residue", DOMAIN, "chain")
"""The levels of a structure with domains, finest first."""


def part_names(names: Sequence[str]) -> tuple[str, ...]:
    """The nested parts of an atom's displacement, finest first: their mean squares over atoms add up to the whole.

    Examples
    --------
    >>> part_names(WITH_DOMAINS)
    ('atom in residue', 'residue in domain', 'domain in chain', 'chain')
    """
    return (*(f"{fine} in {coarse}" for fine, coarse in pairwise(names)), names[-1])


PARTS = part_names(LEVELS)
"""The parts of a structure without domains."""


def as_read(levels: Iterable[T]) -> tuple[T, ...]:
    """What is finest first, in the order in which people type and read it: chain, residue, atom."""
    return tuple(reversed(tuple(levels)))


def read_names(count: int) -> tuple[str, ...]:
    """How the numbers of so many levels are typed: chain, domain where there are four, residue, atom."""
    return as_read(level_names(count))


def level_names(depth: int) -> tuple[str, ...]:
    """The names of three levels or, with domains, of four."""
    return WITH_DOMAINS if depth == len(WITH_DOMAINS) else LEVELS


def check_levels(hierarchy: Hierarchy) -> None:
    """EdmNoiseError for other levels than atoms in residues (in domains) in chains, where these are spoken of."""
    if hierarchy.names not in (LEVELS, WITH_DOMAINS):
        raise EdmNoiseError(
            f"{hierarchy.depth} levels ({', '.join(hierarchy.names)}): give {', '.join(LEVELS)}, with or without "
            "domains between residue and chain"
        )


def check_three(hierarchy: Hierarchy) -> None:
    """EdmNoiseError for other levels than atoms in residues in chains, where a form holds for these alone."""
    if hierarchy.names != LEVELS:
        raise EdmNoiseError(f"{hierarchy.depth} levels ({', '.join(hierarchy.names)}): give three, {', '.join(LEVELS)}")


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Groups within groups, finest first.

    Parameters
    ----------
    names
        Names of the levels, finest first: ``("atom", "residue", "chain")``.
    parents
        ``parents[k][i]`` is the group at level k + 1 that holds group i of level k; every group holds something.

    Raises
    ------
    EdmNoiseError
        If the arrays do not nest: an index that is negative, or a group that nothing belongs to.
    """

    names: tuple[str, ...]
    parents: tuple[Index, ...]

    def __post_init__(self) -> None:
        if not self.parents or len(self.names) != len(self.parents) + 1:
            raise EdmNoiseError(
                f"{len(self.names)} level names and {len(self.parents)} parent arrays: names are one more than parents"
            )
        for name, parent, above in zip(self.names[:-1], self.parents, [*self.parents[1:], None], strict=True):
            if parent.ndim != 1 or parent.size == 0:
                raise EdmNoiseError(f"level {name!r} is empty: a hierarchy needs at least one group at every level")
            count = int(parent.max()) + 1 if above is None else len(above)
            if parent.min() < 0 or parent.max() >= count or np.bincount(parent, minlength=count).min() == 0:
                raise EdmNoiseError(f"the parents of level {name!r} must use each of 0 ... {count - 1} at least once")

    @classmethod
    def from_labels(cls, names: Sequence[str], labels: Sequence[ArrayLike]) -> Hierarchy:
        """Nested groups from one label per atom and level; groups are numbered as they first appear.

        Parameters
        ----------
        names
            Names of all levels, finest (the atoms) first.
        labels
            For each level above the atoms, finest first, an integer label per atom (N,). Atoms with one label at a
            level are one group there; a label may be used again in another group of the level above.

        Raises
        ------
        EdmNoiseError
            If there are no atoms, or not one label per atom at every level.
        """
        lengths = {np.shape(label) for label in labels}
        if len(lengths) != 1 or len(names) != len(labels) + 1:
            raise EdmNoiseError(
                f"{len(names)} level names and labels of the shapes {sorted(lengths)}: "
                "every level above the atoms needs one label per atom"
            )
        if lengths == {(0,)}:
            raise EdmNoiseError("no atoms: a hierarchy needs at least one")
        path = np.asarray(labels[-1])
        atom_groups = [_first_appearance(path)]
        for label in reversed(list(labels[:-1])):
            pairs = np.stack([atom_groups[0], np.unique(label, return_inverse=True)[1]], axis=1)
            atom_groups.insert(0, _first_appearance(pairs))
        parents = [atom_groups[0]]
        for fine, coarse in pairwise(atom_groups):
            parent = np.empty(int(fine.max()) + 1, dtype=np.int64)
            parent[fine] = coarse
            parents.append(parent)
        return cls(tuple(names), tuple(parents))

    @property
    def depth(self) -> int:
        """Number of levels, atoms included."""
        return len(self.names)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the nested parts of a displacement, finest first, as `part_names`."""
        return part_names(self.names)

    def without(self, name: str) -> Hierarchy:
        """The same groups without a level between the atoms and the top one; itself where it has none of that name."""
        if name not in self.names[1:-1]:
            return self
        k = self.names.index(name)
        merged = self.parents[k][self.parents[k - 1]]
        return Hierarchy(
            (*self.names[:k], *self.names[k + 1 :]), (*self.parents[: k - 1], merged, *self.parents[k + 1 :])
        )

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of groups at each level, finest first: (N, R, C) for atoms, residues, chains."""
        return (*(len(parent) for parent in self.parents), int(self.parents[-1].max()) + 1)

    def level(self, name: str) -> int:
        """Number of a level from its name; EdmNoiseError lists the names for an unknown one."""
        if name not in self.names:
            raise EdmNoiseError(f"no level {name!r}: the levels are {', '.join(self.names)}")
        return self.names.index(name)

    def by_level(self, given: Mapping[str, T], otherwise: T) -> tuple[T, ...]:
        """Values by the name of their level, finest first; ``otherwise`` for a level that is not named.

        Raises
        ------
        EdmNoiseError
            For a name that no level has.
        """
        for name in given:
            self.level(name)
        return tuple(given.get(name, otherwise) for name in self.names)

    def ancestors(self, fine: int, coarse: int) -> Index:
        """For each group of level ``fine`` the group of level ``coarse`` that holds it."""
        return self._ancestors[fine][coarse]

    def restricted(self, atoms: Index) -> tuple[Hierarchy, tuple[Index, ...]]:
        """The groups of some of the atoms, (n,) indices, and for each level the number that each group had here."""
        own = [np.unique(self.ancestors(0, level)[atoms], return_inverse=True) for level in range(1, self.depth)]
        kept = [atoms, *(groups for groups, _ in own)]
        above = (np.searchsorted(kept[k + 1], self.parents[k][kept[k]]) for k in range(1, self.depth - 1))
        return Hierarchy(self.names, (own[0][1].reshape(-1), *above)), tuple(kept)

    def sizes(self, level: int) -> Index:
        """Number of atoms in each group of a level."""
        return self._sizes[level]

    @cached_property
    def _ancestors(self) -> list[dict[int, Index]]:
        table: list[dict[int, Index]] = []
        for fine in range(self.depth):
            row = {fine: np.arange(self.counts[fine])}
            for coarse in range(fine + 1, self.depth):
                row[coarse] = self.parents[coarse - 1][row[coarse - 1]]
            table.append(row)
        return table

    @cached_property
    def _sizes(self) -> tuple[Index, ...]:
        return tuple(np.bincount(self.ancestors(0, level), minlength=self.counts[level]) for level in range(self.depth))

    def __repr__(self) -> str:
        levels = ", ".join(f"{count:,} {name}s" for name, count in zip(self.names, self.counts, strict=True))
        return f"Hierarchy({levels})"


def _first_appearance(keys: NDArray[np.generic]) -> Index:
    """Number equal keys (rows) 0, 1, 2, ... in the order in which they first appear."""
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]
