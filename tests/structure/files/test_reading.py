"""A file read here holds the atoms, residues and chains that PyMOL and the same rule find in it."""

import gzip
import sys

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import one_conformer, read_frames, read_structure
from edmnoise.structure.structure import Structure

REAL = [
    "demo/1tii.pdb",
    "demo/il2.pdb",
    "demo/pept.pdb",
    "tut/1hpv.pdb",
    "nmr_neopetrosiamide.pdb",
    "mmcif/1BD2.cif.gz",
    "mmcif/1BD2.pdb.gz",
    "mmcif/1YJP_invalid.cif.gz",
    "mmcif/3KPR.cif.gz",
    "mmcif/3KPR.pdb.gz",
    "mmcif/3PWP.cif.gz",
    "mmcif/5PTI.cif.gz",
    "mmcif/7ETN.cif.gz",
    "mmcif/custom.cif.gz",
    "mmcif/multimodel_warning.cif.gz",
]


SAYING = ("demo/1tii", "tut/1hpv", "nmr_neo", "mmcif/1BD2.", "mmcif/3KPR", "mmcif/3PWP", "mmcif/5PTI")
"""Those that name helices and strands."""


@pytest.fixture
def real(pymol_data, mdanalysis_data):
    """Where a file of REAL lies."""
    return lambda name: (pymol_data if name.startswith(("demo", "tut")) else mdanalysis_data) / name


@pytest.fixture
def pdb_file(tmp_path):
    """Writes the lines of a PDB file and returns its path."""

    def write(*lines, name="test.pdb"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


@pytest.fixture
def cif_file(tmp_path):
    """Writes an _atom_site loop from its tags and rows and returns its path."""

    def write(tags, *rows, name="test.cif", block="data_test"):
        path = tmp_path / name
        loop = [block, "loop_", *(f"_atom_site.{tag}" for tag in tags.split()), *rows, ""]
        path.write_text("\n".join(loop))
        return path

    return write


def atom(name, residue="GLY", number="1", x=0.0, *, alt="", chain="A", occupancy=1.0, element="", record="ATOM"):
    """A line of a PDB file; the number is columns 23 to 27, the name starts in column 13 if it has four characters."""
    field = name if len(name) == 4 else f" {name:<3}"
    coded = number[-1].isalpha() and not number.isalpha()
    number = f"{number:>5}" if coded or len(number) == 5 else f"{number:>4} "
    place = f"{x:8.3f}" if isinstance(x, float) else x
    head = (
        f"{record:<6}    1 {field}{alt:1}{residue:>3} {chain:1}{number}   {place}   0.000   0.000{occupancy:6.2f}  0.00"
    )
    return f"{head:<76}{element:>2}"


def in_pymol(cmd, path):
    """Everything PyMOL has of a file's first state, with its rank in the file."""
    rows = []
    cmd.load(str(path), "real")
    columns = "name, elem, resn, resi, chain, segi, type == 'HETATM', alt, q, b, formal_charge, ss, (x, y, z), rank"
    cmd.iterate_state(1, "real", f"rows.append(({columns}))", space={"rows": rows})
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("name", REAL)
def test_atoms_residues_and_chains_are_those_of_pymol(cmd, real, name):
    *columns, altloc, occupancy, b_factor, charge, secondary, xyz, rank = in_pymol(cmd, real(name))
    atoms = Atoms.make(*columns, occupancy, b_factor, charge)
    keep = one_conformer(atoms, altloc)
    from_pymol = Structure.from_atoms(xyz[keep], atoms.take(keep), file_order=rank[keep])
    ours = read_structure(real(name), solvent=True)

    order = np.argsort(rank[keep])
    for column in ("name", "element", "residue_name", "number", "chain", "segment", "hetero"):
        assert getattr(ours.atoms, column).tolist() == getattr(from_pymol.atoms, column)[order].tolist(), column
    for column in ("occupancy", "b_factor") if cmd.count_states("real") == 1 else ():  # PyMOL holds float32
        np.testing.assert_array_equal(
            getattr(ours.atoms, column).astype(np.float32), getattr(from_pymol.atoms, column)[order].astype(np.float32)
        )
    guessed = ours.atoms.in_component  # PyMOL gives side chains charges of its own
    assert ours.atoms.charge[~guessed].tolist() == from_pymol.atoms.charge[order][~guessed].tolist()
    np.testing.assert_array_equal(ours.coordinates, from_pymol.coordinates[order])
    if ours.atoms.secondary is not None:  # elsewhere PyMOL has found its own
        theirs = np.where(np.isin(secondary, ["H", "S"]), secondary, "")[keep][order]
        assert ours.atoms.secondary.tolist() == theirs.tolist()
    assert (ours.atoms.secondary is not None) == any(name.startswith(which) for which in SAYING)
    assert ours.hierarchy.counts == from_pymol.hierarchy.counts
    for level in (1, 2):
        groups = zip(ours.hierarchy.ancestors(0, level), from_pymol.hierarchy.ancestors(0, level)[order], strict=True)
        assert len(set(groups)) == ours.hierarchy.counts[level]

    heavy = []
    cmd.iterate("real and not hydro", "heavy.append(rank)", space={"heavy": heavy})
    without = read_structure(real(name), hydrogens=False, solvent=True)
    assert without.atoms.name.tolist() == ours.atoms.name[np.isin(rank[keep][order], heavy)].tolist()
    assert not np.isin(without.atoms.element, ["H", "D"]).any()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("demo/1tii.pdb", (5469, 712, 7)),
        ("demo/il2.pdb", (2084, 126, 1)),
        ("tut/1hpv.pdb", (1551, 199, 3)),  # the ligand has no chain identifier
        ("mmcif/3KPR.pdb.gz", (13318, 1652, 10)),
        ("mmcif/3KPR.cif.gz", (13318, 1652, 10)),
        ("mmcif/5PTI.cif.gz", (898, 60, 3)),  # one polymer, a phosphate, an unknown ion
    ],
)
def test_counts_without_water(real, name, counts):
    assert read_structure(real(name)).hierarchy.counts == counts


