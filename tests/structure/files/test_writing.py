"""What is written is what PyMOL, gemmi, biotite and this library read back; what a format cannot hold is refused."""

import os
import re
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_frames, read_structure, write_frames
from edmnoise.structure.structure import Structure

ENDINGS = (".pdb", ".ent", ".cif", ".mmcif")
PROGRAMS = ("pymol", "gemmi", "biotite")


def frames_of(structure, count=3, scale=30.0, seed=0):
    """(S, N, 3) coordinates, the structure's own first."""
    noise = np.random.default_rng(seed).normal(0, scale, (count, structure.n_atoms, 3))
    noise[0] = 0
    return (structure.coordinates + noise).astype(np.float32)


def simple(count=2, **columns):
    """Alanines of one atom each, with some columns changed."""
    plain = {
        "name": ["CA"] * count,
        "element": ["C"] * count,
        "residue_name": ["ALA"] * count,
        "number": np.arange(1, count + 1),
        "chain": ["A"] * count,
        "segment": [""] * count,
        "hetero": [False] * count,
    }
    return Structure.from_atoms(np.zeros((count, 3)), Atoms.make(**plain | columns))


def close(read, written):
    """Whether coordinates agree to half a thousandth, and to the precision of float32."""
    read, written = np.asarray(read, dtype=np.float64), np.asarray(written, dtype=np.float64)
    return read.shape == written.shape and bool((np.abs(read - written) <= 0.0005 + 2e-7 * np.abs(written)).all())


def agree(seen, atoms, frames):
    """Compare what a program has seen with what was written."""
    for column in ("name", "residue_name", "number", "hetero"):
        assert getattr(seen, column) == getattr(atoms, column).tolist(), column
    assert [element.upper() for element in seen.element] == [element.upper() for element in atoms.element]
    assert close(seen.frames, frames)


@pytest.fixture(params=PROGRAMS)
def program(request):
    """One of the programs that read a file, by its name."""
    return request.param


@pytest.fixture
def see(program, request):
    """Reads a file with that program."""
    return request.getfixturevalue(f"seen_by_{program}")


@pytest.fixture(scope="module")
def subjects(pymol_data, mdanalysis_data, awkward):
    """Structures to write, by name."""
    return {
        "awkward": awkward,
        "1tii": read_structure(pymol_data / "demo/1tii.pdb", solvent=True),
        "1hpv": read_structure(pymol_data / "tut/1hpv.pdb", solvent=True),
        "il2": read_structure(pymol_data / "demo/il2.pdb"),
        "3PWP": read_structure(mdanalysis_data / "mmcif/3PWP.cif.gz", solvent=True),
        "5PTI": read_structure(mdanalysis_data / "mmcif/5PTI.cif.gz", solvent=True),
    }


# Read back


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
@pytest.mark.parametrize("name", ["awkward", "1hpv", "il2", "5PTI"])
def test_other_programs_read_what_was_written(see, program, subjects, tmp_path, name, ending):
    structure, path = subjects[name], tmp_path / f"frames{ending}"
    frames = frames_of(structure)
    assert write_frames(path, structure, frames) == 3
    seen = see(path)
    agree(seen, structure.atoms, frames)
    named = np.ones(structure.n_atoms, dtype=bool)
    if (program, ending) == ("gemmi", ".cif"):
        named = structure.atoms.chain != ""  # gemmi takes label_asym_id for the name of a chain without one
    assert np.array(seen.chain)[named].tolist() == structure.atoms.chain[named].tolist()


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
@pytest.mark.parametrize("name", ["awkward", "1tii", "1hpv", "il2", "3PWP", "5PTI"])
def test_read_back_here_nothing_has_changed(subjects, tmp_path, name, ending):
    structure, path = subjects[name], tmp_path / f"frames{ending}"
    frames = frames_of(structure)
    write_frames(path, structure, frames)
    again, coordinates = read_frames(path, solvent=True)
    assert close(coordinates, frames)
    for here, there in zip(again.hierarchy.parents, structure.hierarchy.parents, strict=True):
        np.testing.assert_array_equal(here, there)
    for column in ("name", "residue_name", "number", "chain", "hetero"):
        assert getattr(again.atoms, column).tolist() == getattr(structure.atoms, column).tolist(), column
    if ending == ".pdb" or (structure.atoms.segment != "").all():
        assert again.atoms.segment.tolist() == structure.atoms.segment.tolist()


