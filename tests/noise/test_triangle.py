"""A point of the triangle is its weights, and the map says what draws of noise with these weights show."""

import math

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import Measure as Displaced
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.design.triangle import CORNERS, MEASURES, WeightMeasure, grid, place, proportions, weights_at
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.scales import Scales
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import Weights

ALPHAFOLD3 = sigma_distribution("alphafold3")
POINTS = np.random.default_rng(5).dirichlet(np.ones(3), 20)[:, ::-1]
DRAWS = 100


# Must show: the triangle's values equal Monte Carlo's within its error at 20 random points


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


@pytest.fixture(scope="module")
def drawn(fragment):
    """For each point: measured displacement of residues in their chain, of atoms in their residue, the ratio; and the
    standard deviation of each from one such set of draws to the next, all in sigma."""
    shown, found = (Displaced(1, True), Displaced(0, True), Displaced(1, False), Displaced(0, False)), []
    for seed, shares in enumerate(POINTS):
        weights = Weights.of(*shares[::-1])
        noise, theory = (
            MultiscaleNoise(fragment.hierarchy, weights),
            NoiseStatistics(fragment.hierarchy, named(fragment.hierarchy, shares)),
        )
        frames = (block + fragment.coordinates for block in noise.blocks(1.0, DRAWS, seed))
        moved = measure_displacement(fragment, frames, only=shown)
        spread = [theory.displacement(level, level + 1).rms_sd(DRAWS) for level in (1, 0)]
        found.append(
            {
                "residue": (moved.rms(shown[0]), spread[0]),
                "atom": (moved.rms(shown[1]), spread[1]),
                "ratio": (moved.ratio, theory.ratio_scatter(DRAWS, 1024)[1]),
            }
        )
    return found


@pytest.mark.parametrize("level", ["residue", "atom"])
@pytest.mark.parametrize("name", MEASURES)
def test_values_are_monte_carlos(fragment, drawn, name, level):
    reference = {"residue": 3.8, "atom": 1.4}[level]
    values = WeightMeasure(name, level, ALPHAFOLD3, reference).values(LevelForms.of(fragment.hierarchy), POINTS)
    errors = []
    for value, point in zip(values, drawn, strict=True):
        moved, spread = point["ratio" if name == "ratio" else level]
        if name in ("scramble", "share"):
            z = ALPHAFOLD3.z(reference / (math.sqrt(3) * moved))
            spread /= moved * ALPHAFOLD3.p_std
            moved = z
        if name == "share":
            spread *= 100 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            moved = 100 * ALPHAFOLD3.share_above(reference / (math.sqrt(3) * point[level][0]))
        errors.append((moved - value) / spread)
    assert np.abs(errors).max() < 4
    assert 0.5 < np.sqrt(np.mean(np.square(errors))) < 1.6  # the error is as large as it is said to be


def test_chains_too(toxin):
    """Seven chains, relative to the centre of all atoms."""
    values = WeightMeasure("displacement", "chain", ALPHAFOLD3, 20.0).values(LevelForms.of(toxin.hierarchy), POINTS)
    theory = [NoiseStatistics(toxin.hierarchy, named(toxin.hierarchy, shares)) for shares in POINTS]
    assert values == pytest.approx([noise.displacement(2, noise.whole).rms() for noise in theory])


# The plane


def test_the_grid_is_even_and_whole():
    weights = grid(99)
    assert weights.shape == (5050, 3)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert weights.min() == 0
    assert len(np.unique(weights.round(9), axis=0)) == 5050
    for corner in np.eye(3):
        assert (weights == corner).all(axis=1).sum() == 1


def test_a_place_is_its_weights():
    for x, y in place(POINTS):
        at = weights_at(x, y)
        assert place(at) == pytest.approx((x, y))
    assert place(np.eye(3)) == pytest.approx(CORNERS)
    edges = np.linalg.norm(CORNERS - CORNERS[[1, 2, 0]], axis=1)
    assert edges == pytest.approx(1)
    assert [weights_at(*corner).by_level for corner in CORNERS] == [pytest.approx(corner) for corner in np.eye(3)]
    for outside in ((-0.1, 0), (0.5, 1), (1.01, 0), (math.nan, 0)):
        assert weights_at(*outside) is None


# A structure's own proportions


def test_noise_in_proportion_to_scales_has_these_scales(toxin):
    forms, weights = LevelForms.of(toxin.hierarchy), Weights.of(0.5, 0.3, 0.2)
    atom, residue, chain = 7 * np.sqrt(forms.centred @ weights.by_level)
    found = proportions(forms, Scales(atom=atom, residue=residue, chain=chain))
    assert found.by_level == pytest.approx(weights.by_level)
    with pytest.raises(EdmNoiseError, match="data scales are chain 0"):
        proportions(forms, Scales(chain=0, residue=0, atom=0))


def test_one_chain_has_no_share_for_the_chain(fragment):
    assert proportions(LevelForms.of(fragment.hierarchy), Scales(chain=0.0, residue=8.0, atom=1.2)).chain == 0


# What cannot be mapped


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("speed", "residue", 3.8), "no measure 'speed'"),
        (("share", "domain", 3.8), "no level 'domain'"),
        (("scramble", "chain", math.nan), "chain has no reference length"),
        (("share", "atom", 0.0), "atom has no reference length"),
    ],
)
def test_unknown_words_and_missing_lengths(given, said):
    name, level, reference = given
    with pytest.raises(EdmNoiseError, match=said):
        WeightMeasure(name, level, ALPHAFOLD3, reference)


def test_a_level_that_nothing_moves(fragment):
    forms = LevelForms.of(fragment.hierarchy)
    for name in ("displacement", "scramble", "share"):
        with pytest.raises(EdmNoiseError, match="no noise moves the chain"):
            WeightMeasure(name, "chain", ALPHAFOLD3, 20.0).values(forms, POINTS)


def test_a_level_that_some_weights_do_not_move(fragment):
    forms = LevelForms.of(fragment.hierarchy)
    z, share = (
        WeightMeasure(name, "atom", ALPHAFOLD3, 1.4).values(forms, Weights.of(0.5, 0.5, 0))
        for name in ("scramble", "share")
    )
    assert z == math.inf
    assert share == 0
