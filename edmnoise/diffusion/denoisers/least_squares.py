"""x^T M^-1 x = min over u, t of |b - G y|^2: nested noise about an elastic network, as sparse least squares.

M = C + K is the covariance of x = u + noise, with u of the network and K of the noise. Its inverse is dense; here

    y = (u, t),   b = (x / sqrt(w), 0, 0),

with one row of G for each atom, (u_node + t_parent) / sqrt(w), for each group of the noise, (t_g - t_parent) /
sqrt(w_g), and for each contact, sqrt(spring) (u_i - u_j). The noise of a group, with that of those above it, is an
unknown t_g: G^T G is as sparse as the contacts. One factorisation a noise level gives the filter C M^-1 x = u and the
residual b - G y, for x without a common translation: see `edmnoise.diffusion.denoisers.elastic_network` for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from torch import Tensor

from ...noise.processes.nested import NestedCovariance
from ...structure.levels import as_array

Array = NDArray[np.float64]


class LeastSquares:
    """G, factorised, and what it makes of coordinates.

    Parameters
    ----------
    noise
        K on nested groups, with variance at every atom.
    node
        (N,) the node that each atom moves with; -1 for one that moves with none.
    springs
        (contacts, nodes) sqrt(spring) and its negative at the two ends of each contact.

    Attributes
    ----------
    weight
        (N,) 1 / sqrt(w) of each atom: the first N rows of b are x times it.
    logdet
        log det G^T G + sum of log w.
    """

    def __init__(self, noise: NestedCovariance, node: NDArray[np.int64], springs: sparse.csr_matrix) -> None:
        widths, parents = tree(noise)
        self._node, self._nodes = node, springs.shape[1]
        self._root = _root(node, springs, widths, parents)
        self._normal = Factorised(self._root.T @ self._root)
        self.weight = 1 / np.sqrt(widths[: len(node)])
        self.logdet = self._normal.logdet + float(np.log(widths).sum())

    def estimate(self, x: Tensor) -> Tensor:
        """(..., N) u of each atom's node."""
        return along(x, self._estimate, self._estimate_adjoint)

    def moved(self, x: Tensor, share: Array) -> Tensor:
        """(..., N) u of each atom's node, and a share (N,) of the atom's row of the residual: in one pass for both."""

        def forward(rows: Array) -> Array:
            y, left = self._projected(self._padded(rows))
            return self._of_nodes(y) + share * left[: len(self._node)].T

        def adjoint(rows: Array) -> Array:
            padded = np.zeros((len(rows), self._root.shape[0]))
            padded[:, : len(self._node)] = rows * share
            return self._estimate_adjoint(rows) + self._residual_adjoint(padded)

        return along(x, forward, adjoint)

    def residual(self, x: Tensor) -> Tensor:
        """(..., rows of G) b - G y."""
        return along(x, self._residual, self._residual_adjoint)

    def nodes_adjoint(self, rows: Array) -> Array:
        """(k, nodes) -> (k, N): the adjoint of x -> u of the nodes."""
        given = np.zeros((self._root.shape[1], len(rows)))
        given[: self._nodes] = rows.T
        return (self._root @ self._normal.solve(given))[: len(self._node)].T * self.weight

    # On rows: (k, N) to and from (k, unknowns) or (k, rows of G)

    def _residual(self, rows: Array) -> Array:
        return self._projected(self._padded(rows))[1].T

    def _residual_adjoint(self, rows: Array) -> Array:
        return self._projected(rows.T)[1].T[:, : len(self._node)] * self.weight

    def _estimate(self, rows: Array) -> Array:
        return self._of_nodes(self._projected(self._padded(rows))[0])

    def _of_nodes(self, y: Array) -> Array:
        """(unknowns, k) -> (k, N): u of each atom's node, 0 for none."""
        nodes = np.zeros((y.shape[1], self._nodes + 1))  # the last is that of atoms without a node, which is -1
        nodes[:, :-1] = y[: self._nodes].T
        return nodes[:, self._node]

    def _estimate_adjoint(self, rows: Array) -> Array:
        nodes = np.zeros((len(rows), self._nodes + 1))
        np.add.at(nodes.T, self._node, rows.T)
        return self.nodes_adjoint(nodes[:, :-1])

    def _padded(self, rows: Array) -> Array:
        """b, (rows of G, k)."""
        b = np.zeros((self._root.shape[0], len(rows)))
        b[: len(self._node)] = (rows * self.weight).T
        return b

    def _projected(self, b: Array) -> tuple[Array, Array]:
        """y and b - G y, (..., k). The second solve, for what rounding left, makes up for the squared condition of
        G^T G (corrected seminormal equations: Bjorck, Linear Algebra Appl. 88/89, 31, 1987)."""
        y = self._normal.solve(self._root.T @ b)
        y += self._normal.solve(self._root.T @ (b - self._root @ y))
        return y, b - self._root @ y


