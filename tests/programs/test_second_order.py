"""The loops of alphafold3-pytorch and Chai-1, two calls a step: nothing changes, and every step is there."""

import numpy as np
import pytest
from checks import assert_calls, assert_end, assert_named, assert_program

STEPS = 12
S_NOISE = 1.003


@pytest.fixture(scope="module")
def heun(driven):
    pair = driven("alphafold3-pytorch", "drive_lucidrains.py", "--steps", STEPS)
    return pair, pair.followed[0]


@pytest.fixture(scope="module")
def chai(driven):
    pair = driven("chai-lab", "drive_chai.py", "--steps", STEPS)
    return pair, pair.followed[0]


def test_every_call_is_there(heun, chai):
    for (pair, run), calls in ((heun, 2 * STEPS - 1), (chai, 2 * (STEPS - 1))):
        pair.assert_untouched()
        assert run.steps() == [calls] * 3
        assert run.trace.info["calls_per_step"] == 2
        assert_calls(run, pair)
    assert_named(chai[1], chai[0])
    assert "names" not in heun[1].trace.info  # its sampler knows none


def test_programs_are_named(heun, chai):
    own = {"churn": 80, "churn_min": 0.05, "churn_max": 50, "noise_scale": 1.003, "step_scale": 1.5, "steps": STEPS}
    assert_program(heun[1], "alphafold3-pytorch", "alphafold3-pytorch", **own)
    levels = heun[1].trace.info["settings"]["schedule"]
    np.testing.assert_allclose(levels, heun[0].plain["schedule"], rtol=1e-7)
    assert_program(chai[1], "Chai-1", "chai-lab", steps=STEPS)
    assert chai[1].trace.info["read_only"] is True
    assert chai[1].trace.info["seed"] == 1
    assert "not tried" in chai[0].said


def corrected(run, step, target, step_scale, from_euler):
    """(samples, N, 3) what two calls make: Euler's point, and a second slope that is added to one of two points."""
    made = []
    for sample in run.samples:
        x, ahead = run.x[sample][2 * step : 2 * step + 2]
        x0, ahead_x0 = run.x0[sample][2 * step : 2 * step + 2]
        sigma = run.calls[2 * step]["sigma"]
        slope, other = (x - x0) / sigma, (ahead - ahead_x0) / target
        euler = x + step_scale * (target - sigma) * slope
        assert abs(euler - ahead).max() < 1e-4 + 2e-6 * abs(x).max()
        made.append((euler if from_euler else x) + step_scale * (target - sigma) * (slope + other) / 2)
    return np.array(made)


@pytest.mark.parametrize(("loop", "step_scale", "from_euler"), [("heun", 1.5, False), ("chai", 1.0, True)])
def test_steps_and_ends_follow_from_two_calls(request, loop, step_scale, from_euler):
    """Heun's second call is at the next level and is not turned; Chai-1 adds its mean slope to Euler's point."""
    pair, run = request.getfixturevalue(loop)
    levels = pair.plain["schedule"]
    freedom, sum_of_squares, quiet = 0, 0.0, 0
    for step in range(len(levels) - 2 if loop == "heun" else len(levels) - 1):
        target = levels[step + 1]
        assert run.calls[2 * step + 1]["sigma"] == pytest.approx(target)
        assert all(np.array_equal(run.lines[sample][2 * step + 1]["turned"], np.eye(3)) for sample in run.samples)
        made = corrected(run, step, target, step_scale, from_euler)
        if 2 * step + 2 == len(run.calls):
            assert abs(made - pair.plain["final"][0]).max() < 3e-5
            break
        turned = [lines[2 * step + 2]["turned"] for lines in run.lines]
        noise = np.array([x[2 * step + 2] for x in run.x]) - (made - made.mean(axis=1, keepdims=True)) @ turned
        noise -= noise.mean(axis=1, keepdims=True)
        wanted = S_NOISE * np.sqrt(max(run.calls[2 * step + 2]["sigma"] ** 2 - target**2, 0))
        if wanted > 0.01 * target:
            freedom += noise[:, 1:].size
            sum_of_squares += (noise**2).sum() / wanted**2
        else:
            quiet += 1
            assert abs(noise).max() < 5e-3 + 2e-6 * abs(made).max()
    assert freedom
    assert np.sqrt(sum_of_squares / freedom) == pytest.approx(1, abs=3 / np.sqrt(2 * freedom))
    assert quiet or loop == "chai"


def test_the_last_step_of_heun_is_one_call(heun):
    pair, run = heun
    assert run.trace.final.tobytes() == pair.plain["final"].tobytes()
    for sample, end in enumerate(pair.plain["final"][0]):
        x, x0 = run.x[sample][-1], run.x0[sample][-1]
        assert abs(x + 1.5 * (x0 - x) - end).max() < 3e-5


def test_the_same_by_euler_which_gives_all_its_steps(driven):
    pair = driven("alphafold3-pytorch", "drive_lucidrains.py", "--steps", STEPS, "--euler", "--all-steps")
    pair.assert_untouched()
    (run,) = pair.followed
    assert run.trace.info["calls_per_step"] == 1
    assert_calls(run, pair)
    assert_end(run, pair, 0.0, 1.5)
