"""Any trajectory: frames as independent readers have them, order and kind by content, levels by name or list."""

import gzip
import re
import sys
from itertools import pairwise

import biotite.structure.io.pdb
import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import edmnoise as edm
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise.trajectories.files import read_trajectory
from edmnoise.trajectories.files.content import noise_first

LEVELS = edm.sampler_preset("boltz2").schedule(12).sigmas


@pytest.fixture(scope="module")
def run(make):
    return make(np.minimum(LEVELS[:-1], 150.0))  # within the columns of a PDB file


@pytest.fixture(scope="module")
def files(run, tmp_path_factory):
    """The same samples in files of several kinds, and what they hold: (13, 253, 3)."""
    folder = tmp_path_factory.mktemp("plain")
    frames = np.stack([*run.noisy, run.end]).astype(np.float32)
    run.pdb(folder / "run.pdb", frames)
    run.cif(folder / "run.cif", frames)
    (folder / "run.cif.gz").write_bytes(gzip.compress((folder / "run.cif").read_bytes()))
    edm.write_frames(folder / "ours.cif", run.structure, frames)
    with open(folder / "run.dcd", "wb") as handle:
        DcdWriter(handle, *frames.shape[:2]).write(frames)
    with open(folder / "backwards.dcd", "wb") as handle:
        DcdWriter(handle, *frames.shape[:2]).write(frames[::-1])
    with open(folder / "estimates.dcd", "wb") as handle:
        DcdWriter(handle, *run.denoised.shape[:2]).write(run.denoised)
    return folder, frames


@pytest.mark.parametrize("name", ["run.pdb", "run.cif", "run.cif.gz", "ours.cif", "run.dcd", "backwards.dcd"])
def test_samples_of_any_file(files, run, name):
    folder, frames = files
    trace = read_trajectory(folder / name, schedule="Boltz-2")
    assert (trace.kinds, trace.samples, trace.ended) == (("noisy",), 1, True)
    assert trace.sigmas.tolist() == list(LEVELS[:-1])
    assert np.abs(trace.frames("noisy", 0) - frames[:-1]).max() <= 6e-4
    assert np.abs(trace.final - frames[-1:]).max() <= 6e-4
    assert any(("turned round" in said) == (name == "backwards.dcd") for said in trace.info["repairs"])
    if not name.endswith("dcd"):
        assert trace.structure.atoms.name.tolist() == run.structure.atoms.name.tolist()
        assert repr(trace.structure) == repr(run.structure)


def test_estimates_were_asked_at_levels_with_churn(files, run):
    trace = read_trajectory(files[0] / "estimates.dcd", schedule="boltz2", structure=run.structure)
    assert trace.kinds == ("denoised",)
    assert trace.sigmas.tolist() == [now * (1.8 if after > 1 else 1) for now, after in pairwise(LEVELS)]
    assert np.array_equal(trace.frames("denoised", 0), run.denoised)
    assert trace.final is None


def test_frames_as_gemmi_and_biotite_read_them(files):
    folder, _ = files
    theirs = biotite.structure.io.pdb.PDBFile.read(str(folder / "run.pdb")).get_coord()
    ours = read_trajectory(folder / "run.pdb")
    np.testing.assert_allclose(np.concatenate([ours.frames("noisy", 0), ours.final]), theirs, rtol=1e-6)
    models = gemmi.read_structure(str(folder / "run.cif"))
    theirs = np.array([[atom.atom.pos.tolist() for atom in model.all()] for model in models], np.float32)
    ours = read_trajectory(folder / "run.cif")
    np.testing.assert_allclose(np.concatenate([ours.frames("noisy", 0), ours.final]), theirs, rtol=1e-6)


def test_rows_that_are_not_lines_are_read_all_the_same(files, tmp_path):
    folder, frames = files
    text = (folder / "run.cif").read_text()
    broken = re.sub(r"^(ATOM +\S+)", r"\1\n", text, flags=re.MULTILINE)
    assert broken != text
    (tmp_path / "rows.cif").write_text(broken)
    trace = read_trajectory(tmp_path / "rows.cif")
    assert np.abs(trace.frames("noisy", 0) - frames[:-1]).max() <= 6e-4
    assert trace.structure.n_atoms == 253


