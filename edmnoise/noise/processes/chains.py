"""x_i = t_k(i) + sqrt(r_i) z_i on random chains t_k = g_k t_(k-1) + sqrt(q_k) z_k whose centres are drawn in.

T is the covariance of the places t, g is 0 where a chain begins, and an atom with r = 0 is its place itself, its
anchor. Of a chain's centre c = sum_k w_k t_k, over all places that it has, also those of missing atoms, a share xi is
taken away from all its atoms and a centre of variance tau^2 is given in its place:

    x -> x - xi c + tau z,   so that with s_k = Cov(t_k, c) and v = Var c
    K_ij -> K_ij - xi (s_i + s_j) + xi^2 v + tau^2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.legible import Legible
from ...structure.hierarchy import Index
from .recursion import Recursion

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Chains(Legible):
    """Arrays over N atoms, K places, W chains with drawn-in centres.

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

    @property
    def atoms(self) -> int:
        """N."""
        return len(self.node)

    @cached_property
    def anchors(self) -> Index:
        """(K,) how many of a place's atoms are the place itself."""
        return np.bincount(self.node[self.ride == 0], minlength=len(self.gain))

    @cached_property
    def blur(self) -> Array:
        """(K,) u: variance of the mean of a place's atoms about the place, 0 where there is an anchor."""
        p = np.divide(1.0, self.ride, out=np.zeros(self.atoms), where=self.ride > 0)
        sums = np.bincount(self.node, p, len(self.gain))
        return np.divide(1.0, sums, out=np.zeros(len(sums)), where=self.anchors == 0)

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
