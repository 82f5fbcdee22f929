"""pi_m = w_m / sum w: probabilities that are given up to a factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import EdmNoiseError


def probabilities(weights: Sequence[float] | ArrayLike | None, count: int) -> NDArray[np.float64]:
    """(count,) probabilities, equal ones when no weights are given.

    EdmNoiseError for another number of weights, for what is not finite or negative, and for nothing but zeros.
    """
    given = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (count,) or not (np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
        raise EdmNoiseError(f"weights are {given.tolist()}: give {count} finite numbers, none negative, not all zero")
    return given / given.sum()
