"""A sampler by name, a solver's or a published one's, and what of it is changed -> its schedule and its switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..base.errors import EdmNoiseError
from ..diffusion.presets import PRESETS, SIGMA_DATA, preset
from ..diffusion.sampler import Churn, Sampler
from ..diffusion.schedule import Schedule, karras
from ..diffusion.solvers import SOLVERS

DEFAULT_STEPS = 40
SIGMA_MIN, SIGMA_MAX, RHO = 4e-4 * SIGMA_DATA, 160.0 * SIGMA_DATA, 7.0
"""Lowest and highest level in angstrom and their spacing where none is given: AlphaFold 3's."""


@dataclass(frozen=True)
class SamplerChoice:
    """A solver or published sampler by name; None leaves a thing as it is.

    Parameters
    ----------
    name
        A name from `edmnoise.diffusion.solvers.SOLVERS` or `edmnoise.diffusion.presets.PRESETS`.
    steps, rho, churn, step_scale, noise_scale
        Numbers without a unit.
    sigma_max, sigma_min
        Highest and lowest level, angstrom.
    center, augment, align
        Whether samples are centred, turned at random, and superposed on the denoised estimate before a step.
    level_weights
        How far the denoiser's residue and chain centres replace those of its atoms in the step, each from 0 to 1.
    """

    name: str = "heun"
    steps: int | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    rho: float | None = None
    churn: float | None = None
    step_scale: float | None = None
    noise_scale: float | None = None
    center: bool | None = None
    augment: bool | None = None
    align: bool | None = None
    level_weights: Sequence[float] = (0.0, 0.0)

    def build(self) -> tuple[Schedule, Sampler]:
        """The schedule and the sampler; EdmNoiseError for an unknown name or values that do not fit."""
        if self.name in PRESETS:
            published = preset(self.name)
            steps = published.steps if self.steps is None else self.steps
            schedule = published.schedule(steps, self.sigma_max, self.sigma_min, self.rho)
            sampler = published.sampler(steps)
        elif self.name in SOLVERS:
            schedule = self._levels(DEFAULT_STEPS if self.steps is None else self.steps)
            sampler = Sampler(self.name, center=True, rotate=True, translate=0.0)
        else:
            raise EdmNoiseError(f"no sampler {self.name!r}: the known ones are {', '.join([*SOLVERS, *PRESETS])}")
        if self.churn is not None:
            churn = replace(sampler.churn, gamma=self.churn) if self.name in PRESETS else Churn(self.churn)
            sampler = replace(sampler, churn=churn)
        if self.step_scale is not None:
            sampler = replace(sampler, step_scale=self.step_scale)
        if self.noise_scale is not None:
            sampler = replace(sampler, noise_scale=self.noise_scale)
        if self.center is not None:
            sampler = replace(sampler, center=self.center)
        if self.augment is not None:
            sampler = replace(sampler, rotate=self.augment, translate=sampler.translate if self.augment else 0.0)
        if self.align is not None:
            sampler = replace(sampler, align="denoised" if self.align else "none")
        if len(self.level_weights) != 2:
            raise EdmNoiseError(f"level_weights are {list(self.level_weights)}: give two numbers, residue and chain")
        residue, chain = self.level_weights
        return schedule, replace(sampler, residue_weight=residue, chain_weight=chain)

    def _levels(self, steps: int) -> Schedule:
        high = SIGMA_MAX if self.sigma_max is None else self.sigma_max
        low = SIGMA_MIN if self.sigma_min is None else self.sigma_min
        return karras(steps, low, high, RHO if self.rho is None else self.rho)

    def usual(self) -> dict[str, str]:
        """What each argument is where it is left out, as text that a command takes."""
        _, sampler = SamplerChoice(self.name, self.steps).build()
        published = PRESETS.get(self.name)
        numbers = {
            "steps": published.steps if published else DEFAULT_STEPS,
            "sigma_max": published.sigma_max if published else SIGMA_MAX,
            "sigma_min": published.sigma_min if published else SIGMA_MIN,
            "rho": published.rho if published else RHO,
            "churn": sampler.churn.gamma,
            "step_scale": sampler.step_scale,
            "noise_scale": sampler.noise_scale,
            "center": int(sampler.center),
            "augment": int(sampler.rotate),
            "align": int(sampler.align != "none"),
        }
        return {name: f"{number:.4g}" for name, number in numbers.items()}
