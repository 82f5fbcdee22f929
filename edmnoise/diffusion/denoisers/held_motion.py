"""M = C + sigma^2 (K_mm (+) 0): what fluctuates, under noise of the moved atoms alone; the held ones are seen clean.

C = A (P^T P)^-1 A^T + diag(own), with nodes that rows of P tie to each other and to the ground, and A taking each atom
to its node. The groups of a nested covariance are such nodes, each tied to the one around it and those at the top to
the ground. So are the nodes of an elastic network that holds none of the held atoms: a contact with a node that does,
which cannot move, ties to the ground (Dirichlet). With x = A u + t + e, noise t of the groups and e of the atoms, of
variances own + sigma^2 w, `least_squares` beside it gives u and the residual for any x, with one sparse factorisation:

    C M^-1 x = A u + own / (own + sigma^2 w) (x - A u - t),   x^T M^-1 x = |b - G y|^2,
    det M = det(G^T G) (product of all variances of the noise) / det(P^T P).
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.threads import alone
from ...noise.processes.nested import NestedCovariance
from ...structure.hierarchy import Hierarchy, Index
from ...structure.part import Part
from .elastic_network import ElasticNetwork
from .least_squares import Array, Factorised, LeastSquares, tree


class HeldMotion:
    """C of atoms some of which are held; `HeldMotion.of_groups` and `HeldMotion.of_network` make one.

    Parameters
    ----------
    node
        (N,) the node that each atom moves with; -1 for none.
    springs
        (rows, nodes) P.
    own
        (N,) variance of each atom about its node, angstrom^2.
    """

    def __init__(self, node: Index, springs: sparse.csr_matrix, own: Array) -> None:
        self.node, self.springs, self.own = node, springs, own

    @classmethod
    def of_groups(cls, covariance: NestedCovariance) -> HeldMotion:
        """A nested covariance of all atoms, with variance at every atom."""
        covariance.precision()  # refuses rigid groups, in its words
        atoms = covariance.atoms
        widths, parents = tree(covariance)
        inside = np.flatnonzero(parents[atoms:] >= 0)
        weight = 1 / np.sqrt(widths[atoms:])
        count = len(weight)
        ties = sparse.csr_matrix((-weight[inside], (inside, parents[atoms:][inside])), shape=(count, count))
        return cls(parents[:atoms], (sparse.diags(weight) + ties).tocsr(), widths[:atoms])

    @classmethod
    def of_network(cls, network: ElasticNetwork, part: Part) -> HeldMotion | None:
        """What a network leaves the moved atoms, given that the nodes of the held ones stay; None where it is nothing.

        Atoms that move with a node that holds a held atom stay as that does.
        """
        still = np.zeros(len(network.nodes), dtype=np.bool_)
        still[network.node[part.held]] = True
        if still.all():
            return None
        number = np.where(still, -1, np.cumsum(~still) - 1)
        springs = (math.sqrt(network.spring) * network.incidence[:, np.flatnonzero(~still)]).tocsr()
        springs = springs[np.flatnonzero(np.diff(springs.indptr))]  # not those between two that stay
        return cls(number[network.node[part.moved]], springs, np.zeros(len(part.moved)))

    def __add__(self, noise: NestedCovariance) -> NoisyHeld:
        return NoisyHeld(self, noise)

    def __repr__(self) -> str:
        return f"HeldMotion({len(self.node):,} atoms, {self.springs.shape[1]:,} nodes)"

    @property
    def logdet(self) -> float:
        """log det P^T P."""
        return self._normal.logdet

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C)."""
        rows = out.numel() // len(self.node)
        pulled, own = (
            torch.randn(rows, count, generator=generator, dtype=torch.float64).numpy()
            for count in (self.springs.shape[0], len(self.node))
        )
        nodes = np.zeros((rows, self.springs.shape[1] + 1))  # the last is that of atoms without a node, which is -1
        nodes[:, :-1] = self._normal.solve(self.springs.T @ pulled.T).T
        return out.copy_(torch.from_numpy(nodes[:, self.node] + np.sqrt(self.own) * own).reshape(out.shape))

    @cached_property
    def _normal(self) -> Factorised:
        """P^T P."""
        return Factorised((self.springs.T @ self.springs).tocsc())


