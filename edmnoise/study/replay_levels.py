"""Which level each step led to: noted by the run, those of a published sampler, or found from the steps themselves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..diffusion.samplers.presets import PRESETS, Preset
from ..trajectories.replaying import SURE
from .replay_steps import Steps

Array = NDArray[np.float64]

_SAME = 1e-4
"""Relative difference of levels that are the same: programs take powers in float32."""

_MOST = 4.0
"""A level is not raised by noise to more than so many times itself: beyond that, schedules do not belong together."""


class StepLevels(NamedTuple):
    """Levels of T steps.

    Attributes
    ----------
    before, after
        (T,) before noise was added, and after the step, angstrom; NaN where they are not known.
    source
        Where they are from, in words; nothing where a published sampler has them.
    gamma_error
        Standard error of gamma, where one for all steps was found from them.
    """

    before: Array
    after: Array
    source: str
    gamma_error: float = 0.0


class Likeness(NamedTuple):
    """How the levels that were told differ from those of a published sampler.

    Attributes
    ----------
    name
        Its name.
    levels
        (T + 1,) its own, angstrom.
    difference
        Largest relative one.
    step
        Place of that step, from 0.
    """

    name: str
    levels: Array
    difference: float
    step: int


def levels_of(steps: Steps, info: Mapping[str, Any], likeness: Likeness | None, ended: bool = True) -> StepLevels:
    """By the first of the ways that this module's first line names; ``ended`` says whether the last step is there."""
    if not np.isnan(steps.target[:-1]).any() and len(steps.number) > 1:
        return _told_by_second_calls(steps)
    noted = _noted(steps, info, ended)
    if noted is not None:
        return StepLevels(noted[:-1], noted[1:], "levels are those that the run noted")
    if likeness is not None and likeness.difference < _SAME:
        return StepLevels(likeness.levels[:-1], likeness.levels[1:], "")
    return _found(steps, info)


def closest_preset(steps: Steps, info: Mapping[str, Any]) -> Likeness | None:
    """The published sampler that the run names, else any that was told the same levels."""
    named = info.get("preset")
    if named in PRESETS:
        return _likeness(PRESETS[named], steps)
    found = [like for preset in PRESETS.values() if (like := _likeness(preset, steps)) is not None]
    alike = [like for like in found if like.difference < _SAME]
    # Some differ in the last level alone, by which the last step tells another step_scale than those before.
    return (
        min(alike, key=lambda like: np.ptp((steps.share / (1 - like.levels[1:] / steps.sigma))[-2:])) if alike else None
    )


def _likeness(preset: Preset, steps: Steps) -> Likeness | None:
    """None where it cannot make as many steps."""
    count = len(steps.number)
    schedule = next((made for n in (count, count + 1) if n > 1 and (made := preset.schedule(n)).steps == count), None)
    if schedule is None:
        return None
    levels = np.array(schedule.sigmas)
    churn = preset.sampler(count).churn
    raised = np.array([churn.of(*pair) > 0 for pair in pairwise(levels)])
    ratio = steps.sigma / levels[:-1]
    # By whatever gamma noise was added, the levels below are the sampler's.
    expected = np.where(raised, np.median(ratio[raised]) if raised.any() else 1.0, 1.0)
    off = abs(ratio / expected - 1)
    return Likeness(preset.name, levels, float(off.max()), int(off.argmax()))


def _told_by_second_calls(steps: Steps) -> StepLevels:
    after = np.where(np.isnan(steps.target), 0.0, steps.target)
    return StepLevels(np.append(np.nan, after[:-1]), after, "levels are those that the second calls were told")


def _noted(steps: Steps, info: Mapping[str, Any], ended: bool) -> Array | None:
    """(T + 1,) levels of the schedule of run.json, where those that were told are these, or raised.

    The last ones, for some samplers begin further down; of a run that was killed the first ones.
    """
    settings = info.get("settings")
    schedule = settings.get("schedule") if isinstance(settings, Mapping) else None
    count = len(steps.number)
    try:
        whole = np.array(schedule, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return None
    levels = whole[-count - 1 :] if ended else whole[: count + 1]
    if len(levels) != count + 1 or not np.isfinite(levels).all():
        return None
    raised = steps.sigma / np.maximum(levels[:-1], np.finfo(float).tiny)
    return levels if (raised > 1 - _SAME).all() and (raised < _MOST).all() else None


def _found(steps: Steps, info: Mapping[str, Any]) -> StepLevels:
    """From the steps: those without noise tell step_scale, and that tells the levels of the others."""
    error = share_errors(steps)
    scale, source = _step_scale(steps, error, info)
    after = np.where(steps.closes, steps.following, np.nan)
    gamma_error = 0.0
    if scale is not None:
        reached, reached_error = steps.sigma * (1 - steps.share / scale), steps.sigma * error / scale
        ratio, ratio_error = reached / steps.following, reached_error / steps.following
        noisy = ~steps.closes & ~np.isnan(steps.following)
        raised = noisy & (ratio < 1 - SURE * ratio_error)
        after[noisy] = steps.following[noisy]
        if raised.any():
            weight = 1 / ratio_error[raised] ** 2
            one, one_error = float((weight * ratio[raised]).sum() / weight.sum()), float(weight.sum() ** -0.5)
            same = (abs(ratio[raised] - one) < SURE * ratio_error[raised]).all()
            after[raised] = one * steps.following[raised] if same else reached[raised]
            gamma_error = one_error / one**2 if same else 0.0
        last = np.isnan(steps.following)
        after[last] = np.where(reached < SURE * reached_error + _SAME * steps.sigma, 0.0, reached)[last]
    return StepLevels(np.append(np.nan, after[:-1]), after, source, gamma_error)


def _step_scale(steps: Steps, error: Array, info: Mapping[str, Any]) -> tuple[float | None, str]:
    free = steps.closes & (steps.following < steps.sigma) & (error < 0.01)
    if free.any():
        whole = 1 - steps.following[free] / steps.sigma[free]
        scales, weight = steps.share[free] / whole, (whole / error[free]) ** 2
        return weighted_median(scales, weight), "levels are found from the steps, by those without noise"
    if steps.closes[-1] and np.isnan(steps.following[-1]) and error[-1] < 0.01:
        return float(steps.share[-1]), "levels are found from the steps, with the last one taken to end at 0"
    declared = declared_setting(info, "step_scale")
    if declared:
        return declared, "levels are found from the steps, with step_scale taken as declared"
    return None, "levels between the steps are not known: nothing tells them from step_scale"


def declared_setting(info: Mapping[str, Any], name: str) -> float | None:
    """A number of the settings in run.json; None where it is not there or no number from 0."""
    settings = info.get("settings")
    value = settings.get(name) if isinstance(settings, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if np.isfinite(value) and value >= 0 else None


def weighted_median(values: Array, weights: NDArray[Any]) -> float:
    """The value in the middle of the weights: a few wrong ones do not move it."""
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def share_errors(steps: Steps) -> Array:
    """(T,) errors of the shares; where no noise was added what is left is rounding, of x0 - x as well."""
    rounded = np.divide(steps.noise, steps.length, out=np.ones_like(steps.noise), where=steps.length > 0)
    return np.hypot(steps.share_error, np.where(steps.closes, rounded**2 + np.finfo(np.float32).eps, 0))
