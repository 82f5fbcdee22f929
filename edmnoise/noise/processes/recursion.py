"""x_k = g_k x_(k-1) + u_k along the last axis, in pieces side by side: 2 sqrt(K) operations of torch in place of K.

The K places are cut into blocks of m. Place i of all blocks is worked out at once from places i - 1, as if each block
began from nothing; the blocks' ends obey the same recursion, with the product of the gains of a block for a gain; and
what a block really begins from reaches its place i times the product of the gains up to there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LONGEST = 64
"""Places that are worked out one after another; more are cut into blocks."""


class Recursion:
    """A first-order recursion with given gains, forward and backward; gradients pass in what it is given.

    Parameters
    ----------
    gain
        (K,) g; 0 where nothing of the place before is left.

    Attributes
    ----------
    steps, blocks
        m and how many blocks there are; place k is place k % m of block k // m.
    gains
        (m, blocks) g, and 0 past the end.
    reach
        (m, blocks) product of the gains of a block up to a place.

    Examples
    --------
    >>> Recursion(torch.tensor([0.0, 0.5, 0.5])).forward(torch.tensor([[4.0, 0.0, 1.0]])).tolist()
    [[4.0, 2.0, 2.0]]
    """

    def __init__(self, gain: Tensor) -> None:
        self._gain = gain
        self.count = len(gain)
        self.steps = self.count if self.count <= _LONGEST else min(_LONGEST, math.isqrt(self.count - 1) + 1)
        self.blocks = -(-self.count // self.steps)
        padded = torch.nn.functional.pad(gain, (0, self.steps * self.blocks - self.count))
        self.gains = padded.reshape(self.blocks, self.steps).T.contiguous()
        self.reach = self.gains.cumprod(0)
        self._ends = Recursion(self.reach[-1]) if self.blocks > 1 else None
        self._reverse: Recursion | None = None

    def forward(self, u: Tensor) -> Tensor:
        """x of u, both (..., K)."""
        padded = torch.nn.functional.pad(u, (0, self.steps * self.blocks - self.count))
        before, *rest = padded.unflatten(-1, (self.blocks, self.steps)).unbind(-1)
        places = [before]
        for gain, own in zip(self.gains[1:], rest, strict=True):
            places.append(torch.addcmul(own, gain, places[-1]))
        x = torch.stack(places, dim=-1)
        if self._ends is not None:
            x = x + self.carried(places[-1])[..., None] * self.reach.T
        return x.flatten(-2)[..., : self.count]

    def carried(self, ends: Tensor) -> Tensor:
        """What each block begins from, (..., blocks), of the ends that blocks have which begin from nothing."""
        assert self._ends is not None
        return torch.nn.functional.pad(self._ends.forward(ends)[..., :-1], (1, 0))

    def backward(self, u: Tensor) -> Tensor:
        """The transpose: x_k = g_(k+1) x_(k+1) + u_k."""
        if self._reverse is None:
            self._reverse = Recursion(torch.cat([torch.zeros_like(self._gain[:1]), self._gain.flip(0)[:-1]]))
        return self._reverse.forward(u.flip(-1)).flip(-1)
