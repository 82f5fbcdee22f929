"""Displacements -> what colours stand for: the values of groups, their range, and both as atoms have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..base.colours import DEFAULT_PALETTE, PALETTES
from ..base.errors import EdmNoiseError
from ..base.shading import Shading
from .displacement import Displacement, Measure

LEAST_RANGE = 1e-3
"""Angstrom: the values of a narrower range differ by rounding."""

OVER = {"mean": "RMS", "max": "largest"}
"""What is taken over the frames, and how a title says it."""


def shade(
    moved: Displacement,
    level: str = "residue",
    relative: bool = True,
    over: str = "mean",
    palette: str = DEFAULT_PALETTE,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Shading:
    """Colour atoms by how far their groups moved, for `edmnoise.structure.files.write_view`; parameters of edm_color.

    Parameters
    ----------
    moved
        What `measure_displacement` found.
    level
        Whose displacement it is: "atom", "residue" or "chain".
    relative
        Relative to the level above (not for the highest), or absolute.
    over
        "mean" (RMS over the frames) or "max".
    palette
        A name from `edmnoise.base.colours.PALETTES`.
    minimum, maximum
        The range, angstrom, RMS per coordinate; the values' own where it is not given.

    Raises
    ------
    EdmNoiseError
        An unknown level, palette or ``over``, a displacement that was not measured, or a range that is none.
    """
    number = moved.hierarchy.level(level)
    measure = Measure(number, relative and number + 1 < moved.hierarchy.depth)
    for what, given, known in (("over", over, OVER), ("palette", palette, PALETTES)):
        if given not in known:
            raise EdmNoiseError(f"{what} is {given!r}: give one of {', '.join(known)}")
    if measure not in moved.by_group:
        raise EdmNoiseError(f"{measure.label(moved.hierarchy)} was not measured: measure it too")
    values = values_of(moved, measure, over)
    low, high = range_of(values, minimum, maximum)
    title = f"{OVER[over]} displacement, {measure.label(moved.hierarchy)}"
    return Shading(values[moved.hierarchy.ancestors(0, number)], PALETTES[palette], low, high, title)


def values_of(moved: Displacement, measure: Measure, over: str) -> NDArray[np.float64]:
    """(groups,) what is coloured, angstrom; NaN, which is grey, for groups whose displacement is 0 by definition."""
    values = np.sqrt(moved.largest[measure] if over == "max" else moved.by_group[measure])
    values[~measure.moves(moved.hierarchy)] = np.nan
    return values


def range_of(values: NDArray[np.float64], low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """What is given, and of what is not the values' own end, which keeps the order; one value for rounding errors."""
    there = values[~np.isnan(values)]
    least, most = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    if low is None and high is None and most - least < LEAST_RANGE:
        return most, most
    if low is None:
        return (least if high is None else min(least, high)), most if high is None else high
    return low, max(low, most) if high is None else high
