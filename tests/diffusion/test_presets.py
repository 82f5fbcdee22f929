"""Published samplers on data N(0, 16^2 I), whose exact denoiser is c_skip x: what final spread each one makes.

Every coordinate then is a number of its own that each step scales, so that the variance obeys a recursion. The
figures of the programs themselves, from their own loops: boltz-2 10.91, boltz-1 9.51, Protenix 10.93, OpenFold 3 11.01
(a few thousand coordinates); Chai-1 10.2. The data has 16.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.samplers.presets import PRESETS, SIGMA_DATA, sampler_preset
from edmnoise.diffusion.samplers.sampler import Churn, Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

ATOMS, SAMPLES = 1500, 4
FLAT = NestedCovariance(Hierarchy(("atom", "residue"), (np.zeros(ATOMS, dtype=np.int64),)), {"atom": 1.0})


def c_skip(sigma):
    return SIGMA_DATA**2 / (SIGMA_DATA**2 + sigma**2)


class Shrinking:
    """E[x0 | x] for data N(0, 16^2 I)."""

    def denoise(self, x, sigma):
        return Denoised(c_skip(sigma) * x)


def measured(schedule, sampler):
    """Standard deviation about each sample's centre, which the samplers move at will."""
    *_, last = sample(Shrinking(), FLAT, schedule, sampler, SAMPLES, seed=3)
    centred = last.x - last.x.mean(dim=2, keepdim=True)
    return float(centred.square().sum() / (SAMPLES * 3 * (ATOMS - 1))) ** 0.5


def predicted(schedule, gammas, noise_scale, step_scale, second=None):
    """v <- (v + lambda^2 (t^2 - s^2)) (1 + eta (s' - t) (1 - c) / t)^2 with t = (1 + gamma) s."""
    variance = schedule.sigmas[0] ** 2
    for s, target, gamma in zip(schedule.sigmas, schedule.sigmas[1:], gammas, strict=False):
        t = (1 + gamma) * s
        step = step_scale * (target - t)
        slope = (1 - c_skip(t)) / t
        factor = 1 + step * slope
        if second and target > 0:
            factor = second(step, slope, factor, (1 - c_skip(target)) / target)
        variance = (variance + noise_scale**2 * (t**2 - s**2)) * factor**2
    return math.sqrt(variance)


# name: gamma_0, gamma_min, noise scale, step scale, and the final standard deviation, to its published digits
EULER = {
    "alphafold3": (0.8, 1.0, 1.003, 1.5, 10.96),
    "boltz1": (0.605, 1.107, 0.901, 1.638, 9.54),
    "boltz2": (0.8, 1.0, 1.003, 1.5, 10.94),
    "protenix": (0.8, 1.0, 1.003, 1.5, 10.96),
    "openfold3": (0.8, 1.0, 1.003, 1.5, 10.96),
}


def test_monte_carlo_error():
    """Of a standard deviation from n normal numbers: 1 / sqrt(2 n); 4 of these are 2 % here."""
    assert 4 / math.sqrt(2 * 3 * ATOMS * SAMPLES) < 0.022


def agree(found, expected):
    assert found == pytest.approx(expected, rel=4 / math.sqrt(2 * 3 * ATOMS * SAMPLES))


@pytest.mark.parametrize("name", EULER)
def test_spread_of_the_alphafold3_family(name):
    gamma_0, gamma_min, noise_scale, step_scale, published = EULER[name]
    known = sampler_preset(name)
    schedule = known.schedule(known.steps)
    gammas = [gamma_0 if target > gamma_min else 0.0 for target in schedule.sigmas[1:]]
    expected = predicted(schedule, gammas, noise_scale, step_scale)
    assert expected == pytest.approx(published, abs=0.02)
    agree(measured(schedule, known.sampler(known.steps)), expected)


def test_spread_of_chai():
    """Churn at every level, and Heun's mean slope added to the point that Euler has reached."""
    known = sampler_preset("chai1")
    schedule = known.schedule(known.steps)
    gammas = [min(80 / known.steps, math.sqrt(2) - 1)] * schedule.steps

    def second(step, slope, factor, slope_ahead):
        return factor + 0.5 * step * (slope + slope_ahead * factor)

    expected = predicted(schedule, gammas, 1.003, 1.0, second)
    assert expected == pytest.approx(10.2, abs=0.05)
    agree(measured(schedule, known.sampler(known.steps)), expected)
    textbook = predicted(
        schedule, gammas, 1.003, 1.0, lambda step, slope, factor, ahead: 1 + 0.5 * step * (slope + ahead * factor)
    )
    assert textbook == pytest.approx(16.1, abs=0.05)
    agree(measured(schedule, replace(known.sampler(known.steps), solver="heun")), textbook)


@pytest.mark.parametrize(
    ("step_scale", "gamma", "published"),
    [(1.0, 0.8, 13.9), (1.25, 0.8, 12.2), (1.5, 0.8, 11.0), (1.8, 0.8, 9.9), (2.0, 0.8, 9.3), (1.0, 0.0, 15.75)],
)
def test_step_scale_and_churn_are_what_narrow_it(step_scale, gamma, published):
    """AlphaFold 3's schedule and noise scale otherwise: nothing but 1 and 0 samples the data."""
    schedule = karras(200, 4e-4, 160.0, 7.0, SIGMA_DATA, "closed")
    gammas = [gamma if target > 1 else 0.0 for target in schedule.sigmas[1:]]
    expected = predicted(schedule, gammas, 1.003, step_scale)
    assert expected == pytest.approx(published, abs=0.06)
    agree(measured(schedule, Sampler("euler", Churn(gamma, above=1.0), 1.003, step_scale)), expected)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_made_for_any_number_of_steps(name):
    known = sampler_preset(name)
    assert known.name == name
    for steps in (5, known.steps):
        made = known.sampler(steps)
        assert known.schedule(steps).steps in (steps, steps - 1)
        assert (made.center, made.rotate, made.translate) == (True, True, 1.0)
        assert (made.align == "noisy") == name.startswith("boltz")
    assert sampler_preset("chai1").sampler(500).churn.gamma == pytest.approx(0.16)


def test_an_unknown_preset_is_refused():
    with pytest.raises(EdmNoiseError, match=r"no sampler preset 'alphafold4'.*alphafold3, boltz1"):
        sampler_preset("alphafold4")
