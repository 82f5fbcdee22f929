"""n = sigma sqrt(N / tr K_0) x, x ~ N(0, K_0): a published law of chains, scaled so that sigma keeps its meaning."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from torch import Tensor

from ...base.coordinates import CoordinatesLike
from ...base.errors import EdmNoiseError
from ...base.threads import shared
from ...structure.hierarchy import Hierarchy
from ...structure.structure import Structure
from ..theory.linear import LinearStatistics
from ..theory.statistics import Expected
from ..theory.superposed import after_superposition
from .chains import Chains
from .drawing import DrawnFrames
from .markov import MarkovCovariance
from .markov_drawing import MarkovFrames

_MOST_FRAMES, _BATCH_ATOMS, _BATCHES = 64, 1 << 17, 4
"""Frames that are drawn together, the atoms in them, and fewest batches; one of 5,684 atoms takes 1.9 times its normal
numbers among 23 others, 2.5 times among 4."""

_KEPT = 4
"""Processes kept with a structure: what moves sigma asks for the same again and again."""

Made = TypeVar("Made", bound="MarkovNoise")

_made: weakref.WeakKeyDictionary[Structure, dict[tuple[object, ...], MarkovNoise]] = weakref.WeakKeyDictionary()


class MarkovNoise(DrawnFrames):
    """Noise of a `MarkovCovariance` on a structure's atoms.

    Parameters
    ----------
    hierarchy
        Nested groups, which displacements are measured by.
    published
        The chains as they are published, angstrom.

    Attributes
    ----------
    published_sigma
        Noise level at which this is the published law, angstrom: the RMS per coordinate that it has.
    """

    name: ClassVar[str]

    def __init__(self, hierarchy: Hierarchy, published: Chains) -> None:
        square = float(published.diagonal.mean())
        self.hierarchy = hierarchy
        self.published_sigma = math.sqrt(square)
        self.covariance = MarkovCovariance(published.scaled(1 / square))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.atoms:,} atoms, published at sigma {self.published_sigma:.4g} A)"

    @classmethod
    def kept(cls: type[Made], structure: Structure, **knobs: float) -> Made:
        """The noise of a structure, the same again for the same knobs."""
        made: Any = _made.setdefault(structure, {})
        key = cls, *sorted(knobs.items())
        if key not in made:
            made[key] = cls.of(structure, **knobs)
            for old in list(made)[:-_KEPT]:
                del made[old]
        kept: Made = made[key]
        return kept

    @classmethod
    def of(cls: type[Made], structure: Structure, **knobs: float) -> Made:
        """The noise of a structure, made anew."""
        raise NotImplementedError

    @property
    def atoms(self) -> int:
        return self.covariance.atoms

    @cached_property
    def statistics(self) -> LinearStatistics:
        """Closed forms of the displacement at every level."""
        return LinearStatistics(self.hierarchy, self.covariance)

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> Expected:
        """Mean square displacement after superposition, as `after_superposition` has it."""
        given = self.covariance, self.statistics
        return after_superposition(self.hierarchy, *given, coordinates, level, relative_to, over_atoms)

    def _fill(
        self, out: Tensor, numbers: Sequence[int], scales: Sequence[float], seed: int, mean: Tensor | None
    ) -> None:
        """Draw frames some at a time, shared between threads."""
        size = max(1, min(_MOST_FRAMES, len(numbers) // _BATCHES, _BATCH_ATOMS // self.atoms))
        flat = out.view(len(numbers), -1)

        def work(batches: Iterator[slice]) -> None:
            frames = MarkovFrames(self.covariance.chains, size, mean)
            for batch in batches:
                frames.draw(flat[batch], seed, numbers[batch], scales[batch])

        shared(work, [slice(start, start + size) for start in range(0, len(numbers), size)])


def check_knob(name: str, value: float, low: float, high: float = math.inf, unit: str = " A") -> None:
    """EdmNoiseError for a knob below ``low`` or above ``high``."""
    if not low <= value <= high:
        bound = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
        raise EdmNoiseError(f"{name} is {value:g}{unit}: give {bound}")
