"""d_ij = |x_i - x_j| for listed pairs of atoms in several frames: what lDDT, contacts, bonds and clashes are made of.

Pairs are found once, on the reference, by a tree; their number grows as the number of atoms does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..base.legible import Legible
from ..base.memory import check_frames_fit

Points = NDArray[np.float32]
"""(N, 3, S): atoms first and frames last, so that an atom's coordinates in all frames are one run of memory. Looking up
1.2 million pairs of 5,469 atoms in 20 frames takes a fifth of the time that it takes frame by frame."""

Among = NDArray[np.bool_]
"""(N,) the atoms that are counted, where not all are; what joins one of them to another atom is counted too."""

_TILE = 1 << 17
"""Distances at a time: 512 KiB, which stay in the cache from the look-up to the last comparison (32 frames of 1TII: 4.6
ms each; tiles of 2^15 take 5.7)."""

_PAIR_BYTES = 48
"""Memory of a pair while pairs are found and sorted."""


@dataclass(frozen=True, eq=False, repr=False)
class Pairs(Legible):
    """Pairs of atoms and their distances in the reference.

    Attributes
    ----------
    first, second
        (P,) int32 atoms; ``first < second``.
    reference
        (P,) float32, angstrom.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    reference: NDArray[np.float32]

    @classmethod
    def of(cls, coordinates: NDArray[np.float32], pairs: NDArray[np.int64]) -> Pairs:
        """From (P, 2) atoms and the (N, 3) coordinates of the reference."""
        first, second = (np.ascontiguousarray(column, dtype=np.int32) for column in pairs.T)
        made = cls(first, second, np.empty(len(pairs), dtype=np.float32))
        for where, distances in made.distances(np.ascontiguousarray(coordinates[:, :, None])):
            made.reference[where] = distances[:, 0]
        return made

    def __len__(self) -> int:
        return len(self.first)

    def tiles(self, frames: int) -> list[slice]:
        """Which pairs are looked at together in so many frames."""
        length = max(1, _TILE // frames)
        return [slice(start, min(start + length, len(self))) for start in range(0, len(self), length)]

    def distances(
        self, points: Points, tiles: Iterable[slice] | None = None
    ) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Distances in every frame, some pairs at a time.

        Parameters
        ----------
        points
            (N, 3, S) coordinates, angstrom, contiguous.
        tiles
            Some of `tiles`; all of them when not given.

        Yields
        ------
        slice, array
            Which pairs, and their distances (p, S) in angstrom, which the next ones overwrite.
        """
        atoms, _, frames = points.shape
        rows = points.reshape(atoms, 3 * frames)
        length = min(len(self), max(1, _TILE // frames))
        one, other = np.empty((2, length, 3 * frames), dtype=np.float32)
        lengths = np.empty((length, frames), dtype=np.float32)
        for where in self.tiles(frames) if tiles is None else tiles:
            size = where.stop - where.start
            a, b, d = one[:size], other[:size], lengths[:size]
            np.take(rows, self.first[where], axis=0, out=a, mode="clip")  # without a mode, numpy copies once more
            np.take(rows, self.second[where], axis=0, out=b, mode="clip")
            a -= b
            x, y, z = torch.from_numpy(a.reshape(size, 3, frames)).unbind(dim=1)
            torch.mul(x, x, out=torch.from_numpy(d)).addcmul_(y, y).addcmul_(z, z)  # twice as fast as numpy
            yield where, np.sqrt(d, out=d)  # and this three quarters of torch's time


def close_pairs(coordinates: NDArray[np.float32], radius: float) -> NDArray[np.int64]:
    """All pairs of atoms that are at most ``radius`` apart.

    Parameters
    ----------
    coordinates
        (N, 3), angstrom.
    radius
        In angstrom.

    Returns
    -------
    array
        (P, 2) atoms, the lower number first.

    Raises
    ------
    EdmNoiseError
        Where so many pairs do not fit in memory.
    """
    tree = cKDTree(coordinates)
    count = (int(tree.count_neighbors(tree, radius)) - len(coordinates)) // 2
    check_frames_fit(count, _PAIR_BYTES, what=f"pairs of atoms within {radius:g} A")
    found: NDArray[np.int64] = tree.query_pairs(radius, output_type="ndarray")  # puts the lower number first
    return found


def touching(items: NDArray[np.int64], among: Among | None) -> NDArray[np.int64]:
    """Those of (P, k) atoms of which one at least is counted."""
    return items if among is None else items[among[items].any(axis=1)]
