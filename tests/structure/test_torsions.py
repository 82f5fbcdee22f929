"""Bonds that turn are those that a chemist would name, and the groups between them are a tree."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from edmnoise.structure.bonds import find_bonds, is_heavy
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure
from edmnoise.structure.torsions import opened_bonds, rigid_groups


def pieces(bonds, count):
    ones = np.ones(len(bonds))
    return connected_components(sparse.csr_array((ones, bonds.T), shape=(count, count)), directed=False)


def turning_names(structure):
    """{(residue, atom, residue, atom)} of the bonds that groups hang by, within a chain and by number."""
    groups = rigid_groups(structure)
    atoms = structure.atoms
    return {
        tuple(sorted((int(atoms.number[i]), str(atoms.name[i])) for i in groups.bond[group]))
        for group in groups.turning
    }


@pytest.fixture(scope="module")
def ligand(pymol_data):
    """Amprenavir of 1HPV: 35 heavy atoms, three rings."""
    whole = read_structure(pymol_data / "tut" / "1hpv.pdb")
    chosen = whole.atoms.residue_name == "478"
    return Structure.from_atoms(whole.coordinates[chosen], whole.atoms.take(chosen))


def test_a_peptide_turns_by_its_named_torsions(fragment):
    """Residues 4-35 of 1TII's A: phi but of proline and the first residue, psi but of the last, omega, chi."""
    atoms, number = fragment.atoms, fragment.atoms.number.astype(int)
    chi = {
        "ARG": "CA-CB CB-CG CG-CD CD-NE NE-CZ",
        "ASN": "CA-CB CB-CG",
        "ASP": "CA-CB CB-CG",
        "GLU": "CA-CB CB-CG CG-CD",
        "GLN": "CA-CB CB-CG CG-CD",
        "HIS": "CA-CB CB-CG",
        "ILE": "CA-CB CB-CG1",
        "LEU": "CA-CB CB-CG",
        "LYS": "CA-CB CB-CG CG-CD CD-CE",
        "MET": "CA-CB CB-CG CG-SD",
        "PHE": "CA-CB CB-CG",
        "SER": "CA-CB",
        "THR": "CA-CB",
        "CYS": "CA-CB",
        "TRP": "CA-CB CB-CG",
        "TYR": "CA-CB CB-CG",
        "VAL": "CA-CB",
    }
    wanted = set()
    for residue in range(4, 36):
        name = str(atoms.residue_name[number == residue][0])
        wanted |= {((residue, "C"), (residue + 1, "N"))} if residue < 35 else set()
        wanted |= {((residue, "CA"), (residue, "N"))} if residue > 4 and name != "PRO" else set()
        wanted |= {((residue, "C"), (residue, "CA"))}
        for bond in chi.get(name, "").split():
            wanted.add(tuple(sorted((residue, end) for end in bond.split("-"))))
    assert "PRO" in atoms.residue_name
    assert turning_names(fragment) == wanted


@pytest.mark.parametrize("name", ["ligand", "nmr_neopetrosiamide.pdb", "analysis/1k5i_c36.pdb.gz"])
def test_a_bond_turns_if_it_parts_heavy_atoms(name, ligand, mda):
    """By brute force: without it its ends are apart, and each has another heavy neighbour."""
    structure = ligand if name == "ligand" else read_structure(mda(name))
    bonds, heavy = opened_bonds(structure), is_heavy(structure)
    count = pieces(bonds, structure.n_atoms)[0]
    neighbours = np.bincount(bonds[heavy[bonds].all(axis=1)].ravel(), minlength=structure.n_atoms)
    wanted = set()
    for number, (i, j) in enumerate(bonds.tolist()):
        inner = heavy[i] and heavy[j] and min(neighbours[i], neighbours[j]) > 1
        if inner and pieces(np.delete(bonds, number, axis=0), structure.n_atoms)[0] > count:
            wanted.add((i, j))
    groups = rigid_groups(structure)
    found = {tuple(sorted(pair)) for pair in groups.bond[groups.turning].tolist()}
    assert found == wanted
    assert len(found) > 10


def test_sugars_and_bases_stay_rigid(mda):
    structure = read_structure(mda("analysis/1k5i_c36.pdb.gz"))
    group, atoms = rigid_groups(structure).group, structure.atoms
    for residue in np.unique(structure.residue_of_atoms[atoms.in_component]):
        own = structure.residue_of_atoms == residue
        for rigid in (["C1'", "C2'", "C3'", "C4'", "O4'"], ["N1", "C2", "N3", "C4", "C5", "C6"]):
            assert len(set(group[own & np.isin(atoms.name, rigid)])) == 1
        assert len(set(group[own & np.isin(atoms.name, ["C1'", "N1", "N3"])])) == 2


@pytest.mark.parametrize("name", ["1tii", "1hpv", "nmr"])
def test_groups_are_trees_that_hold_together(name, toxin, pymol_data, mda):
    structure = {
        "1tii": lambda: toxin,
        "1hpv": lambda: read_structure(pymol_data / "tut" / "1hpv.pdb", solvent=True),
        "nmr": lambda: read_structure(mda("nmr_neopetrosiamide.pdb")),
    }[name]()
    groups, bonds = rigid_groups(structure), opened_bonds(structure)
    hangs = groups.turning
    np.testing.assert_array_equal(groups.group[groups.bond[hangs, 0]], groups.parent[hangs])
    np.testing.assert_array_equal(groups.group[groups.bond[hangs, 1]], hangs)
    count, label = pieces(bonds, structure.n_atoms)
    assert len(hangs) + count == len(groups.parent)
    assert len({*zip(label.tolist(), groups.molecule[groups.group].tolist(), strict=True)}) == count
    far = groups.parent
    for _ in range(12):
        far = far[far]
    assert (groups.parent[far] == far).all()


def test_disulphides_are_opened(mda):
    """Neopetrosiamide A has three, within 28 residues."""
    structure = read_structure(mda("nmr_neopetrosiamide.pdb"))
    lost = {*map(tuple, find_bonds(structure).tolist())} - {*map(tuple, opened_bonds(structure).tolist())}
    assert [sorted(structure.atoms.name[list(pair)]) for pair in lost] == [["SG", "SG"]] * 3


def test_a_ring_of_residues_is_opened_where_it_spans_most(fragment):
    """Of a cyclic peptide the bond from the last residue to the first."""
    atoms, number = fragment.atoms, fragment.atoms.number.astype(int)
    (last,), (first,) = (np.flatnonzero((number == n) & (atoms.name == name)) for n, name in ((35, "C"), (4, "N")))
    cyclic = replace(fragment, bonds=np.array([[first, last, 1]]))
    assert len(find_bonds(cyclic)) == len(find_bonds(fragment)) + 1
    np.testing.assert_array_equal(opened_bonds(cyclic), opened_bonds(fragment))


def test_a_root_is_in_the_middle(fragment):
    """No group of 32 residues is farther from it than half of the backbone's 94 bonds that turn, and a side chain."""
    parent = rigid_groups(fragment).parent
    depth, far = np.zeros(len(parent), dtype=int), np.arange(len(parent))
    while (parent[far] != far).any():
        depth, far = depth + (parent[far] != far), parent[far]
    assert 44 <= depth.max() <= 52
    assert len(set(far)) == 1
