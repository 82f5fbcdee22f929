"""n_i = sigma (sqrt(w_c) eps_chain(i) + sqrt(w_r) eps_residue(i) + sqrt(w_a) eps_i), all eps standard normal in 3-D.

Every atom has the marginal variance sigma^2 per coordinate, so a noise schedule keeps its meaning whatever the
weights are. Cov(n) = sigma^2 K (x) I_3 with K = sum over levels of w_level S S^T (S: membership matrix of the level).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...base.coordinates import CoordinatesLike
from ...base.legible import Legible
from ...base.seeds import NOISE, reseed
from ...base.threads import shared
from ...structure.hierarchy import Hierarchy
from ...structure.levels import parent_coordinates
from ...structure.structure import Structure
from ..theory.statistics import Expected, NoiseStatistics
from ..theory.superposed import superposed_displacement
from ..weights import Weights, check_shares, level_values
from .drawing import DrawnFrames, empty
from .nested import NestedCovariance

_TILE = 8192
"""Groups drawn at a time. A tile of 96 KiB stays in the cache between the passes over it, and is below the size at
which torch starts threads of its own inside each operation. Fixed: another tile size gives other random numbers."""

_MOST_FRAMES = 64
"""Frames of a small structure that are drawn together, each with a generator of its own (5 KiB)."""

_BATCH_ATOMS = 1 << 16
"""Atoms in the frames that are drawn together (.8 MiB)."""

_BATCHES = 4
"""Fewest batches that frames are drawn in, where there are as many: threads share them."""


@dataclass(frozen=True, eq=False, repr=False)
class MultiscaleNoise(DrawnFrames, Legible):
    """Independent normal noise at every level of nested groups, added up.

    Parameters
    ----------
    hierarchy
        Nested groups, any number of levels.
    weights
        Variance share of each level: `Weights` for atoms in residues in chains, for other groups a dictionary by the
        level's name, such as ``{"atom": 0.5, "pair": 0.5}``; a level that is not named has none.

    Raises
    ------
    EdmNoiseError
        For weights that are bare numbers, name a level that is not there, are negative or do not add up to 1.
    """

    hierarchy: Hierarchy
    weights: Weights | Mapping[str, float]

    def __post_init__(self) -> None:
        check_shares(dict(zip(self.hierarchy.names, self.shares, strict=True)))

    @property
    def atoms(self) -> int:
        return self.hierarchy.counts[0]

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Variance share of each level, finest first; they add up to 1."""
        return level_values(self.hierarchy, self.weights)

    @cached_property
    def covariance(self) -> NestedCovariance:
        """K, what samplers and denoisers ask of this noise; it draws the same law, from other random numbers."""
        return NestedCovariance(self.hierarchy, self.weights)

    @classmethod
    def on(cls, structure: Structure, weights: Weights) -> MultiscaleNoise:
        """The noise of a structure's groups, as `edmnoise.noise.process.NoiseChoice` asks for it."""
        return cls(structure.hierarchy, weights)

    @cached_property
    def statistics(self) -> NoiseStatistics:
        """Closed forms of the displacement at every level."""
        return NoiseStatistics.of(self.hierarchy, self.weights)

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> Expected:
        """Mean square displacement after superposition, as `superposed_displacement` has it."""
        return superposed_displacement(self.hierarchy, self.weights, coordinates, level, relative_to, over_atoms)

    def _fill(
        self, out: Tensor, numbers: Sequence[int], scales: Sequence[float], seed: int, mean: Tensor | None
    ) -> None:
        """Draw the frames into ``out`` (S, N, 3), some at a time where they are small, shared between threads.

        torch draws normal numbers on one thread; frames have generators of their own, so several threads draw
        several frames (measured in benchmarks/noise.py). Frames of one tile are drawn some at a time: one of 5,684
        atoms takes 100 us, of which 75 are normal numbers, and 87 us among others.
        """
        atoms = self.hierarchy.counts[0]
        size = max(1, min(_MOST_FRAMES, len(numbers) // _BATCHES, _BATCH_ATOMS // atoms)) if atoms <= _TILE else 1
        flat = out.view(len(numbers), -1)
        rows = flat.unbind() if size == 1 else ()

        def work(batches: Iterator[slice]) -> None:
            if size == 1:
                large = _Large(self, mean)
                for one in batches:
                    large.draw(rows[one.start], seed, numbers[one.start], scales[one.start])
            else:
                small = _Small(self, size, mean)
                for batch in batches:
                    small.draw(flat[batch], seed, numbers[batch], scales[batch])

        shared(work, [slice(start, start + size) for start in range(0, len(numbers), size)])


class _Large:
    """What one thread needs to draw frames one by one, in tiles."""

    def __init__(self, noise: MultiscaleNoise, mean: Tensor | None) -> None:
        hierarchy, depth = noise.hierarchy, noise.hierarchy.depth
        self.generator = torch.Generator()
        self.amplitudes = [math.sqrt(share) for share in noise.shares]
        self.parents = [_tiles(parent_coordinates(hierarchy, level)) for level in range(depth - 1)]
        self.mean = None if mean is None else _tiles(mean.flatten())
        above = [empty(3 * count) for count in hierarchy.counts[1:]]
        self.above = [(flat, _tiles(flat)) for flat in above]

    def draw(self, out: Tensor, seed: int, number: int, sigma: float) -> None:
        """Draw a frame (3 N,), coarsest level first, each level scaled as it is drawn."""
        generator = reseed(self.generator, seed, number, NOISE)
        carried: Tensor | None = None  # sum of the levels above the current one
        for level in range(len(self.above), -1, -1):
            flat, tiles = self.above[level - 1] if level else (out, _tiles(out))
            amplitude = sigma * self.amplitudes[level]
            for i, tile in enumerate(tiles):
                tile.normal_(0, amplitude, generator=generator)
                if carried is not None:
                    tile.add_(torch.index_select(carried, 0, self.parents[level][i]))
                if level == 0 and self.mean is not None:
                    tile.add_(self.mean[i])
            carried = flat


def _tiles(flat: Tensor) -> Sequence[Tensor]:
    # Where one tile is enough, to take views and split them anyway was 20 of the 130 us of a frame of 5,684 atoms.
    return (flat,) if len(flat) <= 3 * _TILE else flat.split(3 * _TILE)


class _Small:
    """What one thread needs to draw some frames at a time, made once: for 253 atoms, making it takes longer than
    drawing a frame."""

    def __init__(self, noise: MultiscaleNoise, size: int, mean: Tensor | None) -> None:
        hierarchy, depth = noise.hierarchy, noise.hierarchy.depth
        self.generators = [torch.Generator() for _ in range(size)]
        self.amplitudes = [math.sqrt(share) for share in noise.shares]
        self.parents = [parent_coordinates(hierarchy, level) for level in range(depth - 1)]
        self.mean = None if mean is None else mean.flatten()
        self.above = [empty(size, 3 * count) for count in hierarchy.counts[1:]]
        self.rows = [frames.unbind() for frames in self.above]

    def draw(self, out: Tensor, seed: int, numbers: Sequence[int], scales: Sequence[float]) -> None:
        """Draw frames (s, 3 N): the numbers of `_Large`, with fewer and larger additions."""
        count = len(numbers)
        generators = [reseed(g, seed, k, NOISE) for g, k in zip(self.generators, numbers, strict=False)]
        carried: Tensor | None = None
        for level in range(len(self.above), -1, -1):
            flat = self.above[level - 1][:count] if level else out
            rows = self.rows[level - 1] if level else flat.unbind()
            amplitude = self.amplitudes[level]
            for row, generator, sigma in zip(rows, generators, scales, strict=False):
                row.normal_(0, sigma * amplitude, generator=generator)
            if carried is not None:
                flat.add_(torch.index_select(carried, -1, self.parents[level]))
            if level == 0 and self.mean is not None:
                flat.add_(self.mean)
            carried = flat
