"""A sampler's step made once more from its record: y = (x + a (x0 - x)) R + noise, a and R fitted to what came next.

Euler's step from sigma to sigma', with step scale eta, is x + eta (sigma' - sigma) (x - x0) / sigma: on the line from x
to x0, a share a = eta (1 - sigma' / sigma) of the way. What came next, y, is that turned and shifted as a whole, with
fresh noise where the sampler adds some. Heun's method ends on a sum of two such ways (`fit_step` takes any number).

What noise does to the fit. With y_i = r_i R + n_i, r_i the N replayed atoms about their centre and n_i independent
normal numbers of RMS nu in each direction, the best rotation is R turned by a small vector w, for which
sum |n_i - w x r_i|^2 is least: I w = sum r_i x n_i, where I = sum (|r_i|^2 - r_i r_i^T) is the tensor of inertia of
the r_i R. The covariance of sum r_i x n_i is nu^2 I, so that of w is nu^2 I^-1: about each axis the variance is nu^2
over the sum of squared distances from that axis. At high levels, where r is mostly noise of RMS sigma', I is
2 N sigma'^2, and each fit is off by nu / (sigma' sqrt(2 N)) rad: .02 for 2,000 atoms and AlphaFold 3's churn. Fresh
noise is independent from step to step, so covariances add up.

nu is found from what is left, over 3 N - 6 - m degrees of freedom (a rotation, a shift, and m shares).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..structure.best_rotation import best_rotation
from .trace import Link, Trace

Array = NDArray[np.float64]

_ROUNDS = 30
"""Rounds of fitting rotation and shares in turn, at most."""

_STARTS = (0.5, 1.5)
"""Shares to begin fits with, of which the better counts: beyond 1 what is left of x points the other way, and the best
rotation with it."""

_SETTLED = 1e-12
"""Change of the shares at which the fit has settled."""

SURE = 6
"""Standard deviations at which something is said: by chance once in 5e8."""

ROUNDING = 1e-6
"""Part of the coordinates' RMS that float32 may leave of a step that closes: it keeps 6e-8, and a step is made of
several operations. Steps close to 2e-7 with samplers of our own."""

_CANCELLED = 3e-8
"""Part of the coordinates' RMS to which the sums of a fit cancel: less noise than that cannot be told from none."""

