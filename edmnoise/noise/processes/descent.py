"""X_g = X_parent(g) l_g for all nodes of a forest, in 2 sqrt(depth) steps over rows: products down from the roots.

Nodes are taken in blocks of sqrt(depth) levels: first the products within all blocks at once, level by level, then
those that lead from block to block, then both together. Each node is multiplied twice, however deep it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ...structure.hierarchy import Index
from ...structure.torsions import depths

_ROWS = 512
"""Rows at a time: what is looked up for them (128 KiB) stays in the cache."""


class Descent:
    """The order of work on a forest.

    Parameters
    ----------
    parent
        (G,) the parent of each node, its own number for a root.

    Attributes
    ----------
    order
        (G,) the node of each row: what is handed over and given back has rows in this order.
    up
        (G,) the row of each row's parent.
    """

    def __init__(self, parent: Index) -> None:
        depth = depths(parent)
        span = math.isqrt(int(depth.max())) + 1
        self.order = np.lexsort((depth // span, depth % span))
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(parent))
        self.up, depth = rank[parent[self.order]], depth[self.order]
        level, block = depth % span, depth // span
        self._levels = np.searchsorted(level, np.arange(span + 1)).tolist()
        heads = self._levels[1]  # the uppermost nodes of blocks are the first rows
        self._blocks = np.searchsorted(block[:heads], np.arange(int(block.max()) + 2)).tolist()
        head = np.arange(len(parent))
        for start, stop in zip(self._levels[1:-1], self._levels[2:], strict=True):
            head[start:stop] = head[self.up[start:stop]]
        self._up, self._head, self._above = map(torch.from_numpy, (self.up, head, head[self.up]))

    def products(self, own: Tensor, times: Callable[[Tensor, Tensor], object]) -> Tensor:
        """What each node's own is, multiplied by all above it from the left.

        Parameters
        ----------
        own
            (k, G, lanes) rows in this order; they become the products.
        times
            An associative product: multiplies the second's rows (k, n, lanes) from the left by the first's, in place.
        """
        up, head, (_, heads, *_), blocks = self._up, self._head, self._levels, self._blocks
        made, count = own, len(up)

        def multiply(start: int, stop: int, above: Tensor) -> None:
            for first in range(start, stop, _ROWS):
                here = made[:, first : min(stop, first + _ROWS)]
                times(made.index_select(1, above[first : min(stop, first + _ROWS)]), here)

        for start, stop in zip(self._levels[2:-1], self._levels[3:], strict=True):
            multiply(start, stop, up)
        if heads < count:  # else blocks are of one level: there is nothing between one head and the next
            multiply(blocks[1], heads, up)
        for start, stop in pairwise(blocks[1:]):
            multiply(start, stop, self._above)
        multiply(heads, count, head)
        return made