def strand(first, last, chain="A", kind="SHEET"):
    """A line of a PDB file; residues as number and insertion code, "5A" or "5 "."""
    if kind == "HELIX":
        return f"HELIX    1   1 GLY {chain} {first:>5} GLY {chain} {last:>5}  1"
    return f"SHEET    1   A 1 GLY {chain}{first:>5} GLY {chain}{last:>5}  0"


def kinds_of(cmd, path):
    """Of each atom, here and in PyMOL."""
    secondary, rank = in_pymol(cmd, path)[-3::2]
    theirs = np.where(np.isin(secondary, ["H", "S"]), secondary, "")[np.argsort(rank)]
    return read_structure(path, solvent=True).atoms.secondary.tolist(), theirs.tolist()


def test_helices_and_strands_that_overlap_and_have_insertion_codes(cmd, pdb_file):
    """The record that stands later says it, a chain without any has none; lines that name no residues are passed."""
    numbers = ["-1", "1", "2", "2A", "2B", "3", "4", "5", "6"]
    atoms = [atom("CA", number=number, x=float(k), chain=chain) for chain in "AB" for k, number in enumerate(numbers)]
    records = [
        strand("-1 ", "2A", kind="HELIX"),
        strand("4 ", "6 ", kind="HELIX"),
        strand("2A", "2B"),
        strand("5 ", "5 "),
        strand("x ", "6 ", chain="B"),
        "SHEET",
    ]
    ours, theirs = kinds_of(cmd, pdb_file(*records, *atoms))
    assert ours == theirs == ["H", "H", "H", "S", "S", "", "H", "S", "H", *[""] * 9]


def test_helices_and_strands_that_overlap_in_mmcif(cmd, cif_file):
    """The one that begins later says it; turns are neither. The author's numbers say the same."""
    tags = "group_PDB id type_symbol label_atom_id label_comp_id label_asym_id label_seq_id auth_asym_id auth_seq_id "
    tags += "pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z"
    author = ["1", "2", "2A", "3", "4", "5"]
    rows = [
        f"ATOM {k} C CA GLY {chain} {k} {chain} {said[0]} {said[1:] or '?'} {4 * k} 0 {ord(chain)}"
        for chain in "AB"
        for k, said in enumerate(author, 1)
    ]
    ends = "beg_label_asym_id beg_label_seq_id end_label_asym_id end_label_seq_id"
    authors = ends.replace("label", "auth") + " pdbx_beg_PDB_ins_code pdbx_end_PDB_ins_code"

    def category(name, more, *lines):
        head = [f"_{name}.{tag}" for tag in f"id {more} {ends} {authors}".split()]
        return "\n".join(["loop_", *head, *lines, ""])

    said = category(
        "struct_conf",
        "conf_type_id",
        "h1 HELX_P A 1 A 4 A 1 A 3 ? ?",
        "t1 TURN_P A 5 A 5 A 4 A 4 ? ?",
        "h2 HELX_P A 6 A 6 A 5 A 5 ? ?",
    ) + category("struct_sheet_range", "sheet_id", "1 A A 3 A 4 A 2 A 3 A ?")
    path = cif_file(tags, *rows)
    path.write_text(path.read_text() + said)
    ours, theirs = kinds_of(cmd, path)
    assert ours == theirs == ["H", "H", "S", "S", "", "H", *[""] * 6]
    path.write_text(path.read_text().replace("beg_label", "beg_other").replace("end_label", "end_other"))
    assert read_structure(path).atoms.secondary.tolist() == ours


