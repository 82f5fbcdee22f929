"""K = S T S^T + D + sum over chains of V M V^T: atoms that ride on the places of random chains with drawn-in centres.

A chain is t_k = g_k t_(k-1) + sqrt(q_k) z_k (T its covariance, g 0 where a chain begins), and atom i, which rides on
place k(i), is x_i = t_k(i) + sqrt(r_i) z_i; an atom with r = 0 is the place itself, its anchor. Of a chain's centre
c = sum_k w_k t_k, over all places that it has, also those of missing atoms, a share xi is taken away from all its
atoms and a centre of variance tau^2 is given in its place:

    x -> x - xi c + tau z,   so that with s_k = Cov(t_k, c) and v = Var c
    K_ij -> K_ij - xi (s_i + s_j) + xi^2 v + tau^2.

Everything is O(N). Below, m and u are the mean of a place's atoms and its variance about the place, as in `nested`: 0
where there is an anchor. P_k = q_k + g_k^2 P_(k-1) u_(k-1) / F_(k-1) and F = P + u are the variances of t_k and of m_k
given all places before (Kalman 1960), b = P / F, and

    a_k = g_k (a_(k-1) + b_(k-1) (m_(k-1) - a_(k-1))),   z_k = (m_k - a_k) / sqrt(F_k)

whitens the chains. Whitened, the last term spans two vectors a chain; with q_1, q_2 an orthonormal basis of them, all
of K is L (I + Q (E - 1) Q^T) L^T with E of 2 x 2, and so its root, its inverse and its determinant follow from E.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.threads import alone, mapped
from ...structure.hierarchy import Index
from ..covariance import Covariance, checked_atoms
from .pairs import sums_within
from .recursion import Recursion

Array = NDArray[np.float64]

_BLOCK_NUMBERS = 1 << 18
"""Numbers in the rows that are worked on together, as in `nested`."""

_SINGULAR = 1e-11
"""Relative variance below which a chain's centre is taken to have none."""


@dataclass(frozen=True, eq=False, repr=False)
class Chains(Legible):
    """What a `MarkovCovariance` is of; arrays over N atoms, K places, W chains with drawn-in centres.

    Attributes
    ----------
    node
        (N,) the place that an atom rides on; each has one at least.
    ride
        (N,) r, angstrom^2; 0 for an anchor.
    gain
        (K,) g; places follow each other along their chain, and g is 0 at its first.
    added
        (K,) q, angstrom^2.
    tie
        (K,) which of the W chains' centres a place moves with, -1 for none.
    pull, spread, centre
        (W,) xi, v, tau^2.
    shared
        (K,) s.
    """

    node: Index
    ride: Array
    gain: Array
    added: Array
    tie: Index
    pull: Array
    spread: Array
    centre: Array
    shared: Array

    def scaled(self, scale: float) -> Chains:
        """All variances times a number."""
        names = ("ride", "added", "spread", "centre", "shared")
        return replace(self, **{name: scale * getattr(self, name) for name in names})

    def settled(self, alone: NDArray[np.bool_]) -> Chains:
        """The same law, with the chains of one place (W,) untied: their place has what the centre leaves of it."""
        own = (1 - self.pull) ** 2 * self.spread + self.centre
        number = np.where(alone, -1, np.cumsum(~alone) - 1)
        kept = {name: getattr(self, name)[~alone] for name in ("pull", "spread", "centre")}
        added = np.where(alone[self.tie], own[self.tie], self.added)
        return replace(self, added=added, tie=number[self.tie], **kept)

    @cached_property
    def variance(self) -> Array:
        """(K,) T_kk."""
        return _along(self.gain**2, self.added)

    @cached_property
    def walk(self) -> Index:
        """(K,) number of the chain of each place; those of two chains are independent."""
        return np.cumsum(self.gain == 0) - 1

    @cached_property
    def exponent(self) -> Array:
        """(K,) e: the product of the gains from one place of a chain to a later one is exp of its difference."""
        return np.cumsum(np.log(np.where(self.gain > 0, self.gain, 1.0)))

    @property
    def diagonal(self) -> Array:
        """(N,) K_ii."""
        return (self.variance + self.of_centres(np.arange(len(self.gain)), np.arange(len(self.gain))))[
            self.node
        ] + self.ride

    def of_places(self, j: Index, k: Index) -> Array:
        """Covariance of pairs of places, whatever rides on them."""
        first, last = np.minimum(j, k), np.maximum(j, k)
        carried = self.variance[first] * np.exp(self.exponent[last] - self.exponent[first])
        return np.where(self.walk[j] == self.walk[k], carried, 0.0) + self.of_centres(j, k)

    def of_centres(self, j: Index, k: Index) -> Array:
        """What the drawn-in centres make of the covariance of pairs of places."""
        if not len(self.pull):
            return np.zeros(np.broadcast(j, k).shape)
        unit = self.tie[j]
        moved = self.pull**2 * self.spread + self.centre
        pulled = moved[unit] - self.pull[unit] * (self.shared[j] + self.shared[k])
        return np.where((unit >= 0) & (unit == self.tie[k]), pulled, 0.0)

    def restricted(self, atoms: Index) -> Chains:
        """The chains of some of the atoms, ascending: places without atoms make the steps of the others longer."""
        kept, node = np.unique(self.node[atoms], return_inverse=True)
        left = np.ones(len(self.gain), dtype=np.bool_)
        left[kept] = False
        over = np.concatenate([[False], left[:-1]])  # the place before is left out: go on from the one before it
        added = _along(np.where(over, self.gain**2, 0), self.added)[kept]
        gain = _along(np.where(over, self.gain, 0), np.where(over, 0, self.gain))[kept]
        tie, shared = self.tie[kept], self.shared[kept]
        return replace(
            self, node=node.reshape(-1), ride=self.ride[atoms], gain=gain, added=added, tie=tie, shared=shared
        )


