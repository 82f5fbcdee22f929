"""E[d_i.d_j] / 3 = [same body] a_i.a_j + b_i.b_j, for any vectors a and b: mean square displacements of groups.

A group's centre is the mean over its atoms, so that its moments are those of sums: of a over each piece that lies in
one body, and of b over the whole. O(N), float64.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Hierarchy, Index
from .statistics import Expected

Array = NDArray[np.float64]


class SecondMoments:
    """Closed forms of displacements of which second moments alone are known: no scatter from draw to draw.

    Parameters
    ----------
    hierarchy
        Nested groups.
    body
        (N,) the body of each atom.
    own, common
        (N, k) and (N, m) vectors a and b of each atom, in units of sigma.
    """

    def __init__(self, hierarchy: Hierarchy, body: Index, own: Array, common: Array) -> None:
        self._hierarchy, self._body, self._own, self._common = hierarchy, body, own, common
        self.whole = hierarchy.depth
        """Number of the level that holds everything, for ``relative_to``."""

    def restricted(self, hierarchy: Hierarchy, atoms: Index) -> SecondMoments:
        """The same of some of the atoms (n,), in their own groups."""
        return SecondMoments(hierarchy, self._body[atoms], self._own[atoms], self._common[atoms])

    def displacement(self, level: int, relative_to: int | None = None, over_atoms: bool = False) -> Expected:
        """Mean square displacement of the groups of a level; parameters as in `NoiseStatistics.displacement`."""
        if relative_to is not None and not level < relative_to <= self.whole:
            raise EdmNoiseError(f"level {level} cannot be measured relative to level {relative_to}: name a coarser one")
        group, size = self._groups(level)
        each = self._products(group, group, size, size)
        if relative_to is not None:
            around, held = self._groups(relative_to)
            home = np.empty(len(size), dtype=np.int64)
            home[group] = around
            each += self._products(around, around, held, held)[home]
            each -= 2 * self._products(group, around, size, held)
        each = np.maximum(each, 0.0)
        share = size / size.sum() if over_atoms else np.full(len(size), 1 / len(size))
        return Expected(each, float(share @ each), math.nan)

    def ratio_scatter(self, draws: int = 1) -> tuple[float, float]:
        """The ratio residue/atom in the limit of many draws; its scatter is not known."""
        return math.sqrt(self.displacement(1).mean / self.displacement(0).mean), math.nan

    def _groups(self, level: int) -> tuple[Index, Array]:
        """The group of each atom (N,), and how many atoms each group has."""
        atoms = self._hierarchy.counts[0]
        whole = np.zeros(atoms, dtype=np.int64)
        group = whole if level == self.whole else self._hierarchy.ancestors(0, level)
        return group, np.bincount(group).astype(np.float64)

    def _products(self, fine: Index, coarse: Index, fine_size: Array, coarse_size: Array) -> Array:
        """E of the centre of each fine group times that of the coarse group around it, per coordinate."""
        home = np.empty(len(fine_size), dtype=np.int64)
        home[fine] = coarse
        whole = np.sum(_sums(fine, self._common) * _sums(coarse, self._common)[home], axis=1)
        bodies = int(self._body.max()) + 1
        _, piece = np.unique(fine * bodies + self._body, return_inverse=True)
        _, around = np.unique(coarse * bodies + self._body, return_inverse=True)
        piece, around = piece.reshape(-1), around.reshape(-1)
        count = int(piece.max()) + 1
        outer, group = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        outer[piece], group[piece] = around, fine
        inner = np.sum(_sums(piece, self._own) * _sums(around, self._own)[outer], axis=1)
        return (np.bincount(group, inner) + whole) / (fine_size * coarse_size[home])


def _sums(group: Index, values: Array) -> Array:
    """(groups, k) sums of (N, k) values over the atoms of each group."""
    return np.stack([np.bincount(group, column) for column in values.T], axis=1)
