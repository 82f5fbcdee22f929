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
"""Frames of a small structure that are worked on together: as many numbers as are looked up like one."""

_SMALL = 1 << 16
"""Most atoms of a structure that is small: what is known of its bodies is kept for each lane."""


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
            (numbers, lanes) standard normal.
        sigma
            (lanes,) noise levels, angstrom.

        Returns
        -------
        tuple
            Rotations (3, 3, B, lanes), and places (3, B, lanes) of pivots in angstrom.
        """


def vectors(normal: Numbers) -> tuple[Numbers, Numbers]:
    """Of (6 n, lanes) normal numbers the vectors (3, n, lanes) that bodies are shifted by, and that they turn about."""
    shift, axis = normal.reshape(2, -1, 3, normal.shape[-1]).swapaxes(1, 2)
    return shift, axis


class ForwardNoise(DrawnFrames):
    """Noise that is forward only: it is drawn about coordinates, those of the structure where no others are given.

    The same frame at another level is another one, not the same displacement scaled.
    """

    name: ClassVar[str]

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._kept: tuple[Numbers, dict[int, Drawer]] | None = None

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
    def _drawer(self, around: NDArray[np.float64], lanes: int) -> Drawer:
        """What draws so many frames at a time about (N, 3) coordinates."""

    def _fill(
        self, out: Tensor, numbers: Sequence[int], scales: Sequence[float], seed: int, mean: Tensor | None
    ) -> None:
        """Draw the frames `_LANES` at a time and what is left one by one, shared between threads."""
        around = np.asarray(self.structure.coordinates, dtype=np.float32) if mean is None else mean.numpy()
        lanes = _LANES if self.atoms <= _SMALL else 1
        together = len(numbers) // lanes * lanes
        pieces = [slice(k, k + lanes) for k in range(0, together, lanes)]
        pieces += [slice(k, k + 1) for k in range(together, len(numbers))]
        drawers = {many: self._about(around, many) for many in {piece.stop - piece.start for piece in pieces}}
        places, sigma = out.numpy(), np.array(scales)

        def work(pieces: Iterator[slice]) -> None:
            generator = torch.Generator()
            for piece in pieces:
                drawer = drawers[piece.stop - piece.start]
                normal = empty(piece.stop - piece.start, drawer.numbers)
                for row, number in zip(normal, numbers[piece], strict=True):
                    row.normal_(generator=reseed(generator, seed, number, NOISE))
                drawn = np.ascontiguousarray(normal.numpy().T)
                drawer.bodies.place(*drawer.moved(drawn, sigma[piece]), places[piece])
                if mean is None:
                    places[piece] -= around

        shared(work, pieces)

    def _about(self, around: Numbers, lanes: int) -> Drawer:
        """What draws about (N, 3) coordinates, kept until others are given: Live asks for a frame at a time."""
        kept = self._kept
        if kept is None or not np.array_equal(kept[0], around):
            self._kept = kept = around.copy(), {}
        if lanes not in kept[1]:
            kept[1][lanes] = self._drawer(around.astype(np.float64), lanes)
        return kept[1][lanes]
