"""x_i = t_k(i) + sqrt(r_i) z_i, many rows at once and in place: the draws of a `MarkovCovariance`.

Each atom has a normal number per axis. That of an anchor drives its place of the chain, so that no more are drawn than
there are coordinates, but for the places that have lost their anchor and the centres that are given to chains. Places
lie block after block of a `Recursion`, the same place of all blocks side by side: each step is one operation on what
lies together. A chain's drawn-in centre is w^T t and what its missing atoms leave uncertain, w = T^-1 s.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ...base.seeds import NOISE, reseed
from .drawing import empty
from .markov import Array, MarkovCovariance
from .recursion import Recursion

_kept: weakref.WeakKeyDictionary[MarkovCovariance, dict[tuple[object, ...], MarkovRows]] = weakref.WeakKeyDictionary()


class MarkovRows:
    """What the rows of one covariance are drawn with: places in memory and the numbers that belong to them.

    Parameters
    ----------
    covariance
        K.
    axes
        Numbers of an atom that lie together: 3 in (..., N, 3), 1 in (..., N).
    """

    def __init__(self, covariance: MarkovCovariance, axes: int, device: torch.device, dtype: torch.dtype) -> None:
        chains = covariance.chains
        recursion = Recursion(torch.from_numpy(chains.gain))
        self.steps, self.axes = recursion.steps, axes
        count, shape = len(chains.gain), (recursion.blocks, recursion.steps)
        place = torch.arange(recursion.blocks * recursion.steps).reshape(shape).T.flatten()  # in memory -> in the chain
        where = torch.empty_like(place)
        where[place] = torch.arange(len(place))
        place = place.clamp(max=count - 1)
        past = where[count:]

        def numbers(values: Tensor | Array) -> Tensor:
            return torch.as_tensor(values).to(device, dtype).repeat_interleave(axes)

        def each(index: Tensor) -> Tensor:
            return (axes * index[:, None] + torch.arange(axes)).flatten().to(device)

        anchor = np.zeros(count, dtype=np.int64)
        exact = np.flatnonzero(chains.ride == 0)
        anchor[chains.node[exact]] = exact
        lost = np.setdiff1d(np.arange(count), chains.node[exact])
        self.lost = len(lost)
        self.anchor, self.lost_places = each(torch.from_numpy(anchor)[place]), each(where[torch.from_numpy(lost)])
        amplitude = torch.from_numpy(np.sqrt(chains.added))[place]
        amplitude[past] = 0
        self.amplitude = numbers(amplitude)
        self.gains = [numbers(gain) for gain in recursion.gains]
        self.reach = [numbers(reach) for reach in recursion.reach]
        self.recursion = Recursion(torch.from_numpy(chains.gain).to(device, dtype))
        self.of_atoms = each(where[torch.from_numpy(chains.node)])
        self.ride = numbers(np.sqrt(chains.ride)) if chains.ride.any() else None
        self._tie(covariance, where, numbers, each)

    def _tie(
        self,
        covariance: MarkovCovariance,
        where: Tensor,
        numbers: Callable[[Tensor | Array], Tensor],
        each: Callable[[Tensor], Tensor],
    ) -> None:
        chains = covariance.chains
        self.centres = len(chains.pull)
        if not self.centres:
            return
        tied = np.flatnonzero(chains.tie >= 0)
        unit = chains.tie[tied]
        weight = np.where(chains.added > 0, _pulled(chains.gain, chains.added, chains.shared), 0.0)
        known = np.bincount(unit, (weight * chains.shared)[tied], self.centres)
        left = np.maximum(chains.spread - known, 0) * chains.pull**2 + chains.centre
        self.left = numbers(np.sqrt(left))
        self.weight = numbers(-chains.pull[unit] * weight[tied])
        self.tied = each(where[torch.from_numpy(tied)])
        self.starts = np.flatnonzero(np.diff(unit, prepend=-1))
        self.filled = each(torch.from_numpy(unit[self.starts]))
        units = np.full(len(where), self.centres)
        units[where[torch.from_numpy(tied)].numpy()] = unit
        self.of_places = each(torch.from_numpy(units))

    @classmethod
    def of(cls, covariance: MarkovCovariance, device: torch.device, dtype: torch.dtype, axes: int = 1) -> MarkovRows:
        """The one of a covariance, kept with it."""
        made, key = _kept.setdefault(covariance, {}), (axes, device, dtype)
        if key not in made:
            with torch.inference_mode(False):
                made[key] = cls(covariance, axes, device, dtype)
        return made[key]

    def rows(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill (..., N) with rows from one generator."""
        flat = (
            out
            if out.ndim == 2 and out.is_contiguous()
            else out.new_empty(out.shape.numel() // out.shape[-1], out.shape[-1])
        )
        flat.normal_(generator=generator)
        self.draw(flat, out.new_empty(len(flat), self.own).normal_(generator=generator))
        return out if flat is out else out.copy_(flat.reshape(out.shape))

    @property
    def own(self) -> int:
        """Normal numbers that a row needs beside those of its atoms."""
        return self.axes * (self.lost + self.centres)

    def draw(self, out: Tensor, own: Tensor) -> None:
        """Make rows of normal numbers (rows, axes N), and as many of their own as they need, rows of noise."""
        places = torch.index_select(out, 1, self.anchor)
        if self.lost:
            places.index_copy_(1, self.lost_places, own[:, : self.axes * self.lost])
        places.mul_(self.amplitude)
        self._walk(places)
        if self.centres:
            self._draw_in(places, own[:, self.axes * self.lost :])
        if self.ride is None:
            torch.index_select(places, 1, self.of_atoms, out=out)
        else:
            out.mul_(self.ride).add_(torch.index_select(places, 1, self.of_atoms))

    def _walk(self, places: Tensor) -> None:
        steps = places.unflatten(1, (self.steps, -1)).unbind(1)
        for before, gain, here in zip(steps, self.gains[1:], steps[1:], strict=False):
            here.addcmul_(gain, before)
        if self.recursion.blocks > 1:
            ends = steps[-1].unflatten(1, (-1, self.axes)).mT
            begun = self.recursion.carried(ends).mT.flatten(1)
            for here, reach in zip(steps, self.reach, strict=True):
                here.addcmul_(reach, begun)

    def _draw_in(self, places: Tensor, own: Tensor) -> None:
        moved = places.new_zeros(len(places), self.axes * (self.centres + 1))
        moved[:, : own.shape[1]] = own * self.left
        parts = torch.index_select(places, 1, self.tied).mul_(self.weight).unflatten(1, (-1, self.axes))
        # Row by row, for the order of the sums must not depend on how many rows there are.
        sums = [np.add.reduceat(part.cpu().numpy(), self.starts, axis=0) for part in parts]
        moved.index_add_(1, self.filled, torch.from_numpy(np.stack(sums)).flatten(1).to(moved))
        places.add_(torch.index_select(moved, 1, self.of_places))


def _pulled(gain: Array, added: Array, shared: Array) -> Array:
    """T^-1 s."""
    own = (shared - gain * np.concatenate([[0.0], shared[:-1]])) / np.where(added > 0, added, 1.0)
    return own - np.concatenate([(gain * own)[1:], [0.0]])


class MarkovFrames:
    """What one thread draws frames with, some at a time, each with a generator of its own."""

    def __init__(self, covariance: MarkovCovariance, mean: Tensor | None) -> None:
        self.rows = MarkovRows.of(covariance, torch.device("cpu"), torch.float32, axes=3)
        self.generator = torch.Generator()
        self.mean = None if mean is None else mean.flatten()

    def draw(self, out: Tensor, seed: int, numbers: Sequence[int], scales: Sequence[float]) -> None:
        """Draw frames into (s, 3 N)."""
        own = empty(len(out), self.rows.own)
        for row, extra, number, sigma in zip(out, own, numbers, scales, strict=True):
            generator = reseed(self.generator, seed, number, NOISE)
            row.normal_(0, sigma, generator=generator)
            extra.normal_(0, sigma, generator=generator)
        self.rows.draw(out, own)
        if self.mean is not None:
            out.add_(self.mean)