def _along(gain: Array, own: Array) -> Array:
    return Recursion(torch.from_numpy(gain)).forward(torch.from_numpy(own)).numpy()


class _Places(NamedTuple):
    """Places and the atoms on them, as tensors; (N,) along atoms, (K,) along places."""

    node: Tensor
    share: Tensor  # of an atom in the mean m of its place
    root_share: Tensor
    root_p: Tensor  # 1 / sqrt(r), 0 for anchors
    ride: Tensor
    root_ride: Tensor
    gain: Recursion
    added: Tensor
    root_f: Tensor
    per_root_f: Tensor  # 0 where F is
    heard: Tensor  # g_k b_(k-1): what a place takes of the mean before
    kept: Recursion | None  # of a_k in a_(k-1), g_k (1 - b_(k-1)); None where all places have anchors

    def sums(self, x: Tensor) -> Tensor:
        """Sum over the atoms of each place, (rows, N) -> (rows, K)."""
        return x.new_zeros(len(x), len(self.added)).index_add_(1, self.node, x)

    def of_place(self, t: Tensor) -> Tensor:
        """Each atom its place's value, (rows, K) -> (rows, N)."""
        return t.index_select(1, self.node)


class _Ties(NamedTuple):
    """The drawn-in centres; one more chain than there are, which is pulled nowhere, for the atoms of none."""

    unit: Tensor  # (N,)
    shared: Tensor  # (N,) s
    pull: Tensor  # (W + 1,)
    moved: Tensor  # (W + 1,) xi^2 v + tau^2
    basis: Tensor  # (2, N) Q
    excess: Tensor  # (W + 1, 2, 2) E - 1
    root_excess: Tensor  # E^(1/2) - 1
    root_lack: Tensor  # E^(-1/2) - 1
    lack: Tensor  # E^-1 - 1
    logdet: Tensor
    singular: bool

    def sums(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], len(self.pull)).index_add_(-1, self.unit, x)

    def applied(self, change: Tensor, y: Tensor) -> Tensor:
        """y + Q change Q^T y."""
        parts = self.sums(y[:, None] * self.basis)
        moved = torch.einsum("wij,rjw->riw", change, parts)
        return y + (self.basis * moved.index_select(2, self.unit)).sum(dim=1)


