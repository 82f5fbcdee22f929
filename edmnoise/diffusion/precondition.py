"""D = c_skip x + c_out F(c_in x; c_noise), level by level: what EDM's preconditioning becomes when noise has levels.

Coordinates are taken about the mean of all atoms, data and noise alike, and split by plain means into chain average,
residue average less its chain's, atom less its residue's; domains lie between, where there are any. The noise puts nu
of sigma^2 on a part and the data delta (mean squares per coordinate over atoms; the shares nu add up to 1 less the
share of the overall shift, which no model of a shape can know), so the best scalar for the part is

    c_skip = delta / (delta + sigma^2 nu), c_out = sigma sqrt(delta nu / (delta + sigma^2 nu)),
    c_in = 1 / sqrt(delta + sigma^2 nu),   c_noise = ln(sigma / sigma_data) / 4.

Where groups of a level are equally large these scalars are the exact Wiener filter C (C + sigma^2 K)^-1; for unequal
ones the filter itself is O(N) (`exact_filter`), and the cost of every rule is a trace that is O(N) too. A single
chain has no part of its own: its coefficients are 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..noise.process import NoiseChoice, Statistics, check_linear
from ..noise.processes.nested import NestedCovariance
from ..noise.sigma import check_sigma
from ..noise.theory.scales import Scales, split
from ..noise.theory.statistics import NoiseStatistics
from ..noise.weights import Weights, check_weights
from ..structure.hierarchy import Hierarchy, as_read, check_levels
from ..structure.structure import Structure
from .names import RULES

_ROUNDING = 1e-12
"""Error over the data's variance that is nothing but rounding."""


@dataclass(frozen=True, repr=False)
class Coefficients(Legible):
    """EDM's four, one for each part, finest first."""

    c_skip: tuple[float, ...]
    c_out: tuple[float, ...]
    c_in: tuple[float, ...]
    c_noise: float


_NOTHING = 1e-30
"""Share of the variance that stands for 0 where it is divided by."""

_LEAST = 1e-12
"""Share of the variance below which a part has none, but for rounding: a single chain's own."""


