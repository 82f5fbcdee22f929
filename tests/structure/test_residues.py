"""What a residue and a chain is, on the structures that make it hard to say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure
from edmnoise.structure.residues import in_polymer
from edmnoise.structure.structure import Structure

BACKBONE = ("N", "CA", "C", "O")


def residue(number, name="ALA", chain="A", atoms=BACKBONE, segment=""):
    """Rows of one residue: name, residue name, number, chain, segment."""
    return [(atom, name, str(number), chain, segment) for atom in atoms]


def structure_of(*residues, file_order=None, ligands="residue"):
    rows = [row for rows in residues for row in rows]
    name, residue_name, number, chain, segment = zip(*rows, strict=True)
    atoms = Atoms.make(name, [said[0] for said in name], residue_name, number, chain, segment, [False] * len(rows))
    places = np.arange(len(rows) * 3).reshape(-1, 3)
    return Structure.from_atoms(places, atoms, file_order, ligands=ligands)


def residues_of(structure):
    return structure.hierarchy.parents[0].tolist()


def chains_of(structure):
    return structure.hierarchy.parents[1].tolist()


def peptide(*numbers, chain="A", segment="", names=BACKBONE):
    return [row for number in numbers for row in residue(number, chain=chain, segment=segment, atoms=names)]


# Residues


def test_a_residue_is_segment_chain_number_code_and_name():
    structure = structure_of(
        residue(1),
        residue("1A"),
        residue(2),
        residue(2, "GLY"),
        residue(2, "GLY", chain="B"),
        residue(2, "GLY", chain="B", segment="S"),
    )
    assert residues_of(structure) == np.repeat(range(6), 4).tolist()


def test_hydrogens_at_the_end_of_the_file_join_their_residue():
    heavy = [residue(1), residue(2), residue(3)]
    late = [residue(1, atoms=["H", "HA"]), residue(3, atoms=["H", "HA"]), residue(2, atoms=["H", "HA"])]
    assert residues_of(structure_of(*heavy, *late)) == [0] * 4 + [1] * 4 + [2] * 4 + [0] * 2 + [2] * 2 + [1] * 2


def test_interleaved_atoms_join_their_residue():
    rows = [row for name in BACKBONE for number in (1, 2) for row in residue(number, atoms=[name])]
    structure = structure_of(rows)
    assert residues_of(structure) == [0, 1] * 4
    assert chains_of(structure) == [0, 0]


def test_a_name_that_comes_back_later_begins_another_residue():
    structure = structure_of(residue(1), residue(2), residue(1), residue(2))
    assert residues_of(structure) == np.repeat(range(4), 4).tolist()


def test_late_hydrogens_of_two_copies_find_their_own_copy():
    late = residue(1, atoms=["H"]), residue(2, atoms=["H"])
    structure = structure_of(residue(1), residue(2), residue(1), residue(2), *late, *late)
    assert residues_of(structure) == [*np.repeat(range(4), 4).tolist(), 0, 1, 2, 3]
    assert chains_of(structure) == [0, 0, 1, 1]


def test_a_second_copy_may_have_more_atoms_than_the_first():
    structure = structure_of(residue(1), residue(2), residue(1, atoms=[*BACKBONE, "CB"]), residue(2, atoms=["CB", "N"]))
    assert residues_of(structure) == [0] * 4 + [1] * 4 + [2] * 5 + [3] * 2


def test_waters_with_one_number_are_residues_each():
    waters = residue(1, "HOH", atoms=["O", "O", "O"])
    assert residues_of(structure_of(waters)) == [0, 1, 2]
    waters = residue(1, "TIP3", atoms=["OH2", "H1", "H2", "OH2", "H1", "H2"])
    assert (
        residues_of(structure_of(waters, residue(2, "TIP3", atoms=["OH2"]), waters))
        == [0] * 3 + [1] * 3 + [2] + [3] * 3 + [4] * 3
    )


def test_a_ligand_may_call_all_its_atoms_c():
    assert residues_of(structure_of(residue(1, "LIG", atoms=["C"] * 5), residue(2, "LIG", atoms=["C"] * 3))) == [
        *[0] * 5,
        *[1] * 3,
    ]


@pytest.mark.parametrize(
    ("names", "residues"),
    [
        ("O H H", [0, 0, 0]),  # hydrogens may share a name
        ("O H H O H H", [0, 0, 0, 1, 1, 1]),
        ("H H O H H O", [0, 0, 0, 1, 1, 1]),
        ("O H1 H2 MW O H1 H2 MW", [0] * 4 + [1] * 4),
        ("O O H H O", [0, 1, 1, 1, 2]),
    ],
)
def test_a_water_is_an_oxygen_with_its_hydrogens(names, residues):
    assert residues_of(structure_of(residue(1, "HOH", atoms=names.split()))) == residues


@pytest.mark.parametrize(
    ("name", "atoms", "residues"),
    [
        ("LIG", "C1 C2 O1 C1 C2 O1", [0, 0, 0, 1, 1, 1]),  # two of one name and number
        ("LIG", "C1 C2 O1 C1 C2 O1 C1 C2 O1", [0] * 3 + [1] * 3 + [2] * 3),
        ("LIG", "C N O C N O", [0] * 6),  # nothing but elements
        ("LIG", "C1 C1 O1", [0] * 3),
        ("ZN", "ZN ZN", [0, 1]),
        ("GLY", "N CA C O N CA C O CB", [0] * 4 + [1] * 5),  # past 9,999 PyMOL calls all residues 0
        ("MSE", "N CA C SE N CA C", [0] * 4 + [1] * 3),
        ("GLY", "N CA C O HA HA", [0] * 6),
        ("GLY", "H HA H HA", [0, 0, 1, 1]),
    ],
)
def test_a_name_that_comes_back_within_a_stretch(name, atoms, residues):
    assert residues_of(structure_of(residue(1, name, atoms=atoms.split()))) == residues


def test_ligands_with_one_number_apart_from_each_other_are_two():
    structure = structure_of(residue(1, "LIG", atoms=["C1", "O1"]), peptide(1, 2), residue(1, "LIG", atoms=["C1"]))
    assert residues_of(structure) == [0, 0, *[1] * 4, *[2] * 4, 3]


# Groups of atoms


def test_atoms_of_ligands_can_be_groups_of_their_own():
    """As tokens are in AlphaFold 3: ligands, ions and modified residues by atom, water and polymers by residue."""
    rows = [
        residue(1),
        residue(2, "MSE"),
        residue(3, "DA", atoms=["P", "O5'", "C4'"]),
        residue(4, "LIG", atoms=["C", "C", "O"]),
        residue(5, "ZN", atoms=["ZN"]),
        residue(6, "HOH", atoms=["O", "H", "H"]),
    ]
    whole, fine = (structure_of(*rows, ligands=ligands) for ligands in ("residue", "atom"))
    assert residues_of(whole) == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 3 + [4] + [5] * 3
    assert residues_of(fine) == [0] * 4 + [1, 2, 3, 4] + [5] * 3 + [6, 7, 8] + [9] + [10] * 3
    assert chains_of(fine) == [0] * 11
    assert fine.residue_of_atoms.tolist() == residues_of(whole)
    assert fine.take(np.arange(4, 12)).residue_of_atoms.tolist() == [0] * 4 + [1] * 3 + [2]
    with pytest.raises(EdmNoiseError, match="ligands is 'token': give residue or atom"):
        structure_of(*rows, ligands="token")


# Chains


def test_a_chain_is_segment_and_identifier():
    structure = structure_of(
        peptide(1, 2), peptide(1, 2, chain="B"), peptide(1, 2, segment="S"), residue(3, "LIG"), residue(9, "HOH", "B")
    )
    assert chains_of(structure) == [0, 0, 1, 1, 2, 2, 0, 1]


@pytest.mark.parametrize("chain", ["", "A"])
def test_copies_under_one_identifier_are_chains_each(chain):
    structure = structure_of(*[peptide(1, 2, 3, chain=chain)] * 3, residue(1, "HOH", chain, ["O"]))
    assert chains_of(structure) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]


def test_a_copy_that_ends_later_is_still_one_chain():
    structure = structure_of(peptide(1, 2, 3, chain=""), peptide(2, 3, 4, 5, chain=""), peptide(3, 4, 5, 6, chain=""))
    assert chains_of(structure) == [0] * 3 + [1] * 4 + [2] * 4


def test_numbers_that_go_back_without_repeating_are_one_chain():
    """A domain with numbers of its own within another; modified residues at the end of the file."""
    structure = structure_of(peptide(1, 2, 5, 1002, 1003, 6, 7), residue(3, "MSE"))
    assert chains_of(structure) == [0] * 8
    copies = structure_of(peptide(1, 3, 9, 8, chain=""), peptide(1, 3, 9, 8, chain=""), residue(2, "MSE", ""))
    assert chains_of(copies) == [0] * 4 + [1] * 4 + [0]


def test_insertions_are_no_copies():
    structure = structure_of(peptide("52", "52A", "52B", "53", "52C", "-1", "-2A"))
    assert chains_of(structure) == [0] * 7
    lost = structure_of(peptide(52), residue(52, "GLY"), peptide(53))  # the insertion code is not in the file
    assert residues_of(lost) == [0] * 4 + [1] * 4 + [2] * 4
    assert chains_of(lost) == [0, 0, 0]


def test_waters_and_ligands_with_used_numbers_stay_in_the_chain():
    structure = structure_of(
        peptide(1, 2),
        residue(1, "HOH", atoms=["O"]),
        residue(2, "LIG", atoms=["C1", "C2"]),
        residue(1, "HOH", atoms=["O"]),
    )
    assert chains_of(structure) == [0] * 5


def test_calcium_is_no_alpha_carbon():
    ions = residue(1, "CA", atoms=["CA"])
    structure = structure_of(peptide(1, 2), ions)
    assert chains_of(structure) == [0, 0, 0]
    trace = structure_of(peptide(1, 2, names=["CA"]), peptide(1, 2, names=["CA"]))
    assert chains_of(trace) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("name", "atoms", "polymer"),
    [
        ("ALA", ["N", "CA"], True),
        ("ALA", ["CA", "C"], True),
        ("ALA", ["CA"], True),
        ("ALA", ["CA", "CB"], False),
        ("ALA", ["N", "C"], False),
        ("CA", ["CA"], False),
        ("DA", ["P", "O5'"], True),
        ("DG", ["O5'", "C5'", "C4'"], True),
        ("G", ["C4*"], True),
        ("PO4", ["P", "O1", "O2"], False),
        ("HOH", ["O"], False),
        ("LIG", ["C1", "N1"], False),
    ],
)
def test_which_residues_have_a_backbone(name, atoms, polymer):
    structure = structure_of(residue(1, name, atoms=atoms), residue(2, "SO4", atoms=["S"]))
    found = in_polymer(structure.atoms, structure.hierarchy.ancestors(0, 1))
    assert found.tolist() == [polymer] * len(atoms) + [False]


def test_copies_of_nucleic_acids():
    strand = [row for number in (1, 2) for row in residue(number, "DA", "", ["P", "O5'", "C4'"])]
    assert chains_of(structure_of(strand, strand)) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("name", "counts", "chains"),
    [
        ("demo/1tii.pdb", (5469, 712, 7), "DEFGHAC"),
        ("demo/il2.pdb", (2084, 126, 1), None),
        ("demo/pept.pdb", (107, 13, 1), "E"),
        ("tut/1hpv.pdb", (1551, 199, 3), None),
    ],
)
def test_real_structures(pymol_data, name, counts, chains):
    structure = read_structure(pymol_data / name)
    assert structure.hierarchy.counts == counts
    if chains:
        first = np.unique(structure.hierarchy.ancestors(0, 2), return_index=True)[1]
        assert "".join(structure.atoms.chain[first]) == chains


def test_real_copies_that_have_lost_their_identifiers(pymol_data):
    """The five copies of one subunit in 1tii, as programs without chain identifiers would write them."""
    whole = read_structure(pymol_data / "demo/1tii.pdb")
    copies = np.flatnonzero(np.isin(whole.atoms.chain, list("DEFGH")))
    kept = np.concatenate([copies[:20], copies[40:-25]])  # some residues are missing at both ends
    for chosen in (copies, kept):
        atoms = whole.atoms.take(chosen)
        blank = Structure.from_atoms(
            whole.coordinates[chosen],
            Atoms.make(
                atoms.name,
                atoms.element,
                atoms.residue_name,
                atoms.number,
                np.full(len(chosen), ""),
                atoms.segment,
                atoms.hetero,
            ),
        )
        assert blank.hierarchy.counts[2] == 5
        pairs = set(zip(blank.hierarchy.ancestors(0, 2).tolist(), atoms.chain.tolist(), strict=True))
        assert pairs == set(enumerate("DEFGH"))


# The order of the file


@given(st.randoms(use_true_random=False))
def test_sorted_atoms_with_their_rank_give_the_same_groups(random):
    """PyMOL sorts atoms: the rank in the file brings the copies back."""
    rows = [
        *peptide(1, 2, 3, chain=""),
        *peptide(2, 3, 4, chain=""),
        *residue(1, "HOH", "", ["O", "O"]),
        *residue(1, chain="", atoms=["H"]),
        *residue(2, chain="", atoms=["H"]),
        *residue(1, "LIG", "", ["C", "C"]),
    ]
    here = structure_of(rows)
    order = np.array(random.sample(range(len(rows)), len(rows)))
    there = structure_of([rows[place] for place in order], file_order=order)
    assert there.hierarchy.counts == here.hierarchy.counts
    for level in (1, 2):
        pairs = set(zip(here.hierarchy.ancestors(0, level)[order], there.hierarchy.ancestors(0, level), strict=True))
        assert len(pairs) == here.hierarchy.counts[level]
