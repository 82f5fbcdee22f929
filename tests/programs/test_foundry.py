"""The loops of RF3 and RFdiffusion 3, recorded: nothing changes, and every step is there."""

import numpy as np
import pytest
from checks import assert_calls, assert_end, assert_named, assert_program, assert_steps

CHURN = {"gamma_min": 1.0, "noise_scale": 1.003, "step_scale": 1.5}


def test_rf3_makes_one_call_less_than_its_time_steps(driven):
    pair = driven("rc-foundry", "drive_rf3.py", "--steps", 12)
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.steps() == [11] * 3
    assert_program(run, "RF3", "rc-foundry", **CHURN, gamma0=0.8, steps=12)
    assert_calls(run, pair)
    assert_named(run, pair, LIG="UNK")
    levels = pair.plain["schedule"]
    np.testing.assert_allclose(run.trace.info["settings"]["schedule"], levels, rtol=1e-7)
    assert_end(run, pair, levels[-1], 1.5)
    assert assert_steps(run, levels, 0.8, 1.0, 1.003, 1.5)


def test_rf3_of_a_structure_leaves_out_its_first_steps(driven):
    """It logs what it leaves out, once: asking for the schedule again must not."""
    pair = driven("rc-foundry", "drive_rf3.py", "--partial", 4, "--gamma", 0)
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.steps() == [7] * 3
    settings = run.trace.info["settings"]
    np.testing.assert_allclose(settings["schedule"][settings["start"] :], pair.plain["schedule"], rtol=1e-7)
    assert_end(run, pair, pair.plain["schedule"][-1], 1.5)
    assert not assert_steps(run, pair.plain["schedule"], 0, 1.0, 1.003, 1.5)


@pytest.mark.parametrize("unconditional", [[], ["--indexed"]], ids=["of fewer atoms", "of all atoms"])
def test_rfdiffusion3_by_default_turns_nothing(driven, unconditional):
    """With guidance: its unconditional calls are no steps, and their part in each step is what is left."""
    options = ["--guided", 1.5, "--motif", 4, "--gamma", 0, *unconditional]
    pair = driven("rc-foundry", "drive_rfd3.py", *options)
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.steps() == [11] * 3
    assert_program(run, "RFdiffusion 3", "rc-foundry", **CHURN, gamma0=0, guided=True, guidance_scale=1.5)
    assert_calls(run, pair)
    assert_named(run, pair, LIG="UNK")
    assert run.trace.info["motion"] is True
    assert all(np.array_equal(line["turned"], np.eye(3)) for line in run.lines[1][1:] + run.ends)
    levels = pair.plain["schedule"]
    others = pair.plain["unconditional"].reshape(11, 3, -1, 3)
    for step in range(1, 11):
        x, x0 = run.x[0][step - 1], run.x0[0][step - 1].copy()
        without = x.copy()  # where there is no estimate without the condition, the slope counts as 0
        without[: others.shape[2]] = others[step - 1, 0]
        sigma = run.calls[step - 1]["sigma"]
        made = x + 1.5 * (levels[step] - sigma) / sigma * (x - x0 - 0.5 * (x0 - without))
        assert abs(made - run.x[0][step]).max() < 1e-3 + 2e-6 * abs(x).max()


def test_rfdiffusion3_realigned(driven):
    """All is turned around a motif, which is put back each time; the closing line says how the end is laid on it."""
    pair = driven("rc-foundry", "drive_rfd3.py", "--motif", 4, "--realigned")
    pair.assert_untouched()
    (run,) = pair.followed
    levels, held = pair.plain["schedule"], pair.plain["held"]
    assert_program(run, "RFdiffusion 3", "rc-foundry", **CHURN, gamma0=0.6, realigned=True)
    assert_calls(run, pair)
    # Where the motif does not lie on the centre of all, its place is that of all atoms before it was put back.
    assert run.trace.final.tobytes() == pair.plain["final"].tobytes()
    free = np.flatnonzero(~held)
    for frames in (run.x, run.x0):
        frames[:] = [part[:, free] for part in frames]
    assert assert_steps(run, levels, 0.6, 1.0, 1.003, 1.5)
    for sample, end in enumerate(pair.plain["final"][0]):
        assert abs(end[held] - pair.plain["start"][held]).max() < 1e-4
        made = run.made(run.ends[sample], sample, 10, levels[-1], 1.5)
        assert abs(made - (end[free] - end[free].mean(axis=0))).max() < 3e-5


def test_rfdiffusion3_of_a_structure_leaves_out_what_is_above(driven):
    pair = driven("rc-foundry", "drive_rfd3.py", "--partial", 15, "--motif", 4)
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.steps() == [4] * 3
    settings, held = run.trace.info["settings"], pair.plain["held"]
    assert settings["partial_t"] == 15
    levels = [level for level in settings["schedule"] if level <= 15]
    assert levels == pytest.approx(pair.plain["schedule"].tolist())
    assert_end(run, pair, levels[-1], 1.5)
    assert abs(run.x[0][0][held] - pair.plain["start"][held]).max() < 1e-5
