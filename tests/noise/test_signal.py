"""Weights of the loss cancel; what is spent on a level is counted in drawn training steps."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.design.signal import (
    c_out_squared,
    decibels,
    density,
    even_sigma,
    loss_weight,
    signal_table,
    signal_to_noise,
    spent,
    step_table,
)
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import parse_distribution, sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.scales import Scales, split
from edmnoise.noise.weights import Weights

ALPHAFOLD3, WIDE, OWN = sigma_distribution("alphafold3"), sigma_distribution("wide"), parse_distribution("-1 1.8 10")
SETS = [Weights.named(name) for name in ("flat", "current", "rebalanced")]
SIGMA = np.geomspace(1e-3, 1e4, 50)
SCALES = Scales(chain=12.9, residue=8.2, atom=1.24)


def test_loss_weight_and_c_out_cancel():
    for sigma_data in (1.0, 16.0):
        assert loss_weight(SIGMA, sigma_data) * c_out_squared(SIGMA, sigma_data) == pytest.approx(1)
    sigma = 3.0  # as in EDM's table 1
    assert math.sqrt(c_out_squared(sigma, 16.0)) == pytest.approx(sigma * 16 / math.sqrt(sigma**2 + 16**2))


@pytest.mark.parametrize("distribution", [ALPHAFOLD3, WIDE, OWN], ids=lambda d: d.name)
def test_the_density_is_that_of_drawn_steps(distribution):
    logs = np.log10(distribution.sigma_data) + (
        distribution.p_mean + distribution.p_std * np.random.default_rng(0).standard_normal(400_000)
    ) / math.log(10)
    counts, edges = np.histogram(logs, np.arange(-3, 4, 0.25))
    middle = 10 ** ((edges[:-1] + edges[1:]) / 2)
    assert density(distribution, middle) == pytest.approx(counts / 400_000 / 0.25, abs=0.01)
    fine = np.geomspace(1e-9, 1e9, 20_000)
    whole = np.sum(density(distribution, fine)) * 18 / 20_000
    assert whole == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("weights", SETS, ids=lambda w: w.label)
def test_at_the_even_sigma_noise_is_as_large_as_the_data(toxin, weights):
    """Measured: the parts of drawn noise, centred, against the scales."""
    even = even_sigma(LevelForms.of(toxin.hierarchy), weights, SCALES)
    noise = MultiscaleNoise(toxin.hierarchy, weights)
    drawn = noise.frames(1.0, 200).permute(0, 2, 1).double()
    parts = split(drawn - drawn.mean(dim=2, keepdim=True), toxin.hierarchy)
    for sigma, part, scale in zip(even, parts, SCALES.by_level, strict=True):
        assert sigma * float(torch.sqrt(part.square().mean())) == pytest.approx(scale, rel=0.05)
    ratios = signal_to_noise(LevelForms.of(toxin.hierarchy), weights, SCALES, even)
    assert np.diagonal(decibels(ratios)) == pytest.approx(0, abs=1e-9)


def test_what_is_spent_is_counted(toxin):
    table = signal_table(LevelForms.of(toxin.hierarchy), SCALES, SETS, [ALPHAFOLD3, WIDE])
    z = np.random.default_rng(1).standard_normal(200_000)
    assert len(table) == 18
    for row in table.rows():
        distribution = sigma_distribution(row["distribution"])
        sigma = distribution.sigma_data * np.exp(distribution.p_mean + distribution.p_std * z)
        level = 20 * np.log10(row["data"] / (sigma * row["noise"]))
        assert row["clear"] == pytest.approx(100 * np.mean(level > 10), abs=0.5)
        assert row["drowned"] == pytest.approx(100 * np.mean(level < -10), abs=0.5)
        assert row["clear"] + row["in play"] + row["drowned"] == pytest.approx(100)


def test_by_z_each_row_is_its_formula(toxin):
    forms = LevelForms.of(toxin.hierarchy)
    table = step_table(forms, SCALES, SETS[:2], [ALPHAFOLD3, OWN], [-1, 0, 2])
    assert len(table) == 12
    for row, distribution in zip(table.rows(), [ALPHAFOLD3] * 6 + [OWN] * 6, strict=True):
        assert row["sigma"] == pytest.approx(distribution.sigma(row["z"]))
        assert row["product"] == pytest.approx(1)
        assert row["loss weight"] == pytest.approx(loss_weight(row["sigma"], distribution.sigma_data))
    noise = math.sqrt(forms.centred[1] @ SETS[0].by_level)
    first = 20 * math.log10(8.2 / (ALPHAFOLD3.sigma(-1) * noise))
    assert table["signal / noise residue"][0] == pytest.approx(first)


def test_what_has_no_data_or_no_noise(fragment):
    forms = LevelForms.of(fragment.hierarchy)
    scales = Scales(chain=0, residue=8, atom=1.2)
    even = even_sigma(forms, Weights.of(0.5, 0.5, 0), scales)
    assert math.isnan(even[2])
    assert even[0] == math.inf
    assert spent(ALPHAFOLD3, even[0]) == (1, 0, 0)
    table = signal_table(forms, scales, SETS, [ALPHAFOLD3])
    assert math.isnan(table["clear"][0])
    assert "One chain" in table.notes[-1]


def test_nothing_given_is_refused(toxin):
    forms = LevelForms.of(toxin.hierarchy)
    with pytest.raises(EdmNoiseError, match="at least one"):
        signal_table(forms, SCALES, [], [ALPHAFOLD3])
    with pytest.raises(EdmNoiseError, match="at least one"):
        step_table(forms, SCALES, SETS, [ALPHAFOLD3], [])
    with pytest.raises(EdmNoiseError, match="data scales are chain -1"):
        signal_table(forms, Scales(chain=-1, residue=1, atom=1), SETS, [ALPHAFOLD3])
