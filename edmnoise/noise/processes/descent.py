"""X_g = X_parent(g) l_g for all nodes g of a forest, in 2 log2(depth) steps over arrays: products down from the roots.

A node's line leads from its root down to itself. Let d be how many nodes are in it, 1 for a root, and low(d) the
largest power of 2 that divides d. As in Fenwick's tree (Softw. Pract. Exper. 24, 327 (1994)), each node first gets the
product F of the last low(d) nodes of its line, and then X, that of the whole line:

    F_g is l_g at first, then for s = 1, 2, 4, ...   where 2 s divides d:           F_g = F_h F_g
    X_g is F_g at first, then for s = ..., 4, 2, 1   where low(d) = s, and d > s:   X_g = X_h F_g

h being the node s above g. In the first line its low(d) is s, and its F is whole; in the second its low(d) is larger,
and its X is whole. Of each step all products are taken at once. On the average a node takes part in two, however deep
it is, and no number has been rounded more than 2 log2(depth) times.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structure.hierarchy import Index
from ...structure.torsions import depths
from .bodies import taken

Array = NDArray[Any]

_NODES = 4096
"""Nodes at a time: of one lane, their rotations (144 KiB) stay in the cache."""


class Descent:
    """The order of work on a forest.

    Parameters
    ----------
    parent
        (G,) the parent of each node, its own number for a root.

    Attributes
    ----------
    order
        (G,) the node of each place: what is handed over and given back is in this order, in which nodes with the same
        low(d) stand side by side, the largest first.
    up
        (G,) the place of each node's parent.
    """

    def __init__(self, parent: Index) -> None:
        d = depths(parent) + 1
        low = d & -d
        self.order = np.lexsort((d == low, -low))  # of those with one low(d) the ones that have nothing above come last
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(parent))
        self.up, d, low = rank[parent[self.order]], d[self.order], low[self.order]
        rising: list[tuple[slice, Index]] = []
        falling: list[tuple[slice, Index]] = []
        above, s = self.up, 1
        while s <= low[0]:
            larger = int((low > s).sum())
            rising += _parts(0, larger, above)
            falling[:0] = _parts(larger, larger + int(((low == s) & (d > s)).sum()), above)
            above, s = above[above], 2 * s
        self._steps = rising + falling

    def products(self, own: Array, times: Callable[[Array, Array], object]) -> Array:
        """What each node's own is, multiplied by all above it from the left.

        Parameters
        ----------
        own
            (..., G, lanes) in this order; they become the products.
        times
            An associative product: multiplies the second (..., n, lanes) from the left by the first, in place.
        """
        for nodes, above in self._steps:
            times(taken(own, above), own[..., nodes, :])
        return own


def _parts(start: int, stop: int, above: Index) -> list[tuple[slice, Index]]:
    """The nodes from ``start`` on, `_NODES` at a time, and those above them."""
    cuts = [*range(start, stop, _NODES), stop]
    return [(slice(a, b), above[a:b].copy()) for a, b in pairwise(cuts)]