def test_endings_that_mean_the_same(awkward, tmp_path):
    for ending in ENDINGS:
        write_frames(tmp_path / f"x{ending}", awkward, frames_of(awkward))
    assert (tmp_path / "x.ent").read_bytes() == (tmp_path / "x.pdb").read_bytes()
    assert (tmp_path / "x.mmcif").read_bytes() == (tmp_path / "x.cif").read_bytes()


def test_more_than_99999_atoms_and_9999_residues(cmd, seen_by_gemmi, tmp_path):
    import gemmi

    count, path = 100_001, tmp_path / "large.cif"
    number = np.arange(count) // 8 + 1
    names = np.array(["N", "CA", "C", "O", "CB", "CG", "CD", "CE"])[np.arange(count) % 8]
    structure = Structure.from_atoms(
        np.random.default_rng(0).uniform(-2e4, 2e4, (count, 3)),
        Atoms.make(
            names, np.char.ljust(names, 1), ["LYS"] * count, number, ["AA"] * count, ["long"] * count, [False] * count
        ),
    )
    write_frames(path, structure, structure.coordinates[None])
    rows = gemmi.cif.read(str(path))[0].find("_atom_site.", ["id", "auth_seq_id", "auth_asym_id"])
    assert list(rows[count - 1]) == [str(count), "12501", "AA"]
    cmd.load(str(path), "large")
    assert cmd.count_atoms("large") == count
    assert cmd.count_atoms("resi 12500 and chain AA and segi long") == 8
    again = read_structure(path)
    assert again.hierarchy.counts == (count, 12_501, 1)
    assert close(again.coordinates, structure.coordinates)
    with pytest.raises(EdmNoiseError, match=r"a PDB file holds .*use a name ending in \.cif"):
        write_frames(tmp_path / "large.pdb", structure, structure.coordinates[None])


def test_mmcif_holds_coordinates_of_the_largest_sigma(see, tmp_path):
    structure, path = simple(4), tmp_path / "far.cif"
    frames = np.array(
        [[[0.0004, -0.0004, -0.0006], [-999.9994, 9999.9994, 1e4], [-1e3, -1e4, 123456.789], [-1e5, 1e6, -9e6]]]
    )
    write_frames(path, structure, frames)
    assert close(see(path).frames, frames)
    with pytest.raises(EdmNoiseError, match=r"a coordinate of -9990000.500 A in model 1.*holds -9990000.000 to"):
        write_frames(path, structure, np.full((1, 4, 3), -9990000.5))


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_more_models_than_a_record_has_columns_for(seen_by_gemmi, tmp_path, ending):
    path, frames = tmp_path / f"many{ending}", np.arange(10_001)[:, None, None] % 8000 + np.zeros((1, 3))
    write_frames(path, simple(1), frames)
    assert close(seen_by_gemmi(path).frames, frames)
    assert close(read_frames(path)[1], frames)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6), min_size=1, max_size=8))
def test_every_text_that_cif_can_hold_comes_back(tmp_path, texts):
    import gemmi

    structure = simple(len(texts), name=texts)
    impossible = [text for text in texts if re.search(r"' ", text) and re.search(r'" ', text)]
    path = tmp_path / "texts.cif"
    if impossible:
        with pytest.raises(EdmNoiseError, match="both kinds of quotation mark"):
            write_frames(path, structure, structure.coordinates[None])
        return
    write_frames(path, structure, structure.coordinates[None])
    values = gemmi.cif.read(str(path))[0].find_values("_atom_site.label_atom_id")
    assert [gemmi.cif.as_string(value) for value in values] == texts
    assert [gemmi.cif.is_null(value) for value in values] == [text == "" for text in texts]


