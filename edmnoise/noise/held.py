"""n = (n_moved, 0): the noise of a whole structure on the atoms that move; the others are held and get none.

The moved atoms get the very numbers that they get where all move, so that what is held changes nothing in what is not.
Their law is N(0, sigma^2 K_mm (x) I_3), K_mm being the rows and columns of the moved atoms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.legible import Legible
from ..structure.part import Part
from .covariance import Covariance
from .process import NoClosedForm, NoiseProcess, OfLevel, Statistics
from .processes.markov import MarkovCovariance
from .processes.nested import NestedCovariance
from .theory.linear import LinearStatistics
from .theory.second_moments import SecondMoments
from .theory.statistics import Expected, NoiseStatistics
from .theory.superposed import after_superposition


@dataclass(frozen=True, eq=False, repr=False)
class HeldNoise(Legible):
    """Noise of the moved atoms, as a process on the whole structure draws it: a `NoiseProcess` of m atoms.

    `NoiseChoice.on` makes one of a `Part`.

    Parameters
    ----------
    process
        On all atoms.
    part
        Which of them move; ``part.filled`` puts what is drawn back among the held ones.

    Examples
    --------
    >>> import numpy as np
    >>> from edmnoise.noise.process import NoiseChoice
    >>> from edmnoise.structure.atoms import Atoms
    >>> from edmnoise.structure.structure import Structure
    >>> atoms = Atoms.make(["CA"] * 3, ["C"] * 3, ["GLY"] * 3, [1, 2, 3], ["A"] * 3, [""] * 3, [False] * 3)
    >>> part = Part.of(Structure.from_atoms(4 * np.eye(3), atoms), [True, False, True])
    >>> noise = NoiseChoice().on(part)
    >>> torch.equal(noise.frames(2.0, 5), noise.process.frames(2.0, 5)[:, [0, 2]])
    True
    """

    process: NoiseProcess
    part: Part

    @cached_property
    def covariance(self) -> Covariance:
        """K_mm, the covariance of the moved atoms."""
        return self.process.covariance.restricted(self.part.moved)

    @cached_property
    def statistics(self) -> Statistics:
        """Closed forms of the displacement of the moved atoms: a residue is what moves of it."""
        self.process.statistics  # noqa: B018  # says why, where it has none
        hierarchy, k = self.part.structure.hierarchy, self.covariance
        if isinstance(k, MarkovCovariance):
            return LinearStatistics(hierarchy, k)
        if not isinstance(k, NestedCovariance) or any(len(w) > 1 for w in k.variances):
            raise NoClosedForm("of noise that is no sum over levels there are no closed forms for a part of the atoms")
        return NoiseStatistics.of(hierarchy, dict(zip(hierarchy.names, (float(w) for w in k.variances), strict=True)))

    def statistics_at(self, sigma: float) -> Statistics:
        """Closed forms of the moved atoms at a noise level."""
        if not isinstance(self.process, OfLevel):
            return self.statistics
        known = self.process.statistics_at(sigma)
        if not isinstance(known, SecondMoments):
            raise NoClosedForm("there are no closed forms for a part of the atoms")
        return known.restricted(self.part.structure.hierarchy, self.part.moved)

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> Expected:
        """Mean square displacement of the moved atoms after superposition of these on (m, 3) coordinates."""
        given = self.part.structure.hierarchy, self.covariance, self.statistics
        return after_superposition(*given, coordinates, level, relative_to, over_atoms)

    def blocks(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Iterator[Tensor]:
        """Draw (s, m, 3) frames a few at a time: those of the process, of the moved atoms; ``mean`` is theirs."""
        moved = torch.from_numpy(self.part.moved)
        for block in self.process.blocks(sigma, frames, seed, self._whole(mean)):
            yield block[:, moved]

    def frames(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Tensor:
        """All frames at once, (S, m, 3) float32, angstrom."""
        return torch.cat([block.clone() for block in self.blocks(sigma, frames, seed, mean)])

    def _whole(self, mean: CoordinatesLike | None) -> CoordinatesLike | None:
        if mean is None:
            return None
        own = coordinates("mean", mean, (len(self.part.moved), 3)).detach().to("cpu", torch.float32)
        return self.part.filled(own.numpy())
