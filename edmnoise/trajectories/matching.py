"""Which atom of a trace is which atom of a structure: by their order where that fits, else by where they end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..structure.structure import Structure
from ..structure.superpose import superpose

ORDER_TOLERANCE = 0.5
"""Farthest that an atom may lie from its own place after superposition, angstrom. Two atoms that were taken for each
other would lie a bond's length off, which is at least .95 A (O-H)."""

PLACE_TOLERANCE = 0.002
"""Farthest that an atom may lie from its own place unmoved, angstrom: files round to .001 A in each direction."""


@dataclass(frozen=True, eq=False, repr=False)
class Match(Legible):
    """Which atoms of a trace a structure names.

    Attributes
    ----------
    rows
        (N,) which atom of the trace each atom of the structure is.
    sample
        Number of the sample, from 0, that ends nearest to the structure.
    by
        "order" or "place"; where nothing was compared "name", of recorded names, or "likeness", to another trace.
    farthest
        Largest distance of an atom from its place there, angstrom; after superposition where it is by order.
    """

    rows: NDArray[np.int64]
    sample: int
    by: str
    farthest: float


def match_atoms(structure: Structure, ends: NDArray[np.float32]) -> Match:
    """Find the atoms of a structure among those of a trace.

    In their order where both have as many and one sample's end lies within ORDER_TOLERANCE of the structure, atom by
    atom, after superposition. Otherwise, as where a model pads its atoms or the structure is a part of them, by place:
    each atom within PLACE_TOLERANCE of where another atom of one sample ends, unmoved, as the output file of the run
    lies.

    Parameters
    ----------
    structure
        N atoms, in the order of their file.
    ends
        (samples, M, 3) float32, angstrom: where the atoms of each sample end.

    Raises
    ------
    EdmNoiseError
        Where neither holds, with the number of atoms that were found by place.
    """
    off = ""
    if structure.n_atoms == ends.shape[1]:
        distances = _after_superposition(structure.coordinates, ends)
        sample = int(distances.argmin())
        if distances[sample] <= ORDER_TOLERANCE:
            return Match(np.arange(structure.n_atoms), sample, "order", float(distances[sample]))
        if np.isfinite(distances[sample]):
            off = f", and in their order they lie up to {distances[sample]:.1f} A from those of sample {sample + 1}"
    return _by_place(structure.coordinates, ends, off)


def _after_superposition(coordinates: NDArray[np.float32], ends: NDArray[np.float32]) -> NDArray[np.float64]:
    """(samples,) largest distance of an atom from its place; infinite for an end that is not finite."""
    moved, target = torch.tensor(ends).mT.contiguous(), torch.tensor(coordinates).mT
    superpose(moved, target, out=moved)
    farthest = (moved - target).norm(dim=1).amax(dim=1).double().numpy()
    return np.nan_to_num(farthest, nan=np.inf)


def _by_place(coordinates: NDArray[np.float32], ends: NDArray[np.float32], off: str) -> Match:
    """By where they end; ``off`` says how far they are from that in their order, for the refusal."""
    from scipy.spatial import cKDTree

    best, most = None, -1
    for sample, end in enumerate(ends):
        finite = np.flatnonzero(np.isfinite(end).all(axis=1))
        if not len(finite):
            continue
        distance, nearest = cKDTree(end[finite]).query(coordinates, distance_upper_bound=PLACE_TOLERANCE)
        found = np.isfinite(distance)
        count = len(np.unique(nearest[found]))
        if count > most:
            best, most = (sample, finite, distance, nearest), count
    if best is None or most < len(coordinates):
        raise EdmNoiseError(
            f"the structure's {len(coordinates):,} atoms are not those of the trace, which has {ends.shape[1]:,}: "
            f"{max(most, 0):,} lie where an atom of one sample ends{off}; give the structure file that this run wrote"
        )
    sample, finite, distance, nearest = best
    return Match(finite[nearest], sample, "place", float(distance.max()))
