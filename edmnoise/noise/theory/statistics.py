"""E |d_a - d_B|^2 per coordinate, for group a of one level against the group B around it, in units of sigma^2.

Means of nested normal noise over atoms are normal too, so every displacement that a table shows has a closed form,
and so has its scatter from draw to draw: a mean of squares q = sum_a u_a |x_a|^2 of normal x with covariance M has
Var q = 2 sum_ab u_a u_b M_ab^2 per axis. With K = sum_k w_k S_k S_k^T and group means taken over atoms,

    Cov(d_a, d_b) = [a = b] V_a + sum_(k > l) w_k [a, b in one group of level k],
    V_a = w_l + sum_(k < l) w_k S_k(a),   S_k(a) = sum of (n_g / n_a)^2 over the groups g of level k in a,
    Cov(d_a, d_B) = sum_(k < l) w_k S_k(a) n_a / n_B + sum_(l <= k < m) w_k n_g(a) / n_B + sum_(k >= m) w_k.

Everything below is O(groups), for any number of levels and any group sizes, in float64.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.hierarchy import Hierarchy
from ..weights import Weights, level_values

Array = NDArray[np.float64]

_ROUNDING = 1e-7
"""Relative scatter below which only the rounding of a difference of equal sums is left."""

_NOTHING = 1e-14
"""Relative size of what rounding leaves where a group is all of its parent, and does not move within it."""

_SIMULATED_NUMBERS = 1 << 18
"""Kinds of residues drawn at a time by the simulation of the ratio's scatter (bounds its memory)."""

PICKED = 64
"""Frames past which the ratio's scatter falls with the root of their number, and its bias with their number."""


_last: weakref.WeakKeyDictionary[Hierarchy, tuple[tuple[float, ...], NoiseStatistics]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, repr=False)
class Expected(Legible):
    """Closed form of a mean square displacement per coordinate, in units of sigma^2.

    Attributes
    ----------
    each
        (groups,) expectation for each group.
    mean
        Their mean (over groups, or over atoms where asked): what a table's row shows, squared.
    sd
        Standard deviation of that mean in ONE draw, x, y and z averaged; over S draws it is sd / sqrt(S).
    """

    each: Array
    mean: float
    sd: float

    def rms(self, sigma: float = 1.0) -> float:
        """Root mean square per coordinate at a noise level, angstrom."""
        return sigma * math.sqrt(max(self.mean, 0.0))

    def rms_sd(self, draws: int = 1, sigma: float = 1.0) -> float:
        """Scatter of the RMS measured over ``draws`` frames, angstrom.

        The mean square is taken as a scaled chi-square with its first two moments (Satterthwaite 1946): exact where
        all groups scatter alike, as for the centre of a single chain.
        """
        if self.sd <= _ROUNDING * self.mean or self.mean <= 0:
            return 0.0
        freedom = 2 * draws * (self.mean / self.sd) ** 2
        mean_over_rms = math.sqrt(2 / freedom) * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
        return (
            self.rms(sigma) * math.sqrt(max(1 - mean_over_rms**2, 0.0))
            if freedom < 1e6
            else self.rms(sigma) / math.sqrt(2 * freedom)
        )


