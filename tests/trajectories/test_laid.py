"""A recorded run in one frame: by its recorded motion it is our own run; by replay within the range that is stated."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import edmnoise as edm
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise.structure.superpose import superpose
from edmnoise.trajectories.laying import WAYS
from edmnoise.trajectories.listening.recorder import Recorder

SAMPLES, STEPS, KINDS = 3, 40, ("noisy", "denoised")
HEUN = (edm.karras(30, 0.01, 640.0), edm.Sampler("heun", center=True, rotate=True))
STILL = np.eye(3).ravel().tolist()


def loop(name):
    if name == "heun":
        return HEUN
    preset = edm.sampler_preset(name)
    return preset.schedule(STEPS), preset.sampler(STEPS)


def lines_of(path):
    return [json.loads(line) for line in (path / "calls.jsonl").read_text().splitlines()]


def write_lines(path, lines):
    (path / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def numbers_of(turns):
    """(B, 3, 3) rotations of columns as the nine numbers of those of rows, as a recorder writes them."""
    return turns.swapaxes(1, 2).reshape(-1, 9).tolist()


def write_motion(path, turns, align=False, calls=1):
    """Add to the lines what a recorder that hears the motion says, from the sampler's own frame after each step."""
    trace, lines = edm.open_trace(path), lines_of(path)
    frame = onto = np.tile(np.eye(3), (trace.samples, 1, 1))
    for call, line in enumerate(lines):
        line["turned"] = [STILL] * trace.samples
        if align and call:
            line["aligned"] = numbers_of(onto)
        if "ended" not in line and call % calls == 0:
            after = turns[call // calls]
            if align:
                x, x0 = (np.stack([trace.read(kind, b)[call].T for b in range(trace.samples)]) for kind in KINDS)
                onto = superpose(x, x0).rotation.numpy()
            line["turned"] = numbers_of(onto.swapaxes(1, 2) @ after @ np.linalg.inv(frame))
            frame = after
    write_lines(path, lines)


def centred(frames):
    return frames - frames.mean(axis=-2, keepdims=True)


@pytest.fixture
def protenix(two_states, record_run, tmp_path):
    """A trace of Protenix's loop that does not say how its samples turned: its path, and how they did."""
    path = tmp_path / "run.trace"
    return path, record_run(two_states, path, *loop("protenix"), samples=SAMPLES, seed=5)


@pytest.mark.parametrize("name", ["protenix", "boltz2", "heun"])
def test_by_its_recorded_motion_a_trace_is_our_own_run(name, two_states, three_chains, record_run, tmp_path):
    """In every frame but for rounding, in freeze-out to a thousandth."""
    path, calls = tmp_path / "run.trace", 2 if name == "heun" else 1
    turns = record_run(two_states, path, *loop(name), samples=SAMPLES, seed=5)
    write_motion(path, turns, align=name == "boltz2", calls=calls)
    own = edm.run_sampler(three_chains, two_states, two_states.covariance, *loop(name), SAMPLES, seed=5, keep=1000)
    trace = edm.open_trace(path)
    run = edm.run_of(trace, three_chains, steps=trace.steps[::calls])
    assert run.laid.how == "motion"
    np.testing.assert_allclose(run.sigmas, own.sigmas, rtol=1e-6)
    np.testing.assert_allclose(run.final, own.final, atol=2e-3)
    # Estimates lie where noise has carried their samples, up to 800 A away, and are as exact as float32 is there.
    rounding = 2 * np.finfo(np.float32).eps * np.abs(own.denoised).max()
    for kind in KINDS:
        found, true = centred(getattr(run, kind)), centred(getattr(own, kind))
        size, off = (np.sqrt((values**2).mean(axis=(1, 2, 3))) for values in (true, found - true))
        assert (off < 2e-5 * size + rounding).all()
    for part, sigma in own.freeze_out().items():
        assert run.freeze_out()[part] == pytest.approx(sigma, rel=1e-3)
        assert run.freeze_out_range()[part] == (run.freeze_out()[part],) * 2


def test_an_end_that_was_laid_on_something_is_found(two_states, three_chains, protenix):
    """The result that a program gives back may lie in another frame than its loop."""
    path, turns = protenix
    write_motion(path, turns)
    before = edm.run_of(edm.open_trace(path), three_chains)
    own = edm.open_trace(path).final
    turned = np.stack(
        [end @ Rotation.from_rotvec(angle).as_matrix() for end, angle in zip(own, np.eye(3), strict=True)]
    )
    with open(path / "final.dcd", "wb") as handle:
        writer = DcdWriter(handle, *turned.shape[:2])
        writer.write(turned.astype(np.float32))
    after = edm.run_of(edm.open_trace(path), three_chains)
    assert after.laid.how == "motion"
    np.testing.assert_allclose(after.denoised, before.denoised, atol=0.05)


def test_the_range_of_a_replay_covers_the_truth(two_states, three_chains, record_run, tmp_path):
    """95 of 100 times it should. Of 24 levels, those of one run alike, six miss by chance less than once in 500."""
    missed = 0
    for seed in range(8):
        path = tmp_path / f"{seed}.trace"
        record_run(two_states, path, *loop("protenix"), seed=seed)
        true = edm.run_sampler(three_chains, two_states, two_states.covariance, *loop("protenix"), 2, seed, keep=1000)
        run = edm.run_of(edm.open_trace(path), three_chains)
        assert run.laid.how == "replay"
        for part, (low, high) in run.freeze_out_range().items():
            assert low <= run.freeze_out()[part] <= high
            missed += not low <= true.freeze_out()[part] <= high
    assert missed <= 5


def test_freeze_out_by_replay_is_right_on_average(two_states, three_chains, record_run, tmp_path):
    """Of many samples: within a tenth of the truth, where superposition is off by more."""
    record_run(two_states, tmp_path / "run.trace", *loop("protenix"), samples=24, seed=1)
    true = edm.run_sampler(three_chains, two_states, two_states.covariance, *loop("protenix"), 24, 1, keep=1000)
    trace = edm.open_trace(tmp_path / "run.trace")
    replayed, superposed = (edm.run_of(trace, three_chains, lay=lay).freeze_out() for lay in WAYS[1:])
    for part, sigma in true.freeze_out().items():
        assert abs(replayed[part] / sigma - 1) < 0.1 < abs(superposed[part] / sigma - 1)


def test_how_a_run_was_laid_is_said(protenix, three_chains):
    path, turns = protenix
    trace = edm.open_trace(path)
    replayed, superposed = (edm.run_of(trace, three_chains, lay=lay) for lay in WAYS[1:])
    assert str(superposed.laid).endswith("how much that was a trace cannot say")
    assert superposed.laid.turn_error is None
    assert np.isnan(list(superposed.freeze_out_range().values())).all()
    error = replayed.laid.turn_error
    assert (np.diff(error) <= 0).all()
    assert f"{np.degrees(error[0]):.2g} degrees RMS" in str(replayed.laid)
    write_motion(path, turns)
    assert str(edm.run_of(edm.open_trace(path), three_chains).laid) == "steps lie in one frame by their recorded motion"


def test_some_steps_of_a_replay_are_those_of_all(protenix, three_chains):
    trace = edm.open_trace(protenix[0])
    whole, some = edm.run_of(trace, three_chains), edm.run_of(trace, three_chains, samples=[2, 0], steps=[30, 3, 17])
    assert some.steps.tolist() == [3, 17, 30]
    assert np.array_equal(some.denoised, whole.denoised[[2, 16, 29]][:, [2, 0]])
    errors = np.cumsum(whole.laid.turns[::-1], axis=0)[::-1][[2, 16, 29]][:, [2, 0]]
    np.testing.assert_allclose(np.cumsum(some.laid.turns[::-1], axis=0)[::-1], errors, rtol=1e-9, atol=1e-15)


def test_a_run_that_was_killed_is_laid_on_its_last_estimates(protenix, three_chains):
    """By its motion as by replay, and the turn after the last estimate is not needed."""
    path, turns = protenix
    write_motion(path, turns)
    write_lines(path, lines_of(path)[:25])
    (path / "final.dcd").unlink()
    trace = edm.open_trace(path)
    for lay in WAYS:
        run = edm.run_of(trace, three_chains, lay=lay)
        assert run.laid.how == lay
        assert run.partial
        np.testing.assert_allclose(run.denoised[-1], run.final, atol=1e-4)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "turned",
        [STILL, STILL],
        [STILL, STILL, STILL[:8]],
        [STILL, STILL, [1.0] * 9],
        [STILL, STILL, [-1.0, *STILL[1:]]],
        [STILL, STILL, ["x", *STILL[1:]]],
    ],
)
def test_motion_that_is_malformed_is_none(value, protenix, three_chains):
    path, turns = protenix
    write_motion(path, turns)
    lines = lines_of(path)
    lines[7]["turned"] = value
    write_lines(path, lines)
    trace = edm.open_trace(path)
    assert len(trace.calls) == STEPS
    assert trace.ended
    assert trace.calls[7].motion.turned is None
    assert edm.run_of(trace, three_chains).laid.how == "replay"
    with pytest.raises(edm.EdmNoiseError, match=r"the motion of all steps of .* was not recorded"):
        edm.run_of(trace, three_chains, lay="motion")


