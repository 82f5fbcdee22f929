"""At its scramble point a level moves by its reference length, measured; beyond it lie the steps that are counted."""

import math

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.noise.design.scramble import (
    chain_spacing,
    reference_lengths,
    scramble_sigma,
    scramble_table,
    share_beyond,
)
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import parse_distribution, sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.weights import Weights

ALPHAFOLD3, WIDE = sigma_distribution("alphafold3"), sigma_distribution("wide")
SETS = [Weights.named(name) for name in ("flat", "current", "rebalanced")]


def row(table, level, weights, distribution="alphafold3"):
    (found,) = (
        r for r in table.rows() if (r["level"], r["weights"], r["distribution"]) == (level, weights, distribution)
    )
    return found


@pytest.mark.parametrize("weights", SETS, ids=lambda w: w.label)
def test_noise_of_that_sigma_moves_by_the_reference_length(fragment, weights):
    table = scramble_table(fragment, [weights], [ALPHAFOLD3])
    noise = MultiscaleNoise(fragment.hierarchy, weights)
    for level, measure in (("residue in chain", Measure(1, True)), ("atom in residue", Measure(0, True))):
        point = row(table, level, weights.label)
        frames = (block + fragment.coordinates for block in noise.blocks(point["sigma"], 1000))
        moved = measure_displacement(fragment, frames, only=[measure])
        assert math.sqrt(3) * moved.rms(measure) == pytest.approx(point["reference"], rel=0.01)


def test_the_share_is_that_of_drawn_training_steps(toxin):
    table = scramble_table(toxin, SETS, [ALPHAFOLD3, WIDE])
    z = np.random.default_rng(0).standard_normal(200_000)
    for distribution in (ALPHAFOLD3, WIDE):
        sigma = distribution.sigma_data * np.exp(distribution.p_mean + distribution.p_std * z)
        for weights in SETS:
            point = row(table, "residue in chain", weights.label, distribution.name)
            assert point["beyond"] == pytest.approx(100 * np.mean(sigma > point["sigma"]), abs=0.5)
            for name, factor in (("beyond", math.sqrt(3)), ("per coordinate", 1)):
                share = 100 * np.mean(factor * sigma * point["displacement"] > point["reference"])
                assert point[name] == pytest.approx(share, abs=0.5)


def test_flat_noise_rearranges_the_residues_of_1tii_in_45_percent_of_the_steps(toxin):
    point = row(scramble_table(toxin, SETS, [ALPHAFOLD3]), "residue in chain", "flat")
    assert point["beyond"] == pytest.approx(44.9, abs=0.1)
    assert point["sigma"] == pytest.approx(5.86, abs=0.01)
    assert ALPHAFOLD3.z(point["sigma"]) == pytest.approx(point["z"])


def test_chains_are_as_far_apart_as_their_nearest_neighbours(toxin):
    centres = np.array([toxin.coordinates[toxin.hierarchy.ancestors(0, 2) == c].mean(axis=0) for c in range(7)])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 1e9 * np.eye(7)
    assert chain_spacing(toxin) == pytest.approx(apart.min(axis=1).mean(), rel=1e-5)


def test_reference_lengths_can_be_set(toxin, fragment):
    assert reference_lengths(toxin, residue=5.0) == {"chain": chain_spacing(toxin), "residue": 5.0, "atom": 1.4}
    usual = reference_lengths(fragment)
    assert math.isnan(usual.pop("chain"))
    assert usual == {"residue": 3.8, "atom": 1.4}
    table = scramble_table(toxin, SETS, [ALPHAFOLD3], {"chain": 30.0, "residue": 5.0, "atom": 1.0})
    assert row(table, "residue in chain", "flat")["reference"] == 5.0
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(EdmNoiseError, match="reference length of the atom"):
            reference_lengths(toxin, atom=wrong)


def test_one_chain_is_never_scrambled(fragment):
    table = scramble_table(fragment, SETS, [ALPHAFOLD3], {"chain": 20.0, "residue": 3.8, "atom": 1.4})
    point = row(table, "chain in structure", "current")
    assert point["displacement"] == 0
    assert math.isnan(point["sigma"])
    assert point["beyond"] == 0
    assert "One chain" in table.notes[-1]


def test_many_weights_at_once(toxin):
    relative = LevelForms.of(toxin.hierarchy).relative
    sigma = scramble_sigma(relative, np.random.default_rng(0).dirichlet(np.ones(3), 50), (1.4, 3.8, 20.0))
    assert sigma.shape == (50, 3)
    assert WIDE.z(sigma)[7, 1] == pytest.approx(WIDE.z(sigma[7, 1]))
    assert share_beyond(WIDE, sigma)[7, 1] == pytest.approx(WIDE.share_above(sigma[7, 1]))
    assert share_beyond(WIDE, [math.inf]) == 0


def test_nothing_to_compare_is_refused(toxin):
    with pytest.raises(EdmNoiseError, match="at least one"):
        scramble_table(toxin, [], [ALPHAFOLD3])
    with pytest.raises(EdmNoiseError, match="no level 20"):
        scramble_table(toxin, SETS, [ALPHAFOLD3], (20.0, 3.8, 1.4))


def test_a_distribution_of_ones_own():
    own = parse_distribution("-1.84 2.8")
    assert (own.sigma_data, own.p_mean, own.p_std) == (16, -1.84, 2.8)
    assert parse_distribution([-1, 2, 10.0]).sigma_data == 10
    assert parse_distribution(own) is own
    assert parse_distribution("wide") is WIDE
    for wrong in ("nosuch", "1", "1 2 3 4", "1 x", "", "1 -2"):
        with pytest.raises(EdmNoiseError):
            parse_distribution(wrong)
