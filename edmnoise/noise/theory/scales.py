"""x = (x - residue centre) + (residue centre - chain centre) + chain centre: how large each part of coordinates is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.legible import Legible
from ...structure.hierarchy import Hierarchy, check_three
from ...structure.levels import atom_means, spread
from ...structure.structure import Structure


@dataclass(frozen=True, kw_only=True, repr=False)
class Scales(Legible):
    """Data scale of each part: RMS per coordinate over atoms, angstrom, about the centroid."""

    atom: float
    residue: float
    chain: float

    @property
    def by_level(self) -> tuple[float, float, float]:
        """Finest first, as `edmnoise.structure.hierarchy.PARTS`."""
        return self.atom, self.residue, self.chain

    @property
    def total(self) -> float:
        """Scale of all coordinates: EDM's sigma_data."""
        return math.sqrt(sum(scale**2 for scale in self.by_level))


def measured_scales(
    structure: Structure, frames: CoordinatesLike | None = None, weights: Tensor | None = None
) -> Scales:
    """Data scales of a structure, each frame about its own centroid; EdmNoiseError for another depth than three.

    Parameters
    ----------
    structure
        Groups, and the only frame where no others are given.
    frames
        (M, N, 3) coordinates, angstrom: the scales of an ensemble are not those of its first frame, where chains move.
    weights
        (M,) float64 probabilities of the frames; all are counted alike when not given.

    Notes
    -----
    One chain has no place of its own in the whole: 0, and not what rounding leaves.
    """
    given = structure.coordinates[None].copy() if frames is None else frames
    x = coordinates("frames", given, ("frames", structure.n_atoms, 3)).detach().cpu().double().mT
    x = x - x.mean(dim=2, keepdim=True)
    share = x.new_full((len(x),), 1 / len(x)) if weights is None else weights
    squares = [share @ part.square().mean(dim=(1, 2)) for part in split(x, structure.hierarchy)]
    atom, residue, chain = (math.sqrt(float(square)) for square in squares)
    return Scales(atom=atom, residue=residue, chain=chain if structure.hierarchy.counts[2] > 1 else 0.0)


def split(x: Tensor, hierarchy: Hierarchy) -> tuple[Tensor, Tensor, Tensor]:
    """Three parts that add up to (..., N) coordinates: atom in residue, residue in chain, chain; (..., N) each.

    EdmNoiseError for groups of another depth than three.
    """
    check_three(hierarchy)
    means = atom_means(x, hierarchy, [1, 2])
    residue, chain = (spread(means[level], hierarchy, level, 0).to(x.dtype) for level in (1, 2))
    return x - residue, residue - chain, chain
