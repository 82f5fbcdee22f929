"""A noise process that the library has never seen is drawn, predicted and sampled by all that does so, by its name.

It is `Ramp` and its line in PROCESSES: two places, and no other file knows of it. What others make of it is compared
with what its own class draws.
"""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.seeds import check_seed
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.frames.damage import MEASURES, RMSD, Native, measure_damage
from edmnoise.frames.displacement import NESTED, Measure, measure_displacement
from edmnoise.noise.process import (
    PROCESSES,
    AppliedNoise,
    ForwardOnly,
    NamedProcess,
    NoClosedForm,
    NoiseChoice,
    choices,
    forward_only,
)
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_frames, write_frames
from edmnoise.study.comparison import gauge_of_noise
from edmnoise.study.damage import damage_rows
from edmnoise.study.levels import level_table, z_table
from edmnoise.sweep.results import tables
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.tasks import plan, run_task
from edmnoise.trajectories.sampling import run_sampler
from edmnoise_pymol import edm_compare, edm_damage, edm_levels, edm_sample, edm_save, edm_table
from edmnoise_pymol.job import run_inline
from edmnoise_pymol.jobs.live import live
from edmnoise_pymol.jobs.plots.measured import measured
from edmnoise_pymol.scene.selected import Selected
from edmnoise_pymol.scene.titles import Provenance

AF3 = sigma_distribution("alphafold3")
REBALANCED = Weights.named("rebalanced")
STEEP = 2.5


class Ramp:
    """Independent noise whose variance falls along the atoms as e^(-steepness i / N), N on average; no closed forms."""

    def __init__(self, hierarchy, steepness):
        falling = torch.exp(-steepness * torch.arange(hierarchy.counts[0], dtype=torch.float64) / hierarchy.counts[0])
        self.variances = falling / falling.mean()
        self.covariance = NestedCovariance(hierarchy, {"atom": self.variances})

    @classmethod
    def on(cls, structure, steepness):
        if steepness > 50:
            raise EdmNoiseError(f"steepness is {steepness:g}: give at most 50")
        return cls(structure.hierarchy, steepness)

    @property
    def statistics(self):
        raise NoClosedForm("ramp noise has no closed forms")

    superposed = None

    def frames(self, sigma, frames, seed=0, mean=None):
        numbers = range(frames) if isinstance(frames, int) else frames
        drawn = [
            torch.randn(
                len(self.variances), 3, generator=torch.Generator().manual_seed(1000 * check_seed(seed) + number)
            )
            for number in numbers
        ]
        moved = sigma * self.variances.sqrt().float()[:, None] * torch.stack(drawn)
        return moved if mean is None else moved + torch.tensor(mean)

    def blocks(self, sigma, frames, seed=0, mean=None):
        for number in range(frames) if isinstance(frames, int) else frames:
            yield self.frames(sigma, [number], seed, mean)


@pytest.fixture(autouse=True)
def ramp(monkeypatch):
    """All that adds a process: its line in PROCESSES. Gives a choice of it."""
    monkeypatch.setitem(PROCESSES, "ramp", NamedProcess(f"{__name__}:Ramp", "falls off", {"steepness": 1.0}))
    return NoiseChoice("ramp", knobs={"steepness": STEEP})


