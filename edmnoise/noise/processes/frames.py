"""x_i = c_r + sigma e_r + R_r (x_i,0 - c_r), e_r ~ N(0, 1), R_r ~ IGSO(3, s(sigma)): residues move as rigid bodies.

The residue frames of FrameDiff (Yim et al., arXiv:2302.02277) and RFdiffusion (Watson et al., Nature 620, 1089 (2023)):
c_r is the C-alpha of an amino acid; of a nucleotide we take C1', AlphaFold 3's centre of its token, and of any other
residue, of a ligand, an ion and of water, which move as rigid bodies too, the mean of its atoms. Both programs shrink
coordinates as they noise them, x_t = sqrt(a) x_0 + sqrt(1 - a) e in units of u angstrom: divided by sqrt(a), that is
what stands here, with sigma = u sqrt((1 - a) / a).

Second moments have a closed form: with arms v_i = x_i,0 - c_r, E[R] = m 1 (`edmnoise.noise.igso3.mean_rotation`) and
residues r, q of the atoms i, j, per coordinate

    E[d_i d_j] = [r = q] (sigma^2 + (2 (1 - m) - (1 - m)^2) v_i.v_j / 3) + (1 - m)^2 v_i.v_j / 3.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Index
from ...structure.residues import in_polymer
from ...structure.structure import Structure
from ..igso3 import mean_rotation, rotations
from ..theory.second_moments import SecondMoments
from .bodies import Bodies, Numbers
from .forward import Drawer, ForwardNoise, vectors

PIVOTS = ("CA", "C1'", "C1*")
"""The atom that a residue turns about, by its name."""


class RigidFrames(ForwardNoise):
    """Residues move as rigid bodies, their rotation in proportion to sigma.

    Parameters
    ----------
    structure
        Its residues are the bodies, whatever the groups of its hierarchy are.
    turn
        Radians of rotation (s of IGSO(3), a standard deviation per coordinate) per angstrom of sigma. The published
        schedules have .094 (FrameDiff) and .090 (RFdiffusion) at 4.8 A.

    Raises
    ------
    EdmNoiseError
        Where no residue has two atoms, so that nothing turns, and for a negative ``turn``.
    """

    name = "frames"

    def __init__(self, structure: Structure, turn: float = 0.1) -> None:
        super().__init__(structure)
        if turn < 0:
            raise EdmNoiseError(f"turn is {turn:g} radians per angstrom: give 0 or more")
        self._turn = turn
        _, body = np.unique(structure.residue_of_atoms, return_inverse=True)
        self._body: Index = body.reshape(-1).astype(np.int64)
        if np.bincount(self._body).max() < 2:
            raise EdmNoiseError(
                f"{self.name} noise turns residues, and each of these {structure.n_atoms:,} has one atom: give a "
                "structure with all atoms, or choose another process"
            )

    @classmethod
    def on(cls, structure: Structure, turn: float) -> RigidFrames:
        """The noise of a structure's residues, as `edmnoise.noise.process.NoiseChoice` asks for it."""
        return cls(structure, turn)

    def rotation(self, sigma: float) -> float:
        """The s of IGSO(3) at a noise level, radians."""
        return self._turn * sigma

    def statistics_at(self, sigma: float) -> SecondMoments:
        """Closed forms of the displacement at a level of noise, in units of its sigma^2."""
        arms = self._arms(self.structure.coordinates.astype(np.float64))[1]
        lost = 1 - mean_rotation(self.rotation(sigma))
        own = np.full((len(arms), 4), float(sigma))
        own[:, 1:] = arms * math.sqrt((2 * lost - lost**2) / 3)
        return SecondMoments(self.structure.hierarchy, self._body, own / sigma, arms * lost / (math.sqrt(3) * sigma))

    def _arms(self, around: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The bodies' pivots (B, 3), and the atoms' arms (N, 3) from them."""
        size = np.bincount(self._body)
        pivot = np.stack([np.bincount(self._body, axis) for axis in around.T], axis=1) / size[:, None]
        polymer = in_polymer(self.structure.atoms, self._body)
        for name in PIVOTS:
            atoms = np.flatnonzero(polymer & (self.structure.atoms.name == name))[::-1]
            pivot[self._body[atoms]] = around[atoms]
        return pivot, around - pivot[self._body]

    def _drawer(self, around: NDArray[np.float64], lanes: int) -> Drawer:
        return _Frames(self, self._body, *self._arms(around), lanes)


class _Frames(Drawer):
    def __init__(
        self,
        noise: RigidFrames,
        body: Index,
        pivot: NDArray[np.float64],
        arms: NDArray[np.float64],
        lanes: int,
    ) -> None:
        self._noise, self._pivot = noise, pivot.T[..., None]
        self.bodies, self.numbers = Bodies(body, arms, lanes), 6 * len(pivot)

    def moved(self, normal: Numbers, sigma: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
        shift, axis = vectors(normal)
        centre = self._pivot + sigma * shift
        return rotations(axis, [self._noise.rotation(s) for s in sigma.tolist()]), centre.astype(np.float32, order="C")


class FrameDiff(RigidFrames):
    """Rigid frames with FrameDiff's rotation at each sigma.

    Its coordinates are in units of 10 A, a = exp(-0.1 t - 9.95 t^2), and s = log(t e^1.5 + (1 - t) e^0.1) for t from 0
    to 1 (configuration of se3_diffusion, arXiv:2302.02277): sigma ends at 1,522 A, and s begins at .1, so that the
    least noise turns by .1 radians.
    """

    name = "framediff"

    @classmethod
    def on(cls, structure: Structure) -> FrameDiff:  # type: ignore[override]
        return cls(structure)

    def rotation(self, sigma: float) -> float:
        spent = math.log1p((sigma / 10) ** 2)  # 0.1 t + 9.95 t^2
        t = min(1.0, (math.sqrt(0.01 + 4 * 9.95 * spent) - 0.1) / (2 * 9.95))
        return math.log(t * math.exp(1.5) + (1 - t) * math.exp(0.1))


class RFdiffusion(RigidFrames):
    """Rigid frames with RFdiffusion's rotation at each sigma.

    Its coordinates are in units of 4 A; a is the product of 1 - b over steps, of which b rises from .04 to .28 in 50,
    and s = .02 + 1.5 t + .5 t^2 for t = step / 50 (configuration of its inference). Between steps s is interpolated.
    """

    name = "rfdiffusion"

    @classmethod
    def on(cls, structure: Structure) -> RFdiffusion:  # type: ignore[override]
        return cls(structure)

    def rotation(self, sigma: float) -> float:
        left = np.cumprod(1 - np.linspace(0.04, 0.28, 50))
        t = np.arange(51) / 50
        levels = np.append(0.0, 4 * np.sqrt((1 - left) / left))
        return float(np.interp(sigma, levels, 0.02 + 1.5 * t + 0.5 * t**2))