@pytest.mark.parametrize("program", ["pymol", "biotite"])
def test_names_that_need_quotation_marks(see, tmp_path):
    names = ["O5'", 'H"', "N'\"", "C 1", "_x", "#1", "$1", "data_1", "loop_", ";1", "[1]", "'", '"', "stop_", "?", "."]
    structure, path = simple(len(names), name=names), tmp_path / "names.cif"
    write_frames(path, structure, structure.coordinates[None])
    assert see(path).name == names


# Occupancies, B factors, charges, bonds


LIGAND = """
    C1 C LIG1 1 B _ 1 | C2 C LIG1 1 B _ 1 | O1 O LIG1 1 B _ 1 | O2 O LIG1 1 B _ 1 | ZN ZN ZN 2 B _ 1
    N N CYS 1 A _ 0 | CA C CYS 1 A _ 0 | CB C CYS 1 A _ 0 | SG S CYS 1 A _ 0 | C C CYS 1 A _ 0 | N N GLY 2 A _ 0
    CA C GLY 2 A _ 0 | C C GLY 2 A _ 0 | SG S CYS 9 A _ 0 | CB C CYS 9 A _ 0
"""
TOLD = [[0, 1, 2], [0, 8, 1], [1, 2, 1], [1, 3, 4], [3, 4, 0], [8, 13, 1]]
"""A double, a single and an aromatic bond, a metal's, one to the protein, a disulphide."""


@pytest.fixture
def complexed(atoms_of):
    """A ligand of four letters with bonds of every kind, a metal, a peptide; places that say nothing of bonds."""
    atoms = atoms_of(LIGAND)
    count = len(atoms)
    facts = {
        "occupancy": np.linspace(0, 1, count).round(2),
        "b_factor": np.linspace(-9.5, 1234.5, count).round(1),
        "charge": np.array([0, 0, 0, -1, 2] + [0] * (count - 5)),
    }
    columns = {name: getattr(atoms, name) for name in ("name", "element", "residue_name", "number", "chain", "segment")}
    polymer = [[8, 7, 1], [5, 6, 1], [9, 10, 1]]
    bonds = np.array(sorted(sorted(row[:2]) + row[2:] for row in TOLD + polymer))
    atoms = Atoms.make(**columns, hetero=atoms.hetero, **facts)
    return Structure.from_atoms(np.arange(3 * count).reshape(-1, 3) * 5.0, atoms, bonds=bonds)


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_occupancies_b_factors_and_charges_come_back(complexed, tmp_path, ending):
    import gemmi

    path = tmp_path / f"facts{ending}"
    write_frames(path, complexed, [complexed.coordinates] * 2)
    atoms = complexed.atoms
    for model in gemmi.read_structure(str(path), merge_chain_parts=False):
        seen = sorted((a.serial, a.occ, a.b_iso, a.charge) for chain in model for residue in chain for a in residue)
        _, occupancy, b_factor, charge = zip(*seen, strict=True)
        np.testing.assert_allclose(occupancy, atoms.occupancy, atol=1e-6)
        np.testing.assert_allclose(b_factor, atoms.b_factor, atol=1e-4)
        assert list(charge) == atoms.charge.tolist()
    again = read_structure(path)
    for column in ("occupancy", "b_factor", "charge"):
        assert getattr(again.atoms, column).tolist() == getattr(atoms, column).tolist()


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_bonds_come_back_in_pymol_and_here(cmd, complexed, tmp_path, ending):
    path = tmp_path / f"bonds{ending}"
    write_frames(path, complexed, frames_of(complexed))
    cmd.load(str(path), "back")
    place = []
    cmd.iterate("back", "place.append(rank)", space={"place": place})
    found = sorted([*sorted((place[i], place[j])), order] for i, j, order in cmd.get_bonds("back", 1))
    # a PDB file has no bond of order 0, and PyMOL finds those of the peptide by distance, which is far here
    told = [[i, j, order or 1] for i, j, order in TOLD] if ending == ".pdb" else complexed.bonds.tolist()
    assert found == sorted(told)
    again = read_structure(path).bonds.tolist()
    assert [row[:2] for row in again] == [row[:2] for row in found]