class MarkovCovariance(Covariance):
    """Covariance of atoms that ride on random chains; see `Chains`.

    Examples
    --------
    >>> none = np.zeros(0)
    >>> walk = Chains(np.array([0, 1, 1]), np.array([0.0, 0.0, 4.0]), np.array([0.0, 1.0]), np.ones(2),
    ...               np.array([-1, -1]), none, none, none, np.zeros(2))
    >>> k = MarkovCovariance(walk)
    >>> k.multiply(torch.eye(3)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 6.0]]
    """

    def __init__(self, chains: Chains) -> None:
        self.chains = chains
        self._places: dict[torch.device, _Places] = {}
        self._ties: dict[torch.device, _Ties | None] = {}
        anchors = np.bincount(chains.node[chains.ride == 0], minlength=len(chains.gain))
        self._rigid = bool((anchors > 1).any())
        self._anchored = anchors > 0

    def __repr__(self) -> str:
        count = int(self.chains.walk[-1]) + 1
        return f"MarkovCovariance({self.atoms:,} atoms on {len(self.chains.gain):,} places of {count:,} chains)"

    @property
    def atoms(self) -> int:
        return len(self.chains.node)

    def restricted(self, atoms: Index) -> MarkovCovariance:
        return MarkovCovariance(self.chains.restricted(checked_atoms(atoms, self.atoms)))

    @property
    def diagonal(self) -> Array:
        """(N,) K_ii."""
        return self.chains.diagonal

    def within(self, group: Index) -> Array:
        """(N,) sum of K_ij over the atoms j that have the same number in ``group`` (N,) as i."""
        return sums_within(self, group)

    def multiply(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._multiply, x)

    def solve(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._solve, x, inverse=True)

    def factor(self, z: Tensor) -> Tensor:
        return self._along_atoms(self._factor, z)

    def whiten(self, x: Tensor) -> Tensor:
        return self._along_atoms(self._whiten, x, inverse=True)

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        white = self._along_atoms(self._whiten, x.double(), inverse=True)
        other = white if y is x else self._along_atoms(self._whiten, y.double(), inverse=True)
        return torch.linalg.vecdot(white, other)

    def gls_mean(self, x: Tensor) -> Tensor:
        pull = self._pull_of_one.to(x.device)
        return (x.double() @ (pull / pull.sum())).to(x.dtype)

    def precision(self) -> Tensor:
        return self._pull_of_one.sum()

    def logdet(self) -> Tensor:
        self._check_inverse()
        chains, places = self.chains, self._placed(torch.device("cpu"))
        riding = torch.from_numpy(chains.ride[chains.ride > 0]).log().sum()
        total = 2 * places.root_f.log().sum() + riding
        total = total - torch.from_numpy(self._uncertain[self._uncertain > 0]).log().sum()
        ties = self._tied(torch.device("cpu"))
        return total if ties is None else total + ties.logdet

    @alone()
    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        from .markov_drawing import MarkovRows

        return MarkovRows.of(self, out.device, out.dtype).rows(out, generator)

    # On rows, (rows, N) in float64

    def _multiply(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        chain = places.gain.forward(places.added * places.gain.backward(places.sums(x)))
        y = places.of_place(chain) + places.ride * x
        if ties is not None:
            total = ties.sums(x)
            level = ties.moved * total - ties.pull * ties.sums(x * ties.shared)
            pulled = (ties.pull * total).index_select(1, ties.unit) * ties.shared
            y = y + level.index_select(1, ties.unit) - pulled
        return y

    def _solve(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        white = _whitened(places, x)
        return _whitened_back(places, white if ties is None else ties.applied(ties.lack, white))

    def _whiten(self, x: Tensor) -> Tensor:
        places, ties = self._placed(x.device), self._tied(x.device)
        white = _whitened(places, x)
        return white if ties is None else ties.applied(ties.root_lack, white)

    def _factor(self, z: Tensor) -> Tensor:
        places, ties = self._placed(z.device), self._tied(z.device)
        z = z if ties is None else ties.applied(ties.root_excess, z)
        own = places.sums(places.root_share * z)
        error = places.root_f * own
        means = error + places.gain.forward(places.heard * _shifted(error))
        return places.of_place(means) + places.root_ride * (z - places.root_share * places.of_place(own))

    # Around them

    @cached_property
    def _pull_of_one(self) -> Tensor:
        """K^-1 1."""
        with torch.inference_mode(False):
            return self.solve(torch.ones(self.atoms, dtype=torch.float64, device="cpu"))

    @alone()
    def _along_atoms(self, function: Callable[[Tensor], Tensor], x: Tensor, inverse: bool = False) -> Tensor:
        """Map the last axis a few rows at a time, in float64; the result has the precision of ``x``."""
        if x.ndim == 0 or x.shape[-1] != self.atoms or not x.is_floating_point():
            raise EdmNoiseError(
                f"{x.dtype} of the shape {tuple(x.shape)} is not along the atoms: give floats (..., {self.atoms})"
            )
        if inverse:
            self._check_inverse()
        self._tied(x.device)  # before threads ask for it
        rows = x.reshape(-1, self.atoms)
        pieces = rows.split(max(1, _BLOCK_NUMBERS // self.atoms))
        return torch.cat(mapped(lambda piece: function(piece.double()).to(x.dtype), pieces)).reshape(x.shape)

    def _check_inverse(self) -> None:
        if self._rigid:
            raise EdmNoiseError(
                "this noise has no inverse: atoms that do not spread about their anchors move rigidly with them; "
                "give a spread above 0"
            )
        ties = self._tied(torch.device("cpu"))
        if not self.chains.added.all() or (ties is not None and ties.singular):
            raise EdmNoiseError("this noise has no inverse: the centres of its chains do not move; give com above 0")

    @cached_property
    def _uncertain(self) -> Array:
        """(K,) u: variance of the mean of a place's atoms about the place."""
        p = np.divide(1.0, self.chains.ride, out=np.zeros(self.atoms), where=self.chains.ride > 0)
        sums = np.bincount(self.chains.node, p, len(self.chains.gain))
        return np.divide(1.0, sums, out=np.zeros(len(sums)), where=~self._anchored)

    def _heard(self) -> tuple[Array, Array]:
        """P and F of each place."""
        predicted, u = self.chains.added.copy(), self._uncertain
        if not self._anchored.all():
            gains, left = self.chains.gain.tolist(), 0.0
            own, blur = predicted.tolist(), u.tolist()
            for k, gain in enumerate(gains):  # P u / F is no linear recursion; only of places without anchors
                own[k] += gain * gain * left
                left = own[k] * blur[k] / (own[k] + blur[k]) if blur[k] else 0.0
            predicted = np.array(own)
        return predicted, predicted + u

    def _placed(self, device: torch.device) -> _Places:
        if device not in self._places:
            with torch.inference_mode(False):
                self._places[device] = self._make_places(device)
        return self._places[device]

    def _make_places(self, device: torch.device) -> _Places:
        chains, u = self.chains, self._uncertain
        anchor = chains.ride == 0
        root_p = np.divide(1.0, np.sqrt(chains.ride), out=np.zeros(self.atoms), where=~anchor)
        anchors = np.maximum(np.bincount(chains.node[anchor], minlength=len(u)), 1)
        share = np.where(self._anchored[chains.node], anchor / anchors[chains.node], root_p**2 * u[chains.node])
        predicted, f = self._heard()
        known = np.divide(predicted, f, out=np.ones(len(f)), where=f > 0)
        before = np.concatenate([[1.0], known[:-1]])

        def there(values: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        kept = None if self._anchored.all() else Recursion(there(chains.gain * (1 - before)))
        roots = there(np.sqrt(share)), there(root_p), there(chains.ride), there(np.sqrt(chains.ride))
        per_root = np.divide(1.0, np.sqrt(f), out=np.zeros(len(f)), where=f > 0)
        along = Recursion(there(chains.gain)), there(chains.added), there(np.sqrt(f)), there(per_root)
        return _Places(there(chains.node), there(share), *roots, *along, there(chains.gain * before), kept)

    def _tied(self, device: torch.device) -> _Ties | None:
        if device not in self._ties:
            with torch.inference_mode(False):
                self._ties[device] = self._make_ties(device) if len(self.chains.pull) else None
        return self._ties[device]

    def _make_ties(self, device: torch.device) -> _Ties:
        chains, count = self.chains, len(self.chains.pull)
        pull, spread, moved = (
            torch.from_numpy(np.append(values, 0.0))
            for values in (chains.pull, chains.spread, chains.pull**2 * chains.spread + chains.centre)
        )
        tie = torch.from_numpy(chains.tie[chains.node])
        unit = torch.where(tie >= 0, tie, count)
        shared = torch.from_numpy(chains.shared[chains.node])
        vectors = torch.stack([torch.ones_like(shared), shared - spread[unit]]) * (unit < count)
        basis, r = _orthonormal(_whitened(self._placed(torch.device("cpu")), vectors), unit, count + 1)
        m = torch.stack([moved - 2 * pull * spread, -pull, -pull, torch.zeros_like(pull)], dim=-1).unflatten(-1, (2, 2))
        values, turn = torch.linalg.eigh(torch.eye(2, dtype=torch.float64) + r @ m @ r.mT)
        values = values.clamp(min=0)
        singular = bool((values[:, 0] <= _SINGULAR * values[:, 1].clamp(min=1)).any())
        safe = values.clamp(min=1e-300)

        def less_one(powers: Tensor) -> Tensor:
            return ((turn * (powers - 1)[:, None]) @ turn.mT).to(device)

        changes = less_one(values), less_one(values.sqrt()), less_one(safe.rsqrt()), less_one(1 / safe)
        unit, shared, pull, moved, basis = (each.to(device) for each in (unit, shared, pull, moved, basis))
        return _Ties(unit, shared, pull, moved, basis, *changes, safe.log().sum(), singular)


def _shifted(values: Tensor) -> Tensor:
    """Each place the value of the one before, 0 at the first."""
    return torch.nn.functional.pad(values[..., :-1], (1, 0))


def _whitened(places: _Places, x: Tensor) -> Tensor:
    """z of x, (rows, N), without drawn-in centres."""
    means = places.sums(places.share * x)
    expected = places.heard * _shifted(means)
    if places.kept is not None:
        expected = places.kept.forward(expected)
    own = (means - expected) * places.per_root_f
    return places.root_p * (x - places.of_place(means)) + places.root_share * places.of_place(own)


def _whitened_back(places: _Places, z: Tensor) -> Tensor:
    """The transpose of `_whitened`."""
    own = places.sums(places.root_share * z) * places.per_root_f
    later = own if places.kept is None else places.kept.backward(own)
    means = own - torch.nn.functional.pad((places.heard * later)[..., 1:], (0, 1))
    riding = places.root_p * z
    return riding + places.share * places.of_place(means - places.sums(riding))


def _orthonormal(vectors: Tensor, unit: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Q (2, N) and R (count, 2, 2) of two vectors (2, N), within each unit; a second that is none is left out."""

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return a.new_zeros(count).index_add_(0, unit, a * b)

    def divided(a: Tensor, length: Tensor) -> Tensor:
        return a / torch.where(length > 0, length, 1)[unit]

    first, second = vectors
    length, whole = dot(first, first).sqrt(), dot(second, second).sqrt()
    first = divided(first, length)
    along = torch.zeros_like(length)
    for _ in range(2):  # once more, for what rounding left of it
        part = dot(first, second)
        second, along = second - part[unit] * first, along + part
    across = dot(second, second).sqrt()
    across = torch.where(across > 1e-10 * whole, across, 0)
    second = divided(second, across) * (across > 0)[unit]
    zero = torch.zeros_like(length)
    return torch.stack([first, second]), torch.stack([length, along, zero, across], dim=-1).unflatten(-1, (2, 2))
