"""sigma in angstrom <-> the step, the partial_t or the partial_T by which programs say how much noise.

Steps of samplers with a schedule are counted from the noise: 0 is pure noise, and between two steps log sigma decides.

rfdiffusion3
    partial_t is sigma in angstrom; the program starts at the highest of its 200 levels that is not above
    (rc-foundry 0.2.0, rfd3/model/inference_sampler.py).
rf3
    partial_t is the number of a level, from 0, of its 200 (the same, rf3/diffusion_samplers/inference_sampler.py).
rfdiffusion
    partial_T is a step of T = 50, counted from the structure. Its translations are variance preserving in units of 4 A,
    x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, abar_t the product of 1 - beta over t steps, beta linear from
    200/T times .01 to 200/T times .07; scaled back onto x_0 that is sigma = 4 A sqrt(1 / abar_t - 1), one draw for each
    residue, beside which residues also turn (RFdiffusion, rfdiffusion/diffusion.py and config/inference/base.yaml).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.names import known_name
from ...base.table import Column, Table
from ...noise.sigma import SigmaDistribution, check_sigma
from ..names import COUNTED, COUNTED_ALIASES, PUBLISHED, SCORE, Counted
from .presets import PRESETS, SIGMA_DATA
from .schedule import Schedule, karras

_ROUNDING = 1e-9
"""By how much a level may lie outside, of log sigma: that of a first or last step is one of the program's."""

_BETA_FIRST, _BETA_LAST, _OF_STEPS = 0.01, 0.07, 200
_RFDIFFUSION_STEPS, _RFDIFFUSION_UNIT = 50, 4.0
"""RFdiffusion's T, and the angstrom in a unit of its coordinates, 1 over crd_scale."""


@dataclass(frozen=True, repr=False)
class Unit(Legible):
    """What a program calls a noise level.

    Attributes
    ----------
    name
        As users type it.
    label
        What the number is, as columns are called.
    """

    name: str
    label: str
    counted: Callable[[float], float]
    """Number of a level in angstrom; NaN for what the program does not have."""
    numbers: tuple[float, float]
    """The smallest and the largest number."""
    levels: Callable[[float], float]
    """Level in angstrom of a number."""

    def sigma(self, number: float) -> float:
        """Level of a number, angstrom; EdmNoiseError for one that the program does not have."""
        low, high = self.numbers
        if not low <= number <= high:
            raise EdmNoiseError(f"{self.label} goes from {low:g} to {high:g}")
        return self.levels(number)


def rfdiffusion_levels() -> NDArray[np.float64]:
    """(50,) sigma of RFdiffusion's steps 1 to 50, angstrom.

    Examples
    --------
    >>> rfdiffusion_levels()[[0, 9, 19, 49]].round(1)
    array([  0.8,   3.8,   9.1, 341.8])
    """
    scale = _OF_STEPS / _RFDIFFUSION_STEPS
    kept = np.cumprod(1 - scale * np.linspace(_BETA_FIRST, _BETA_LAST, _RFDIFFUSION_STEPS))
    return np.asarray(_RFDIFFUSION_UNIT * np.sqrt(1 / kept - 1))


@cache
def unit(name: str) -> Unit:
    """A program's unit, by the program's name as people write it."""
    known = known_name(name, COUNTED, COUNTED_ALIASES)
    if known is None:
        raise EdmNoiseError(f"no program {name!r} counts noise: the known ones are {', '.join(COUNTED)}")
    if known == "rfdiffusion3":
        return Unit(known, COUNTED[known], float, (0.0, 160 * SIGMA_DATA), float)
    if known == "rfdiffusion":
        levels = rfdiffusion_levels()
        return _stepped(known, np.arange(1.0, len(levels) + 1), levels)
    if known == "rf3":
        schedule = karras(200, 4e-4, 160.0, scale=SIGMA_DATA, grid="linspace")
    else:
        schedule = PRESETS[known].schedule(PRESETS[known].steps)
    return _of_schedule(known, schedule)


