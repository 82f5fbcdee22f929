"""A replay finds what a sampler was set to, and says where it did something else."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import edmnoise as edm
from edmnoise.diffusion.samplers.presets import PRESETS
from edmnoise.study.replay import replay
from edmnoise.trajectories.listening.recorder import Recorder

STEPS, ATOMS, SAMPLES = 40, 150, 2
LEVELS = edm.karras(30, 0.02, 800.0).sigmas


def said(found, word):
    """The one finding with a word."""
    (sentence,) = (sentence for sentence in found.findings if word in sentence)
    return sentence


def own_loop(
    path, gamma=0.0, above=1.0, noise_scale=1.0, step_scale=1.0, silent=False, moved=None, pushed=None, **info
):
    """AlphaFold 3's loop on the exact denoiser of a normal cloud of RMS 3 A about fixed points, recorded.

    ``moved`` {step: angstrom} is guidance, an estimate changed before the step; ``pushed`` the same of x after it.
    """
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(ATOMS, 3)) * 10
    recorder = Recorder(path, info=info)
    denoise = recorder.wrap(lambda x, sigma: mean + 9 / (9 + sigma**2) * (x - mean), "x", "sigma")
    x = LEVELS[0] * rng.normal(size=(SAMPLES, ATOMS, 3))
    for number, (sigma, target) in enumerate(pairwise(LEVELS), 1):
        told = (1 + gamma * (target > 1)) * sigma
        if not silent:
            x = x + noise_scale * np.sqrt(told**2 - sigma**2) * rng.normal(size=x.shape)
        x = x.astype(np.float32).astype(np.float64)  # what is recorded is what goes on
        x0 = np.float32(denoise(x, told)).astype(np.float64)
        x0 = x0 + displacement(rng, (moved or {}).get(number, 0.0))
        x = x + step_scale * (target - told) * (x - x0) / told + displacement(rng, (pushed or {}).get(number, 0.0))
    recorder.final(x)
    recorder.close(ended=True)
    return edm.open_trace(path)


def displacement(rng, rms):
    """(B, N, 3) of which the RMS over atoms is as given."""
    values = rng.normal(size=(SAMPLES, ATOMS, 3))
    return rms * values / np.sqrt((values**2).sum(axis=2).mean(axis=1))[:, None, None]


@pytest.mark.parametrize("name", PRESETS)
def test_a_published_sampler_is_found_to_be_that(name, two_states, record_run, tmp_path):
    preset = PRESETS[name]
    sampler = preset.sampler(STEPS)
    info = {"preset": name, "align": sampler.align != "none"}
    record_run(two_states, tmp_path / "run.trace", preset.schedule(STEPS), sampler, SAMPLES, info=info)
    found = replay(edm.open_trace(tmp_path / "run.trace"))
    assert said(found, "levels are those of").startswith(f"levels are those of {name} to ")
    assert said(found, "step_scale") == f"step_scale {sampler.step_scale:.4g} in every step, as {name} has"
    for word in ("gamma", "noise_scale"):
        assert said(found, word).endswith(f", as {name} has")
    acted = found.acted
    # Within five of the stated errors of each step.
    assert (abs(acted.step_scale - sampler.step_scale) < 5 * acted.step_scale_error + 1e-4).all()
    noisy = np.nan_to_num(acted.gamma) > 0
    assert (abs(acted.noise_scale - sampler.noise_scale) < 5 * acted.noise_scale_error)[noisy][1:].all()
    np.testing.assert_allclose(acted.gamma[noisy], sampler.churn.gamma, rtol=1e-5)
    assert not [sentence for sentence in found.findings if "not" in sentence.split()]


def test_a_published_sampler_is_found_by_its_levels(two_states, record_run, tmp_path):
    """AlphaFold 3's and Protenix's differ in the last level alone."""
    for name in ("protenix", "alphafold3"):
        preset = PRESETS[name]
        record_run(two_states, tmp_path / name, preset.schedule(STEPS), preset.sampler(STEPS))
        found = replay(edm.open_trace(tmp_path / name))
        assert said(found, "levels are those of").startswith(f"levels are those of {name} to ")
        assert said(found, "step_scale") == "step_scale 1.5 in every step"


def test_what_acted_is_not_what_was_declared(two_states, record_run, tmp_path):
    preset = PRESETS["boltz2"]
    sampler = replace(preset.sampler(STEPS), noise_scale=0.81, step_scale=1.2)
    schedule = preset.schedule(STEPS)
    settings = {"noise_scale": 0.9, "step_scale": 1.2, "gamma0": 0.8, "schedule": list(schedule.sigmas)}
    info = {"preset": "boltz2", "align": True, "settings": settings}
    record_run(two_states, tmp_path / "run.trace", schedule, sampler, 3, info=info)
    found = replay(edm.open_trace(tmp_path / "run.trace"))
    assert "levels are those that the run noted" in found.findings
    assert said(found, "step_scale") == "step_scale 1.2 in every step; boltz2 has 1.5"
    sentence = said(found, "noise_scale")
    assert sentence.startswith("noise_scale 0.9 was declared, 0.8")
    assert sentence.endswith(" +- 0.003 acted in steps 2 to 30; boltz2 has 1.003")


def test_levels_that_nobody_knows_are_found_from_the_steps(tmp_path):
    found = replay(own_loop(tmp_path / "run.trace", gamma=0.5, noise_scale=0.9, step_scale=1.3))
    acted = found.acted
    assert "levels are found from the steps, by those without noise" in found.findings
    assert said(found, "step_scale") == "step_scale 1.3 in every step"
    np.testing.assert_allclose(acted.after, LEVELS[1:], rtol=0.02, atol=1e-6)
    gamma = acted.gamma[1:][np.array(LEVELS[1:])[1:] > 1]
    assert np.ptp(gamma) < 1e-6
    assert gamma[0] == pytest.approx(0.5, abs=0.03)
    assert np.nanmean(acted.noise_scale) == pytest.approx(0.9, abs=0.03)


def test_heun_is_told_from_chai(two_states, record_run, tmp_path):
    schedule = edm.karras(30, 0.01, 640.0)
    for solver, owner in (("heun", "Heun's"), ("chai", "Chai-1's")):
        record_run(two_states, tmp_path / solver, schedule, edm.Sampler(solver, center=True, rotate=True))
        found = replay(edm.open_trace(tmp_path / solver))
        assert found.acted.method == solver
        assert found.findings[0].startswith(f"30 of 30 steps added no noise and close as {owner}")
        assert said(found, "step_scale") == "step_scale 1 in every step"


def test_a_multistep_method_is_not_euler(two_states, record_run, tmp_path):
    schedule = edm.karras(30, 0.01, 640.0)
    record_run(two_states, tmp_path / "run.trace", schedule, edm.Sampler("dpmpp_2m", center=True, rotate=True))
    found = replay(edm.open_trace(tmp_path / "run.trace"))
    assert said(found, "not Euler's").startswith("steps 2 to ")


def test_guidance_that_was_heard(tmp_path):
    trace = own_loop(tmp_path / "run.trace", moved=dict.fromkeys(range(12, 17), 1.4))
    lines = [json.loads(line) for line in (tmp_path / "run.trace" / "calls.jsonl").read_text().splitlines()]
    for number in range(12, 17):
        lines[number]["guided"] = [1.4] * SAMPLES  # the line after that of the call
    (tmp_path / "run.trace" / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    trace = edm.open_trace(tmp_path / "run.trace")
    found = replay(trace)
    assert "guidance moved the estimate by 1.4 A in steps 12 to 16" in found.findings
    assert not [sentence for sentence in found.findings if "not Euler's" in sentence]
    assert found.table()["guided"][11:16] == [1.4] * 5


def test_guidance_that_nobody_heard(tmp_path):
    """In steps without noise the estimate that would explain them."""
    found = replay(own_loop(tmp_path / "run.trace", moved={20: 0.7, 21: 1.4}))
    sentence = said(found, "not Euler's")
    assert sentence.startswith("steps 20 to 21 are not Euler's: they miss by up to ")
    assert float(sentence.split("moved by ")[1].split()[0]) == pytest.approx(1.4, rel=0.05)


def test_one_step_that_went_elsewhere(tmp_path):
    found = replay(own_loop(tmp_path / "run.trace", pushed={7: 2.3}))
    assert found.acted.misses[6] == pytest.approx(2.3, rel=0.02)
    assert said(found, "not Euler's").startswith("step 7 is not Euler's: it misses by 2.3 A")
    noisy = replay(own_loop(tmp_path / "noisy.trace", gamma=0.8, pushed={20: 40.0}, settings={"schedule": LEVELS}))
    assert said(noisy, "not Euler's").startswith("step 20 is not Euler's: it misses by ")
    assert noisy.acted.misses[19] == pytest.approx(40, rel=0.1)


def test_a_level_that_is_raised_without_noise(tmp_path):
    """ESMFold2 tells its network more than x holds."""
    found = replay(own_loop(tmp_path / "run.trace", gamma=0.605, silent=True, settings={"schedule": list(LEVELS)}))
    assert said(found, "no noise was added, and").endswith("the denoiser was told up to 1.605 times the level of x")
    assert said(found, "noise_scale").startswith("noise_scale 0 in steps ")


@pytest.mark.parametrize("calls", [9, len(LEVELS) - 2])
@pytest.mark.parametrize("declared", [{"settings": {"schedule": list(LEVELS)}}, {"settings": {"step_scale": 1.0}}])
def test_a_run_that_was_killed(calls, declared, tmp_path):
    """What is added before its last call is noise like any other, and its levels are the first of the schedule."""
    own_loop(tmp_path / "run.trace", gamma=0.8, **declared)
    lines = (tmp_path / "run.trace" / "calls.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run.trace" / "calls.jsonl").write_text("".join(lines[:calls]))
    (tmp_path / "run.trace" / "final.dcd").unlink()
    found = replay(edm.open_trace(tmp_path / "run.trace"))
    assert not any("not Euler's" in sentence for sentence in found.findings)
    if "schedule" in declared["settings"]:
        assert "levels are those that the run noted" in found.findings
        assert said(found, "gamma").startswith("gamma 0.8 in ")


def test_the_table_has_a_row_a_step(tmp_path):
    found = replay(own_loop(tmp_path / "run.trace", gamma=0.8), samples=[1])
    table = found.table()
    assert table["step"] == list(range(1, len(LEVELS)))
    assert table["sigma"] == found.acted.sigma.tolist()
    assert table.title == "30 steps of 1 sample, replayed"
    assert table.notes == found.findings


def test_runs_that_cannot_be_replayed(two_states, tmp_path):
    trace = own_loop(tmp_path / "run.trace")
    with pytest.raises(edm.EdmNoiseError, match="no samples are chosen"):
        replay(trace, samples=[])
    with pytest.raises(edm.EdmNoiseError, match="has no sample 2: give a number from 0 to 1"):
        replay(trace, samples=[2])
    for options in ({"keep": "x0"}, {"every": 2}):
        path = tmp_path / f"{next(iter(options))}.trace"
        with edm.record(two_states, "denoise", x="x", sigma="sigma", out="atoms", path=path, **options):
            schedule = edm.karras(6, 0.1, 100.0)
            list(edm.sample(two_states, two_states.covariance, schedule, edm.Sampler("euler")))
        with pytest.raises(
            edm.EdmNoiseError, match=r"that needs x and the estimate of every call \(keep=both, every=1\)"
        ):
            replay(edm.open_trace(path))
    with edm.record(two_states, "denoise", x="x", sigma="sigma", out="atoms", path=tmp_path / "one.trace"):
        next(edm.sample(two_states, two_states.covariance, schedule, edm.Sampler("euler")))
    with pytest.raises(edm.EdmNoiseError, match="holds one step and no end of it"):
        replay(edm.open_trace(tmp_path / "one.trace"))
