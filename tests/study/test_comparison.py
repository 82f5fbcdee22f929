"""Compared runs: what is kept is the run's own, and what moves the whole is what superposition takes."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Churn, Sampler
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.frames.displacement import NESTED
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose
from edmnoise.study.comparison import MOST, Comparison, gauge_of_noise, gauge_of_way, variant
from edmnoise.study.figures.comparison import comparison_figure
from edmnoise.trajectories.sampling import run_sampler

WEIGHTS = (Weights.named("flat"), Weights.named("current"), Weights.named("rebalanced"))


def sampled(structure, weights, churn=0.0, samples=1):
    covariance = NestedCovariance(structure.hierarchy, weights)
    model = StatesDenoiser(torch.tensor(structure.coordinates.T)[None], covariance, hierarchy=structure.hierarchy)
    sampler = Sampler("heun", Churn(churn), center=True, rotate=True)
    return run_sampler(structure, model, covariance, karras(14, 0.01, 300.0), sampler, samples, seed=4)


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda weights: weights.label)
def test_shares_of_noise_are_what_centring_and_superposition_remove(fragment, weights):
    """2,000 draws of noise so weak that turns are infinitesimal; within 4 standard errors."""
    covariance = NestedCovariance(fragment.hierarchy, weights)
    place = torch.tensor(fragment.coordinates.T).double()
    generator = torch.Generator().manual_seed(3)
    noise = covariance.factor(torch.randn(2000, *place.shape, dtype=torch.float64, generator=generator))
    centred = (noise - noise.mean(dim=2, keepdim=True)).square().sum(dim=(1, 2))
    left = superpose(place + 1e-4 * noise, place).rmsd.square() * place.shape[1] / 1e-8
    whole = 3 * place.shape[1]
    gauge = gauge_of_noise(fragment, weights)
    for found, removed in (
        (gauge.shift, noise.square().sum(dim=(1, 2)) - centred),
        (gauge.turn, centred - left),
    ):
        shares = removed / whole
        assert float(found) == pytest.approx(float(shares.mean()), abs=4 * float(shares.std()) / math.sqrt(2000))


def test_shares_of_noise_among_held_atoms(fragment):
    """2,000 draws of Chroma's noise of a loop, whose atoms vary unequally: the share that shifts them as one, and the
    one that turns them, within 4 standard errors of the ratio."""
    part = Part.of(fragment, (fragment.atoms.number.astype(int) % 30) < 12)
    noise = NoiseChoice("harmonic")
    drawn = noise.on(part).frames(1.0, 2000, 3).mT.double()
    place = torch.tensor(part.structure.coordinates.T).double()
    place = place - place.mean(dim=1, keepdim=True)
    spun = torch.stack([torch.linalg.cross(a[:, None].expand_as(place), place, dim=0) for a in torch.eye(3).double()])
    axes = torch.linalg.qr(spun.flatten(1).T)[0]
    whole = drawn.square().sum(dim=(1, 2))
    gauge = gauge_of_noise(part, noise)
    for found, removed in (
        (gauge.shift, drawn.mean(dim=2).square().sum(dim=1) * drawn.shape[2]),
        (gauge.turn, (drawn.flatten(1) @ axes).square().sum(dim=1)),
    ):
        share = float(removed.mean() / whole.mean())
        error = float((removed - share * whole).std() / whole.mean()) / math.sqrt(2000)
        assert float(found) == pytest.approx(share, abs=4 * error)


def test_flat_noise_shifts_and_turns_by_one_atom_in_all(fragment):
    gauge = gauge_of_noise(fragment, Weights.named("flat"))
    assert float(gauge.shift) == pytest.approx(1 / 253)
    assert float(gauge.turn) == pytest.approx(1 / 253)


def test_atoms_on_a_line_have_two_turns_and_one_atom_none(fragment):
    flat = Weights.named("flat")
    for count, turns in ((1, 0), (2, 2), (3, 2)):
        atoms = fragment.atoms.take(np.arange(count))
        line = Structure.from_atoms(np.arange(count)[:, None] * np.array([[1.0, 2.0, -1.0]], np.float32), atoms)
        gauge = gauge_of_noise(line, flat)
        assert float(gauge.turn) == pytest.approx(turns / (3 * count), abs=1e-9)
        assert float(gauge.shift) == pytest.approx(1 / count)


def test_the_way_is_shared_out_as_its_definition_says(fragment):
    """Two samples, a step each time, by means and the library's own superposition."""
    made = sampled(fragment, Weights.named("current"), churn=0.4, samples=2)
    gauge = gauge_of_way(made)
    for step in (0, 6):
        whole = shift = left = 0.0
        for noisy, end in zip(made.noisy[step].astype(float), made.final.astype(float), strict=True):
            way = noisy - end
            whole += (way**2).sum()
            shift += len(way) * (way.mean(axis=0) ** 2).sum()
            fit = superpose(torch.tensor(noisy.T)[None], torch.tensor(end.T))
            left += len(way) * float(fit.rmsd.square().sum())
        assert gauge.shift[step] == pytest.approx(shift / whole, rel=1e-6)
        assert gauge.turn[step] == pytest.approx((whole - shift - left) / whole, rel=1e-4)
    finite = np.isfinite(gauge.shift)
    assert finite[0]
    assert not finite[-1]
    assert ((gauge.shift + gauge.turn)[finite] <= 1).all()


