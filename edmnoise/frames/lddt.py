"""lDDT = mean over pairs within 15 A in the reference of the share of 0.5, 1, 2, 4 A that hold | d_ij - d_ij(ref) |.

Pairs are those of different residues, all atoms alike, hydrogens too where there are any. Nothing is superposed.
Mariani, Biasini, Barbato, Schwede, Bioinformatics 29, 2722 (2013), section 2.1, without its stereochemistry check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.legible import Legible
from ..base.threads import shared
from ..structure.structure import Structure
from .pairs import Among, Pairs, Points, close_pairs, touching

RADIUS = 15.0
"""Inclusion radius, angstrom."""

THRESHOLDS = (0.5, 1.0, 2.0, 4.0)
"""By how much a distance may be off, angstrom."""


@dataclass(frozen=True, eq=False, repr=False)
class LocalPairs(Legible):
    """Pairs of atoms of different residues that are near each other in the reference.

    Attributes
    ----------
    pairs
        (P,) pairs, those of two residues one after another: neighbours in the list are neighbours in memory.
    starts
        (Q,) where the pairs of the next two residues begin.
    residues
        (2, Q) which two.
    numbers
        (R,) for each residue, the pairs that one of its atoms has a part in.
    """

    pairs: Pairs
    starts: NDArray[np.int64]
    residues: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, structure: Structure, radius: float = RADIUS, among: Among | None = None) -> LocalPairs:
        """Those that are at most ``radius`` angstrom apart, and of which one at least is among some atoms."""
        residue, count = structure.hierarchy.ancestors(0, 1), structure.hierarchy.counts[1]
        pairs = touching(close_pairs(structure.coordinates, radius), among)
        one, other = residue[pairs[:, 0]], residue[pairs[:, 1]]
        keys = np.where(one == other, -1, one * count + other)
        order = np.argsort(keys, kind="stable")[np.count_nonzero(keys < 0) :]
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        residues = np.stack([keys[starts] // count, keys[starts] % count])
        sizes = np.diff(starts, append=len(keys))
        numbers = sum(np.bincount(ends, sizes, count) for ends in residues)
        return cls(Pairs.of(structure.coordinates, pairs[order]), starts, residues, np.asarray(numbers))

    def __len__(self) -> int:
        return len(self.pairs)


def lddt_scores(
    local: LocalPairs, points: Points, sets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How well frames keep the reference's local distances.

    Parameters
    ----------
    points
        (N, 3, S) coordinates, angstrom.
    sets
        (S,) 0, 1, ...: the set of frames that each is of.

    Returns
    -------
    by_frame
        (S,) lDDT of each frame, 0 to 1; NaN without pairs.
    by_residue
        (R, sets) lDDT of each residue, summed over the frames of a set: the mean of the pairs that one of its atoms has
        a part in; NaN for a residue without pairs.
    """
    frames, pairs = points.shape[2], local.pairs
    reference = torch.from_numpy(pairs.reference)[:, None]
    chosen = np.eye(sets.max() + 1, dtype=np.float32)[sets]  # (S, sets)
    found: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []

    def work(tiles: Iterator[slice]) -> None:
        total, by_residues = np.zeros(frames), np.zeros((len(local.starts), chosen.shape[1]))
        for where, off in pairs.distances(points, tiles):
            torch.from_numpy(off).sub_(reference[where]).abs_()
            held = np.zeros(off.shape, dtype=np.uint8)
            holds = np.empty(off.shape, dtype=np.bool_)
            for threshold in THRESHOLDS:
                held += np.less_equal(off, threshold, out=holds).view(np.uint8)
            off[:] = held  # whole numbers, which float32 adds exactly
            first, last = np.searchsorted(local.starts, [where.start, where.stop - 1], side="right") - 1
            edges = np.maximum(local.starts[first : last + 1] - where.start, 0)
            sums = np.add.reduceat(off, edges, axis=0)
            total += sums.sum(axis=0, dtype=np.float64)
            by_residues[first : last + 1] += sums @ chosen
        found.append((total, by_residues))

    shared(work, pairs.tiles(frames))
    total, by_residues = (np.sum(parts, axis=0) / len(THRESHOLDS) for parts in zip(*found, strict=True))
    by_residue = np.zeros((len(local.numbers), chosen.shape[1]))
    for ends in local.residues:
        for column, values in zip(by_residue.T, by_residues.T, strict=True):
            column += np.bincount(ends, values, len(column))
    some = local.numbers[:, None] > 0
    by_residue = np.divide(by_residue, local.numbers[:, None], out=np.full_like(by_residue, np.nan), where=some)
    return (total / len(pairs) if len(pairs) else np.full(frames, np.nan)), by_residue