class NoisyHeld:
    """M, made by ``motion + sigma**2 * noise``; the methods are those of `edmnoise.noise.covariance.Covariance`.

    Works in float64 on the CPU and gives back the precision and device of what it is given; sums are float64.

    Raises
    ------
    EdmNoiseError
        Where an atom has neither motion nor noise of its own.
    """

    def __init__(self, motion: HeldMotion, noise: NestedCovariance) -> None:
        if noise.atoms != len(motion.node):
            raise EdmNoiseError(f"noise of {noise.atoms:,} atoms on {motion}: give noise of the same atoms")
        own = noise.variances[0].detach() + torch.from_numpy(motion.own)
        variances = dict(zip(noise.hierarchy.names, noise.variances, strict=True))
        spread = NestedCovariance(noise.hierarchy, {**variances, noise.hierarchy.names[0]: own})
        spread.precision()  # refuses rigid groups, in the words of noise
        self.motion = motion
        self._fit = LeastSquares(spread, motion.node, motion.springs)
        self._share_of_own = motion.own * self._fit.weight

    @property
    def atoms(self) -> int:
        """N."""
        return len(self.motion.node)

    @alone()
    def filter(self, part: HeldMotion, x: Tensor) -> Tensor:
        """C M^-1 x, (..., N); ``part`` is the motion."""
        if part is not self.motion:
            raise EdmNoiseError(f"{part} is no part of this sum: give the motion that the noise was added to")
        return self._fit.moved(x.double(), self._share_of_own).to(x.dtype)

    @alone()
    def solve(self, x: Tensor) -> Tensor:
        """M^-1 x, (..., N)."""
        return (self._tensor(self._fit.weight, x) * self._rows(x.double())).to(x.dtype)

    @alone()
    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        """x^T M^-1 y, (...), float64."""
        left = self._fit.residual(x.double())
        return torch.linalg.vecdot(left, left if x is y else self._fit.residual(y.double()))

    def logdet(self) -> Tensor:
        """log det M of one axis, float64."""
        return torch.tensor(self._fit.logdet - self.motion.logdet, dtype=torch.float64)

    def gls_mean(self, x: Tensor) -> Tensor:
        """1^T M^-1 x / 1^T M^-1 1, (...)."""
        share = self._share / self._share.sum()
        return (x.double() @ share.to(x.device)).to(x.dtype)

    def precision(self) -> Tensor:
        """1^T M^-1 1, float64."""
        return self._share.sum()

    def __repr__(self) -> str:
        return f"NoisyHeld({self.motion})"

    def _rows(self, x: Tensor) -> Tensor:
        """The rows of the residual that belong to the atoms, (..., N)."""
        return self._fit.residual(x)[..., : self.atoms]

    @cached_property
    def _share(self) -> Tensor:
        """M^-1 1, (N,)."""
        return self.solve(torch.ones(self.atoms, dtype=torch.float64))

    def _tensor(self, values: Array, x: Tensor) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(x.device)


def beside_nothing(noise: NestedCovariance, part: Part) -> NestedCovariance:
    """K_mm (+) 0: noise of the moved atoms as noise of all, in groups that hold moved atoms or held ones alone."""
    groups, levels = noise.hierarchy, range(noise.hierarchy.depth)
    first = np.full(part.whole.n_atoms, groups.counts[1])
    first[part.moved] = groups.parents[0]
    above = [np.append(groups.parents[k], groups.counts[k + 1]) for k in levels[1:-1]]
    own = [noise.variances[k].expand(groups.counts[k]).detach() for k in levels]
    atoms = torch.zeros(part.whole.n_atoms, dtype=torch.float64)
    atoms[torch.from_numpy(part.moved)] = own[0]
    each = [atoms, *(torch.cat([w, w.new_zeros(1)]) for w in own[1:])]
    return NestedCovariance(Hierarchy(groups.names, (first, *above)), dict(zip(groups.names, each, strict=True)))
