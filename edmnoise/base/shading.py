"""What the colours of atoms stand for: a value of each, a range, a palette and a title. No value is grey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .colours import Anchor, check_range, palette_colours
from .errors import EdmNoiseError
from .legible import Legible

GREY = "#808080"
"""Of atoms without a value, as `palette_colours` has it."""


@dataclass(frozen=True, eq=False, repr=False)
class Shading(Legible):
    """Values of atoms and how they are coloured, the same in every model or of each model its own.

    Attributes
    ----------
    values
        (N,) or (models, N); NaN for none.
    anchors
        Colours at even steps of the range, red, green, blue from 0 to 1.
    low, high
        The range; beyond it lie the colours of its ends.
    title
        What the values are, without their unit.
    unit
        That unit; "" for shares.

    Raises
    ------
    EdmNoiseError
        A range that is none, values of another shape, or no value at all.
    """

    values: NDArray[np.float64]
    anchors: tuple[Anchor, ...]
    low: float
    high: float
    title: str
    unit: str = "angstrom"

    def __post_init__(self) -> None:
        check_range(self.low, self.high)
        if self.values.ndim not in (1, 2):
            raise EdmNoiseError(f"values have the shape {self.values.shape}: give (atoms,) or (models, atoms)")
        if np.isnan(self.values).all():
            raise EdmNoiseError(f"{self.title}: no atom has a value to be coloured by")

    @property
    def by_model(self) -> bool:
        """Whether each model has values of its own."""
        return self.values.ndim == 2

    @property
    def rows(self) -> NDArray[np.float64]:
        """(1 or models, N) the values."""
        return np.atleast_2d(self.values)

    @property
    def is_flat(self) -> bool:
        """Whether the range has no width: one colour, the first."""
        return self.low == self.high

    @property
    def palette(self) -> list[str]:
        """Hexadecimal codes of the colours at `steps`, straight lines between them."""
        if self.is_flat:
            return self.colours(np.array([self.low, self.low]))
        return self.colours(np.array(self.steps))

    @property
    def steps(self) -> list[float]:
        """The values at which the colours of the palette stand."""
        steps: list[float] = np.linspace(self.low, self.high, 2 if self.is_flat else len(self.anchors)).tolist()
        return steps

    def colours(self, values: NDArray[np.float64]) -> list[str]:
        """Hexadecimal codes of some values."""
        return hexadecimal(palette_colours(values, self.anchors, self.low, self.high))

    def take(self, atoms: NDArray[np.int64]) -> Shading:
        """That of some atoms, in their order."""
        return Shading(self.values[..., atoms], self.anchors, self.low, self.high, self.title, self.unit)


def hexadecimal(shades: NDArray[np.uint8]) -> list[str]:
    """Codes of (n, 3) red, green, blue."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in shades.tolist()]
