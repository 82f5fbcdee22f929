"""Files laid out as programs lay them out open as what they are: order, kind, scale, columns, names and levels."""

import pickle
from itertools import pairwise

import biotite.structure
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

import edmnoise as edm
from edmnoise.trajectories.files import read_trajectory
from edmnoise.trajectories.files.boltzgen import dilated_levels

ROUNDED = 6e-4
"""Angstrom: half of the last of three decimals, in float32."""


def asked(between, gamma):
    """Levels of Algorithm 18 of AlphaFold 3's supplement, by its text: churn where the next level is above 1 A."""
    return [now * (1 + (gamma if after > 1 else 0)) for now, after in pairwise(between)]


def rms_after_fit(frame, target):
    fitted, _ = biotite.structure.superimpose(target.astype(np.float64), frame.astype(np.float64))
    return np.sqrt(np.mean((fitted - target) ** 2))


def test_levels_of_boltzgen_by_its_formula():
    """Steps are counted in each part: the dilated one takes 2.667 times its own share."""
    levels = dilated_levels(501)
    assert (levels[0], levels[-2], levels[-1]) == pytest.approx((2560.0, 0.0064, 0.0))
    assert (np.diff(levels) < 0).all()
    u = (levels[:-1] ** (1 / 7) - 2560 ** (1 / 7)) / (0.0064 ** (1 / 7) - 2560 ** (1 / 7))
    share = ((u > 0.6) & (u < 0.8)).mean()
    assert share == pytest.approx(0.2 * 2.667, abs=0.003)
    others = (u <= 0.6).mean() / (u >= 0.8).mean()
    assert others == pytest.approx(0.6 / 0.2, abs=0.05)


@pytest.fixture(scope="module")
def boltzgen(make, tmp_path_factory):
    """Both files of a design, each turned anew from step to step."""
    steps = 40
    run = make(dilated_levels(steps)[:-1])
    folder = tmp_path_factory.mktemp("boltzgen")
    run.pdb(folder / "design_traj.pdb", [*run.noisy, run.end, run.end])
    run.pdb(folder / "design_x0_traj.pdb", run.denoised)
    return folder, run


def test_boltzgen(boltzgen):
    folder, run = boltzgen
    trace = read_trajectory(folder / "design_traj.pdb")
    assert trace.info["program"] == "BoltzGen"
    assert trace.kinds == ("noisy", "denoised")
    assert trace.steps.tolist() == list(range(1, 41))
    np.testing.assert_allclose(trace.sigmas, asked(dilated_levels(40), 0.8), rtol=1e-12)
    assert np.abs(trace.frames("denoised", 0) - run.denoised).max() < ROUNDED
    assert np.abs(trace.final - run.end).max() < ROUNDED
    # Samples were laid on their estimates as wholes.
    for frame, known in zip(trace.frames("noisy", 0), run.noisy, strict=True):
        assert rms_after_fit(frame, known) < 1e-3
    assert any("overran" in said for said in trace.info["repairs"])
    assert trace.structure.atoms.name.tolist() == run.structure.atoms.name.tolist()


def test_boltzgen_one_kind(boltzgen):
    """Columns that overran hold every atom to .001 A; between steps levels are those without churn."""
    folder, run = boltzgen
    assert np.abs(run.noisy).max() > 5000
    trace = read_trajectory(folder / "design_x0_traj.pdb", kind="noisy")
    assert np.abs(trace.frames("noisy", 0) - run.noisy).max() <= 0.001
    np.testing.assert_allclose(trace.sigmas, dilated_levels(40)[:-1])
    assert "denoised" not in trace.kinds
    only = read_trajectory(folder / "design_traj.pdb", kind="denoised")
    assert (only.kinds, only.final) == (("denoised",), None)


def test_boltzgen_names_are_those_of_the_last_model(make, tmp_path):
    """It guesses them anew in each frame."""
    run = make(dilated_levels(4)[:-1])
    atoms = run.structure.atoms
    lines = []
    for number, frame in enumerate(run.denoised, 1):
        names = atoms.name if number == 4 else ["X"] * len(atoms)
        lines += [f"MODEL     {number}", *run.pdb_lines(frame, names=names), "ENDMDL"]
    (tmp_path / "d_x0_traj.pdb").write_text("\n".join(lines))
    trace = read_trajectory(tmp_path / "d_x0_traj.pdb")
    assert trace.structure.atoms.name.tolist() == atoms.name.tolist()
    assert any("name their atoms anew" in said for said in trace.info["repairs"])


def test_another_programs_traj_is_not_boltzgens(make, tmp_path):
    run = make([20.0, 5.0, 1.0])
    run.pdb(tmp_path / "mine_traj.pdb", [*run.noisy, run.end])
    assert read_trajectory(tmp_path / "mine_traj.pdb").info["program"] != "BoltzGen"


