"""edm_noise: state 1 is the reference, states 2, 3, ... are MultiscaleNoise's frames, and the input stays as it was."""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict

import numpy as np
import pytest
import torch

from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise_pymol import edm_noise

SIGMA, SEED, FRAMES = 2.5, 11, 3
WEIGHTS = Weights.of(8.2, 1.6, 1.3)
IDENTITY = tuple(np.eye(4).ravel())

SOURCES = {}


def source(function):
    """Name a way to load something: it returns the selection to noise, and the arguments that go with it."""
    SOURCES[function.__name__] = function
    return function


@source
def crystal(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    return "1tii", {}


@source
def crystal_with_water(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    return "1tii", {"solvent": 1}


@source
def hydrogens_and_blank_chain(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    return "il2", {}


@source
def hydrogens_left_out(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    return "il2", {"hydrogens": 0}


@source
def ligand_and_water(cmd, mda):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    return "1hpv", {"solvent": 1}


@source
def part_of_an_object(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    return "1tii and chain A and resi 4-35", {}


@source
def selection_beside_other_objects(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    cmd.select("pocket", "byres (%1hpv and polymer) within 5 of (%1hpv and organic)")
    return "pocket", {}


@source
def ensemble_by_number(cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    return "nmr", {"state": 3}


@source
def ensemble_as_shown(cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    cmd.frame(7)
    return "nmr", {}


@source
def ensemble_with_a_state_of_its_own(cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    cmd.set("state", 5, "nmr")
    return "nmr", {}


@source
def single_state_while_all_states_are_shown(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.set("all_states", 1)
    return "pept", {}


@source
def discrete(cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr", discrete=1)
    return "nmr", {"state": 4}


@source
def discrete_no_more(cmd, mda):
    if not hasattr(cmd, "set_discrete"):
        pytest.skip("PyMOL 2.5 keeps objects as they are")
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr", discrete=1)
    cmd.set_discrete("nmr", 0)
    return "nmr", {"state": 4}


@source
def mmcif_without_some_coordinates(cmd, mda):
    """The second of two models has atoms that the first one lacks."""
    rows = [
        f"ATOM {n} {e} {a} {c} A {s} {x} 1.0 {m} {s} A {m}"
        for n, (e, a, c, s, x, m) in enumerate(
            [
                *[(e, a, "GLY", 1, i, 1) for i, (e, a) in enumerate([("N", "N"), ("C", "CA"), ("C", "C"), ("O", "O")])],
                *[(e, a, "GLY", 1, i, 2) for i, (e, a) in enumerate([("N", "N"), ("C", "CA"), ("C", "C"), ("O", "O")])],
                *[(e, a, "ALA", 2, 5 + i, 2) for i, (e, a) in enumerate([("N", "N"), ("C", "CA"), ("C", "CB")])],
            ],
            1,
        )
    ]
    tags = "group_PDB id type_symbol label_atom_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z"
    head = "".join(f"_atom_site.{tag}\n" for tag in f"{tags} auth_seq_id auth_asym_id pdbx_PDB_model_num".split())
    cmd.load_raw("data_x\nloop_\n" + head + "\n".join(rows) + "\n#\n", "cif", "gaps")
    assert cmd.count_atoms("gaps") == 7
    assert cmd.count_atoms("gaps and state 1") == 4
    return "gaps", {"state": 1}


@source
def moved_by_its_object_matrix(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.translate([1, 2, 3], object="pept")
    cmd.rotate("y", 40, object="pept")
    return "pept", {}


@source
def moved_by_state_matrices(cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    cmd.set("matrix_mode", 1)
    for state in (1, 2, 3):
        cmd.frame(state)
        cmd.rotate("x", 20 * state, object="nmr", camera=0, state=state)
        cmd.translate([state, 0, 0], object="nmr", camera=0, state=state)
    return "nmr", {"state": 3}


@source
def moved_by_both(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.translate([1, 2, 3], object="pept", camera=0)
    cmd.set("matrix_mode", 1)
    cmd.rotate("z", 70, object="pept", camera=0)
    return "pept", {}


@source
def with_a_record_of_where_it_was(cmd, mda):
    """PyMOL keeps what moved the atoms of a state, to be taken back by matrix_reset."""
    if cmd.get_version()[1] < 2.6:
        pytest.skip("this way of moving an object is not safe on Debian's PyMOL 2.5.0")
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.transform_object("pept", [0, 1, 0, 5, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], state=1)
    assert cmd.get_object_matrix("pept", 1, 0) != IDENTITY
    return "pept", {}


@source
def aligned(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    cmd.copy("other", "pept")
    cmd.rotate("y", 50, "other", camera=0)
    cmd.set("matrix_mode", 1)
    cmd.align("pept", "other", cycles=0)
    return "pept", {}


@source
def alternate_locations(cmd, mda):
    cmd.load(mda("4E43.pdb"), "4e43")
    return "4e43", {"solvent": 1}


@source
def later_alternate_location_is_the_fuller(cmd, mda):
    cmd.fab("GSG", "fab")
    for alt, q, shift in (("A", 0.3, 0), ("B", 0.7, 1)):
        cmd.create("one", "fab")
        cmd.alter("one and resi 2 and name OG+CB", f"alt, q = '{alt}', {q}")
        cmd.alter_state(1, "one and resi 2 and name OG+CB", f"x = x + {shift}")
        cmd.set_name("one", f"one_{alt}")
    cmd.delete("fab")
    cmd.create("both", "one_A or (one_B and resi 2 and name OG+CB)")
    assert cmd.count_atoms("both and alt A") == cmd.count_atoms("both and alt B") == 2
    return "both", {}


@source
def with_hydrogens_added(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.remove("not chain A")
    cmd.h_add("resi 4-35")
    return "1tii", {}


@source
def with_hydrogens_added_and_sorted(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.remove("not chain A")
    cmd.h_add("resi 4-35")
    cmd.sort()
    return "1tii", {}


@source
def relabelled_and_not_sorted(cmd, mda):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.alter("chain A and resi 5+7", "chain = 'Q'")
    cmd.alter("chain C and resi 200", "name = 'X' + name")
    return "1tii and polymer", {}


@source
def in_the_file_s_order(cmd, mda):
    cmd.set("retain_order", 1)
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    return "il2", {}


@source
def sorted_since(cmd, mda):
    in_the_file_s_order(cmd, mda)
    cmd.set("retain_order", 0)
    return "il2", {}


@source
def numbers_used_twice_without_chains(cmd, mda):
    """Copies D and E of a subunit: only their places in the file tell their atoms apart, once PyMOL has sorted them."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    lines = cmd.get_pdbstr("1tii and chain D+E and polymer").splitlines()
    cmd.delete("1tii")
    cmd.load_raw("\n".join(line[:21] + " " + line[22:72] for line in lines if line.startswith("ATOM")), "pdb", "twice")
    return "twice", {}


@source
def one_atom(cmd, mda):
    cmd.pseudoatom("point", pos=[1, 2, 3])
    return "point", {}


def named(name):
    def load(cmd, mda):
        cmd.load("$PYMOL_DATA/demo/pept.pdb", name)
        assert cmd.get_names() == [name]
        return f"%{name}", {}

    return load


SOURCES |= {f"object {name}": named(name) for name in ("all-ish", "1", "7-up.x^y", "a+b", "chain_", "same")}


def expected_atoms(cmd, places, selection, state=-1, hydrogens=1, solvent=0):
    """Which atoms the new object holds, and where: the rules of the help page, followed here a second time."""
    (name,) = cmd.get_object_list(selection)
    state = cmd.get_object_state(name) if state == -1 else state
    kept = places(f"({selection})" + " and not hydro" * (not hydrogens) + " and not solvent" * (not solvent), state)
    occupancy = defaultdict(float)
    found = []
    cmd.iterate(f"({selection}) and not alt ''", "found.append((segi, chain, resi, alt, q))", space={"found": found})
    for *residue, alt, q in found:
        occupancy[(*residue, alt)] += q

    def is_fullest(segi, chain, resi, resn, name, alt, identity):
        rivals = [(-round(q, 3), a) for (*place, a), q in occupancy.items() if place == [segi, chain, resi]]
        return alt == "" or alt == min(rivals)[1]

    return {key: where for key, where in kept.items() if is_fullest(*key)}


@pytest.mark.parametrize("load", SOURCES.values(), ids=SOURCES)
def test_new_object_holds_the_reference_and_exactly_the_frames_and_the_input_stays(
    cmd, mda, snapshot, atoms, places, structure_of, frames_of, load
):
    selection, arguments = load(cmd, mda)
    cmd.turn("x", 30)
    expected = expected_atoms(cmd, places, selection, **arguments)
    before = snapshot()

    result = edm_noise(selection, sigma=SIGMA, weights="8.2 1.6 1.3", frames=FRAMES, seed=SEED, **arguments)

    assert snapshot(leave_out=[result.name]) == before
    assert cmd.count_states(f"%{result.name}") == FRAMES + 1
    assert all(cmd.get_object_matrix(result.name, state) == IDENTITY for state in range(1, FRAMES + 2))
    made = places(f"%{result.name}", 1)
    assert made.keys() == expected.keys()
    for key, where in made.items():
        assert np.array_equal(where, expected[key])

    structure = structure_of(result.name)
    noise = MultiscaleNoise(structure.hierarchy, WEIGHTS)
    frames = noise.frames(SIGMA, FRAMES, SEED, torch.tensor(structure.coordinates)).numpy()
    assert frames_of(result.name).dtype == np.float32
    assert np.array_equal(frames_of(result.name), frames)
    assert np.array_equal(result.structure.coordinates, structure.coordinates)
    assert result.structure.hierarchy.counts == structure.hierarchy.counts
    assert result.structure.atoms.name.tolist() == atoms(f"%{result.name}", "name")


def test_numbers_used_twice_are_two_chains(cmd, mda):
    numbers_used_twice_without_chains(cmd, mda)
    hierarchy = edm_noise("twice", frames=1).structure.hierarchy
    assert hierarchy.counts == (cmd.count_atoms("twice"), 2 * 98, 2)


def test_a_view_a_movie_settings_selections_and_what_is_shown_stay(cmd, mda, snapshot):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.mset("1 x5 1 -24")
    cmd.frame(9)
    cmd.select("trace", "name CA")
    cmd.disable("nmr")
    cmd.show("sticks", "nmr and resi 5")
    cmd.set("stick_radius", 0.5, "nmr")
    cmd.set("state", 2, "nmr")
    cmd.spectrum("b", "blue_red", "1tii")
    cmd.label("1tii and resi 5 and name CA", "resn")
    cmd.set_title("nmr", 3, "third")
    cmd.group("all_of_it", "nmr 1tii")
    cmd.turn("y", 50)
    cmd.zoom("nmr")
    before = snapshot()
    edm_noise("nmr", frames=40, name="made")
    assert snapshot(leave_out=["made"]) == before


def test_everything_that_an_atom_is_goes_along(cmd, atoms):
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    cmd.alter("il2", "b, q, vdw, partial_charge = index % 50, 0.5, 1.25, 0.1")
    cmd.show("spheres", "name CA")
    result = edm_noise("il2", frames=1)
    facts = "(segi, chain, resi, resn, name, elem, b, q, vdw, partial_charge, formal_charge, reps, ss, type)"
    assert atoms("il2", facts) == atoms(f"%{result.name}", facts)


def test_bonds_are_those_of_the_input(cmd):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    edm_noise("1hpv", frames=1, solvent=1, name="made")
    bonded = [{frozenset(bond.index) for bond in cmd.get_model(name).bond} for name in ("1hpv", "made")]
    assert bonded[0] == bonded[1]
    assert bonded[0]


@pytest.mark.parametrize("distribution", ["alphafold3", "lucidrains", "wide"])
def test_z_and_sigma_say_the_same(cmd, frames_of, distribution):
    cmd.fab("AG", "fab")
    z = -0.5
    constants = sigma_distribution(distribution)
    sigma = constants.sigma(z)
    by_z = edm_noise("fab", z=z, distribution=distribution, frames=2, name="by_z")
    by_sigma = edm_noise("fab", sigma=repr(sigma), frames=2, name="by_sigma")
    assert by_z.provenance.sigma == by_sigma.provenance.sigma == sigma
    assert by_z.provenance.z == pytest.approx(z)
    assert np.array_equal(frames_of("by_z"), frames_of("by_sigma"))


def test_left_out_z_is_zero(cmd, frames_of):
    cmd.fab("AG", "fab")
    edm_noise("fab", frames=2, name="left_out")
    edm_noise("fab", z=0, frames=2, name="zero")
    assert np.array_equal(frames_of("left_out"), frames_of("zero"))


def test_what_is_typed_and_what_is_called_give_the_same_frames(cmd, typed, frames_of):
    cmd.fab("AGW", "fab")
    typed("edm_noise fab and resi 1-2, -1, 1 4 4, 5, multiscale, typed, 3, 1, 0, 1")
    edm_noise("fab and resi 1-2", z=-1.0, weights=[1, 4, 4], frames=5, name="called", seed=3, hydrogens=False)
    assert np.array_equal(frames_of("typed", 1), frames_of("called", 1))


@pytest.mark.parametrize("line", ["edm_noise 'fab', z='-1', name='q1'", 'edm_noise "fab", z = -1, name = "q1"'])
def test_typed_quotes_are_no_part_of_a_word(cmd, typed, line):
    cmd.fab("AG", "fab")
    typed(line)
    assert cmd.get_names() == ["fab", "q1"]


def test_a_blank_between_commas_is_the_default(cmd, typed, frames_of):
    cmd.fab("AG", "fab")
    typed("edm_noise fab,,,2,, blank")
    typed("edm_noise fab, frames=2, name=default")
    assert np.array_equal(frames_of("blank"), frames_of("default"))


def test_other_seeds_give_other_frames_and_more_frames_begin_with_the_fewer(cmd, frames_of):
    cmd.fab("AG", "fab")
    for name, seed, frames in (("one", 0, 2), ("two", 1, 2), ("more", 0, 5)):
        edm_noise("fab", seed=seed, frames=frames, name=name)
    assert np.array_equal(frames_of("one"), frames_of("more")[:2])
    assert not np.isclose(frames_of("one"), frames_of("two")).any()


def test_many_frames_come_in_blocks_and_in_order(cmd, structure_of, frames_of):
    """1,479 atoms x 400 frames are more than the noise makes at a time."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain A", frames=400, sigma=1, name="many")
    structure = structure_of("many")
    noise = MultiscaleNoise(structure.hierarchy, Weights.named("flat"))
    mean = torch.tensor(structure.coordinates)
    assert len(list(noise.blocks(1.0, 400, 0, mean))) > 1
    assert np.array_equal(frames_of("many"), noise.frames(1.0, 400, 0, mean).numpy())


def test_names_follow_the_object_and_are_numbered_where_taken(cmd):
    cmd.fab("AG", "Fab")
    assert edm_noise("Fab", frames=1).name == "Fab_noise"
    second = edm_noise("Fab", frames=1).name
    assert second not in ("Fab", "Fab_noise")
    cmd.set_name("Fab_noise", "FAB_NOISE")  # to PyMOL the same name
    third = edm_noise("Fab", frames=1).name
    assert len(cmd.get_names()) == 4
    assert third in cmd.get_names()


def test_result_says_what_was_done_and_the_text_says_the_same(cmd, typed):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    said = typed("edm_noise 1tii and chain A, sigma=2, weights=current, frames=4, name=made, seed=9")
    assert "object made: reference and 4 frames" in said
    assert "sigma = 2 A" in said
    assert "weights current" in said
    assert "seed 9" in said
    assert "residue in chain" in said
    result = edm_noise("1tii and chain A", sigma=2, weights="current", frames=4, seed=9)
    assert str(result.table) in said
    assert result.provenance.seed == 9
    assert result.provenance.noise.weights == WEIGHTS


def test_what_is_left_out_is_said(cmd, mda, typed):
    cmd.load(mda("4E43.pdb"), "4e43")
    others = cmd.count_atoms("4e43 and not solvent and alt B")
    assert f"{others} atoms of alternate locations left out" in typed("edm_noise 4e43, frames=1")


def test_quiet_by_python_and_not_when_typed(cmd, typed, capsys):
    cmd.fab("AG", "fab")
    edm_noise("fab", frames=1)
    assert capsys.readouterr().out == ""
    assert typed("edm_noise fab, frames=1") != ""
    assert typed("edm_noise fab, frames=1, quiet=1") == ""


def test_nothing_stays_behind(cmd, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cmd.fragment("ala")
    edm_noise("ala", frames=2, name="made")
    assert cmd.get_names("all") == ["ala", "made"]  # hidden names among them
    assert list(tmp_path.iterdir()) == []


def test_folders_of_processes_that_were_killed_are_removed(cmd, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for owner in (ended.pid, os.getpid()):
        (tmp_path / f"edmnoise_frames_{owner}_x").mkdir()
    (tmp_path / "edmnoise_frames_of_mine").mkdir()
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=2)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"edmnoise_frames_{os.getpid()}_x", "edmnoise_frames_of_mine"}
