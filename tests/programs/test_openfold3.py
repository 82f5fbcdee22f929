"""The loop of OpenFold 3, recorded: nothing changes, and every step is there."""

import numpy as np
from checks import assert_calls, assert_end, assert_named, assert_program, assert_steps

CHURN = {"gamma0": 0.8, "gamma_min": 1.0, "noise_scale": 1.003, "step_scale": 1.5}


def test_samples_of_every_record_are_recorded(driven):
    """Records x samples, padded: a padding atom is put back to zero with each turn, and counts in no fit."""
    pair = driven("openfold3", "drive_openfold3.py", "--records", 2, "--padding", 9)
    pair.assert_untouched()
    (run,) = pair.followed
    real = np.flatnonzero(pair.plain["mask"])
    assert run.trace.samples == 6
    assert_program(run, "OpenFold 3", "openfold3", **CHURN, start=0)
    assert (run.trace.info["name"], run.trace.info["seed"]) == ("toy", 7)
    assert_calls(run, pair)
    assert_named(run, pair)
    levels = run.trace.info["settings"]["schedule"]
    np.testing.assert_allclose(levels, pair.plain["schedule"], rtol=1e-7)
    assert_end(run, pair, levels[-1], 1.5)
    for frames in (run.x, run.x0):
        frames[:] = [part[:, real] for part in frames]
    assert assert_steps(run, levels, 0.8, 1.0, 1.003, 1.5)


def test_a_second_rollout_is_a_run_of_its_own(driven):
    """Pocket sampling begins anew at a high level, from poses chosen among the ends of the first rollout."""
    pair = driven("openfold3", "drive_openfold3.py", "--pocket")
    pair.assert_untouched()
    first, second = pair.followed
    assert (first.steps(), second.steps()) == ([12] * 3, [7] * 3)
    assert "recorded 2 runs of OpenFold 3" in pair.said
    levels = pair.plain["schedule"]
    assert (first.trace.info["settings"]["start"], second.trace.info["settings"]["start"]) == (0, 5)
    assert second.calls[0]["sigma"] == np.float32(1.8) * levels[5]
    assert_end(second, pair, levels[-1], 1.5)
    assert assert_steps(first, levels, 0.8, 1.0, 1.003, 1.5)
    assert assert_steps(second, levels[5:], 0.8, 1.0, 1.003, 1.5)
    # What is not the ligand is an end of the first rollout, noised and turned.
    others = pair.plain["names_residue_name"] != "LIG"
    x = second.x[0][0][others]
    noise = min(left_of_rigid(end[others], x) for end in first.trace.final)
    added = np.sqrt(levels[5] ** 2 + 1.003**2 * (second.calls[0]["sigma"] ** 2 - levels[5] ** 2))
    assert 0.9 < noise / added < 1.1


def left_of_rigid(x, y):
    """RMS per coordinate of y less x as it is best laid on y."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    u, _, v = np.linalg.svd(x.T @ y)
    u[:, 2] *= np.linalg.det(u @ v)
    return np.sqrt(((y - x @ u @ v) ** 2).mean())
