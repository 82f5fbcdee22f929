"""A trace reads back what the sampler did, to the bit; other programs read its files; what is no trace is refused."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch

import edmnoise as edm
from edmnoise.structure.files.dcd import DcdWriter, mapped_frames
from edmnoise.structure.superpose import move
from edmnoise.trajectories import sampling
from edmnoise.trajectories.listening import dcd

SCHEDULE = edm.karras(9, 0.01, 300.0)
PLAIN = edm.Sampler("euler")
SAMPLES = 3


@pytest.fixture(scope="module")
def model(fragment):
    """Two states: the fragment, and the fragment with its second half shifted."""
    other = fragment.coordinates + np.float32(3) * (np.arange(fragment.n_atoms)[:, None] > 120)
    states = torch.tensor(np.stack([fragment.coordinates.T, other.T]))
    covariance = edm.NestedCovariance(fragment.hierarchy, {"atom": 0.2, "residue": 0.5, "chain": 0.3})
    return edm.StatesDenoiser(states, covariance, hierarchy=fragment.hierarchy)


@pytest.fixture(scope="module")
def truth(fragment, model):
    """The run as our own recorder has it: before it is laid on the structure, and after."""
    steps = sampling.record(fragment, model, model.covariance, SCHEDULE, PLAIN, SAMPLES, seed=3)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def recorded(model, path, chunks=(range(SAMPLES),), **options):
    with edm.record(model, "denoise", x="x", sigma="sigma", out="atoms", path=path, **options) as recorder:
        ends = []
        for numbers in chunks:
            for step in edm.sample(model, model.covariance, SCHEDULE, PLAIN, numbers, 3, model.hierarchy):
                end = step.x
            ends.append(end.clone())
        recorder.final(torch.cat(ends))
    return edm.open_trace(path)


@pytest.fixture(scope="module")
def trace(model, tmp_path_factory):
    return recorded(model, tmp_path_factory.mktemp("traces") / "run.trace")


@pytest.fixture
def copied(trace, tmp_path):
    """A trace that a test may damage."""
    return shutil.copytree(trace.path, tmp_path / "copied.trace")


def test_frames_are_those_of_our_own_recorder(trace, truth):
    seen, run = truth
    assert trace.steps.tolist() == [step.step for step in seen] == run.steps.tolist()
    assert trace.sigmas.tolist() == run.sigmas.tolist()
    for kind in ("noisy", "denoised"):
        for sample in range(SAMPLES):
            own = np.stack([getattr(step, kind)[sample] for step in seen])
            assert np.array_equal(trace.frames(kind, sample), own)
            assert np.array_equal(trace.frames(kind, sample, [7, 2, 2]), own[[6, 1, 1]])


def test_what_a_trace_says_of_itself(trace, fragment):
    assert trace.ended
    assert (trace.atoms, trace.samples) == (fragment.n_atoms, SAMPLES)
    assert trace.kinds == ("noisy", "denoised")
    assert [call.number for call in trace.calls] == list(range(1, SCHEDULE.steps + 1))
    assert {call.samples for call in trace.calls} == {(0, 1, 2)}
    assert trace.info["version"] == 1
    assert trace.info["program"] == "edmnoise.diffusion.denoisers.states.StatesDenoiser.denoise"


def test_a_run_of_a_trace_is_our_own_where_nothing_is_turned(trace, truth, fragment):
    """Ours lays whole trajectories on the structure, one of a trace each step on the end: the end is the same."""
    _, run = truth
    found = edm.run_of(trace, fragment)
    assert not found.partial
    np.testing.assert_allclose(found.final, run.final, atol=1e-4)
    for name in ("steps", "sigmas"):
        assert np.array_equal(getattr(found, name), getattr(run, name))
    np.testing.assert_allclose(found.denoised[-1], run.denoised[-1], atol=0.01)


def test_each_step_lies_as_near_to_the_end_as_it_can(trace, fragment):
    """Another program's superposition comes no nearer; x has gone along with its estimate."""
    from scipy.spatial.transform import Rotation

    run = edm.run_of(trace, fragment, samples=[2, 0], steps=[1, 4, 9], lay="superposition")
    for row, sample in enumerate((2, 0)):
        end = run.final[row] - run.final[row].mean(axis=0)
        for k, step in enumerate((1, 4, 9)):
            own = trace.frames("denoised", sample, [step])[0]
            _, least = Rotation.align_vectors(end, own - own.mean(axis=0))
            apart = np.sqrt(((run.denoised[k, row] - run.final[row]) ** 2).sum())
            assert apart == pytest.approx(least, rel=1e-3, abs=1e-2)
            way = np.linalg.norm(trace.frames("noisy", sample, [step])[0] - own, axis=1)
            np.testing.assert_allclose(np.linalg.norm(run.noisy[k, row] - run.denoised[k, row], axis=1), way, rtol=1e-3)


