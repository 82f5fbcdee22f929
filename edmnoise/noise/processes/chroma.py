"""Chroma's two laws: residues as a gas, K = 100 11^T + diag(1, 0, 1, 1) on N, CA, C, O; chains as globules, an AR(1).

Ingraham et al., Nature 623, 1070 (2023), supplementary information, and the program's chroma/layers/structure/mvn.py.

**Residue gas**: the C-alpha of each residue lies within 10 A per coordinate, the other atoms within 1 A of it.

**Globular**: over the backbone atoms N, CA, C, O of a chain of n atoms, missing residues counted,

    y_i = a (z_i + B y_(i-1)),  y_1 = a z_1 / sqrt(1 - B^2),  x = y - xi ybar,  a = 1.5587407701549267 A:

steps like those of a chain with random phi and psi, with B such that the radius of gyration per coordinate is that of
globules, 2/3 n^(2/5) A (Tanner 2016: 2 R^(2/5) A of R residues, all coordinates together),

    B = 3/n + n^(-2/5) sqrt(n^(-6/5) (n^2 + 9) - (a / (2/3))^2)   within 1e-4 and 1 - 1e-4,

and xi = 1 - sqrt(1 - B^2), which scales the chain's centre, of standard deviation a / sqrt(1 - B^2) at most, to a. For
n from 3 to 6 what is under the root is negative; we take 0 for it there, the program NaN. With complex = 1 the centres
spread as much as chains that make one globule (its ``complex_scaling``, off where it is not asked for):
xi = 1 - s sqrt(1 - B^2) with s^2 = C/(C - 1) max(1, Rg(sum of n)^2 - sum n Rg(n)^2 / sum n) of C chains.

What is published ends at the backbone of proteins. Here all other atoms of a residue ride on its C-alpha with the gas's
1 A (``spread``); nucleic acids walk through P, O5', C5', C4', C3', O3' with the same constants, and their atoms ride on
C4'; any other residue is a chain of one atom, on which the others ride (`edmnoise.noise.processes.polymer`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...structure.structure import Structure
from .chains import Chains
from .markov_noise import MarkovNoise, check_knob
from .polymer import BACKBONES, PIVOTS, Walks, walks

Array = NDArray[np.float64]

STEP = 1.5587407701549267
"""a: scale of a step along the backbone, angstrom."""

RADIUS, EXPONENT = 2 / 3, 2 / 5
"""Radius of gyration per coordinate, RADIUS n^EXPONENT angstrom of n backbone atoms."""

_CLIP = 1e-4


class ResidueGas(MarkovNoise):
    """Residues anywhere, their atoms about their C-alphas; it needs no polymer, as any residue has a first atom."""

    name = "chroma_gas"

    @classmethod
    def on(cls, structure: Structure, residue: float, spread: float) -> ResidueGas:
        """The noise of a structure, as `edmnoise.noise.process.NoiseChoice` asks for it.

        Parameters
        ----------
        residue, spread
            Standard deviations per coordinate of C-alphas, and of other atoms about them, angstrom.
        """
        check_knob("residue", residue, 1e-3)
        check_knob("spread", spread, 0)
        return cls.kept(structure, residue=residue, spread=spread)

    @classmethod
    def of(cls, structure: Structure, residue: float, spread: float) -> ResidueGas:  # type: ignore[override]
        """The noise of a structure, made anew."""
        walk = walks(structure, ((PIVOTS[0],), (PIVOTS[1],)))
        count = len(walk.anchor)
        return cls(structure.hierarchy, _free(walk, np.zeros(count), np.full(count, residue**2), spread))


class Globular(MarkovNoise):
    """Chains as globules."""

    name = "chroma_globular"

    @classmethod
    def on(cls, structure: Structure, complex: float, spread: float) -> Globular:
        """The noise of a structure, as `edmnoise.noise.process.NoiseChoice` asks for it.

        Parameters
        ----------
        complex
            1 for centres of chains that spread as in one globule of all, 0 for centres within 1.56 A.
        spread
            Standard deviation per coordinate of an atom about the one that it rides on, angstrom.
        """
        check_knob("complex", complex, 0, 1, "")
        check_knob("spread", spread, 0)
        return cls.kept(structure, complex=complex, spread=spread)

    @classmethod
    def of(cls, structure: Structure, complex: float, spread: float) -> Globular:  # type: ignore[override]
        """The noise of a structure, made anew."""
        return cls(structure.hierarchy, globules(walks(structure, BACKBONES, cls.name), complex > 0, spread))


def memory(n: Array) -> Array:
    """B of chains of n backbone atoms."""
    root = n ** (2 * (EXPONENT - 1)) * (n**2 + 9) - (STEP / RADIUS) ** 2
    return np.clip(3 / n + n**-EXPONENT * np.sqrt(np.maximum(root, 0)), _CLIP, 1 - _CLIP)


def globules(walk: Walks, complex: bool, spread: float) -> Chains:
    """Chains that remember, with their centres drawn in."""
    n = walk.length.astype(np.float64)
    b = memory(n)
    variance = STEP**2 / (1 - b**2)
    centre = _apart(n[walk.polymer]) if complex else 1.0
    pull = 1 - centre * np.sqrt(1 - b**2)

    back = np.diff(walk.step, prepend=0)
    log_b = np.log(b)[walk.walk]
    gain = np.where(walk.first, 0.0, np.exp(back * log_b))
    added = variance[walk.walk] * np.where(walk.first, 1.0, -np.expm1(2 * back * log_b))
    behind = _powers(b[walk.walk], walk.step)
    ahead = _powers(b[walk.walk], walk.length[walk.walk] - 1 - walk.step)
    shared = variance[walk.walk] / n[walk.walk] * (1 + behind + ahead)
    total = n + 2 * b / (1 - b) * (n + np.expm1(n * np.log(b)) / (1 - b))
    return replace(
        _free(walk, gain, added, spread),
        tie=walk.walk,
        pull=pull,
        spread=variance * total / n**2,
        centre=np.zeros(len(n)),
        shared=shared,
    ).settled(walk.length == 1)


def _powers(b: Array, count: NDArray[np.int64]) -> Array:
    """b + b^2 + ... + b^count."""
    return -b * np.expm1(count * np.log(b)) / (1 - b)


def _apart(n: Array) -> float:
    """Standard deviation of the centres of chains of n atoms in one globule, in units of a, as Chroma has it."""
    squares = RADIUS**2 * n ** (2 * EXPONENT)
    whole = RADIUS**2 * n.sum() ** (2 * EXPONENT)
    chains = len(n) / max(len(n) - 1, 1)
    return float(np.sqrt(chains * max(whole - (n @ squares) / n.sum(), 1.0)))


def _free(walk: Walks, gain: Array, added: Array, spread: float) -> Chains:
    """Chains whose centres are not drawn in."""
    ride = np.full(len(walk.node), spread**2)
    ride[walk.anchor] = 0
    none, untied = np.zeros(0), np.full(len(gain), -1)
    return Chains(walk.node, ride, gain, added, untied, none, none, none, np.zeros(len(gain)))