def test_late_atoms_stay_where_the_file_has_them(pdb_file):
    path = pdb_file(atom("N", x=1.0), atom("N", "ALA", "2", x=2.0), atom("H", x=3.0), atom("H", "ALA", "2", x=4.0))
    structure = read_structure(path)
    assert structure.coordinates[:, 0].tolist() == [1, 2, 3, 4]
    assert structure.hierarchy.parents[0].tolist() == [0, 1, 0, 1]


# Alternate locations


def test_conformer_with_the_highest_mean_stays(pdb_file):
    path = pdb_file(
        atom("N", x=1.0),
        atom("CA", x=2.0, alt="A", occupancy=0.55),
        atom("CA", x=3.0, alt="B", occupancy=0.45),
        atom("CB", x=4.0, alt="A", occupancy=0.2),
        atom("CB", x=5.0, alt="B", occupancy=0.8),
    )
    assert read_structure(path).coordinates[:, 0].tolist() == [1, 3, 5]


def test_the_larger_of_two_residues_has_no_more_weight(pdb_file):
    few = [atom(name, "SER", "2", alt="A", occupancy=0.6) for name in ("N", "CA")]
    many = [atom(name, "PHE", "2", alt="B", occupancy=0.4) for name in ("N", "CA", "C", "CB", "CG")]
    assert set(read_structure(pdb_file(*few, *many)).atoms.residue_name) == {"SER"}


def test_first_in_the_alphabet_stays_where_means_are_equal(pdb_file):
    # 0.1 + 0.2 is not 0.3 in binary: the means are equal all the same
    path = pdb_file(
        atom("CA", x=1.0, alt="B", occupancy=0.1),
        atom("CB", x=2.0, alt="B", occupancy=0.2),
        atom("CA", x=3.0, alt="A", occupancy=0.3),
        atom("CB", x=4.0, alt="A", occupancy=0.0),
    )
    assert read_structure(path).coordinates[:, 0].tolist() == [3, 4]


@pytest.mark.parametrize(("occupancy", "kept"), [(0.7, [1, 2, 4, 6]), (0.3, [1, 3, 4, 5])])
def test_a_blank_beside_a_letter_is_an_alternative(pdb_file, occupancy, kept):
    """Atoms that both have stay once; those that one lacks (of the same residue) stay with it."""
    path = pdb_file(
        atom("N", x=1.0),  # shared
        atom("CA", x=2.0, occupancy=occupancy),
        atom("CA", x=3.0, alt="B", occupancy=1 - occupancy),
        atom("C", x=4.0),
        atom("CB", x=5.0, alt="B", occupancy=1 - occupancy),
        atom("CB", x=6.0, occupancy=occupancy),
    )
    assert read_structure(path).coordinates[:, 0].tolist() == kept


@pytest.mark.parametrize(("occupancy", "kept"), [(0.7, "SER"), (0.3, "PHE")])
def test_a_residue_without_letter_beside_one_with_is_an_alternative(pdb_file, occupancy, kept):
    blank = [atom(name, "SER", "2", occupancy=occupancy) for name in ("N", "CA", "OG")]
    lettered = [atom(name, "PHE", "2", alt="B", occupancy=1 - occupancy) for name in ("N", "CA", "CG")]
    atoms = read_structure(pdb_file(*blank, *lettered)).atoms
    assert set(atoms.residue_name) == {kept}
    assert len(atoms) == 3


def test_water_of_a_residues_number_is_no_alternative_of_it(pdb_file):
    path = pdb_file(atom("N", "SER", "2"), atom("O", "SER", "2"), atom("O", "HOH", "2", alt="B", occupancy=0.9))
    assert read_structure(path, solvent=True).n_atoms == 3


