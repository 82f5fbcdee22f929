"""minimise sum_i w_i |R x_i + t - y_i|^2 over rotations R (det R = +1) and translations t, frame by frame.

``superpose`` finds R, t and the RMSD, and moves the frames when it is told where to put them; ``move`` applies a
fit to other coordinates. Never a reflection, and never a NaN that spreads: a frame that cannot be fitted is left
where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, float_tensor
from ..base.errors import EdmNoiseError
from ..base.threads import alone, mapped, shared
from .best_rotation import best_rotation
from .levels import as_array

Array = NDArray[np.float64]

_BLOCK = 1 << 18
"""Coordinates in a block of frames. 2 MiB in float64 stays in a processor's cache between the passes over it: 2^18 and
2^19 take equally long for 1,000 frames of 3,000 atoms on one thread, 2^16 a third longer."""

_BLOCK_ELSEWHERE = 1 << 26
"""The same for an accelerator, where few and large calls are what counts."""

_ATOMS = 1 << 16
"""Atoms of some frames whose differences from their means are worked on together by `best_motion` (.8 MiB)."""

_SUMS = 1e-14
"""How far float64 sums over atoms may be from the truth, relative to the size of what is summed."""

_CANCELLED = 1e-9
"""A mean square distance below this part of the mean square coordinate is measured anew. As a difference of moments it
is off by about 1e-14 of that, which made 5e-6 A of the RMSD 0 of a copy of a protein of 5,700 atoms."""

_ROUNDING = 4 * torch.finfo(torch.float32).eps
"""How far float32 coordinates that were moved a few times may be from the truth, relative to their size."""


@dataclass(frozen=True, eq=False, repr=False)
class Superposition:
    """The rigid motions x -> R x + t that lay S frames onto their references.

    Attributes
    ----------
    rotation
        (S, 3, 3) float64, proper: det = +1.
    translation
        (S, 3) float64, angstrom.
    rmsd
        (S,) float64, angstrom: root of the weighted mean square distance to the reference after the motion.
    ambiguous
        (S,) bool: other rotations fit as well, within the rounding of float32 coordinates. So it is with one or
        two atoms, with atoms on a line or at a point, and with mirror images that are best turned in several ways.
        The RMSD holds all the same. Atoms in a plane are not ambiguous: det R = +1 settles them.
    valid
        (S,) bool: False where an atom with weight has a coordinate that is NaN or infinite, or whose square is. There
        R = 1, t = 0, the RMSD is NaN and ``ambiguous`` is False.
    """

    rotation: Tensor
    translation: Tensor
    rmsd: Tensor
    ambiguous: Tensor
    valid: Tensor

    def __len__(self) -> int:
        return self.rmsd.numel()

    def __repr__(self) -> str:
        good = self.rmsd[self.valid]
        span = f"RMSD {good.min():.4g} to {good.max():.4g} A, " if good.numel() else ""
        flags = f"{int(self.ambiguous.sum())} ambiguous, {len(self) - good.numel()} invalid"
        return f"Superposition({len(self)} frames, {span}{flags})"


@alone()
@torch.no_grad()
def superpose(
    frames: CoordinatesLike,
    reference: CoordinatesLike,
    weights: CoordinatesLike | None = None,
    *,
    out: Tensor | None = None,
) -> Superposition:
    """Fit every frame onto the reference by a rotation and a translation.

    Parameters
    ----------
    frames
        (S, 3, N) angstrom, an array or a tensor. Any strides: pass ``x.mT`` for a tensor ``x`` of shape (S, N, 3).
    reference
        (3, N), or (S, 3, N) for one reference a frame. Any strides; it may be one of the frames.
    weights
        (N,) >= 0 in any unit, or a boolean mask; all equal when not given. An atom of weight 0 is left out as if it
        were not there, even where its coordinates are NaN; it is moved with the others.
    out
        Where to put the moved frames: a tensor like ``frames``, or ``frames`` itself to move them in place. When
        not given nothing is moved, which is the quick way to RMSDs alone.

    Returns
    -------
    Superposition
        Motions, RMSDs and what is to be known of each frame. No gradient passes.

    Raises
    ------
    EdmNoiseError
        Shapes, kinds of number or devices that do not match; no atoms; weights that are negative, not finite or all
        0; a common reference that is not finite.

    Notes
    -----
    The problem is that of Kabsch, Acta Cryst. A32, 922 (1976); ``best_rotation`` says how it is solved. Sums are taken
    in float64; where they cancel, since a fit is almost perfect or a frame far from the origin, the distance itself is
    measured. Where nothing speaks for any rotation (one atom), R = 1.

    Examples
    --------
    >>> square = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    >>> turned = square[None, [1, 2, 0]] + 7
    >>> bool(superpose(turned, square, out=turned).rmsd < 1e-5)
    True
    >>> torch.allclose(turned[0], square, atol=1e-5)
    True
    """
    frames, reference = _taken(frames), float_tensor("reference", reference)
    parts = _read_weights(frames, weights)
    _check_reference(frames, reference, parts)
    if out is not None:
        _check_out(frames, out)

    result = _fit(frames, reference, parts)
    if out is not None:
        move(result, frames, out=out)
    return result


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


@alone()
@torch.no_grad()
def move(superposition: Superposition, frames: CoordinatesLike, *, out: Tensor | None = None) -> Tensor:
    """R x + t for every frame, for instance to move all atoms by a fit of some of them.

    Parameters
    ----------
    superposition
        S motions.
    frames
        (S, 3, N) angstrom, an array or a tensor, any strides. N need not be the number of atoms that were fitted.
    out
        Where to put the result: a tensor like ``frames``, or ``frames`` itself to move them in place. Made when not
        given, which takes longer than the motion.

    Returns
    -------
    Tensor
        (S, 3, N), angstrom; ``out`` when given. Frames that are not valid come out as they went in, bit by bit.

    Raises
    ------
    EdmNoiseError
        Frames of another number, shape, kind of number or device.
    """
    frames = _taken(frames)
    rotation, translation = superposition.rotation, superposition.translation[..., None]
    if len(superposition) != frames.shape[0]:
        raise EdmNoiseError(f"{len(superposition)} motions for {frames.shape[0]} frames: give one motion a frame")
    _check_device("the fit", rotation, frames)
    if out is None:
        out = torch.empty_like(frames)
    _check_out(frames, out)

    # R x + t = R (x - o) + (t + R o), with o = -R^T t as the coordinates' own precision holds it: x - o is as small as
    # y, and what o lost by rounding is in the last bracket. One product with a row of ones below x - o does it all: 18
    # ms for 1,000 frames of 3,000 atoms, fit included, and 21 by baddbmm.
    origin = torch.bmm(rotation.mT, translation).neg_().to(frames.dtype)
    target = torch.baddbmm(translation, rotation, origin.double())
    motion = torch.cat([rotation, target], -1).to(frames.dtype)
    as_given = None if bool(superposition.valid.all()) else frames[~superposition.valid]

    def work(blocks: Iterator[slice]) -> None:
        shifted = frames.new_ones(_block_length(frames), 4, frames.shape[-1])
        turned = torch.empty_like(shifted[:, :3]) if out.stride(-1) != 1 else None
        for block in blocks:
            x = shifted[: block.stop - block.start]
            torch.sub(frames[block], origin[block], out=x[:, :3])
            if turned is None:
                torch.bmm(motion[block], x, out=out[block])
            else:  # a product straight into an array with atoms first takes three times as long as this copy
                out[block].copy_(torch.bmm(motion[block], x, out=turned[: len(x)]))

    shared(work, _blocks(frames))
    if as_given is not None:
        out[~superposition.valid] = as_given
    return out


@dataclass(frozen=True, eq=False)
class _Weights:
    root: Tensor
    """(n,) float64: square roots of the weights of the atoms that have any."""
    kept: Tensor | None
    """(n,) int64: where those atoms are; None when all are."""
    equal: bool
    """All of them 1."""
    total: float
    """Sum of the weights."""


class _Moments(NamedTuple):
    """Weighted means in float64; first that of x, then that of y."""

    cross: Array
    """(S, 3, 3): (y - centre) (x - centre)^T."""
    centres: Array
    """(2, S, 3)."""
    spreads: Array
    """(2, S): |x - centre|^2."""


@np.errstate(all="ignore")  # a frame that is not finite must not warn either
def _fit(frames: Tensor, reference: Tensor, weights: _Weights) -> Superposition:
    """What follows the sums over atoms is NumPy's: of .4 ms for one frame its calls on nine numbers saved half."""
    m = (_moments_of_pairs if reference.ndim == 3 else _moments_about_one)(frames, reference, weights)
    radii = np.sqrt(m.spreads)
    sizes = radii + np.sqrt((m.centres**2).sum(-1))
    area = sizes[0] * sizes[1]
    valid = np.isfinite(area)

    nothing = ~valid | (abs(m.cross).max((1, 2)) <= _SUMS * area)
    cross = np.where(nothing[:, None, None], 0, m.cross)
    # Coordinates off by e |x| and e |y| put the singular values of the cross-covariance off by no more than this.
    noise = np.where(valid, _ROUNDING * (sizes * radii[::-1]).sum(0), 0)
    rotation, ambiguous = best_rotation(torch.from_numpy(cross), torch.from_numpy(noise))
    turn = as_array(rotation)
    translation = m.centres[1] - (turn @ m.centres[0, :, :, None])[..., 0]

    mean_square = m.spreads.sum(0) - 2 * (turn * cross).sum((1, 2))
    near = np.flatnonzero(mean_square < _CANCELLED * (sizes[0] ** 2 + m.spreads[1]))
    step = _block_length(frames)
    for some in (near[start : start + step] for start in range(0, len(near), step)):
        y = reference if reference.ndim == 2 else reference[some]
        centres = torch.from_numpy(m.centres[:, some, :, None]).to(frames.device)
        turns = rotation[some].to(frames.device)
        mean_square[some] = as_array(_distance(frames[some], y, centres, turns, weights))
    found = (
        rotation,
        torch.from_numpy(np.where(valid[:, None], translation, 0)),
        torch.from_numpy(np.where(valid, np.sqrt(mean_square), np.nan)),
        ambiguous & torch.from_numpy(valid),
        torch.from_numpy(valid),
    )
    return Superposition(*(part.to(frames.device) for part in found))


