"""(w_atom, w_residue, w_chain) with sum 1 is a point of a triangle: measures of thousands of weights at once.

Corners: all noise on atoms at the lower left, on residues at the lower right, on chains at the top; an edge is 1 long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...base.errors import EdmNoiseError
from ...structure.hierarchy import LEVELS, as_read, level_names
from ..sigma import SigmaDistribution
from ..theory.forms import Array, LevelForms, mean_squares, share_rows
from ..theory.scales import Scales
from ..weights import Weights
from .scramble import relative_names, scramble_sigma, share_beyond
from .signal import check_scales

MEASURES = ("displacement", "ratio", "scramble", "share")
"""What can be mapped: a level's relative displacement in units of sigma, the ratio residue/atom, the z of a level's
scramble point, and the share of training steps beyond it in %."""

HEIGHT = math.sqrt(0.75)
"""Of the triangle."""

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, HEIGHT]])
"""(3, 2) the places of atom, residue and chain."""

_OUTSIDE = 1e-9


@dataclass(frozen=True)
class WeightMeasure:
    """What is mapped over the triangle.

    Attributes
    ----------
    name
        One of MEASURES.
    level
        One of `LEVELS`; the ratio is that of residues and atoms whatever is said here.
    distribution
        Of the training levels: for ``scramble`` and ``share``.
    reference
        Reference length of the level, angstrom in space: for ``scramble`` and ``share``.

    Raises
    ------
    EdmNoiseError
        For an unknown measure or level, or a reference length that is needed and not there (one chain has no spacing).
    """

    name: str
    level: str
    distribution: SigmaDistribution
    reference: float

    def __post_init__(self) -> None:
        if self.name not in MEASURES:
            raise EdmNoiseError(f"no measure {self.name!r}: the known ones are {', '.join(MEASURES)}")
        if self.level not in LEVELS:
            raise EdmNoiseError(f"no level {self.level!r}: the levels are {', '.join(as_read(LEVELS))}")
        if self.name in ("scramble", "share") and not (math.isfinite(self.reference) and self.reference > 0):
            raise EdmNoiseError(
                f"{self.level} has no reference length: give one above 0 in angstrom, or map another level"
            )

    def text(self, angstrom: str = "Å", sigma: str = "sigma") -> str:
        """What it is, with its unit, in the letters that can be shown."""
        moved = relative_names(LEVELS)[LEVELS.index(self.level)]
        return {
            "displacement": f"displacement of {moved} ({sigma})",
            "ratio": "displacement of residues / atoms",
            "scramble": f"z at which {moved} moves by {self.reference:.3g} {angstrom} in space",
            "share": f"training steps that move {moved} beyond {self.reference:.3g} {angstrom} in space (%)",
        }[self.name]

    def values(self, forms: LevelForms, weights: Weights | Sequence[Weights] | Array) -> Array:
        """(...,) values for weights as `share_rows` takes them; infinite z where a level never gets so far."""
        if self.name == "ratio":
            return np.sqrt(mean_squares(forms.residue, weights))
        row = forms.relative[LEVELS.index(self.level)]
        if not row.any():
            raise EdmNoiseError(f"no noise moves the {self.level} relative to what it lies in: map another level")
        if self.name == "displacement":
            return np.sqrt(mean_squares(row, weights))
        sigma = scramble_sigma(row, weights, self.reference)
        if self.name == "scramble":
            return self.distribution.z(np.asarray(sigma))
        return 100 * share_beyond(self.distribution, sigma)


def grid(steps: int) -> Array:
    """(n, 3) weights, atom residue chain, at even steps, corners included: n = (steps + 1)(steps + 2) / 2."""
    if steps < 1:
        raise EdmNoiseError(f"steps is {steps}: give a whole number from 1")
    chain, residue = np.divmod(np.arange((steps + 1) ** 2), steps + 1)
    inside = chain + residue <= steps
    chain, residue = chain[inside], residue[inside]
    return np.stack([steps - chain - residue, residue, chain], axis=1) / steps


def place(weights: Weights | Sequence[Weights] | Array) -> Array:
    """(..., 2) places in the plane of weights as `share_rows` takes them."""
    return share_rows(weights) @ CORNERS


def shares_at(x: ArrayLike, y: ArrayLike) -> Array:
    """(..., 3) weights (atom, residue, chain) at places of the plane; below 0 outside the triangle."""
    chain = np.asarray(y) / HEIGHT
    residue = np.asarray(x) - chain / 2
    return np.stack(np.broadcast_arrays(1 - chain - residue, residue, chain), axis=-1)


def weights_at(x: float, y: float) -> Weights | None:
    """The weights at a place of the plane; None outside the triangle."""
    shares = shares_at(x, y)
    if not shares.min() >= -_OUTSIDE:
        return None
    atom, residue, chain = np.maximum(shares, 0)
    return Weights.of(chain, residue, atom)


def proportions(forms: LevelForms, scales: Scales) -> Weights:
    """The weights whose noise, centred, is split over the levels as near as can be to given scales.

    Parameters
    ----------
    forms
        Of the structure.
    scales
        RMS per coordinate over atoms, the chain's about the centre of all: those of
        `edmnoise.noise.theory.scales.measured_scales`, for instance.
    """
    from scipy.optimize import nnls

    found = nnls(forms.centred, np.square(check_scales(scales)))[0]
    return Weights.of(**dict(zip(level_names(len(found)), found, strict=True)))