@pytest.mark.filterwarnings("ignore")  # as with mdtraj everywhere: names that pyparsing gives up
@pytest.mark.parametrize("missing", ["MDAnalysis", "mdtraj", "both"])
def test_xtc_by_either_package(files, tmp_path, monkeypatch, missing):
    from mdtraj.formats import XTCTrajectoryFile

    with XTCTrajectoryFile(str(tmp_path / "run.xtc"), "w") as file:
        file.write(files[1] / 10)
    gone = {"MDAnalysis": "MDAnalysis.lib.formats.libmdaxdr", "mdtraj": "mdtraj.formats"}
    for name in gone.values() if missing == "both" else [gone[missing]]:
        monkeypatch.setitem(sys.modules, name, None)
    if missing == "both":
        with pytest.raises(edm.EdmNoiseError, match="XTC files need mdtraj or MDAnalysis: pip install mdtraj"):
            read_trajectory(tmp_path / "run.xtc")
    else:
        trace = read_trajectory(tmp_path / "run.xtc")
        assert np.abs(trace.frames("noisy", 0) - files[1][:-1]).max() < 0.006


def test_without_a_schedule_steps_have_numbers_alone(files):
    trace = read_trajectory(files[0] / "run.dcd")
    assert trace.steps.tolist() == list(range(1, 13))
    assert np.isnan(trace.sigmas).all()


def test_which_end_is_noise(run):
    """Estimates spread alike at both ends, and settle; noise may spread less than a structure."""
    for frames in (run.noisy, run.denoised, run.end + run.denoised[::-1]):
        assert noise_first(frames)[0] == (not noise_first(frames[::-1])[0])
    assert noise_first(run.denoised)[0]
    share = np.linspace(0.05, 1, 9)[:, None, None]  # means over all turns are a point
    assert noise_first((share * run.end).astype(np.float32))[0]
    narrow = np.linspace(1, 0, 9)[:, None, None] * np.random.default_rng(0).normal(scale=4, size=(9, 253, 3))
    assert noise_first(narrow + np.linspace(0, 1, 9)[:, None, None] * run.end)[0]


@pytest.mark.parametrize("seed", range(4))
def test_which_end_is_noise_however_frames_are_turned(run, seed):
    """Programs turn their samples at each step; estimates still settle, and not by where they lie."""
    turns = Rotation.random(len(run.denoised), rng=seed).as_matrix()
    frames = np.einsum("fnd,fde->fne", run.denoised, turns).astype(np.float32)
    assert noise_first(frames)[0]
    assert not noise_first(frames[::-1])[0]


def test_levels_that_are_given(files):
    path = files[0] / "run.dcd"
    given = np.geomspace(50, 1, 13).tolist()
    assert read_trajectory(path, schedule=given).sigmas.tolist() == given[:-1]
    denoised = read_trajectory(path, schedule=[*given, 0.0], kind="denoised")
    assert denoised.sigmas.tolist() == given


def test_models_of_other_atoms(make, tmp_path):
    run = make([5.0, 1.0])
    lines = ["MODEL 1", *run.pdb_lines(run.end), "ENDMDL", "MODEL 2", *list(run.pdb_lines(run.end))[:-1], "ENDMDL"]
    (tmp_path / "two.pdb").write_text("\n".join(lines))
    with pytest.raises(edm.EdmNoiseError, match=r"two\.pdb: model 2 holds 252 atoms and model 1 253"):
        read_trajectory(tmp_path / "two.pdb")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schedule": "boltz9"}, "no sampler preset 'boltz9': the known ones are alphafold3, boltz1"),
        ({"schedule": [3.0, 2.0]}, "the schedule has 2 levels and the file 13 frames: give one for each"),
        ({"schedule": np.arange(13.0)}, "the schedule does not fall"),
        ({"kind": "both"}, "kind is 'both': give noisy or denoised"),
        ({"structure": "gone.cif"}, r"cannot read gone\.cif"),
    ],
)
def test_what_is_given_beside_the_file(files, options, said):
    with pytest.raises(edm.EdmNoiseError, match=said):
        read_trajectory(files[0] / "run.dcd", **options)


