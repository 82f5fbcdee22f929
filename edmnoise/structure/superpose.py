"""minimise sum_i w_i |R x_i + t - y_i|^2 over rotations R (det R = +1) and translations t, frame by frame.

``superpose`` finds R, t and the RMSD, and moves the frames when it is told where to put them; ``move`` applies a
fit to other coordinates. Never a reflection, and never a NaN that spreads: a frame that cannot be fitted is left
where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, float_tensor
from ..base.errors import EdmNoiseError
from ..base.threads import alone, shared
from .best_rotation import best_rotation
from .levels import as_array
from .moments import AtomWeights, block_length, blocks_of, moments_about_one, moments_of_pairs, square_distances

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
    parts = AtomWeights.of(frames, weights)
    _check_reference(frames, reference, parts)
    if out is not None:
        _check_out(frames, out)

    result = _fit(frames, reference, parts)
    if out is not None:
        move(result, frames, out=out)
    return result


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
        shifted = frames.new_ones(block_length(frames), 4, frames.shape[-1])
        turned = torch.empty_like(shifted[:, :3]) if out.stride(-1) != 1 else None
        for block in blocks:
            x = shifted[: block.stop - block.start]
            torch.sub(frames[block], origin[block], out=x[:, :3])
            if turned is None:
                torch.bmm(motion[block], x, out=out[block])
            else:  # a product straight into an array with atoms first takes three times as long as this copy
                out[block].copy_(torch.bmm(motion[block], x, out=turned[: len(x)]))

    shared(work, blocks_of(frames))
    if as_given is not None:
        out[~superposition.valid] = as_given
    return out


@np.errstate(all="ignore")  # a frame that is not finite must not warn either
def _fit(frames: Tensor, reference: Tensor, weights: AtomWeights) -> Superposition:
    """What follows the sums over atoms is NumPy's: of .4 ms for one frame its calls on nine numbers saved half."""
    m = (moments_of_pairs if reference.ndim == 3 else moments_about_one)(frames, reference, weights)
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
    step = block_length(frames)
    for some in (near[start : start + step] for start in range(0, len(near), step)):
        y = reference if reference.ndim == 2 else reference[some]
        centres = torch.from_numpy(m.centres[:, some, :, None]).to(frames.device)
        turns = rotation[some].to(frames.device)
        mean_square[some] = as_array(square_distances(frames[some], y, centres, turns, weights))
    found = (
        rotation,
        torch.from_numpy(np.where(valid[:, None], translation, 0)),
        torch.from_numpy(np.where(valid, np.sqrt(mean_square), np.nan)),
        ambiguous & torch.from_numpy(valid),
        torch.from_numpy(valid),
    )
    return Superposition(*(part.to(frames.device) for part in found))


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


def _check_reference(frames: Tensor, reference: Tensor, weights: AtomWeights) -> None:
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
