"""n ~ N(0, sigma^2 K (x) I_3): what samplers and denoisers may ask of a noise covariance K, (N, N) over atoms.

x, y and z are independent and share K, so that everything acts on the last axis of (..., N) tensors, atoms last.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.legible import brief
from ..structure.hierarchy import Index


class Covariance(Protocol):
    """A covariance over N atoms, the same for x, y and z.

    What lies along atoms, (..., N), comes back in the precision and on the device of what was given, and so does
    `gls_mean`. Sums over all atoms (`inner`, `logdet`, `precision`) are float64, because they are exponentiated.
    All work is done in float64: give float64 where a result is needed to more than seven digits.

    A singular K multiplies, factors and draws; the other methods refuse it with an EdmNoiseError.
    """

    @property
    def atoms(self) -> int:
        """N."""

    def restricted(self, atoms: Index) -> Covariance:
        """K[atoms][:, atoms]: the covariance of some atoms, whatever the others do, with the same algebra in O(n).

        Parameters
        ----------
        atoms
            (n,) int64 indices, ascending; see `checked_atoms`.
        """

    def multiply(self, x: Tensor) -> Tensor:
        """K x, (..., N)."""

    def solve(self, x: Tensor) -> Tensor:
        """K^-1 x, (..., N)."""

    def factor(self, z: Tensor) -> Tensor:
        """L z, (..., N), with one square L, K = L L^T: noise from standard normal numbers."""

    def whiten(self, x: Tensor) -> Tensor:
        """L^-1 x, (..., N): coordinates whose plain inner products are those of `inner`; see `cross`."""

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        """x^T K^-1 y over the atoms, (..., N) and (..., N) -> (...), float64; shapes broadcast."""

    def logdet(self) -> Tensor:
        """log det K of one axis, a float64 number on the CPU: a third of that of x, y and z together."""

    def gls_mean(self, x: Tensor) -> Tensor:
        """1^T K^-1 x / 1^T K^-1 1, (...): the common translation of the atoms that is the likeliest one."""

    def precision(self) -> Tensor:
        """1^T K^-1 1, a float64 number on the CPU: one over the variance of `gls_mean`."""

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, K), each row independent, and return it.

        The law is that of `factor` on normal numbers; the numbers need not be, and come the cheapest way. A sampler
        calls this for several samples at once, in threads of its own, in each of which torch works alone.
        """


def checked_atoms(atoms: ArrayLike, count: int) -> Index:
    """(n,) int64 ascending indices among ``count`` atoms; EdmNoiseError for none, for others and for another order."""
    index = np.asarray(atoms)
    whole = index.ndim == 1 and index.size > 0 and np.issubdtype(index.dtype, np.integer)
    if not whole or index[0] < 0 or index[-1] >= count or (np.diff(index) <= 0).any():
        raise EdmNoiseError(f"atoms are {brief(index)}: give different whole numbers from 0 to {count - 1}, ascending")
    return index.astype(np.int64)


def cross(x: Tensor, y: Tensor) -> Tensor:
    """X^T K^-1 Y of every pair, from whitened X and Y, in one matrix product.

    Parameters
    ----------
    x, y
        (B, 3, N) and (M, 3, N), both from `Covariance.whiten`. States that stay are whitened once.

    Returns
    -------
    Tensor
        (B, M, 3, 3) float64: [b, m, i, j] is the inner product of axis i of X_b and axis j of Y_m.
    """
    products = x.double().flatten(0, 1) @ y.double().flatten(0, 1).T
    return products.reshape(len(x), x.shape[1], len(y), y.shape[1]).transpose(1, 2)
