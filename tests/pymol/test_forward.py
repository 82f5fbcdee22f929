"""Noise that is forward only is drawn, measured, shaken and swept like any other, and refused where it has no place."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import measure_displacement
from edmnoise.learning.train import Training
from edmnoise.noise.process import PROCESSES, NoiseChoice
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.study.levels import ATOM, RESIDUE_IN_CHAIN
from edmnoise.sweep.results import tables
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.tasks import plan, run_task
from edmnoise_pymol import edm_damage, edm_levels, edm_table
from edmnoise_pymol.job import run_inline
from edmnoise_pymol.jobs.live import live
from edmnoise_pymol.jobs.live_facts import measured, table
from edmnoise_pymol.scene.selected import Selected
from edmnoise_pymol.scene.titles import Provenance

FORWARD = [name for name, known in PROCESSES.items() if known.forward_only]


@pytest.fixture
def helix(cmd, pymol_data):
    """Residues 4 to 20 of 1TII's chain A."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    cmd.create("helix", "whole and chain A and resi 4-20")
    cmd.delete("whole")
    return "helix"


@pytest.mark.parametrize("name", FORWARD)
def test_states_are_frames_that_can_be_drawn_again(cmd, helix, typed, frames_of, structure_of, name):
    said = typed(f"edm_noise {helix}, sigma=2, process={name}, frames=3, seed=4, name=made")
    assert f"{name} noise" in said
    titles = [cmd.get_title("made", state) for state in range(1, 5)]
    made = Provenance.of(titles)
    structure = structure_of("made")
    again = made.noise.on(structure).frames(made.sigma, 3, made.seed, structure.coordinates)
    np.testing.assert_allclose(frames_of("made"), again, atol=1e-5)
    levels = edm_levels("made")
    expected = np.isfinite(levels["expected"])
    assert expected.all() if name != "torsions" else not expected.any()
    assert "Nothing to expect" in " ".join(edm_levels("made", align="superpose").notes)


@pytest.mark.parametrize("name", FORWARD)
def test_live_shows_the_first_frame_at_each_level(cmd, helix, coords, structure_of, name):
    """Not one draw scaled: that of edm_noise at this very level. So are its curves and its table."""
    noise = NoiseChoice(name)
    made = run_inline(live(cmd, Selected(helix), noise, seed=3))
    structure = made.structure
    for sigma in (0.5, 8.0):
        assert made.show(sigma, noise)
        frame = noise.on(structure).frames(sigma, 1, 3, structure.coordinates)
        np.testing.assert_allclose(coords(made.name), frame[0], atol=1e-5)
        assert made.at(sigma, noise) is made.at(sigma, noise)  # drawn once for all that shows or measures it
        moved = measure_displacement(structure, [frame])
        curves = run_inline(measured(cmd, made, sigma, noise)).at(sigma)
        np.testing.assert_allclose(sorted(curves.mean), sorted(np.sqrt(moved.by_group[RESIDUE_IN_CHAIN])), rtol=1e-4)
        shown = run_inline(table(made, sigma, noise, "summary", "none"))
        assert shown["measured"][shown["displacement"].index("atom")] == pytest.approx(moved.rms(ATOM), rel=1e-4)
    made.close()


def test_tables_and_damage_take_them(helix):
    row = edm_table(helix, z=[0], draws=2, process="frames").rows()[0]
    assert row["noise"] == "frames"
    assert row["atom in residue"] == pytest.approx(row["in residue expected"], rel=0.5)
    assert np.isnan(edm_table(helix, z=[0], draws=2, process="torsions")["in residue expected"]).all()
    damage = edm_damage(helix, z=[0], draws=2, process="torsions")
    assert damage.table["bond lengths off"] == pytest.approx([0.0], abs=1e-4)


@pytest.mark.parametrize(
    "line", ["edm_sample helix", "edm_compare helix", "edm_return helix", "edm_error helix, states"]
)
def test_what_needs_a_covariance_refuses_before_any_work(helix, refusal, line):
    said = refusal(f"{line}, process=torsions")
    assert said.startswith("torsions noise is forward only (not linear Gaussian): no covariance")


def test_a_training_and_a_study_of_samples_refuse_them(tmp_path):
    with pytest.raises(EdmNoiseError, match=r"^frames noise is forward only"):
        Training(noise=NoiseChoice("frames"))
    (tmp_path / "s.toml").write_text(
        'structures = "s.pdb"\nmeasures = ["freeze_out"]\nprocesses = ["multiscale", "frames"]\nz = 0\n'
    )
    with pytest.raises(EdmNoiseError, match=r"line 3: .*frames noise is forward only"):
        read_settings(tmp_path / "s.toml")


def test_no_atoms_are_held_while_torsions_turn(helix, refusal):
    said = refusal("edm_noise helix, sigma=1, process=torsions, move=resi 4-9")
    assert said == "torsions noise moves all that follows, and no atoms can be held: leave move= away"


def test_a_sweep_draws_them(tmp_path, fragment):
    write_frames(tmp_path / "s.pdb", fragment, fragment.coordinates[None])
    (tmp_path / "s.toml").write_text(
        'structures = "s.pdb"\nmeasures = ["levels", "damage"]\nprocesses = ["frames", "torsions turn=0.05"]\n'
        "sigma = 3.0\ndraws = 2\n"
    )
    planned = plan(read_settings(tmp_path / "s.toml"))
    done = {task.key: run_task(task.source, task.setting) for task in planned.tasks()}
    made = tables(planned, done)["levels"].rows()
    structure = read_structure(tmp_path / "s.pdb")
    for row, name in zip(made, ("frames turn=0.1", "torsions turn=0.05 omega=1.0"), strict=True):
        assert row["process"] == name
        process = NoiseChoice.parse(name).on(structure)
        moved = measure_displacement(structure, process.blocks(3.0, 2, 0, structure.coordinates))
        assert row["residue in chain"] == pytest.approx(moved.rms(RESIDUE_IN_CHAIN), rel=1e-6)
    assert made[0]["in chain expected"] > 0
    assert made[1]["in chain expected"] is None