def test_one_of_two_residues_at_one_number_stays(pdb_file):
    path = pdb_file(
        atom("CA", "SER", "7", alt="A", occupancy=0.4),
        atom("CA", "THR", "7", alt="B", occupancy=0.6),
        atom("CA", "SER", "7A", alt="A", occupancy=0.9),
        atom("CA", "SER", "7", alt="A", occupancy=0.9, chain="B"),
    )
    atoms = read_structure(path).atoms
    assert list(zip(atoms.residue_name, atoms.number, atoms.chain, strict=True)) == [
        ("THR", "7", "A"),
        ("SER", "7A", "A"),
        ("SER", "7", "B"),
    ]


def test_every_number_chooses_for_itself():
    count = 6
    atoms = Atoms.make(
        ["CA"] * 4 + ["CB", "CA"],
        ["C"] * count,
        ["GLY"] * count,
        [1, 1, 2, 2, 2, 2],
        ["A"] * count,
        list("sstttt"),
        [0] * count,
        [0.2, 0.8, 0.5, 0.3, 0.0, 0.2],
    )
    keep = one_conformer(atoms, np.array(["A", "B", "A", "B", "", "C"]))
    assert keep.tolist() == [False, True, True, False, True, False]


def test_an_alternative_without_coordinates_does_not_win(cif_file):
    path = cif_file(
        "label_atom_id label_alt_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z occupancy",
        "CA A A 1 ? ? ? 0.9",
        "CA B A 1 1 2 3 0.1",
    )
    assert read_structure(path).coordinates.tolist() == [[1, 2, 3]]


# Occupancies, B factors, charges and bonds


def test_facts_of_atoms(pdb_file, cif_file):
    line = atom("ZN", "ZN", occupancy=0.5, record="HETATM")
    lines = [f"{line[:60]} 77.50          ZN2+", f"{line[:60]} -3.25          ZN-1", line[:54], f"{line[:60]}   inf"]
    atoms = read_structure(pdb_file(*lines)).atoms
    assert atoms.occupancy.tolist() == [0.5, 0.5, 1, 0.5]
    assert atoms.b_factor.tolist() == [77.5, -3.25, 0, 0]
    assert atoms.charge.tolist() == [2, -1, 0, 0]
    tags = "label_atom_id Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv pdbx_formal_charge"
    atoms = read_structure(cif_file(tags, "ZN 1 2 3 0.5 77.5 2", "CL 4 5 6 . 3 -1", "C 7 8 9 1 ? ?")).atoms
    assert atoms.occupancy.tolist() == [0.5, 1, 1]
    assert atoms.b_factor.tolist() == [77.5, 3, 0]
    assert atoms.charge.tolist() == [2, -1, 0]


def test_bonds_of_conect_records_are_those_of_pymol(cmd, pdb_file):
    """An order is how often a partner is named from either side; serials that two atoms have name nobody."""
    lines = [
        f"{atom(f'C{k}', 'LIG')[:6]}{k:5d}{atom(f'C{k}', 'LIG', x=1.5 * k, record='HETATM')[11:]}" for k in range(1, 6)
    ]
    conect = [
        "CONECT    1    2    3    3",
        "CONECT    2    1",
        "CONECT    3    1    1    4    4    4",
        "CONECT    4    3    3    3",
    ]
    path = pdb_file(*[line.replace("ATOM  ", "HETATM") for line in lines], *conect)
    structure = read_structure(path)
    assert structure.bonds.tolist() == [[0, 1, 1], [0, 2, 2], [2, 3, 3]]
    cmd.load(str(path), "lig")
    assert sorted([min(i, j), max(i, j), order] for i, j, order in cmd.get_bonds("lig")) == structure.bonds.tolist()
    assert read_structure(pdb_file(*lines, lines[1], *conect)).bonds.tolist() == [[0, 2, 2], [2, 3, 3]]
    second = read_structure(pdb_file(*lines, "ENDMDL", *lines, "ENDMDL", *conect), model=2)
    assert second.bonds.tolist() == structure.bonds.tolist()


