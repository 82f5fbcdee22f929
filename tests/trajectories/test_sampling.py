"""Recorded runs: the end is a state, the way shrinks, chunks and cancelling change nothing of what was made."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.presets import PRESETS
from edmnoise.diffusion.samplers.sampler import Churn, Sampler
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.frames.displacement import NESTED, Measure
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose
from edmnoise.study.figures.sampling import freeze_out_figure, schedule_figure
from edmnoise.trajectories import sampling
from edmnoise.trajectories.sampling import record, run_sampler

SCHEDULE = karras(12, 0.01, 300.0)
TURNING = Sampler("heun", center=True, rotate=True)
RESIDUE = Measure(1, True)


@pytest.fixture(scope="module")
def copies(pymol_data):
    """The subunits D and E of 1TII, residues 1 to 30: two states of the same atoms."""
    whole = read_structure(f"{pymol_data}/demo/1tii.pdb")
    numbers = [str(number) for number in range(1, 31)]
    masks = [(whole.atoms.chain == chain) & np.isin(whole.atoms.number, numbers) for chain in "DE"]
    return [Structure.from_atoms(whole.coordinates[mask], whole.atoms.take(mask)) for mask in masks]


@pytest.fixture(scope="module")
def model(copies):
    covariance = NestedCovariance(copies[0].hierarchy, {"atom": 0.2, "residue": 0.5, "chain": 0.3})
    states = torch.tensor(np.stack([copy.coordinates.T for copy in copies]))
    return StatesDenoiser(states, covariance, hierarchy=copies[0].hierarchy)


def made(copies, model, sampler=TURNING, **options):
    return run_sampler(copies[0], model, model.covariance, SCHEDULE, sampler, **options)


def test_the_end_is_a_state_laid_on_the_reference(copies, model):
    """Each sample is one of the states to 1e-2 A; those of the first state lie on the reference."""
    result = made(copies, model, samples=6, seed=2)
    ends = result.states[-1]
    assert ends.sum() == pytest.approx(1)
    alike = [np.sqrt(np.mean((end - copies[0].coordinates) ** 2)) for end in result.final]
    assert min(alike) < 1e-2 < max(alike)
    assert np.mean([value < 1e-2 for value in alike]) == pytest.approx(ends[0], abs=1e-6)


def test_the_way_ends_at_nothing_and_freezes_in_between(copies, model):
    result = made(copies, model, samples=2)
    for what in ("denoised", "noisy"):
        assert result.to_go(what)[RESIDUE][-1] < 0.1
    way = result.to_go()[RESIDUE]
    frozen = result.freeze_out()[RESIDUE]
    below = result.sigmas < frozen
    assert (way[below] <= 0.1 * way[0] * (1 + 1e-9)).all()
    assert way[~below][-1] > 0.1 * way[0]
    assert np.isnan(result.freeze_out()[NESTED[2]])  # one chain does not move about its own centre


def test_the_steps_that_are_there_may_end_before_it_freezes(copies, model, tmp_path):
    """Then no level is named as if it were known."""
    whole = made(copies, model)
    frozen = int((whole.to_go()[RESIDUE] > 0.1 * whole.to_go()[RESIDUE][0]).sum())
    first = {name: getattr(whole, name)[: frozen - 1] for name in ("sigmas", "steps", "noisy", "denoised")}
    part = replace(whole, **first, states=None)
    assert part.freeze_out()[RESIDUE] == part.sigmas[-1]
    (note,) = part.table(sigma_distribution("alphafold3")).notes
    assert f"residue in chain below {part.sigmas[-1]:.3g} A" in note
    assert "below" not in whole.table(sigma_distribution("alphafold3")).notes[0]
    freeze_out_figure(part, tmp_path / "part.svg")
    assert "90 % done below" in (tmp_path / "part.svg").read_text()


def test_rotations_of_the_sampler_are_not_shown(copies, model):
    """Centring, turning and shifting the samples at each step changes nothing of the recorded trajectory."""
    quiet = made(copies, model, Sampler("heun"), seed=4, dtype=torch.float64)
    turned = made(copies, model, Sampler("heun", center=True, rotate=True, translate=1.0), seed=4, dtype=torch.float64)
    np.testing.assert_allclose(quiet.sigmas, turned.sigmas)
    np.testing.assert_allclose(turned.denoised, quiet.denoised, atol=1e-3)


def test_chunks_change_nothing(copies, model, monkeypatch):
    together = made(copies, model, samples=3, seed=1)
    monkeypatch.setattr(sampling, "_CHUNK_BYTES", 1)
    alone = made(copies, model, samples=3, seed=1)
    np.testing.assert_allclose(alone.final, together.final, atol=1e-3)
    np.testing.assert_allclose(alone.states, together.states, atol=1e-4)


def test_a_cancelled_run_keeps_what_it_has(copies, model):
    seen = []

    def stop(done, total, step):
        seen.append((done, total))
        return done < 5

    result = made(copies, model, samples=2, progress=stop)
    assert seen == [(k, SCHEDULE.steps) for k in range(1, 6)]
    assert result.partial
    assert result.steps.tolist() == [1, 2, 3, 4, 5]
    assert result.last_sigma == SCHEDULE.sigmas[5]
    assert result.final.shape == (2, copies[0].n_atoms, 3)
    table = result.table(sigma_distribution("alphafold3"))
    assert "cancelled" in table.title
    assert table.notes == ("No freeze-out: the run was cancelled, and what is to go is counted from where it stopped",)
    assert np.isnan(list(result.freeze_out().values())).all()


def test_the_figure_of_a_cancelled_run_has_no_freeze_out(copies, model, tmp_path):
    """As text: matplotlib is told to leave it so."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        for name, last in (("whole", SCHEDULE.steps), ("cancelled", 5)):
            result = made(copies, model, progress=lambda done, total, step, last=last: done < last)
            freeze_out_figure(result, tmp_path / f"{name}.svg")
    whole, cancelled = ((tmp_path / f"{name}.svg").read_text() for name in ("whole", "cancelled"))
    assert "90 % done at" in whole
    assert "90 %" not in cancelled
    assert "residue in chain" in cancelled
    assert "cancelled at sigma" in cancelled


