"""BoltzGen: ``<design>_traj.pdb``, the samples between steps, and ``<design>_x0_traj.pdb``, the estimates.

Of its version 0.3.2 (boltzgen/task/predict/writer.py): noise first; of n steps _traj holds the start, what each step
made, and the last of these once more; each frame is superposed on the one before, in each file by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...diffusion.samplers.presets import SIGMA_DATA
from ..trace import Trace
from .content import are_noisy, spread
from .levels import asked_levels, wanted_levels
from .made import Asked, check_pair, laid_on, made_trace, pair
from .models import read_models

_HIGH, _LOW, _RHO = 160.0 * SIGMA_DATA, 4e-4 * SIGMA_DATA, 7.0

_DILATED, _DILATION = (0.6, 0.8), 2.667
"""Part of the schedule that takes so many times the steps that it would (resources/config/design.yaml)."""

_GAMMA, _ABOVE = 0.8, 1.0

_NEAR = 0.3
"""By how much the spread of a start may differ from the highest level: few atoms spread by chance."""

_TWICE = 0.0025
"""Angstrom by which the last two frames of _traj.pdb may differ, in numbers of three decimals."""


def read_boltzgen(path: str, asked: Asked) -> Trace | None:
    """None where the file is none of BoltzGen's."""
    files = pair(path, "_traj.pdb", "_x0_traj.pdb", asked.kind)
    if not files:
        return None
    models = {kind: read_models(file) for kind, file in files.items()}
    frames = {kind: found.frames for kind, found in models.items()}
    if "noisy" in frames and not _is_of_boltzgen(frames["noisy"]):
        return None
    check_pair(path, frames, more=2)
    repairs = []
    overrun = sum(found.overrun for found in models.values())
    if overrun:
        repairs.append(f"{overrun:,} lines whose columns overran were split behind their decimals")
    if any(found.renamed for found in models.values()):
        repairs.append("models name their atoms anew: the names are those of the last model, by their order")
    final, steps = None, len(frames.get("denoised", ()))
    if "noisy" in frames:
        steps = len(frames["noisy"]) - 2
        final, frames["noisy"] = frames["noisy"][-1:], frames["noisy"][:steps]
        repairs.append(
            "noisy frames are samples between steps, before noise is added to them; the end, which is there "
            "twice, is taken once"
        )
    if len(frames) == 2:
        frames["noisy"] = laid_on(frames["noisy"], frames["denoised"])
        repairs.append("the two files lie in frames of their own: each sample was superposed on its estimate")
    levels, said = _levels(asked, steps, "denoised" in frames)
    structure = asked.structure or next(iter(models.values())).structure(-1)
    held = {kind: [found] for kind, found in frames.items()}
    return made_trace(path, "BoltzGen", held, levels, said, repairs, final, structure, between=True)


def _is_of_boltzgen(frames: NDArray[np.float32]) -> bool:
    """Whether they begin at its highest level, and end twice."""
    return (
        len(frames) > 3
        and are_noisy(frames[0])
        and abs(spread(frames[0]) / _HIGH - 1) < _NEAR
        and bool(np.abs(frames[-1] - frames[-2]).max() < _TWICE)
    )


def _levels(asked: Asked, steps: int, of_estimates: bool) -> tuple[NDArray[np.float64], str]:
    """(steps,) levels that the network was asked at; between steps where there are no estimates."""
    if asked.schedule is not None:
        return wanted_levels(asked.schedule, steps, end=False)
    between = dilated_levels(steps)
    levels = asked_levels(between, _GAMMA, _ABOVE) if of_estimates else between[:-1]
    return levels, f"rebuilt from the published schedule of BoltzGen's designs and the number of steps, {steps}"


def dilated_levels(steps: int) -> NDArray[np.float64]:
    """(steps + 1,) angstrom: levels between steps, evenly spaced in sigma^(1/rho) but for the part that is dilated."""
    begin, end = _DILATED
    others = (1 - _DILATION * (end - begin)) / (1 - (end - begin))
    corners = [0, begin * others, begin * others + _DILATION * (end - begin), 1]
    t = np.interp(np.linspace(0, 1, steps), corners, [0, begin, end, 1])
    high, low = _HIGH ** (1 / _RHO), _LOW ** (1 / _RHO)
    return np.append((high + t * (low - high)) ** _RHO, 0.0)
