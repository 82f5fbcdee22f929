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

from ...base.coordinates import CoordinatesLike
from ...base.seeds import NOISE, reseed
from ...base.threads import shared
from ...structure.structure import Structure
from ..process import NoClosedForm, forward_only
from .bodies import LANES, Bodies
from .drawing import DrawnFrames, empty


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


class ForwardNoise(DrawnFrames):
    """Noise that is forward only: it is drawn about coordinates, those of the structure where no others are given.

    The same frame at another level is another one, not the same displacement scaled.
    """

    name: ClassVar[str]

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._kept: tuple[Tensor | None, Drawer] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.atoms:,} atoms)"

    @property
    def atoms(self) -> int:
        return self.structure.n_atoms

    @property
    def covariance(self) -> NoReturn:
        """None: `ForwardOnly`."""
        raise forward_only(self.name)

    @property
    def statistics(self) -> NoReturn:
        """None that hold at any level: `NoClosedForm`."""
        raise NoClosedForm(f"{self.name} noise has no closed forms")

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> NoReturn:
        """None: `NoClosedForm`."""
        raise NoClosedForm(f"{self.name} noise has no closed forms after superposition")

    @abstractmethod
    def _drawer(self, around: NDArray[np.float64]) -> Drawer:
        """What draws about (N, 3) coordinates."""

    def _fill(
        self, out: Tensor, numbers: Sequence[int], scales: Sequence[float], seed: int, mean: Tensor | None
    ) -> None:
        """Draw the frames `LANES` at a time, shared between threads."""
        around = torch.from_numpy(self.structure.coordinates.copy()) if mean is None else mean
        if self._kept is None or self._kept[0] is not mean:
            self._kept = mean, self._drawer(around.double().numpy())
        drawer = self._kept[1]

        def work(starts: Iterator[int]) -> None:
            generator, drawn = torch.Generator(), empty(LANES, drawer.numbers).zero_()
            placing = empty(12, drawer.count, LANES)
            for start in starts:
                chosen = slice(start, start + LANES)
                sigmas = list(scales[chosen])
                for row, number in zip(drawn, numbers[chosen], strict=False):
                    row.normal_(generator=reseed(generator, seed, number, NOISE))
                sigmas += sigmas[-1:] * (LANES - len(sigmas))  # lanes that nobody asked for
                drawer.move(drawn.t().contiguous(), tuple(sigmas), placing)
                drawer.bodies.place(placing, out[chosen])
                if mean is None:
                    out[chosen] -= around

        shared(work, range(0, len(numbers), LANES))