def test_boltzgen_files_of_two_runs(make, tmp_path):
    run = make(dilated_levels(6)[:-1])
    run.pdb(tmp_path / "d_traj.pdb", [*run.noisy, run.end, run.end])
    run.pdb(tmp_path / "d_x0_traj.pdb", run.denoised[:-1])
    with pytest.raises(
        edm.EdmNoiseError, match=r"of other runs: 8 noisy frames of 253 atoms and 5 denoised of 253, where 7 "
    ):
        read_trajectory(tmp_path / "d_traj.pdb")
    assert len(read_trajectory(tmp_path / "d_traj.pdb", kind="noisy").steps) == 6


def turned(frames, seed):
    """Each frame turned at random about its centre."""
    turns = Rotation.random(len(frames), random_state=seed).as_matrix().astype(np.float32)
    centre = frames.mean(axis=1, keepdims=True)
    return (frames - centre) @ turns


def scaled(run):
    return run.noisy * (16 / np.sqrt(run.levels**2 + 256))[:, None, None]


def edm_levels(timesteps, gamma):
    """Of num_timesteps levels there is a step from each but the last."""
    return np.array(asked(edm.karras(timesteps, 4e-4 * 16, 160 * 16, grid="linspace").sigmas, gamma))


@pytest.mark.parametrize("given", ["_denoised_model_0.cif", "_noisy_model_0.cif"])
def test_rfdiffusion3_is_unswapped_and_unscaled(make, tmp_path, given):
    run = make(edm_levels(41, 0.6))
    run.cif(tmp_path / "d_denoised_model_0.cif", scaled(run)[::-1])
    run.cif(tmp_path / "d_noisy_model_0.cif", run.denoised[::-1])
    trace = read_trajectory(tmp_path / f"d{given}")
    assert trace.info["program"] == "RFdiffusion 3"
    np.testing.assert_allclose(trace.sigmas, run.levels)
    assert np.abs(trace.frames("denoised", 0) - run.denoised).max() < ROUNDED
    scale = np.sqrt(run.levels**2 + 256)[:, None, None] / 16
    assert (np.abs(trace.frames("noisy", 0) - run.noisy) <= ROUNDED * scale).all()
    assert any("named for each other" in said for said in trace.info["repairs"])
    only = read_trajectory(tmp_path / f"d{given}", kind="denoised")
    assert only.kinds == ("denoised",)
    assert np.abs(only.frames("denoised", 0) - run.denoised).max() < ROUNDED


@pytest.mark.parametrize(("realigned", "how"), [(False, "motion"), (True, "superposition")])
def test_rfdiffusion3_lies_in_one_frame_unless_it_was_told_to_turn(make, tmp_path, realigned, how):
    run = make(edm_levels(21, 0.6))
    frames = turned(run.denoised, 5) if realigned else run.denoised
    run.cif(tmp_path / "d_noisy_model_0.cif", frames[::-1])
    run.cif(tmp_path / "d_denoised_model_0.cif", scaled(run)[::-1])
    trace = read_trajectory(tmp_path / "d_denoised_model_0.cif", kind="denoised")
    made = edm.run_of(trace)
    assert made.laid.how == how
    if not realigned:
        fit, _ = biotite.structure.superimpose(made.final[0], run.denoised[-1])
        assert np.abs(fit - made.final[0]).max() < 0.01
        shift = made.denoised[:, 0] - made.denoised[:, 0].mean(axis=1, keepdims=True)
        own = run.denoised - run.denoised.mean(axis=1, keepdims=True)
        wanted = np.linalg.norm(own[0] - own[-1], axis=1)
        np.testing.assert_allclose(np.linalg.norm(shift[0] - shift[-1], axis=1), wanted, atol=0.01)


def test_rfdiffusion3_cut_to_a_hundred_frames(make, tmp_path):
    """Steps are those that it takes of its usual 199; of another run they follow from the levels that are given."""
    for timesteps, schedule in ((200, None), (121, edm_levels(121, 0.6).tolist())):
        taken = torch.linspace(0, timesteps - 2, 100).long().numpy()
        levels = edm_levels(timesteps, 0.6)[taken]
        run = make(levels)
        folder = tmp_path / str(timesteps)
        folder.mkdir()
        run.cif(folder / "d_denoised_model_3.cif", scaled(run)[::-1])
        trace = read_trajectory(folder / "d_denoised_model_3.cif", schedule=schedule)
        assert trace.kinds == ("noisy",)
        assert trace.steps.tolist() == (taken + 1).tolist()
        np.testing.assert_allclose(trace.sigmas, levels)


def test_rf3_is_not_swapped(make, tmp_path):
    run = make(edm_levels(21, 0.8))
    noisy = turned(scaled(run), 3)
    run.cif(tmp_path / "e_denoised_model_1.cif", run.denoised[::-1])
    run.cif(tmp_path / "e_noisy_model_1.cif", noisy[::-1])
    trace = read_trajectory(tmp_path / "e_noisy_model_1.cif")
    assert trace.info["program"] == "RF3"
    np.testing.assert_allclose(trace.sigmas, run.levels)
    assert np.abs(trace.frames("denoised", 0) - run.denoised).max() < ROUNDED
    for frame, known in zip(trace.frames("noisy", 0)[-5:], run.noisy[-5:], strict=True):
        assert rms_after_fit(frame, known) < 2e-3