@pytest.fixture
def copies(cmd, pymol_data, coords):
    """Residues 1-20 of the subunits D and E of 1TII: two states of one object."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for state in (1, 2):
        cmd.create("both", "whole and chain D and resi 1-20", 1, state)
    cmd.load_coordset(coords("whole and chain E and resi 1-20"), "both", 2)
    cmd.delete("whole")


def test_multiscale_noise_by_its_name_is_that_made_by_hand(fragment):
    """All bytes: the name is no other noise."""
    hand = MultiscaleNoise(fragment.hierarchy, REBALANCED)
    for choice in (NoiseChoice.of(REBALANCED), NoiseChoice.parse("multiscale", REBALANCED)):
        process = choice.on(fragment)
        assert torch.equal(
            process.frames(2.0, 5, 3, fragment.coordinates), hand.frames(2.0, 5, 3, fragment.coordinates)
        )
        x = torch.randn(253, generator=torch.Generator().manual_seed(1))
        assert torch.equal(process.covariance.multiply(x), hand.covariance.multiply(x))
    assert z_table(fragment, [REBALANCED], [0.0], AF3).rows() == z_table(fragment, [choice], [0.0], AF3).rows()


def test_the_dummy_draws_what_its_covariance_says(fragment, ramp):
    """The law that a process promises, or the tests below would prove nothing: K on the diagonal, its trace N."""
    process = ramp.on(fragment)
    squares = process.frames(2.0, 2000).square().mean(dim=(0, 2)) / 4
    own = process.covariance.multiply(torch.eye(253, dtype=torch.float64)).diagonal()
    assert own.sum() == pytest.approx(253)
    assert squares == pytest.approx(own.float(), rel=0.1)  # 4 standard deviations of 6,000 squares: .073


def test_the_table_over_noise_levels_has_its_draws_and_expects_nothing(fragment, ramp):
    row = z_table(fragment, [ramp], [1.0], AF3, draws=3, seed=2).rows()[0]
    sigma = AF3.sigma(1.0)
    moved = measure_displacement(fragment, Ramp.on(fragment, STEEP).blocks(sigma, 3, 2, fragment.coordinates))
    assert row["noise"] == "ramp steepness=2.5"
    assert row["atom"] == pytest.approx(moved.rms(Measure(0, False)), rel=1e-6)
    assert row["atom in residue"] == pytest.approx(moved.rms(NESTED[0]), rel=1e-6)
    expected = [name for name in row if "expected" in name or "spread" in name]
    assert len(expected) == 5
    assert all(math.isnan(row[name]) for name in expected)


@pytest.mark.parametrize("align", ["none", "center", "superpose"])
def test_a_level_table_says_why_it_expects_nothing(fragment, align, ramp):
    moved = measure_displacement(fragment, ramp.on(fragment).blocks(2.0, 3, 0, fragment.coordinates), align)
    table = level_table(fragment, moved, AppliedNoise(2.0, ramp))
    assert "sigma 2 A, ramp steepness=2.5 noise" in table.title
    assert "Nothing to expect: ramp noise has no closed forms." in table.notes
    assert np.isnan(table["expected"]).all()
    assert table.meta["process"] == "ramp steepness=2.5"
    whole = level_table(fragment, moved, AppliedNoise(2.0, REBALANCED))
    assert whole["measured"] == table["measured"]
    assert np.isfinite(whole["expected"]).any()
    for by in ("residue", "atom", "state"):
        level_table(fragment, moved, AppliedNoise(2.0, ramp), by)


def test_damage_is_that_of_its_draws(fragment, ramp):
    native = Native.of(fragment)
    rows = list(damage_rows(native, [REBALANCED, ramp], [0.0], AF3, draws=2, seed=1))
    frames = Ramp.on(fragment, STEEP).frames(AF3.sigma(0.0), [2, 3], 1, fragment.coordinates)
    found = measure_damage(native, [frames])
    assert rows[1].noise == ramp
    for measure in MEASURES:
        assert rows[1].damage.mean(measure) == pytest.approx(found.mean(measure), rel=1e-6)
    assert rows[0].damage.mean(RMSD) != pytest.approx(found.mean(RMSD), rel=1e-3)


def test_a_comparison_has_its_share_that_moves_the_whole(fragment, ramp):
    """Independent atoms: the centre's variance is the mean of theirs over N, a share of 1 / N of the whole."""
    assert gauge_of_noise(fragment, ramp).shift == pytest.approx(1 / 253)
    assert gauge_of_noise(fragment, REBALANCED).shift > 0.1


def test_a_sweep_draws_and_samples_it(tmp_path, fragment):
    states = np.stack([fragment.coordinates, fragment.coordinates + np.float32([1, 0, 0])])
    states[1, :100] += 2
    write_frames(tmp_path / "s.pdb", fragment, states)
    (tmp_path / "study.toml").write_text(
        'structures = "s.pdb"\nmeasures = ["levels", "damage", "freeze_out"]\nprocesses = ["multiscale", "ramp '
        'steepness=2.5", "ramp"]\nweights = "rebalanced"\nz = 0\nsamplers = [{ name = "heun", steps = 4 }]\n'
    )
    planned = plan(read_settings(tmp_path / "study.toml"))
    done = {task.key: run_task(task.source, task.setting) for task in planned.tasks()}
    made = tables(planned, done)
    for table in made.values():
        assert table["process"] == ["multiscale", "ramp steepness=2.5", "ramp steepness=1.0"]

    structure, states = read_frames(tmp_path / "s.pdb")
    process, sigma = Ramp.on(structure, STEEP), AF3.sigma(0.0)
    frames = process.frames(sigma, 1, 0, structure.coordinates)
    row = made["levels"].rows()[1]
    assert row["atom in residue"] == pytest.approx(measure_displacement(structure, [frames]).rms(NESTED[0]), rel=1e-6)
    assert row["in residue expected"] is None
    assert made["levels"].rows()[0]["in residue expected"] > 0
    damage = measure_damage(Native.of(structure), [frames])
    assert made["damage"].rows()[1]["lDDT"] == pytest.approx(damage.mean(MEASURES[0]), rel=1e-6)
    covariance = process.covariance
    model = StatesDenoiser(torch.tensor(states).mT, covariance, hierarchy=structure.hierarchy)
    ran = run_sampler(structure, model, covariance, *SamplerChoice("heun", steps=4).build())
    assert made["freeze_out"].rows()[1]["atom in residue"] == ran.freeze_out()[NESTED[0]]


