"""Bonds come from chemistry before distance: two copies that lie in each other are not bonded to each other.

Within a residue that is known (`components`), and between neighbours in sequence (C to N, O3' to P), the names of the
atoms say what is bonded, wherever the atoms are. What a structure brings along (`Structure.bonds`: CONECT records,
_struct_conn, _chem_comp_bond, PyMOL) is taken for atoms that are not known, and between residues. What is left goes by
distance: atoms i and j are bonded where 0.4 A < |x_i - x_j| < r_i + r_j + 0.45 A, with r the covalent radii, if they
are in one residue, or if they are the ends of polymers, two cysteines' sulphurs, or the only such pair of two residues
of which one is unknown. A hydrogen is bonded to the nearest heavy atom of its residue. Metals and ions have no bonds.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .atoms import distinct
from .components import component_bonds
from .structure import NO_BONDS, Structure

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

MOST_LINKS = 2
"""Bonds that a program found between two residues of which one is unknown; more are two copies in each other."""

_LINKS = (("C", "N"), ("O3'", "P"))
"""Which atom of a residue is bonded to which of the next one."""

_NUMBER = re.compile(r"-?\d+")

Pairs = NDArray[np.int64]


def radii_of(structure: Structure, table: dict[str, float]) -> NDArray[np.float64]:
    """(N,) radius of each atom's element in angstrom; 0 for elements that the table does not hold. D counts as H."""
    return structure.atoms.of_element({**table, "D": table["H"]}, 0.0)


def is_heavy(structure: Structure) -> NDArray[np.bool_]:
    """(N,) whether an atom is anything but hydrogen or deuterium."""
    return ~structure.atoms.is_hydrogen


def longest_bond(structure: Structure, bonds: Pairs) -> NDArray[np.float64]:
    """(B,) length in angstrom from which on these pairs (B, 2) are too far apart for a bond."""
    return radii_of(structure, COVALENT_RADII)[bonds].sum(axis=1) + BOND_SLACK


def find_bonds(structure: Structure) -> Pairs:
    """Covalent bonds, by the rule of this module.

    Returns
    -------
    array
        (B, 2) atoms, the lower number first, in rising order. Two hydrogens are never bonded.
    """
    residue, atoms = structure.residue_of_atoms, structure.atoms
    heavy, able = is_heavy(structure), radii_of(structure, COVALENT_RADII) > 0
    inside, known = component_bonds(*distinct(atoms.name), *distinct(atoms.residue_name), residue)
    near = _near_pairs(structure, able, heavy)
    together = residue[near[:, 0]] == residue[near[:, 1]]

    given = structure.bonds[:, :2]
    given = given[able[given].all(axis=1) & heavy[given].any(axis=1)]
    one_residue = residue[given[:, 0]] == residue[given[:, 1]]
    stated = given[one_residue & ~known[given].all(axis=1)]
    told = known.copy()
    told[stated] = True

    unknown = near[together & heavy[near].all(axis=1) & ~told[near].all(axis=1)]
    hydrogens = _nearest_heavy(structure, near[together & ~heavy[near].all(axis=1)], heavy, told)
    apart = near[~together & heavy[near].all(axis=1)]
    links = [given[~one_residue], *_polymer_links(structure, residue, apart), _foreign_links(structure, apart)]
    return np.unique(sorted_pairs(np.concatenate([inside, stated, unknown, hydrogens, *links])), axis=0)


