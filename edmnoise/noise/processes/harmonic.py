"""x ~ N(0, J^+), J = 3/step^2 times the Laplacian of the path: each chain a centred random walk of steps ~ 3.8 A.

The harmonic prior of EigenFold (Jing et al., arXiv:2304.02198), AlphaFlow (Jing et al., arXiv:2402.04845) and FlowSite
(Stark et al., arXiv:2310.05764): neighbours are springs of energy 3 d^2 / (2 step^2), so that the RMS length of a step
is 3.8 A in 3-D, the distance of neighbouring C-alphas, and step^2 / 3 its variance per coordinate.

J^+ holds the centre of a chain where it is: no draw moves it, K has no inverse, and a likelihood has no meaning but in
relative coordinates. So the centre of each chain is given a variance of com^2 / 3 of its own; with com = 0 this is the
published law, which draws and noises, and refuses denoisers. The published programs take one atom a residue, C-alpha
or the pseudo C-beta, and one chain. Here each chain has a walk of its own through C-alphas, of nucleic acids through
C4' with the same step; `edmnoise.noise.processes.polymer` says what is a step and what rides on what, and what rides
does so with the standard deviation ``spread``, per coordinate.
"""

from __future__ import annotations

import numpy as np

from ...structure.structure import Structure
from .chains import Chains
from .markov_noise import MarkovNoise, check_knob
from .polymer import PIVOTS, Walks, walks


class HarmonicNoise(MarkovNoise):
    """Chains as centred random walks.

    Examples
    --------
    >>> from edmnoise.structure.atoms import Atoms
    >>> atoms = Atoms.make(["CA"] * 3, ["C"] * 3, ["GLY"] * 3, [1, 2, 3], ["A"] * 3, [""] * 3, [False] * 3)
    >>> noise = HarmonicNoise.on(Structure.from_atoms(3.8 * np.eye(3), atoms), step=3**0.5, com=0.0, spread=1.0)
    >>> round(noise.published_sigma**2, 6)  # the mean square of 0, 1, 2 steps about their mean, each of variance 1
    0.444444
    """

    name = "harmonic"

    @classmethod
    def on(cls, structure: Structure, step: float, com: float, spread: float) -> HarmonicNoise:
        """The noise of a structure, as `edmnoise.noise.process.NoiseChoice` asks for it.

        Parameters
        ----------
        step, com
            RMS length in 3-D of a step, and of what a chain's centre moves, angstrom.
        spread
            Standard deviation per coordinate of an atom about the one that it rides on, angstrom.
        """
        check_knob("step", step, 1e-3)
        check_knob("com", com, 0)
        check_knob("spread", spread, 0)
        return cls.kept(structure, step=step, com=com, spread=spread)

    @classmethod
    def of(cls, structure: Structure, step: float, com: float, spread: float) -> HarmonicNoise:  # type: ignore[override]
        """The noise of a structure, made anew."""
        chains = centred_walks(
            walks(structure, ((PIVOTS[0],), (PIVOTS[1],)), cls.name), step**2 / 3, com**2 / 3, spread
        )
        return cls(structure.hierarchy, chains)


def centred_walks(walk: Walks, step: float, com: float, spread: float) -> Chains:
    """Random walks with steps of this variance, drawn in to centres of the variance ``com``.

    Where a walk begins does not matter, as its centre is taken away: with a variance like that of its centre, nothing
    cancels.
    """
    length, place = walk.length.astype(np.float64), walk.step.astype(np.float64)
    begin = com + step * length / 2
    steps = np.diff(place, prepend=0.0)
    size, begun = length[walk.walk], begin[walk.walk]
    ride = np.full(len(walk.node), spread**2)
    ride[walk.anchor] = 0
    return Chains(
        node=walk.node,
        ride=ride,
        gain=np.where(walk.first, 0.0, 1.0),
        added=np.where(walk.first, begun + step * place, step * steps),
        tie=walk.walk,
        pull=np.ones(len(length)),
        spread=begin + step * (length - 1) * (2 * length - 1) / (6 * length),
        centre=np.full(len(length), com),
        shared=begun + step * (place * (size - 1) - place * (place - 1) / 2) / size,
    ).settled(walk.length == 1)
