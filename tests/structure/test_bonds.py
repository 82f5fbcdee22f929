"""Bonds by chemistry and distance, against biotite's dictionary of residues and against counting every pair."""

from dataclasses import replace

import biotite.structure as biotite
import numpy as np
import pytest

from edmnoise.structure.atoms import Atoms
from edmnoise.structure.bonds import (
    COVALENT_RADII,
    VAN_DER_WAALS_RADII,
    believable,
    find_bonds,
    is_heavy,
    radii_of,
    within_bonds,
)
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure


def molecule(elements, coordinates, residues=None):
    """Atoms of given elements, all of one residue unless residues are given."""
    count = len(elements)
    numbers = residues or [1] * count
    names = [f"{element}{k}" for k, element in enumerate(elements)]
    atoms = Atoms.make(names, elements, ["LIG"] * count, numbers, ["A"] * count, [""] * count, [False] * count)
    return Structure.from_atoms(coordinates, atoms)


def by_every_pair(structure):
    """(B, 2) the distances alone, over all pairs: in a good structure they find what chemistry says."""
    x, radii, heavy = structure.coordinates, radii_of(structure, COVALENT_RADII), is_heavy(structure)
    far = np.sqrt(sum(np.subtract.outer(axis, axis) ** 2 for axis in x.T))
    able = (radii[:, None] > 0) & (radii > 0) & (heavy[:, None] | heavy)
    return np.argwhere(np.triu(able & (far > 0.4) & (far < radii[:, None] + radii + 0.45), 1))


def of_dictionary(structure):
    """The bonds that biotite finds by the names of residues, and between neighbours in sequence."""
    atoms = biotite.AtomArray(structure.n_atoms)
    atoms.coord = structure.coordinates.copy()
    atoms.atom_name, atoms.res_name = structure.atoms.name, structure.atoms.residue_name
    atoms.element, atoms.res_id = structure.atoms.element, structure.residue_of_atoms + 1
    atoms.chain_id = structure.hierarchy.ancestors(0, 2).astype(str)
    return {tuple(sorted(pair)) for pair in biotite.connect_via_residue_names(atoms).as_array()[:, :2].tolist()}


def joined(*structures):
    """Structures as one, each a chain of its own."""
    atoms = [
        replace(one.atoms, chain=np.full(one.n_atoms, letter)) for one, letter in zip(structures, "AB", strict=True)
    ]
    columns = [np.concatenate([getattr(one, name) for one in atoms]) for name in Atoms.__dataclass_fields__]
    return Structure.from_atoms(np.concatenate([one.coordinates for one in structures]), Atoms(*columns))


def residue_of(structure, number):
    """One residue as a structure, its atoms where they are."""
    return structure.take(np.flatnonzero(structure.atoms.number == str(number)))


@pytest.fixture(params=["demo/1tii.pdb", "demo/il2.pdb", "tut/1hpv.pdb"])
def real(request, pymol_data):
    return read_structure(pymol_data / request.param)


def test_good_structures_have_the_bonds_that_their_distances_say(real):
    np.testing.assert_array_equal(find_bonds(real), by_every_pair(real))


def test_bonds_of_a_protein_are_those_of_the_dictionary(toxin):
    """1TII holds amino acids only: inside residues biotite's dictionary knows every bond."""
    residue, known = toxin.hierarchy.ancestors(0, 1), of_dictionary(toxin)
    found = set(map(tuple, find_bonds(toxin).tolist()))
    between = {pair for pair in known | found if residue[pair[0]] != residue[pair[1]]}
    assert {pair for pair in found if pair not in between} == {pair for pair in known if pair not in between}
    links = [{toxin.atoms.name[i], toxin.atoms.name[j]} for i, j in found & between]
    assert {frozenset(link) for link in links} == {frozenset("CN"), frozenset(["SG"])}
    assert links.count({"SG"}) == 6  # one disulphide in chain A and one in each of the five copies


def test_metals_and_ions_have_no_bonds():
    near = molecule(["C", "ZN", "CL", "S"], [[0, 0, 0], [2.0, 0, 0], [0, 30, 0], [0, 1.8, 0]])
    np.testing.assert_array_equal(find_bonds(near), [[0, 3]])
    assert radii_of(near, VAN_DER_WAALS_RADII).tolist() == [1.70, 0.0, 1.75, 1.80]


def test_hydrogen_and_deuterium_bind_to_heavy_atoms_only():
    water = molecule(["O", "H", "D"], [[0, 0, 0], [0.96, 0, 0], [0.9, 0.5, 0]])
    np.testing.assert_array_equal(find_bonds(water), [[0, 1], [0, 2]])
    assert is_heavy(water).tolist() == [True, False, False]


def test_symbols_in_any_case_and_unknown_ones():
    strange = molecule(["c", "Se", "", "X"], [[0, 0, 0], [1.9, 0, 0], [0, 1.4, 0], [0, 0, 1.4]])
    np.testing.assert_array_equal(find_bonds(strange), [[0, 1]])


@pytest.mark.parametrize("elements", [["C"], ["ZN"], ["ZN", "MG"]])
def test_nothing_to_bind(elements):
    alone = molecule(elements, [[float(k), 0, 0] for k in range(len(elements))])
    assert find_bonds(alone).shape == (0, 2)
    assert within_bonds(find_bonds(alone), alone.n_atoms).shape == (0, 2)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_pairs_within_some_bonds(fragment, steps):
    bonds = find_bonds(fragment)
    graph = np.eye(fragment.n_atoms, dtype=np.int64)
    graph[tuple(bonds.T)] = graph[tuple(bonds.T[::-1])] = 1
    reached = np.linalg.matrix_power(graph, steps) > 0
    np.testing.assert_array_equal(within_bonds(bonds, fragment.n_atoms, steps), np.argwhere(np.triu(reached, 1)))


