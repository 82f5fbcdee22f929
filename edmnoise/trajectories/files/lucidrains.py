"""alphafold3-pytorch: what ``sample(return_all_timesteps=True)`` gives, saved by NumPy (.npy) or torch (.pt, .pth).

Of its version 0.8.3 (alphafold3.py, ElucidatedAtomDiffusion): (steps + 1, B, N, 3), noise first, the samples between
steps, each turned anew; the last is the end. Estimates are not among them.
"""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...diffusion.samplers.schedule import karras
from ..trace import Trace
from .content import spread
from .levels import wanted_levels
from .made import Asked, made_trace

ENDINGS = (".npy", ".pt", ".pth")

_LOW, _HIGH = 0.002 * 0.5, 80 * 0.5
"""Its levels as published, the unit of its coordinates being what they are."""

_NEAR = 0.3
"""By how much the spread of a start may differ from the highest level."""


def read_lucidrains(path: str, asked: Asked) -> Trace | None:
    """None where the file is no array."""
    if not path.lower().endswith(ENDINGS):
        return None
    if asked.kind == "denoised":
        raise EdmNoiseError(f"{path} holds samples between steps, and no estimates: leave kind out")
    frames = _array(path)
    steps = len(frames) - 1
    repairs = ["samples lie between steps, each turned anew, and estimates are not among them"]
    if asked.schedule is not None:
        levels, said = wanted_levels(asked.schedule, len(frames), end=True)
    elif abs(spread(frames[0, 0]) / _HIGH - 1) < _NEAR:
        levels = np.array(karras(steps, _LOW, _HIGH).sigmas)
        said = f"rebuilt from the published schedule of alphafold3-pytorch and the number of steps, {steps}"
    else:
        levels = np.full(len(frames), np.nan)
        said = (
            f"no level is known, for the start spreads over {spread(frames[0, 0]):.3g}, not {_HIGH:g}: give a schedule"
        )
    held = {"noisy": [frames[:-1, sample] for sample in range(frames.shape[1])]}
    return made_trace(path, "alphafold3-pytorch", held, levels[:-1], said, repairs, frames[-1], asked.structure)


def _array(path: str) -> NDArray[np.float32]:
    """(steps + 1, B, N, 3) float32; nothing in the file is executed."""
    try:
        if path.lower().endswith(".npy"):
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickles, which are refused below
                found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EdmNoiseError(
            f"cannot read {path}: it holds other things than a tensor, and a pickle is never opened"
        ) from error
    except Exception as error:  # of whatever kind the bytes of another file lead to
        raise EdmNoiseError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if isinstance(found, torch.Tensor):
        found = found.detach().float().numpy()
    shape = getattr(found, "shape", None)
    if shape is None or len(shape) != 4 or shape[-1] != 3 or shape[0] < 2 or 0 in shape:
        what = f"an array {list(shape)}" if shape is not None else f"a {type(found).__name__}"
        raise EdmNoiseError(f"{path} holds {what}: a trajectory is (steps + 1, samples, atoms, 3)")
    return np.asarray(found, dtype=np.float32)