def test_ways_to_lay_that_a_trace_does_not_allow(protenix, three_chains, two_states, record_run, tmp_path):
    with pytest.raises(edm.EdmNoiseError, match="lay is 'best': give motion, replay or superposition"):
        edm.run_of(edm.open_trace(protenix[0]), three_chains, lay="best")
    record_run(two_states, tmp_path / "heun.trace", *HEUN)
    heun = edm.open_trace(tmp_path / "heun.trace")
    assert edm.run_of(heun, three_chains).laid.how == "superposition"
    with pytest.raises(edm.EdmNoiseError, match="needs x and the estimate of every step of Euler's method"):
        edm.run_of(heun, three_chains, lay="replay")


def test_samples_are_followed_back_through_those_that_they_continue(tmp_path):
    """Four particles, resampled in the third step; two of them are given back."""
    rng = np.random.default_rng(0)
    x, made = rng.normal(size=(4, 6, 3)), []
    recorder = Recorder(tmp_path / "run.trace")
    denoise = recorder.wrap(lambda x, sigma: made[-1][1], "x", "sigma")
    origins = {3: [1, 1, 3, 2], "end": [2, 0]}
    for step in range(1, 5):
        x = rng.normal(size=(4, 6, 3)).astype(np.float32)
        made.append((x, rng.normal(size=(4, 6, 3)).astype(np.float32)))
        denoise(x, 5.0 - step)
    recorder.close(ended=True)
    lines = lines_of(tmp_path / "run.trace")
    lines[2]["from"], lines[4]["from"] = origins[3], origins["end"]
    write_lines(tmp_path / "run.trace", lines)
    trace = edm.open_trace(tmp_path / "run.trace")
    assert (trace.samples, trace.ends) == (4, 2)
    assert [[link.sample for link in trace.way(end)] for end in range(2)] == [[3, 3, 2, 2], [1, 1, 0, 0]]
    atoms = edm.Atoms.make(["CA"] * 6, ["C"] * 6, ["GLY"] * 6, range(6), ["A"] * 3 + ["B"] * 3, [""] * 6, [False] * 6)
    run = edm.run_of(trace, edm.Structure.from_atoms(rng.normal(size=(6, 3)), atoms), lay="superposition")
    for k, sample in enumerate([3, 3, 2, 2]):
        own = np.linalg.norm(centred(made[k][1][sample].astype(float)), axis=1)
        np.testing.assert_allclose(np.linalg.norm(centred(run.denoised[k, 0]), axis=1), own, rtol=1e-5)


def test_a_run_that_ends_in_nan_is_superposed(three_chains, tmp_path):
    """What came before can be looked at; who asks for a replay is told."""
    recorder = Recorder(tmp_path / "run.trace")
    x = three_chains.coordinates[None]
    denoise = recorder.wrap(lambda x, sigma: x if sigma > 2 else x * np.nan, "x", "sigma")
    for sigma in (4.0, 3.0, 2.0, 1.0):
        denoise(x + np.float32(sigma), sigma)
    recorder.close(ended=True)
    trace = edm.open_trace(tmp_path / "run.trace")
    run = edm.run_of(trace, three_chains)
    assert run.laid.how == "superposition"
    assert np.isfinite(run.noisy[:2]).all()
    with pytest.raises(edm.EdmNoiseError, match="cannot be replayed: step 3 holds NaN or infinite coordinates"):
        edm.run_of(trace, three_chains, lay="replay")
