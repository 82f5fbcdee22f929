"""X_g = X_parent(g) l_g for all nodes of a forest, in 2 sqrt(depth) steps over rows: products down from the roots.

Nodes are taken in blocks of sqrt(depth) levels: first the products within all blocks at once, level by level, then those
that lead from block to block, then both together. Each node is multiplied twice, however deep it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...structure.hierarchy import Index
from ...structure.torsions import depths


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
        self._up, self._head = torch.from_numpy(self.up), torch.from_numpy(head)

    def products(self, own: Tensor, times: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """What each node's own is, multiplied by all above it from the left.

        Parameters
        ----------
        own
            (G, ...) rows in this order.
        times
            An associative product of two such rows each.
        """
        up, head, (_, heads, *_), blocks = self._up, self._head, self._levels, self._blocks
        made = own.clone()
        for start, stop in zip(self._levels[2:-1], self._levels[3:], strict=True):
            made[start:stop] = times(made.index_select(0, up[start:stop]), own[start:stop])
        below = slice(blocks[1], heads)
        above = up[below]
        if heads < len(own) and len(above):  # blocks of one level have nothing between one head and the next
            made[below] = times(made.index_select(0, above), own[below])
        for start, stop in zip(blocks[1:-1], blocks[2:], strict=True):
            made[start:stop] = times(made.index_select(0, head[up[start:stop]]), made[start:stop])
        if heads < len(own):
            made[heads:] = times(made.index_select(0, head[heads:]), made[heads:])
        return made