def test_bonds_of_mmcif(cif_file):
    tags = "id label_atom_id label_comp_id label_asym_id auth_seq_id Cartn_x Cartn_y Cartn_z"
    rows = ["1 SG CYS A 1 1 2 3", "2 SG CYS A 9 3 2 3", "3 C1 LIG B 1 1 1 1", "4 C2 LIG B 1 2 1 1", "5 ZN ZN C 1 0 0 0"]
    more = [
        "loop_ _chem_comp_bond.comp_id _chem_comp_bond.atom_id_1 _chem_comp_bond.atom_id_2 _chem_comp_bond.value_order",
        "LIG C1 C2 DOUB",
        "loop_ _struct_conn.id _struct_conn.conn_type_id",
        *(
            f"_struct_conn.ptnr{end}_{tag}"
            for end in "12"
            for tag in ("label_asym_id", "label_comp_id", "label_atom_id", "auth_seq_id", "symmetry")
        ),
        "d1 disulf A CYS SG 1 1_555 A CYS SG 9 1_555",
        "c1 covale A CYS SG 1 1_555 B LIG C1 1 1_555",
        "c2 covale A CYS SG 9 1_555 B LIG C1 1 2_655",  # of another copy in the crystal
        "m1 metalc A CYS SG 1 1_555 C ZN ZN 1 1_555",
    ]
    assert read_structure(cif_file(tags, *rows, *more)).bonds.tolist() == [[0, 1, 1], [0, 2, 1], [2, 3, 2]]
    own = "loop_ _pymol_bond.atom_site_id_1 _pymol_bond.atom_site_id_2 _pymol_bond.order"
    assert read_structure(cif_file(tags, *rows, *more, own, "4 3 4", "1 7 1")).bonds.tolist() == [[2, 3, 4]]


# What is left out, and which model


def test_atoms_without_coordinates_are_left_out(pdb_file, cif_file):
    assert read_structure(pdb_file(atom("N", x=1.0), atom("CA", x=" " * 8), atom("C", x=3.0))).n_atoms == 2
    tags = "label_atom_id Cartn_x Cartn_y Cartn_z"
    assert read_structure(cif_file(tags, "N 1 2 3", "CA ? 2 3", "C 1 2 .", "O 1 2 3.5(2)")).n_atoms == 2


def test_water_and_hydrogens_are_kept_on_demand(pdb_file):
    path = pdb_file(
        atom("N", element="N"),
        atom("D", element="D"),
        atom("1HB", element="H"),
        *(atom("O", water, "9", record="HETATM") for water in ("HOH", "DOD", "WAT")),
    )
    names = {
        (hydrogens, solvent): "".join(read_structure(path, hydrogens=hydrogens, solvent=solvent).atoms.name)
        for hydrogens in (True, False)
        for solvent in (True, False)
    }
    assert names == {
        (True, True): "ND1HBOOO",
        (True, False): "ND1HB",
        (False, True): "NOOO",
        (False, False): "N",
    }


@pytest.mark.parametrize(
    "parts",
    [
        [["MODEL        4", atom("N", x=1.0), "ENDMDL"], ["MODEL        9", atom("N", x=2.0), "ENDMDL", "END"]],
        [[atom("N", x=1.0), "TER", "END"], [atom("N", x=2.0), "END"]],  # as VMD parts its models
    ],
)
def test_models_are_counted_in_the_order_of_the_file(pdb_file, parts):
    path = pdb_file(*parts[0], *parts[1])
    assert [read_structure(path, model=model).coordinates[0, 0] for model in (1, 2)] == [1, 2]
    assert read_frames(path)[1][:, 0, 0].tolist() == [1, 2]
    with pytest.raises(EdmNoiseError, match="no model 3, the file's models are 1 to 2"):
        read_structure(path, model=3)
    with pytest.raises(EdmNoiseError, match="no model 0"):
        read_structure(path, model=0)


def test_models_of_mmcif_may_be_interleaved(cif_file):
    tags = "label_atom_id Cartn_x Cartn_y Cartn_z pdbx_PDB_model_num"
    path = cif_file(tags, "N 1 0 0 7", "N 2 0 0 3", "CA 3 0 0 7", "CA 4 0 0 3")
    structure, frames = read_frames(path)
    assert structure.atoms.name.tolist() == ["N", "CA"]
    assert frames[:, :, 0].tolist() == [[1, 3], [2, 4]]


# Numbers, names and elements


@pytest.mark.parametrize(
    ("columns", "number"),
    [("  -5 ", "-5"), ("  42A", "42A"), ("9999 ", "9999"), ("12345", "12345"), ("0007 ", "7"), ("     ", "0")],
)
def test_residue_numbers(pdb_file, columns, number):
    line = atom("CA")
    assert read_structure(pdb_file(line[:22] + columns + line[27:])).atoms.number.tolist() == [number]


