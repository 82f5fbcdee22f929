"""RFdiffusion: ``traj/<design>_Xt-1_traj.pdb``, the samples after each step, and ``_pX0_traj.pdb``, the estimates.

Of its scripts/run_inference.py: the end first, in angstrom, models closed by ENDMDL and not begun. The first sample, of
pure noise, is in neither file. Residues are rigid bodies: places of CA atoms take noise that shrinks them,
x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) z / 0.25, where a_t is the product of 1 - b over steps, b rising evenly from .01 to
.07 times 200/T (rfdiffusion/diffusion.py, config/inference/base.yaml).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..trace import Trace
from .levels import wanted_levels
from .made import Asked, check_pair, made_trace, pair
from .models import read_models
from .plain import several

_SCALE = 0.25
_BETAS = (0.01, 0.07)

_FEWEST = 15
"""Steps below which RFdiffusion does not run."""


def read_rfdiffusion(path: str, asked: Asked) -> Trace | None:
    """None where the file is none of RFdiffusion's."""
    files = pair(path, "_Xt-1_traj.pdb", "_pX0_traj.pdb", asked.kind)
    if not files:
        return None
    models = {kind: read_models(file) for kind, file in files.items()}
    frames = {kind: several(files[kind], found.frames)[::-1] for kind, found in models.items()}
    check_pair(path, frames)
    repairs = ["frames were written the end first: the order was turned round"]
    made = len(next(iter(frames.values())))
    levels, said = _levels(asked, made)
    final, numbers = None, np.arange(1, made + 1)
    if "noisy" in frames:
        # What a step made is what the next one is given.
        final, frames["noisy"] = frames["noisy"][-1:], frames["noisy"][:-1]
        levels, numbers = levels[1:], numbers[1:]
        repairs.append("the sample of pure noise is not in the file: steps begin with the second")
        if "denoised" in frames:
            frames["denoised"] = frames["denoised"][1:]
    repairs.append(
        "residues are rigid bodies, whose CA atoms alone have the level; noisy frames are shrunk, as written"
    )
    structure = asked.structure or next(iter(models.values())).structure(0)
    held = {kind: [found] for kind, found in frames.items()}
    return made_trace(
        path, "RFdiffusion", held, levels, said, repairs, final, structure, numbers.tolist(), between=True
    )


def _levels(asked: Asked, steps: int) -> tuple[NDArray[np.float64], str]:
    if asked.schedule is not None or steps < _FEWEST:
        return wanted_levels(asked.schedule, steps, end=False)
    kept = np.cumprod(1 - np.linspace(*_BETAS, steps) * 200 / steps)[::-1]
    said = f"noise over signal of CA atoms, rebuilt from the published schedule with T = {steps}, all of it run"
    return np.sqrt(1 / kept - 1) / _SCALE, said
