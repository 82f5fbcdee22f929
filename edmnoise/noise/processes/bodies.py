"""x_i = t_b + R_b v_i for each atom i of a rigid body b: rotations and places of bodies become places of atoms.

Frames lie along the last axis, `LANES` at a time whatever is asked for: rows of that length are as fast to look up as to
read, and as all operations go over whole rows, a frame is the same to the bit in any lane and among any others.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...structure.hierarchy import Index
from .drawing import empty

LANES = 16
"""Frames that are worked on together: the numbers that two of the widest vector registers hold in float32."""

_TILE = 512
"""Atoms placed at a time: their rotations (384 KiB) stay in the cache."""


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

    def place(self, rotation: Tensor, centre: Tensor, out: Tensor) -> None:
        """Fill ``out`` with the atoms' places.

        Parameters
        ----------
        rotation
            (B, 9, LANES) float64 matrices by their columns, as `columns` gives them.
        centre
            (B, 3, LANES) float64 where the pivots are, angstrom.
        out
            (n, N, 3) float32, the first n lanes.
        """
        placing = torch.cat([rotation, centre], 1).float()
        room = empty(2, min(_TILE, out.shape[1]), 3, LANES)
        start = 0
        for body, arms in zip(self._body, self._arms, strict=True):
            stop = start + len(body)
            own = placing.index_select(0, body)
            x, part = room[:, : len(body)]
            torch.mul(own[:, :3], arms[0], out=x)
            for k in (1, 2):
                x += torch.mul(own[:, 3 * k : 3 * k + 3], arms[k], out=part)
            x += own[:, 9:]  # the small ones first: all atoms of a body are rounded alike
            out[:, start:stop] = x.permute(2, 0, 1)[: len(out)]
            start = stop


def columns(turn: Tensor) -> Tensor:
    """Rotation matrices of quaternions of any length, column by column: (B, 4, lanes) -> (B, 9, lanes)."""
    scaled = turn * (2 / turn.square().sum(1, keepdim=True)).sqrt_()
    w, x, y, z = scaled.unbind(1)
    xx, yy, zz = x * x, y * y, z * z
    xy, xz, yz, wx, wy, wz = x * y, x * z, y * z, w * x, w * y, w * z
    made = turn.new_empty(len(turn), 9, turn.shape[2])
    for place, entry in enumerate(
        (1 - (yy + zz), xy + wz, xz - wy, xy - wz, 1 - (xx + zz), yz + wx, xz + wy, yz - wx, 1 - (xx + yy))
    ):
        made[:, place] = entry
    return made
