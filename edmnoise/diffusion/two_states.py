"""P(return) = E 1 / (1 + (p2/p1) exp(delta u - delta^2/2)), u ~ N(0, 1), delta = d/sigma: back to one of two states.

State 1 is noised, x = y_1 + sigma L z, and an exact sampler takes x back to clean structures. Only the coordinate of x
along y_2 - y_1 matters, u in units of sigma, for in the others both states are alike. d is the distance of the states
in the metric of the noise, d^2 = tr (y_1 - y_2)^T K^-1 (y_1 - y_2): for independent noise the RMSD times the root of
the number of atoms. Two kinds of sampler, two answers:

stochastic
    A sampler with fresh noise at all levels draws from the posterior of x, which knows state 1 by its weight w_1(x):
    the equation above.
flow
    The probability flow, of samplers without fresh noise, goes one way from each x. In one dimension it keeps quantiles
    of the mixture: x ends in state 1 if its quantile p_1 Phi(u) + p_2 Phi(u - delta) is below p_1. With u* where
    p_2 Phi(u* - delta) = p_1 Phi(-u*), that is the case for u < u*, so P = Phi(u*); Phi(delta/2) for p_1 = 1/2.

Both fall from 1 to p_1 as sigma grows, the flow's later.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import expit, ndtr

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..noise.covariance import Covariance, cross
from ..structure.best_rotation import proper_svd

KINDS = ("stochastic", "flow")
"""Samplers with fresh noise at all levels, and without any."""

_U = np.linspace(-12, 12, 9601)
"""Where the integral over u is summed up: the error of the trapezoidal rule falls as exp(-2 pi^2 / (delta du))."""


def return_probability(distance: float, sigma: float, share: float = 0.5, kind: str = "stochastic") -> float:
    """Probability that a sample that was noised from a state to a level comes back to that state.

    Parameters
    ----------
    distance
        d, angstrom, as `state_distance` gives it.
    sigma
        The level, angstrom.
    share
        p_1, of the state that is left.
    kind
        A name from KINDS.

    Examples
    --------
    >>> [round(return_probability(10.0, 5.0, kind=kind), 3) for kind in KINDS]
    [0.775, 0.841]
    >>> round(return_probability(10.0, 1e6, share=0.3), 3)
    0.3
    """
    if not 0 < share <= 1:
        raise EdmNoiseError(f"share is {share}: give a number above 0 and up to 1")
    if kind not in KINDS:
        raise EdmNoiseError(f"kind is {kind!r}: give {' or '.join(KINDS)}")
    if share == 1:
        return 1.0
    delta = distance / sigma
    if kind == "flow":
        return float(ndtr(_last_returning(delta, share)))
    weight = expit(math.log(share / (1 - share)) - delta * _U + delta**2 / 2)
    density = np.exp(-(_U**2) / 2) / math.sqrt(2 * math.pi)
    return float((weight * density).sum() * (_U[1] - _U[0]))


def no_return(distance: float, share: float = 0.5, kind: str = "stochastic") -> float:
    """Level, angstrom, at which the probability has gone half of its way from 1 to the state's share.

    Examples
    --------
    >>> [round(no_return(10.0, kind=kind), 2) for kind in KINDS]
    [5.42, 7.41]
    """
    if share == 1:
        return math.inf
    if distance == 0:
        return 0.0
    half = (1 + share) / 2
    low, high = (distance / delta for delta in (60.0, 1e-6))
    return float(brentq(lambda sigma: return_probability(distance, sigma, share, kind) - half, low, high))


def state_distance(
    one: CoordinatesLike, other: CoordinatesLike, covariance: Covariance, gauge: str = "rotation"
) -> float:
    """d of two states (3, N), angstrom, in the metric of the noise.

    Under a gauge of `edmnoise.diffusion.denoisers.states.GAUGES` it is the shortest over the motions that the gauge
    leaves free. For rotations, which an exact denoiser averages, the closed form is then an approximation that holds
    where x says well how it is turned: for noise well below the size of the structure.
    """
    y = torch.stack([coordinates("state", state, (3, covariance.atoms)).double() for state in (one, other)])
    if gauge != "fixed":
        y = y - covariance.gls_mean(y)[..., None]
    if gauge in ("fixed", "translation"):
        off = y[0] - y[1]
        return math.sqrt(float(covariance.inner(off, off).sum()))
    squares = covariance.inner(y, y).sum()
    white = covariance.whiten(y)
    _, s, _ = proper_svd(cross(white[:1], white[1:])[0, 0])
    return math.sqrt(max(0.0, float(squares - 2 * s.sum())))


def _last_returning(delta: float, share: float) -> float:
    """u*: samples below it flow back."""
    return float(brentq(lambda u: (1 - share) * ndtr(u - delta) - share * ndtr(-u), -40.0, delta + 40.0))
