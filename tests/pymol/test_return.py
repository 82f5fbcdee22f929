"""edm_return, starts and levels in programs' units as they are typed: what the library gives, and what is refused."""

import json

import numpy as np
import pytest

from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.study.round_trip import round_trips
from edmnoise_pymol import edm_compare, edm_return, edm_sample, edm_schedule
from edmnoise_pymol.job import Cancelled, Watch, run_inline

AF3 = sigma_distribution("alphafold3")


@pytest.fixture
def copies(cmd, pymol_data, coords):
    """Residues 66 to 75 of 1TII's subunits D and E: two objects of the same atoms, and an object of both as states."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "de":
        cmd.create(name, f"whole and chain {name.upper()} and resi 66-75", 1, 1)
    cmd.create("both", "d", 1, 1)
    cmd.create("both", "d", 1, 2)
    cmd.load_coordset(coords("e"), "both", 2)
    cmd.create("far", "whole and chain F and resi 1-10", 1, 1)
    cmd.delete("whole")


def test_same_numbers_as_the_library_and_nothing_made(copies, structure_of, frames_of, snapshot):
    before = snapshot()
    found = edm_return("both", sigma="1 rfdiffusion:20", samples=6, seed=4, left=2, weights="1 4 4", sampler="euler")
    assert snapshot() == before
    structure = structure_of("both")
    covariance = NoiseChoice.of(Weights.of(1, 4, 4)).on(structure).covariance
    states = frames_of("both", 1)
    model = DenoiserChoice().build(structure, states, covariance)
    built = SamplerChoice("euler").build()
    levels = [1.0, found.study.sigmas[1]]
    study = round_trips(structure, states, model, covariance, *built, levels, 6, 4, [1])
    assert found.table.to_csv() == study.table(AF3).to_csv()
    assert found.study.sigmas[1] == pytest.approx(9.0949, abs=1e-3)
    assert found.notes == ("2 states of both",)


def test_several_objects_are_states_and_files_are_written(copies, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = typed("edm_return d or e, z=-2 0, samples=4, steps=8, sampler=boltz2, file=return.json")
    assert "churn noises to up to 1.8 sigma" in said
    assert "Level of no return of state 2: state " in said
    assert json.loads((tmp_path / "return.json").read_text())["meta"]["no_return"]["1"]["flow"] > 1
    typed("edm_return d, sigma=2, samples=4, steps=8, file=return.svg, fluctuations=0 0.3 0.2")
    assert "<svg" in (tmp_path / "return.svg").read_text()


@pytest.mark.parametrize(
    ("denoiser", "off"),
    [("fixed", "center, augment off: denoiser=fixed knows its states as they lie"), ("translation", "augment off: ")],
)
def test_samples_stay_where_the_denoiser_knows_its_states(copies, denoiser, off):
    """By closed form all come back where the sampler leaves them as they lie; what is asked for is done."""
    found = edm_return("d or e", sigma=2, denoiser=denoiser, samples=8, steps=8)
    assert found.notes[0] == "2 states of d, e"
    assert found.notes[1].startswith(off)
    table = found.study.table(AF3)
    at_level = [row for row in table.rows() if row["sigma"] == 2]
    assert [row["return"] for row in at_level] == [1, 1]
    assert min(row["flow"] for row in at_level) > 0.999
    turned = edm_return("d or e", sigma=2, denoiser=denoiser, samples=8, steps=8, augment=1, center=1)
    assert turned.notes == ("2 states of d, e",)


def test_it_tells_how_far_it_is_and_can_be_cancelled(copies):
    told = []
    watch = Watch(lambda share, words: told.append(share))
    run_inline(edm_return.job("both", sigma="1 4", samples=4, steps=8), watch)
    assert told[-1] == pytest.approx(1)
    watch.cancel()
    with pytest.raises(Cancelled):
        run_inline(edm_return.job("both", sigma="1 4", samples=4, steps=8), watch)


@pytest.mark.parametrize(("start", "name"), [("2", "both:2"), ("e", "e:1")])
def test_a_sample_begins_at_its_start(cmd, copies, coords, start, name):
    """A state's number, or another object: the reference of what is made, and where low noise leads back to."""
    made = edm_sample("both", start=start, sigma_max=0.5, name="made")
    place = coords("e")
    np.testing.assert_array_equal(coords("made", 1), place)
    assert cmd.get_title("made", 2).endswith(f" sigma=0.5 start={name} edmsample")
    first = coords("made", 2) - place
    assert np.sqrt(np.mean(first**2)) == pytest.approx(0.5, rel=0.1)
    assert np.abs(made.run.final[0] - place).max() < 0.01
    whole, _ = SamplerChoice().build()
    assert cmd.count_states("made") == 2 + sum(sigma < 0.5 for sigma in whole.sigmas) + 1 - (whole.sigmas[-1] == 0)
    assert "noised to 0.5 A" in made.notes[1]
    assert "RFdiffusion 3 partial_t 0.5 A" in made.notes[1]


