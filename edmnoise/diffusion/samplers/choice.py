"""A sampler by name, a solver's or a published one's, and what of it is changed -> its schedule and its switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.names import known_name
from ..names import ALIASES, SCHEDULES
from .presets import PRESETS, SIGMA_DATA, sampler_preset
from .sampler import Churn, Sampler
from .schedule import Schedule, by_hand, karras, log_linear
from .solvers import SOLVERS

DEFAULT_STEPS = 40
SIGMA_MIN, SIGMA_MAX, RHO = 4e-4 * SIGMA_DATA, 160.0 * SIGMA_DATA, 7.0
"""Lowest and highest level in angstrom and their spacing where none is given: AlphaFold 3's."""

_OUT_OF = {"fixed": ("center", "augment", "align"), "translation": ("augment", "align")}
"""By the gauge of a denoiser's states, what moves samples to where it takes them for something else."""


@dataclass(frozen=True, repr=False)
class SamplerChoice(Legible):
    """A solver or published sampler by name, as people write it; None leaves a thing as it is.

    Parameters
    ----------
    name
        A name from `edmnoise.diffusion.samplers.solvers.SOLVERS` or `edmnoise.diffusion.samplers.presets.PRESETS`.
    steps, rho, churn, step_scale, noise_scale
        Numbers without a unit.
    sigma_max, sigma_min
        Highest and lowest level, angstrom.
    start
        What is noised to ``sigma_max`` and goes back from there, as a user calls it: the levels are then those of the
        whole schedule that lie below, as in RFdiffusion 3, and not a schedule of their own. Levels one by one begin
        with the first where no ``sigma_max`` is given.
    schedule
        How the levels lie: "karras" (by rho), "log_linear" (a geometric series), or the levels themselves, angstrom.
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
    schedule: str | Sequence[float] = "karras"
    start: str | None = None

    def __post_init__(self) -> None:
        known = known_name(self.name, (*SOLVERS, *PRESETS), ALIASES)
        if known is None:
            raise EdmNoiseError(f"no sampler {self.name!r}: the known ones are {', '.join([*SOLVERS, *PRESETS])}")
        object.__setattr__(self, "name", known)

    def build(self) -> tuple[Schedule, Sampler]:
        """The schedule and the sampler; EdmNoiseError for values that do not fit."""
        whole = self if self.start is None else replace(self, sigma_max=None)
        by_hand = not isinstance(self.schedule, str)
        schedule = whole._by_hand() if by_hand else whole._levels(str(self.schedule))
        if self.name in PRESETS:
            sampler = sampler_preset(self.name).sampler(schedule.steps if by_hand else self._steps)
        else:
            sampler = Sampler(self.name, center=True, rotate=True, translate=0.0)
        if self.churn is not None:
            churn = replace(sampler.churn, gamma=self.churn) if self.name in PRESETS else Churn(self.churn, at="start")
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
            own = sampler.align if sampler.align != "none" else "denoised"  # Boltz aligns the noisy structure
            sampler = replace(sampler, align=own if self.align else "none")
        if len(self.level_weights) != 2 or not all(0 <= weight <= 1 for weight in self.level_weights):
            raise EdmNoiseError(
                f"level_weights are {list(self.level_weights)}: give two numbers from 0 to 1, residue and chain"
            )
        residue, chain = self.level_weights
        if self.start is not None and self.sigma_max is not None:
            schedule = schedule.below(self.sigma_max)
        elif self.start is not None and not by_hand:
            raise EdmNoiseError(
                f"start is {self.start} without sigma_max: give the level that it is noised to, in angstrom"
            )
        return schedule, replace(sampler, residue_weight=residue, chain_weight=chain)

    def beside(self, gauge: str) -> SamplerChoice:
        """The same for a denoiser of states in a gauge: what would move samples out of it is off unless it is asked
        for."""
        off: dict[str, Any] = {name: False for name in _OUT_OF.get(gauge, ()) if getattr(self, name) is None}
        return replace(self, **off)

    def check_in_place(self) -> None:
        """EdmNoiseError where samples are asked to be moved as a whole, which held atoms keep in their frame."""
        asked = [name for name in ("center", "augment", "align") if getattr(self, name)]
        if asked:
            raise EdmNoiseError(
                f"{' and '.join(asked)} would move samples as a whole, which held atoms keep in their frame: leave out "
                f"{asked[0]} or move"
            )

    @property
    def _steps(self) -> int:
        usual = PRESETS[self.name].steps if self.name in PRESETS else DEFAULT_STEPS
        return usual if self.steps is None else self.steps

    def _levels(self, kind: str) -> Schedule:
        published = PRESETS.get(self.name)
        low, high, rho, grid = SIGMA_MIN, SIGMA_MAX, RHO, "then_zero"
        if published is not None:
            low, high, rho, grid = published.sigma_min, published.sigma_max, published.rho, published.grid
        high = high if self.sigma_max is None else self.sigma_max
        low = low if self.sigma_min is None else self.sigma_min
        if kind == "karras":
            return karras(self._steps, low, high, rho if self.rho is None else self.rho, grid=grid)
        if kind != "log_linear":
            raise EdmNoiseError(f"schedule is {kind!r}: give one of {', '.join(SCHEDULES)}, or levels in angstrom")
        if self.rho is not None:
            raise EdmNoiseError(f"rho is {self.rho} with schedule=log_linear, which has none: leave it out")
        return log_linear(self._steps, low, high, grid)

    def _by_hand(self) -> Schedule:
        given = [name for name in ("steps", "sigma_max", "sigma_min", "rho") if getattr(self, name) is not None]
        if given:
            raise EdmNoiseError(f"the levels are given one by one and so is {given[0]}: leave one of them out")
        return by_hand(self.schedule)

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