def test_hybrid_36_numbers_are_those_of_gemmi(pdb_file):
    import gemmi

    path = pdb_file(*(atom("CA", number=number) for number in ("9999", "A000", "A00ZB", "ZZZZ")))
    expected = [str(residue.seqid) for residue in gemmi.read_structure(str(path))[0][0]]
    assert read_structure(path).atoms.number.tolist() == expected == ["9999", "10000", "10035B", "1223055"]
    path = pdb_file(atom("CA", number="a000"), atom("CA", number="a001"))  # they follow ZZZZ; gemmi skips them
    assert read_structure(path).atoms.number.tolist() == ["1223056", "1223057"]


def test_elements_are_guessed_where_the_columns_hold_none(pdb_file):
    lines = [
        atom("CA", "GLY"),  # the name stands in columns 14 and 15: a carbon
        atom("CA", "CA", "2").replace("  CA   CA", " CA    CA"),
        atom("HG11", "VAL", "3"),
        atom("1HB", "ALA", "4"),
        atom("FE", "HEM", "5").replace("  FE  HEM", " FE   HEM"),
        atom("HO5'", "DA", "6"),
        atom("N", "GLY", "7", element="12"),  # a line number of old files
        atom("CA", "ALA", "8").replace("  CA  ALA", " CA   ALA"),  # names to the left, as some programs have them
        atom("HG", "SER", "9").replace("  HG  SER", " HG   SER"),
    ]
    expected = ["C", "CA", "H", "H", "FE", "H", "N", "C", "H"]
    assert read_structure(pdb_file(*lines)).atoms.element.tolist() == expected


def test_residue_names_of_four_letters(pdb_file):
    line = atom("OH2", "TIP").replace(" TIP A", " TIP3W")
    atoms = read_structure(pdb_file(line), solvent=True).atoms
    assert (atoms.residue_name[0], atoms.chain[0]) == ("TIP3", "W")
    with pytest.raises(EdmNoiseError, match="besides water"):
        read_structure(pdb_file(line))


def test_coordinates_beside_their_usual_columns_are_read_where_none_runs_into_another(pdb_file):
    line = atom("CA")
    assert read_structure(pdb_file(line[:30] + " 66.741  19.936  12.136 " + line[54:])).coordinates.round(
        3
    ).tolist() == [[np.float32(66.741), np.float32(19.936), np.float32(12.136)]]


def test_short_lines_and_windows_line_ends(tmp_path):
    path = tmp_path / "short.ent"
    path.write_bytes(atom("CA")[:54].encode() + b"\r\n" + atom("C", x=2.0)[:66].encode() + b"\r\n")
    structure = read_structure(path)
    assert structure.coordinates[:, 0].tolist() == [0, 2]
    assert structure.atoms.element.tolist() == ["C", "C"]


def test_authors_names_come_before_labels_and_segments_are_labels(cif_file):
    tags = (
        "group_PDB type_symbol label_atom_id auth_atom_id label_comp_id auth_comp_id label_asym_id auth_asym_id "
        "label_seq_id auth_seq_id pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z"
    )
    row = """HETATM Zn "L'" 'A"' LCO ACO LSY ASY 1 -17 B 1 2 3"""
    atoms = read_structure(cif_file(tags, row)).atoms
    said = [getattr(atoms, column)[0] for column in ("name", "element", "residue_name", "number", "chain", "segment")]
    assert said == ['A"', "Zn", "ACO", "-17B", "ASY", "LSY"]
    assert atoms.hetero.tolist() == [True]
    fewer = " ".join(tag for tag in tags.split() if not tag.startswith("auth"))
    atoms = read_structure(cif_file(fewer, """ATOM Zn "L'" LCO LSY 1 ? 1 2 3""")).atoms
    said = [getattr(atoms, column)[0] for column in ("name", "element", "residue_name", "number", "chain", "segment")]
    assert said == ["L'", "Zn", "LCO", "1", "LSY", "LSY"]
    assert atoms.hetero.tolist() == [False]


def test_the_block_with_atoms_is_found(cif_file):
    tags = "label_atom_id Cartn_x Cartn_y Cartn_z"
    path = cif_file(tags, "N 1 2 3", block="data_empty\n_cell.length_a 1\ndata_atoms")
    assert read_structure(path).coordinates.tolist() == [[1, 2, 3]]


def test_several_blocks_with_atoms_are_refused(cif_file):
    tags = "label_atom_id Cartn_x Cartn_y Cartn_z"
    second = ["data_two", "loop_", *(f"_atom_site.{tag}" for tag in tags.split()), "CA 4 5 6"]
    with pytest.raises(
        EdmNoiseError, match=r"it holds atoms in 2 data blocks \(test, two\): keep one of them in a file"
    ):
        read_structure(cif_file(tags, "N 1 2 3", *second))