# Chemistry before distance


@pytest.mark.parametrize("shift", [0.3, 1.2, 2.0])
def test_copies_that_lie_in_each_other_are_not_bonded(fragment, shift):
    one = find_bonds(fragment)
    both = joined(fragment, replace(fragment, coordinates=fragment.coordinates + np.float32(shift)))
    np.testing.assert_array_equal(find_bonds(both), np.concatenate([one, one + fragment.n_atoms]))
    assert set(map(tuple, find_bonds(both).tolist())) == of_dictionary(both)


def test_a_chain_keeps_its_bonds_wherever_noise_puts_its_atoms(fragment):
    noise = np.random.default_rng(0).normal(0, 20, fragment.coordinates.shape).astype(np.float32)
    np.testing.assert_array_equal(find_bonds(replace(fragment, coordinates=noise)), find_bonds(fragment))


def test_what_programs_find_by_distance_in_copies_is_not_believed(fragment):
    both = joined(fragment, replace(fragment, coordinates=fragment.coordinates + np.float32(1.2)))
    guessed = np.column_stack([found := by_every_pair(both), np.ones(len(found), dtype=np.int64)])
    assert len(guessed) > 1.5 * len(find_bonds(both))
    believed = replace(both, bonds=believable(both, guessed))
    np.testing.assert_array_equal(find_bonds(believed), find_bonds(both))


def test_neighbours_in_sequence_are_joined_across_missing_numbers_only_where_they_touch(fragment):
    numbers = fragment.atoms.number.astype(int)
    renumbered = np.where(numbers > 20, numbers + 100, numbers).astype(str)
    skipped = replace(fragment, atoms=replace(fragment.atoms, number=renumbered))
    np.testing.assert_array_equal(find_bonds(skipped), find_bonds(fragment))
    gap = fragment.take(np.flatnonzero((numbers < 15) | (numbers > 20)))
    ends = {tuple(gap.atoms.number[pair]) for pair in find_bonds(gap)}
    assert ("14", "21") not in ends
    follows = np.where(numbers > 20, numbers - 6, numbers).astype(
        str
    )  # but numbers that follow each other are believed
    closed = replace(fragment, atoms=replace(fragment.atoms, number=follows))
    closed = closed.take(np.flatnonzero((numbers < 15) | (numbers > 20)))
    assert ("14", "15") in {tuple(closed.atoms.number[pair]) for pair in find_bonds(closed)}


def test_ends_of_a_ring_find_each_other():
    names, at = ["N", "CA", "C"], [[0, 0, 0], [1.4, 0, 0], [0.9, 1.2, 0]]
    atoms = Atoms.make(names * 2, ["N", "C", "C"] * 2, ["GLY"] * 6, [1] * 3 + [7] * 3, ["A"] * 6, [""] * 6, [False] * 6)
    ring = Structure.from_atoms(np.concatenate([at, np.array([1.5, 2.4, 0]) - at]), atoms)
    far = np.linalg.norm(ring.coordinates[[2, 5]] - ring.coordinates[[3, 0]], axis=1)
    assert (far < 1.9).all()
    assert {(2, 3), (0, 5)} <= set(map(tuple, find_bonds(ring).tolist()))


def test_given_bonds_come_before_distance_for_what_is_unknown(fragment):
    ring = molecule(["C"] * 4, [[0, 0, 0], [1.4, 0, 0], [1.4, 1.4, 0], [0, 1.4, 0]])
    assert len(find_bonds(ring)) == 4
    given = replace(ring, bonds=np.array([[0, 1, 1], [1, 2, 2], [2, 3, 1]]))
    np.testing.assert_array_equal(find_bonds(given), [[0, 1], [1, 2], [2, 3]])
    far = replace(given, coordinates=ring.coordinates * 50)
    np.testing.assert_array_equal(find_bonds(far), [[0, 1], [1, 2], [2, 3]])
    residue = residue_of(fragment, 10)  # a residue that is known knows better
    wrong = replace(residue, bonds=np.array([[0, residue.n_atoms - 1, 1]]))
    np.testing.assert_array_equal(find_bonds(wrong), find_bonds(residue))


def test_one_bond_joins_a_ligand_and_many_are_two_in_each_other():
    chain, other = [[0, 0, 0], [1.4, 0, 0], [2.8, 0, 0]], [[3.9, 0.9, 0], [5.3, 0.9, 0], [6.7, 0.9, 0]]
    residues = [1, 1, 1, 2, 2, 2]
    linked = molecule(["C"] * 6, chain + other, residues)
    assert (2, 3) in set(map(tuple, find_bonds(linked).tolist()))
    inside = molecule(["C"] * 6, chain + [[x, 0.9, 0] for x, _, _ in chain], residues)
    np.testing.assert_array_equal(find_bonds(inside), [[0, 1], [1, 2], [3, 4], [4, 5]])
    guessed = np.column_stack([found := by_every_pair(inside), np.ones(len(found), dtype=np.int64)])
    np.testing.assert_array_equal(believable(inside, guessed)[:, :2], find_bonds(inside))


def test_a_hydrogen_is_bonded_to_the_nearest_heavy_atom_of_its_residue():
    near = molecule(["O", "H", "O"], [[0, 0, 0], [0.96, 0, 0], [1.9, 0, 0]], residues=[1, 1, 2])
    np.testing.assert_array_equal(find_bonds(near), [[0, 1]])
    between = molecule(["C", "H", "C"], [[0, 0, 0], [1.05, 0, 0], [2.2, 0, 0]])
    np.testing.assert_array_equal(find_bonds(between), [[0, 1]])