def test_bonds_are_told_as_the_standards_have_it(complexed, tmp_path):
    import gemmi
    from biotite.structure.io.pdbx import CIFFile, get_structure

    path = tmp_path / "bonds.cif"
    write_frames(path, complexed, [complexed.coordinates])
    links = [
        (link.type.name, link.partner1.atom_name, link.partner2.atom_name)
        for link in gemmi.read_structure(str(path)).connections
    ]
    assert links == [("Covale", "C1", "SG"), ("MetalC", "O2", "ZN"), ("Disulf", "SG", "SG")]
    known = get_structure(CIFFile.read(str(path)), model=1, include_bonds=True)
    ligand = {
        tuple(sorted(known.atom_name[row[:2]]))
        for row in known.bonds.as_array()
        if (known.res_name[row[:2]] == "LIG1").all()
    }
    assert ligand == {("C1", "C2"), ("C2", "O1"), ("C2", "O2")}


def test_bonds_of_a_ligand_whose_atoms_have_one_name(cmd, coordset, tmp_path):
    atoms = Atoms.make(["C"] * 4, ["C"] * 4, ["LIG"] * 4, [1] * 4, ["A"] * 4, [""] * 4, [True] * 4)
    bonds = np.array([[0, 1, 1], [1, 2, 2], [2, 3, 1]])
    structure = Structure.from_atoms(np.arange(12).reshape(4, 3) * 9.0, atoms, bonds=bonds)
    for ending in (".pdb", ".cif"):
        path = tmp_path / f"alike{ending}"
        write_frames(path, structure, [structure.coordinates] * 3)
        assert read_structure(path).bonds.tolist() == bonds.tolist()
        cmd.load(str(path), ending[1:])
        assert sorted(map(list, cmd.get_bonds(ending[1:], 3))) == bonds.tolist()
        assert [len(coordset(ending[1:], state)) for state in (1, 2, 3)] == [4, 4, 4]


def test_remarks_of_any_length(complexed, tmp_path):
    import gemmi

    remarks = [
        "sigma=4.8 A, weights 8.2 1.6 1.3, seed=0",
        "a line that is much longer than what eighty columns hold, " * 3,
    ]
    for ending in (".pdb", ".cif"):
        write_frames(tmp_path / f"said{ending}", complexed, [complexed.coordinates], remarks=remarks)
    lines = (tmp_path / "said.pdb").read_text().splitlines()
    said = [line for line in lines if line.startswith("REMARK   6 ")]
    assert {len(line) for line in lines} == {80}
    assert " ".join(line[11:].strip() for line in said) == " ".join(" ".join(remarks).split())
    block = gemmi.cif.read(str(tmp_path / "said.cif"))[0]
    assert gemmi.cif.as_string(block.find_value("_software.name")) == "edmnoise"
    assert gemmi.cif.as_string(block.find_value("_software.description")).strip() == " ".join(remarks).strip()


def test_numbers_too_long_for_a_pdb_file(complexed, tmp_path):
    wide = replace(complexed, atoms=replace(complexed.atoms, b_factor=complexed.atoms.b_factor * 1000))
    with pytest.raises(
        EdmNoiseError, match=r"the B factor 1056800.00 at .*holds B factors of 6 characters; use a name .*cif"
    ):
        write_frames(tmp_path / "wide.pdb", wide, [wide.coordinates])
    write_frames(tmp_path / "wide.cif", wide, [wide.coordinates])
    assert read_structure(tmp_path / "wide.cif").atoms.b_factor[-1] == 1_234_500


# The lines themselves