def test_the_data_stay_what_they_are(copies):
    """A start that is none of them is noised and sampled back to one of them."""
    made = edm_sample("d", start="e", sigma_max=1, samples=2, trajectory=0, name="made")
    run = made.run
    assert run.states.shape[1] == 1
    apart = made.run.final[0] - run.structure.coordinates
    assert np.sqrt(np.mean(apart**2)) > 0.1


def test_atoms_of_a_start_are_matched_by_what_they_are(cmd, copies, coords):
    """Another order and another chain: as between files."""
    cmd.create("other", "e")
    cmd.alter("other", "chain, segi = 'Z', 'Z'")
    cmd.alter("other and name CB", "rank = -rank")
    cmd.sort("other")
    one = edm_sample("both", start="e", sigma_max=2, steps=12, name="one")
    other = edm_sample("both", start="other", sigma_max=2, steps=12, name="two")
    np.testing.assert_array_equal(one.run.final, other.run.final)
    cmd.remove("other and resi 75")
    some = edm_sample("both", start="other", sigma_max=2, steps=12, name="some", common=1)
    assert some.run.final.shape[1] == len(coords("e and not resi 75"))


def test_compared_runs_begin_there_too(copies):
    """Each is the run of edm_sample; a sampler may have a level of its own."""
    found = edm_compare("both", "flat", "heun | euler sigma_max 2", start="e", sigma_max=8, steps=12, samples=2)
    heun, euler = found.comparison.variants
    assert (heun.sigmas[0], euler.sigmas[0]) == (8, 2)
    alone = edm_sample("both", start="e", sigma_max=8, steps=12, samples=2, name="alone").run
    for part, way in alone.to_go().items():
        np.testing.assert_allclose(heun.to_go[part], way, atol=1e-5)


def test_a_run_begins_at_a_level_in_any_unit(copies, typed, cmd):
    """The same run as at the level in angstrom, which is said."""
    levels = {"rfdiffusion:20": 9.0949, "rfd3:8": 8, "alphafold3:133": None, "z:0.5": AF3.sigma(0.5)}
    for level, sigma in levels.items():
        made = edm_sample("both", start=1, sigma_max=level, steps=12, trajectory=0, name="made").run
        top = float(made.sigmas[0])
        assert sigma is None or top == pytest.approx(sigma, abs=1e-3)
        again = edm_sample("both", start=1, sigma_max=top, steps=12, trajectory=0, name="again").run
        np.testing.assert_array_equal(made.final, again.final)
        cmd.delete("made or again")
    said = typed("edm_sample both, start=1, sigma_max=rfdiffusion:20, steps=12, name=made, distribution=wide")
    assert "sigma_max rfdiffusion:20 is 9.095 A" in said
    assert "state 1 noised to 9.095 A" in said
    assert "sigma=9.09" in cmd.get_title("made", 2)
    assert "40 steps from 9.095 to 0 A" in typed("edm_schedule sigma_max=rfdiffusion:20")
    wide = sigma_distribution("wide")
    named = edm_compare("both", "flat", "heun sigma_max z:0 | heun", steps=4, distribution="wide", sigma_max="rfd3:8")
    heun, usual = named.comparison.variants
    assert (heun.sigmas[0], usual.sigmas[0]) == pytest.approx((wide.sigma(0), 8))
    assert f"heun sigma_max z:0 ({wide.sigma(0):.4g} A)" in named.table["sampler"]