def test_packed_files_hold_the_same(real, tmp_path):
    for name in ("demo/il2.pdb", "mmcif/1YJP.cif"):
        packed = tmp_path / (real(name).name + ".GZ")
        packed.write_bytes(gzip.compress(real(name).read_bytes()))
        plain, unpacked = read_structure(real(name), solvent=True), read_structure(packed, solvent=True)
        np.testing.assert_array_equal(plain.coordinates, unpacked.coordinates)
        assert plain.hierarchy.counts == unpacked.hierarchy.counts


# Frames


def test_frames_are_the_states_of_pymol(cmd, real):
    path = real("nmr_neopetrosiamide.pdb")
    structure, frames = read_frames(path, hydrogens=False)
    cmd.load(str(path), "nmr")
    states = []
    for state in range(1, 25):
        rows = []
        cmd.iterate_state(state, "nmr and not hydro", "rows.append((rank, x, y, z))", space={"rows": rows})
        states.append([row[1:] for row in sorted(rows)])
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, np.array(states, dtype=np.float32))
    np.testing.assert_array_equal(structure.coordinates, frames[0])


def test_one_model_is_one_frame(real):
    structure, frames = read_frames(real("tut/1hpv.pdb"))
    assert frames.shape == (1, 1551, 3)
    np.testing.assert_array_equal(frames[0], structure.coordinates)


def test_models_of_other_atoms_are_named_and_measured_on_those_in_common(real):
    path = real("mmcif/multimodel_warning.cif.gz")
    with pytest.raises(EdmNoiseError, match=r"VWW`210/N, .*and 87 more atoms of model 1 are not in model 2, and .*GSH"):
        read_frames(path)
    structure, frames = read_frames(path, common=True)
    models = [read_structure(path, model) for model in (1, 2)]
    named = [[model.label(row) for row in range(model.n_atoms)] for model in models]
    both = set(named[0]) & set(named[1])
    for model, names, frame in zip(models, named, frames, strict=True):
        kept = np.isin(names, list(both))
        np.testing.assert_array_equal(frame, model.coordinates[kept])
    assert [structure.label(row) for row in range(structure.n_atoms)] == [name for name in named[0] if name in both]


def test_models_may_differ_in_what_is_left_out(pdb_file):
    water = [atom("O", "HOH", number, 9.0, chain="W", record="HETATM") for number in "123"]
    first = [atom("N", x=1.0), *water[:2], atom("CA", x=2.0), atom("H", x=3.0, element="H")]
    second = [atom("N", x=4.0), atom("CA", x=5.0), *water]
    path = pdb_file("MODEL        1", *first, "ENDMDL", "MODEL        2", *second, "ENDMDL", "END")
    assert read_frames(path, hydrogens=False)[1][..., 0].tolist() == [[1, 2], [4, 5]]
    with pytest.raises(EdmNoiseError, match=r"//A/GLY`1/H of model 1 is not in model 2: read one model"):
        read_frames(path)
    with pytest.raises(EdmNoiseError, match=r"//W/HOH`3/O of model 2 is not in model 1"):
        read_frames(path, hydrogens=False, solvent=True)
    structure, frames = read_frames(path, solvent=True, common=True)
    assert structure.atoms.name.tolist() == ["N", "O", "O", "CA"]
    assert frames[..., 0].tolist() == [[1, 9, 9, 2], [4, 9, 9, 5]]


def test_nothing_in_common(pdb_file):
    path = pdb_file("MODEL        1", atom("N"), "ENDMDL", "MODEL        2", atom("CA"), "ENDMDL", "END")
    with pytest.raises(EdmNoiseError, match="model 1 and model 2 have no atoms in common"):
        read_frames(path, common=True)


@pytest.mark.parametrize("other", ["O   GLY A   2 ", "N   ALA A   2 ", "N   GLY B   2 ", "N   GLY A   2B"])
def test_models_of_other_atoms_are_refused(pdb_file, other):
    line = atom("N", number="2")
    changed = line[:13] + other + line[27:]
    path = pdb_file(atom("N"), line, "ENDMDL", atom("N"), line, "ENDMDL", atom("N"), changed, "ENDMDL")
    with pytest.raises(EdmNoiseError, match=r"//A/GLY`2/N of model 1 is not in model 3, and //.* of model 3 is not"):
        read_frames(path)


