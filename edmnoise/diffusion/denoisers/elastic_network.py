"""C = Gamma^+ / spring: how the atoms of a folded structure fluctuate together, from its contacts (Bahar et al. 1997).

Nodes (residues, or atoms) nearer than a cutoff are joined by springs, Gamma is the Laplacian of that graph (the
Kirchhoff matrix), and x, y and z of the nodes fluctuate with covariance kT/spring Gamma^+, each on its own. Gamma^+ is
dense, Gamma and all that is done here sparse.

With M = C + K for noise K on nested groups, `least_squares` beside it gives the filter u = C M^-1 x and the residual
b - G y, |b - G y|^2 = x^T M^-1 x, of an x whose likeliest translation v^T x is 0, v = M^-1 1 / 1^T M^-1 1; nothing in G
holds u in place, as Gamma 1 = 0. For any x, and with c = 1 / 1^T M^-1 1, the variance of the translation,

    v^T x = mean of u over the nodes,   C M^-1 x = u - (K v / c) v^T x,   x^T M^-1 x = |b - G y|^2 + (v^T x)^2 / c,
    det M = c det(G^T G) (product of all w) / det(spring Gamma without one row and column).
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.threads import alone
from ...noise.processes.nested import NestedCovariance
from ...structure.hierarchy import Hierarchy
from ...structure.levels import as_array
from ...structure.structure import Structure
from .least_squares import Array, Factorised, LeastSquares, along

CUTOFFS = (5.0, 7.0)
"""Cutoff in angstrom where none is given: between atoms, where no value is settled, a carbon's first shell of others;
between residues the 7 A of Bahar, Atilgan & Erman, Fold. Des. 2, 173 (1997), for C-alpha atoms."""

_COLUMNS = 512
"""Columns of an inverse that are solved for at a time."""


class NotJoined(EdmNoiseError):
    """Nodes that no contacts hold together: what was found, kept for who has another way out."""

    def __init__(self, found: str, way_out: str) -> None:
        super().__init__(f"{found}: {way_out}, or leave out what lies apart")
        self.found = found


class ElasticNetwork:
    """Gaussian network model: covariance of what the atoms of a structure do about their places.

    Parameters
    ----------
    hierarchy
        Groups of the atoms; those of the noise.
    nodes
        (n, 3) place of each group of ``level``, angstrom. The atoms of a group move as one.
    level
        Which groups are nodes: 0 the atoms, 1 the residues.
    cutoff
        Nodes no farther apart than this, in angstrom, are in contact; see `CUTOFFS`.
    spring
        Of every contact, kT / angstrom^2. With 1, a node has the variance (Gamma^+)_ii; `scaled_to` finds the value
        that B-factors ask for.

    Raises
    ------
    EdmNoiseError
        For places that do not fit, no contacts, and a network in several parts: parts without a contact would drift
        apart without bound. The sentence names the smallest cutoff that joins them.

    Notes
    -----
    The centre of the nodes stays where it is: C has no part along a translation of all. Where a state lies is said by
    the gauge of `edmnoise.diffusion.denoisers.states.StatesDenoiser`, which takes a network as its fluctuations.

    Examples
    --------
    >>> chain = ElasticNetwork(Hierarchy(("atom", "residue"), (np.arange(3),)), [[0, 0, 0], [4, 0, 0], [8, 0, 0]])
    >>> chain
    ElasticNetwork(3 residues, 2 contacts within 7 A, spring 1 kT/A^2)
    >>> (9 * chain.variances()).round().tolist()
    [5.0, 2.0, 5.0]
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        nodes: CoordinatesLike,
        level: int = 1,
        cutoff: float | None = None,
        spring: float = 1.0,
    ) -> None:
        if level not in (0, 1):
            raise EdmNoiseError(f"level is {level!r}: give 0 for atoms or 1 for residues as the nodes")
        places = coordinates("nodes", nodes, (hierarchy.counts[level], 3)).detach().cpu().double().numpy()
        reach = CUTOFFS[level] if cutoff is None else cutoff
        for name, value in (("cutoff", reach), ("spring", spring)):
            if not (math.isfinite(value) and value > 0):
                raise EdmNoiseError(f"{name} is {value}: give a number above 0")
        self.hierarchy, self.level, self.nodes = hierarchy, level, places
        self.cutoff, self.spring = float(reach), float(spring)
        self.contacts: NDArray[np.int64] = cKDTree(places).query_pairs(self.cutoff, output_type="ndarray")
        self._check_connected()

    @classmethod
    def from_structure(
        cls, structure: Structure, level: str = "residue", cutoff: float | None = None, spring: float = 1.0
    ) -> ElasticNetwork:
        """Network of a structure: of its atoms, or of its residues at their C-alpha, else phosphorus, else centre."""
        which = structure.hierarchy.level(level)
        places = structure.coordinates.astype(np.float64)
        if which == 1:
            residue = structure.hierarchy.ancestors(0, 1)
            sums = np.stack([np.bincount(residue, axis) for axis in places.T], axis=1)
            centres = sums / structure.hierarchy.sizes(1)[:, None]
            for name, element in (("P", "P"), ("CA", "C")):
                chosen = (structure.atoms.name == name) & (np.char.upper(structure.atoms.element) == element)
                centres[residue[chosen]] = places[chosen]
            places = centres
        return cls(structure.hierarchy, places, which, cutoff, spring)

    @property
    def atoms(self) -> int:
        """N."""
        return self.hierarchy.counts[0]

    @cached_property
    def node(self) -> NDArray[np.int64]:
        """(N,) the node that each atom moves with."""
        return self.hierarchy.ancestors(0, self.level)

    @cached_property
    def incidence(self) -> sparse.csr_matrix:
        """(contacts, n): 1 and -1 at the two ends of each contact; Gamma is its square."""
        rows = np.repeat(np.arange(len(self.contacts)), 2)
        signs = np.tile([1.0, -1.0], len(self.contacts))
        return sparse.csr_matrix((signs, (rows, self.contacts.ravel())), shape=(len(self.contacts), len(self.nodes)))

    @cached_property
    def kirchhoff(self) -> sparse.csr_matrix:
        """(n, n) Gamma: number of contacts on the diagonal, -1 for each contact off it."""
        return (self.incidence.T @ self.incidence).tocsr()

    def multiply(self, x: Tensor) -> Tensor:
        """C x, (..., N)."""
        return along(x, self._multiply, self._multiply)

    @alone()
    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C), each row independent, and return it."""
        pulls = torch.empty(*out.shape[:-1], len(self.contacts), dtype=torch.float64, device=generator.device)
        pulls.normal_(generator=generator)
        rows = as_array(pulls).reshape(-1, len(self.contacts))
        moved = self._inverse(self.incidence.T @ rows.T).T[:, self.node] / math.sqrt(self.spring)
        return out.copy_(torch.from_numpy(moved.reshape(out.shape)))

    def variances(self) -> Tensor:
        """(N,) float64 variance of each atom's x, angstrom^2: the diagonal of C. One solve for each node."""
        return torch.from_numpy(self._diagonal[self.node] / self.spring)

    def scaled_to(self, b_factors: ArrayLike) -> ElasticNetwork:
        """The same network with the spring that gives the atoms the mean B-factor of ``b_factors`` (N,), angstrom^2.

        B = 8 pi^2 <u_x^2>. A crystal's B-factors hold its disorder and the motion of whole molecules as well, which
        are no part of C: it is an upper bound.
        """
        b = np.asarray(b_factors, dtype=np.float64)
        if b.shape != (self.atoms,) or not np.isfinite(b).all() or b.min() < 0 or b.max() == 0:
            raise EdmNoiseError(
                f"B-factors of the shape {b.shape}: give {self.atoms} finite numbers, none negative, not all zero"
            )
        spring = 8 * math.pi**2 * self._diagonal[self.node].mean() / b.mean()
        scaled = object.__new__(ElasticNetwork)
        scaled.__dict__.update(self.__dict__, spring=float(spring))  # contacts and factorisation do not depend on it
        return scaled

    def __add__(self, noise: NestedCovariance) -> NoisyNetwork:
        return NoisyNetwork(self, noise)

    def __repr__(self) -> str:
        nodes = f"{len(self.nodes):,} {self.hierarchy.names[self.level]}s"
        contacts = f"{len(self.contacts):,} contacts within {self.cutoff:g} A"
        return f"ElasticNetwork({nodes}, {contacts}, spring {self.spring:.3g} kT/A^2)"

    def _multiply(self, rows: Array) -> Array:
        pulls = np.zeros((len(rows), len(self.nodes)))
        np.add.at(pulls.T, self.node, rows.T)
        return self._inverse(pulls.T).T[:, self.node] / self.spring

    def _inverse(self, columns: Array) -> Array:
        """Gamma^+ times (n, k)."""
        found = np.zeros_like(columns)
        found[1:] = self._grounded.solve((columns - columns.mean(axis=0))[1:])
        return found - found.mean(axis=0)

    @cached_property
    def _grounded(self) -> Factorised:
        """Gamma without the first node, which is held at 0: solutions are right up to a shift, minors all equal."""
        return Factorised(self.kirchhoff[1:, 1:])

    @cached_property
    def _diagonal(self) -> Array:
        """(n,) diagonal of Gamma^+: that of the grounded inverse with rows and columns centred."""
        count = len(self.nodes)
        diagonal, sums = np.zeros(count), np.zeros(count)
        sums[1:] = self._grounded.solve(np.ones((count - 1, 1)))[:, 0]
        for start in range(0, count - 1, _COLUMNS):
            inside = np.arange(start, min(start + _COLUMNS, count - 1))
            columns = np.zeros((count - 1, len(inside)))
            columns[inside, inside - start] = 1
            diagonal[1 + inside] = self._grounded.solve(columns)[inside, inside - start]
        return diagonal - 2 * sums / count + sums.sum() / count**2

    def _check_connected(self) -> None:
        what = f"{len(self.nodes):,} {self.hierarchy.names[self.level]}s"
        if len(self.nodes) < 2:
            raise EdmNoiseError(f"a network of {what}: give two nodes or more")
        parts, _ = connected_components(self.kirchhoff, directed=False)
        if parts > 1:
            found = f"are in {parts:,} parts" if len(self.contacts) else "have no contact"
            raise NotJoined(
                f"{what} {found} within {self.cutoff:g} A", f"give a cutoff of {self._joining_cutoff():g} A or more"
            )

    def _joining_cutoff(self) -> float:
        """Longest edge of the nodes' minimum spanning tree, rounded up to 0.1 A."""
        tree, reach = cKDTree(self.nodes), self.cutoff
        while True:
            reach *= 1.5
            near = tree.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
            if connected_components(near, directed=False)[0] == 1:
                return math.ceil(10 * minimum_spanning_tree(near.tocsr()).data.max()) / 10