def test_partial_diffusion_has_no_levels_of_its_own(make, tmp_path):
    run = make([8.0, 4.0, 2.0, 1.0])
    run.cif(tmp_path / "p_denoised_model_0.cif", scaled(run)[::-1])
    run.cif(tmp_path / "p_noisy_model_0.cif", run.denoised[::-1])
    trace = read_trajectory(tmp_path / "p_noisy_model_0.cif")
    assert np.isnan(trace.sigmas).all()
    assert "began with a structure in noise" in trace.info["sigma"]
    given = read_trajectory(tmp_path / "p_noisy_model_0.cif", schedule=run.levels.tolist())
    assert np.abs(given.frames("noisy", 0) - run.noisy).max() < 2e-3


def test_rfdiffusion(make, tmp_path):
    """What a step made is given to the next one; the end is what the last one made."""
    run = make(np.geomspace(200, 0.1, 20))
    after = [*run.noisy[1:], run.end]
    run.pdb(tmp_path / "d_0_Xt-1_traj.pdb", after[::-1], opened=False, element=False)
    run.pdb(tmp_path / "d_0_pX0_traj.pdb", run.denoised[::-1], opened=False, element=False)
    trace = read_trajectory(tmp_path / "d_0_pX0_traj.pdb")
    assert trace.info["program"] == "RFdiffusion"
    assert trace.steps.tolist() == list(range(2, 21))
    assert np.abs(trace.frames("noisy", 0) - run.noisy[1:]).max() < ROUNDED
    assert np.abs(trace.frames("denoised", 0) - run.denoised[1:]).max() < ROUNDED
    assert np.abs(trace.final[0] - run.end).max() < ROUNDED
    assert trace.structure.atoms.element.tolist() == run.structure.atoms.element.tolist()


def test_levels_of_rfdiffusion_by_drawing(make, tmp_path):
    """Noise over signal after its own forward process, drawn step by step."""
    run = make(np.ones(50))
    run.pdb(tmp_path / "d_pX0_traj.pdb", run.denoised[::-1], opened=False)
    levels = read_trajectory(tmp_path / "d_pX0_traj.pdb").sigmas
    signal, noise, found = 1.0, 0.0, []
    for t in range(50):
        beta = (0.01 + 0.06 * t / 49) * 4
        signal, noise = signal * np.sqrt(1 - beta), noise * (1 - beta) + beta
        found.append(4 * np.sqrt(noise) / signal)
    np.testing.assert_allclose(levels, found[::-1])


@pytest.mark.parametrize("how", ["npy", "pt"])
def test_lucidrains(make, tmp_path, how):
    levels = edm.karras(12, 0.001, 40.0).sigmas
    run = make(levels[:-1])
    both = np.stack([np.stack([*run.noisy, run.end]), np.stack([*run.noisy[:, ::-1], run.end[::-1]])], axis=1)
    path = tmp_path / f"all.{how}"
    np.save(path, both) if how == "npy" else torch.save(torch.tensor(both), path)
    trace = read_trajectory(path, structure=run.structure)
    assert (trace.samples, trace.kinds) == (2, ("noisy",))
    np.testing.assert_allclose(trace.sigmas, levels[:-1])
    assert np.array_equal(trace.frames("noisy", 1), both[:-1, 1])
    assert np.array_equal(trace.final, both[-1])
    assert trace.structure is run.structure


def test_a_torch_file_of_other_things_is_not_opened(tmp_path, recwarn):
    """In our words: torch's advise to open it all the same."""
    (tmp_path / "run.pt").write_bytes(pickle.dumps({"a": print}))
    with pytest.raises(edm.EdmNoiseError, match=r"run.pt: it holds other things than a tensor, and a pickle is never"):
        read_trajectory(tmp_path / "run.pt")
    assert not list(recwarn)


def test_lucidrains_of_another_start_has_no_levels(make, tmp_path):
    run = make([100.0, 3.0])
    np.save(tmp_path / "all.npy", np.stack([*run.noisy, run.end])[:, None])
    trace = read_trajectory(tmp_path / "all.npy")
    assert np.isnan(trace.sigmas).all()
    assert "no level is known" in trace.info["sigma"]
    assert read_trajectory(tmp_path / "all.npy", schedule=[100, 3, 0]).sigmas.tolist() == [100, 3]


@pytest.mark.filterwarnings("ignore")
def test_proteina(make, tmp_path):
    from mdtraj.formats import XTCTrajectoryFile

    run = make([30.0, 5.0, 1.0])
    frames = np.stack([*run.noisy, run.end])
    with XTCTrajectoryFile(str(tmp_path / "x_trajectory_x1.xtc"), "w") as file:
        file.write((frames / 10).astype(np.float32))
    edm.write_frames(tmp_path / "x.cif", run.structure, run.structure.coordinates[None])
    trace = read_trajectory(tmp_path / "x_trajectory_x1.xtc")
    assert trace.info["program"] == "RFD4-Proteina"
    assert np.abs(trace.frames("noisy", 0) - frames[:-1]).max() < 0.006  # XTC files hold hundredths of an angstrom
    assert trace.structure.n_atoms == run.structure.n_atoms
    assert "atoms are named by x.cif" in trace.info["repairs"]
