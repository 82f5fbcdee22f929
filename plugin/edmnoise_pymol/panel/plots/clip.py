"""What of a line lies within a rectangle (Liang and Barsky 1984)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Range = tuple[float, float]


def within(value: float, limits: Range) -> bool:
    """Whether a number lies in a range."""
    return limits[0] <= value <= limits[1]


def clipped(x: Sequence[float], y: Sequence[float], x_range: Range, y_range: Range) -> tuple[list[float], list[float]]:
    """The parts of a line that lie within both ranges, NaN between them.

    Examples
    --------
    >>> clipped([0, 4], [0, 4], (1, 9), (0, 3))
    ([1.0, 3.0, nan], [1.0, 3.0, nan])
    """
    across: list[float] = []
    up: list[float] = []
    for (x0, y0), (x1, y1) in pairwise(zip(x, y, strict=True)):
        ends = _inside(x0, y0, x1 - x0, y1 - y0, x_range, y_range)
        if ends is None:
            continue
        start, end = ends
        first = (x0 + start * (x1 - x0), y0 + start * (y1 - y0))
        if across and (across[-2], up[-2]) == first:  # the line goes on
            across.pop()
            up.pop()
        else:
            across.append(first[0])
            up.append(first[1])
        across += [x0 + end * (x1 - x0), math.nan]
        up += [y0 + end * (y1 - y0), math.nan]
    return across, up


def _inside(x: float, y: float, dx: float, dy: float, x_range: Range, y_range: Range) -> Range | None:
    """From which to which share of its length a stretch is inside; None where it is not."""
    if math.isnan(x + y + dx + dy):
        return None
    start, end = 0.0, 1.0
    for place, step, (low, high) in ((x, dx, x_range), (y, dy, y_range)):
        if step == 0:
            if not low <= place <= high:
                return None
            continue
        near, far = sorted(((low - place) / step, (high - place) / step))
        start, end = max(start, near), min(end, far)
    return (start, end) if start < end else None