def test_lines_of_a_pdb_file(awkward, tmp_path):
    path = tmp_path / "lines.pdb"
    write_frames(path, awkward, [np.full((awkward.n_atoms, 3), -1.5), np.full((awkward.n_atoms, 3), 1234.5678)])
    lines = path.read_text().splitlines()
    assert {len(line) for line in lines} == {80}
    lines = [line.rstrip() for line in lines]
    expected = """\
MODEL        1
ATOM      1  N   GLY A   1      -1.500  -1.500  -1.500  1.00  0.00           N
ATOM      2  CA  GLY A   1      -1.500  -1.500  -1.500  1.00  0.00           C
ATOM      3 HG11 GLY A   1      -1.500  -1.500  -1.500  1.00  0.00           H
ATOM      4  1HB GLY A   1      -1.500  -1.500  -1.500  1.00  0.00           H
ATOM      5  N   ALA A   1A     -1.500  -1.500  -1.500  1.00  0.00           N
ATOM      6  CA  ALA A   1A     -1.500  -1.500  -1.500  1.00  0.00           C
TER       7      ALA A   1A
ATOM      8  P    DA B  -5      -1.500  -1.500  -1.500  1.00  0.00           P
ATOM      9  O5'  DA B  -5      -1.500  -1.500  -1.500  1.00  0.00           O
ATOM     10 HO5'  DA B  -5      -1.500  -1.500  -1.500  1.00  0.00           H
ATOM     11  C1*  DA B  -5      -1.500  -1.500  -1.500  1.00  0.00           C
ATOM     12 H5''  DA B  -5      -1.500  -1.500  -1.500  1.00  0.00           H
TER      13       DA B  -5""".splitlines()
    assert lines[: len(expected)] == expected
    expected = """\
HETATM   24 CA    CA A 300    1234.5681234.5681234.568  1.00  0.00          CA
HETATM   25  C   LIG A 301    1234.5681234.5681234.568  1.00  0.00           C
HETATM   26  C   LIG A 301    1234.5681234.5681234.568  1.00  0.00           C
HETATM   27  C   LIG A 301    1234.5681234.5681234.568  1.00  0.00           C
HETATM   28 FE   HEM A 302    1234.5681234.5681234.568  1.00  0.00          FE
HETATM   29  O   HOH     1    1234.5681234.5681234.568  1.00  0.00           O
HETATM   30  O   HOH     1    1234.5681234.5681234.568  1.00  0.00           O
HETATM   31  O   HOH     2    1234.5681234.5681234.568  1.00  0.00           O
HETATM   32 CL    CL A 303    1234.5681234.5681234.568  1.00  0.00      X   CL
ATOM     33  N   GLY A   9    1234.5681234.5681234.568  1.00  0.00      X    N
ATOM     34  CA  GLY A   9    1234.5681234.5681234.568  1.00  0.00      X    C
ATOM     35  C   GLY A   9    1234.5681234.5681234.568  1.00  0.00      X    C
TER      36      GLY A   9
ENDMDL
END""".splitlines()
    assert lines[-len(expected) :] == expected
    assert [line for line in lines if line.startswith(("MODEL", "ENDMDL", "END"))] == [
        "MODEL        1",
        "ENDMDL",
        "MODEL        2",
        "ENDMDL",
        "END",
    ]
    assert sum(line.startswith("TER") for line in lines) == 2 * 5


def test_one_model_stands_without_model_records(awkward, tmp_path):
    path = tmp_path / "one.pdb"
    assert write_frames(path, awkward, awkward.coordinates[None]) == 1
    records = [line[:6].strip() for line in path.read_text().splitlines()]
    assert records.count("ATOM") + records.count("HETATM") == awkward.n_atoms
    assert {"MODEL", "ENDMDL"}.isdisjoint(records)
    assert records[-1] == "END"


def test_small_negative_numbers_have_no_minus_sign(tmp_path):
    path = tmp_path / "zero.pdb"
    write_frames(path, simple(1), [[[-0.0004, -0.0006, 0.0]]])
    assert path.read_text()[30:54] == "   0.000  -0.001   0.000"


def test_identifiers_of_mmcif(awkward, tmp_path):
    import gemmi

    path = tmp_path / "1 strange name'.cif"
    write_frames(path, awkward, frames_of(awkward, 2))
    block = gemmi.cif.read(str(path))[0]
    assert block.name == "1_strange_name_"
    assert block.find_value("_entry.id") == block.name
    table = block.get_mmcif_category("_atom_site.")
    count = awkward.n_atoms
    assert [int(said) for said in table["id"]] == list(range(1, 2 * count + 1))
    assert table["pdbx_PDB_model_num"] == ["1"] * count + ["2"] * count
    assert {tuple(table[tag]) for tag in ("occupancy", "B_iso_or_equiv", "label_alt_id")} == {
        ("1.00",) * 2 * count,
        ("0.00",) * 2 * count,
        (False,) * 2 * count,
    }
    labels = list(zip(awkward.hierarchy.ancestors(0, 2).tolist(), table["label_asym_id"], strict=False))
    assert len(set(labels)) == len({label for _, label in labels}) == awkward.hierarchy.counts[2] == 5
    assert dict(labels)[4] == "X"  # a segment stays what it is
    sequence = [said and int(said) for said in table["label_seq_id"][:count]]
    assert sequence == [1] * 4 + [2] * 2 + [1] * 5 + [1, 1, 2, 2] * 2 + [False] * 9 + [1] * 3
    assert table["auth_seq_id"][4:7] == ["1", "1", "-5"]
    assert table["pdbx_PDB_ins_code"][4:7] == ["A", "A", None]


