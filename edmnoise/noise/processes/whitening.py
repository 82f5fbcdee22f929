"""z_k = (m_k - a_k) / sqrt(F_k) whitens random chains, and two vectors a chain are what drawn-in centres then span.

m and u are the mean of a place's atoms and its variance about the place, as in `nested`: 0 where there is an anchor.
P_k = q_k + g_k^2 P_(k-1) u_(k-1) / F_(k-1) and F = P + u are the variances of t_k and of m_k given all places before
(Kalman 1960), b = P / F, and a_k = g_k (a_(k-1) + b_(k-1) (m_(k-1) - a_(k-1))) is what they let expect of m_k.

With q_1, q_2 an orthonormal basis of the vectors of a chain, all of K is L (I + Q (E - 1) Q^T) L^T with E of 2 x 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .chains import Array, Chains
from .recursion import Recursion

_SINGULAR = 1e-11
"""Relative variance below which a chain's centre is taken to have none."""


class Places(NamedTuple):
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

    @classmethod
    def of(cls, chains: Chains, device: torch.device) -> Places:
        """Those of chains, float64."""
        u, anchored = chains.blur, chains.anchors > 0
        anchor = chains.ride == 0
        root_p = np.divide(1.0, np.sqrt(chains.ride), out=np.zeros(chains.atoms), where=~anchor)
        own = anchor / np.maximum(chains.anchors, 1)[chains.node]
        share = np.where(anchored[chains.node], own, root_p**2 * u[chains.node])
        predicted = _predicted(chains)
        f = predicted + u
        known = np.divide(predicted, f, out=np.ones(len(f)), where=f > 0)
        before = np.concatenate([[1.0], known[:-1]])

        def there(values: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        kept = None if anchored.all() else Recursion(there(chains.gain * (1 - before)))
        roots = there(np.sqrt(share)), there(root_p), there(chains.ride), there(np.sqrt(chains.ride))
        per_root = np.divide(1.0, np.sqrt(f), out=np.zeros(len(f)), where=f > 0)
        along = Recursion(there(chains.gain)), there(chains.added), there(np.sqrt(f)), there(per_root)
        return cls(there(chains.node), there(share), *roots, *along, there(chains.gain * before), kept)

    def sums(self, x: Tensor) -> Tensor:
        """Sum over the atoms of each place, (rows, N) -> (rows, K)."""
        return x.new_zeros(len(x), len(self.added)).index_add_(1, self.node, x)

    def of_place(self, t: Tensor) -> Tensor:
        """Each atom its place's value, (rows, K) -> (rows, N)."""
        return t.index_select(1, self.node)

    def whitened(self, x: Tensor) -> Tensor:
        """z of x, (rows, N), without drawn-in centres."""
        means = self.sums(self.share * x)
        expected = self.heard * _shifted(means)
        if self.kept is not None:
            expected = self.kept.forward(expected)
        own = (means - expected) * self.per_root_f
        return self.root_p * (x - self.of_place(means)) + self.root_share * self.of_place(own)

    def whitened_back(self, z: Tensor) -> Tensor:
        """The transpose of `whitened`."""
        own = self.sums(self.root_share * z) * self.per_root_f
        later = own if self.kept is None else self.kept.backward(own)
        means = own - torch.nn.functional.pad((self.heard * later)[..., 1:], (0, 1))
        riding = self.root_p * z
        return riding + self.share * self.of_place(means - self.sums(riding))

    def coloured(self, z: Tensor) -> Tensor:
        """x of z, (rows, N): the inverse of `whitened`."""
        own = self.sums(self.root_share * z)
        error = self.root_f * own
        means = error + self.gain.forward(self.heard * _shifted(error))
        return self.of_place(means) + self.root_ride * (z - self.root_share * self.of_place(own))


class Ties(NamedTuple):
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

    @classmethod
    def of(cls, chains: Chains, places: Places, device: torch.device) -> Ties:
        """Those of chains that have some and of their places on the CPU, float64."""
        count = len(chains.pull)
        pull, spread, moved = (
            torch.from_numpy(np.append(values, 0.0))
            for values in (chains.pull, chains.spread, chains.pull**2 * chains.spread + chains.centre)
        )
        tie = torch.from_numpy(chains.tie[chains.node])
        unit = torch.where(tie >= 0, tie, count)
        shared = torch.from_numpy(chains.shared[chains.node])
        vectors = torch.stack([torch.ones_like(shared), shared - spread[unit]]) * (unit < count)
        basis, r = _orthonormal(places.whitened(vectors), unit, count + 1)
        m = torch.stack([moved - 2 * pull * spread, -pull, -pull, torch.zeros_like(pull)], dim=-1).unflatten(-1, (2, 2))
        values, turn = torch.linalg.eigh(torch.eye(2, dtype=torch.float64) + r @ m @ r.mT)
        values = values.clamp(min=0)
        singular = bool((values[:, 0] <= _SINGULAR * values[:, 1].clamp(min=1)).any())
        safe = values.clamp(min=1e-300)

        def less_one(powers: Tensor) -> Tensor:
            return ((turn * (powers - 1)[:, None]) @ turn.mT).to(device)

        changes = less_one(values), less_one(values.sqrt()), less_one(safe.rsqrt()), less_one(1 / safe)
        unit, shared, pull, moved, basis = (each.to(device) for each in (unit, shared, pull, moved, basis))
        return cls(unit, shared, pull, moved, basis, *changes, safe.log().sum(), singular)

    def sums(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], len(self.pull)).index_add_(-1, self.unit, x)

    def applied(self, change: Tensor, y: Tensor) -> Tensor:
        """y + Q change Q^T y."""
        parts = self.sums(y[:, None] * self.basis)
        moved = torch.einsum("wij,rjw->riw", change, parts)
        return y + (self.basis * moved.index_select(2, self.unit)).sum(dim=1)


def _predicted(chains: Chains) -> Array:
    """(K,) P of each place."""
    predicted = chains.added.copy()
    if not (chains.anchors > 0).all():
        gains, left = chains.gain.tolist(), 0.0
        own, blur = predicted.tolist(), chains.blur.tolist()
        for k, gain in enumerate(gains):  # P u / F is no linear recursion; only of places without anchors
            own[k] += gain * gain * left
            left = own[k] * blur[k] / (own[k] + blur[k]) if blur[k] else 0.0
        predicted = np.array(own)
    return predicted


def _shifted(values: Tensor) -> Tensor:
    """Each place the value of the one before, 0 at the first."""
    return torch.nn.functional.pad(values[..., :-1], (1, 0))


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