def test_only_churn_spends_the_chains_noise_on_the_way(fragment):
    """An exact denoiser at any place leaves the start's shift alone; noise in between shifts the sample again."""
    still, churned = (gauge_of_way(sampled(fragment, Weights.named("current"), churn)) for churn in (0.0, 0.4))
    assert np.nanmean(still.shift) < 0.01
    assert np.nanmean(churned.shift) > 0.1


def test_the_table_is_the_runs_own(fragment):
    runs = [(sampled(fragment, weights, samples=2), weights) for weights in WEIGHTS]
    compared = Comparison(fragment, tuple(variant(made, weights, "heun") for made, weights in runs), 4)
    table, steps = compared.table(), compared.by_step()
    assert table["noise"] == ["flat", "current", "rebalanced"]
    assert len(steps) == 3 * 14
    for k, (made, _) in enumerate(runs):
        frozen, way = made.freeze_out(), made.to_go()
        assert "chain frozen" not in {column.name for column in table.columns}
        for part in NESTED[:2]:
            name = part.label(fragment.hierarchy)
            assert table[f"{name} frozen"][k] == frozen[part]
            assert steps[name][14 * k : 14 * (k + 1)] == way[part].tolist()
    assert table["noise shift"][1] == pytest.approx(0.744, abs=1e-3)


def test_the_figure_is_drawn(fragment, tmp_path):
    made = tuple(variant(sampled(fragment, weights, 0.2), weights, "heun") for weights in WEIGHTS)
    comparison_figure(Comparison(fragment, made), tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 20_000


def test_a_single_atom_has_a_table_and_a_figure(fragment, tmp_path):
    """No level of it moves against another."""
    atom = Structure.from_atoms(fragment.coordinates[:1], fragment.atoms.take(np.arange(1)))
    made = Comparison(atom, (variant(sampled(atom, WEIGHTS[0]), WEIGHTS[0], "heun"),))
    assert float(made.variants[0].draws.shift) == pytest.approx(1)
    assert "frozen" not in made.table().columns[2].name
    comparison_figure(made, tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 5000


def test_too_many_variants_and_none_are_refused(fragment):
    one = variant(sampled(fragment, WEIGHTS[0]), WEIGHTS[0], "heun")
    for count in (0, MOST + 1):
        with pytest.raises(EdmNoiseError, match=f"{count} variants: give 1 to {MOST}"):
            Comparison(fragment, (one,) * count)
