"""edm_save: what PyMOL and gemmi read back is what PyMOL held; what cannot be written leaves the old file."""

import os

import gemmi
import numpy as np
import pytest

from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import describe
from edmnoise_pymol import edm_levels, edm_noise, edm_save

FRAMES = 3
HALF_A_DIGIT = 5.1e-4  # files hold thousandths of an angstrom


@pytest.fixture
def frames(cmd):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain A+C", weights="current", frames=FRAMES, name="frames")
    return "frames"


def centres(atoms, states, name):
    """(S, residues, 3) and what the residues are."""
    keys = atoms(f"%{name}", "(chain, resi, resn)")
    groups = {key: [i for i, k in enumerate(keys) if k == key] for key in dict.fromkeys(keys)}
    return np.stack([states[:, members].mean(axis=1) for members in groups.values()], axis=1), list(groups)


def in_gemmi(path):
    """What each atom is and where, (S, N, 3), in the order of the file."""
    models = gemmi.read_structure(str(path))
    rows = [
        [
            (cra.chain.name, str(cra.residue.seqid), cra.residue.name, cra.atom.name, *cra.atom.pos)
            for cra in model.all()
        ]
        for model in models
    ]
    assert all([row[:4] for row in model] == [row[:4] for row in rows[0]] for model in rows)
    return [row[:4] for row in rows[0]], np.array([[row[4:] for row in model] for model in rows])


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_atoms_come_back_in_pymol(cmd, atoms, frames, frames_of, tmp_path, typed, ending):
    path = tmp_path / f"saved.{ending}"
    said = typed(f"edm_save {path}, {frames}")
    assert f"{path} written: {FRAMES + 1} models, atom level" in said
    cmd.load(path, "back")
    facts = "(chain, resi, resn, name, elem, type)"
    assert atoms("back", facts) == atoms(frames, facts)
    assert np.abs(frames_of("back", 1) - frames_of(frames, 1)).max() < HALF_A_DIGIT


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_atoms_come_back_in_gemmi(cmd, atoms, frames, frames_of, tmp_path, ending):
    path = tmp_path / f"saved.{ending}"
    assert edm_save(str(path), frames) == FRAMES + 1
    named, states = in_gemmi(path)
    order = {key: i for i, key in enumerate(atoms(frames, "(chain, resi, resn, name)"))}
    assert len(order) == len(named)
    assert np.abs(states - frames_of(frames, 1)[:, [order[key] for key in named]]).max() < HALF_A_DIGIT


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_residues_come_back_as_their_centres(cmd, atoms, frames, frames_of, tmp_path, typed, ending):
    path = tmp_path / f"centres.{ending}"
    said = typed(f"edm_save {path}, {frames}, residue")
    assert f"{FRAMES + 1} models, residue level" in said
    where, residues = centres(atoms, frames_of(frames, 1), frames)
    cmd.load(path, "back")
    assert atoms("back", "(chain, resi, resn, name)") == [(*residue, "CA") for residue in residues]
    assert np.abs(frames_of("back", 1) - where).max() < HALF_A_DIGIT
    named, states = in_gemmi(path)
    order = {residue: i for i, residue in enumerate(residues)}
    assert np.abs(states - where[:, [order[key[:3]] for key in named]]).max() < HALF_A_DIGIT


def test_object_of_one_state_with_water_and_ligand(cmd, atoms, frames_of, tmp_path, typed):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    assert "1 model, atom level" in typed(f"edm_save {tmp_path}/one.pdb, 1hpv")
    cmd.load(tmp_path / "one.pdb", "back")
    facts = "(chain, resi, resn, name, elem, type)"
    assert sorted(atoms("back", facts)) == sorted(atoms("1hpv", facts))
    assert cmd.count_states("back") == 1


def test_saved_is_what_is_shown_not_what_a_matrix_hides(cmd, frames, frames_of, tmp_path):
    cmd.translate([10, 0, 0], object=frames, camera=0)
    cmd.rotate("x", 90, object=frames, camera=0)
    edm_save(str(tmp_path / "moved.cif"), frames)
    cmd.load(tmp_path / "moved.cif", "back")
    assert np.abs(frames_of("back", 1) - frames_of(frames, 1)).max() < HALF_A_DIGIT


def test_saving_changes_nothing_in_pymol(frames, snapshot, tmp_path):
    before = snapshot()
    edm_save(str(tmp_path / "saved.pdb"), frames)
    edm_save(str(tmp_path / "saved.cif"), frames, "residue")
    assert snapshot() == before


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_failure_on_the_way_leaves_the_old_file_and_nothing_else(cmd, frames, tmp_path, refusal, ending, coordset):
    path = tmp_path / f"saved.{ending}"
    path.write_text("the old one")
    broken = coordset(frames, FRAMES + 1)
    broken[-1] = np.nan
    cmd.load_coordset(broken, frames, FRAMES + 1)
    assert f"state {FRAMES + 1} of frames holds NaN" in refusal(f"edm_save {path}, {frames}")
    assert path.read_text() == "the old one"
    assert os.listdir(tmp_path) == [path.name]