def test_it_is_typed_measured_and_drawn_again_from_titles(cmd, typed, frames_of, structure_of, tmp_path, ramp):
    """edm_noise's states are its frames; what is left in a saved session is enough to draw them again."""
    cmd.fragment("trp")
    said = typed("edm_noise trp, sigma=2, process=ramp steepness=2.5, frames=3, seed=4, name=made")
    assert "ramp steepness=2.5 noise" in said
    cmd.set_name("made", "other")
    cmd.save(str(tmp_path / "saved.pse"))
    cmd.reinitialize()
    cmd.load(str(tmp_path / "saved.pse"))
    titles = [cmd.get_title("other", state) for state in range(1, 5)]
    assert "process=ramp/steepness=2.5 " in titles[1]
    made = Provenance.of(titles)
    assert made.noise == ramp
    structure = structure_of("other")
    again = made.noise.on(structure).frames(made.sigma, 3, made.seed, structure.coordinates)
    by_hand = Ramp(structure.hierarchy, STEEP).frames(2.0, 3, 4, structure.coordinates)
    np.testing.assert_allclose(frames_of("other"), again, atol=1e-5)
    np.testing.assert_allclose(again, by_hand)
    table = edm_levels("other")
    assert "Nothing to expect: ramp noise has no closed forms." in table.notes
    curves = run_inline(measured(cmd, "other"))
    assert (curves.levels, curves.expected) == (None, ())
    assert curves.noise == made.noise
    edm_save(str(tmp_path / "other.pdb"), "other")
    assert "process=ramp steepness=2.5, seed=4" in " ".join(
        (tmp_path / "other.pdb").read_text().replace("REMARK   6 ", "").split()
    )


def test_commands_that_draw_take_it(cmd, copies, structure_of, ramp):
    asked = {"process": "ramp steepness=2.5", "seed": 3}
    table = edm_table("both", z=[0], draws=2, **asked)
    assert table["noise"] == ["ramp steepness=2.5"]
    structure = structure_of("both")
    expected = z_table(structure, [ramp], [0.0], AF3, 2, 3)
    assert table["atom"] == pytest.approx(expected["atom"], rel=1e-5)
    assert edm_damage("both", z=[0], draws=2, **asked).study.rows[0].noise == ramp
    (compared,) = edm_compare("both", steps=3, **asked).comparison.variants
    assert compared.noise == "ramp steepness=2.5"
    sampled = edm_sample("both", steps=3, **asked).run
    assert compared.to_go[NESTED[0]] == pytest.approx(sampled.to_go()[NESTED[0]])


def test_edm_sample_starts_from_its_covariance(cmd, copies):
    made = edm_sample("both", steps=4, process="ramp steepness=2.5", seed=2).run
    structure = made.structure
    covariance = Ramp(structure.hierarchy, STEEP).covariance
    states = np.stack([cmd.get_model("both", state).get_coord_list() for state in (1, 2)]).astype(np.float32)
    model = StatesDenoiser(torch.tensor(states).mT, covariance, hierarchy=structure.hierarchy)
    ran = run_sampler(structure, model, covariance, *SamplerChoice("heun", steps=4).build(), seed=2)
    np.testing.assert_allclose(made.final, ran.final, atol=1e-3)
    np.testing.assert_allclose(made.noisy[0], ran.noisy[0], rtol=1e-4, atol=0.1)
    plain = edm_sample("both", steps=4, weights="rebalanced", seed=2).run
    assert np.abs(plain.noisy[0] - made.noisy[0]).max() > 100  # the first level is 2,560 A


def test_live_draws_it_again_for_other_knobs_and_not_for_other_levels(cmd, coords, ramp):
    cmd.fragment("trp")
    made = run_inline(live(cmd, Selected("trp"), ramp, seed=3))
    structure = made.structure
    for choice in (ramp, NoiseChoice("ramp"), NoiseChoice.of(REBALANCED)):
        drawn = choice.on(structure).frames(1.0, 1, 3)[0].numpy()
        for sigma in (0.5, 3.0):
            assert made.show(sigma, choice)
            np.testing.assert_allclose(coords(made.name), structure.coordinates + sigma * drawn, atol=1e-5)
        kept = made.draw(choice)
        assert made.draw(choice) is kept
    made.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("brownian", f"no noise process 'brownian': the known ones are {', '.join(PROCESSES)}, ramp"),
        ("", f"no noise process '': the known ones are {', '.join(PROCESSES)}, ramp"),
        ("ramp slope=2", "noise process ramp has no 'slope': the known ones are steepness"),
        ("multiscale slope=2", "noise process multiscale has no 'slope': it has no knobs"),
        ("ramp steepness=steep", "steepness is 'steep': give a number"),
        ("ramp steepness=", "steepness is '': give a number"),
        ("ramp 2", "process is 'ramp 2': give a name, and its knobs as ramp knob=value"),
        ("ramp steepness=1 steepness=2", "process is 'ramp steepness=1 steepness=2': give steepness once"),
        ("ramp steepness=1e999", "steepness is inf: give a finite number"),
    ],
)
def test_a_wrong_name_or_knob_is_one_sentence(given, said, refusal, cmd):
    with pytest.raises(EdmNoiseError) as refused:
        NoiseChoice.parse(given)
    assert str(refused.value) == said
    if given:
        cmd.fragment("ala")
        assert said in refusal(f"edm_noise ala, process={given}")


