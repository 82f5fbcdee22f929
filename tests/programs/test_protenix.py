"""The loops of Protenix and OpenDDE, recorded: nothing changes, and every step is there."""

import numpy as np
import pytest

PROGRAMS = {"protenix": "Protenix", "opendde": "OpenDDE"}
STEPS = 12


@pytest.fixture(scope="module", params=PROGRAMS)
def loop(request, driven):
    """Five samples in chunks of two, without churn, where rounding is left between steps, and with it."""
    options = ["--program", request.param, "--samples", 5, "--chunk", 2, "--gammas", 0, 0.8]
    return request.param, driven(request.param, "drive_protenix.py", *options)


def test_what_it_makes_is_the_same_to_the_bit(loop):
    loop[1].assert_untouched()


def test_the_program_is_named(loop):
    program, pair = loop
    trace = pair.traces[0]
    assert trace.info["program"] == PROGRAMS[program]
    assert (trace.info["distribution"], trace.info["program_version"]) == (program, trace.info["tried"])
    assert f"recorded 2 runs of {PROGRAMS[program]} ({program}" in pair.said
    assert "unread" not in trace.info


def test_settings_are_those_that_were_given(loop):
    _, pair = loop
    for trace, gamma in zip(pair.traces, (0.0, 0.8), strict=True):
        settings = dict(trace.info["settings"])
        np.testing.assert_allclose(settings.pop("schedule"), pair.plain["schedule"], rtol=1e-7)
        assert settings == {"gamma0": gamma, "gamma_min": 1.0, "noise_scale": 0.88, "step_scale": 1.5}


def test_atoms_are_named(loop):
    _, pair = loop
    wanted = {key: pair.plain[f"names_{key}"] for key in ("atom", "residue", "residue_name", "chain", "element")}
    wanted["element"] = np.char.capitalize(wanted["element"])
    wanted["residue_name"] = np.where(wanted["residue_name"] == "LIG", "UNK", wanted["residue_name"])
    assert pair.traces[0].info["names"] == {key: values.tolist() for key, values in wanted.items()}


def test_chunks_are_samples_of_one_run(loop):
    _, pair = loop
    run = pair.followed[0]
    assert run.steps() == [STEPS] * 5
    chunks = [[0, 1], [2, 3], [4]]
    assert [call["samples"] for call in run.calls] == [chunk for chunk in chunks for _ in range(STEPS)]
    assert [call["step"] for call in run.calls] == [*range(1, STEPS + 1)] * 3
    np.testing.assert_allclose([call["sigma"] for call in run.calls], pair.plain["sigma"][0], rtol=1e-12)
    heard = [(sample, call["step"] - 1) for call in run.calls for sample in call["samples"]]
    for key, frames in (("x", run.x), ("x0", run.x0)):
        np.testing.assert_array_equal([frames[sample][step] for sample, step in heard], pair.plain[key][0])


def test_ends_follow_from_the_last_calls(loop):
    _, pair = loop
    for run, final in zip(pair.followed, pair.plain["final"], strict=True):
        for sample, end in enumerate(final):
            x, x0 = run.x[sample][-1], run.x0[sample][-1]
            assert abs(x + 1.5 * (x0 - x) - end).max() < 3e-5
            assert abs(run.trace.final[sample] - end).max() == 0


def test_the_motion_closes_every_step(loop):
    _, pair = loop
    run = pair.followed[0]
    assert run.trace.info["motion"] is True
    for step, noise in enumerate(run.noise(pair.plain["schedule"], 1.5)):
        assert abs(noise).max() < 1e-3 + 1e-6 * abs(run.x[0][step]).max(), step
    for sample, end in enumerate(pair.plain["final"][0]):
        assert abs(run.end(sample, 1.5) - (end - end.mean(axis=0))).max() < 3e-5


def test_what_is_left_with_churn_is_its_noise(loop):
    _, pair = loop
    run, schedule = pair.followed[1], pair.plain["schedule"]
    for step, noise in enumerate(run.noise(schedule, 1.5)):
        raised = run.lines[0][step + 1]["sigma"]
        if schedule[step + 2] > 1:
            wanted, freedom = 0.88 * np.sqrt(raised**2 - schedule[step + 1] ** 2), noise[:, 1:].size
            assert np.sqrt((noise**2).sum() / freedom) == pytest.approx(wanted, rel=3 / np.sqrt(2 * freedom)), step
        else:
            assert abs(noise).max() < 1e-3 + 1e-6 * abs(run.x[0][step]).max()


@pytest.mark.parametrize("program", PROGRAMS)
def test_guidance_that_asks_twice_a_step(driven, program):
    """Each call is a step, all samples in it; nothing turns in between. Changed estimates show at the end."""
    options = ["--program", program, "--guided", 0.1, 0.1, "--gammas", 0, 0.8]
    pair = driven(program, "drive_protenix.py", *options)
    pair.assert_untouched()
    for run, sigma in zip(pair.followed, pair.plain["sigma"], strict=True):
        assert run.steps() == [2 * STEPS] * 3
        np.testing.assert_allclose([call["sigma"] for call in run.calls], sigma)
        still = [call["turned"] for call in run.calls[1::2]]
        np.testing.assert_allclose(still, np.tile(np.eye(3).ravel(), (STEPS, 3, 1)), atol=1e-9)
        assert all(
            abs(run.end(row, 1.5) - (end - end.mean(axis=0))).max() > 1e-3 for row, end in enumerate(run.trace.final)
        )