def test_chains_without_a_segment_get_labels_that_no_other_chain_has(tmp_path):
    import gemmi

    path = tmp_path / "labels.cif"
    structure = simple(6, chain=["X", "Y", "X2", "", "A", "X"], segment=["", "X", "", "", "", "A"])
    write_frames(path, structure, structure.coordinates[None])
    labels = gemmi.cif.read(str(path))[0].find_values("_atom_site.label_asym_id")
    assert list(labels) == ["X2", "X", "X22", "A2", "A3", "A"]


# One pseudo-atom per residue


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_residues_at_the_mean_of_their_atoms(see, program, awkward, tmp_path, ending):
    path, frames = tmp_path / f"residues{ending}", frames_of(awkward)
    assert write_frames(path, awkward, frames, level="residue") == 3
    seen = see(path)
    residue = awkward.hierarchy.ancestors(0, 1)
    means = [
        [frame[residue == r].astype(np.float64).mean(axis=0) for r in range(residue.max() + 1)] for frame in frames
    ]
    assert close(seen.frames, means)
    names = ["CA"] * 7 + ["CA", "C", "FE", "O", "O", "O", "CL", "CA"]
    assert seen.name == names
    assert [said.upper() for said in seen.element] == ["C"] * 7 + ["CA", "C", "FE", "O", "O", "O", "CL", "C"]
    assert seen.residue_name == "GLY ALA DA GLY ALA GLY ALA CA LIG HEM HOH HOH HOH CL GLY".split()
    assert seen.number == "1 1A -5 1 2 1 2 300 301 302 1 1 2 303 9".split()
    assert seen.hetero == [False] * 7 + [True] * 7 + [False]


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_residue_files_have_the_chains_of_the_structure(subjects, tmp_path, ending):
    structure, path = subjects["1tii"], tmp_path / f"residues{ending}"
    write_frames(path, structure, structure.coordinates[None], level="residue")
    again = read_structure(path, solvent=True)
    assert again.hierarchy.counts == (927, 927, 8)
    np.testing.assert_array_equal(again.hierarchy.parents[1], structure.hierarchy.parents[1])


def test_pymol_draws_a_trace_through_residues(cmd, tmp_path):
    """Nucleotides too, which takes the name CA: a trace through P needs another setting."""
    count = 8
    for residue in ("GLY", "DA"):
        names = ["N", "CA", "C"] if residue == "GLY" else ["P", "O5'", "C4'"]
        structure = Structure.from_atoms(
            np.arange(count * 3)[:, None] * [1.3, 0, 0] + (np.arange(count * 3) % 2)[:, None] * [0, 1, 0],
            Atoms.make(
                names * count,
                [name[0] for name in names] * count,
                [residue] * count * 3,
                np.repeat(np.arange(count), 3),
                ["A"] * count * 3,
                [""] * count * 3,
                [False] * count * 3,
            ),
        )
        write_frames(tmp_path / "trace.pdb", structure, structure.coordinates[None], level="residue")
        cmd.reinitialize()
        cmd.load(str(tmp_path / "trace.pdb"))
        cmd.show_as("cartoon")
        assert cmd.count_atoms("polymer and guide") == count
        assert len(cmd.get_povray()[1]) > 10_000  # triangles of a tube