def _moments_about_one(frames: Tensor, reference: Tensor, weights: _Weights) -> _Moments:
    count, total = frames.shape[0], weights.total
    cross = frames.new_empty(count, 3, 3, dtype=torch.float64)
    centre, spread = cross.new_empty(count, 3), cross.new_empty(count)
    rows, target, target_spread = (part[0] for part in _centred(reference[None], weights))

    def work(blocks: Iterator[slice]) -> None:
        buffer = cross.new_empty(_block_length(frames), 3, weights.root.numel())
        for block in blocks:
            x = _rooted(frames[block], weights, buffer)
            # one product for the block: 4 ms for 1,000 frames of 3,000 atoms, a product a frame 10 ms
            sums = (rows @ x.flatten(0, 1).mT).reshape(4, -1, 3).transpose(0, 1)
            centre[block], cross[block] = sums[:, 0], sums[:, 1:]
            spread[block] = torch.linalg.vector_norm(x, dim=(1, 2))

    shared(work, _blocks(frames))
    centre /= total
    cross /= total
    spread = (spread.square() / total - centre.square().sum(-1)).clamp_min_(0)
    centres, spreads = (
        torch.stack([centre, target.expand_as(centre)]),
        torch.stack([spread, target_spread.expand_as(spread)]),
    )
    return _Moments(as_array(cross), as_array(centres), as_array(spreads))


