"""Published samplers by name: constants as in each project's own source, levels in angstrom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...base.errors import EdmNoiseError
from ...base.names import known_name
from ..names import ALIASES
from .sampler import Churn, Sampler
from .schedule import Schedule, karras

SIGMA_DATA = 16.0
"""Angstrom in a unit of these samplers' levels."""


@dataclass(frozen=True)
class Preset:
    """A published sampler.

    Attributes
    ----------
    name
        What users type.
    steps
        Its usual number, n of its own convention.
    sampler
        Solver and switches for a number of steps.
    grid
        How it lays out its levels: a name from `edmnoise.diffusion.samplers.schedule.GRIDS`.
    sigma_min, sigma_max
        Lowest and highest level, angstrom.
    rho
        How they are spaced.
    """

    name: str
    steps: int
    sampler: Callable[[int], Sampler] = field(repr=False)
    grid: str
    sigma_min: float = 4e-4 * SIGMA_DATA
    sigma_max: float = 160.0 * SIGMA_DATA
    rho: float = 7.0

    def schedule(
        self, steps: int, sigma_max: float | None = None, sigma_min: float | None = None, rho: float | None = None
    ) -> Schedule:
        """Levels for a number of steps, laid out as this sampler does; None leaves a number as published."""
        high = self.sigma_max if sigma_max is None else sigma_max
        low = self.sigma_min if sigma_min is None else sigma_min
        return karras(steps, low, high, self.rho if rho is None else rho, grid=self.grid)


def _family(
    name: str,
    grid: str,
    gamma: float = 0.8,
    gamma_min: float = 1.0,
    noise_scale: float = 1.003,
    step_scale: float = 1.5,
    smin: float = 4e-4,
    rho: float = 7.0,
    align: str = "none",
    steps: int = 200,
) -> Preset:
    """AlphaFold 3's sampler and those that differ from it in constants (its supplement, Algorithms 18 and 19)."""
    made = Sampler(
        "euler",
        Churn(gamma, above=gamma_min),
        noise_scale,
        step_scale,
        center=True,
        rotate=True,
        translate=1.0,
        align=align,
    )
    return Preset(name, steps, lambda n: made, grid, smin * SIGMA_DATA, rho=rho)


def _chai(n: int) -> Sampler:
    """Chai-1: churn as in Karras et al., on every level of its schedule, and its own second-order step."""
    churn = Churn(min(80.0 / n, 2**0.5 - 1), above=0.0, at="start")
    return Sampler("chai", churn, noise_scale=1.003, center=True, rotate=True, translate=1.0)


PRESETS = {
    preset.name: preset
    for preset in (
        _family("alphafold3", "closed"),
        _family("boltz1", "then_zero", 0.605, 1.107, 0.901, 1.638, rho=8.0, align="noisy"),
        _family("boltz2", "then_zero", smin=1e-4, align="noisy"),
        Preset("chai1", 200, _chai, "midpoint", sigma_max=80.0 * SIGMA_DATA),
        _family("protenix", "closed_zero"),
        _family("openfold3", "closed"),
    )
}
"""Published samplers by name."""


def sampler_preset(name: str) -> Preset:
    """A published sampler by name, as people write it; EdmNoiseError lists the names for an unknown one.

    Examples
    --------
    >>> boltz = sampler_preset("Boltz-2")
    >>> boltz.schedule(200)
    Schedule(200 steps: 2.56e+03, 2.48e+03, 2.41e+03, ..., 0.0016, 0 A)
    >>> boltz.sampler(200).step_scale
    1.5
    """
    known = known_name(name, PRESETS, ALIASES)
    if known is None:
        raise EdmNoiseError(f"no sampler preset {name!r}: the known ones are {', '.join(PRESETS)}")
    return PRESETS[known]