# What comes as models


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_models_may_be_an_array_a_list_a_tensor_or_a_generator(awkward, tmp_path, ending):
    frames = frames_of(awkward)
    content = set()
    for models in (frames, list(frames), torch.from_numpy(frames), (frame for frame in frames), frames.astype(float)):
        path = tmp_path / f"models{ending}"
        assert write_frames(path, awkward, models) == 3
        content.add(path.read_bytes())
    assert len(content) == 1


@pytest.mark.parametrize("level", ["atom", "residue"])
def test_no_more_than_three_models_are_held(awkward, tmp_path, level):
    class Model(np.ndarray):
        """An array that a weak reference can follow."""

    made, most = [], []

    def models():
        for frame in frames_of(awkward, 12):
            model = frame.copy().view(Model)
            made.append(weakref.ref(model))
            most.append(sum(reference() is not None for reference in made))
            yield model
            del model

    assert write_frames(tmp_path / "lazy.pdb", awkward, models(), level=level) == 12
    assert max(most) <= 4  # the one that has just been made among them


# Refusals leave the old file alone


OLD = b"the file that was there before"


@pytest.fixture(params=[".pdb", ".cif"])
def old(request, tmp_path):
    """A file that is there already; after the test it must be the same, and nothing must lie beside it."""
    path = tmp_path / f"old{request.param}"
    path.write_bytes(OLD)
    yield path
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == [path.name]


def test_an_error_among_the_models_goes_through(awkward, old):
    def models():
        yield from frames_of(awkward, 5)
        raise KeyError("denoiser")

    with pytest.raises(KeyError, match="denoiser"):
        write_frames(old, awkward, models())


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda xyz: xyz[1:], r"has the shape \(30, 3\): 31 atoms need \(31, 3\)"),
        (lambda xyz: xyz.T, r"has the shape \(3, 31\)"),
        (
            lambda xyz: np.where(np.arange(31)[:, None] == 4, np.nan, xyz),
            "NaN or infinite coordinates in 1 of 31 atoms, first in atom 5",
        ),
        (
            lambda xyz: np.where(np.arange(31)[:, None] > 28, np.inf, xyz),
            "NaN or infinite coordinates in 2 of 31 atoms, first in atom 30",
        ),
        (lambda xyz: [["x", "y", "z"]] * 31, "holds no numbers .*: give an array, a tensor or lists"),
        (lambda xyz: None, "holds no numbers"),
    ],
)
def test_wrong_models_are_named(awkward, old, place, change, reason):
    models = list(frames_of(awkward, 4))
    models[place] = change(models[place])
    for level in ("atom", "residue"):
        with pytest.raises(EdmNoiseError, match=f"^model {place + 1} .*{reason}"):
            write_frames(old, awkward, models, level=level)


def test_a_single_frame_that_is_no_list_of_models(awkward, old):
    with pytest.raises(EdmNoiseError, match=r"model 1 has the shape \(3,\)"):
        write_frames(old, awkward, awkward.coordinates)


def test_no_models(awkward, old):
    with pytest.raises(EdmNoiseError, match="no models to write to"):
        write_frames(old, awkward, iter([]))


def test_an_unknown_level(awkward, old):
    with pytest.raises(EdmNoiseError, match="level 'chain': give atom or residue"):
        write_frames(old, awkward, awkward.coordinates[None], level="chain")


@pytest.mark.parametrize("name", ["frames.xyz", "frames", "frames.pdb.gz", "frames.trr"])
def test_an_unknown_ending(awkward, tmp_path, name):
    with pytest.raises(EdmNoiseError, match=rf"cannot write .*{name}: .* \.pdb, \.ent, \.cif, \.mmcif"):
        write_frames(tmp_path / name, awkward, awkward.coordinates[None])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"chain": ["A", "AB"]}, "chain 'AB' at //AB/ALA`2/CA: .*chains of at most 1 character;"),
        ({"residue_name": ["ALA", "A1CDE"]}, "residue name 'A1CDE' .*residue names of at most 4 characters"),
        ({"name": ["CA", "HG111"]}, "atom name 'HG111' .*atom names of at most 4 characters"),
        ({"segment": ["PROA1", ""]}, "segment 'PROA1' .*segments of at most 4 characters"),
        ({"number": [1, 10_000]}, "residue number 10000 .*residue numbers from -999 to 9999"),
        ({"number": [-1000, 1]}, "residue number -1000 .*residue numbers from -999 to 9999"),
        ({"number": ["-1000A", 1]}, "residue number -1000A .*residue numbers from -999 to 9999"),
    ],
)
def test_what_only_mmcif_can_hold(tmp_path, seen_by_gemmi, columns, reason):
    structure, path = simple(**columns), tmp_path / "old.pdb"
    path.write_bytes(OLD)
    asked = []
    with pytest.raises(EdmNoiseError, match=rf"^cannot write {path} with the {reason}.*use a name ending in \.cif$"):
        write_frames(path, structure, (asked.append(1) for _ in range(2)))
    assert asked == []  # refused before any model was made
    assert path.read_bytes() == OLD
    write_frames(tmp_path / "new.cif", structure, structure.coordinates[None])
    agree(seen_by_gemmi(tmp_path / "new.cif"), structure.atoms, structure.coordinates[None])