def _moments_of_pairs(frames: Tensor, reference: Tensor, weights: _Weights) -> _Moments:
    """One product of rows sqrt(w) (y - q, 1) and sqrt(w) (x - p, 1) a frame, with p and q near the means."""
    near = torch.stack([frames.mean(-1, keepdim=True), reference.mean(-1, keepdim=True)]).double()
    products = near.new_empty(frames.shape[0], 4, 4)
    lengths = near.new_empty(2, frames.shape[0])

    def work(blocks: Iterator[slice]) -> None:
        rows = near.new_empty(2, _block_length(frames), 4, weights.root.numel())
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

    shared(work, _blocks(frames))
    sums = as_array(products) / weights.total
    shifts = np.stack([sums[:, 3, :3], sums[:, :3, 3]])
    cross = sums[:, :3, :3] - shifts[1, :, :, None] * shifts[0, :, None]
    spreads = as_array(lengths) ** 2 / weights.total - (shifts**2).sum(-1)
    return _Moments(cross, as_array(near)[..., 0] + shifts, np.maximum(spreads, 0))


def _centred(y: Tensor, weights: _Weights) -> tuple[Tensor, Tensor, Tensor]:
    """Rows sqrt(w) (1, y - mean) of shape (S, 4, n), the means (S, 3) and the mean squares about them (S,)."""
    y = _rooted(y, weights, weights.root.new_empty(y.shape[0], 3, weights.root.numel()))
    mean = y.new_zeros(y.shape[:2])
    for _ in range(2):  # the mean of numbers far from 0 is itself rounded
        shift = (y @ weights.root) / weights.total
        y -= shift[..., None] * weights.root
        mean += shift
    spread = torch.linalg.vector_norm(y, dim=(1, 2)).square() / weights.total
    return torch.cat([weights.root.expand(y.shape[0], 1, -1), y], 1), mean, spread


