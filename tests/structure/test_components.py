"""What polymers' residues are bonded like, against biotite's copy of the chemical component dictionary."""

import numpy as np
import pytest
from biotite.structure.info import bonds_in_residue

from edmnoise.structure.atoms import distinct
from edmnoise.structure.components import AMINO_ACIDS, NUCLEOTIDES, component_bonds, component_of

DICTIONARY = [*sorted(AMINO_ACIDS - {"UNK"}), *"A G C U DA DG DC DT DU DI".split()]
HEAVY = ("C", "N", "O", "S", "P")


def bonds_of(names, residue_name):
    """The bonds of one residue of these atoms, by name."""
    names = np.array(names)
    pairs, known = component_bonds(
        *distinct(names), *distinct(np.full(len(names), residue_name)), np.zeros(len(names), dtype=np.int64)
    )
    return {frozenset(names[pair].tolist()) for pair in pairs}, known


@pytest.mark.parametrize("name", DICTIONARY)
def test_bonds_are_those_of_the_dictionary(name):
    wanted = {frozenset(pair) for pair in bonds_in_residue(name) if all(atom[0] in HEAVY for atom in pair)}
    names = sorted(set().union(*wanted))
    found, known = bonds_of(names, name)
    assert found == wanted
    assert known.all()


def test_other_programs_names_of_the_same():
    starred = {frozenset(name.replace("*", "'") for name in pair) for pair in bonds_of(["C5*", "O5*", "P"], "DG")[0]}
    assert starred == bonds_of(["C5'", "O5'", "P"], "G")[0] == {frozenset(("C5'", "O5'")), frozenset(("O5'", "P"))}
    assert bonds_of(["O1P", "P", "O2P"], "DA")[0] == {frozenset(("O1P", "P")), frozenset(("O2P", "P"))}
    assert frozenset(("CG1", "CD")) in bonds_of(["CG1", "CD", "CB"], "ILE")[0]
    assert bonds_of(["CE1", "NE2"], "HSD")[0] == {frozenset(("CE1", "NE2"))}
    assert [component_of(name) for name in ("HID", "DA5", "URA", "MSE", "HOH", "LIG", "")] == [
        "HIS",
        "A",
        "U",
        *[None] * 4,
    ]


def test_names_that_are_twice_in_a_residue_or_in_none_say_nothing():
    found, known = bonds_of(["N", "CA", "CA", "C", "O", "H", "P"], "GLY")
    assert found == {frozenset("CO")}
    assert known.tolist() == [True, False, False, True, True, False, False]


def test_every_name_has_a_template():
    assert all(component_of(name) == name for name in AMINO_ACIDS | NUCLEOTIDES)
