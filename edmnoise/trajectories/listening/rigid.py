"""after = before @ turn + a shift, fitted to some atoms of each sample, or read off rotations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .coordinates import counted, on_cpu, rows_of

_FITTED = 1000
"""Atoms at most, every so many of all, by which turns are fitted and samples told apart."""

_RIGID = 0.02
"""Part of a molecule's size that may be left when it was turned as a whole: bfloat16 rounds to .004."""


class Few(NamedTuple):
    """Some atoms of every row, by which turns are fitted and rows told apart."""

    atoms: int
    rows: NDArray[np.float64]
    """(B, n, 3), every so many of all atoms."""

    @classmethod
    def of(cls, values: Any) -> Few:
        """Of coordinates, (..., N, 3) or (..., 3, N), copied now."""
        values = values if hasattr(values, "shape") else np.asarray(values)
        shape = tuple(values.shape)
        atoms = counted(shape)[1]
        every = -(-atoms // _FITTED)
        # Taken where the values are: on a graphics card the rest need not come.
        some = values[..., ::every, :] if shape[-1] == 3 else values[..., ::every]
        return cls(atoms, rows_of(np.array(on_cpu(some), np.float64)))


def turn_of(before: Few, after: Few) -> NDArray[np.float64]:
    """(B, 3, 3) how coordinates were turned as a whole: after = before @ turn + a shift.

    Parameters
    ----------
    before, after
        As many rows of as many atoms. Atoms at exactly 0 in one of them do not count: there models put atoms that are
        masked.

    Raises
    ------
    ValueError
        Other rows, a change that is no motion of rigid bodies, or atoms that do not say how they were turned.

    References
    ----------
    Kabsch, Acta Crystallogr. A 32, 922 (1976).
    """
    if before.rows.shape != after.rows.shape or before.atoms != after.atoms:
        raise ValueError(
            f"{len(before.rows)} samples of {before.atoms} atoms became {len(after.rows)} of {after.atoms} "
            "where they should be turned"
        )
    there = (before.rows.any(-1) & after.rows.any(-1))[..., None]
    b, a = (_centred(rows, there) for rows in (before.rows, after.rows))
    u, widths, v = np.linalg.svd(b.swapaxes(1, 2) @ a)
    if not (widths[:, 1] > 1e-9 * widths[:, 0]).all():
        raise ValueError("the atoms lie in a line, which does not say how they were turned")
    u[..., 2] *= np.sign(np.linalg.det(u @ v))[:, None]
    turn = u @ v
    left, size = (np.sqrt((rows**2).mean((1, 2))) for rows in (a - b @ turn, a))
    if not (left <= _RIGID * size).all():
        raise ValueError(f"samples were changed by {left.max():.3g} A beside a motion of the whole")
    return turn


def rotations_of(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 3, 3), the rotations nearest to the values, for half precision rounds them; ValueError for what are none."""
    if given.shape[-2:] != (3, 3):
        raise ValueError(f"rotations have the shape {given.shape}, not (samples, 3, 3)")
    u, widths, v = np.linalg.svd(given.reshape(-1, 3, 3))
    if not (abs(widths - 1) <= _RIGID).all() or (np.linalg.det(u @ v) < 0).any():
        raise ValueError("what should be rotations are none")
    return u @ v


def _centred(rows: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (rows - rows.sum(1, keepdims=True, where=there) / np.maximum(there.sum(1, keepdims=True), 1)) * there
