"""minimise sum_i |R x_i + t - y_i|^2 in the frames' own precision: the motion alone, for a sampler's step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..base.threads import alone, mapped
from .best_rotation import best_rotation

_ATOMS = 1 << 16
"""Atoms of some frames whose differences from their means are worked on together (.8 MiB)."""


@alone()
def best_motion(frames: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """R and t alone, in the frames' own precision: what a sampler's step asks for, in a third of `superpose`'s time.

    Parameters
    ----------
    frames, reference
        (S, 3, N) angstrom, of one type and device.

    Returns
    -------
    Tensor, Tensor
        (S, 3, 3) proper rotations and (S, 3, 1) translations, of the frames' type. No gradient passes. NaN, all of
        them, where a coordinate is not finite.
    """
    x, y = frames.detach(), reference.detach()
    centre, target = x.mean(-1, keepdim=True), y.mean(-1, keepdim=True)
    some = max(1, _ATOMS // x.shape[-1])
    if len(x) <= some:
        cross = _cross(x, y, centre, target)
    else:
        parts = zip(*(each.split(some) for each in (x, y, centre, target)), strict=True)
        cross = torch.cat(mapped(lambda part: _cross(*part), list(parts)))
    if not math.isfinite(float(cross.sum())):
        return torch.full_like(cross, math.nan), torch.full_like(target, math.nan)
    rotation = best_rotation(cross.double(), cross.new_zeros(len(cross)))[0].to(x)
    return rotation, torch.baddbmm(target, rotation, centre, alpha=-1)


def _cross(x: Tensor, y: Tensor, centre: Tensor, target: Tensor) -> Tensor:
    # In float32: about the means nothing cancels, and the rotation is right to 3e-8 for 1,000,000 atoms.
    return torch.bmm(y - target, (x - centre).mT)
