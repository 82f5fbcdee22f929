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
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.legible import Legible
from ..structure.best_rotation import best_rotation
from .trace import Link, Trace

Array = NDArray[np.float64]

_ROUNDS = 30
"""Rounds of fitting rotation and shares in turn, at most."""

_SETTLED = 1e-12
"""Change of the shares at which the fit has settled."""

_SURE = 6
"""Standard deviations at which something is said: by chance once in 5e8."""

ROUNDING = 1e-6
"""Part of the coordinates' RMS that float32 may leave of a step that closes: it keeps 6e-8, and a step is made of
several operations. Steps close to 2e-7 with samplers of our own."""


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Legible):
    """One step of B samples, made once more by m shares and fitted onto what came next.

    Attributes
    ----------
    shares
        (B, m).
    share_errors
        (B, m) standard errors, from the noise.
    turn
        (B, 3, 3) R, for rows.
    noise
        (B,) nu: what is left, angstrom RMS per coordinate, corrected for what was fitted.
    along
        (B,) RMS per coordinate, angstrom, of the part of what is left that lies along a given direction; 0 without.
    spread
        (B, 3, 3) rad^2: covariance of the rotation by which R may be off, in the frame of y.
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
    size: Array
    atoms: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom of what is left in a sample."""
        return max(3 * self.atoms - 6 - self.shares.shape[1], 1)

    @property
    def strays(self) -> NDArray[np.bool_]:
        """(B,) whether more is left along the probe than noise would leave: no step of this form was made."""
        expected = self.noise / np.sqrt(3 * self.atoms)
        return (self.along > _SURE * expected) & (self.along > ROUNDING * self.size)

    @property
    def closes(self) -> NDArray[np.bool_]:
        """(B,) whether nothing but rounding is left."""
        return self.noise <= ROUNDING * self.size


def fit_step(x: Array, ways: Sequence[Array], y: Array, probe: Array | None = None) -> Fit:
    """Find a and R of y = (x + sum a_j way_j) R, least squares, by turns of a rotation and of the shares.

    Parameters
    ----------
    x, ways, y
        (B, N, 3) float64, angstrom: where the step began, directions in that frame (x0 - x), and what came next.
    probe
        (B, N, 3) float64: a direction that nothing in the step should know, such as the change of the estimate since
        the step before. Noise has no more there than elsewhere, a method of several steps has.
    """
    x, y, ways = centred(x), centred(y), [centred(way) for way in ways]
    towards_y = np.stack([point.swapaxes(1, 2) @ y for point in (x, *ways)], axis=1)
    products = np.array([[(one * other).sum((1, 2)) for other in ways] for one in ways]).transpose(2, 0, 1)
    from_x = np.stack([(x * way).sum((1, 2)) for way in ways], axis=1)
    shares = np.full((len(x), len(ways)), 0.5 / len(ways))
    for _ in range(_ROUNDS):
        turn = best_turn(towards_y[:, 0] + (shares[..., None, None] * towards_y[:, 1:]).sum(1))
        met = (towards_y[:, 1:] * turn[:, None]).sum((2, 3)) - from_x
        before, shares = shares, _solved(products, met)
        if abs(shares - before).max() < _SETTLED:
            break
    replayed = x + sum(shares[:, [[j]]] * way for j, way in enumerate(ways))
    left = y - replayed @ turn
    freedom = max(3 * x.shape[1] - 6 - len(ways), 1)
    noise = np.sqrt((left**2).sum((1, 2)) / freedom)
    inverse = np.linalg.pinv(products, hermitian=True)
    return Fit(
        shares=shares,
        share_errors=noise[:, None] * np.sqrt(np.diagonal(inverse, axis1=1, axis2=2)),
        turn=turn,
        noise=noise,
        along=np.zeros(len(x)) if probe is None else _along(left, centred(probe), ways, turn),
        spread=noise[:, None, None] ** 2 * np.linalg.pinv(_inertia(replayed @ turn), hermitian=True),
        size=np.sqrt((y**2).mean((1, 2))),
        atoms=x.shape[1],
    )


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


