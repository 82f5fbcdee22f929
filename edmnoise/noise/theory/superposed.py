"""d'_a = d_a - d_B - omega x (r_a - r_B), omega = I^-1 sum_j r_j x d_j: what a superposition leaves of small noise.

Least squares over all atoms removes the translation and, to first order in sigma over the size of the structure, the
rotation that the noise projects on (Eckart 1935), r being the atoms from their centroid and I = sum |r|^2 - r r^T. With
noise of the covariance K every sum over pairs of atoms is a product with s = K r:

    E[omega omega^T] = I^-1 G I^-1,  G = sum_i (r_i . s_i) 1 - s_i r_i^T,
    E[omega e_a^T] = I^-1 [q_a x],   q_a = sum_j Cov(d_j, e_a) r_j,   e_a = d_a - d_B,

and sum_j Cov(d_j, d_a) r_j is the mean of s over the atoms of group a.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.coordinates import CoordinatesLike
from ...base.coordinates import coordinates as taken
from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Hierarchy
from ..covariance import Covariance
from ..processes.nested import NestedCovariance
from ..weights import Weights
from .statistics import Expected, NoiseStatistics

Array = NDArray[np.float64]


class Displacements(Protocol):
    """Closed forms without superposition, as `edmnoise.noise.theory.statistics.NoiseStatistics` has them."""

    whole: int

    def displacement(self, level: int, relative_to: int | None = None, over_atoms: bool = False) -> Expected:
        """Mean square displacement of the groups of a level."""


def superposed_displacement(
    hierarchy: Hierarchy,
    weights: Weights | Mapping[str, float],
    coordinates: CoordinatesLike,
    level: int,
    relative_to: int | None = None,
    over_atoms: bool = False,
) -> Expected:
    """`after_superposition` of multiscale noise, given as `NoiseStatistics` takes it."""
    _check_turns(coordinates)
    statistics = NoiseStatistics.of(hierarchy, weights)
    covariance = NestedCovariance(hierarchy, weights)
    return after_superposition(hierarchy, covariance, statistics, coordinates, level, relative_to, over_atoms)


def after_superposition(
    hierarchy: Hierarchy,
    covariance: Covariance,
    statistics: Displacements,
    coordinates: CoordinatesLike,
    level: int,
    relative_to: int | None = None,
    over_atoms: bool = False,
) -> Expected:
    """Mean square displacement of the groups of a level after superposition on the reference, to first order.

    Parameters
    ----------
    hierarchy
        Nested groups.
    covariance, statistics
        K of the noise, and what it expects without superposition.
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
    _check_turns(coordinates)
    positions = _centred(coordinates)
    inverse = np.linalg.inv(_cross_square(positions, positions))
    pulled = covariance.multiply(torch.from_numpy(positions.T.copy())).numpy().T
    turn = inverse @ _cross_square(positions, pulled) @ inverse

    top = statistics.whole if relative_to is None else relative_to
    before = statistics.displacement(level, top, over_atoms)
    arms, moments = (_from_parent(hierarchy, values, level, top) for values in (positions, pulled))
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


def _check_turns(coordinates: CoordinatesLike) -> None:
    if not rotation_defined(coordinates):
        raise EdmNoiseError("the atoms lie on a line or at a point: no expectation after superposition")


def _centred(coordinates: CoordinatesLike) -> Array:
    positions = taken("coordinates", coordinates, ("atoms", 3)).detach().cpu().double().numpy()
    return positions - positions.mean(axis=0)


def _cross_square(a: Array, b: Array) -> Array:
    """sum_g [a_g x][b_g x]^T = sum_g (a_g . b_g) 1 - b_g a_g^T."""
    return np.einsum("gi,gi->", a, b) * np.eye(3) - b.T @ a


def _from_parent(hierarchy: Hierarchy, values: Array, level: int, top: int) -> Array:
    """(groups, 3): mean of (N, 3) values over each group, less that over the group around it."""

    def means(at: int) -> Array:
        if at == hierarchy.depth:
            return values.mean(axis=0, keepdims=True)
        index, count = hierarchy.ancestors(0, at), hierarchy.counts[at]
        return np.stack([np.bincount(index, axis, count) for axis in values.T], axis=1) / hierarchy.sizes(at)[:, None]

    whole = np.zeros(hierarchy.counts[level], dtype=np.int64)
    home = whole if top == hierarchy.depth else hierarchy.ancestors(level, top)
    return means(level) - means(top)[home]
