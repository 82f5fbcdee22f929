"""The published experiment on a real fragment of its size, and the same with enough draws to tell: 253 and 5,469 atoms.

Published: flat noise moves residue centres by 0.38 sigma; residue/atom is 0.93 for weights 8.2/1.6/1.3 and 0.76 for
1/4/4 (one draw each). Expected of one draw: .379 +- .027, .928 +- .044, .783 +- .034.
"""

import math

import pytest
import torch

from edmnoise.frames.displacement import Measure, measure_displacement, measures
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import Weights

SIGMA = sigma_distribution("alphafold3").sigma(0.0)
ATOM, RESIDUE = Measure(0, False), Measure(1, False)
DRAWS = 2000


def measured(structure, preset, draws, seed=0):
    """Frames of a preset at z = 0, a block at a time, measured and with their closed forms."""
    process = MultiscaleNoise(structure.hierarchy, Weights.named(preset))
    blocks = process.blocks(SIGMA, draws, seed, torch.tensor(structure.coordinates))
    return measure_displacement(structure, blocks), NoiseStatistics(structure.hierarchy, process.weights)


def assert_agrees(structure, preset):
    """Every level's mean square within 3 standard errors of 2,000 draws, residue and atom RMS within 1 %."""
    moved, statistics = measured(structure, preset, DRAWS)
    for measure in measures(structure.hierarchy):
        expected = statistics.displacement(measure.level, measure.relative_to)
        square = moved.rms(measure) ** 2 / SIGMA**2
        assert square == pytest.approx(expected.mean, abs=3 * expected.sd / math.sqrt(DRAWS)), measure
        over_atoms = statistics.displacement(measure.level, measure.relative_to, over_atoms=True)
        part = moved.part(measure) ** 2 / SIGMA**2
        assert part == pytest.approx(over_atoms.mean, abs=3 * over_atoms.sd / math.sqrt(DRAWS)), measure
    for measure in (ATOM, RESIDUE):
        expected = statistics.displacement(measure.level).rms(SIGMA)
        assert moved.rms(measure) == pytest.approx(expected, rel=0.01)
    assert moved.ratio == pytest.approx(statistics.ratio(), rel=0.01)


def test_the_fragment_has_the_published_size(fragment):
    assert fragment.hierarchy.counts == (253, 32, 1)


def test_flat_noise_moves_residue_centres_by_0_38_sigma(fragment):
    moved, _ = measured(fragment, "flat", 1)
    assert moved.rms(RESIDUE) / SIGMA == pytest.approx(0.38, abs=0.027)
    assert moved.ratio == pytest.approx(0.379, abs=0.027)


@pytest.mark.parametrize(("preset", "ratio", "spread"), [("current", 0.928, 0.044), ("rebalanced", 0.783, 0.034)])
def test_the_default_seeds_ratio_is_within_the_spread(fragment, preset, ratio, spread):
    moved, statistics = measured(fragment, preset, 1)
    assert moved.ratio == pytest.approx(ratio, abs=spread)
    mean, sd = statistics.ratio_scatter()
    assert mean == pytest.approx(ratio, abs=0.01)
    assert sd == pytest.approx(spread, abs=0.008)


@pytest.mark.parametrize("preset", ["flat", "current", "rebalanced", "residue-heavy", "balanced-residue"])
def test_many_draws_on_the_fragment_agree_with_the_closed_forms(fragment, preset):
    assert_agrees(fragment, preset)


def test_many_draws_on_seven_chains_agree_with_the_closed_forms(toxin):
    assert toxin.hierarchy.counts == (5469, 712, 7)
    assert_agrees(toxin, "current")
