"""x_i = t_b + R_b v_i for each atom i of a rigid body b: rotations and places of bodies become places of atoms.

What is worked out for bodies and atoms has them along the last axis, and frames, the lanes, along the one before: of a
small structure several at a time, for a call takes as long as the arithmetic of a thousand numbers. It is NumPy's, whose
calls are shorter than torch's, and is made of sums, products and roots of single numbers, which are rounded alike
wherever they stand: a frame is the same to the bit in any lane and among any others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structure.hierarchy import Index

Numbers = NDArray[np.float32]

_TILE = 8192
"""Atoms, of all lanes, placed at a time: their rotations (288 KiB) stay in the cache."""


class Bodies:
    """Atoms in rigid bodies.

    Parameters
    ----------
    body
        (N,) the body of each atom.
    arms
        (N, 3) from the body's pivot to the atom, angstrom.
    """

    def __init__(self, body: Index, arms: NDArray[np.float64]) -> None:
        self._body, self._arms = body, rows(arms)

    def place(self, rotation: Numbers, centre: Numbers, out: Numbers) -> None:
        """Fill ``out`` with the atoms' places.

        Parameters
        ----------
        rotation, centre
            (3, 3, lanes, B) matrices, and (3, lanes, B) where pivots are, angstrom.
        out
            (lanes, N, 3).
        """
        lanes, atoms, _ = out.shape
        length = max(1, _TILE // lanes)
        for start in range(0, atoms, length):
            tile = slice(start, start + length)
            body = self._body[tile]
            x = turned(taken(rotation, body), self._arms[..., tile])
            np.add(x, taken(centre, body), out=np.moveaxis(out[:, tile], -1, 0))  # last: a body's atoms round alike


def rows(vectors: NDArray[np.float64]) -> Numbers:
    """(n, 3) as (3, 1, n), the same in all lanes."""
    return np.ascontiguousarray(vectors.T[:, None], dtype=np.float32)


def taken(numbers: NDArray[Any], places: Index) -> NDArray[Any]:
    """Those at some places of the last axis; that all are in it is known."""
    return numbers.take(places, axis=-1, mode="clip")


def turned(rotation: Numbers, vectors: Numbers) -> Numbers:
    """R v, of (3, 3, lanes, n) and (3, lanes or 1, n)."""
    made: Numbers = rotation[:, 0] * vectors[0]
    for k in (1, 2):
        made += rotation[:, k] * vectors[k]
    return made