@pytest.mark.parametrize("changed", ["CB GLY A 1", "CA ALA A 1", "CA GLY B 1", "CA GLY A 2"])
def test_models_of_other_atoms_are_refused_in_mmcif(cif_file, changed):
    tags = "label_atom_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z pdbx_PDB_model_num"
    path = cif_file(tags, "N GLY A 1 1 2 3 1", "CA GLY A 1 1 2 3 1", "N GLY A 1 1 2 3 2", f"{changed} 1 2 3 2")
    with pytest.raises(EdmNoiseError, match=r"/A/A/GLY`1/CA of model 1 is not in model 2, and .* of model 2 is"):
        read_frames(path)


def test_an_atom_missing_from_one_model_is_left_out_of_all(pdb_file):
    path = pdb_file(atom("N", x=1.0), atom("CA", x=2.0), "ENDMDL", atom("N", x=3.0), atom("CA", x=" " * 8), "ENDMDL")
    structure, frames = read_frames(path)
    assert structure.atoms.name.tolist() == ["N"]
    assert frames[:, :, 0].tolist() == [[1], [3]]


# Refusals


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.pdb", None, "No such file"),
        ("empty.pdb", b"", "there are no atoms in it"),
        ("empty.cif", b"", "there are no atoms in it"),
        ("text.pdb", b"HEADER    NOTHING\nEND\n", "there are no atoms in it"),
        ("cell.cif", b"data_x\n_cell.length_a 10\n", "there are no atoms in it"),
        ("torn.cif", b"data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n1 2 3\n", "string:"),
        ("structure.xyz", b"1\n\nC 0 0 0\n", r"must end in .pdb, .ent, .cif, .mmcif, or in one of them with .gz"),
        ("structure.gz", b"", "must end in .pdb"),
        ("structure", b"", "must end in .pdb"),
        ("plain.pdb.gz", b"ATOM", "Not a gzipped file"),
        ("cut.cif.gz", gzip.compress(b"data_x" * 1000)[:30], "ended before"),
        ("broken.pdb.gz", gzip.compress(b"data_x" * 1000)[:15] + b"\xff" * 20, "invalid|Error"),
        ("stars.pdb", atom("CA", x="********").encode(), r"columns 31 to 38 of 'ATOM .* are no number"),
        ("nan.pdb", atom("CA", x="     nan").encode(), r"columns 31 to 38 of 'ATOM .* are no number"),
        (
            "nan.cif",
            b"data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n1 2 nan\n",
            "'nan' is no",
        ),
        ("low.pdb", atom("CA", x="-1232.450").encode(), "a coordinate does not fit its columns .* write it as mmCIF"),
        ("lower.pdb", atom("CA", x="-1232.450-1232.450-1232.450").encode(), "a coordinate does not fit its columns"),
        ("high.pdb", (atom("CA")[:30] + "10000.00010000.00010000.000  1.00").encode(), "a coordinate does not fit"),
        (
            "chain.pdb",
            (atom("CA")[:21] + "AB  1" + atom("CA")[26:]).encode(),
            "columns 23 to 27 hold 'B  1 ' and no residue number: where a chain identifier .* write it as mmCIF",
        ),
        ("words.pdb", atom("CA").replace("  1.00", "   one").encode(), r"columns 55 to 60 of 'ATOM .* are no number"),
        (
            "words.cif",
            b"data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n1 2 three\n",
            "'three' is no number",
        ),
        ("water.pdb", atom("O", "HOH").encode(), "no atoms with coordinates besides water"),
        ("blank.pdb", atom("CA", x=" " * 8).encode(), "no atoms with coordinates besides water"),
    ],
)
@pytest.mark.parametrize("read", [read_structure, read_frames])
def test_what_cannot_be_read_is_said_with_the_file(tmp_path, read, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EdmNoiseError, match=rf"(?s)^cannot read {path}: .*({reason})"):
        read(path)


def test_a_folder_is_refused(tmp_path):
    folder = tmp_path / "folder.pdb"
    folder.mkdir()
    with pytest.raises(EdmNoiseError, match=r"cannot read .*folder.pdb: Is a directory"):
        read_structure(folder)


def test_gemmi_is_asked_for_by_mmcif_only(monkeypatch, real):
    monkeypatch.setitem(sys.modules, "gemmi", None)  # how Python marks what cannot be imported
    assert read_structure(real("tut/1hpv.pdb")).n_atoms == 1551
    with pytest.raises(EdmNoiseError, match=r"cannot read .*1YJP.cif: .*pip install 'edmnoise\[files\]'"):
        read_structure(real("mmcif/1YJP.cif"))
