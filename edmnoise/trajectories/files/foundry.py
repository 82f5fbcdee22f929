"""RF3 and RFdiffusion 3: ``<example>_denoised_model_<i>.cif.gz`` and ``<example>_noisy_model_<i>.cif.gz``.

Of rc-foundry 0.2.0: the end first; noisy frames, those that the network was given, scaled by 16/sqrt(t^2 + 16^2).
RFdiffusion 3 (rfd3/engine.py) takes the two for each other, writes at most 100 frames, evenly taken from noise to end,
and turns none of them onto another unless it is asked to; RF3 (rf3/utils/io.py) superposes the frames of each file on
their last.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...diffusion.samplers.presets import SIGMA_DATA
from ...diffusion.samplers.schedule import karras
from ..trace import Trace
from .content import are_noisy, whiteness
from .levels import asked_levels, wanted_levels
from .made import Asked, check_pair, laid_on, largest_turn, made_trace, pair
from .models import read_models
from .plain import several

_MOST = 100
"""Frames in a file of RFdiffusion 3."""

_USUAL = 199
"""Steps of RFdiffusion 3 where a file does not tell them: those of its num_timesteps = 200."""

_FULL = 0.9
"""Whiteness of a start that holds noise alone."""

_SETTLING, _STILL = 6, 30.0
"""The last estimates, and degrees below which each was not turned against the one before: a random turn is smaller once
in 130 times, and five of them never."""

_GAMMA = {"RFdiffusion 3": 0.6, "RF3": 0.8}
_ABOVE = 1.0


def read_foundry(path: str, asked: Asked) -> Trace | None:
    """None where the file is none of theirs."""
    files = pair(path, "_noisy_model_", "_denoised_model_", None)
    if not files:
        return None
    models = {kind: read_models(file) for kind, file in files.items()}
    frames = {kind: several(files[kind], found.frames)[::-1] for kind, found in models.items()}
    check_pair(path, frames)
    repairs = ["frames were written the end first: the order was turned round"]
    swapped = _white_one(frames) == "denoised"
    program = "RFdiffusion 3" if swapped else "RF3"
    if swapped:
        frames = {_OTHER[kind]: found for kind, found in frames.items()}
        repairs.append("files are named for each other: the one called denoised holds the noisy frames")
    full = "noisy" not in frames or whiteness(frames["noisy"][0]) > _FULL
    levels, steps, said = _levels(asked, program, len(next(iter(frames.values()))), full)
    if "noisy" in frames and np.isfinite(levels).all():
        scale = np.sqrt(levels**2 + SIGMA_DATA**2) / SIGMA_DATA
        frames["noisy"] = (frames["noisy"] * scale[:, None, None]).astype(np.float32)
        repairs.append("noisy frames were scaled by 16/sqrt(sigma^2 + 16^2): they are in angstrom again")
    if len(frames) == 2 and not swapped:
        frames["noisy"] = laid_on(frames["noisy"], frames["denoised"])
        repairs.append("the two files lie in frames of their own: each noisy frame was superposed on its estimate")
    if asked.kind is not None:
        frames = {kind: found for kind, found in frames.items() if kind == asked.kind}
        if not frames:
            raise EdmNoiseError(f"beside {path} there is no {asked.kind} trajectory: leave kind out")
    settling = frames.get("denoised", np.empty((0, 0, 3), np.float32))[-_SETTLING:]
    still = swapped and len(settling) == _SETTLING and largest_turn(settling) < _STILL
    if still:
        repairs.append("no step turned the samples: all frames lie in one frame")
    repairs.append("the end of the run is not in these files: the last estimate stands for it")
    structure = asked.structure or next(iter(models.values())).structure(0)
    held = {kind: [found] for kind, found in frames.items()}
    return made_trace(path, program, held, levels, said, repairs, None, structure, steps, still=still)


_OTHER = {"noisy": "denoised", "denoised": "noisy"}


def _white_one(frames: Mapping[str, NDArray[np.float32]]) -> str | None:
    """Which of the files, by its name, holds noisy frames."""
    white = {kind: whiteness(found[0]) for kind, found in frames.items()}
    most = max(white, key=lambda kind: white[kind])
    return most if len(white) == 2 or are_noisy(frames[most][0]) else None


def _levels(asked: Asked, program: str, frames: int, full: bool) -> tuple[NDArray[np.float64], list[int], str]:
    """Levels that the network was asked at, numbers of the steps, and how they were found."""
    cut = program == "RFdiffusion 3" and frames == _MOST
    given = asked.schedule
    made = len(given) if cut and isinstance(given, (list, tuple, np.ndarray)) else _USUAL if cut else frames
    taken = torch.linspace(0, made - 1, frames).long().numpy()
    numbers = (taken + 1).tolist()
    if given is not None:
        levels, said = wanted_levels(given, made, end=False)
        return levels[taken], numbers, said
    if not full:
        said = "no level is known, for the run began with a structure in noise: give its levels"
        return np.full(frames, np.nan), numbers, said
    between = np.array(karras(made + 1, 4e-4 * SIGMA_DATA, 160 * SIGMA_DATA, grid="linspace").sigmas)
    said = f"rebuilt from the published schedule of {program} with num_timesteps = {made + 1}"
    if cut:
        said += ", which is its usual one: for another run give its levels"
    return asked_levels(between, _GAMMA[program], _ABOVE)[taken], numbers, said
