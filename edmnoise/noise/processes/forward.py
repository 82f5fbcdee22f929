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
from .bodies import Bodies, Numbers
from .drawing import DrawnFrames, empty


_LANES = 8
"""Most frames that are worked on together: a call on more is no faster a frame."""

_ATOMS = 1 << 16
"""Most atoms of all of them, unless one frame has more: what is known of bodies stays near the cache."""


class Drawer(ABC):
    """What draws about one set of coordinates: its rigid bodies, and the count of a frame's normal numbers."""

    bodies: Bodies
    numbers: int

    @abstractmethod
    def moved(self, normal: Numbers, sigma: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
        """Where the bodies are in some frames, as `Bodies.place` takes it.

        Parameters
        ----------
        normal
            (lanes, numbers) standard normal.
        sigma
            (lanes,) noise levels, angstrom.

        Returns
        -------
        tuple
            Rotations (3, 3, lanes, B), and places (3, lanes, B) of pivots in angstrom.
        """


def vectors(normal: Numbers) -> tuple[Numbers, Numbers]:
    """Of (lanes, 6 n) normal numbers the vectors (3, lanes, n) by which bodies are shifted, and which they turn about."""
    shift, axis = normal.reshape(len(normal), 2, -1, 3).transpose(1, 3, 0, 2)
    return shift, axis


class ForwardNoise(DrawnFrames):
    """Noise that is forward only: it is drawn about coordinates, those of the structure where no others are given.

    The same frame at another level is another one, not the same displacement scaled.
    """

    name: ClassVar[str]

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._kept: tuple[Numbers, Drawer] | None = None

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
        """Draw some frames at a time, shared between threads."""
        around = np.asarray(self.structure.coordinates, dtype=np.float32) if mean is None else mean.numpy()
        drawer, places, sigma = self._about(around), out.numpy(), np.array(scales)
        lanes = max(1, min(_LANES, _ATOMS // self.atoms))

        def work(starts: Iterator[int]) -> None:
            generator, normal = torch.Generator(), empty(lanes, drawer.numbers)
            for start in starts:
                chosen = slice(start, start + lanes)
                drawn = normal[: len(numbers[chosen])]
                for row, number in zip(drawn, numbers[chosen], strict=True):
                    row.normal_(generator=reseed(generator, seed, number, NOISE))
                drawer.bodies.place(*drawer.moved(drawn.numpy(), sigma[chosen]), places[chosen])
                if mean is None:
                    places[chosen] -= around

        shared(work, range(0, len(numbers), lanes))

    def _about(self, around: Numbers) -> Drawer:
        """What draws about (N, 3) coordinates, kept until others are given: Live asks for a frame at a time."""
        kept = self._kept
        if kept is None or not np.array_equal(kept[0], around):
            self._kept = kept = around.copy(), self._drawer(around.astype(np.float64))
        return kept[1]