def test_a_run_can_be_watched(copies, model):
    """Step by step it is the run that is made at once; a step is laid on the structure by its denoised estimate."""
    at_once = made(copies, model, samples=2, seed=6, keep=6)
    recording, seen = record(copies[0], model, model.covariance, SCHEDULE, TURNING, 2, 6, 6), []
    while True:
        try:
            seen.append(next(recording))
        except StopIteration as stop:
            whole = stop.value
            break
    assert [step.step for step in seen] == at_once.steps.tolist()
    assert [step.sigma for step in seen] == at_once.sigmas.tolist()
    assert whole.noisy.tobytes() == at_once.noisy.tobytes()
    assert whole.final.tobytes() == at_once.final.tobytes()
    noisy, denoised = seen[-1].laid_on(copies[0])
    best = [min(np.sqrt(np.mean((one - copy.coordinates) ** 2)) for copy in copies) for one in denoised]
    assert min(best) < 1
    np.testing.assert_allclose(np.linalg.norm(noisy - denoised, axis=2).mean(), 0, atol=0.1)


def test_recording_keeps_chosen_steps(copies, model):
    result = made(copies, model, keep=4)
    assert len(result.steps) == 4
    assert result.steps[0] == 1
    assert result.steps[-1] == SCHEDULE.steps
    assert result.noisy.shape == (4, 1, copies[0].n_atoms, 3)


def test_churn_is_seen_in_the_levels(copies, model):
    """The denoiser is asked at (1 + gamma) sigma, and that is what is recorded."""
    result = made(copies, model, Sampler("euler", Churn(0.5, above=1.0)))
    expected = [s * (1.5 if t > 1.0 else 1.0) for s, t in zip(SCHEDULE.sigmas, SCHEDULE.sigmas[1:], strict=False)]
    np.testing.assert_allclose(result.sigmas, expected)


def test_level_estimates_of_an_exact_denoiser_are_harmless(copies, model):
    """Its residue and chain centres are those of its atoms: replacing the means by them changes nothing."""
    plain = made(copies, model, Sampler("heun"))
    broadcast = made(copies, model, Sampler("heun", residue_weight=1.0, chain_weight=1.0))
    np.testing.assert_allclose(broadcast.final, plain.final, atol=1e-3)