class Factorised:
    """A sparse, positive definite matrix as L D L^T; ``logdet`` is that of the matrix. One of no rows is one, too."""

    def __init__(self, matrix: sparse.spmatrix) -> None:
        self.logdet, self._lu = 0.0, None
        if not matrix.shape[0]:
            return
        # Pivots on the diagonal, in an order for symmetric matrices: a Cholesky factorisation in all but name.
        self._lu = splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        self.logdet = float(np.log(self._lu.U.diagonal()).sum())

    def solve(self, columns: Array) -> Array:
        """(n, k) -> (n, k)."""
        return self._lu.solve(np.asfortranarray(columns)) if self._lu else columns


def tree(noise: NestedCovariance) -> tuple[Array, NDArray[np.int64]]:
    """Variances of the atoms and then of all groups that have one, and for each of them the number of the nearest
    group above that has one, counted among those groups; -1 where there is none."""
    hierarchy = noise.hierarchy
    widths: list[Array] = []
    parents: list[NDArray[np.int64]] = []
    numbers = np.full(1, -1)
    above = np.zeros(hierarchy.counts[-1], dtype=np.int64)  # all groups at the top lie in what has no number
    first = 0
    for level in range(hierarchy.depth - 1, -1, -1):
        w = np.broadcast_to(as_array(noise.variances[level]), hierarchy.counts[level])
        inherited = numbers[above]
        varies = np.flatnonzero(w > 0)
        widths.insert(0, w[varies])
        parents.insert(0, inherited[varies])
        if level:
            numbers = inherited.copy()
            numbers[varies] = first + np.arange(len(varies))
            first += len(varies)
            above = hierarchy.parents[level - 1]
    # Groups were numbered from the top; after the atoms they follow in that order.
    atoms, *groups = widths
    of_atoms, *of_groups = parents
    return np.concatenate([atoms, *groups[::-1]]), np.concatenate([of_atoms, *of_groups[::-1]])


def _root(
    node: NDArray[np.int64], springs: sparse.csr_matrix, widths: Array, parents: NDArray[np.int64]
) -> sparse.csr_matrix:
    """G: rows of atoms, groups and contacts, columns of nodes and groups."""
    atoms, nodes = len(node), springs.shape[1]
    items, groups = np.arange(len(widths)), len(widths) - atoms
    signs = np.where(items < atoms, 1.0, -1.0)  # u + t of an atom's row, t - t_parent of a group's
    own = np.concatenate([node, nodes + np.arange(groups)])
    inside = parents >= 0
    weight = 1 / np.sqrt(widths)
    moving = own >= 0
    noisy = sparse.csr_matrix(
        (
            np.concatenate([weight[moving], (signs * weight)[inside]]),
            (np.concatenate([items[moving], items[inside]]), np.concatenate([own[moving], nodes + parents[inside]])),
        ),
        shape=(len(widths), nodes + groups),
    )
    contacts = springs.copy()
    contacts.resize(springs.shape[0], nodes + groups)
    return sparse.vstack([noisy, contacts]).tocsr()


Map = Callable[[Array], Array]


def along(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
    """A linear map of rows of arrays, on the last axis of a tensor."""
    return _Linear.apply(x, forward, adjoint)


class _Linear(torch.autograd.Function):
    """x -> A x, whose gradient is A^T: the way through SciPy for autograd, to any order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: Map, adjoint: Map) -> Tensor:
        ctx.maps = forward, adjoint
        rows = as_array(x.double()).reshape(-1, x.shape[-1])
        mapped = np.ascontiguousarray(forward(rows))
        return torch.from_numpy(mapped).reshape(*x.shape[:-1], mapped.shape[-1]).to(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        forward, adjoint = ctx.maps
        return _Linear.apply(grads[0], adjoint, forward), None, None
