"""What a replay found, in sentences: what acted, what was declared, what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible
from ..diffusion.samplers.presets import PRESETS
from ..trajectories.replaying import SURE
from .replay_levels import Likeness, StepLevels, declared_setting, weighted_median
from .replay_steps import Steps

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Acted(Legible):
    """What a sampler did in each of T steps; NaN where a number cannot be known.

    Attributes
    ----------
    method
        "euler", "heun" or "chai".
    number
        (T,) of the step, from 1: two calls are one step of Heun's method.
    sigma
        (T,) level that the denoiser was told, angstrom.
    after
        (T,) level after the step, before noise is added again, angstrom.
    step_scale, step_scale_error
        (T,) factor of the step, and its standard error.
    gamma
        (T,) by how much noise raised the level before the call: to (1 + gamma) times.
    noise_scale, noise_scale_error
        (T,) factor of that noise, and its standard error.
    misses
        (T,) RMS distance of an atom, angstrom, between what came next and where the step leads; where noise was added,
        what is more than that, and NaN where nothing is.
    guided
        (T,) RMS distance of an atom, angstrom, by which the estimate was moved before the step was made, as recorded.
    """

    method: str
    number: NDArray[np.int64]
    sigma: Array
    after: Array
    step_scale: Array
    step_scale_error: Array
    gamma: Array
    noise_scale: Array
    noise_scale_error: Array
    misses: Array
    guided: Array


_OWNERS = {"euler": "Euler's", "heun": "Heun's", "chai": "Chai-1's"}
"""Whose method a step is of."""

_SHOWN = 1e-3
"""Angstrom, and relative difference, below which nothing is said."""

_HALF = 0.1
"""Angstrom that bfloat16 may leave of a step: Boltz-2 on a CPU leaves up to .09."""


def findings(
    acted: Acted, steps: Steps, levels: StepLevels, likeness: Likeness | None, info: Mapping[str, Any]
) -> tuple[str, ...]:
    """All that can be said, one sentence each."""
    preset = PRESETS.get(str(info.get("preset")))
    scales: tuple[float | None, ...] = (None, None, None)
    if preset is not None:
        own = preset.sampler(len(steps.number))
        scales = own.step_scale, own.churn.gamma, own.noise_scale
    compared = _Compared(info, acted.number, "" if preset is None else preset.name)
    noisy = np.nan_to_num(acted.gamma) > 0
    gamma = np.where(noisy, acted.gamma, np.nan)
    of_gamma = np.full(len(noisy), levels.gamma_error)
    of_noise = np.hypot(acted.noise_scale_error, _through_gamma(acted, levels.gamma_error))
    said = [
        _form(acted, steps),
        levels.source,
        _likeness(likeness, acted),
        compared.said("step_scale", acted.step_scale, acted.step_scale_error, scales[0]),
        compared.said("gamma", gamma, of_gamma, scales[1]),
        compared.said("noise_scale", acted.noise_scale, of_noise, scales[2]),
        _told_more(acted),
        _guidance(acted),
        _misses(acted, steps),
    ]
    return tuple(sentence for sentence in said if sentence)


def _form(acted: Acted, steps: Steps) -> str:
    """Which steps close."""
    closing = int(steps.closes.sum())
    if not closing:
        return f"no step closes as {_OWNERS[acted.method]} without noise would"
    largest = np.sqrt(3) * steps.noise[steps.closes].max()
    many = f"{closing} of {len(steps.number)} steps"
    return f"{many} added no noise and close as {_OWNERS[acted.method]}, to {largest:.0e} A"


def _likeness(likeness: Likeness | None, acted: Acted) -> str:
    if likeness is None:
        return ""
    if likeness.difference < _SHOWN:
        return f"levels are those of {likeness.name} to {likeness.difference:.0e}"
    step = acted.number[likeness.step]
    return f"levels differ from those of {likeness.name} by up to {100 * likeness.difference:.2g} %, in step {step}"


def _through_gamma(acted: Acted, gamma_error: float) -> Array:
    """Error of noise_scale that comes from that of gamma, by d sqrt((1 + g)^2 - 1) / dg."""
    raised = (1 + acted.gamma) ** 2
    return acted.noise_scale * gamma_error * (1 + acted.gamma) / np.maximum(raised - 1, np.finfo(float).tiny)


class _Compared(NamedTuple):
    """Numbers that acted, beside those that the run declared and those of a published sampler."""

    info: Mapping[str, Any]
    numbers: NDArray[np.int64]
    preset: str

    def said(self, name: str, values: Array, errors: Array, published: float | None) -> str:
        """One number where most steps have the same one."""
        known = np.isfinite(values) & np.isfinite(errors)
        if not known.any():
            return ""
        middle, error, same = _one_number(values[known], errors[known])
        numbers = self.numbers[known]
        if 2 * same.sum() < len(same):
            first, last = values[known][[0, -1]]
            return f"{name} changes, from {first:.4g} in step {numbers[0]} to {last:.4g} in step {numbers[-1]}"
        declared = declared_setting(self.info, "gamma0" if name == "gamma" else name)
        said = f"{name} {within(middle, error)}"
        if declared is not None and _differ(declared, middle, error):
            said = f"{name} {declared:.4g} was declared, {within(middle, error)} acted"
        said += " in every step" if len(numbers) == len(self.numbers) and same.all() else f" in {spans(numbers[same])}"
        if published is not None:
            said += (
                f"; {self.preset} has {published:.4g}"
                if _differ(published, middle, error)
                else f", as {self.preset} has"
            )
        return said


def _one_number(values: Array, errors: Array) -> tuple[float, float, NDArray[np.bool_]]:
    """The number that the surest values are, its error, and which values agree with it."""
    weight = 1 / np.maximum(errors, 1e-9) ** 2
    middle = weighted_median(values, weight)
    same = abs(values - middle) <= SURE * errors + _SHOWN * abs(middle)
    total = weight[same].sum()
    return float((weight * values)[same].sum() / total), float(total**-0.5), same


def _differ(one: float, other: float, error: float) -> bool:
    return abs(one - other) > SURE * error + _SHOWN * abs(one)


def _told_more(acted: Acted) -> str:
    """A level that was raised without noise: the denoiser is told more than x holds."""
    silent = (np.nan_to_num(acted.gamma) > 0) & (acted.noise_scale < _SHOWN)
    if not silent.any():
        return ""
    told = 1 + acted.gamma[silent].max()
    where = spans(acted.number[silent])
    return f"in {where} no noise was added, and the denoiser was told up to {told:.4g} times the level of x"


def _guidance(acted: Acted) -> str:
    moved = np.nan_to_num(acted.guided) > _SHOWN
    if not moved.any():
        return ""
    low, high = acted.guided[moved].min(), acted.guided[moved].max()
    by = f"{high:.2g}" if high - low < _SHOWN else f"{low:.2g} to {high:.2g}"
    return f"guidance moved the estimate by {by} A in {spans(acted.number[moved])}"


def _misses(acted: Acted, steps: Steps) -> str:
    """Steps that are not what they should be, guided ones aside."""
    moved = np.nan_to_num(acted.guided) > _SHOWN
    missing = (np.nan_to_num(acted.misses) > np.maximum(np.sqrt(3) * steps.rounding, _SHOWN)) & ~moved
    if not missing.any():
        return ""
    largest = acted.misses[missing].max()
    one = missing.sum() == 1
    said = f"{spans(acted.number[missing])} {'is' if one else 'are'} not {_OWNERS[acted.method]}: "
    said += f"{'it misses' if one else 'they miss'} by {'' if one else 'up to '}{_angstroms(largest)}"
    silent = missing & np.append(np.nan_to_num(acted.gamma[1:]) == 0, True)
    if largest < _HALF:
        return f"{said}, as little as rounding to bfloat16 leaves"
    if silent.any():
        as_if = (acted.misses[silent] / abs(steps.share[silent])).max()
        said += f", as if the estimate had been moved by {_angstroms(as_if)}"
    return said


def _angstroms(value: float) -> str:
    """Two digits, and never a power of ten for what is large."""
    return f"{value:.0f} A" if value >= 100 else f"{value:.2g} A"


def spans(numbers: NDArray[np.int64]) -> str:
    """Steps as people say them.

    Examples
    --------
    >>> spans(np.array([7])), spans(np.array([1, 2, 3, 7]))
    ('step 7', 'steps 1 to 3 and 7')
    """
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    said = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    if len(said) > 6:
        return f"{len(numbers)} steps from {numbers[0]} to {numbers[-1]}"
    joined = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return f"step{'' if len(numbers) == 1 else 's'} {joined}"


def within(value: float, error: float) -> str:
    """A number with its error, where that shows.

    Examples
    --------
    >>> within(0.81, 0.0013), within(1.5, 1e-7)
    ('0.810 +- 0.001', '1.5')
    """
    if error < max(2e-4 * abs(value), 1e-6) or not np.isfinite(error):
        return f"{value:.4g}"
    decimals = max(0, -int(np.floor(np.log10(error))))
    return f"{value:.{decimals}f} +- {error:.{decimals}f}"
