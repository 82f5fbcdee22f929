"""edm_sample and edm_precondition typed in a real PyMOL: trajectories, their order, their files, what is refused."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.names import DENOISERS
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.presets import PRESETS
from edmnoise.diffusion.samplers.solvers import SOLVERS
from edmnoise_pymol import edm_precondition, edm_sample, edm_schedule
from edmnoise_pymol.commands.sampling import plan as sampling_plan
from edmnoise_pymol.job import Watch, run_inline
from edmnoise_pymol.jobs.plots.freeze_out import freeze_out

INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from pymol import cmd
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise_pymol import edm_sample

plain, steps = StatesDenoiser.denoise, 0

def denoise(self, x, sigma):
    global steps
    steps += 1
    print("step", steps)
    return plain(self, x, sigma)

StatesDenoiser.denoise = denoise
cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
run = edm_sample("pept", sampler="euler", steps=20000).run
print("partial", run.partial, run.steps[-1])
"""

RUN = "steps=6, sigma_max=100, sigma_min=0.01"


@pytest.fixture
def copies(cmd, pymol_data, coords):
    """Residues 1-20 of the subunits D and E of 1TII: two objects of the same atoms, and an object of both as states."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "de":
        cmd.create(name, f"whole and chain {name.upper()} and resi 1-20", 1, 1)
    cmd.create("both", "d", 1, 1)
    cmd.create("both", "d", 1, 2)
    cmd.load_coordset(coords("e"), "both", 2)
    cmd.delete("whole")


def begun(cmd, job, watch, name):
    """The first work of a job that has made its objects, whose names begin so."""
    work = next(job)
    while not any(there.startswith(name) for there in cmd.get_names("objects")):
        work = job.send(work(watch))
    return work


@pytest.mark.parametrize("selection", ["d or e", "both"])
def test_a_trajectory_leads_from_noise_to_a_state(cmd, copies, snapshot, typed, frames_of, selection, coords):
    """State 1 is the reference, then a state a step with sigma in its title; the last is one of the data, in place."""
    before = snapshot()
    said = typed(f"edm_sample {selection}, {RUN}, name=made")
    assert snapshot(leave_out=["made"]) == before
    assert "2 states of " in said
    assert "90 % of the way is done at sigma" in said
    frames = frames_of("made", first=1)
    assert len(frames) == 1 + 6 + 1
    reference = coords(selection if selection == "both" else "d", 1)
    np.testing.assert_array_equal(frames[0], reference)
    assert cmd.get_title("made", 2).startswith("1/6 step=1 sigma=100 ")
    assert cmd.get_title("made", 8).startswith("end sigma=0 ")
    spread = [np.sqrt(np.mean((frame - reference) ** 2)) for frame in frames[1:]]
    assert spread[0] > 50
    ends = []
    for state in ("d", "e"):
        cmd.create("pair", "made", 8, 1)
        cmd.create("pair", state, 1, 2, discrete=0)
        cmd.load_coordset(coords(state), "pair", 2)
        ends.append(max(cmd.intra_rms("pair", 2)))
        cmd.delete("pair")
    assert min(ends) < 0.1
    assert spread[-1] < 2


def test_samples_become_objects_of_steps_or_one_object_of_samples(cmd, copies, coords):
    steps = edm_sample("d or e", steps=4, samples=2, denoised=1, name="made")
    assert steps.names == ("made_1", "made_1_denoised", "made_2", "made_2_denoised")
    assert [cmd.count_states(name) for name in steps.names] == [6] * 4
    ends = edm_sample("d or e", steps=4, samples=3, trajectory=0)
    assert ends.names == ("d_sample",)
    assert cmd.count_states("d_sample") == 4
    np.testing.assert_array_equal(coords("d_sample", 2), ends.run.final[0])


@pytest.mark.parametrize(("state", "number"), [(1, 1), (2, 2), (-1, 2)])
def test_one_state_may_be_the_data(cmd, copies, coords, state, number):
    """The others are as if they were not there; -1 is the state that is shown."""
    cmd.create("alone", "both", number, 1)
    cmd.set("state", 2, "both")
    one = edm_sample("both", steps=4, state=state, name="one")
    assert one.notes[0] == "1 state of both"
    np.testing.assert_array_equal(coords("one", 1), coords("both", number))
    same = edm_sample("alone", steps=4, name="same")
    np.testing.assert_array_equal(one.run.final, same.run.final)


def test_the_seed_makes_the_sample(cmd, copies):
    """Sample 1 of two is sample 1 alone, to the rounding of float32 sums over another batch."""
    two = edm_sample("d or e", steps=4, samples=2, trajectory=0, seed=3, name="two")
    one = edm_sample("d or e", steps=4, samples=1, trajectory=0, seed=3, name="one")
    np.testing.assert_allclose(one.run.final[0], two.run.final[0], atol=1e-3)
    other = edm_sample("d or e", steps=4, samples=1, trajectory=0, seed=4, name="other")
    assert np.abs(other.run.noisy[0] - one.run.noisy[0]).max() > 1


@pytest.mark.parametrize("sampler", [*SOLVERS, *PRESETS])
def test_every_sampler_runs_by_name(cmd, copies, sampler):
    result = edm_sample("d or e", sampler=sampler, steps=5, trajectory=0, name="made")
    assert np.isfinite(result.run.final).all()


@pytest.mark.parametrize("denoiser", DENOISERS)
def test_every_denoiser_runs_by_name(cmd, copies, denoiser):
    assert np.isfinite(edm_sample("both", denoiser=denoiser, steps=5, name="made").run.final).all()


def test_state_weights_choose(cmd, copies):
    result = edm_sample("both", steps=8, samples=4, state_weights="1 0", trajectory=0)
    np.testing.assert_allclose(result.run.states, np.tile([1.0, 0.0], (8, 1)), atol=1e-12)


@pytest.mark.parametrize("fluctuations", ["0 0.3 0.2", "network"])
def test_states_may_fluctuate(cmd, copies, fluctuations, coords):
    """Samples scatter about the state as it does, and no longer lie on it."""
    made = edm_sample("d", steps=12, samples=8, fluctuations=fluctuations, trajectory=0, name="made").run
    scatter = np.sqrt(np.mean((made.final - coords("d")) ** 2))
    assert 0.05 < scatter < 2


def test_level_estimates_are_harmless(cmd, copies):
    one, two = (
        edm_sample("d", steps=6, level_weights=w, name=n).run.final for w, n in (("0 0", "plain"), ("1 1", "wide"))
    )
    np.testing.assert_allclose(one, two, atol=1e-2)


def test_files(cmd, copies, tmp_path):
    edm_sample("both", steps=4, name="one", file=str(tmp_path / "way.json"))
    assert len(json.loads((tmp_path / "way.json").read_text())["rows"]) == 4
    edm_sample("both", steps=4, name="two", file=str(tmp_path / "way.png"))
    assert (tmp_path / "way.png").stat().st_size > 5000


def test_a_scrambled_object_keeps_its_atoms(cmd, copies):
    """Atoms that PyMOL has renumbered since: every state still belongs to its atom."""
    cmd.alter("d", "resi = str(40 - int(resi))")
    cmd.alter("e", "resi = str(40 - int(resi))")
    cmd.sort("d")
    cmd.sort("e")
    edm_sample("d", steps=6, sigma_max=100, sigma_min=0.01, name="made")
    assert cmd.intra_rms_cur("made", 1)[-1] < 0.05


WATCHED = [{}, {"samples": 2}, {"samples": 2, "denoised": 1}, {"samples": 3, "trajectory": 0}]


@pytest.mark.parametrize("options", WATCHED)
def test_who_looks_on_gets_the_same(cmd, copies, frames_of, options):
    """A state a step while it runs, each laid on the reference; in the end the very frames of a run unseen."""
    options = {"steps": 8, "sampler": "alphafold3", "seed": 3, **options}
    unseen = edm_sample("both", **options, name="unseen")
    job = edm_sample.job("both", **options, name="seen", quiet=1, _self=cmd)
    made = end = None
    watch = Watch(every=0.0)
    work = begun(cmd, job, watch, "seen")

    def states():
        return [cmd.count_states(name) for name in cmd.get_names("objects") if name.startswith("seen")]

    seen = [states()]
    while end is None:
        made = work(watch)
        try:
            work = job.send(made)
        except StopIteration as stop:
            end = stop.value
        else:
            seen.append(states())
    assert seen[0] == [1] * len(end.names)
    if options.get("trajectory", 1):
        first = [counts[0] for counts in seen[:9]]
        assert first == sorted(first)
        assert all(count <= number for number, count in enumerate(first, 1))  # a busy machine shows some together
        assert first[-1] > 1
    for one, other in zip(unseen.names, end.names, strict=True):
        assert frames_of(one).tobytes() == frames_of(other).tobytes()
        numbers = range(1, cmd.count_states(one) + 1)
        assert [cmd.get_title(one, k) for k in numbers] == [cmd.get_title(other, k) for k in numbers]


def test_states_on_their_way_lie_on_the_reference(cmd, copies, frames_of, coords):
    job = edm_sample.job("d", steps=6, sigma_max=3, denoised=1, name="made", quiet=1, _self=cmd)
    watch = Watch(every=0.0)
    work = begun(cmd, job, watch, "made")
    for _ in range(3):
        work = job.send(work(watch))
    assert cmd.get_title("made", 3).startswith("2/6 step=2 sigma=")
    assert cmd.count_states("made") == 4
    np.testing.assert_allclose(frames_of("made_denoised")[-1], coords("d"), atol=0.2)
    job.close()
    assert "made" not in cmd.get_names("objects")
    assert "made_denoised" not in cmd.get_names("objects")


def test_a_cancelled_run_keeps_its_steps(cmd, copies):
    watch = Watch(lambda share, words: watch.cancel() if words.startswith("step 3 ") else None)
    made = run_inline(edm_sample.job("both", steps=9, name="made", quiet=1, _self=cmd), watch)
    assert made.run.partial
    assert cmd.count_states("made") == 1 + 3 + 1
    assert all("partial" in cmd.get_title("made", k) for k in range(2, 6))
    assert made.notes[-1].startswith("cancelled at sigma")
    assert "90 %" not in str(made.table)
    ways = run_inline(freeze_out(made.run)).ways
    assert [way.moves for way in ways] == [False, True, True]
    assert not any(way.frozen > 0 for way in ways)


@pytest.mark.parametrize(("trajectory", "kept"), [(1, ["made_1"]), (0, ["made"])])
def test_cancelled_in_a_later_chunk(cmd, copies, frames_of, monkeypatch, trajectory, kept):
    """The samples that are whole are kept; objects and states of those that are not go."""
    from edmnoise.trajectories import sampling

    monkeypatch.setattr(sampling, "_CHUNK_BYTES", 1)
    watch = Watch(lambda share, words: watch.cancel() if words.startswith("step 8 ") else None, every=0.0)
    job = edm_sample.job("both", steps=5, samples=3, trajectory=trajectory, name="made", quiet=1, _self=cmd)
    made = run_inline(job, watch)
    assert [name for name in cmd.get_names("objects") if name.startswith("made")] == kept == list(made.names)
    assert cmd.count_states(kept[0]) == (7 if trajectory else 2)
    assert frames_of(kept[0])[-1].tobytes() == made.run.final[0].tobytes()
    assert made.notes[-1].startswith("cancelled with 1 of 3 samples complete")


def test_an_object_that_is_gone_is_missed(cmd, copies):
    """Although PyMOL takes the beginning of a name for the whole."""
    job = edm_sample.job("both", steps=9, denoised=1, name="made", quiet=1, _self=cmd)
    watch = Watch(every=0.0)
    work = begun(cmd, job, watch, "made")
    cmd.delete("made")
    made = work(watch)
    with pytest.raises(EdmNoiseError, match="made was changed or deleted while the sampler ran"):
        job.send(made)
    assert "made_denoised" not in cmd.get_names("objects")


def test_names_are_free_for_all_objects(cmd, copies):
    assert edm_sample("d", steps=3, samples=2).names == ("d_sample_1", "d_sample_2")
    assert edm_sample("d", steps=3, samples=2).names == ("d_sample_01_1", "d_sample_01_2")
    assert edm_sample("d", steps=3).names == ("d_sample",)


def test_a_preset_keeps_what_is_not_changed(cmd, copies):
    """Its grid and its rho, where only the highest level is another."""
    plain = SamplerChoice("boltz1", steps=7).build()[0]
    lower = SamplerChoice("boltz1", steps=7, sigma_max=100.0).build()[0]
    assert lower.steps == plain.steps
    assert lower.sigmas[0] == pytest.approx(100)
    np.testing.assert_allclose(np.diff(np.array(lower.sigmas[:-1]) ** (1 / 8), 2), 0, atol=1e-12)
    protenix = SamplerChoice("protenix", rho=5.0).build()[0]
    assert protenix.steps == 200
    assert protenix.sigmas[-1] == 0


def test_a_plan_is_what_is_run(cmd, copies):
    made = edm_sample("d", sampler="boltz1", steps=20, churn=0.3, name="made")
    plan = run_inline(sampling_plan({"sampler": "boltz1", "steps": "20", "churn": "0.3"}))
    np.testing.assert_allclose(plan.asked, made.run.sigmas)
    assert plan.usual["churn"] == "0.605"
    assert plan.usual["align"] == "1"


def test_precondition(cmd, copies, typed):
    said = typed("edm_precondition d, weights=1 4 4, z=-1 0")
    assert "data scales: chain" in said
    table = edm_precondition("d", weights="1 4 4", z="-1 0", rule="global")
    assert table["c_skip atom"] == table["c_skip chain"]
    assert "rule finite, harmonic noise" in typed("edm_precondition d, process=harmonic, z=-1 0")


def test_precondition_of_a_state_and_of_some_atoms(cmd, copies, snapshot):
    """As of an object that holds these and no others."""
    cmd.h_add("both")
    cmd.create("second", "both and not hydro", 2, 1)
    before = snapshot()
    scales = [
        str(edm_precondition(name, z=0, **more))
        for name, more in (("both", {"state": 2, "hydrogens": 0}), ("second", {}), ("both", {}))
    ]
    assert scales[0] == scales[1] != scales[2]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("edm_sample nosuch", "'nosuch'"),
        ("edm_sample d or e and name CA", "states need the same atoms"),
        ("edm_sample d and resi 1-3 or e and resi 2-4", "states need the same atoms"),
        ("edm_sample d, schedule=magic", "karras, log_linear"),
        ("edm_sample d, schedule=1 2 3", "each below the one before"),
        ("edm_sample d, schedule=10 1 0, steps=5", "so is steps"),
        ("edm_sample d, schedule=log_linear, rho=7", "which has none"),
        ("edm_schedule steps=0", "steps is 0"),
        ("edm_sample d or e, level_weights=2 1", "level_weights are [2.0, 1.0]: give two numbers from 0 to 1"),
        ("edm_sample d or e, weights=1 0 0", "this noise has no inverse: without variance of the atoms"),
        ("edm_sample d or e, denoiser=mymodel.build", "a function is given as mymodel:build"),
        ("edm_schedule magic", "sampler is 'magic': give one of euler, heun, "),
        ("edm_sample d, sampler=magic", "sampler is 'magic': give one of euler, heun, "),
        ("edm_sample d, denoiser=magic", "denoiser is 'magic': give one of states, translation, "),
        ("edm_sample d, steps=0", "steps is 0"),
        ("edm_sample d, steps=two", "whole number"),
        ("edm_sample d, sigma_min=5, sigma_max=2", "sigma_min"),
        ("edm_sample d, samples=0", "samples is 0"),
        ("edm_sample d, samples=1000000000", "at most"),
        ("edm_sample d, weights=1 1 0", "1e-6"),
        ("edm_sample d, churn=-1", "churn is -1"),
        ("edm_sample d, step_scale=2, sampler=dpmpp_2m", "step_scale"),
        ("edm_sample both, state_weights=1 2 3", "3 numbers for 2 states of both: give 2 numbers"),
        ("edm_sample d, state_weights=1 2", "2 numbers for 1 state of d: choosing needs several states"),
        ("edm_sample both, state_weights=1 -1", "state_weights are [1.0, -1.0]: give numbers, none negative"),
        ("edm_sample d, sampler=boltz1, sigma_max=0.001", "sigma_min is 0.0064 and sigma_max 0.001"),
        ("edm_sample d, rho=0", "rho is 0"),
        ("edm_sample d, fluctuations=0 1", "three numbers"),
        ("edm_sample d, fluctuations=magic", "give network"),
        ("edm_sample d, level_weights=2 0", "from 0 to 1"),
        ("edm_sample d, device=tpu", "device is 'tpu': give one of auto, cpu, cuda"),
        ("edm_sample d, name=e", "taken"),
        ("edm_sample d, file=way.txt", ".csv"),
        ("edm_precondition d, process=frames", "frames noise is forward only"),
        ("edm_precondition d, process=harmonic, rule=cumulative", "the rule cumulative is made of weights"),
        ("edm_precondition d, rule=best", "rule is 'best': give one of finite, increment, cumulative, global"),
    ],
)
def test_refused(cmd, copies, refusal, line, sentence):
    assert sentence in refusal(line)


def test_levels_in_a_series_and_one_by_one(cmd, copies, typed):
    assert SamplerChoice(schedule=(100.0, 10.0, 1.0, 0.0)).build()[0].sigmas == (100.0, 10.0, 1.0, 0.0)
    series = SamplerChoice("alphafold3", steps=4, schedule="log_linear").build()[0].sigmas
    assert np.diff(np.log(series)) == pytest.approx(np.log(4e-4 / 160) / 4)
    made = edm_sample("both", schedule="100 10 1 0", name="made").run
    assert made.sigmas.tolist() == [100, 10, 1]


@pytest.mark.parametrize("name", ["boltz1", "protenix", "heun"])
def test_align_is_the_published_one_where_there_is_one(name):
    aligned = {"boltz1": "noisy", "protenix": "denoised", "heun": "denoised"}
    assert SamplerChoice(name, align=True).build()[1].align == aligned[name]
    assert SamplerChoice(name, align=False).build()[1].align == "none"


def test_churn_of_a_solver_is_that_of_karras():
    """Every step has it, the last one too, which goes to 0."""
    _, sampler = SamplerChoice("heun", churn=0.4).build()
    assert sampler.churn.of(0.01, 0.0) == 0.4


def test_a_schedule_as_table_and_figure(cmd, typed, tmp_path):
    from PIL import Image

    said = typed(f"edm_schedule boltz2, steps=5, file={tmp_path}/levels.png")
    with Image.open(tmp_path / "levels.png") as picture:
        assert picture.width > 600
    table = edm_schedule("boltz2", steps=5, file=str(tmp_path / "levels.csv"))
    assert table["sigma"][0] == pytest.approx(2560)
    assert table["asked at"][0] == pytest.approx(1.8 * 2560)
    assert "asked at" in said
    assert (tmp_path / "levels.csv").read_text().count("\n") >= 7


def test_ctrl_c_keeps_what_was_made(tmp_path):
    """A real interrupt, in the middle of a step: the next step ends the run."""
    script = tmp_path / "run.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, "-u", str(script)]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            said.append(line)
            if line.startswith("step 5"):
                process.send_signal(signal.SIGINT)
                break
        said += process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 0, "".join(said[-9:])
    assert said[-1].startswith("partial True"), "".join(said[-9:])
    assert int(said[-1].split()[2]) >= 5
