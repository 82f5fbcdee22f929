"""Coordinates and levels as programs hold them, in NumPy: (..., N, 3) or (..., 3, N) as (B, N, 3), and one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def on_cpu(values: Any) -> Any:
    """An array, or what can be made one; it may be the memory of the values."""
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else values


def counted(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and atoms of coordinates; ValueError for a shape that has none."""
    if len(shape) < 2 or 3 not in shape[-2:] or 0 in shape:
        raise ValueError(f"x has the shape {shape}, not (..., N, 3) or (..., 3, N)")
    return int(np.prod(shape[:-2])), shape[-2] if shape[-1] == 3 else shape[-1]


def atoms_of(values: Any) -> int:
    """How many atoms coordinates are of; ValueError for what is no coordinates."""
    return counted(tuple(np.shape(values)))[1]


def rows_of(values: NDArray[Any]) -> NDArray[Any]:
    """(..., N, 3) or (..., 3, N) -> (B, N, 3); three axes before three atoms are read as (..., N, 3)."""
    counted(values.shape)
    rows = values.reshape(-1, *values.shape[-2:])
    return rows if values.shape[-1] == 3 else rows.swapaxes(1, 2)


def level_of(value: Any) -> float:
    """The one level of a call; ValueError where its samples have several, or none that is finite."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    levels = np.asarray(value, dtype=np.float64).ravel()
    if not (levels.size and np.isfinite(levels).all() and np.ptp(levels) <= 1e-6 * abs(levels).max()):
        raise ValueError(f"sigma is {value}, not one level for all samples of the call")
    return float(levels[0])