def test_whole_new_file_takes_the_place_of_the_old(cmd, frames, tmp_path):
    path = tmp_path / "saved.pdb"
    path.write_text("the old one")
    edm_save(str(path), frames)
    assert "the old one" not in path.read_text()
    assert os.listdir(tmp_path) == [path.name]


def test_coordinates_past_a_pdb_file_are_refused_and_a_cif_file_is_named(cmd, frames, tmp_path, refusal):
    cmd.translate([0, 20000, 0], object=frames, camera=0)
    said = refusal(f"edm_save {tmp_path}/far.pdb, {frames}")
    assert "9999.999" in said
    assert ".cif" in said
    assert edm_save(str(tmp_path / "far.cif"), frames) == FRAMES + 1


def test_more_atoms_than_a_pdb_file_numbers_are_refused_and_a_cif_file_is_named(cmd, tmp_path):
    count, line = 100_008, "HETATM{:5d} AR    AR {}{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          AR\n"
    gas = (
        line.format(i % 100_000, "ABCDEFGHIJK"[i // 9_999], i % 9_999 + 1, 5 * (i % 50), 5 * (i // 50 % 50), i // 500)
        for i in range(count)
    )
    cmd.load_raw("".join(gas), "pdb", "gas")
    assert cmd.count_atoms("gas") == count
    with pytest.raises(cmd._pymol.CmdException, match=r"at most 99,999 .* use a name ending in \.cif$"):
        edm_save(str(tmp_path / "gas.pdb"), "gas")
    assert os.listdir(tmp_path) == []


def line(serial, name, residue, chain, number, place, element, *, record="ATOM", occupancy=1.0, b=0.0, charge=""):
    """A line of a PDB file."""
    x, y, z = place
    return (
        f"{record:<6}{serial:5d}  {name:<3} {residue:<4}{chain:1}{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"{occupancy:6.2f}{b:6.2f}          {element:>2}{charge:2}\n"
    )


def peptide(numbers, chain="A", shift=0.0, names=("N", "CA", "C", "O"), start=1, **facts):
    """Alanines along x."""
    rows = [(number, name, 3.8 * number + 1.2 * k) for number in numbers for k, name in enumerate(names)]
    return "".join(
        line(start + k, name, "ALA", chain, number, (x, shift, k % 2), name[0], **facts)
        for k, (number, name, x) in enumerate(rows)
    )


def ligand(places, residue="LIG", names=None, chain="B", start=1, element="C", **facts):
    names = names or [f"{element}{k + 1}" for k in range(len(places))]
    return "".join(
        line(start + k, name, residue, chain, 1, place, element, record="HETATM", **facts)
        for k, (name, place) in enumerate(zip(names, places, strict=True))
    )


RING = [(6.0, 5.0, 1.0), (7.2, 5.7, 1.0), (8.4, 5.0, 1.0), (8.4, 3.6, 1.0), (7.2, 2.9, 1.0), (6.0, 3.6, 1.0)]


@pytest.mark.parametrize("ending", ["pdb", "cif"])
@pytest.mark.parametrize("name", ["zinc", "noised"])
def test_b_factors_occupancies_and_charges_are_kept(cmd, tmp_path, ending, name):
    text = peptide([1, 2], b=91.5) + ligand([(0, 9, 0)], "ZN", ["ZN"], element="ZN", occupancy=0.5, b=40, charge="2+")
    text += line(30, "NZ", "LYS", "A", 3, (20, 0, 0), "N", b=33.3)  # PyMOL gives it a charge that no file told
    (tmp_path / "zinc.pdb").write_text(text + "END\n")
    cmd.load(tmp_path / "zinc.pdb", "zinc")
    edm_noise("zinc", z=-2, frames=2, name="noised", quiet=1)

    def facts(path):
        return sorted(
            (atom.name, residue.seqid.num, round(atom.b_iso, 2), round(atom.occ, 2), atom.charge)
            for chain in gemmi.read_structure(str(path))[0]
            for residue in chain
            for atom in residue
        )

    edm_save(str(tmp_path / f"saved.{ending}"), name)
    assert facts(tmp_path / f"saved.{ending}") == facts(tmp_path / "zinc.pdb")


@pytest.mark.parametrize("ending", ["pdb", "cif"])
@pytest.mark.parametrize("level", ["atom", "residue"])
def test_b_factors_that_are_displacements(frames, tmp_path, ending, level):
    path = tmp_path / f"moved.{ending}"
    edm_save(str(path), frames, level, b="displacement")
    table = edm_levels(frames, by=level)
    residues = [residue for chain in gemmi.read_structure(str(path))[0] for residue in chain]
    found = [atom.b_iso for residue in residues for atom in residue]
    assert sorted(found) == pytest.approx(sorted(table["absolute"]), abs=0.006)
    said = path.read_text()
    assert "B factors are RMS displacements from model 1" in " ".join(said.replace("REMARK   6", "").split())


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_remarks_tell_how_the_frames_were_made(coordset, frames, tmp_path, ending):
    path = tmp_path / f"told.{ending}"
    edm_save(str(path), frames)
    said = " ".join(path.read_text().replace("REMARK   6", "").split())
    for words in ("edmnoise 0.", "edm_save of the object frames", "sigma=4.81911 A (z=0)"):
        assert words in said
    typed = (
        said[said.index("edm_noise selection, ") + len("edm_noise selection, ") :].split("solvent=0")[0] + "solvent=0"
    )
    again = dict(item.split("=") for item in typed.split(", "))
    edm_noise("1tii and chain A+C", name="again", **again)
    assert np.array_equal(coordset("again", 3), coordset(frames, 3))


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_bonds_of_a_ligand_whose_first_state_is_noise(cmd, tmp_path, ending):
    conect = "".join(f"CONECT{k:5d}{k % 6 + 1:5d}\nCONECT{k % 6 + 1:5d}{k:5d}\n" for k in range(1, 7))
    conect += "CONECT    1    2\nCONECT    2    1\n"
    far = [(x * 9, y * 7, z * 5 + x * y) for x, y, z in RING]
    models = "".join(f"MODEL {k:8d}\n{ligand(places)}ENDMDL\n" for k, places in enumerate([far, RING], 1))
    (tmp_path / "steps.pdb").write_text(models + conect + "END\n")
    cmd.load(tmp_path / "steps.pdb", "steps")
    edm_save(str(tmp_path / f"saved.{ending}"), "steps")
    cmd.load(tmp_path / f"saved.{ending}", "back")
    assert sorted(cmd.get_bonds("back", 1)) == sorted(cmd.get_bonds("steps", 1))
    assert len(cmd.get_bonds("back", 1)) == 6


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_copies_without_identifiers_stand_as_in_their_file(cmd, tmp_path, ending):
    text = peptide(range(1, 5), "") + peptide(range(1, 5), "", 9.0, start=20) + ligand([(0, 5, 0)], "ZN", ["ZN"], "")
    (tmp_path / "copies.pdb").write_text(text + "END\n")
    cmd.load(tmp_path / "copies.pdb", "copies")
    made = edm_noise("copies", z=-1, frames=2, name="noised")
    path = tmp_path / f"saved.{ending}"
    edm_save(str(path), "noised")
    back = read_structure(path)
    assert describe(back.hierarchy) == describe(made.structure.hierarchy) == "2 chains, 9 residues, 33 atoms"
    assert back.atoms.name.tolist() == read_structure(tmp_path / "copies.pdb").atoms.name.tolist()
    cmd.load(path, "back")
    assert edm_levels("back")["measured"] == pytest.approx(made.table["measured"], abs=1e-3)


@pytest.mark.parametrize("ending", ["pdb", "cif"])
@pytest.mark.parametrize("discrete", [0, 1])
def test_repeated_names_lose_no_atoms_and_discrete_objects_are_measured(cmd, tmp_path, ending, discrete):
    (tmp_path / "one.pdb").write_text(peptide([1, 2, 3]) + ligand(RING, names=["C"] * 6, start=20) + "END\n")
    cmd.load(tmp_path / "one.pdb", "one")
    made = edm_noise("one", z=-1, frames=2, name="noised")
    edm_save(str(tmp_path / f"saved.{ending}"), "noised")
    cmd.load(tmp_path / f"saved.{ending}", "back", discrete=discrete)
    assert [cmd.count_atoms(f"back and state {state}") for state in (1, 2, 3)] == [18] * 3
    assert edm_levels("back")["measured"] == pytest.approx(made.table["measured"], abs=1e-3)


def test_residue_names_of_four_letters_stand_where_pymol_has_them(cmd, tmp_path):
    (tmp_path / "one.pdb").write_text(ligand(RING, "LIG1") + "END\n")
    cmd.load(tmp_path / "one.pdb", "one")
    edm_save(str(tmp_path / "ours.pdb"), "one")
    cmd.save(tmp_path / "own.pdb", "one")
    named = [
        [row[:30] for row in (tmp_path / name).read_text().splitlines() if row.startswith("HETATM")]
        for name in ("ours.pdb", "own.pdb")
    ]
    assert named[0] == named[1]
    assert set(read_structure(tmp_path / "ours.pdb").atoms.residue_name) == {"LIG1"}


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_a_loaded_object_of_the_files_name_is_told(cmd, frames, tmp_path, typed, ending):
    said = typed(f"edm_save {tmp_path}/frames.{ending}, frames")
    assert "an object frames is loaded, which PyMOL's load does not replace: type delete frames before load" in said
    assert f"or load {tmp_path}/frames.{ending}, frames_" in said
    assert "does not replace" not in typed(f"edm_save {tmp_path}/other.{ending}, frames")


def test_wrong_words_for_b_factors(cmd, frames, tmp_path, refusal):
    assert "b is 'sigma': give one of displacement, residue" in refusal(f"edm_save {tmp_path}/x.pdb, frames, b=sigma")
    cmd.create("one", "frames", 1, 1)
    assert "one has one state" in refusal(f"edm_save {tmp_path}/x.pdb, one, b=displacement")
    assert os.listdir(tmp_path) == []
