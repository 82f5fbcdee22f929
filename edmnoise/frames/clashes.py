"""Atoms i and j clash where |x_i - x_j| < v_i + v_j - 0.4 A, v van der Waals radii, and no three bonds join them.

The threshold is MolProbity's (Chen et al., Acta Cryst. D66, 12 (2010)); unlike there, hydrogens are left out and none
are added, and any such pair counts, whatever dots it would make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..structure.bonds import VAN_DER_WAALS_RADII, is_heavy, radii_of, within_bonds
from ..structure.structure import Structure
from .pairs import Points

OVERLAP = 0.4
"""By how much two atoms may overlap before they clash, angstrom."""


@dataclass(frozen=True, eq=False)
class Clashes:
    """Which atoms can clash.

    Attributes
    ----------
    atoms
        (n,) heavy atoms of the elements whose radius is known (metals and ions have none here).
    radii
        (n,) float32: their van der Waals radii, angstrom.
    near
        Sorted keys i n + j of those pairs, i < j in the numbering of ``atoms``, that three bonds or fewer join.
    """

    atoms: NDArray[np.int64]
    radii: NDArray[np.float32]
    near: NDArray[np.int64]

    @classmethod
    def of(cls, structure: Structure, bonds: NDArray[np.int64]) -> Clashes:
        """From the bonds (B, 2) of the reference."""
        radii = radii_of(structure, VAN_DER_WAALS_RADII)
        able = is_heavy(structure) & (radii > 0)
        rank = np.cumsum(able) - 1
        near = within_bonds(bonds, structure.n_atoms)
        near = rank[near[able[near].all(axis=1)]]
        atoms = np.flatnonzero(able)
        return cls(atoms, radii[atoms].astype(np.float32), np.sort(near[:, 0] * len(atoms) + near[:, 1]))


def count_clashes(clashes: Clashes, points: Points) -> NDArray[np.int64]:
    """(S,) number of clashing pairs in each frame (N, 3, S)."""
    return np.array([_clashes(clashes, points[clashes.atoms, :, frame]) for frame in range(points.shape[2])], np.int64)


def clash_score(clashes: Clashes, points: Points) -> NDArray[np.float64]:
    """(S,) clashing pairs per 1,000 atoms that can clash, in each frame (N, 3, S); NaN where no atom can."""
    if len(clashes.atoms) == 0:
        return np.full(points.shape[2], np.nan)
    return 1000 * count_clashes(clashes, points) / len(clashes.atoms)


def _clashes(clashes: Clashes, x: NDArray[np.float32]) -> int:
    """Number of clashing pairs among atoms at ``x`` (n, 3)."""
    radii, near = clashes.radii, clashes.near
    if len(x) < 2:
        return 0
    reach = 2 * float(radii.max()) - OVERLAP
    # A tree without balance is made in half the time, and its search takes no longer: 3.4 ms a frame of 1TII, not 3.8.
    pairs = cKDTree(x, balanced_tree=False, compact_nodes=False).query_pairs(reach, output_type="ndarray")
    i, j = pairs.T
    close = np.linalg.norm(x[i] - x[j], axis=1) < radii[i] + radii[j] - OVERLAP
    keys = i[close] * len(x) + j[close]
    if near.size == 0:
        return len(keys)
    place = np.minimum(np.searchsorted(near, keys), len(near) - 1)
    return int((near[place] != keys).sum())
