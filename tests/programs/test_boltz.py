"""The loops of Boltz-1, Boltz-2, boltz-community's and BoltzGen, recorded: nothing changes, and every step is there."""

import numpy as np
import pytest

BOLTZ1, BOLTZ2 = "boltz.model.modules.diffusion", "boltz.model.modules.diffusionv2"
BOLTZGEN = "boltzgen.model.modules.diffusion"
LOOPS = {
    "Boltz-2": ("boltz", BOLTZ2),
    "Boltz-1": ("boltz", BOLTZ1),
    "Boltz-2 of boltz-community": ("boltz-community", BOLTZ2),
    "Boltz-1 of boltz-community": ("boltz-community", BOLTZ1),
    "BoltzGen": ("boltzgen", BOLTZGEN),
}
STEPS = 12


@pytest.fixture(scope="module", params=LOOPS)
def loop(request, driven):
    """A run without churn, where what is left between steps is rounding, and one with it."""
    program, module = LOOPS[request.param]
    options = [] if program == "boltzgen" else ["--parallel", 5]
    pair = driven(program, "drive_boltz.py", "--module", module, "--noise-scale", 0.88, "--gammas", 0, 0.8, *options)
    return request.param, pair


def test_what_it_makes_is_the_same_to_the_bit(loop):
    loop[1].assert_untouched()


def test_the_program_is_named(loop):
    name, pair = loop
    trace = pair.traces[0]
    distribution = LOOPS[name][0]
    assert trace.info["program"] == name.partition(" of ")[0]
    assert (trace.info["distribution"], trace.info["program_version"]) == (distribution, trace.info["tried"])
    assert (trace.info["name"], trace.info["seed"], trace.info["align"]) == ("toy", 1, True)
    assert f"recorded 2 runs of {trace.info['program']} ({distribution}" in pair.said
    assert "unread" not in trace.info


def test_settings_are_those_that_were_given(loop):
    _, pair = loop
    settings = dict(pair.traces[0].info["settings"])
    np.testing.assert_allclose(settings.pop("schedule"), pair.plain["schedule"], rtol=1e-7)
    given = {"gamma0": 0.0, "gamma_min": 1.0, "noise_scale": 0.88, "step_scale": 1.5, "steps": STEPS}
    assert settings == pytest.approx(given)


def test_atoms_are_named(loop):
    _, pair = loop
    names, real = pair.traces[0].info["names"], pair.plain["names_mask"] > 0
    assert names["mask"] == real.astype(int).tolist()
    for key, values in names.items():
        if key != "mask":
            wanted = pair.plain[f"names_{key}"]
            wanted = {"element": np.char.capitalize, "residue_name": unknown_ligand}.get(key, np.array)(wanted)
            assert np.array(values)[real].tolist() == wanted.tolist(), key


def unknown_ligand(names):
    """Where a ligand is of no kind that is known."""
    return np.where(names == "LIG", "UNK", names)


def test_calls_are_those_of_the_network(loop):
    """Samples and steps are numbered right where a step takes its samples one by one."""
    _, pair = loop
    run = pair.followed[0]
    assert [len(call["samples"]) for call in run.calls] == pair.plain["rows"][0].tolist()
    np.testing.assert_allclose([call["sigma"] for call in run.calls], pair.plain["sigma"][0], rtol=1e-5)
    assert run.steps() == [STEPS] * 3
    in_turn = [(call["step"] - 1, sample) for call in run.calls for sample in call["samples"]]
    assert in_turn == [(step, sample) for step in range(STEPS) for sample in range(3)]
    for (step, sample), x, x0 in zip(in_turn, pair.plain["x"][0], pair.plain["x0"][0], strict=True):
        np.testing.assert_allclose(run.x[sample][step], x, rtol=1e-5, atol=1e-4 * abs(x).max())
        np.testing.assert_allclose(run.x0[sample][step], x0, atol=1e-4 + 1e-6 * abs(x).max())


def test_ends_follow_from_the_last_calls(loop):
    """Within 3e-5 A, x being superposed on the estimate here by arithmetic of its own."""
    _, pair = loop
    run = pair.followed[0]
    for sample, end in enumerate(pair.plain["final"][0]):
        real = pair.plain["names_mask"] > 0
        x, x0 = run.x[sample][-1], run.x0[sample][-1]
        onto = x0[real].mean(axis=0)
        u, _, v = np.linalg.svd((x[real] - x[real].mean(axis=0)).T @ (x0[real] - onto))
        u[:, 2] *= np.linalg.det(u @ v)
        x = (x - x[real].mean(axis=0)) @ u @ v + onto
        assert abs(x + 1.5 * (x0 - x) - end).max() < 3e-5
        assert abs(run.trace.final[sample] - end).max() == 0


