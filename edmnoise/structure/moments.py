"""sum_i w_i (y_i - c_y) (x_i - c_x)^T about weighted means c, and mean squares, frame by frame, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, float_tensor
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.threads import shared
from .levels import as_array

Array = NDArray[np.float64]

_BLOCK = 1 << 18
"""Coordinates in a block of frames. 2 MiB in float64 stays in a processor's cache between the passes over it: 2^18 and
2^19 take equally long for 1,000 frames of 3,000 atoms on one thread, 2^16 a third longer."""

_BLOCK_ELSEWHERE = 1 << 26
"""The same for an accelerator, where few and large calls are what counts."""


@dataclass(frozen=True, eq=False, repr=False)
class AtomWeights(Legible):
    """Weights w of the atoms, the largest 1."""

    root: Tensor
    """(n,) float64: square roots of the weights of the atoms that have any."""
    kept: Tensor | None
    """(n,) int64: where those atoms are; None when all are."""
    equal: bool
    """All of them 1."""
    total: float
    """Sum of the weights."""

    @classmethod
    def of(cls, frames: Tensor, weights: CoordinatesLike | None) -> AtomWeights:
        """As they are given for the atoms of frames; EdmNoiseError where they cannot be weights."""
        atoms = frames.shape[-1]
        if weights is None:
            return cls(frames.new_ones(atoms, dtype=torch.float64), None, True, float(atoms))
        mask = weights if isinstance(weights, Tensor) else np.asarray(weights)
        weights = float_tensor("weights", mask + 0 if mask.dtype in (torch.bool, np.dtype(bool)) else weights)
        if weights.shape != (atoms,):
            raise EdmNoiseError(f"weights have shape {tuple(weights.shape)}: {atoms} atoms need ({atoms},)")
        values = weights.to("cpu", torch.float64)
        wrong = torch.nonzero(~(values.isfinite() & (values >= 0)))[:, 0]
        if wrong.numel():
            first = int(wrong[0])
            raise EdmNoiseError(f"weight {float(values[first])} of atom {first}: weights must be finite and >= 0")
        kept = torch.nonzero(values)[:, 0]
        if not kept.numel():
            raise EdmNoiseError("all weights are 0: give at least one atom a weight above 0")
        values = values[kept] / values.max()
        return cls(
            root=values.sqrt().to(frames.device),
            kept=kept.to(frames.device) if kept.numel() < atoms else None,
            equal=bool((values == 1).all()),
            total=float(values.sum()),
        )


class Moments(NamedTuple):
    """Weighted means in float64; first that of x, then that of y."""

    cross: Array
    """(S, 3, 3): (y - centre) (x - centre)^T."""
    centres: Array
    """(2, S, 3)."""
    spreads: Array
    """(2, S): |x - centre|^2."""


def moments_about_one(frames: Tensor, reference: Tensor, weights: AtomWeights) -> Moments:
    """Those of (S, 3, N) frames and one reference (3, N)."""
    count, total = frames.shape[0], weights.total
    cross = frames.new_empty(count, 3, 3, dtype=torch.float64)
    centre, spread = cross.new_empty(count, 3), cross.new_empty(count)
    rows, target, target_spread = (part[0] for part in _centred(reference[None], weights))

    def work(blocks: Iterator[slice]) -> None:
        buffer = cross.new_empty(block_length(frames), 3, weights.root.numel())
        for block in blocks:
            x = _rooted(frames[block], weights, buffer)
            # one product for the block: 4 ms for 1,000 frames of 3,000 atoms, a product a frame 10 ms
            sums = (rows @ x.flatten(0, 1).mT).reshape(4, -1, 3).transpose(0, 1)
            centre[block], cross[block] = sums[:, 0], sums[:, 1:]
            spread[block] = torch.linalg.vector_norm(x, dim=(1, 2))

    shared(work, blocks_of(frames))
    centre /= total
    cross /= total
    spread = (spread.square() / total - centre.square().sum(-1)).clamp_min_(0)
    centres, spreads = (
        torch.stack([centre, target.expand_as(centre)]),
        torch.stack([spread, target_spread.expand_as(spread)]),
    )
    return Moments(as_array(cross), as_array(centres), as_array(spreads))


def moments_of_pairs(frames: Tensor, reference: Tensor, weights: AtomWeights) -> Moments:
    """Those of (S, 3, N) frames and references.

    One product of rows sqrt(w) (y - q, 1) and sqrt(w) (x - p, 1) a frame, with p and q near the means.
    """
    near = torch.stack([frames.mean(-1, keepdim=True), reference.mean(-1, keepdim=True)]).double()
    products = near.new_empty(frames.shape[0], 4, 4)
    lengths = near.new_empty(2, frames.shape[0])

    def work(blocks: Iterator[slice]) -> None:
        rows = near.new_empty(2, block_length(frames), 4, weights.root.numel())
        rows[:, :, 3] = weights.root
        for block in blocks:
            part = rows[:, : block.stop - block.start]
            coordinates = part[:, :, :3]
            for side, x in zip(coordinates, (frames[block], reference[block]), strict=True):
                side.copy_(x if weights.kept is None else x.index_select(-1, weights.kept))
            # after the copy: from float32 into float64 torch.sub takes half as long again
            coordinates -= near[:, block]
            if not weights.equal:
                coordinates *= weights.root
            torch.bmm(part[1], part[0].mT, out=products[block])
            lengths[:, block] = torch.linalg.vector_norm(coordinates, dim=(2, 3))

    shared(work, blocks_of(frames))
    sums = as_array(products) / weights.total
    shifts = np.stack([sums[:, 3, :3], sums[:, :3, 3]])
    cross = sums[:, :3, :3] - shifts[1, :, :, None] * shifts[0, :, None]
    spreads = as_array(lengths) ** 2 / weights.total - (shifts**2).sum(-1)
    return Moments(cross, as_array(near)[..., 0] + shifts, np.maximum(spreads, 0))


def _centred(y: Tensor, weights: AtomWeights) -> tuple[Tensor, Tensor, Tensor]:
    """Rows sqrt(w) (1, y - mean) of shape (S, 4, n), the means (S, 3) and the mean squares about them (S,)."""
    y = _rooted(y, weights, weights.root.new_empty(y.shape[0], 3, weights.root.numel()))
    mean = y.new_zeros(y.shape[:2])
    for _ in range(2):  # the mean of numbers far from 0 is itself rounded
        shift = (y @ weights.root) / weights.total
        y -= shift[..., None] * weights.root
        mean += shift
    spread = torch.linalg.vector_norm(y, dim=(1, 2)).square() / weights.total
    return torch.cat([weights.root.expand(y.shape[0], 1, -1), y], 1), mean, spread


def square_distances(x: Tensor, y: Tensor, centres: Tensor, rotation: Tensor, weights: AtomWeights) -> Tensor:
    """(S,): weighted mean square distance of R x and y about their means, measured and not inferred from moments."""
    if weights.kept is not None:
        x, y = x.index_select(-1, weights.kept), y.index_select(-1, weights.kept)
    apart = torch.baddbmm(y - centres[1], rotation, x - centres[0], beta=-1)
    if not weights.equal:
        apart *= weights.root
    return torch.linalg.vector_norm(apart, dim=(1, 2)).square() / weights.total


def _rooted(x: Tensor, weights: AtomWeights, buffer: Tensor) -> Tensor:
    """sqrt(w) x of shape (S, 3, n), in the float64 buffer."""
    if weights.kept is not None:
        x = x.index_select(-1, weights.kept)
    rooted = buffer[: x.shape[0]].copy_(x)
    return rooted if weights.equal else rooted.mul_(weights.root)


def blocks_of(frames: Tensor) -> list[slice]:
    """Runs of frames to be worked on at a time."""
    count, step = frames.shape[0], block_length(frames)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def block_length(frames: Tensor) -> int:
    coordinates = _BLOCK if frames.device.type == "cpu" else _BLOCK_ELSEWHERE
    return max(1, min(frames.shape[0], coordinates // (3 * frames.shape[-1])))