def test_table_and_figure(copies, model, tmp_path):
    result = made(copies, model)
    af3 = sigma_distribution("alphafold3")
    table = result.table(af3)
    assert table["denoised residue in chain"] == result.to_go()[RESIDUE].tolist()
    assert table["state 2"] == result.states[:, 1].tolist()
    assert result.summary(af3).columns == table.columns
    many = replace(result, states=np.tile(result.states / 5, 5))
    printed = many.summary(af3)
    assert printed.columns[:-2] == table.columns[:-2]
    assert printed["its probability"] == (result.states.max(axis=1) / 5).tolist()
    assert printed["likeliest state"] == (1 + result.states.argmax(axis=1)).tolist()
    freeze_out_figure(result, tmp_path / "way.png")
    assert (tmp_path / "way.png").read_bytes().startswith(b"\x89PNG")


def test_schedules_as_a_figure(tmp_path):
    schedules = {name: PRESETS[name].schedule(PRESETS[name].steps) for name in ("alphafold3", "boltz1", "chai1")}
    schedule_figure(schedules, sigma_distribution("alphafold3"), tmp_path / "schedules.png")
    assert (tmp_path / "schedules.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("options", "sentence"), [({"samples": 0}, "samples is 0"), ({"samples": 10**9}, "at most")])
def test_refusals(copies, model, options, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        made(copies, model, **options)


def test_a_start_is_noised_with_the_numbers_that_pure_noise_has(copies, model, monkeypatch):
    """To the schedule's first level; a sample is the same whatever is made beside it, and laid on the reference."""
    rest, plain = SCHEDULE.below(1.0), Sampler("heun")
    start = copies[1].coordinates
    made = run_sampler(copies[0], model, model.covariance, rest, plain, samples=3, seed=2, start=start)
    fresh = next(record(copies[0], model, model.covariance, rest, plain, samples=3, seed=2))
    begun = next(record(copies[0], model, model.covariance, rest, plain, samples=3, seed=2, start=start))
    np.testing.assert_allclose(begun.noisy - fresh.noisy, np.broadcast_to(start, fresh.noisy.shape), atol=1e-4)
    assert made.sigmas[0] == 1.0
    monkeypatch.setattr(sampling, "_CHUNK_BYTES", 1)
    alone = run_sampler(copies[0], model, model.covariance, rest, plain, samples=3, seed=2, start=start)
    np.testing.assert_allclose(alone.final, made.final, atol=1e-3)
    with pytest.raises(EdmNoiseError, match=r"start has the shape \(2, 3\)"):
        record(copies[0], model, model.covariance, rest, plain, start=np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["heun", "boltz2"])
def test_from_a_low_level_a_start_comes_back(copies, model, name):
    choice = SamplerChoice(name, steps=30, sigma_max=0.5, start="1")
    schedule, sampler = choice.build()
    whole, _ = SamplerChoice(name, steps=30).build()
    assert schedule.sigmas == (0.5, *(sigma for sigma in whole.sigmas if sigma < 0.5))
    for start in (copy.coordinates for copy in copies):
        made = run_sampler(copies[0], model, model.covariance, schedule, sampler, samples=4, start=start)
        fit = superpose(torch.from_numpy(made.final).mT, torch.tensor(start.T))
        assert fit.rmsd.max() < 0.1


def test_levels_by_hand_may_begin_at_the_start():
    levels = [8.0, 2.0, 0.5, 0.0]
    assert SamplerChoice(schedule=levels, start="1").build()[0].sigmas == tuple(levels)
    assert SamplerChoice(schedule=levels, start="1", sigma_max=3.0).build()[0].sigmas == (3.0, 2.0, 0.5, 0.0)
    with pytest.raises(EdmNoiseError, match="start is 1 without sigma_max"):
        SamplerChoice(start="1").build()
    with pytest.raises(EdmNoiseError, match="sigma_max is 3000 A and the schedule goes from 2560 to"):
        SamplerChoice("boltz2", start="1", sigma_max=3000.0).build()
