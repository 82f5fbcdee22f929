"""What was still to go, where noise turned the samples and only the size of its turns is known.

A replayed step is fitted onto what came, and takes the turn that fresh noise made for one of the sampler's own
(`edmnoise.trajectories.replaying` derives how large it is). So a run that was laid by replay is seen as if noise never
turned it as a whole. The turns of independent normal noise are independent of all else in it, and a denoiser turns
along with x: what really happened is the laid run with a small random turn after each step. Turns by noise are drawn,
put together from the end backwards, and what was to go is measured for each draw.

With u the centres of groups in a step (atoms in their residue, residues in their chain, chains about the centre of all)
and v those in the end, what is to go is w^2 = mean |u - v|^2 / 3. A turn of u by Q adds 2 (mean u v - mean (u Q) v) / 3
to that: nine numbers a step, mean u^T v, are enough.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.rotations import quaternion_to_matrix
from ..frames.displacement import Measure, nested, vectors_of
from ..structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

_DRAWS = 400
"""Of the 2.5th percentile of so many the rank is known to .8 percent."""


def possible_ways(
    frames: NDArray[np.float32], final: NDArray[np.float32], hierarchy: Hierarchy, turns: Array
) -> dict[Measure, Array]:
    """For each of `nested` (draws, T): RMS to go per coordinate, angstrom, as it may have been.

    Parameters
    ----------
    frames, final
        (T, B, N, 3) and (B, N, 3) float32, angstrom, in one frame.
    turns
        (T, B, 3, 3) rad^2, as in `edmnoise.trajectories.laying.Laying`.
    """
    generator = torch.Generator().manual_seed(0)
    ends = _vectors(final, hierarchy)
    squares: dict[Measure, list[Tensor]] = {part: [] for part in nested(hierarchy)}
    turn = torch.eye(3, dtype=torch.float64).expand(_DRAWS, len(final), 3, 3)
    for frame, spread in zip(frames[::-1], turns[::-1], strict=True):
        turn = _drawn(torch.from_numpy(spread), generator) @ turn
        for part, u in _vectors(frame, hierarchy).items():
            squares[part].append(_Parts.of(u, ends[part]).turned(turn))
    return {part: torch.stack(found[::-1], dim=1).sqrt().numpy() for part, found in squares.items()}


class _Parts(NamedTuple):
    """Of B samples mean |u - v|^2 (B,) and mean u^T v (B, 3, 3), angstrom^2."""

    apart: Tensor
    cross: Tensor

    @classmethod
    def of(cls, u: Tensor, v: Tensor) -> _Parts:
        return cls((u - v).square().sum(1).mean(1).double(), (u @ v.mT).double() / u.shape[2])

    def turned(self, turn: Tensor) -> Tensor:
        """(draws,) w^2 after (draws, B, 3, 3) turns of u."""
        added = self.cross.diagonal(dim1=1, dim2=2).sum(1) - (turn * self.cross).sum((2, 3))
        return (self.apart + 2 * added).mean(1).clamp_min(0) / 3


def _vectors(frames: NDArray[np.float32], hierarchy: Hierarchy) -> dict[Measure, Tensor]:
    """For each of `nested` (B, 3, groups), about the centre of all atoms."""
    x = torch.from_numpy(frames).mT
    return dict(vectors_of(x - x.mean(dim=2, keepdim=True), hierarchy, nested(hierarchy)))


def _drawn(covariance: Tensor, generator: torch.Generator) -> Tensor:
    """(draws, B, 3, 3) rotations by small vectors of (B, 3, 3) covariance."""
    values, axes = torch.linalg.eigh(covariance)
    root = axes * values.clamp_min(0).sqrt()[:, None]
    normal = torch.randn(_DRAWS, len(covariance), 3, 1, generator=generator, dtype=torch.float64)
    vector = (root @ normal)[..., 0]
    half = vector.norm(dim=-1, keepdim=True) / 2
    # sin(h) / h, where h may be 0
    return quaternion_to_matrix(torch.cat([half.cos(), vector / 2 * torch.sinc(half / math.pi)], -1))