def test_a_run_in_some_of_the_atoms(trace, fragment):
    """As if no other atom had been recorded: padding takes no part in the superposition."""
    rows = np.array([250, 3, 4, 5, 90, 40, 120, 7])
    run = edm.run_of(trace, fragment.take(rows), samples=[1], rows=rows, lay="superposition")
    for estimate, x, step in zip(run.denoised[:, 0], run.noisy[:, 0], trace.steps.tolist(), strict=True):
        own = trace.frames("denoised", 1, [step])[0, rows]
        fit = edm.superpose(own.T[None], run.final[0].T)
        for found, frame in ((estimate, own), (x, trace.frames("noisy", 1, [step])[0, rows])):
            np.testing.assert_allclose(found, move(fit, frame.T[None])[0].T, atol=2e-3)
    with pytest.raises(edm.EdmNoiseError, match="the structure has 253 atoms"):
        edm.run_of(trace, fragment, rows=rows)


def test_chunks_are_other_samples(model, trace, tmp_path):
    """Samples that are made some at a time are numbered on."""
    found = recorded(model, tmp_path / "chunks.trace", (range(2), range(2, 3)))
    assert [call.samples for call in found.calls] == [(0, 1)] * SCHEDULE.steps + [(2,)] * SCHEDULE.steps
    assert found.steps.tolist() == trace.steps.tolist()
    np.testing.assert_allclose(found.frames("denoised", 2), trace.frames("denoised", 2), atol=1e-3)
    assert np.array_equal(found.final[:2], recorded(model, tmp_path / "two.trace", (range(2),)).final)


def test_every_and_the_estimate_alone(model, trace, fragment, tmp_path):
    found = recorded(model, tmp_path / "some.trace", keep="x0", every=4)
    assert found.kinds == ("denoised",)
    assert found.steps.tolist() == [1, 5, 9]
    assert np.array_equal(found.frames("denoised", 1), trace.frames("denoised", 1, [1, 5, 9]))
    assert not list((tmp_path / "some.trace").glob("noisy*"))
    run = edm.run_of(found, fragment)
    assert np.isnan(run.noisy).all()
    assert np.array_equal(run.denoised, edm.run_of(trace, fragment, steps=[1, 5, 9], lay="superposition").denoised)


def test_frames_stay_in_their_file(trace):
    base = trace.frames("noisy", 0, range(2, 6))
    while not isinstance(base, np.memmap):
        base = base.base
    assert not base.flags.writeable


def test_other_programs_read_the_files(trace, fragment, cmd, coordset, tmp_path):
    import MDAnalysis

    path = f"{trace.path}/denoised_0001.dcd"
    frames = trace.frames("denoised", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MDAnalysis's own: of the missing unit cell, and of what will change
        universe = MDAnalysis.Universe.empty(fragment.n_atoms, trajectory=False)
        universe.load_new(path)
        assert np.array_equal([step.positions.copy() for step in universe.trajectory], frames)
    edm.write_frames(tmp_path / "fragment.pdb", fragment, fragment.coordinates[None])
    cmd.set("retain_order", 1)
    cmd.load(str(tmp_path / "fragment.pdb"), "fragment")
    cmd.load_traj(path, "fragment", state=1)
    assert cmd.count_states("fragment") == len(frames)
    for state, frame in enumerate(frames, 1):
        assert np.array_equal(coordset("fragment", state), frame)


def test_the_two_writers_of_dcd_files_agree(tmp_path):
    """A recorder that is copied into another program cannot import ours."""
    frames = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)
    with open(tmp_path / "ours.dcd", "wb") as handle:
        DcdWriter(handle, 4, 7).write(frames)
    for number, frame in enumerate(frames):
        dcd.append(str(tmp_path / "theirs.dcd"), number, frame)
    assert (tmp_path / "theirs.dcd").read_bytes() == (tmp_path / "ours.dcd").read_bytes()
    assert np.array_equal(mapped_frames(tmp_path / "ours.dcd"), frames)


@pytest.mark.filterwarnings("ignore")  # mdtraj uses names that pyparsing gives up
@pytest.mark.parametrize("cell", [{}, {"cell_lengths": np.full((5, 3), 90.0), "cell_angles": np.full((5, 3), 90.0)}])
def test_files_of_other_programs_are_read(tmp_path, cell):
    from mdtraj.formats import DCDTrajectoryFile

    frames = np.random.default_rng(0).normal(scale=30, size=(5, 11, 3)).astype(np.float32)
    with DCDTrajectoryFile(str(tmp_path / "other.dcd"), "w") as file:
        file.write(frames, **cell)
    assert np.array_equal(mapped_frames(tmp_path / "other.dcd"), frames)


@pytest.mark.parametrize(
    "line", [b"[]", b"{}", b'{"call": 5, "step": 5, "samples": [-1], "sigma": 1}', b"\xff", b"\0" * 40]
)
def test_lines_that_say_nothing_end_what_is_read(copied, trace, line):
    lines = (copied / "calls.jsonl").read_bytes().splitlines()
    (copied / "calls.jsonl").write_bytes(b"\n".join([*lines[:4], line, *lines[4:]]) + b"\n")
    found = edm.open_trace(copied)
    assert found.calls == trace.calls[:4]
    assert not found.ended