def test_the_motion_closes_every_step(loop):
    _, pair = loop
    run = pair.followed[0]
    assert run.trace.info["motion"] is True
    for step, noise in enumerate(run.noise(pair.plain["schedule"], 1.5)):
        assert abs(noise).max() < 1e-3 + 2e-6 * abs(run.x[0][step]).max(), step
    for sample, end in enumerate(pair.plain["final"][0]):
        assert abs(run.end(sample, 1.5) - (end - end.mean(axis=0))).max() < 3e-5


def test_what_is_left_with_churn_is_its_noise(loop):
    """BoltzGen takes noise_scale twice."""
    name, pair = loop
    run = pair.followed[1]
    schedule, scale = pair.plain["schedule"], 0.88**2 if name == "BoltzGen" else 0.88
    for step, noise in enumerate(run.noise(schedule, 1.5)):
        level = schedule[step + 1]
        raised = run.lines[0][step + 1]["sigma"]
        wanted = scale * np.sqrt(raised**2 - level**2)
        if schedule[step + 2] > 1:
            assert raised == pytest.approx(1.8 * level)
            freedom = noise[:, 1:].size
            assert np.sqrt((noise**2).sum() / freedom) == pytest.approx(wanted, rel=3 / np.sqrt(2 * freedom)), step
        else:
            assert wanted < 1e-3 * level
            assert abs(noise).max() < 1e-3 + 2e-6 * abs(run.x[0][step]).max()


@pytest.fixture(scope="module", params=[BOLTZ1, BOLTZ2])
def steered(request, driven):
    """Two particles a sample, of which one or both go on after every third step; estimates are pulled together."""
    return driven("boltz", "drive_boltz.py", "--module", request.param, "--steered", "--resampled", "--gammas", 0.8)


def test_particles_that_go_on_are_named(steered):
    steered.assert_untouched()
    (run,) = steered.followed
    assert run.trace.samples == 6
    for step, call in enumerate(run.calls):
        chosen = steered.plain.get(f"from_{step - 1}", np.arange(6)).tolist()
        assert call.get("from", list(range(6))) == chosen, step
    assert run.closing["from"] == steered.plain[f"from_{STEPS - 1}"].tolist()
    assert any("from" in call for call in run.calls)


def test_what_guidance_changed_is_said(steered):
    (run,) = steered.followed
    for step in range(STEPS - 1):
        behind = [lines[step + 1] for lines in run.lines]
        came = np.array([run.x0[line.get("from", sample)][step] for sample, line in enumerate(behind)])
        moved = np.sqrt(((steered.plain[f"onto_{step}"] - came) ** 2).sum(axis=-1).mean(axis=-1))
        assert moved.min() > 0.05
        assert [line["guided"] for line in behind] == pytest.approx(moved, rel=1e-3, abs=1e-3)
    assert "guided" not in run.closing


def test_the_end_of_steered_samples_follows(steered):
    (run,) = steered.followed
    for row, end in enumerate(steered.plain["final"][0]):
        assert abs(run.end(row, 1.5) - (end - end.mean(axis=0))).max() < 3e-5


def test_steps_close_from_particle_to_particle(driven):
    """Nothing but churn is left between a step and what it continues."""
    pair = driven("boltz", "drive_boltz.py", "--module", BOLTZ2, "--resampled", "--gammas", 0.8)
    (run,) = pair.followed
    schedule = pair.plain["schedule"]
    for step, noise in enumerate(run.noise(schedule, 1.5)):
        raised = run.lines[0][step + 1]["sigma"]
        wanted = 1.003 * np.sqrt(max(0, raised**2 - schedule[step + 1] ** 2))
        if schedule[step + 2] > 1:
            freedom = noise[:, 1:].size
            assert np.sqrt((noise**2).sum() / freedom) == pytest.approx(wanted, rel=3 / np.sqrt(2 * freedom)), step


def test_samples_of_a_batch_keep_their_numbers(driven):
    """boltz-community takes some samples of every record in each call, and returns them record by record."""
    options = ["--records", 2, "--samples", 4, "--parallel", 2, "--gammas", 0]
    pair = driven("boltz-community", "drive_boltz.py", "--module", BOLTZ2, *options)
    pair.assert_untouched()
    (run,) = pair.followed
    assert [call["samples"] for call in run.calls] == [[0, 1, 4, 5], [2, 3, 6, 7]] * STEPS
    assert not any("from" in call for call in [*run.calls, run.closing])
    for step, noise in enumerate(run.noise(pair.plain["schedule"], 1.5)):
        assert abs(noise).max() < 1e-3 + 2e-6 * abs(run.x[0][step]).max(), step
    for sample, end in enumerate(pair.plain["final"][0]):
        assert abs(run.end(sample, 1.5) - (end - end.mean(axis=0))).max() < 3e-5
