"""sigma(t) = scale (smax^(1/rho) + t (smin^(1/rho) - smax^(1/rho)))^rho, t from 0 to 1: the levels of a sampler.

"n steps" means five things in published samplers; here a schedule is the list of its levels, highest first, and has one
step less than levels. The last level is 0 where the sampler ends on a clean structure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from ...base.errors import EdmNoiseError
from ...base.table import Column, Table
from ...noise.sigma import SigmaDistribution

GRIDS = ("then_zero", "closed", "closed_zero", "linspace", "midpoint")
"""How t is laid out for ``steps`` = n: ``then_zero`` k/(n-1) and then sigma 0 (Karras, Boltz: n steps); ``closed`` k/n
(AlphaFold 3, OpenFold 3: n steps, the last level is sigma_min); ``closed_zero`` the same with the last level set to 0
(Protenix: n steps); ``linspace`` n levels (RFdiffusion 3: n - 1 steps, the last level is sigma_min); ``midpoint``
(k + 1/2)/n (Chai-1: n - 1 steps, ends a little above sigma_min)."""


_SAME = 1e-3
"""By what share two levels may differ and still be one: levels are typed with three or four digits."""


@dataclass(frozen=True)
class Schedule:
    """Noise levels in angstrom, strictly falling, all above 0 but the last, which may be 0.

    Examples
    --------
    >>> karras(steps=3, sigma_min=0.1, sigma_max=10, rho=7)
    Schedule(3 steps: 10, 1.45, 0.1, 0 A)
    """

    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        levels = self.sigmas
        falling = all(a > b for a, b in pairwise(levels))
        if len(levels) < 2 or not falling or levels[-1] < 0 or not math.isfinite(levels[0]):
            shown = ", ".join(f"{level:.4g}" for level in levels[:6]) + (" ..." if len(levels) > 6 else "")
            raise EdmNoiseError(f"noise levels are {shown}: give two or more, each below the one before, none negative")

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.sigmas) - 1

    def below(self, sigma: float, called: str = "sigma_max") -> Schedule:
        """The rest of it from a level: that level, then all levels below it, as a structure noised to it goes back.

        A level that is nearer than a thousandth is left out: it would be a step of its own. Errors call it as given.

        Raises
        ------
        EdmNoiseError
            For a level above the first or not above the last that is not 0.

        Examples
        --------
        >>> by_hand([10, 5, 1, 0]).below(8)
        Schedule(3 steps: 8, 5, 1, 0 A)
        """
        lowest = min(level for level in self.sigmas if level > 0)
        if not (lowest < sigma * (1 - _SAME) and sigma <= self.sigmas[0]):
            raise EdmNoiseError(
                f"{called} is {sigma:g} A and the schedule goes from {self.sigmas[0]:.4g} to {lowest:.4g} A: "
                "give a level above its last and not above its first"
            )
        return Schedule((float(sigma), *(level for level in self.sigmas if level < sigma * (1 - _SAME))))

    def table(self, distribution: SigmaDistribution) -> Table:
        """The levels with their normal scores under a training distribution."""
        above_zero = [level > 0 for level in self.sigmas]
        return Table(
            f"{self.steps} steps from {self.sigmas[0]:.4g} to {self.sigmas[-1]:.4g} A",
            (
                Column("step", list(range(len(self.sigmas)))),
                Column("sigma", list(self.sigmas), "A", decimals=4),
                Column(
                    "z", [distribution.z(s) if up else math.nan for s, up in zip(self.sigmas, above_zero, strict=True)]
                ),
            ),
            {"distribution": distribution.name},
        )

    def __repr__(self) -> str:
        shown = [f"{level:.3g}" for level in self.sigmas]
        if len(shown) > 6:
            shown = [*shown[:3], "...", *shown[-2:]]
        return f"Schedule({self.steps} steps: {', '.join(shown)} A)"


def karras(
    steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0, scale: float = 1.0, grid: str = "then_zero"
) -> Schedule:
    """Levels evenly spaced in sigma^(1/rho) (Karras et al. 2022, equation 5; AlphaFold 3 supplement, equation 7).

    Parameters
    ----------
    steps
        n of the chosen grid.
    sigma_min, sigma_max
        Lowest (above 0) and highest level, in units of ``scale``.
    rho
        Above 0; large values space the levels like a geometric series.
    scale
        Angstrom in a unit of the levels; AlphaFold 3's is sigma_data.
    grid
        A name from GRIDS.
    """
    _check_range(sigma_min, sigma_max)
    for name, value in (("rho", rho), ("scale", scale)):
        if not (math.isfinite(value) and value > 0):
            raise EdmNoiseError(f"{name} is {value}: give a number above 0")
    t = _grid(steps, grid)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return _ended(scale * (high + t * (low - high)) ** rho, grid)


def log_linear(steps: int, sigma_min: float, sigma_max: float, grid: str = "then_zero") -> Schedule:
    """Levels in a geometric series, angstrom: the limit of `karras` for large rho."""
    _check_range(sigma_min, sigma_max)
    t = _grid(steps, grid)
    return _ended(np.exp((1 - t) * math.log(sigma_max) + t * math.log(sigma_min)), grid)


def by_hand(sigmas: ArrayLike) -> Schedule:
    """Levels as given, angstrom."""
    return Schedule(tuple(float(level) for level in np.ravel(np.asarray(sigmas, dtype=np.float64))))


def _grid(steps: int, grid: str) -> np.ndarray:
    if grid not in GRIDS:
        raise EdmNoiseError(f"no grid {grid!r}: the known ones are {', '.join(GRIDS)}")
    fewest = 2 if grid in ("linspace", "midpoint") else 1
    if not isinstance(steps, int) or steps < fewest:
        raise EdmNoiseError(f"steps is {steps}: give a whole number from {fewest}")
    if grid == "then_zero":
        return np.linspace(0, 1, steps) if steps > 1 else np.zeros(1)
    if grid == "linspace":
        return np.linspace(0, 1, steps)
    if grid == "midpoint":
        return (np.arange(steps) + 0.5) / steps
    return np.arange(steps + 1) / steps


def _ended(levels: np.ndarray, grid: str) -> Schedule:
    sigmas: Sequence[float] = levels.tolist()
    if grid == "then_zero":
        sigmas = [*sigmas, 0.0]
    elif grid == "closed_zero":
        sigmas = [*sigmas[:-1], 0.0]
    return Schedule(tuple(sigmas))


def _check_range(sigma_min: float, sigma_max: float) -> None:
    if not (math.isfinite(sigma_max) and 0 < sigma_min < sigma_max):
        raise EdmNoiseError(f"sigma_min is {sigma_min} and sigma_max {sigma_max}: give 0 < sigma_min < sigma_max")
