"""E |d_a - d_B|^2 per coordinate for any covariance K that sums over pairs within groups: V_a - 2 Cov(d_a, d_B) + V_B.

With h_i = sum of K_ij over the atoms j of i's group, a group's centre has V = sum_i h_i / n^2, and its covariance with
the centre of the group B around it is the mean of B's h over its atoms, over n_B: all of it O(N) where h is. The
scatter from draw to draw has no such form: frames are drawn, with fixed random numbers, and it is theirs, with a
relative error of 1 / sqrt(2 frames).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Hierarchy, Index
from ...structure.levels import atom_means
from ..covariance import Covariance
from .statistics import PICKED, Expected

Array = NDArray[np.float64]

_FRAMES = 1024
_NUMBERS = 1 << 24
"""Frames that the scatter is taken from, and the normal numbers that are drawn for it at most."""

_FEWEST = 16

_NOTHING = 1e-12
"""Relative size of what rounding leaves where a group is all of its parent, and does not move within it."""


class Summed(Covariance, Protocol):
    """A covariance that sums over pairs of atoms of one group."""

    @property
    def diagonal(self) -> Array:
        """(N,) K_ii."""

    def within(self, group: Index) -> Array:
        """(N,) sum of K_ij over the atoms j that have the same number in ``group`` (N,) as i."""


class LinearStatistics:
    """What noise of a covariance does at the levels of nested groups; as `NoiseStatistics`, for any linear process."""

    def __init__(self, hierarchy: Hierarchy, covariance: Summed) -> None:
        self._hierarchy, self._covariance = hierarchy, covariance
        self.whole = hierarchy.depth
        """Number of the level that holds everything, for ``relative_to``."""
        self._shared: dict[int, Array] = {}
        self._known: dict[tuple[int, int | None, bool], Expected] = {}
        self._drawn: dict[tuple[int, int | None, bool], Array] = {}

    def __repr__(self) -> str:
        return f"LinearStatistics({self._hierarchy!r}, {self._covariance!r})"

    def displacement(self, level: int, relative_to: int | None = None, over_atoms: bool = False) -> Expected:
        """Mean square displacement of the groups of a level; parameters as in `NoiseStatistics.displacement`."""
        if relative_to is not None and not level < relative_to <= self.whole:
            raise EdmNoiseError(f"level {level} cannot be measured relative to level {relative_to}: name a coarser one")
        asked = level, relative_to, over_atoms
        if asked not in self._known:
            each = self._each(level, relative_to)
            mean = float(self._share(level, over_atoms) @ each)
            sd = math.sqrt(float(np.mean((self._squares()[asked] - mean) ** 2))) if mean > 0 else 0.0
            self._known[asked] = Expected(each, mean, sd)
        return self._known[asked]

    def ratio_scatter(self, draws: int = 1) -> tuple[float, float]:
        """Mean and standard deviation of the ratio residue/atom measured over ``draws`` frames, by drawing some."""
        rng, squares = np.random.default_rng(0), self._squares()
        residue, atom = ((level, None, False) for level in (1, 0))
        fine = squares[atom] * self.displacement(0).mean / squares[atom].mean()
        coarse = squares[residue] * self.displacement(1).mean / squares[residue].mean()
        few = min(draws, PICKED)
        picks = rng.integers(0, len(fine), (1024, few)) if few > 1 else np.arange(len(fine))[:, None]
        ratios = np.sqrt(coarse[picks].mean(axis=1) / fine[picks].mean(axis=1))
        limit = math.sqrt(self.displacement(1).mean / self.displacement(0).mean)
        return limit + (float(ratios.mean()) - limit) * few / draws, float(ratios.std()) * math.sqrt(few / draws)

    def _each(self, level: int, relative_to: int | None) -> Array:
        own = self._covariance.diagonal if level == 0 else self._mean(self._h(level), level) / self._size(level)
        if relative_to is None:
            return own
        h, size = self._h(relative_to), self._size(relative_to)
        home = self._home(level, relative_to)
        both = own + (self._mean(h, relative_to) / size)[home]
        apart = both - 2 * self._mean(h, level) / size[home]
        return np.where(apart > _NOTHING * both, apart, 0.0)

    def _h(self, level: int) -> Array:
        if level not in self._shared:
            self._shared[level] = self._covariance.within(self._home(0, level))
        return self._shared[level]

    def _mean(self, values: Array, level: int) -> Array:
        return np.bincount(self._home(0, level), values) / self._size(level)

    def _home(self, fine: int, coarse: int) -> Index:
        if coarse < self.whole:
            return self._hierarchy.ancestors(fine, coarse)
        return np.zeros(1 if fine == self.whole else self._hierarchy.counts[fine], dtype=np.int64)

    def _size(self, level: int) -> Array:
        return np.bincount(self._home(0, level)).astype(np.float64)

    def _share(self, level: int, over_atoms: bool) -> Array:
        size = self._size(level)
        return size / size.sum() if over_atoms else np.full(len(size), 1 / len(size))

    def _squares(self) -> dict[tuple[int, int | None, bool], Array]:
        """For every displacement that can be asked for its mean square in each of some frames."""
        if not self._drawn:
            atoms, generator = self._hierarchy.counts[0], torch.Generator("cpu").manual_seed(0)
            frames = min(_FRAMES, max(_FEWEST, _NUMBERS // (3 * atoms)))
            rows = max(1, (1 << 20) // (3 * atoms))
            found = []
            for start in range(0, frames, rows):
                room = torch.empty(min(rows, frames - start), 3, atoms, device="cpu", dtype=torch.float32)
                found.append(self._measured(self._covariance.draw(room, generator)))
            self._drawn = {asked: np.concatenate([some[asked] for some in found]) for asked in found[0]}
        return self._drawn

    def _measured(self, frames: torch.Tensor) -> dict[tuple[int, int | None, bool], Array]:
        levels = range(self.whole)
        means = {k: x.double().numpy() for k, x in atom_means(frames, self._hierarchy, levels).items()}
        means[self.whole] = frames.double().mean(dim=-1, keepdim=True).numpy()
        squares = {}
        for level in levels:
            for top in (None, *range(level + 1, self.whole + 1)):
                moved = means[level] if top is None else means[level] - means[top][..., self._home(level, top)]
                each = np.square(moved).mean(axis=1)
                for over_atoms in (False, True):
                    squares[level, top, over_atoms] = each @ self._share(level, over_atoms)
        return squares
