"""Levels in programs' units: against their schedules, and against RFdiffusion's recursion made step by step."""

import math

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.names import COUNTED, Counted
from edmnoise.diffusion.samplers.presets import PRESETS
from edmnoise.diffusion.samplers.units import in_words, rfdiffusion_levels, sigma_of, translation_table, unit
from edmnoise.noise.sigma import sigma_distribution

AF3 = sigma_distribution("alphafold3")


@pytest.mark.parametrize("name", PRESETS)
def test_steps_are_the_places_in_the_programs_schedule(name):
    levels = [sigma for sigma in PRESETS[name].schedule(200).sigmas if sigma > 0]
    counts = unit(name)
    for step in (0, 1, 117, len(levels) - 1):
        assert counts.counted(levels[step]) == pytest.approx(step, abs=1e-6)
        assert counts.sigma(step) == pytest.approx(levels[step])
    assert math.isnan(counts.counted(levels[0] * 1.01))
    assert 117 < counts.counted(math.sqrt(levels[117] * levels[118])) < 118


@pytest.mark.parametrize("name", COUNTED)
def test_there_and_back(name):
    for sigma in (2.0, 8.0, 15.0, 100.0):
        assert sigma_of(Counted(name, unit(name).counted(sigma)), AF3) == pytest.approx(sigma, rel=1e-9)


def test_rfdiffusion_by_its_own_recursion():
    """x <- sqrt(1 - beta) x + sqrt(beta) eps in units of 4 A, 50 times; over the signal that is left, angstrom."""
    rng = np.random.default_rng(0)
    signal, noise = 1.0, np.zeros(40_000)
    levels = rfdiffusion_levels()
    for step, beta in enumerate(np.linspace(0.04, 0.28, 50)):
        signal *= math.sqrt(1 - beta)
        noise = math.sqrt(1 - beta) * noise + math.sqrt(beta) * rng.standard_normal(len(noise))
        assert levels[step] == pytest.approx(4 * noise.std() / signal, rel=0.02)


def test_angstrom_are_rfdiffusion_3s_own():
    table = translation_table([8.0], AF3)
    assert table["rfdiffusion3 partial_t"] == [8.0]
    assert table["z"] == [AF3.z(8.0)]
    assert sigma_of(8.0, AF3) == sigma_of(Counted("rfdiffusion3", 8.0), AF3) == 8


def test_a_score_is_of_the_distribution_that_is_given():
    for distribution in (AF3, sigma_distribution("wide")):
        assert sigma_of(Counted("z", 0.5), distribution) == distribution.sigma(0.5)


def test_what_a_program_does_not_have_is_missing():
    table = translation_table([0.1, 3000.0], AF3)
    assert all(map(math.isnan, table["rfdiffusion partial_T of 50"]))
    assert math.isnan(table["alphafold3 step of 200"][1])
    assert "AlphaFold 3" not in in_words(3000.0, AF3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Counted("rfdiffusion", 51), "sigma_max is rfdiffusion:51: rfdiffusion partial_T of 50 goes from 1 to 50"),
        (Counted("rfdiffusion", 0), "goes from 1 to 50"),
        (Counted("alphafold3", 201), "goes from 0 to 200"),
        (Counted("z", 20), "sigma_max is z:20: z is 20: give a number from -12 to 12"),
        (-1.0, "sigma is -1.0 A"),
        (Counted("rfdiffusion3", 0.0), "sigma is 0.0 A"),
        (Counted("nosuch", 3), "no program 'nosuch' counts noise: the known ones are alphafold3, "),
    ],
)
def test_refusals(given, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        sigma_of(given, AF3, "sigma_max")
