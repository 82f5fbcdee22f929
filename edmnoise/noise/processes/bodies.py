"""x_i = t_b + R_b v_i for each atom i of a rigid body b: rotations and places of bodies become places of atoms.

Of a small structure some frames are worked on together. They lie along the last axis, the lanes: a row of eight is
looked up as fast as one number, and a call takes as long as the arithmetic of a thousand. All is NumPy's, whose calls
are shorter than torch's, and made of sums, products and roots of single numbers, which are rounded alike wherever they
stand: a frame is the same to the bit in any lane, alone and among any others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structure.hierarchy import Index

Numbers = NDArray[np.float32]

_TILE = 1 << 14
"""Atoms, of all lanes, placed at a time: their rotations (576 KiB) stay in the cache."""


class Bodies:
    """Atoms in rigid bodies.

    Parameters
    ----------
    body
        (N,) the body of each atom.
    arms
        (N, 3) from the body's pivot to the atom, angstrom.
    lanes
        Frames that are placed together.
    """

    def __init__(self, body: Index, arms: NDArray[np.float64], lanes: int) -> None:
        self._body, self._arms = body, in_lanes(arms.T, lanes)

    def place(self, rotation: Numbers, centre: Numbers, out: Numbers) -> None:
        """Fill ``out`` with the atoms' places.

        Parameters
        ----------
        rotation, centre
            (3, 3, B, lanes) matrices, and (3, B, lanes) where pivots are, angstrom.
        out
            (lanes, N, 3).
        """
        length = max(1, _TILE // len(out))
        for start in range(0, len(self._body), length):
            tile = slice(start, start + length)
            body = self._body[tile]
            x = turned(taken(rotation, body), self._arms[:, tile])
            np.add(x, taken(centre, body), out=out[:, tile].T)  # last: all atoms of a body are rounded alike


def in_lanes(constant: NDArray[np.float64], lanes: int) -> Numbers:
    """(..., n) as (..., n, lanes), the same in all lanes."""
    return np.repeat(constant.astype(np.float32)[..., None], lanes, axis=-1)


def taken(numbers: NDArray[Any], rows: Index) -> NDArray[Any]:
    """Some rows of (..., n, lanes); that all are there is known."""
    return numbers.take(rows, axis=-2, mode="clip")


def turned(rotation: Numbers, vectors: Numbers) -> Numbers:
    """R v, of (3, 3, n, lanes) and (3, n, lanes)."""
    made: Numbers = rotation[:, 0] * vectors[0]
    for k in (1, 2):
        made += rotation[:, k] * vectors[k]
    return made