@pytest.mark.parametrize("cut", [1, 100, 3000])
def test_a_torn_frame_is_left_out_with_all_that_came_after(copied, trace, cut):
    path = copied / "noisy_0002.dcd"
    path.write_bytes(path.read_bytes()[:-cut])
    found = edm.open_trace(copied)
    assert not found.ended
    assert found.calls == trace.calls[:-1]
    for sample in range(SAMPLES):
        assert np.array_equal(found.frames("noisy", sample), trace.frames("noisy", sample)[:-1])


def test_calls_without_their_frames(copied):
    """As of a folder that was copied in part."""
    calls = len((copied / "calls.jsonl").read_bytes().splitlines()) - 1
    (copied / "noisy_0000.dcd").write_bytes(b"torn")
    with pytest.raises(edm.EdmNoiseError, match=f"tells of {calls} calls and lacks .*: noisy_0000.dcd is not whole"):
        edm.open_trace(copied)
    (copied / "noisy_0000.dcd").unlink()
    with pytest.raises(edm.EdmNoiseError, match=r"noisy_0000\.dcd is not there"):
        edm.open_trace(copied)


def test_lines_that_are_cut_anywhere_leave_the_whole_ones(copied, trace):
    text = (copied / "calls.jsonl").read_bytes()
    ends = [k + 1 for k, byte in enumerate(text) if byte == ord("\n")]
    for cut in range(ends[0], len(text), 7):
        (copied / "calls.jsonl").write_bytes(text[:cut])
        found = edm.open_trace(copied)
        assert found.calls == trace.calls[: sum(end <= cut for end in ends)]
        assert not found.ended


def test_a_run_that_was_killed_ends_with_its_last_estimates(copied, fragment):
    lines = (copied / "calls.jsonl").read_bytes().splitlines(keepends=True)
    (copied / "calls.jsonl").write_bytes(b"".join(lines[:5]))
    (copied / "final.dcd").unlink()
    found = edm.open_trace(copied)
    assert (found.final, found.ended) == (None, False)
    run = edm.run_of(found, fragment)
    assert run.partial
    np.testing.assert_allclose(run.final, run.denoised[-1], atol=1e-4)


def emptied(path):
    (path / "calls.jsonl").unlink()


def unnamed(path):
    (path / "run.json").unlink()


def garbled(path):
    (path / "run.json").write_text("[1, 2")


def said(**facts):
    def write(path):
        info = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps(info | facts))

    return write


def removed(path):
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (emptied, "holds no calls: the denoiser was not called"),
        (unnamed, r"is no trace: it holds no run.json that says so"),
        (garbled, r"is no trace: it holds no run.json that says so"),
        (said(version=2, kinds=None), "of version 2, and this edmnoise reads up to 1"),
        (said(kinds=["forces"]), r"says that it holds \['forces'\]: noisy or denoised was expected"),
        (removed, "there is no folder or file .*copied.trace"),
    ],
)
def test_what_is_no_trace(copied, damage, message):
    damage(copied)
    with pytest.raises(edm.EdmNoiseError, match=message):
        edm.open_trace(copied)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("frames", 0), "holds no frames frames: give noisy or denoised"),
        (("noisy", 3), "has no sample 3: give a number from 0 to 2"),
        (("noisy", -1), "has no sample -1"),
        (("noisy", 0, [3, 10]), "sample 0 of .* has no step 10: it has 9, from 1 to 9"),
    ],
)
def test_frames_that_are_not_there(trace, given, said):
    with pytest.raises(edm.EdmNoiseError, match=said):
        trace.frames(*given)


def test_a_run_that_cannot_be_made(trace, fragment, toxin):
    with pytest.raises(edm.EdmNoiseError, match=r"the structure has 5,469 atoms and .*run.trace 253"):
        edm.run_of(trace, toxin)
    with pytest.raises(edm.EdmNoiseError, match="no samples are chosen"):
        edm.run_of(trace, fragment, samples=[])
    with pytest.raises(edm.EdmNoiseError, match="no steps are chosen"):
        edm.run_of(trace, fragment, steps=[])
    with pytest.raises(edm.EdmNoiseError, match="has no step 10"):
        edm.run_of(trace, fragment, steps=[10])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b[:190], "is no DCD file"),
        (lambda b: b"text" * 100, "is no DCD file"),
        (lambda b: b[:40] + b"\1\0\0\0" + b[44:], "fixed atoms"),
        (lambda b: b[:48] + b"\1\0\0\0" + b[52:] + bytes(56), "frames are not what its header says"),
        (lambda b: b[:92] + b"\0\1\0\0" + b[96:], "header is torn"),
    ],
)
def test_files_that_are_not_read(tmp_path, change, said):
    dcd.append(str(tmp_path / "one.dcd"), 0, np.zeros((4, 3), np.float32))
    (tmp_path / "one.dcd").write_bytes(change((tmp_path / "one.dcd").read_bytes()))
    with pytest.raises(edm.EdmNoiseError, match=said):
        mapped_frames(tmp_path / "one.dcd")
