"""The loop of ESMFold2, recorded: nothing changes, and every step is there."""

import numpy as np
from checks import assert_calls, assert_named, assert_program, assert_steps


def test_by_default_levels_are_cut_and_raised_and_no_noise_is_added(driven):
    pair = driven("esm", "drive_esmfold2.py", "--steps", 20)
    pair.assert_untouched()
    (run,) = pair.followed
    default = {"gamma0": 0.605, "gamma_min": 1.107, "noise_scale": 0, "step_scale": 1}
    assert_program(run, "ESMFold2", "esm", **default, steps=20, max_inference_sigma=256)
    assert run.trace.info["align"] is True
    levels = [256, *(level for level in run.trace.info["settings"]["schedule"] if level <= 256)]
    assert run.steps() == [len(levels) - 1] * 3 == [15] * 3
    assert_calls(run, pair)
    assert_named(run, pair)
    assert not assert_steps(run, levels, 0.605, 1.107, 0.0, 1.0)
    assert_aligned_end(run, pair)
    assert run.calls[0]["sigma"] == np.float32(1.605 * 256)
    # What is not x0: 256 A at first, and then less than it is told by 1.605 a step.
    told = np.array([call["sigma"] for call in run.calls[:4]])
    np.testing.assert_allclose(told / list(noise_of(run))[:4], 1.605 ** np.arange(1, 5), rtol=0.1)


def test_with_noise_and_all_levels(driven):
    pair = driven("esm", "drive_esmfold2.py", "--noise", 1.1, "--uncut", "--records", 2, "--padding", 7)
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.trace.samples == 6
    assert_program(run, "ESMFold2", "esm", noise_scale=1.1)
    assert run.trace.info["settings"]["max_inference_sigma"] is None
    assert_calls(run, pair)
    assert_named(run, pair)
    assert_aligned_end(run, pair)
    real = np.flatnonzero(pair.plain["mask"])
    for frames in (run.x, run.x0):
        frames[:] = [part[:, real] for part in frames]
    assert assert_steps(run, pair.plain["schedule"], 0.605, 1.107, 1.1, 1.0)


def assert_aligned_end(run, pair):
    """The last level is 0 and the step scale 1: the end is the last estimate."""
    assert run.trace.final.tobytes() == pair.plain["final"].tobytes()
    for sample, end in enumerate(pair.plain["final"][0]):
        assert abs(run.x0[sample][-1] - end).max() < 3e-5


def noise_of(run):
    """RMS per coordinate of x less the estimate, x laid on it as recorded."""
    for sample in run.samples:
        for line, x, x0 in zip(run.lines[sample][1:], run.x[sample], run.x0[sample], strict=False):
            x, x0 = x - x.mean(axis=0), x0 - x0.mean(axis=0)
            yield np.sqrt(((x @ line["aligned"] - x0) ** 2).mean())