class NoisyNetwork:
    """M = C + K: an elastic network under noise on nested groups; K is sigma^2 times the noise's covariance.

    Made by ``network + sigma**2 * covariance``. Works in float64 on the CPU and gives back the precision and device of
    what it is given; sums are float64. Gradients pass to coordinates, not to the variances of the noise.

    Raises
    ------
    EdmNoiseError
        For noise on other groups, or without variance at the atoms (sigma 0 included): M has no inverse then.
    """

    def __init__(self, network: ElasticNetwork, noise: NestedCovariance) -> None:
        a, b = network.hierarchy, noise.hierarchy
        if not (a is b or (a.counts == b.counts and all(map(np.array_equal, a.parents, b.parents)))):
            raise EdmNoiseError(f"{a} and {b} group atoms differently: give noise on the network's groups")
        noise.precision()  # refuses rigid groups, in the words of noise
        self.network, self.noise = network, noise
        self._fit = LeastSquares(noise, network.node, math.sqrt(network.spring) * network.incidence)

    @property
    def atoms(self) -> int:
        """N."""
        return self.network.atoms

    @alone()
    def filter(self, part: ElasticNetwork, x: Tensor) -> Tensor:
        """C M^-1 x, (..., N): the mean of the network's part of x, x ~ N(0, M); ``part`` is the network."""
        if part is not self.network:
            raise EdmNoiseError(f"{part} is no part of this sum: give the network that the noise was added to")
        centre = x.double().mean(dim=-1, keepdim=True)
        moved = self._fit.estimate(x.double() - centre) + centre
        return (moved - self._tensor(self._drag, x) * self._shift(x)[..., None]).to(x.dtype)

    @alone()
    def whiten(self, x: Tensor) -> Tensor:
        """(..., m): coordinates whose plain inner products are those of `inner`; see the equation of this module."""
        return torch.cat([self._free(x), self._shift(x)[..., None] / math.sqrt(self._variance)], dim=-1).to(x.dtype)

    @alone()
    def solve(self, x: Tensor) -> Tensor:
        """M^-1 x, (..., N)."""
        free = self._tensor(self._fit.weight, x) * self._free(x)[..., : self.atoms]
        return (free + self._tensor(self._share, x) * self._shift(x)[..., None] / self._variance).to(x.dtype)

    @alone()
    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        """x^T M^-1 y, (...), float64."""
        whitened = self.whiten(x.double())
        return torch.linalg.vecdot(whitened, whitened if x is y else self.whiten(y.double()))

    def logdet(self) -> Tensor:
        """log det M of one axis, float64."""
        springs = self.network._grounded.logdet + (len(self.network.nodes) - 1) * math.log(self.network.spring)
        return torch.tensor(math.log(self._variance) + self._fit.logdet - springs, dtype=torch.float64)

    def gls_mean(self, x: Tensor) -> Tensor:
        """1^T M^-1 x / 1^T M^-1 1, (...): the likeliest common translation."""
        return self._shift(x).to(x.dtype)

    def precision(self) -> Tensor:
        """1^T M^-1 1, float64."""
        return torch.tensor(1 / self._variance, dtype=torch.float64)

    def __repr__(self) -> str:
        return f"NoisyNetwork({self.network} + {self.noise})"

    def _free(self, x: Tensor) -> Tensor:
        """b - G y, (..., m) float64."""
        wide = x.double()
        return self._fit.residual(wide - wide.mean(dim=-1, keepdim=True))

    def _shift(self, x: Tensor) -> Tensor:
        """v^T x, (...) float64."""
        return x.double() @ self._tensor(self._share, x)

    def _tensor(self, values: Array, x: Tensor) -> Tensor:
        return torch.from_numpy(values).to(x.device)

    @cached_property
    def _share(self) -> Array:
        """v, (N,)."""
        count = len(self.network.nodes)
        share = self._fit.nodes_adjoint(np.full((1, count), 1 / count))[0]
        return share / share.sum()

    @cached_property
    def _variance(self) -> float:
        """c = q^T M v with q^T C = 0: each node's atoms share 1/n."""
        node = self.network.node
        q = 1 / (len(self.network.nodes) * np.bincount(node)[node])
        return float(q @ self._noise_share)

    @cached_property
    def _noise_share(self) -> Array:
        """K v, (N,)."""
        return as_array(self.noise.multiply(torch.from_numpy(self._share)))

    @cached_property
    def _drag(self) -> Array:
        """K v / c = 1 - C v / c: how far the network resists a translation."""
        return self._noise_share / self._variance
