"""lDDT = mean over pairs within 15 A in the reference of the share of 0.5, 1, 2, 4 A that hold | d_ij - d_ij(ref) |.

Pairs are those of different residues, all atoms alike, hydrogens too where there are any. Nothing is superposed.
Mariani, Biasini, Barbato, Schwede, Bioinformatics 29, 2722 (2013), section 2.1, without its stereochemistry check.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..structure.structure import Structure
from .pairs import Pairs, Points, close_pairs

RADIUS = 15.0
"""Inclusion radius, angstrom."""

THRESHOLDS = (0.5, 1.0, 2.0, 4.0)
"""By how much a distance may be off, angstrom."""


def local_pairs(structure: Structure, radius: float = RADIUS) -> Pairs:
    """Pairs of atoms of different residues that are at most ``radius`` angstrom apart in the reference."""
    residue = structure.hierarchy.ancestors(0, 1)
    pairs = close_pairs(structure.coordinates, radius)
    return Pairs.of(structure.coordinates, pairs[residue[pairs[:, 0]] != residue[pairs[:, 1]]])


def lddt_scores(
    pairs: Pairs, points: Points, thresholds: tuple[float, ...] = THRESHOLDS
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """How well frames keep the reference's local distances.

    Parameters
    ----------
    pairs
        From `local_pairs`.
    points
        (N, 3, S) coordinates, angstrom.
    thresholds
        Angstrom.

    Returns
    -------
    by_frame
        (S,) lDDT of each frame, 0 to 1; NaN without pairs.
    by_pair
        (P,) for each pair the share of thresholds that hold, summed over the frames.
    """
    frames, count = points.shape[2], len(thresholds)
    total = np.zeros(frames)
    by_pair = np.empty(len(pairs), dtype=np.float32)
    for where, off in pairs.distances(points):
        off -= pairs.reference[where, None]
        np.abs(off, out=off)
        held = np.zeros(off.shape, dtype=np.uint8)
        holds = np.empty(off.shape, dtype=np.bool_)
        for threshold in thresholds:
            held += np.less_equal(off, threshold, out=holds).view(np.uint8)
        off[:] = held  # whole numbers, which float32 adds exactly; products with ones add faster than sums do
        total += np.ones(len(off), np.float32) @ off
        by_pair[where] = off @ np.full(frames, 1 / count, np.float32)
    return (total / (count * len(pairs)) if len(pairs) else np.full(frames, np.nan)), by_pair


def lddt_by_residue(structure: Structure, pairs: Pairs, by_pair: NDArray[np.generic]) -> NDArray[np.float64]:
    """(R,) lDDT of each residue: mean of the pairs' scores (P,) over the pairs that one of its atoms has a part in.

    NaN for a residue without pairs.
    """
    residue, count = structure.hierarchy.ancestors(0, 1), structure.hierarchy.counts[1]
    sums, numbers = np.zeros((2, count))
    for atoms in (pairs.first, pairs.second):
        sums += np.bincount(residue[atoms], weights=by_pair, minlength=count)
        numbers += np.bincount(residue[atoms], minlength=count)
    return np.divide(sums, numbers, out=np.full(count, np.nan), where=numbers > 0)