def test_what_a_process_refuses_makes_nothing(cmd, refusal):
    cmd.fragment("ala")
    assert "steepness is 60: give at most 50" in refusal("edm_noise ala, process=ramp steepness=60")


def test_bare_weights_are_refused():
    for given in ((1, 4, 4), "flat", {"atom": 1.0}):
        with pytest.raises(
            EdmNoiseError, match=r"^weights are .*: give edmnoise Weights, e\.g\. Weights\.of\(1, 4, 4\)$"
        ):
            NoiseChoice.of(given)


def test_weights_are_refused_by_a_process_that_has_none(ramp, refusal, cmd, tmp_path, fragment):
    said = "noise process ramp has no weights: leave weights away, or choose multiscale"
    with pytest.raises(EdmNoiseError) as refused:
        NoiseChoice.parse("ramp", REBALANCED)
    assert str(refused.value) == said
    cmd.fragment("ala")
    for command in ("edm_noise", "edm_table", "edm_damage"):
        assert said in refusal(f"{command} ala, process=ramp, weights=rebalanced")
    assert cmd.get_names() == ["ala"]
    write_frames(tmp_path / "s.pdb", fragment, fragment.coordinates[None])
    (tmp_path / "study.toml").write_text(
        'structures = "s.pdb"\nmeasures = "levels"\nprocesses = "ramp"\nweights = "rebalanced"\n'
    )
    with pytest.raises(EdmNoiseError, match=r"^study.toml, line 4: noise process ramp has no weights"):
        read_settings(tmp_path / "study.toml")


def test_a_process_without_weights_is_one_row_whatever_the_others_are_compared_under(ramp):
    usual = [Weights.named("flat"), REBALANCED]
    assert choices("ramp steepness=2.5", usual, usual) == [ramp]
    assert choices("multiscale", usual, usual) == [NoiseChoice.of(each) for each in usual]
    assert (ramp.label, ramp.said) == ("ramp steepness=2.5", "ramp steepness=2.5 noise")


def test_a_process_without_a_covariance_says_what_has_one(ramp, monkeypatch):
    monkeypatch.setitem(PROCESSES, "tumbling", NamedProcess("nowhere:Tumbling", "turns", forward_only=True))
    refused = forward_only("tumbling")
    assert isinstance(refused, ForwardOnly)
    assert str(refused).startswith("tumbling noise is forward only (not linear Gaussian): no covariance, so no exact ")
    assert str(refused).endswith("choose one of multiscale, chroma_gas, chroma_globular, harmonic, ramp")


@pytest.mark.parametrize("knob", [1.0, STEEP, 1 / 3, -1e-300, 2.0])
def test_a_choice_is_read_back_from_its_text(knob):
    choice = NoiseChoice("ramp", knobs={"steepness": knob})
    assert NoiseChoice.parse(choice.text()) == choice
    for title in Provenance(choice, 1.5, 0.0, 0, hydrogens=True, solvent=False).titles(2):
        assert Provenance.parse(title).noise.close_to(choice)
    assert NoiseChoice.parse("ramp") == NoiseChoice("ramp", knobs={"steepness": 1.0})
    assert hash(choice) == hash(NoiseChoice.parse(choice.text()))


def test_titles_of_multiscale_noise_are_as_they_were():
    """Those that are in saved sessions are read, with and without what came later; and written to the letter."""
    title = "1/3 z=-0.5 sigma=2.2799 weights=0.0/0.0/1.0 seed=7 process=multiscale hydrogens=1 solvent=0 "
    first, now = (Provenance.parse(title + end) for end in ("edmnoise", "ligands=residue edmnoise"))
    assert first == now
    assert (now.noise, now.sigma, now.seed) == (NoiseChoice.of(Weights.named("flat")), 2.2799, 7)
    assert now.titles(3)[1] == f"{title}ligands=residue edmnoise"
    assert Provenance.parse(title.replace("multiscale", "another") + "edmnoise") is None


def test_names_do_not_wait_for_torch():
    asked = "import sys, edmnoise.noise.process as p; p.NoiseChoice.parse('multiscale'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "False\n"