_TURN_ERROR = 1e-4
"""Part of the coordinates' RMS that the error of a recorded turn may leave, with much to spare: recorders fit turns to
1e-6 rad."""


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Legible):
    """One step of B samples, made once more by m shares and fitted onto what came next.

    Attributes
    ----------
    shares
        (B, m).
    share_errors
        (B, m) standard errors, from the noise, or from what the sums cancel to where that is more.
    turn
        (B, 3, 3) R, for rows.
    noise
        (B,) nu: what is left, angstrom RMS per coordinate, corrected for what was fitted.
    along
        (B,) RMS per coordinate, angstrom, of the part of what is left that lies along a given direction; 0 without.
    spread
        (B, 3, 3) rad^2: covariance of the rotation by which R may be off, in the frame of y.
    lengths
        (B, m) RMS coordinate of each way, angstrom.
    size
        (B,) RMS coordinate of y about its centre, angstrom.
    atoms
        N.
    """

    shares: Array
    share_errors: Array
    turn: Array
    noise: Array
    along: Array
    spread: Array
    lengths: Array
    size: Array
    atoms: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom of what is left in a sample."""
        return _freedom(self.atoms, self.shares.shape[1])

    @property
    def strays(self) -> NDArray[np.bool_]:
        """(B,) whether more is left along the probe than noise would leave: no step of this form was made."""
        expected = self.noise / np.sqrt(3 * self.atoms)
        return (self.along > SURE * expected) & (self.along > ROUNDING * self.size)

    @property
    def closes(self) -> NDArray[np.bool_]:
        """(B,) whether nothing but rounding is left."""
        return self.noise <= ROUNDING * self.size


def fit_step(x: Array, ways: Sequence[Array], y: Array, probe: Array | None = None, turn: Array | None = None) -> Fit:
    """Find a and R of y = (x + sum a_j way_j) R, least squares, by turns of a rotation and of the shares.

    Parameters
    ----------
    x, ways, y
        (B, 3, N) float64, angstrom, about their centres: where the step began, directions in that frame (x0 - x), and
        what came next.
    probe
        (B, 3, N) float64 about its centre: a direction that nothing in the step should know, such as the change of the
        estimate since the step before. Noise has no more there than elsewhere, a method of several steps has.
    turn
        (B, 3, 3) R, where it is known: then shares alone are fitted.

    Notes
    -----
    One product of all of them with each other is all that is needed of the atoms. Differences of its sums cancel to
    _CANCELLED of the coordinates' size, which is less than float32 leaves.
    """
    atoms, several = x.shape[2], len(ways)
    moments = _moments([y, x, *ways, *([] if probe is None else [probe])])
    sums = np.trace(moments, axis1=3, axis2=4)
    to_y, products, from_x = moments[:, 1:, 0], sums[:, 2 : 2 + several, 2 : 2 + several], sums[:, 1, 2 : 2 + several]
    inverse = np.linalg.pinv(products, hermitian=True)  # a way that is nothing gets no share
    if turn is None:
        found = [
            _alternated(moments, inverse, from_x, np.full((len(x), several), start / several)) for start in _STARTS
        ]
        least = np.argmin([left for left, _, _ in found], axis=0)
        shares, best = (np.stack(values)[least, np.arange(len(x))] for values in list(zip(*found, strict=True))[1:])
    else:
        best = turn
        shares = _shares(to_y, inverse, from_x, turn)
    replayed = _mixed(_mixed(moments[:, 1:, 1:], shares), shares)
    left = sums[:, 0, 0] + np.trace(replayed, axis1=1, axis2=2) - 2 * (best * _mixed(to_y, shares)).sum((1, 2))
    noise = np.sqrt(np.maximum(left, 0) / _freedom(atoms, several))
    size = np.sqrt(sums[:, 0, 0] / (3 * atoms))
    unsure = np.maximum(noise, _CANCELLED * size)
    came = best.swapaxes(1, 2) @ replayed @ best
    inertia = np.trace(came, axis1=1, axis2=2)[:, None, None] * np.eye(3) - came
    return Fit(
        shares=shares,
        share_errors=unsure[:, None] * np.sqrt(np.diagonal(inverse, axis1=1, axis2=2)),
        turn=best,
        noise=noise,
        along=np.zeros(len(x)) if probe is None else _along(to_y, sums, inverse, shares, best) / np.sqrt(3 * atoms),
        spread=unsure[:, None, None] ** 2 * np.linalg.pinv(inertia, hermitian=True),
        lengths=np.sqrt(np.diagonal(products, axis1=1, axis2=2) / (3 * atoms)),
        size=size,
        atoms=atoms,
    )


def _alternated(moments: Array, inverse: Array, from_x: Array, shares: Array) -> tuple[Array, Array, Array]:
    """What is left (B,), but for the length of y, and the shares and rotation that leave it, from some shares on."""
    to_y = moments[:, 1:, 0]
    for _ in range(_ROUNDS):
        turn = best_turn(_mixed(to_y, shares))
        before, shares = shares, _shares(to_y, inverse, from_x, turn)
        if abs(shares - before).max() < _SETTLED:
            break
    replayed = _mixed(_mixed(moments[:, 1:, 1:], shares), shares)
    left = np.trace(replayed, axis1=1, axis2=2) - 2 * (turn * _mixed(to_y, shares)).sum((1, 2))
    return left, shares, turn


def _shares(to_y: Array, inverse: Array, from_x: Array, turn: Array) -> Array:
    """(B, m) least squares for a rotation."""
    met = (to_y[:, 1 : 1 + from_x.shape[1]] * turn[:, None]).sum((2, 3)) - from_x
    return (inverse @ met[..., None])[..., 0]


def _freedom(atoms: int, shares: int) -> int:
    return max(3 * atoms - 6 - shares, 1)


def _moments(points: Sequence[Array]) -> Array:
    """(B, k, k, 3, 3) sums over atoms of the products of k sets of (B, 3, N) coordinates with each other."""
    rows = np.concatenate(points, axis=1)
    products = rows @ rows.swapaxes(1, 2)
    return products.reshape(len(rows), len(points), 3, len(points), 3).transpose(0, 1, 3, 2, 4)


def _mixed(moments: Array, shares: Array) -> Array:
    """Of x and the ways (B, 1 + m or more, ...) the sum that a step makes of them."""
    ways = moments[:, 1 : 1 + shares.shape[1]]
    return moments[:, 0] + (shares.reshape(*shares.shape, *[1] * (ways.ndim - 2)) * ways).sum(1)


def _along(to_y: Array, sums: Array, inverse: Array, shares: Array, turn: Array) -> Array:
    """(B,) length of what is left along the part of the last direction, the probe, that no share could have taken."""
    ways = slice(2, 2 + shares.shape[1])
    held = (inverse @ sums[:, ways, -1, None])[..., 0]
    length = sums[:, -1, -1] - (held * sums[:, ways, -1]).sum(1)
    came = to_y[:, -1] - (held[..., None, None] * to_y[:, 1:-1]).sum(1)
    # Where the step leads has no more along it than x has.
    began = sums[:, 1, -1] - (held * sums[:, 1, ways]).sum(1)
    met = abs((turn * came).sum((1, 2)) - began)
    return np.divide(met, np.sqrt(np.maximum(length, 0)), out=np.zeros_like(met), where=length > 0)


@dataclass(frozen=True, eq=False, repr=False)
class Replayed(Legible):
    """An Euler step of B samples as it was replayed.

    Attributes
    ----------
    links
        The recorded step of each sample.
    fit
        What came of it; None where nobody knows what came next.
    onto
        (B, 3, 3) how x was turned onto its estimate before the step; None where the sampler does not do so.
    """

    links: tuple[Link, ...]
    fit: Fit | None
    onto: Array | None


def replayed_steps(
    trace: Trace, numbers: Sequence[int], rows: NDArray[np.int64], align: bool, heard: bool = False
) -> Iterator[Replayed]:
    """Replay one step after another; the last one onto ``trace.final``, where there is one.

    Parameters
    ----------
    numbers
        Which of the ends of the trace, from 0: B of them, of one run, with x and the estimate of every step.
    rows
        (N,) which atoms of the trace are looked at: all that the sampler aligns, where it does.
    align
        Whether it superposes x on the estimate before the step (Boltz, BoltzGen, ESMFold2).
    heard
        Whether to take turns from the record where they are there and a step does not close. A fit finds them but where
        noise is large against what is left of x, as in steps that end near the estimate.
    """
    places = zip(*(trace.way(number) for number in numbers), strict=True)
    behind: Array | None = None
    links = next(places)
    x = frames_of(trace, "noisy", links, rows)
    for following in (*places, None):
        fit, onto = None, None
        estimate = frames_of(trace, "denoised", links, rows)
        if align:
            onto = best_turn(x @ estimate.swapaxes(1, 2))
            x = onto.swapaxes(1, 2) @ x
            behind = None if behind is None else onto.swapaxes(1, 2) @ behind
        came = _coming(trace, numbers, following, rows)
        if came is not None:
            probe = None if behind is None else estimate - behind
            turn = _heard(links) if heard and following is not None else None
            fit = _fitted(x, estimate, came, probe, turn)
            x, behind = came, fit.turn.swapaxes(1, 2) @ estimate
        yield Replayed(links, fit, onto)
        links = following or links


def _fitted(x: Array, estimate: Array, came: Array, probe: Array | None, turn: Array | None) -> Fit:
    """A step by the turn that was recorded, where there is one and it is exact enough."""
    known = None if turn is None else fit_step(x, [estimate - x], came, probe, turn)
    if known is not None and (known.noise > _TURN_ERROR * known.size).any():  # more than its turn may be off
        return known
    free = fit_step(x, [estimate - x], came, probe)
    return free if known is None or free.closes.all() else known


def _heard(links: Sequence[Link]) -> Array | None:
    """(B, 3, 3) the recorded turns after a step, where all are there."""
    turns = [link.turned for link in links]
    return None if any(turn is None for turn in turns) else np.array(turns, dtype=np.float64)


def replayed_pairs(trace: Trace, numbers: Sequence[int], rows: NDArray[np.int64], first: float) -> Iterator[Replayed]:
    """Replay steps of two calls: x + eta (first (sigma' - sigma) d + (sigma' - sigma) d' / 2), d' at the Euler point.

    The share of a fit is eta itself; ``along`` is what the Euler point misses. The last step may be one call: its share
    is that of a step to 0.

    Parameters
    ----------
    first
        1/2 is Heun's method (Karras et al. 2022), 3/2 is Chai-1's.
    """
    places = list(zip(*(trace.way(number) for number in numbers), strict=True))
    for k in range(0, len(places), 2):
        links, second = places[k], places[k + 1] if k + 1 < len(places) else None
        came = _coming(trace, numbers, places[k + 2] if k + 2 < len(places) else None, rows)
        if came is None:
            continue
        x, estimate = (frames_of(trace, kind, links, rows) for kind in ("noisy", "denoised"))
        if second is None:
            yield Replayed(links, fit_step(x, [estimate - x], came), None)
            continue
        point, again = (frames_of(trace, kind, second, rows) for kind in ("noisy", "denoised"))
        ahead = fit_step(x, [estimate - x], point)
        sigma, target = links[0].sigma, second[0].sigma
        slope = ahead.turn @ (again - point) / target
        way = (sigma - target) * (first * (estimate - x) / sigma + slope / 2)
        yield Replayed(links, replace(fit_step(x, [way], came), along=ahead.noise), None)


def _coming(
    trace: Trace, numbers: Sequence[int], following: Sequence[Link] | None, rows: NDArray[np.int64]
) -> Array | None:
    """x of the following step, or the end, centred."""
    if following is not None:
        return frames_of(trace, "noisy", following, rows)
    return None if trace.final is None else _centred([trace.final[number] for number in numbers], rows)


def can_be_replayed(trace: Trace, numbers: Sequence[int]) -> bool:
    """Whether x and the estimate of every call that led to some ends were kept.

    Files of other programs may hold samples between steps, which their denoisers were not given.
    """
    if trace.info.get("between_steps"):
        return False
    steps = {tuple(link.step for link in trace.way(number)) for number in numbers}
    in_a_row = len(steps) == 1 and (np.diff(next(iter(steps))) == 1).all()
    return bool(in_a_row) and len(trace.kinds) == 2


def in_pairs(trace: Trace, number: int) -> bool:
    """Whether the steps of an end are two calls each, as Heun's method makes them: the second at the level to come.

    Then each step begins at the level of the call before it, or higher. Where a run says how many calls make a step, it
    is believed.
    """
    said = trace.info.get("calls_per_step")
    if said is not None:
        return bool(said == 2)
    sigmas = np.array([link.sigma for link in trace.way(number)])
    return len(sigmas) > 2 and bool((sigmas[2::2] >= sigmas[1:-1:2] * (1 - ROUNDING)).all())


def aligns(trace: Trace) -> bool:
    """Whether x is superposed on the estimate before each step, as run.json says.

    The steps cannot tell: of a good denoiser x lies already as it would be laid.
    """
    return trace.info.get("align") is True


def frames_of(trace: Trace, kind: str, links: Sequence[Link], rows: NDArray[np.int64]) -> Array:
    """(B, 3, N) float64 the frames of a step about their centres; EdmNoiseError where they are not finite."""
    frames = _centred([trace.read(kind, link.sample)[link.row] for link in links], rows)
    if not np.isfinite(frames.sum()):
        raise EdmNoiseError(f"{trace.path} cannot be replayed: step {links[0].step} holds NaN or infinite coordinates")
    return frames


def _centred(frames: Sequence[NDArray[np.float32]], rows: NDArray[np.int64]) -> Array:
    """(N, 3) frames, of which these atoms, as (B, 3, N) about their centres."""
    whole = len(rows) == len(frames[0]) and bool((np.diff(rows) == 1).all())
    held = np.stack([frame.T if whole else frame.T[:, rows] for frame in frames]).astype(np.float64)
    held -= held.mean(axis=2, keepdims=True)
    return held


def best_turn(cross: Array) -> Array:
    """(B, 3, 3) the rotation of rows with the largest tr(R^T C), C = sum x_i^T y_i."""
    found, _ = best_rotation(
        torch.from_numpy(cross.swapaxes(1, 2).copy()), torch.zeros(len(cross), dtype=torch.float64)
    )
    return found.mT.numpy()