def test_a_structure_of_other_atoms(files, toxin):
    with pytest.raises(edm.EdmNoiseError, match=r"the structure has 5,469 atoms and .*run\.dcd 253"):
        read_trajectory(files[0] / "run.dcd", structure=toxin)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", b"a", r"notes\.txt is no trajectory: its name must end in \.pdb"),
        ("a.pdb", b"REMARK nothing\n", r"cannot read .*a\.pdb: there are no atoms in it"),
        ("a.cif", b"data_x\nloop_\n_atom_site.Cartn_x\n", r"cannot read .*a\.cif"),
        ("a.cif.gz", b"no gzip", r"cannot read .*a\.cif\.gz"),
        ("a.dcd", b"CORD", "is no DCD file"),
        ("a.xtc", b"junk", r"cannot read .*a\.xtc"),
        ("a.npy", b"junk", r"cannot read .*a\.npy"),
        ("a.pt", b"junk", r"cannot read .*a\.pt"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_trajectory(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(edm.EdmNoiseError, match=said):
        read_trajectory(tmp_path / name)


def test_an_array_of_another_shape(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 3)))
    with pytest.raises(edm.EdmNoiseError, match=r"holds an array \[5, 3\]: a trajectory is \(steps \+ 1, samples"):
        read_trajectory(tmp_path / "a.npy")


def test_one_model_and_no_file(make, tmp_path):
    run = make([5.0, 1.0])
    run.pdb(tmp_path / "one.pdb", [run.end])
    with pytest.raises(edm.EdmNoiseError, match=r"one\.pdb holds 1 frame: no trajectory"):
        read_trajectory(tmp_path / "one.pdb")
    with pytest.raises(edm.EdmNoiseError, match="there is no file"):
        read_trajectory(tmp_path / "gone.pdb")


def test_a_coordinate_that_is_no_number(make, tmp_path):
    run = make([5.0, 1.0])
    run.pdb(tmp_path / "nan.pdb", [run.end, np.full_like(run.end, np.nan)])
    with pytest.raises(edm.EdmNoiseError, match=r"columns 31 to 54 of 'ATOM .* are no coordinates"):
        read_trajectory(tmp_path / "nan.pdb")


def test_estimates_without_levels_freeze_out_at_a_step(files, run):
    """The step is the one at whose level they freeze out where levels are known."""
    known = edm.run_of(read_trajectory(files[0] / "estimates.dcd", schedule="boltz2"), run.structure)
    unknown = edm.run_of(read_trajectory(files[0] / "estimates.dcd"), run.structure)
    distribution = edm.sigma_distribution("alphafold3")
    table = unknown.table(distribution)
    assert [column.name for column in table.columns if column.name in ("step", "sigma", "z")] == ["step"]
    assert np.isnan(list(unknown.freeze_out().values())).all()
    (sigma,) = re.findall(r"atom in residue ([\d.]+) A", known.table(distribution).notes[0])
    (step,) = re.findall(r"done at step: .*atom in residue (\d+)", table.notes[0])
    below = int(step) - 1
    assert known.sigmas[below - 1] >= float(sigma) * 0.99
    assert known.sigmas[min(below + 1, len(known.sigmas) - 1)] <= float(sigma) * 1.01


def test_samples_alone_tell_no_freeze_out(files):
    made = edm.run_of(read_trajectory(files[0] / "run.pdb", schedule="boltz2"))
    table = made.table(edm.sigma_distribution("alphafold3"))
    assert not any("denoised" in column.name for column in table.columns)
    assert table.notes == ("No freeze-out: there are no estimates, and samples carry their noise to the end",)
    way = made.to_go("noisy")
    np.testing.assert_allclose(next(iter(way.values()))[:6], made.sigmas[:6].clip(max=150.0), rtol=0.15)
