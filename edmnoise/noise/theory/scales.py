"""x = (x - residue centre) + (residue centre - chain centre) + chain centre: how large each part of coordinates is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.hierarchy import Hierarchy, check_levels
from ...structure.levels import atom_means, spread
from ...structure.structure import Structure


@dataclass(frozen=True, kw_only=True, repr=False)
class Scales(Legible):
    """Data scale of each part: RMS per coordinate over atoms, angstrom, about the centroid; ``domain`` is None where
    there are none."""

    atom: float
    residue: float
    chain: float
    domain: float | None = None

    @property
    def by_level(self) -> tuple[float, ...]:
        """Finest first, as `Hierarchy.parts`."""
        return self.atom, self.residue, *(() if self.domain is None else (self.domain,)), self.chain

    def on(self, names: Sequence[str]) -> tuple[float, ...]:
        """The scales of levels by their names, finest first; EdmNoiseError for domains where none are."""
        if self.domain and "domain" not in names:
            raise EdmNoiseError(f"a data scale of domains ({self.domain:g} A) is given, and there are no domains")
        return tuple(getattr(self, name) or 0.0 for name in names)

    @property
    def total(self) -> float:
        """Scale of all coordinates: EDM's sigma_data."""
        return math.sqrt(sum(scale**2 for scale in self.by_level))


def measured_scales(
    structure: Structure, frames: CoordinatesLike | None = None, weights: Tensor | None = None
) -> Scales:
    """Data scales of a structure, each frame about its own centroid; EdmNoiseError for levels of other names.

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
    hierarchy = structure.hierarchy
    roots = [math.sqrt(float(share @ part.square().mean(dim=(1, 2)))) for part in split(x, hierarchy)]
    if hierarchy.counts[-1] == 1:
        roots[-1] = 0.0
    return Scales(**dict(zip(hierarchy.names, roots, strict=True)))


def split(x: Tensor, hierarchy: Hierarchy) -> tuple[Tensor, ...]:
    """Parts that add up to (..., N) coordinates, as `Hierarchy.parts`: atom in residue to chain; (..., N) each.

    EdmNoiseError for other levels than `check_levels` takes.
    """
    check_levels(hierarchy)
    above = range(1, hierarchy.depth)
    means = atom_means(x, hierarchy, above)
    centres = [x, *(spread(means[level], hierarchy, level, 0).to(x.dtype) for level in above)]
    return (*(fine - coarse for fine, coarse in pairwise(centres)), centres[-1])