def test_levels_in_programs_units(typed, cmd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = edm_schedule(sigma="8 alphafold3:100 rfd3:8")
    assert table["sigma"][0] == table["sigma"][2] == 8
    assert table["alphafold3 step of 200"][1] == pytest.approx(100)
    assert table["sigma"][1] == pytest.approx(SamplerChoice("alphafold3").build()[0].sigmas[100])
    typed("edm_schedule sigma=8, file=units.csv")
    assert "rfdiffusion partial_T of 50" in (tmp_path / "units.csv").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "edm_sample both, start=3, sigma_max=8",
            "start is 3, which is no state of the data: give one from 1 to 2, or an object",
        ),
        ("edm_sample both, start=nosuch, sigma_max=8", "start is 'nosuch': give a state's number or an object"),
        ("edm_sample both, start=d or e, sigma_max=8", "atoms of 2 objects (d, e): give one"),
        ("edm_sample both, start=far, sigma_max=8", "the data and their start need the same atoms, give common=1"),
        ("edm_sample both, start=1", "start is 1 without sigma_max"),
        ("edm_sample both, start=1, sigma_max=5000", "sigma_max is 5000 A and the schedule goes from 2560 to 0.0064 A"),
        ("edm_sample both, start=1, sigma_max=0", "sigma_max is 0 A"),
        ("edm_compare both, start=1", "start is 1 without sigma_max"),
        ("edm_compare both, start=far, sigma_max=8, steps=4", "the data and their start need the same atoms"),
        ("edm_return both, sigma=5000", "sigma is 5000 A and the schedule goes from 2560 to 0.0064 A"),
        ("edm_return both, sigma=8, z=0", "z and sigma are both given"),
        ("edm_return both, left=3", "left is 3: no state 3, both has the states 1 to 2"),
        ("edm_return both, samples=1", "samples is 1: give a whole number from 2"),
        (
            "edm_return both, sigma=nosuch:3",
            "sigma is 'nosuch:3': give angstrom, or the number of another unit as in rfdiffusion:20 (z, alphafold3, ",
        ),
        ("edm_return both, sigma=8 A", "sigma"),
        ("edm_return both, file=return.txt", "return.txt"),
        ("edm_return both, process=frames", "frames noise is forward only"),
        (
            "edm_schedule sigma=rfdiffusion:60",
            "sigma is rfdiffusion:60: rfdiffusion partial_T of 50 goes from 1 to 50",
        ),
        (
            "edm_sample both, start=1, sigma_max=rfd:60",
            "sigma_max is rfdiffusion:60: rfdiffusion partial_T of 50 goes from 1 to 50",
        ),
        ("edm_sample both, sigma_max=rfdiffusion:", "sigma_max is 'rfdiffusion:': give angstrom, or the number of"),
        ("edm_compare both, flat, heun sigma_max af3:201", "sigma_max is alphafold3:201: alphafold3 step of 200 goes"),
        ("edm_compare both, start=1, sigma_max=z:13", "sigma_max is z:13: z is 13.0: give a number from -12 to 12"),
        ("edm_schedule sigma_max=step 20", "sigma_max is 'step 20': give angstrom, or the number of another unit"),
        ("edm_schedule sigma=-1", "sigma is -1"),
        ("edm_schedule boltz2, sigma=8", "sampler is of a schedule to print: leave one of them out"),
        ("edm_schedule steps=20, sigma=8", "steps is of a schedule to print: leave one of them out"),
        ("edm_return d or e, left=3", "no state 3, d, e has the states 1 to 2"),
        ("edm_schedule sigma=8, file=units.png", "units.png is a figure"),
    ],
)
def test_wrong_input_is_one_line(copies, refusal, line, message):
    assert message in refusal(line)


def test_a_network_goes_back_too(copies, tmp_path, monkeypatch):
    """One that shrinks everything returns no state where there is much noise."""
    monkeypatch.syspath_prepend(tmp_path)
    text = "def build(structure):\n    return lambda x, sigma: x / (1 + sigma[:, None, None] ** 2 / 25)\n"
    (tmp_path / "shrinks.py").write_text(text)
    found = edm_return("both", sigma="0.5 50", denoiser="shrinks:build", samples=4, steps=12)
    assert "posterior" not in [column.name for column in found.table.columns]
    low, high, _ = found.table["lDDT"][:3]
    assert low > 0.5 > high
