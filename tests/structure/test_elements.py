"""Elements that a program has guessed from names, against what the names mean."""

import numpy as np
import pytest

from edmnoise.structure.atoms import Atoms
from edmnoise.structure.elements import element_of, sound_elements
from edmnoise.structure.structure import Structure


@pytest.mark.parametrize(
    ("symbol", "name", "residue", "element"),
    [
        ("Cm", "CME1", "LIG", "C"),
        ("Oe", "OE1A", "LIG", "O"),
        ("Ne", "NE2", "XYZ", "N"),
        ("Ca", "CA", "CA", "Ca"),
        ("Cd", "CD", "CD", "Cd"),
        ("Cl", "CL1", "LIG", "Cl"),
        ("Se", "SE", "MSE", "Se"),
        ("Fe", "FE", "HEM", "Fe"),
        ("C", "CME", "LIG", "C"),
        ("H", "HG11", "VAL", "H"),
        ("Co", "CO", "B12", None),
        ("Cd", "CD1", "LIG", None),
    ],
)
def test_what_names_say(symbol, name, residue, element):
    assert element_of(symbol, name, residue) == element


def test_places_tell_metals_from_carbon():
    names = ["CD1", "C2", "H1", "CO", "N1"]
    atoms = Atoms.make(names, ["Cd", "C", "H", "Co", "N"], ["LIG"] * 5, [1] * 5, ["A"] * 5, [""] * 5, [True] * 5)
    places = [[0, 0, 0], [1.5, 0, 0], [0, 1.0, 0], [9, 0, 0], [10.95, 0, 0]]
    structure = Structure.from_atoms(places, atoms)
    found = sound_elements(atoms, structure.residue_of_atoms, structure.coordinates)
    assert found.tolist() == ["C", "C", "H", "Co", "N"]
    assert atoms.element[0] == "Cd"
    assert np.array_equal(sound_elements(atoms.take(np.array([1])), np.zeros(1, int), np.zeros((1, 3))), ["C"])