def replayed_steps(trace: Trace, numbers: Sequence[int], rows: NDArray[np.int64], align: bool) -> Iterator[Replayed]:
    """Replay one step after another; the last one onto ``trace.final``, where there is one.

    Parameters
    ----------
    numbers
        Which of the ends of the trace, from 0: B of them, of one run, with x and the estimate of every step.
    rows
        (N,) which atoms of the trace are looked at: all that the sampler aligns, where it does.
    align
        Whether it superposes x on the estimate before the step (Boltz, BoltzGen, ESMFold2).
    """
    places = zip(*(trace.way(number) for number in numbers), strict=True)
    behind: Array | None = None
    links = next(places)
    x = centred(frames_of(trace, "noisy", links, rows))
    for following in (*places, None):
        fit, onto = None, None
        estimate = centred(frames_of(trace, "denoised", links, rows))
        if align:
            onto = best_turn(x.swapaxes(1, 2) @ estimate)
            x = x @ onto
            behind = None if behind is None else behind @ onto
        came = _coming(trace, numbers, following, rows)
        if came is not None:
            fit = fit_step(x, [estimate - x], came, None if behind is None else estimate - behind)
            x, behind = came, estimate @ fit.turn
        yield Replayed(links, fit, onto)
        links = following or links


def _coming(
    trace: Trace, numbers: Sequence[int], following: Sequence[Link] | None, rows: NDArray[np.int64]
) -> Array | None:
    """x of the following step, or the end, centred."""
    if following is not None:
        return centred(frames_of(trace, "noisy", following, rows))
    return None if trace.final is None else centred(trace.final[list(numbers)][:, rows].astype(np.float64))


def can_be_replayed(trace: Trace, numbers: Sequence[int]) -> bool:
    """Whether x and the estimate of every step of some ends were kept, and a step is one call of the denoiser."""
    steps = {tuple(link.step for link in trace.way(number)) for number in numbers}
    in_a_row = len(steps) == 1 and (np.diff(next(iter(steps))) == 1).all()
    return in_a_row and len(trace.kinds) == 2 and not in_pairs(trace, numbers[0])


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
    """(B, N, 3) float64 the frames of a step."""
    return np.stack([trace.read(kind, link.sample)[link.row][rows] for link in links]).astype(np.float64)


def centred(frames: Array) -> Array:
    """(B, N, 3) about their centres."""
    return frames - frames.mean(axis=1, keepdims=True)


def best_turn(cross: Array) -> Array:
    """(B, 3, 3) the rotation of rows with the largest tr(R^T C), C = sum x_i^T y_i."""
    found, _ = best_rotation(
        torch.from_numpy(cross.swapaxes(1, 2).copy()), torch.zeros(len(cross), dtype=torch.float64)
    )
    return found.mT.numpy()


def _solved(products: Array, met: Array) -> Array:
    """Least squares; ways that are nothing get no share."""
    return (np.linalg.pinv(products, hermitian=True) @ met[..., None])[..., 0]


def _along(left: Array, probe: Array, ways: Sequence[Array], turn: Array) -> Array:
    """RMS per coordinate of what is left along the part of a direction that no share could have taken."""
    for way in ways:
        length = (way**2).sum((1, 2), keepdims=True)
        probe = probe - way * np.divide(
            (probe * way).sum((1, 2), keepdims=True), length, out=np.zeros_like(length), where=length > 0
        )
    probe = probe @ turn
    length = np.sqrt((probe**2).sum((1, 2)))
    met = abs((left * probe).sum((1, 2)))
    return np.divide(met, length, out=np.zeros_like(met), where=length > 0) / np.sqrt(left[0].size)


def _inertia(points: Array) -> Array:
    """(B, 3, 3) sum (|r|^2 - r r^T)."""
    products = points.swapaxes(1, 2) @ points
    return np.trace(products, axis1=1, axis2=2)[:, None, None] * np.eye(3) - products
