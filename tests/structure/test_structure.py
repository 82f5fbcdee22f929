"""A structure holds coordinates that are finite and its own, and says what it is of."""

from dataclasses import replace

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.structure import Structure, describe

BACKBONE = ("N", "CA", "C", "O")


def peptide(residues, chains=1):
    """Atoms of the backbones of some alanines, the same in each chain."""
    number = np.tile(np.repeat(np.arange(1, residues + 1), 4), chains)
    names = np.tile(BACKBONE, residues * chains)
    chain = np.repeat([f"A{place}" for place in range(chains)], 4 * residues)
    rows = len(names)
    return Atoms.make(names, [name[0] for name in names], ["ALA"] * rows, number, chain, ["S"] * rows, [False] * rows)


def structure_of(atoms):
    return Structure.from_atoms(np.arange(len(atoms) * 3).reshape(-1, 3), atoms)


def test_atoms_in_another_order_keep_their_groups_and_bonds():
    structure = replace(structure_of(peptide(3)), bonds=np.array([[2, 4, 1], [8, 9, 2]]))
    order = np.array([9, 8, 4, 5, 0])
    taken = structure.take(order)
    assert taken.atoms.name.tolist() == structure.atoms.name[order].tolist()
    assert taken.hierarchy.parents[0].tolist() == [0, 0, 1, 1, 2]
    assert taken.bonds.tolist() == [[1, 0, 2]]


def test_one_atom():
    structure = structure_of(peptide(1).take(np.array([1])))
    assert structure.hierarchy.counts == (1, 1, 1)
    assert repr(structure) == "Structure(1 chain, 1 residue, 1 atom)"
    assert structure.n_atoms == 1


def test_description_and_labels():
    structure = structure_of(peptide(3, chains=400))
    assert describe(structure.hierarchy) == "400 chains, 1,200 residues, 4,800 atoms"
    assert structure.label(5) == "/S/A0/ALA`2/CA"
    assert structure.first_atoms[:3].tolist() == [0, 4, 8]


def test_coordinates_are_a_copy_that_cannot_be_changed():
    xyz = np.zeros((1, 3))
    structure = Structure.from_atoms(xyz, Atoms.make(["C"], ["C"], ["LIG"], [1], ["A"], [""], [False]))
    xyz += 1
    assert structure.coordinates.tolist() == [[0, 0, 0]]
    assert structure.coordinates.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        structure.coordinates[0] = 1


def test_atoms_can_be_taken():
    atoms = peptide(2)
    assert atoms.take(np.array([5, 0])).name.tolist() == ["CA", "N"]
    assert len(atoms.take(atoms.name == "CA")) == 2


def test_no_atoms():
    with pytest.raises(EdmNoiseError, match="no atoms: a structure needs at least one"):
        Structure.from_atoms(np.zeros((0, 3)), Atoms.make([], [], [], [], [], [], []))


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (12,), (1, 4, 3)])
def test_coordinates_of_the_wrong_shape(shape):
    atoms = peptide(1)
    with pytest.raises(EdmNoiseError, match=r"coordinates have the shape .*: 4 atoms need \(4, 3\)"):
        Structure.from_atoms(np.zeros(shape), atoms)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])  # the last is infinite in float32
def test_coordinates_that_are_no_numbers(value):
    atoms = peptide(1)
    xyz = np.zeros((4, 3))
    xyz[2:, 1] = value
    with (
        np.errstate(over="ignore"),
        pytest.raises(EdmNoiseError, match=r"2 of 4 atoms have NaN or infinite coordinates, first /S/A0/ALA`1/C:"),
    ):
        Structure.from_atoms(xyz, atoms)
