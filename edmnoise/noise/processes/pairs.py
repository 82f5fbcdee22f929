"""h_i = sum of K_ij over the atoms j of i's group: pair by pair of places where groups are small, by K x where large.

A cell is what lies on one place of one group. A group of few places takes all pairs of its cells; larger ones take the
product of K with their atoms' ones, and those that share no chain with another group share one product.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...structure.hierarchy import Index
from .chains import Array, Chains

_FEW = 64
"""Most places of a group whose pairs are taken one by one."""


def sums_within(chains: Chains, multiply: Callable[[Tensor], Tensor], group: Index) -> Array:
    """(N,) h of each atom, for the groups that atoms are numbered with, (N,), and the product with K."""
    node, places = chains.node, len(chains.gain)
    cells, cell, held = np.unique(group * places + node, return_inverse=True, return_counts=True)
    home, place = np.divmod(cells, places)
    many = np.bincount(home) > _FEW
    sums = np.zeros(len(cells))
    small = np.flatnonzero(~many[home])
    sums[small] = _by_pairs(chains, home[small], place[small], held[small])
    h = sums[cell.reshape(-1)] + chains.ride
    large = np.flatnonzero(many)
    if large.size:
        _by_products(chains, multiply, group, large, h)
    return h


def _by_pairs(chains: Chains, home: Index, place: Index, held: Index) -> Array:
    """Sum over the cells of the same group, which lie together, of the places' covariance times the atoms there."""
    if not len(home):
        return np.zeros(0)
    _, begin, which, size = np.unique(home, return_index=True, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    one = np.repeat(np.arange(len(home)), size[which])
    other = np.arange(len(one)) - np.repeat(np.cumsum(size[which]) - size[which], size[which])
    other += begin[which][one]
    values = held[other] * chains.of_places(place[one], place[other])
    return np.bincount(one, values, len(home)).astype(np.float64, copy=False)


def _by_products(chains: Chains, multiply: Callable[[Tensor], Tensor], group: Index, large: Index, h: Array) -> None:
    """Write the sums of the atoms of large groups."""
    walk = chains.walk[chains.node]
    pairs = np.unique(np.stack([walk, group], axis=1), axis=0)
    mixed = pairs[np.isin(pairs[:, 0], pairs[1:, 0][np.diff(pairs[:, 0]) == 0]), 1]  # of chains with several groups
    apart = np.setdiff1d(large, mixed)
    for some in ([apart] if apart.size else []) + [np.array([one]) for one in np.intersect1d(large, mixed)]:
        atoms = np.isin(group, some)
        ones = torch.from_numpy(atoms.astype(np.float64))
        h[atoms] = multiply(ones).numpy()[atoms]