def sigma_of(level: float | Counted, distribution: SigmaDistribution, what: str = "sigma") -> float:
    """Level in angstrom of one in any unit; ``distribution`` is what z belongs to, ``what`` what a refusal calls it.

    Examples
    --------
    >>> from edmnoise.noise.sigma import sigma_distribution
    >>> af3 = sigma_distribution("alphafold3")
    >>> levels = 8.0, Counted("rfdiffusion", 20), Counted("alphafold3", 100), Counted("z", 0)
    >>> [round(sigma_of(level, af3), 2) for level in levels]
    [8.0, 9.09, 55.97, 4.82]
    """
    if not isinstance(level, Counted):
        return check_sigma(level)
    try:
        if level.unit == SCORE:
            return check_sigma(distribution.sigma(level.number))
        return check_sigma(unit(level.unit).sigma(level.number))
    except EdmNoiseError as error:
        raise EdmNoiseError(f"{what} is {level}: {error}") from error


def translation_table(sigmas: Sequence[float], distribution: SigmaDistribution) -> Table:
    """Levels, angstrom, in everybody's units: a row for each."""
    columns = [
        Column("sigma", [float(sigma) for sigma in sigmas], "A"),
        Column("z", [distribution.z(sigma) for sigma in sigmas], help=f"of {distribution.name}'s training"),
    ]
    for name in COUNTED:
        made = unit(name)
        decimals, in_angstrom = (2, "A") if name == "rfdiffusion3" else (1, "")
        columns.append(Column(made.label, [made.counted(sigma) for sigma in sigmas], in_angstrom, decimals))
    notes = (
        "Steps are counted from the noise, RFdiffusion's from the structure; - is what a program does not have.",
        "RFdiffusion moves each residue as a whole: its number is that of the shift of residues, and they turn beside.",
    )
    title = f"{len(sigmas)} noise level{'' if len(sigmas) == 1 else 's'} in the units of programs"
    return Table(title, tuple(columns), {"distribution": distribution.name}, notes)


def in_words(sigma: float, distribution: SigmaDistribution) -> str:
    """A level in several units, one line.

    Examples
    --------
    >>> from edmnoise.noise.sigma import sigma_distribution
    >>> in_words(8.0, sigma_distribution("alphafold3"))
    '8 A = z 0.34 = AlphaFold 3 step 133 of 200 = RFdiffusion 3 partial_t 8 A = RFdiffusion partial_T 18.5 of 50'
    """
    words = [f"{sigma:.4g} A", f"z {distribution.z(sigma):.2f}"]
    for name, pattern in (
        ("alphafold3", "{} step {:.0f} of 200"),
        ("rfdiffusion3", "{} partial_t {:.4g} A"),
        ("rfdiffusion", "{} partial_T {:.1f} of 50"),
    ):
        number = unit(name).counted(sigma)
        if not math.isnan(number):
            words.append(pattern.format(_CALLED.get(name) or PUBLISHED[name], number))
    return " = ".join(words)


_CALLED = {"rfdiffusion3": "RFdiffusion 3", "rfdiffusion": "RFdiffusion"}


def _of_schedule(name: str, schedule: Schedule) -> Unit:
    levels = np.array([sigma for sigma in schedule.sigmas if sigma > 0])
    return _stepped(name, np.arange(float(len(levels))), levels)


def _stepped(name: str, steps: NDArray[np.float64], levels: NDArray[np.float64]) -> Unit:
    """Steps (n,) and their levels (n,), angstrom, that rise or fall."""
    order = np.argsort(levels)
    logs, counts = np.log(levels[order]), steps[order]

    def counted(sigma: float) -> float:
        log = math.log(sigma)
        there = logs[0] - _ROUNDING <= log <= logs[-1] + _ROUNDING
        return float(np.interp(log, logs, counts)) if there else math.nan

    def level(number: float) -> float:
        return float(np.exp(np.interp(number, steps, np.log(levels))))

    return Unit(name, COUNTED[name], counted, (float(steps[0]), float(steps[-1])), level)
