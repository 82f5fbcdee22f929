"""Frames are asked for by their numbers, each at its noise level, and drawn into room that is made once."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np
import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ..sigma import check_sigma

BLOCK_ATOMS = 1 << 18
"""Atoms in a block of frames (3 MiB), where frames are made a block at a time."""


def numbered(sigma: float | Sequence[float], frames: int | Sequence[int]) -> tuple[list[int], list[float]]:
    """Frame numbers and the noise level of each."""
    numbers = [index(number) for number in (range(frames) if isinstance(frames, int | np.integer) else frames)]
    if not numbers or min(numbers) < 0:
        raise EdmNoiseError(f"frames is {frames}: give a number of frames from 1, or frame numbers from 0")
    scales = [float(s) for s in ([sigma] * len(numbers) if isinstance(sigma, int | float | np.number) else sigma)]
    if len(scales) != len(numbers):
        raise EdmNoiseError(f"{len(scales)} noise levels for {len(numbers)} frames: give one for all or one for each")
    return numbers, [check_sigma(s) for s in scales]


def empty(*shape: int) -> Tensor:
    """Room for numbers, whatever torch's default type and device are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")
