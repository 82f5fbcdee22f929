"""Bonds, chirality, contacts and size: what of the reference's chemistry and fold is left in a frame.

Bond: a pair by the rule of `edmnoise.structure.bonds`; broken where that rule no longer takes it for bonded. Contact:
heavy atoms at most 4.5 A apart, of residues that no bond joins; kept where they are so in the frame. Chirality: the
sign of (a - d) . ((b - d) x (c - d)), a, b, c a centre's first three heavy neighbours and d its fourth, or itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible
from ..structure.bonds import SHORTEST_BOND, is_heavy, longest_bond
from ..structure.structure import Structure
from .pairs import Among, Pairs, Points, close_pairs, touching

CONTACT = 4.5
"""Distance in angstrom below which heavy atoms are in contact."""

_PYRAMIDAL = 0.4
"""Smallest volume of a centre's three unit bond vectors: 0.77 in a tetrahedron, 0 in a plane."""

_CENTRES = ("B", "C", "SI", "P", "S", "AS", "SE")
"""Elements that hold their configuration (nitrogen turns over by itself)."""


@dataclass(frozen=True, eq=False, repr=False)
class Bonds(Legible):
    """Covalent bonds, and how long each may be (B,), angstrom, until it is broken."""

    pairs: Pairs
    longest: NDArray[np.float32]

    @classmethod
    def of(cls, structure: Structure, bonds: NDArray[np.int64]) -> Bonds:
        """From (B, 2) atoms."""
        return cls(Pairs.of(structure.coordinates, bonds), longest_bond(structure, bonds).astype(np.float32))


def bond_damage(bonds: Bonds, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """RMS deviation of bond lengths from the reference's (S,), angstrom, and the share of bonds that is broken (S,).

    ``points`` are (N, 3, S). NaN without bonds.
    """
    squares, broken = np.zeros((2, points.shape[2]))
    for where, lengths in bonds.pairs.distances(points):
        outside = (lengths >= bonds.longest[where, None]) | (lengths <= SHORTEST_BOND)
        broken += outside.sum(axis=0)
        squares += np.square(lengths - bonds.pairs.reference[where, None], dtype=np.float64).sum(axis=0)
    return np.sqrt(_share(squares, len(bonds.pairs))), _share(broken, len(bonds.pairs))


def contact_pairs(
    structure: Structure, bonds: NDArray[np.int64], cutoff: float = CONTACT, among: Among | None = None
) -> Pairs:
    """Heavy atoms at most ``cutoff`` angstrom apart in the reference, in different residues that no bond joins.

    ``bonds`` are (B, 2) atoms: contacts that the chain itself makes say nothing about the fold.
    """
    residue, count = structure.hierarchy.ancestors(0, 1), structure.hierarchy.counts[1]
    heavy = np.flatnonzero(is_heavy(structure))
    pairs = touching(heavy[close_pairs(structure.coordinates[heavy], cutoff)], among)
    pairs = pairs[np.argsort(pairs[:, 0])]  # neighbours in the list are neighbours in memory

    def keys(atoms: NDArray[np.int64]) -> NDArray[np.int64]:
        ends = np.sort(residue[atoms], axis=1)
        return ends[:, 0] * count + ends[:, 1]

    near = (residue[pairs[:, 0]] == residue[pairs[:, 1]]) | np.isin(keys(pairs), keys(bonds))
    return Pairs.of(structure.coordinates, pairs[~near])


def contacts_kept(contacts: Pairs, points: Points, cutoff: float = CONTACT) -> NDArray[np.float64]:
    """(S,) share of the contacts that are within ``cutoff`` angstrom in each frame (N, 3, S); NaN without any."""
    kept = np.zeros(points.shape[2])
    for _, distances in contacts.distances(points):
        kept += (distances <= cutoff).sum(axis=0)
    return _share(kept, len(contacts))


@dataclass(frozen=True, eq=False, repr=False)
class Centres(Legible):
    """Tetrahedral centres: four atoms (M, 4) whose signed volume is kept, and its sign in the reference (M,)."""

    corners: NDArray[np.int64]
    sign: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sign)


def find_centres(structure: Structure, bonds: NDArray[np.int64], among: Among | None = None) -> Centres:
    """Atoms that can hold a configuration, have three or four heavy neighbours, and are not flat in the reference.

    Also where two neighbours are alike but for their names (CG1 and CG2 of valine, OP1 and OP2 of a phosphate).
    """
    heavy = is_heavy(structure)
    able = np.isin(np.char.upper(structure.atoms.element), _CENTRES)
    arms = bonds[heavy[bonds].all(axis=1)]
    arms = np.concatenate([arms, arms[:, ::-1]])
    arms = arms[np.lexsort((arms[:, 1], arms[:, 0]))]
    degree = np.bincount(arms[:, 0], minlength=structure.n_atoms)
    start = np.cumsum(degree) - degree
    corners = []
    for number in (3, 4):
        centre = np.flatnonzero((degree == number) & able)
        ends = arms[start[centre, None] + np.arange(number), 1]
        flat = np.abs(_volumes(_unit_arms(structure, centre, ends[:, :3]))) < _PYRAMIDAL
        corners.append((np.concatenate([ends, centre[:, None]], axis=1) if number == 3 else ends)[~flat])
    found = touching(np.concatenate(corners), among)
    sign = np.sign(signed_volumes(found, np.ascontiguousarray(structure.coordinates[:, :, None])))[:, 0]
    return Centres(found[sign != 0], sign[sign != 0])


def centres_flipped(centres: Centres, points: Points) -> NDArray[np.float64]:
    """(S,) share of the centres whose signed volume has the other sign in each frame (N, 3, S); NaN without any."""
    volumes = signed_volumes(centres.corners, points)
    return _share((volumes * centres.sign[:, None] < 0).sum(axis=0).astype(np.float64), len(centres))


def signed_volumes(corners: NDArray[np.int64], points: Points) -> NDArray[np.float64]:
    """(M, S) (a - d) . ((b - d) x (c - d)) in angstrom^3 of four atoms a, b, c, d (M, 4) in each frame (N, 3, S)."""
    a, b, c, d = (points[corner].astype(np.float64) for corner in corners.T)
    return _volumes(np.stack([a - d, b - d, c - d]))


def gyration_radius(points: Points) -> NDArray[np.float64]:
    """(S,) root mean square distance of the atoms from their mean, angstrom, all atoms alike; ``points`` (N, 3, S)."""
    mean = points.mean(axis=0, dtype=np.float64)
    return np.sqrt(np.square(points - mean, dtype=np.float64).sum(axis=1).mean(axis=0))


def _unit_arms(structure: Structure, centre: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """(3, M, 3) unit vectors from centres (M,) to their neighbours (M, 3)."""
    x = structure.coordinates.astype(np.float64)
    arms = x[ends.T] - x[centre]
    return arms / np.linalg.norm(arms, axis=-1, keepdims=True)


def _volumes(arms: NDArray[np.float64]) -> NDArray[np.float64]:
    """a . (b x c) of three arrays of vectors (3, M, 3) or (3, M, 3, S)."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (np.moveaxis(arm, 1, 0) for arm in arms)
    return ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)


def _share(part: NDArray[np.float64], whole: int) -> NDArray[np.float64]:
    return part / whole if whole else np.full(part.shape, np.nan)