class NoiseStatistics:
    """Closed forms of one noise (nested groups and their weights).

    Parameters
    ----------
    hierarchy
        Nested groups.
    weights
        Variance of each level in units of sigma^2: `Weights`, or a dictionary by the level's name for groups of any
        depth.

    Raises
    ------
    EdmNoiseError
        For weights that are bare numbers, or name a level that is not there.

    Examples
    --------
    >>> import numpy as np
    >>> atoms_in_residues, residues_in_chain = np.arange(12) // 4, np.zeros(3, dtype=int)
    >>> hierarchy = Hierarchy(("atom", "residue", "chain"), (atoms_in_residues, residues_in_chain))
    >>> flat = NoiseStatistics(hierarchy, {"atom": 1.0})
    >>> flat.displacement(1).mean  # the centre of four independent atoms
    0.25
    """

    def __init__(self, hierarchy: Hierarchy, weights: Weights | Mapping[str, float]) -> None:
        # The whole structure is a group above the top level, without noise of its own: centring subtracts its mean.
        self._parents = [*hierarchy.parents, np.zeros(hierarchy.counts[-1], dtype=np.int64)]
        self._counts = [*hierarchy.counts, 1]
        self._sizes: list[Array] = [hierarchy.sizes(k).astype(np.float64) for k in range(hierarchy.depth)]
        self._sizes.append(np.array([float(hierarchy.counts[0])]))
        self._weights = [*level_values(hierarchy, weights), 0.0]
        self._homes: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._finer: dict[int, Array] = {}
        self._displacements: dict[tuple[int, int | None, bool], Expected] = {}
        self._scatters: dict[tuple[int, int], tuple[float, float]] = {}
        self._names = hierarchy.names
        self.whole = hierarchy.depth
        """Number of the level that holds everything, for ``relative_to``."""

    @classmethod
    def of(cls, hierarchy: Hierarchy, weights: Weights | Mapping[str, float]) -> NoiseStatistics:
        """The same, kept with what it has computed until other weights of the hierarchy are asked for.

        Whoever moves sigma asks again and again for what does not depend on it.
        """
        last, values = _last.get(hierarchy), level_values(hierarchy, weights)
        if last is None or last[0] != values:
            last = _last[hierarchy] = values, cls(hierarchy, weights)
        return last[1]

    def __repr__(self) -> str:
        levels = zip(self._names, self._weights, self._counts, strict=False)
        return f"NoiseStatistics({', '.join(f'{name} {w:.4g} on {count:,}' for name, w, count in levels)})"

    def displacement(self, level: int, relative_to: int | None = None, over_atoms: bool = False) -> Expected:
        """Mean square displacement of the groups of a level.

        Parameters
        ----------
        level
            Level of the groups: 0 for atoms.
        relative_to
            A coarser level whose centre is subtracted, `whole` for the centre of all atoms; None: absolute.
        over_atoms
            Weigh each group by its atoms (the parts that add up to sigma^2) instead of counting groups equally.
        """
        if relative_to is not None and not level < relative_to <= self.whole:
            raise EdmNoiseError(f"level {level} cannot be measured relative to level {relative_to}: name a coarser one")
        asked = level, relative_to, over_atoms
        if asked not in self._displacements:
            self._displacements[asked] = self._displacement(*asked)
        return self._displacements[asked]

    def _displacement(self, level: int, relative_to: int | None, over_atoms: bool) -> Expected:
        own, sizes = self._own_variance(level), self._sizes[level]
        share = sizes / sizes.sum() if over_atoms else np.full(len(sizes), 1 / len(sizes))
        top = self.whole if relative_to is None else relative_to
        if relative_to is None:
            shift, centre = np.zeros(len(own)), np.zeros(1)
            home = np.zeros(len(own), dtype=np.int64)
        else:
            home = self._up(level, top)
            shift = self._shared_with(level, top) / self._sizes[top][home]
            centre = self._fold(level, top, shift * sizes) / self._sizes[top]
        both = own + sum(self._weights[level + 1 : top]) + centre[home]
        each = np.where(2 * shift < both * (1 - _NOTHING), both - 2 * shift, 0.0)
        squares = self._sum_of_squares(level, own, share, top)
        if relative_to is not None:
            squares += self._sum_of_shifts(level, top, own, share, shift, centre)
        variance = 2 * squares / 3
        return Expected(each, float(share @ each), math.sqrt(max(variance, 0.0)))

    def ratio(self) -> float:
        """RMS of the residue centres over the RMS of the atoms, both absolute: the limit of many draws."""
        return math.sqrt(self.displacement(1).mean / self.displacement(0).mean)

    def ratio_scatter(self, draws: int = 1, simulations: int = 256) -> tuple[float, float]:
        """Mean and standard deviation of the ratio residue/atom measured over ``draws`` frames.

        A ratio of two correlated mean squares has no closed form and is skewed where one chain carries most of the
        noise (first-order propagation gives .034 instead of .044 for weights 8.2/1.6/1.3). Instead the two mean
        squares are drawn exactly, without drawing atoms: the atoms' spread about their centres is independent of the
        centres and chi-square distributed (Cochran 1934), and so is that of the residues of one size in one chain.
        Frames are then picked from these draws. Fixed random numbers; relative error of the scatter
        1 / sqrt(2 * simulations).
        """
        asked = draws, simulations
        if asked not in self._scatters:
            self._scatters[asked] = self._ratio_scatter(*asked)
        return self._scatters[asked]

    def _ratio_scatter(self, draws: int, simulations: int) -> tuple[float, float]:
        rng = np.random.default_rng(0)
        atoms, residues = self._counts[0], self._counts[1]
        coarse, fine = self._draw_squares(rng, simulations)
        fine += 2 * self._weights[0] * rng.standard_gamma(1.5 * (atoms - residues), simulations) / (3 * atoms)
        # The means are known: with them put right, what is left of the simulation's own scatter is in the spread.
        residue, atom = self.displacement(1).mean, self.displacement(0).mean
        coarse *= residue / coarse.mean()
        fine *= atom / fine.mean()
        few = min(draws, PICKED)
        picks = rng.integers(0, simulations, (1024, few)) if few > 1 else np.arange(simulations)[:, None]
        ratios = np.sqrt(coarse[picks].mean(axis=1) / fine[picks].mean(axis=1))
        limit = math.sqrt(residue / atom)
        return limit + (float(ratios.mean()) - limit) * few / draws, float(ratios.std()) * math.sqrt(few / draws)

    def _draw_squares(self, rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
        """(draws,) mean squares of the residue centres, each counted equally and each by its atoms.

        Of m residues alike only the sum of their own vectors e and of |e|^2 matter, N(0, m v) and |sum e|^2 / m +
        v chi-square(3 m - 3): a structure of any size has few kinds of residues.
        """
        residues, span = self._counts[1], int(self._sizes[1].max()) + 1
        kinds, alike = np.unique(self._parents[1] * span + self._sizes[1].astype(np.int64), return_counts=True)
        home, size = kinds // span, kinds % span
        own = self._weights[1] + self._weights[0] / size
        coarse, fine = np.empty(draws), np.empty(draws)
        rows = max(1, _SIMULATED_NUMBERS // (len(kinds) + self._counts[2]))
        for start in range(0, draws, rows):
            part = slice(start, min(start + rows, draws))
            count = part.stop - start
            around = np.zeros((count, 3, 1))
            for k in range(self.whole - 1, 1, -1):
                numbers = rng.standard_normal((count, 3, self._counts[k]))
                around = around[:, :, self._parents[k]] + math.sqrt(self._weights[k]) * numbers
            sums = np.sqrt(alike * own) * rng.standard_normal((count, 3, len(kinds)))
            squares = 2 * own * rng.standard_gamma(1.5 * (alike - 1), (count, len(kinds)))
            squares += (sums * (sums / alike + 2 * around[:, :, home])).sum(axis=1)
            squares += alike * (around**2).sum(axis=1)[:, home]
            coarse[part], fine[part] = squares.sum(axis=1) / residues, squares @ size / self._counts[0]
        return coarse / 3, fine / 3

    def _up(self, fine: int, coarse: int) -> NDArray[np.int64]:
        if (fine, coarse) not in self._homes:
            below = np.arange(self._counts[fine]) if fine == coarse else self._up(fine, coarse - 1)
            self._homes[fine, coarse] = below if fine == coarse else self._parents[coarse - 1][below]
        return self._homes[fine, coarse]

    def _fold(self, fine: int, coarse: int, values: Array) -> Array:
        """Sum values of a level over the members of each group of a coarser one."""
        return np.bincount(self._up(fine, coarse), values, self._counts[coarse]).astype(np.float64, copy=False)

    def _own_variance(self, level: int) -> Array:
        """V_a: the variance that no other group of the level shares."""
        return self._below(level) / self._sizes[level] ** 2 + self._weights[level]

    def _shared_with(self, level: int, top: int) -> Array:
        """n_B Cov(d_a, d_B), less the levels from ``top`` up, which a and B share whole."""
        shared = self._below(level) / self._sizes[level]
        for k in range(level, top):
            shared += self._weights[k] * self._sizes[k][self._up(level, k)]
        return shared

    def _below(self, level: int) -> Array:
        """n_a^2 times the variance that the finer levels leave to the mean of a group."""
        if level not in self._finer:
            below = np.zeros(self._counts[level])
            for k in range(level):
                below += self._weights[k] * self._fold(k, level, self._sizes[k] ** 2)
            self._finer[level] = below
        return self._finer[level]

    def _sum_of_squares(self, level: int, own: Array, share: Array, top: int) -> float:
        """sum_ab u_a u_b T_ab^2 with T_ab = [a = b] own_a + sum_k w_k [a, b in one group of k], level < k < top."""
        w = {k: self._weights[k] for k in range(level + 1, top)}
        # Two levels share the pairs of the finer one's groups.
        held = {k: float(np.sum(self._fold(level, k, share) ** 2)) for k in w}
        crossed = sum(w[j] * w[k] * held[min(j, k)] for j in w for k in w)
        return float(np.sum(share**2 * own * (own + 2 * sum(w.values())))) + crossed

    def _sum_of_shifts(self, level: int, top: int, own: Array, share: Array, shift: Array, centre: Array) -> float:
        """What sum_ab u_a u_b M_ab^2 has more than T's, with M_ab = T_ab - shift_a - shift_b + centre_B inside B."""
        home = self._up(level, top)
        total = 2 * float(np.sum(share**2 * own * (centre[home] - 2 * shift)))
        for k in range(level + 1, top):
            held, moved = self._fold(level, k, share), self._fold(level, k, share * shift)
            total += 2 * self._weights[k] * float(np.sum(held**2 * centre[self._up(k, top)] - 2 * held * moved))
        u, uc, ucc = (self._fold(level, top, share * shift**power) for power in (0, 1, 2))
        return total + float(np.sum(u**2 * centre**2 + 2 * u * ucc + 2 * uc**2 - 4 * u * centre * uc))
