"""A level is frozen out once 90 % of its way is behind it for good."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FROZEN = 0.1
"""Share of its way that a level may still have to go when it counts as frozen out."""

_STILL = 1e-3
"""Way, angstrom, that is only rounding: a single chain has no other about its own centre."""


def moves(way: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether a way (T,) is one, and not only rounding: a single chain does not move about its own centre."""
    return bool(way[0] > _STILL)


def goes_on(way: NDArray[np.float64]) -> bool:
    """Whether a way (T,) has more than a tenth of it to go at its last step: it freezes out further down."""
    return bool(way[-1] > FROZEN * way[0])


def crossing(sigmas: Sequence[float] | NDArray[np.generic], way: NDArray[np.float64]) -> float:
    """Level, or step, below which the way stays within a tenth of its first value, by straight lines in log sigma."""
    if not moves(way):
        return math.nan
    if goes_on(way):
        return float(sigmas[-1])
    last = int(np.flatnonzero(way > FROZEN * way[0])[-1])
    share = (way[last] - FROZEN * way[0]) / (way[last] - way[last + 1])
    return float(sigmas[last] * (sigmas[last + 1] / sigmas[last]) ** share)
