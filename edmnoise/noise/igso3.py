"""p(w) = (1 - cos w)/pi sum_l (2 l + 1) exp(-l (l + 1) s^2 / 2) sin((l + 1/2) w) / sin(w/2), 0 <= w <= pi: IGSO(3).

The isotropic Gaussian on rotations is the law of a Brownian motion on SO(3) that has run for the time s^2: its axis is
uniform, and its angle w is from p. A small rotation is a vector (axis times angle) of independent components N(0, s^2):
s is in radians, a standard deviation per coordinate, as in FrameDiff (Yim et al., arXiv:2302.02277) and RFdiffusion
(Watson et al., Nature 620, 1089 (2023)); the e of Leach et al. (2022), exp(-l (l + 1) e^2), is s / sqrt(2). E[R] is
exp(-s^2) times the unit matrix.

Where s < 1 the series is slow, and Poisson's formula turns it into images of a Gaussian about w = 2 pi n, as exact:

    p(w) = (2/pi) sin(w/2) sqrt(2 pi) s^-3 e^(s^2/8) sum_n (-1)^n (w - 2 pi n) exp(-(w - 2 pi n)^2 / (2 s^2)).

Draws come from normal vectors g: |g| has Maxwell's law M, so that w = F^-1(M(|g|)) has the law F of p, and the axis is
the direction of g, which is independent of it. From |g| to w is a smooth map (s |g| where s is small): a table serves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import EdmNoiseError

Array = NDArray[np.float64]

_SERIES_FROM = 1.0
"""From this s on the series is summed, below it the images: 16 terms, or five images, leave out less than 1e-50."""

UNIFORM_FROM = 6.0
"""An s at which all rotations are equally likely to 2e-16; larger ones are taken as this one."""

_NODES = 4096
_LONGEST = 9.5
"""The table is even in |g| up to here; a normal vector is longer once in 1e19 draws."""

_PANELS = 256
"""Panels of the quadrature of p, each of four Gauss points."""

_POINTS, _SHARES = np.polynomial.legendre.leggauss(4)


def angle_density(angle: ArrayLike, s: float) -> Array:
    """Density p of the rotation angle, per radian.

    Parameters
    ----------
    angle
        (...) radians, 0 to pi.
    s
        Scale in radians, above 0.

    Examples
    --------
    >>> angle_density([1.0, 2.0], 0.5).round(6).tolist()
    [0.854602, 0.007436]
    """
    w, s = np.asarray(angle, dtype=np.float64), min(_checked(s), UNIFORM_FROM)
    if s >= _SERIES_FROM:
        order = np.arange(16)[:, None]
        terms = np.exp(-order * (order + 1) * s**2 / 2) * (2 * order + 1) * np.sin((order + 0.5) * w.reshape(1, -1))
        return np.asarray(2 / math.pi * np.sin(w / 2) * terms.sum(axis=0).reshape(w.shape))
    total = np.zeros_like(w)
    for image in range(-2, 3):
        away = w - 2 * math.pi * image
        total += (-1) ** image * away * np.exp(-(away**2) / (2 * s**2))
    return np.asarray(2 / math.pi * np.sin(w / 2) * math.sqrt(2 * math.pi) * math.exp(s**2 / 8) / s**3 * total)


def mean_rotation(s: float) -> float:
    """The m of E[R] = m 1, exp(-s^2): by how much an arm is shorter on the average."""
    return math.exp(-(s**2))


def rotations(normal: NDArray[np.float32], scales: Sequence[float]) -> NDArray[np.float32]:
    """Turn normal vectors into rotations from IGSO(3).

    Parameters
    ----------
    normal
        (3, n, lanes) independent standard normal numbers.
    scales
        s of each lane, radians, 0 or more. The same vector at another s is a turn about the same axis.

    Returns
    -------
    ndarray
        (3, 3, n, lanes) float32 matrices, orthogonal to 1e-6 whatever the table's error is.
    """
    normal = np.ascontiguousarray(normal)
    square = (normal * normal).sum(axis=0)
    place = np.sqrt(square) * np.float32((_NODES - 1) / _LONGEST)
    low = np.floor(place)
    cells = low.T.astype(np.int64)
    table = [_half_turns(s).take(cell, axis=1, mode="clip") for s, cell in zip(scales, cells, strict=True)]
    cosine, ratio, *slopes = np.stack(table, axis=-1)
    cosine += (place - low) * slopes[0]  # of a quaternion (cosine, ratio g), not quite of unit length
    ratio += (place - low) * slopes[1]
    scaled = 2 * ratio / (cosine * cosine + ratio * ratio * square)
    made: NDArray[np.float32] = normal[:, None] * (ratio * scaled * normal)
    whole = 1 - ratio * scaled * square
    for (i, j, k), sine in zip(((0, 1, 2), (1, 2, 0), (2, 0, 1)), cosine * scaled * normal, strict=True):
        made[i, i] += whole
        made[k, j] += sine
        made[j, k] -= sine
    return made


@lru_cache(maxsize=64)
def _half_turns(s: float) -> NDArray[np.float32]:
    """(4, nodes) cos(w/2) and sin(w/2) / |g| of the angle w that belongs to a normal vector's length |g|, and by how
    much each is larger at the next node."""
    length = np.linspace(0, _LONGEST, _NODES)
    ratio = angles_over_lengths(length, s)
    half = length * ratio / 2
    table = np.stack([np.cos(half), np.sinc(half / math.pi) * ratio / 2])
    return np.concatenate([table, np.diff(table, append=table[:, -1:])]).astype(np.float32)


def angles_over_lengths(length: Array, s: float) -> Array:
    """w / |g|, radians, of normal vectors of some lengths: w is the quantile of IGSO(3) that |g| is of Maxwell's law.

    Parameters
    ----------
    length
        (...) not negative.
    s
        Scale in radians, 0 or more.
    """
    if s == 0:
        return np.zeros_like(length)
    from scipy.interpolate import CubicHermiteSpline
    from scipy.special import gammainccinv, gammaincinv

    s = min(_checked(s), UNIFORM_FROM)
    end = min(math.pi, 11 * s)
    part = np.linspace(0, 1, _PANELS + 1)
    edges = end * part**3 * (10 - 15 * part + 6 * part**2)  # close at both ends, where the tails are
    half = np.diff(edges)[:, None] / 2
    mass = (angle_density(edges[:-1, None] + half * (1 + _POINTS), s) * _SHARES * half).sum(axis=1)
    below, above = np.cumsum(mass)[:-1], np.cumsum(mass[:0:-1])[::-1]
    whole = mass.sum()
    # The length whose share of Maxwell's law lies below it, from whichever side is the smaller one.
    inner = below < whole / 2
    square = np.concatenate([gammaincinv(1.5, below[inner] / whole), gammainccinv(1.5, above[~inner] / whole)])
    known, angle = np.sqrt(2 * square), edges[1:-1]
    first, last = np.searchsorted(known, [1e-3, 8.0], side="right").tolist()
    rising = np.flatnonzero(np.diff(known[first:last], prepend=-1.0) > 1e-9) + first
    known, angle = known[rising], angle[rising]
    # Maxwell's density over that of the angle is the slope of the angle.
    slope = whole * math.sqrt(2 / math.pi) * known**2 * np.exp(-(known**2) / 2) / angle_density(angle, s)
    ratio = CubicHermiteSpline(known, angle / known, (slope - angle / known) / known)
    asked = np.clip(length, known[0], known[-1])
    found = ratio(asked)
    return np.where(length < asked, found, np.minimum(found * asked, end) / np.maximum(length, asked))


def _checked(s: float) -> float:
    if not 0 < s < math.inf:
        raise EdmNoiseError(f"s of IGSO(3) is {s}: give a number of radians above 0")
    return s
