"""Bonds by radii and distance, against biotite's dictionary of residues and against counting every pair."""

import biotite.structure as biotite
import numpy as np
import pytest

from edmnoise.structure.bonds import (
    COVALENT_RADII,
    VAN_DER_WAALS_RADII,
    find_bonds,
    is_heavy,
    radii_of,
    within_bonds,
)
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Atoms, Structure


def molecule(elements, coordinates, residues=None):
    """Atoms of given elements, all of one residue unless residues are given."""
    count = len(elements)
    numbers = residues or [1] * count
    names = [f"{element}{k}" for k, element in enumerate(elements)]
    atoms = Atoms.make(names, elements, ["LIG"] * count, numbers, ["A"] * count, [""] * count, [False] * count)
    return Structure.from_atoms(coordinates, atoms)


def by_every_pair(structure):
    """(B, 2) the rule as it is written, over all pairs."""
    x, radii, heavy = structure.coordinates, radii_of(structure, COVALENT_RADII), is_heavy(structure)
    far = np.sqrt(sum(np.subtract.outer(axis, axis) ** 2 for axis in x.T))
    able = (radii[:, None] > 0) & (radii > 0) & (heavy[:, None] | heavy)
    return np.argwhere(np.triu(able & (far > 0.4) & (far < radii[:, None] + radii + 0.45), 1))


@pytest.fixture(params=["demo/1tii.pdb", "demo/il2.pdb", "tut/1hpv.pdb"])
def real(request, pymol_data):
    return read_structure(pymol_data / request.param)


def test_the_rule_over_every_pair(real):
    np.testing.assert_array_equal(find_bonds(real), by_every_pair(real))


def test_bonds_of_a_protein_are_those_of_the_dictionary(toxin):
    """1TII holds amino acids only: inside residues biotite's dictionary knows every bond."""
    residue = toxin.hierarchy.ancestors(0, 1)
    atoms = biotite.AtomArray(toxin.n_atoms)
    atoms.coord = toxin.coordinates.copy()
    atoms.atom_name, atoms.res_name = toxin.atoms.name, toxin.atoms.residue_name
    atoms.element, atoms.chain_id = toxin.atoms.element, toxin.atoms.chain
    atoms.res_id = residue + 1
    known = {tuple(sorted(pair)) for pair in biotite.connect_via_residue_names(atoms).as_array()[:, :2].tolist()}
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
