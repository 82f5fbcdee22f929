"""Atoms i and j are bonded where 0.4 A < |x_i - x_j| < r_i + r_j + 0.45 A, with r the covalent radii.

The rule asks for elements and coordinates only, so it finds the bonds of ligands, modified residues, links between
chains and disulphides as well as those of residues that a dictionary knows. Metals and ions have none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from .structure import Structure

_ELEMENTS = "H B C N O F SI P S CL AS SE BR I".split()

COVALENT_RADII = dict(
    zip(_ELEMENTS, (0.31, 0.84, 0.76, 0.71, 0.66, 0.57, 1.11, 1.07, 1.05, 1.02, 1.19, 1.20, 1.20, 1.39), strict=True)
)
"""Covalent radii in angstrom of the elements that bind covalently in biomolecules (Cordero et al., Dalton Trans. 2008,
2832, table 2; carbon sp3)."""

VAN_DER_WAALS_RADII = dict(
    zip(_ELEMENTS, (1.20, 1.92, 1.70, 1.55, 1.52, 1.47, 2.10, 1.80, 1.80, 1.75, 1.85, 1.90, 1.85, 1.98), strict=True)
)
"""Van der Waals radii in angstrom of the same elements (Bondi, J. Phys. Chem. 68, 441 (1964); boron: Mantina et al.,
J. Phys. Chem. A 113, 5806 (2009))."""

BOND_SLACK = 0.45
"""How much longer than the sum of its radii a bond may be, angstrom."""

SHORTEST_BOND = 0.4
"""Atoms closer than this (angstrom) are one atom twice, not a bond."""


def radii_of(structure: Structure, table: dict[str, float]) -> NDArray[np.float64]:
    """(N,) radius of each atom's element in angstrom; 0 for elements that the table does not hold. D counts as H."""
    elements = np.char.upper(np.char.strip(structure.atoms.element))
    kinds, kind = np.unique(elements, return_inverse=True)
    return np.array([table.get("H" if name == "D" else name, 0.0) for name in kinds.tolist()])[kind]


def is_heavy(structure: Structure) -> NDArray[np.bool_]:
    """(N,) whether an atom is anything but hydrogen or deuterium."""
    return ~np.isin(np.char.upper(np.char.strip(structure.atoms.element)), ["H", "D"])


def longest_bond(structure: Structure, bonds: NDArray[np.int64]) -> NDArray[np.float64]:
    """(B,) length in angstrom at which the rule no longer takes these pairs (B, 2) for bonded."""
    return radii_of(structure, COVALENT_RADII)[bonds].sum(axis=1) + BOND_SLACK


def find_bonds(structure: Structure) -> NDArray[np.int64]:
    """Covalent bonds of the reference coordinates, by the rule of this module.

    Returns
    -------
    array
        (B, 2) atoms, the lower number first, in rising order. Two hydrogens are never bonded.
    """
    radii = radii_of(structure, COVALENT_RADII)
    able = np.flatnonzero(radii > 0)
    if able.size < 2:
        return np.empty((0, 2), dtype=np.int64)
    reach = 2 * radii.max() + BOND_SLACK
    pairs = able[cKDTree(structure.coordinates[able]).query_pairs(reach, output_type="ndarray")]
    lengths = np.linalg.norm(structure.coordinates[pairs[:, 0]] - structure.coordinates[pairs[:, 1]], axis=1)
    bonded = (lengths > SHORTEST_BOND) & (lengths < longest_bond(structure, pairs))
    bonded &= is_heavy(structure)[pairs].any(axis=1)
    return sorted_pairs(pairs[bonded])


def within_bonds(bonds: NDArray[np.int64], atoms: int, steps: int = 3) -> NDArray[np.int64]:
    """Pairs of atoms that a path of at most ``steps`` bonds joins.

    Parameters
    ----------
    bonds
        (B, 2) bonded atoms.
    atoms
        Number of atoms N.

    Returns
    -------
    array
        (P, 2), the lower number first, in rising order.
    """
    there, back = bonds.T
    ones = np.ones(2 * len(bonds), dtype=np.int64)
    graph = sparse.csr_array((ones, (np.r_[there, back], np.r_[back, there])), shape=(atoms, atoms))
    step = graph + sparse.eye_array(atoms, dtype=np.int64, format="csr")
    reached = step
    for _ in range(steps - 1):
        reached = reached @ step
        reached.data[:] = 1  # how many paths there are is of no interest, and would grow
    found = sparse.triu(reached, k=1, format="coo")
    return sorted_pairs(np.stack([found.row, found.col], axis=1).astype(np.int64))


def sorted_pairs(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P, 2) pairs with the lower number first, in rising order."""
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
