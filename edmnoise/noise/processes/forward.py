"""x = f(x_0, g; sigma), g normal and f not linear: noise that is drawn about a structure, and has no covariance.

A process gives the number of its normal numbers, and what becomes of them; all else is the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.seeds import NOISE, check_seed, reseed
from ...base.threads import shared
from ...structure.structure import Structure
from ..process import NoClosedForm, forward_only
from .bodies import LANES, Bodies
from .drawing import BLOCK_ATOMS, empty, numbered


class Drawer(ABC):
    """What draws about one set of coordinates: rigid bodies, their count, and that of a frame's normal numbers."""

    bodies: Bodies
    count: int
    numbers: int

    @abstractmethod
    def move(self, normal: Tensor, sigmas: tuple[float, ...], placing: Tensor) -> None:
        """Say where the bodies are.

        Parameters
        ----------
        normal
            (numbers, LANES) float32, standard normal.
        sigmas
            Noise level of each lane, angstrom.
        placing
            (12, count, LANES) float32, to be filled as `Bodies.place` takes it.
        """


class ForwardNoise(ABC):
    """Noise that is forward only: it is drawn about coordinates, those of the structure where no others are given.

    Frames at another level are other frames, not the same displacement scaled.
    """

    name: ClassVar[str]

    def __init__(self, structure: Structure) -> None:
        self.structure = structure

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.structure.n_atoms:,} atoms)"

    @property
    def covariance(self) -> NoReturn:
        """None: `ForwardOnly`."""
        raise forward_only(self.name)

    @property
    def statistics(self) -> NoReturn:
        """None that hold at every level: `NoClosedForm`."""
        raise NoClosedForm(f"{self.name} noise has no closed forms")

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> NoReturn:
        """None: `NoClosedForm`."""
        raise NoClosedForm(f"{self.name} noise has no closed forms after superposition")

    @abstractmethod
    def _drawer(self, around: NDArray[np.float64]) -> Drawer:
        """What draws about (N, 3) coordinates."""

    def blocks(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Iterator[Tensor]:
        """Draw frames a few at a time.

        Parameters
        ----------
        sigma
            Noise level in angstrom: one for all frames or one for each.
        frames
            Number of frames (0, 1, 2, ...) or the numbers of the frames wanted. A frame's draw depends on ``seed`` and
            its number alone.
        mean
            (N, 3) coordinates that are noised; without them those of the structure are, and the displacement is given.

        Yields
        ------
        Tensor
            (s, N, 3) float32, angstrom, frames in order. The next block overwrites it: use it or copy it first.
        """
        numbers, scales = numbered(sigma, frames)
        atoms, drawer, rest = self._about(mean)
        rows = min(len(numbers), max(LANES, BLOCK_ATOMS // atoms // LANES * LANES))
        out = empty(rows, atoms, 3)
        for start in range(0, len(numbers), rows):
            chosen = slice(start, start + rows)
            block = out[: len(numbers[chosen])]
            _fill(block, drawer, numbers[chosen], scales[chosen], check_seed(seed), rest)
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
        atoms, drawer, rest = self._about(mean)
        out = empty(len(numbers), atoms, 3)
        _fill(out, drawer, numbers, scales, check_seed(seed), rest)
        return out

    def _about(self, mean: CoordinatesLike | None) -> tuple[int, Drawer, Tensor | None]:
        """How many atoms there are, what draws about them, and what is subtracted from what it draws."""
        own = torch.from_numpy(self.structure.coordinates.copy())
        atoms = len(own)
        around = own if mean is None else coordinates("mean", mean, (atoms, 3)).detach().cpu()
        return atoms, self._drawer(around.double().numpy()), own if mean is None else None


def _fill(
    out: Tensor, drawer: Drawer, numbers: Sequence[int], scales: Sequence[float], seed: int, rest: Tensor | None
) -> None:
    """Draw the frames into ``out`` (S, N, 3), `LANES` at a time, shared between threads."""

    def work(starts: Iterator[int]) -> None:
        generator, row = torch.Generator(), empty(drawer.numbers)
        normal, placing = empty(drawer.numbers, LANES).zero_(), empty(12, drawer.count, LANES)
        for start in starts:
            chosen = slice(start, start + LANES)
            sigmas = list(scales[chosen])
            for lane, number in enumerate(numbers[chosen]):
                normal[:, lane] = row.normal_(generator=reseed(generator, seed, number, NOISE))
            sigmas += sigmas[-1:] * (LANES - len(sigmas))  # lanes that nobody asked for
            frames = out[chosen]
            drawer.move(normal, tuple(sigmas), placing)
            drawer.bodies.place(placing, frames)
            if rest is not None:
                frames -= rest

    shared(work, range(0, len(numbers), LANES))
