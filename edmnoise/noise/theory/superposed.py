"""d'_a = d_a - d_B - omega x (r_a - r_B), omega = I^-1 sum_j r_j x d_j: what a superposition leaves of small noise.

Least squares over all atoms removes the translation and, to first order in sigma over the size of the structure, the
rotation that the noise projects on (Eckart 1935), r being the atoms from their centroid and I = sum |r|^2 - r r^T. With
nested noise every sum over pairs of atoms is a sum over groups, R_g = sum of r over the atoms of g:

    E[omega omega^T] = I^-1 G I^-1,  G = sum_k w_k sum_g (|R_g|^2 - R_g R_g^T),
    E[omega e_a^T] = I^-1 [q_a x],   q_a = sum_j Cov(d_j, e_a) r_j,   e_a = d_a - d_B.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...base.coordinates import CoordinatesLike
from ...base.coordinates import coordinates as taken
from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Hierarchy
from ..weights import Weights, level_values
from .statistics import Expected, NoiseStatistics

Array = NDArray[np.float64]


def superposed_displacement(
    hierarchy: Hierarchy,
    weights: Weights | Mapping[str, float],
    coordinates: CoordinatesLike,
    level: int,
    relative_to: int | None = None,
    over_atoms: bool = False,
) -> Expected:
    """Mean square displacement of the groups of a level after superposition on the reference, to first order.

    Parameters
    ----------
    hierarchy, weights
        The noise, as `NoiseStatistics` takes it.
    coordinates
        (N, 3) reference coordinates, angstrom.
    level, relative_to, over_atoms
        As in `NoiseStatistics.displacement`; an absolute displacement is from the reference's own place.

    Returns
    -------
    Expected
        In units of sigma^2, correct as sigma goes to 0; without a scatter (``sd`` is NaN).

    Raises
    ------
    EdmNoiseError
        If the atoms lie on a line (or there is one): the rotation that is removed is not defined then.
    """
    if not rotation_defined(coordinates):
        raise EdmNoiseError("the atoms lie on a line or at a point: no expectation after superposition")
    positions = _centred(coordinates)
    inverse = np.linalg.inv(_cross_square(positions, positions))
    sums = _sums(hierarchy, positions)
    shares = level_values(hierarchy, weights)
    turn = inverse @ sum(w * _cross_square(s, s) for w, s in zip(shares, sums, strict=True)) @ inverse

    statistics = NoiseStatistics(hierarchy, weights)
    top = statistics.whole if relative_to is None else relative_to
    before = statistics.displacement(level, top, over_atoms)
    arms = _arms(hierarchy, positions, level, top)
    moments = _moments(hierarchy, shares, sums, level, top)
    # tr(I^-1 [q x][s x]^T) and tr(W [s x][s x]^T), per coordinate.
    together = np.einsum("ai,ai->a", moments, arms) * np.trace(inverse) - np.einsum(
        "ai,ij,aj->a", moments, inverse, arms
    )
    rotation = np.einsum("ai,ai->a", arms, arms) * np.trace(turn) - np.einsum("ai,ij,aj->a", arms, turn, arms)
    each = np.maximum(before.each - (2 * together - rotation) / 3, 0)
    sizes = hierarchy.sizes(level)
    share = sizes / sizes.sum() if over_atoms else np.full(len(sizes), 1 / len(sizes))
    return Expected(each, float(share @ each), math.nan)


def rotation_defined(coordinates: CoordinatesLike) -> bool:
    """Whether (N, 3) coordinates span more than a line, so that a superposition removes a rotation about each axis."""
    positions = _centred(coordinates)
    _, second, largest = np.linalg.eigvalsh(positions.T @ positions)
    return bool(second > 1e-12 * largest)


def _centred(coordinates: CoordinatesLike) -> Array:
    positions = taken("coordinates", coordinates, ("atoms", 3)).detach().cpu().double().numpy()
    return positions - positions.mean(axis=0)


def _cross_square(a: Array, b: Array) -> Array:
    """sum_g [a_g x][b_g x]^T = sum_g (a_g . b_g) 1 - b_g a_g^T."""
    return np.einsum("gi,gi->", a, b) * np.eye(3) - b.T @ a


def _sums(hierarchy: Hierarchy, positions: Array) -> list[Array]:
    """For each level (groups, 3): the sum of the positions of each group's atoms."""
    sums = [positions]
    for level in range(1, hierarchy.depth):
        index, count = hierarchy.ancestors(0, level), hierarchy.counts[level]
        sums.append(np.stack([np.bincount(index, axis, count) for axis in positions.T], axis=1))
    return sums


def _fold(hierarchy: Hierarchy, fine: int, coarse: int, values: Array) -> Array:
    """Sum rows of a level over the members of each group of a coarser one; one group past the top level."""
    if coarse == hierarchy.depth:
        return values.sum(axis=0, keepdims=True)
    index, count = hierarchy.ancestors(fine, coarse), hierarchy.counts[coarse]
    return np.stack([np.bincount(index, axis, count) for axis in values.T], axis=1)


def _home(hierarchy: Hierarchy, level: int, top: int) -> NDArray[np.int64]:
    whole = np.zeros(hierarchy.counts[level], dtype=np.int64)
    return whole if top == hierarchy.depth else hierarchy.ancestors(level, top)


def _sizes(hierarchy: Hierarchy, level: int) -> Array:
    sizes = np.array([hierarchy.counts[0]]) if level == hierarchy.depth else hierarchy.sizes(level)
    return sizes.astype(np.float64)[:, None]


def _arms(hierarchy: Hierarchy, positions: Array, level: int, top: int) -> Array:
    """(groups, 3): centre of each group from the centre of the group around it."""

    def centres(at: int) -> Array:
        return _fold(hierarchy, 0, at, positions) / _sizes(hierarchy, at)

    own = positions if level == 0 else centres(level)
    return own - centres(top)[_home(hierarchy, level, top)]


def _moments(hierarchy: Hierarchy, weights: Sequence[float], sums: list[Array], level: int, top: int) -> Array:
    """(groups, 3): q_a, the positions weighted by their atoms' covariance with e_a = d_a - d_B."""

    def covaried(at: int) -> Array:
        """sum_j Cov(d_j, d_a) r_j of the groups of a level."""
        count = 1 if at == hierarchy.depth else hierarchy.counts[at]
        total = np.zeros((count, 3))
        for k, weight in enumerate(weights):
            if k >= at:
                total += weight * sums[k][hierarchy.ancestors(at, k)]
            else:
                total += weight * _fold(hierarchy, k, at, _sizes(hierarchy, k) * sums[k]) / _sizes(hierarchy, at)
        return total

    return covaried(level) - covaried(top)[_home(hierarchy, level, top)]
