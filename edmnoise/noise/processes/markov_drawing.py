"""x_i = t_k(i) + sqrt(r_i) z_i, many rows at once and in place: the draws of random chains.

Each atom has a normal number per axis. That of an anchor drives its place of the chain, so that no more are drawn than
there are coordinates, but for places that have lost their anchor and for centres that are given to chains.

Places lie in blocks of a few, the same place of all blocks side by side, so that one operation does a step of all
blocks; what a block begins from reaches it from 1, 2, 4, ... blocks before. A chain with a drawn-in centre begins a
block: the centre is a sum over blocks, w^T t with w = T^-1 s, and what missing atoms leave of it uncertain.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ...base.seeds import NOISE, reseed
from ...structure.hierarchy import Index
from .chains import Array, Chains
from .drawing import empty

STEPS = 12
"""Places of a block."""

_kept: weakref.WeakKeyDictionary[Chains, dict[tuple[object, ...], MarkovRows]] = weakref.WeakKeyDictionary()


class MarkovRows:
    """What rows of noise are drawn with; without memory of its own, so that threads can share it.

    Parameters
    ----------
    chains
        Of places, and the atoms that ride on them.
    axes
        Numbers of an atom that lie together: 3 in (..., N, 3), 1 in (..., N).
    """

    def __init__(self, chains: Chains, axes: int, device: torch.device, dtype: torch.dtype) -> None:
        self.axes, self._device, self._dtype = axes, device, dtype
        where, blocks = _laid(chains)
        self.places = axes * STEPS * blocks
        anchor = np.full(len(chains.gain), -1)
        exact = np.flatnonzero(chains.ride == 0)
        anchor[chains.node[exact]] = exact
        lost = np.flatnonzero(anchor < 0)
        self.lost, self.centres = len(lost), len(chains.pull)

        def steps(values: Array) -> Tensor:
            """(STEPS, axes blocks) of values of places, 0 between chains."""
            room = np.zeros(STEPS * blocks)
            room[where] = values
            return self._numbers(room).unflatten(0, (STEPS, -1))

        driver = np.zeros(STEPS * blocks, dtype=np.int64)
        driver[where] = np.maximum(anchor, 0)
        self.driver, self.lost_places = self._each(driver), self._each(where[lost])
        self.amplitude = steps(np.sqrt(chains.added)).flatten()
        self.gains = steps(chains.gain)
        self.reach = self.gains.cumprod(0)
        self.joined = bool(self.reach.any())
        self.carries = _carries(self.reach[-1].clone(), axes)
        self.of_atoms = self._each(where[chains.node])
        self.ride = self._numbers(np.sqrt(chains.ride)) if chains.ride.any() else None
        if self.centres:
            tie = chains.tie
            weight = np.where(tie >= 0, -chains.pull[tie] * _pulled(chains), 0.0)
            known = np.bincount(tie[tie >= 0], (weight * chains.shared)[tie >= 0], self.centres) * chains.pull
            left = np.maximum(chains.spread * chains.pull**2 + known, 0) + chains.centre
            self.weight, self.left = steps(weight), self._numbers(np.sqrt(left))
            unit = np.full(blocks, self.centres)
            unit[where % blocks] = np.where(tie >= 0, tie, self.centres)
            self.unit = self._each(unit)

    def _numbers(self, values: Array) -> Tensor:
        return torch.from_numpy(values).to(self._device, self._dtype).repeat_interleave(self.axes)

    def _each(self, index: Index) -> Tensor:
        rows = self.axes * torch.from_numpy(index)[:, None] + torch.arange(self.axes, device="cpu")
        return rows.flatten().to(self._device)

    @classmethod
    def of(cls, chains: Chains, device: torch.device, dtype: torch.dtype, axes: int = 1) -> MarkovRows:
        """The one of some chains, kept with them."""
        made, key = _kept.setdefault(chains, {}), (axes, device, dtype)
        if key not in made:
            with torch.inference_mode(False):
                made[key] = cls(chains, axes, device, dtype)
        return made[key]

    @property
    def own(self) -> int:
        """Normal numbers that a row needs beside those of its atoms."""
        return self.axes * (self.lost + self.centres)

    def rows(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill (..., N) with rows from one generator."""
        whole = out.ndim == 2 and out.is_contiguous()
        flat = out if whole else out.new_empty(out.numel() // out.shape[-1], out.shape[-1])
        flat.normal_(generator=generator)
        own = out.new_empty(len(flat), self.own).normal_(generator=generator)
        self.draw(flat, own, out.new_empty(len(flat), self.places), torch.empty_like(flat))
        return out if whole else out.copy_(flat.reshape(out.shape))

    def draw(self, out: Tensor, own: Tensor, places: Tensor, riding: Tensor, mean: Tensor | None = None) -> None:
        """Make rows of normal numbers (rows, axes N), and as many of their own as they need, rows of noise.

        ``places`` (rows, places) and ``riding``, like ``out``, are room to work in; ``mean`` (axes N) is added.
        """
        torch.index_select(out, 1, self.driver, out=places)
        if self.lost:
            places.index_copy_(1, self.lost_places, own[:, : self.axes * self.lost])
        places.mul_(self.amplitude)
        self._walk(places.unflatten(1, (STEPS, -1)))
        if self.centres:
            self._draw_in(places.unflatten(1, (STEPS, -1)), own[:, self.axes * self.lost :])
        torch.index_select(places, 1, self.of_atoms, out=riding)
        if self.ride is None:
            torch.add(riding, 0 if mean is None else mean, out=out)
        elif mean is None:
            out.mul_(self.ride).add_(riding)
        else:
            torch.addcmul(mean, out, self.ride, out=out).add_(riding)

    def _walk(self, places: Tensor) -> None:
        steps = places.unbind(1)
        for (before, here), gain in zip(pairwise(steps), self.gains[1:], strict=True):
            here.addcmul_(gain, before)
        if not self.joined:
            return
        ends = steps[-1].clone()
        for far, gain in self.carries:
            ends[:, far:] += gain * ends[:, :-far]
        places[..., self.axes :].addcmul_(self.reach[:, self.axes :], ends[:, None, : -self.axes])

    def _draw_in(self, places: Tensor, own: Tensor) -> None:
        sums = places.new_zeros(len(places), places.shape[2])
        for weight, here in zip(self.weight, places.unbind(1), strict=True):
            sums.addcmul_(weight, here)
        moved = places.new_zeros(len(places), self.axes * (self.centres + 1))
        moved.index_add_(1, self.unit, sums)
        moved[:, : own.shape[1]].addcmul_(own, self.left)
        moved[:, own.shape[1] :] = 0
        places.add_(moved.index_select(1, self.unit)[:, None])


def _laid(chains: Chains) -> tuple[Index, int]:
    """Where each place lies in memory (K,), and how many blocks there are: place i of block b is at i blocks + b."""
    new = np.diff(chains.tie, prepend=chains.tie[0]) != 0
    starts = np.flatnonzero(new)
    gaps = np.zeros(len(new), dtype=np.int64)
    length = np.diff(np.concatenate([[0], starts]))
    gaps[starts] = -length % STEPS  # a piece begins a block
    along = np.arange(len(new)) + np.cumsum(gaps)
    blocks = int(along[-1]) // STEPS + 1
    return along % STEPS * blocks + along // STEPS, blocks


def _carries(gain: Tensor, axes: int) -> list[tuple[int, Tensor]]:
    """For 1, 2, 4, ... blocks: how far they are apart in memory, and what is left of an end that far before."""
    found, far = [], 1
    while far * axes < len(gain) and bool(gain.any()):
        found.append((far * axes, gain[far * axes :].clone()))
        gain = torch.cat([torch.zeros_like(gain[: far * axes]), gain[far * axes :] * gain[: -far * axes]])
        far *= 2
    return found


def _pulled(chains: Chains) -> Array:
    """w = T^-1 s."""
    before = np.concatenate([[0.0], chains.shared[:-1]])
    own = (chains.shared - chains.gain * before) / np.where(chains.added > 0, chains.added, 1.0)
    return own - np.concatenate([(chains.gain * own)[1:], [0.0]])


class MarkovFrames:
    """What one thread draws some frames with, each from a generator of its own: made once, as memory is costly."""

    def __init__(self, chains: Chains, frames: int, mean: Tensor | None) -> None:
        self.rows = MarkovRows.of(chains, torch.device("cpu"), torch.float32, axes=3)
        self.generator = torch.Generator()
        self.mean = None if mean is None else mean.flatten()
        self.own, self.places = empty(frames, self.rows.own), empty(frames, self.rows.places)
        self.riding = empty(frames, 3 * chains.atoms)

    def draw(self, out: Tensor, seed: int, numbers: Sequence[int], scales: Sequence[float]) -> None:
        """Draw frames into (s, 3 N)."""
        own, places, riding = (each[: len(out)] for each in (self.own, self.places, self.riding))
        for row, extra, number, sigma in zip(out, own, numbers, scales, strict=True):
            generator = reseed(self.generator, seed, number, NOISE)
            row.normal_(0, sigma, generator=generator)
            extra.normal_(0, sigma, generator=generator)
        self.rows.draw(out, own, places, riding, self.mean)
