"""edm_save: what PyMOL and gemmi read back is what PyMOL held; what cannot be written leaves the old file."""

import os

import gemmi
import numpy as np
import pytest

from edmnoise_pymol import edm_noise, edm_save

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
