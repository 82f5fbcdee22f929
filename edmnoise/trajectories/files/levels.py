"""Levels for the frames of a file that does not say its own: a published schedule by name, or a list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...diffusion.samplers.presets import Preset, sampler_preset
from ...diffusion.samplers.schedule import Schedule

Wanted = str | Schedule | Sequence[float] | None
"""A name from `edmnoise.diffusion.samplers.presets.PRESETS`, or levels in angstrom, highest first."""


def preset_levels(preset: Preset, steps: int) -> NDArray[np.float64]:
    """(steps + 1,) levels of a published schedule between steps, the last that of the end."""
    n = steps + 1 if preset.grid in ("linspace", "midpoint") else steps
    return np.array(preset.schedule(n).sigmas)


def asked_levels(levels: NDArray[np.float64], gamma: float, above: float) -> NDArray[np.float64]:
    """(n,) levels that the denoiser is asked at, of (n + 1,) between steps: churn is added where the next is above."""
    return levels[:-1] * (1 + gamma * (levels[1:] > above))


def wanted_levels(wanted: Wanted, frames: int, end: bool) -> tuple[NDArray[np.float64], str]:
    """Levels of frames, noise first, and how they were found.

    Parameters
    ----------
    wanted
        None where nobody knows.
    frames
        How many.
    end
        Whether the last frame is the end of the run: samples between steps, and not estimates.

    Returns
    -------
    levels : (frames,)
        Angstrom; NaN where nobody knows.
    said : str

    Raises
    ------
    EdmNoiseError
        An unknown name, or levels in another number.
    """
    if wanted is None:
        return np.full(frames, np.nan), "no level is known: give a schedule"
    if isinstance(wanted, str):
        preset = sampler_preset(wanted)
        steps = frames - 1 if end else frames
        between = preset_levels(preset, steps)
        churn = preset.sampler(steps).churn
        asked = [level * (1 + churn.of(level, after)) for level, after in pairwise(between)]
        return between if end else np.array(asked), f"schedule of {preset.name} in {steps} steps"
    given = np.array(wanted.sigmas if isinstance(wanted, Schedule) else wanted, dtype=np.float64)
    # With the level of the end, which no estimate was asked at.
    if given.shape not in ((frames,), () if end else (frames + 1,)):
        raise EdmNoiseError(f"the schedule has {given.size:,} levels and the file {frames:,} frames: give one for each")
    if not (np.isfinite(given).all() and (given >= 0).all() and (np.diff(given) < 0).all()):
        raise EdmNoiseError("the schedule does not fall from level to level: give levels in angstrom, highest first")
    return given[:frames], "the levels that were given"