def _distance(x: Tensor, y: Tensor, centres: Tensor, rotation: Tensor, weights: _Weights) -> Tensor:
    """(S,): weighted mean square distance of R x and y about their means, measured and not inferred from moments."""
    if weights.kept is not None:
        x, y = x.index_select(-1, weights.kept), y.index_select(-1, weights.kept)
    apart = torch.baddbmm(y - centres[1], rotation, x - centres[0], beta=-1)
    if not weights.equal:
        apart *= weights.root
    return torch.linalg.vector_norm(apart, dim=(1, 2)).square() / weights.total


def _rooted(x: Tensor, weights: _Weights, buffer: Tensor) -> Tensor:
    """sqrt(w) x of shape (S, 3, n), in the float64 buffer."""
    if weights.kept is not None:
        x = x.index_select(-1, weights.kept)
    rooted = buffer[: x.shape[0]].copy_(x)
    return rooted if weights.equal else rooted.mul_(weights.root)


def _blocks(frames: Tensor) -> list[slice]:
    """Runs of frames to be worked on at a time."""
    count, step = frames.shape[0], _block_length(frames)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def _block_length(frames: Tensor) -> int:
    coordinates = _BLOCK if frames.device.type == "cpu" else _BLOCK_ELSEWHERE
    return max(1, min(frames.shape[0], coordinates // (3 * frames.shape[-1])))


def _read_weights(frames: Tensor, weights: CoordinatesLike | None) -> _Weights:
    atoms = frames.shape[-1]
    if weights is None:
        return _Weights(frames.new_ones(atoms, dtype=torch.float64), None, True, float(atoms))
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
    return _Weights(
        root=values.sqrt().to(frames.device),
        kept=kept.to(frames.device) if kept.numel() < atoms else None,
        equal=bool((values == 1).all()),
        total=float(values.sum()),
    )


def _taken(given: CoordinatesLike) -> Tensor:
    frames = float_tensor("frames", given)
    shape = tuple(frames.shape)
    if frames.ndim == 3 and shape[1] == 3 and shape[2] > 0:
        return frames
    remedy = "(frames, 3, atoms) with one atom or more is needed"
    if frames.ndim == 3 and shape[2] == 3:
        remedy = "(frames, 3, atoms) is needed, pass frames.mT"
    elif frames.ndim == 2:
        remedy = "(frames, 3, atoms) is needed, pass frames[None] for a single frame"
    raise EdmNoiseError(f"frames have shape {shape}: {remedy}")


def _check_reference(frames: Tensor, reference: Tensor, weights: _Weights) -> None:
    if reference.shape not in (frames.shape[1:], frames.shape):
        one, each = tuple(frames.shape[1:]), tuple(frames.shape)
        raise EdmNoiseError(f"reference has shape {tuple(reference.shape)}: these frames need {one} or {each}")
    _check_device("the reference", reference, frames)
    if reference.ndim == 2:
        used = reference if weights.kept is None else reference[:, weights.kept]
        wrong = int((~used.isfinite()).any(0).sum())
        if wrong:
            raise EdmNoiseError(
                f"reference has NaN or infinite coordinates in {wrong} of {used.shape[1]} atoms: give them weight 0"
            )


def _check_out(frames: Tensor, out: Tensor) -> None:
    if not isinstance(out, Tensor):
        raise EdmNoiseError(f"out is a {type(out).__name__}: give a tensor")
    if out.shape != frames.shape or out.dtype != frames.dtype:
        raise EdmNoiseError(
            f"out is {out.dtype} of shape {tuple(out.shape)}: frames are {frames.dtype} of shape "
            f"{tuple(frames.shape)}, out must be the same"
        )
    _check_device("out", out, frames)


def _check_device(name: str, tensor: Tensor, frames: Tensor) -> None:
    if tensor.device != frames.device:
        raise EdmNoiseError(f"{name} is on {tensor.device} and the frames on {frames.device}: put both on one device")