def believable(structure: Structure, bonds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of bonds (B, 3) that a program may have found by distance, those that two copies in each other do not explain.

    All within a residue and those of metals; those of two polymer residues that chemistry knows by itself; and at most
    `MOST_LINKS` of two residues of which one is unknown.
    """
    ends, count = _links_of_residues(structure, bonds[:, :2])
    metal = (radii_of(structure, COVALENT_RADII) == 0)[bonds[:, :2]].any(axis=1)
    foreign = ~structure.atoms.in_component[bonds[:, :2]].all(axis=1)
    chemical = find_bonds(replace(structure, bonds=NO_BONDS)) @ np.array([structure.n_atoms, 1])
    known = np.isin(np.sort(bonds[:, :2], axis=1) @ np.array([structure.n_atoms, 1]), chemical)
    return bonds[(ends[:, 0] == ends[:, 1]) | metal | known | (foreign & (count <= MOST_LINKS))]


def _links_of_residues(structure: Structure, pairs: Pairs) -> tuple[Pairs, NDArray[np.int64]]:
    """The residues (P, 2) that pairs of atoms join, and how many of the pairs join the same two (P,)."""
    ends = np.sort(structure.residue_of_atoms[pairs], axis=1)
    _, pair, count = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    return ends, count[pair.reshape(-1)]


def _near_pairs(structure: Structure, able: NDArray[np.bool_], heavy: NDArray[np.bool_]) -> Pairs:
    """(P, 2) pairs that are as far apart as a bond is long, at least one of them heavy."""
    from scipy.spatial import cKDTree  # takes a quarter of a second, which who reads a structure need not wait

    atoms = np.flatnonzero(able)
    if atoms.size < 2:
        return np.empty((0, 2), dtype=np.int64)
    reach = 2 * radii_of(structure, COVALENT_RADII).max() + BOND_SLACK
    pairs = atoms[cKDTree(structure.coordinates[atoms]).query_pairs(reach, output_type="ndarray")]
    lengths = _lengths(structure, pairs)
    close = (lengths > SHORTEST_BOND) & (lengths < longest_bond(structure, pairs))
    return pairs[close & heavy[pairs].any(axis=1)]


def _lengths(structure: Structure, pairs: Pairs) -> NDArray[np.float32]:
    x = structure.coordinates
    return np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)


def _nearest_heavy(structure: Structure, pairs: Pairs, heavy: NDArray[np.bool_], told: NDArray[np.bool_]) -> Pairs:
    """Of pairs of a hydrogen and a heavy atom, the shortest of each hydrogen whose bonds nobody has told."""
    hydrogen = np.where(heavy[pairs[:, 0]], pairs[:, 1], pairs[:, 0])
    pairs, hydrogen = pairs[~told[hydrogen]], hydrogen[~told[hydrogen]]
    order = np.lexsort((_lengths(structure, pairs), hydrogen))
    return pairs[order[np.unique(hydrogen[order], return_index=True)[1]]]


def _polymer_links(structure: Structure, residue: NDArray[np.int64], near: Pairs) -> list[Pairs]:
    """What joins residues of polymers: neighbours in sequence, ends that lie together, disulphides.

    A neighbour is the next residue of the chain by number. Neighbours that are close come first, then ends that have
    none (a number is missing, a ring closes), then those whose numbers follow each other, however far they are.
    """
    name, count = structure.atoms.name, int(residue.max()) + 1
    first = np.unique(residue, return_index=True)[1]
    kinds, kind = distinct(structure.atoms.number[first])
    number = np.array([whole_number(said) for said in kinds], dtype=np.int64)[kind]
    chain = structure.hierarchy.ancestors(0, structure.hierarchy.depth - 1)[first]

    def place(wanted: str, beside: str) -> NDArray[np.int64]:
        """(R,) the atom of this name in each residue that also has the other, -1 elsewhere."""
        found, other = np.full((2, count), -1, dtype=np.int64)
        for table, said in ((found, wanted), (other, beside)):
            atoms = np.flatnonzero((name == said) | (name == said.replace("'", "*")))[::-1]
            table[residue[atoms]] = atoms
        return np.where(other >= 0, found, -1)

    links = []
    for (ahead, behind), (beside_ahead, beside_behind) in zip(_LINKS, (("CA", "CA"), ("C3'", "O5'")), strict=True):
        giver, taker = place(ahead, beside_ahead), place(behind, beside_behind)
        in_line = np.lexsort((np.arange(count), number, chain))
        in_line = in_line[(giver[in_line] >= 0) | (taker[in_line] >= 0)]
        one, next_one = in_line[:-1], in_line[1:]
        follows = (chain[one] == chain[next_one]) & (giver[one] >= 0) & (taker[next_one] >= 0)
        pairs = np.stack([giver[one], taker[next_one]], axis=1)[follows]
        lengths = _lengths(structure, pairs)
        close = (lengths > SHORTEST_BOND) & (lengths < longest_bond(structure, pairs))
        numbered = (number[next_one] - number[one])[follows] <= 1
        polymer = ~structure.atoms.hetero[pairs].any(axis=1)
        taken = pairs[close]
        taken = np.concatenate([taken, _closest(structure, near, giver, taker, taken)])
        rest = pairs[~close & numbered & polymer]
        links += [taken, rest[~np.isin(rest, taken).any(axis=1)]]
    sulphur = place("SG", "CB")
    return [*links, _closest(structure, near, sulphur, sulphur, np.empty((0, 2), dtype=np.int64))]


def whole_number(number: str) -> int:
    """A residue number without its insertion code."""
    found = _NUMBER.match(number)
    return int(found[0]) if found else 0


def _closest(
    structure: Structure, near: Pairs, giver: NDArray[np.int64], taker: NDArray[np.int64], taken: Pairs
) -> Pairs:
    """Of the near pairs those of a giver and a taker that are nearest to each other and have no partner yet."""
    gives, takes = (np.zeros(structure.n_atoms, dtype=np.bool_) for _ in range(2))
    gives[giver[giver >= 0]] = takes[taker[taker >= 0]] = True
    gives[taken] = takes[taken] = False
    pairs = np.concatenate([near[gives[near[:, 0]] & takes[near[:, 1]]], near[gives[near[:, 1]] & takes[near[:, 0]]]])
    pairs = pairs[np.argsort(_lengths(structure, pairs), kind="stable")]
    nearest, found = np.full(structure.n_atoms, len(pairs), dtype=np.int64), np.arange(len(pairs))
    np.minimum.at(nearest, pairs, found[:, None])
    return pairs[(nearest[pairs[:, 0]] == found) & (nearest[pairs[:, 1]] == found)]


def _foreign_links(structure: Structure, near: Pairs) -> Pairs:
    """The near pairs of two residues that have no other, where one residue at least is unknown and none is water."""
    foreign, water = ~structure.atoms.in_component, structure.atoms.is_water
    pairs = near[foreign[near].any(axis=1) & ~water[near].any(axis=1)]
    return pairs[_links_of_residues(structure, pairs)[1] == 1]


def within_bonds(bonds: Pairs, atoms: int, steps: int = 3) -> Pairs:
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
    from scipy import sparse

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


def sorted_pairs(pairs: Pairs) -> Pairs:
    """(P, 2) pairs with the lower number first, in rising order."""
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