@pytest.mark.parametrize("number", ["", "X", "A000", "1AB", "1.5", "--1", "1 A"])
def test_residue_numbers_that_no_file_holds(old, number):
    with pytest.raises(EdmNoiseError, match=rf"residue number '{number}' at .*/CA: .* holds integers"):
        write_frames(old, simple(number=["1", number]), np.zeros((1, 2, 3)))


@pytest.mark.parametrize("column", ["name", "element", "residue_name", "chain", "segment"])
@pytest.mark.parametrize("text", ["α", "\n", "a\tb"])
def test_characters_that_no_file_holds(old, column, text):
    with pytest.raises(EdmNoiseError, match=r"holds ASCII characters; rename it$"):
        write_frames(old, simple(**{column: ["A", text]}), np.zeros((1, 2, 3)))


def test_lines_are_counted_with_the_ends_of_chains(tmp_path):
    path = tmp_path / "full.pdb"
    count = 99_998
    columns = {"number": np.arange(count) % 9999 + 1, "name": ["O"] * count, "residue_name": ["HOH"] * count}
    columns["name"][0], columns["residue_name"][0] = "CA", "ALA"
    structure = simple(count, **columns)
    write_frames(path, structure, [structure.coordinates])
    assert path.read_text().splitlines()[-2][:11] == "ATOM  99999"
    full = path.read_bytes()
    columns["name"][1], columns["residue_name"][1] = "CA", "ALA"
    columns["chain"] = ["A", "B", *"A" * (count - 2)]
    structure = simple(count, **columns)
    with pytest.raises(EdmNoiseError, match=r"99,998 atoms and 2 chain ends: .*at most 99,999 .*ending in \.cif"):
        write_frames(path, structure, [structure.coordinates])
    assert path.read_bytes() == full


@pytest.mark.parametrize(
    ("value", "fits"), [(-999.999, True), (9999.999, True), (-999.9996, False), (9999.9996, False)]
)
@pytest.mark.parametrize("place", [0, 2])
def test_coordinates_that_fit_eight_columns(tmp_path, value, fits, place):
    structure, path = simple(), tmp_path / "far.pdb"
    path.write_bytes(OLD)
    frames = np.zeros((3, 2, 3))
    frames[place, 1, 2] = value
    if fits:
        write_frames(path, structure, frames)
        assert close(read_frames(path)[1], frames)
    else:
        reason = rf"a coordinate of {value:.3f} A in model {place + 1} at //A/ALA`2/CA: .*-999\.999 to 9999\.999 A; use"
        with pytest.raises(EdmNoiseError, match=reason):
            write_frames(path, structure, frames)
        assert path.read_bytes() == OLD


def test_places_that_cannot_be_written(awkward, tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "folder.pdb").mkdir()
    for name, reason in {
        "missing/x.pdb": "there is no folder",
        "file/x.pdb": "there is no folder",
        "folder.pdb": "it is a folder",
    }.items():
        with pytest.raises(EdmNoiseError, match=rf"^cannot write {tmp_path / name}: {reason}"):
            write_frames(tmp_path / name, awkward, awkward.coordinates[None])
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.pdb"]
    assert (tmp_path / "file").read_bytes() == OLD