class Preconditioner:
    """Per-level preconditioning for one structure, noise and data.

    Parameters
    ----------
    hierarchy
        Atoms in residues (in domains) in chains.
    weights
        Shares of the noise; see `of` for noise that has none.
    scales
        Data scale of each part.

    Raises
    ------
    EdmNoiseError
        For scales that are negative, not finite or all zero, and for groups of other levels.
    """

    def __init__(self, hierarchy: Hierarchy, weights: Weights, scales: Scales) -> None:
        if not all(math.isfinite(scale) and scale >= 0 for scale in scales.by_level) or scales.total <= 0:
            given = ", ".join(f"{scale:g}" for scale in as_read(scales.by_level))
            raise EdmNoiseError(
                f"data scales are {given} A: give finite numbers, none negative, not all zero as those of one atom are"
            )
        check_levels(hierarchy)
        self.hierarchy, self.weights, self.scales = hierarchy, check_weights(weights), scales
        self.noise = NoiseChoice.of(weights)
        self._scales = scales.on(hierarchy.names)
        self.nu = part_shares(hierarchy, weights)
        self.delta = part_shares(hierarchy, self.data_variances())

    @classmethod
    def of(cls, noise: Weights | NoiseChoice, structure: Structure, scales: Scales) -> Preconditioner:
        """For any linear noise of a structure: where it has no weights, nu are traces of its K.

        Rules are made of weights then but for finite and global, and so is the exact filter. `ForwardOnly` for noise
        that is not linear Gaussian.
        """
        chosen = check_linear(NoiseChoice.of(noise))
        made = cls(structure.hierarchy, chosen.weights, scales)
        if not chosen.weighted:
            made.noise, made.nu = chosen, _shares(chosen.on(structure).statistics, structure.hierarchy)
        return made

    def __repr__(self) -> str:
        named = zip(self.hierarchy.parts, self._scales, strict=True)
        scales = ", ".join(f"{part} {scale:.3f} A" for part, scale in named)
        return f"Preconditioner({self.noise.said}, data {scales})"

    @property
    def rules(self) -> tuple[str, ...]:
        """Those that this noise has: without weights, none is made of them."""
        return tuple(RULES) if self.noise.weighted else ("finite", "global")

    def coefficients(self, sigma: float, rule: str = "finite") -> Coefficients:
        """c_skip, c_out, c_in of each part and c_noise at a noise level in angstrom."""
        check_sigma(sigma)
        noise, data = self._variances(sigma, rule)
        # A part without data and noise, as a single chain's own, has nothing that could be scaled.
        inverse = [1 / (d + n) if d + n else 0.0 for d, n in zip(data, noise, strict=True)]
        return Coefficients(
            tuple(d * t for d, t in zip(data, inverse, strict=True)),
            tuple(math.sqrt(d * n * t) for d, n, t in zip(data, noise, inverse, strict=True)),
            tuple(map(math.sqrt, inverse)),
            math.log(sigma / self.scales.total) / 4,
        )

    def _variances(self, sigma: float, rule: str) -> tuple[list[float], list[float]]:
        """Noise and data variance that a rule gives each part, angstrom^2."""
        shares, data = self.by_rule(rule)
        return [sigma**2 * share for share in shares], list(data)

    def by_rule(self, rule: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Share of sigma^2 and data variance (angstrom^2) that a rule gives each part, finest first."""
        if rule not in RULES:
            raise EdmNoiseError(f"no rule {rule!r}: the known ones are {', '.join(RULES)}")
        if rule not in self.rules:
            raise EdmNoiseError(
                f"the rule {rule} is made of weights, and {self.noise.said} has none: give {' or '.join(self.rules)}"
            )
        own = self.weights.on(self.hierarchy.names)
        shares = {
            "finite": self.nu,
            "increment": own,
            "cumulative": tuple(sum(own[level:]) for level in range(len(own))),
            "global": (1.0,) * len(own),
        }[rule]
        return shares, (sum(self.delta),) * len(own) if rule == "global" else self.delta

    def check_trainable(self, rule: str) -> None:
        """EdmNoiseError where a rule says of a part that moves that it has no noise: c_out = 0 silences any network."""
        shares, _ = self.by_rule(rule)
        mute = [
            part for part, share, nu in zip(self.hierarchy.parts, shares, self.nu, strict=True) if nu > 0 and share <= 0
        ]
        if mute:
            raise EdmNoiseError(
                f"the rule {rule} gives {' and '.join(as_read(mute))} c_out = 0 under the weights "
                f"{self.weights.label}: no network can denoise what it cannot change; give finite or global"
            )

    def filtered(self, x: Tensor, sigma: float, rule: str = "finite") -> Tensor:
        """sum over parts of c_skip times the part: the estimate of a network that says nothing; (..., N), centred."""
        skip = self.coefficients(sigma, rule).c_skip
        parts = split(x - x.mean(dim=-1, keepdim=True), self.hierarchy)
        found = skip[0] * parts[0]
        for scale, part in zip(skip[1:], parts[1:], strict=True):
            found = found + scale * part
        return found

    def error(self, sigma: float, rule: str = "finite") -> float:
        """Mean square error per coordinate of `filtered`, angstrom^2, for data of these scales.

        The data is nested and normal with the level variances of `data_variances`, so the error is exact: the parts are
        orthogonal projections, and each errs by (1 - c_skip)^2 of its data and c_skip^2 of its noise.
        """
        skip = self.coefficients(sigma, rule).c_skip
        parts = zip(skip, self.delta, self.nu, strict=True)
        return sum((1 - c) ** 2 * data + (c * sigma) ** 2 * noise for c, data, noise in parts)

    def exact_error(self, sigma: float) -> float:
        """Mean square error per coordinate of `exact_filter`: tr H (C - C Q C) H / N, with the Q and H of that.

        EdmNoiseError for noise without weights, whose filter is not nested.

        With M = C + sigma^2 K the traces grow group by group, from the atoms up. Of the groups inside a group known are
        the sums q, a, e, t, b of 1^T M^-1 1, 1^T C M^-1 1, |C M^-1 1|^2, tr C M^-1 C and 1^T C M^-1 C 1. Its own level
        adds c 1 1^T to C and m 1 1^T to M, over n atoms; with s = 1 / (1 + m q) (Sherman and Morrison 1950)

            q' = s q,  a' = s (a + c n q),  e' = s^2 (e + 2 c q a + n c^2 q^2),
            t' = t + s (2 c a + n c^2 q) - m s e,  b' = b + s (2 c n a + n^2 c^2 q) - m s a^2.
        """
        self._check_nested()
        hierarchy, data = self.hierarchy, self.hierarchy.by_level(self.data_variances(), 0.0)
        shares = self.weights.on(hierarchy.names)
        total = [c + check_sigma(sigma) ** 2 * w for c, w in zip(data, shares, strict=True)]
        least = max(total[0], _NOTHING * sum(total))  # atoms without variance: as good as none
        n, own = hierarchy.sizes(1).astype(float), data[0] / least
        q, a, e, t, b = (n * each for each in (1 / least, own, own**2, data[0] * own, data[0] * own))
        for level in range(1, hierarchy.depth):
            c, m, n = data[level], total[level], hierarchy.sizes(level).astype(float)
            if level > 1:
                q, a, e, t, b = (_fold(each, hierarchy, level) for each in (q, a, e, t, b))
            s = 1 / (1 + m * q)
            t = t + s * (2 * c * a + n * c**2 * q) - m * s * e
            b = b + s * (2 * c * n * a + n**2 * c**2 * q) - m * s * a**2
            e = s**2 * (e + 2 * c * q * a + n * c**2 * q**2)
            q, a = s * q, s * (a + c * n * q)
        atoms, flow, pull = hierarchy.counts[0], q.sum(), a.sum()
        squares = sum(c * (hierarchy.sizes(k).astype(float) ** 2).sum() for k, c in enumerate(data))
        # What centring takes, 1^T (C - C M^-1 C) 1 / N, and what the unknown shift gives back, |H C M^-1 1|^2 / q.
        shift, spread = (squares - b.sum()) / atoms, (e.sum() - pull**2 / atoms) / flow
        return float(atoms * sum(data) - t.sum() - shift + spread) / atoms

    def exact_filter(self, x: Tensor, sigma: float) -> Tensor:
        """The best linear estimate of the centred data from (..., N), in O(N): H C Q x with M = C + sigma^2 K and

        Q = M^-1 - M^-1 1 1^T M^-1 / 1^T M^-1 1, the pseudo-inverse of M centred on both sides by H = 1 - 1 1^T / N.
        """
        self._check_nested()
        data = NestedCovariance(self.hierarchy, self.data_variances())
        noisy = data + check_sigma(sigma) ** 2 * NestedCovariance(self.hierarchy, self.weights)
        found = data.multiply(noisy.solve(x - noisy.gls_mean(x)[..., None]))
        return found - found.mean(dim=-1, keepdim=True)

    def _check_nested(self) -> None:
        if not self.noise.weighted:
            raise EdmNoiseError(f"{self.noise.said} is not nested: only noise with weights has the exact filter")

    def data_variances(self) -> dict[str, float]:
        """Variance by level of nested normal data whose parts have the data scales; 0 where a part is too small.

        The parts' mean squares are linear in the level variances, as the noise's are in its weights.
        """
        return level_variances(self.hierarchy, [scale**2 for scale in self._scales])


def level_variances(hierarchy: Hierarchy, squares: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """Variance by level of centred nested normal numbers whose parts have these mean squares, finest first.

    0 where a part is too small for what finer levels leave in it: the nearest in least squares.
    """
    from scipy.optimize import nnls  # 40 ms to import, and only this needs it

    mixing = np.array([part_shares(hierarchy, {level: 1.0}) for level in hierarchy.names]).T
    return dict(zip(hierarchy.names, nnls(mixing, np.asarray(squares))[0].tolist(), strict=True))


def _fold(values: NDArray[np.float64], hierarchy: Hierarchy, level: int) -> NDArray[np.float64]:
    """Sums over the groups of a level of values of the groups in them."""
    return np.bincount(hierarchy.parents[level - 1], values, hierarchy.counts[level]).astype(np.float64, copy=False)


def part_shares(hierarchy: Hierarchy, variances: Weights | Mapping[str, float]) -> tuple[float, ...]:
    """Mean square of each part over atoms, finest first, for centred nested normal numbers with these level variances.

    Of noise weights it is nu, the share of an atom's noise variance in each part. EdmNoiseError for groups of other
    levels than `check_levels` takes.
    """
    check_levels(hierarchy)
    return _shares(NoiseStatistics(hierarchy, variances), hierarchy)


def _shares(statistics: Statistics, hierarchy: Hierarchy) -> tuple[float, ...]:
    parts = [statistics.displacement(k, k + 1, over_atoms=True).mean for k in range(hierarchy.depth)]
    return tuple(part if part > _LEAST * sum(parts) else 0.0 for part in parts)


def _excess(error: float, floor: float, of: float) -> float:
    """Per cent over the least error; NaN where that is rounding of the data's variance, as for noise that shifts the
    whole alone."""
    return 100 * (error / floor - 1) if floor > _ROUNDING * of else math.nan


def precondition_table(made: Preconditioner, sigmas: Sequence[float], rule: str = "finite") -> Table:
    """c_skip, c_out, c_in of each part and c_noise over noise levels, with what each rule costs in error.

    It costs that over the exact filter, or, for noise without weights, over the best scalars, those of finite.
    """
    rows = [made.coefficients(sigma, rule) for sigma in sigmas]
    columns = [Column("sigma", list(sigmas), "A", decimals=4)]
    for index, part in as_read(enumerate(made.hierarchy.names)):
        columns += [Column(f"c_skip {part}", [row.c_skip[index] for row in rows], decimals=4)]
        columns += [Column(f"c_out {part}", [row.c_out[index] for row in rows], "A", decimals=4)]
        columns += [Column(f"c_in {part}", [row.c_in[index] for row in rows], "1/A", decimals=4)]
    columns.append(Column("c_noise", [row.c_noise for row in rows], decimals=4))
    least, over = (made.exact_error, "the exact filter") if made.noise.weighted else (made.error, "the rule finite")
    best = [least(sigma) for sigma in sigmas]
    for name in made.rules if made.noise.weighted else made.rules[1:]:
        errors = [made.error(sigma, name) for sigma in sigmas]
        excess = [_excess(error, floor, sum(made.delta)) for error, floor in zip(errors, best, strict=True)]
        columns.append(Column(f"excess error {name}", excess, "%", decimals=3, help=f"over {over}"))
    title = f"preconditioning by level, rule {rule}, {made.noise.said}"
    measured = as_read(zip(made.hierarchy.parts, made.scales.on(made.hierarchy.names), strict=True))
    notes = [f"data scales: {', '.join(f'{part} {scale:.2f}' for part, scale in measured)} A"]
    if not made.noise.weighted:
        notes.append("Excess error: over the rule finite, the best scalars; noise without weights has no exact filter.")
    return Table(title, tuple(columns), {"rule": rule}, tuple(notes))
