"""Frames are asked for by their numbers, each at its noise level, and drawn into room that is made once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from operator import index

import numpy as np
import torch
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.seeds import check_seed
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


class DrawnFrames(ABC):
    """What draws frames of noise on a structure's atoms: whoever inherits says how some of them are filled."""

    @property
    @abstractmethod
    def atoms(self) -> int:
        """N."""

    @abstractmethod
    def _fill(
        self, out: Tensor, numbers: Sequence[int], scales: Sequence[float], seed: int, mean: Tensor | None
    ) -> None:
        """Draw the frames of these numbers and noise levels into ``out`` (S, N, 3), about ``mean`` (N, 3)."""

    def blocks(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Iterator[Tensor]:
        """Draw frames a few at a time, so that a thousand large ones never lie in memory together.

        Parameters
        ----------
        sigma
            Noise level in angstrom: one for all frames or one for each.
        frames
            Number of frames (0, 1, 2, ...) or the numbers of the frames wanted. A frame's draw depends on ``seed``
            and its number alone: the same number at two noise levels is the same draw scaled.
        mean
            (N, 3) coordinates that the noise is added to, an array or a tensor; without them the noise itself is drawn.

        Yields
        ------
        Tensor
            (s, N, 3) float32, angstrom, frames in order. The next block overwrites it: use it or copy it first.
        """
        numbers, scales = numbered(sigma, frames)
        places = self._checked(mean)
        rows = min(len(numbers), max(1, BLOCK_ATOMS // self.atoms))
        out = empty(rows, self.atoms, 3)
        for start in range(0, len(numbers), rows):
            chosen = slice(start, start + rows)
            block = out[: len(numbers[chosen])]
            self._fill(block, numbers[chosen], scales[chosen], check_seed(seed), places)
            yield block

    def frames(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Tensor:
        """All frames at once: (S, N, 3) float32, angstrom; parameters as in `blocks`."""
        numbers, scales = numbered(sigma, frames)
        out = empty(len(numbers), self.atoms, 3)
        self._fill(out, numbers, scales, check_seed(seed), self._checked(mean))
        return out

    def _checked(self, mean: CoordinatesLike | None) -> Tensor | None:
        if mean is None:
            return None
        return coordinates("mean", mean, (self.atoms, 3)).detach().to("cpu", torch.float32)
