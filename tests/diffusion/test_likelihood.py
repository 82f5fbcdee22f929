"""The likelihood by the probability flow: against exact densities, closed forms, and itself."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import GAUGES, StatesDenoiser
from edmnoise.diffusion.likelihood import log_likelihood
from edmnoise.diffusion.samplers.schedule import karras, log_linear
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

HIERARCHY = Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 2, 2, 1]), np.array([0, 1, 1])))
K = NestedCovariance(HIERARCHY, {"atom": 0.3, "residue": 0.5, "chain": 0.2})


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


STATES = 3 * normal(2, 3, 6, seed=1)
FLUCTUATIONS = {
    "none": None,
    "nested": NestedCovariance(HIERARCHY, {"atom": 0.2, "residue": 0.4, "chain": 0.9}),
    "network": ElasticNetwork(HIERARCHY, 3 * normal(3, 3, seed=2).numpy(), cutoff=12.0),
}


def states(gauge, fluctuations="none"):
    return StatesDenoiser(STATES, K, (0.7, 0.3), gauge, FLUCTUATIONS[fluctuations])


def noised(sigma, seed=3):
    return STATES + sigma * K.factor(normal(2, 3, 6, seed=seed))


class Shrinking:
    """Data N(0, c K), about the origin or about the likeliest centre: everything is known in closed form."""

    def __init__(self, c, translations):
        self.c, self.translations = c, translations

    def denoise(self, x, sigma):
        centre = K.gls_mean(x)[..., None] if self.translations else 0
        return Denoised(centre + self.c / (self.c + sigma**2) * (x - centre))


class Plain:
    """A denoiser made of a function."""

    def __init__(self, function):
        self.denoise = lambda x, sigma: Denoised(function(x, sigma))


@pytest.mark.parametrize("gauge", ["fixed", "translation", "rotation"])
@pytest.mark.parametrize("fluctuations", FLUCTUATIONS)
def test_exact_densities_of_states(gauge, fluctuations):
    """24 steps from 1 to 10 A, with the exact density as the prior: log p to 1e-7."""
    denoiser, x = states(gauge, fluctuations), noised(1.0)[:1]
    found = log_likelihood(
        denoiser,
        x,
        K,
        log_linear(24, 1.0, 10.0, "closed"),
        translations=gauge != "fixed",
        prior=lambda end: denoiser.log_density(end, 10.0),
    )
    assert found.log_likelihood.item() == pytest.approx(denoiser.log_density(x, 1.0).item(), abs=1e-7)
    assert found.dimensions == (18 if gauge == "fixed" else 15)
    assert found.standard_error.item() == 0
    assert found.evaluations == 1 + 6 * 24


def test_fifth_order():
    """Half the step, a 32nd of the error (to a factor of 2)."""
    denoiser, x = states("fixed"), noised(0.5)
    errors = []
    for steps in (10, 20):
        schedule = log_linear(steps, 0.5, 20.0, "closed")
        found = log_likelihood(denoiser, x, K, schedule, prior=lambda end: denoiser.log_density(end, 20.0))
        errors.append((found.log_likelihood - denoiser.log_density(x, 0.5)).abs().max().item())
    assert 16 < errors[0] / errors[1] < 64


@pytest.mark.parametrize("translations", [False, True])
def test_normal_data_in_closed_form(translations):
    """x grows by a = sqrt((c + s_T^2) / (c + s_0^2)): log p = log N(a x; 0, s_T^2 K) + dimensions log a."""
    c, low, high = 4.0, 0.2, 50.0
    x = noised(1.0) + 2
    found = log_likelihood(Shrinking(c, translations), x, K, log_linear(60, low, high, "closed"), translations)
    growth = math.sqrt((c + high**2) / (c + low**2))
    eye = torch.eye(6, dtype=torch.float64)
    k = K.multiply(eye)
    # Centred coordinates as differences to the first atom, whose volume is that of the density's 3 N - 3 dimensions
    # up to a factor that the determinant of K there and K's own precision have as well.
    if translations:
        basis = torch.linalg.svd(torch.ones(1, 6, dtype=torch.float64))[2][1:]  # orthonormal, of sum 0
        x, k, offset = x @ basis.T, basis @ k @ basis.T, 1.5 * math.log(6)
    else:
        offset = 0.0
    law = torch.distributions.MultivariateNormal(torch.zeros(len(k), dtype=torch.float64), high**2 * k)
    expected = law.log_prob(growth * x).sum(dim=1) + 3 * len(k) * math.log(growth) - offset
    torch.testing.assert_close(found.log_likelihood, expected, rtol=0, atol=1e-6)
    bits = -expected / (3 * len(k) * math.log(2))
    torch.testing.assert_close(found.bits_per_dimension, bits, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("gauge", "level", "ratio"), [("translation", 160.0, 4.0), ("rotation", 40.0, 16.0)])
def test_the_normal_prior_is_right_for_high_levels(gauge, level, ratio):
    """log p is off by something in 1 / sigma, and in 1 / sigma^2 for states turned in any way, whose mean is 0."""
    denoiser, x = states(gauge), noised(1.0)[:1]
    off = []
    for high in (level, 4 * level):
        found = log_likelihood(denoiser, x, K, log_linear(36, 1.0, high, "closed"), translations=True)
        off.append(abs(found.log_likelihood - denoiser.log_density(x, 1.0)).item())
    assert off[0] > 1e-3
    assert off[0] / off[1] == pytest.approx(ratio, rel=0.1)


def test_hutchinson():
    """400 probes: their mean within 4 standard errors of the exact trace; the error is the scatter of seeds."""
    denoiser, x, schedule = states("fixed"), noised(1.0), log_linear(4, 1.0, 10.0, "closed")
    exact = log_likelihood(denoiser, x, K, schedule)
    found = log_likelihood(denoiser, x, K, schedule, probes=400)
    assert bool((found.standard_error > 0).all())
    assert bool(((found.log_likelihood - exact.log_likelihood).abs() < 4 * found.standard_error).all())
    few = [log_likelihood(denoiser, x, K, schedule, probes=10, seed=seed) for seed in range(40)]
    scatter = torch.stack([one.log_likelihood for one in few]).std(dim=0)
    stated = torch.stack([one.standard_error for one in few]).square().mean(dim=0).sqrt()
    assert bool((scatter / stated > 0.6).all() & (scatter / stated < 1.6).all()), scatter / stated
    assert bool(log_likelihood(denoiser, x, K, schedule, probes=1).standard_error.isnan().all())


def test_a_sample_depends_on_its_number_and_the_seed_only():
    denoiser, x, schedule = states("translation"), noised(1.0), log_linear(4, 1.0, 10.0, "closed")
    both = log_likelihood(denoiser, x, K, schedule, True, probes=3, seed=8)
    alone = log_likelihood(denoiser, x[1:], K, schedule, True, probes=3, samples=range(1, 2), seed=8)
    torch.testing.assert_close(alone.log_likelihood, both.log_likelihood[1:], rtol=1e-13, atol=0)
    other = log_likelihood(denoiser, x[1:], K, schedule, True, probes=3, samples=range(2, 3), seed=8)
    assert abs(other.log_likelihood - alone.log_likelihood).item() > 1e-6


def test_likelier_where_a_state_is():
    denoiser = states("rotation")
    x = torch.cat([STATES[:1], STATES[:1] + 2 * normal(1, 3, 6, seed=4)])
    found = log_likelihood(denoiser, x, K, log_linear(16, 0.5, 20.0, "closed"), translations=True)
    assert found.log_likelihood[0] > found.log_likelihood[1] + 10
    assert found.bits_per_dimension[0] < found.bits_per_dimension[1]


@pytest.mark.parametrize("gauge", GAUGES)
@pytest.mark.parametrize("fluctuations", FLUCTUATIONS)
def test_gradients_pass_through_the_denoiser(gauge, fluctuations):
    """dD/dx by autograd and by differences."""
    denoiser = states(gauge, fluctuations)
    x = noised(2.0)[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda z: denoiser.denoise(z, 2.0).atoms, x, atol=1e-6, rtol=1e-6)


def test_the_model_gets_the_precision_of_x():
    seen = set()

    def shrink(x, sigma):
        seen.add(x.dtype)
        return x / (1 + sigma**2)

    schedule = log_linear(6, 0.5, 10.0, "closed")
    single = log_likelihood(Plain(shrink), noised(1.0).float(), K, schedule)
    assert seen == {torch.float32}
    double = log_likelihood(Plain(shrink), noised(1.0), K, schedule)
    assert single.log_likelihood.dtype == torch.float64
    torch.testing.assert_close(single.log_likelihood, double.log_likelihood, rtol=1e-5, atol=1e-4)


WIDE = NestedCovariance(Hierarchy(("atom", "residue"), (np.zeros(401, int),)), {"atom": 1.0})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schedule": karras(4, 0.1, 10.0)}, "ends at 0"),
        ({"x": torch.zeros(2, 3, 5)}, r"x has the shape \(2, 3, 5\): give \(samples, 3, 6\)"),
        ({"x": torch.full((2, 3, 6), math.nan)}, "x holds NaN or infinite coordinates"),
        ({"x": torch.zeros(0, 3, 6)}, "no samples"),
        ({"x": torch.zeros(1, 3, 401), "covariance": WIDE}, "1,203 coordinates are too many .*number of probes"),
        ({"probes": 0}, "probes is 0"),
        ({"samples": range(3)}, "3 sample numbers for 2 structures"),
        ({"seed": -1}, "seed is -1"),
        ({"translations": True}, "does not follow translations"),
        ({"denoiser": states("rotation")}, "give translations=True"),
        ({"denoiser": Plain(lambda x, sigma: x.detach() / 2)}, "gradients do not pass"),
        ({"denoiser": Plain(lambda x, sigma: torch.ones_like(x, requires_grad=True))}, "gradients do not pass"),
        ({"denoiser": Plain(lambda x, sigma: x / (sigma < 5))}, "NaN or infinite numbers at sigma"),
    ],
)
def test_refusals(change, sentence):
    arguments = {
        "denoiser": states("fixed"),
        "x": noised(1.0),
        "covariance": K,
        "schedule": log_linear(4, 1.0, 10.0, "closed"),
        **change,
    }
    with pytest.raises(EdmNoiseError, match=sentence):
        log_likelihood(**arguments)
