"""x_i = t_b + R_b v_i for each atom i of a rigid body b: rotations and places of bodies become places of atoms.

Frames lie along the last axis, `LANES` at a time whatever is asked for. Rows of that length are as fast to look up as
to read, and as operations go over whole rows, a frame is the same to the bit in any lane and among any others.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...structure.hierarchy import Index
from .drawing import empty

LANES = 16
"""Frames that are worked on together: as many float32 numbers as the widest vector register holds."""

_TILE = 512
"""Atoms placed at a time: their rotations (384 KiB) stay in the cache."""

_ROWS = 2048
"""Quaternions at a time that become matrices."""


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
        self._body = torch.from_numpy(body).split(_TILE)
        columns = torch.from_numpy(arms.astype(np.float32).T.copy())[:, :, None, None]
        self._arms = columns.split(_TILE, dim=1)

    def place(self, placing: Tensor, out: Tensor) -> None:
        """Fill ``out`` with the atoms' places.

        Parameters
        ----------
        placing
            (12, B, LANES) float32: of each body the matrix by its columns, and where its pivot is, angstrom.
        out
            (n, N, 3) float32, the first n lanes.
        """
        count = placing.shape[1]
        of_bodies = torch.arange(12 * count, device="cpu").view(12, count).T.flatten()
        rows = placing.flatten(0, 1).index_select(0, of_bodies).view(count, -1)  # a body's numbers side by side
        tile = min(_TILE, out.shape[1])
        room, numbers = empty(tile, 3, LANES), empty(tile, 12 * LANES)
        start = 0
        for body, arms in zip(self._body, self._arms, strict=True):
            stop = start + len(body)
            own = torch.index_select(rows, 0, body, out=numbers[: len(body)]).view(len(body), 12, LANES)
            x = room[: len(body)]
            torch.mul(own[:, :3], arms[0], out=x)
            for k in (1, 2):
                x.addcmul_(own[:, 3 * k : 3 * k + 3], arms[k])
            x += own[:, 9:]  # the small ones first: all atoms of a body are rounded alike
            out[:, start:stop] = x.permute(2, 0, 1)[: len(out)]
            start = stop


def columns(turn: Tensor, out: Tensor) -> Tensor:
    """Rotation matrices of quaternions of any length, column by column: (4, B, lanes) -> (9, B, lanes), ``out``."""
    for part, made in zip(turn.split(_ROWS, 1), out.split(_ROWS, 1), strict=True):
        w, x, y, z = part * (2 / (part * part).sum(0)).sqrt_()
        a00, a10, a20, a01, a11, a21, a02, a12, a22 = made
        xx, yy, zz = x * x, y * y, z * z
        for sum_of_two, entry in ((yy + zz, a00), (xx + zz, a11), (xx + yy, a22)):
            torch.neg(sum_of_two, out=entry).add_(1)
        for both, apart, below, above in ((x * y, w * z, a10, a01), (x * z, w * y, a02, a20), (y * z, w * x, a21, a12)):
            torch.add(both, apart, out=below)
            torch.sub(both, apart, out=above)
    return out
