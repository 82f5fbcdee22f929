"""Two states: what comes back by closed form, against posteriors of draws in all dimensions and a solved flow."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.stats import norm

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.two_states import KINDS, no_return, return_probability, state_distance
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.superpose import superpose


@pytest.fixture(scope="module")
def pair(three_chains, two_states):
    """Two states of three chains (3, N), and noise of three levels."""
    covariance = NestedCovariance(three_chains.hierarchy, {"atom": 0.4, "residue": 0.4, "chain": 0.2})
    return *two_states.states, covariance


@pytest.mark.parametrize("gauge", ["fixed", "translation"])
@pytest.mark.parametrize("ratio", [0.3, 0.8, 2.0])
def test_posterior_of_draws_in_all_dimensions(pair, gauge, ratio):
    """Within four standard errors of the mean over 2,000 noised structures."""
    one, other, covariance = pair
    distance = state_distance(one, other, covariance, gauge)
    model, sigma = StatesDenoiser(torch.stack([one, other]), covariance, (0.3, 0.7), gauge), ratio * distance
    x = covariance.draw(torch.empty(2000, 3, covariance.atoms), torch.Generator().manual_seed(5))
    weights = model.state_probabilities(one + sigma * x, sigma)[:, 0].numpy()
    error = weights.std() / math.sqrt(len(weights))
    assert return_probability(distance, sigma, 0.3) == pytest.approx(weights.mean(), abs=4 * error)


def test_the_distance_is_that_of_dense_algebra(pair):
    one, other, covariance = pair
    dense = covariance.multiply(torch.eye(covariance.atoms, dtype=torch.float64))
    off = (one - other).double()
    assert state_distance(one, other, covariance, "fixed") == pytest.approx(
        math.sqrt(float((off @ torch.linalg.inv(dense) * off).sum())), rel=1e-9
    )
    moved = other + torch.tensor([[3.0], [-4.0], [100.0]])
    assert state_distance(one, moved, covariance, "translation") == pytest.approx(
        state_distance(one, other, covariance, "translation"), rel=1e-6
    )


def test_under_rotations_it_is_the_rmsd_times_the_root_of_the_atoms(pair, three_chains):
    one, other, _ = pair
    flat = NestedCovariance(three_chains.hierarchy, {"atom": 1.0, "residue": 0.0, "chain": 0.0})
    rmsd = float(superpose(other[None], one).rmsd[0])
    turned = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) @ other
    assert state_distance(one, turned, flat) == pytest.approx(rmsd * math.sqrt(flat.atoms), rel=1e-5)
    assert state_distance(one, one, flat) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_flow_of_a_mixture_that_is_solved(share):
    """dx/dsigma = (x - D)/sigma in one dimension, from the quantiles of the noised state to sigma = 0."""
    distance, top = 3.0, 2.5
    starts = top * norm.ppf((np.arange(400) + 0.5) / 400)

    def slope(log_sigma, x):
        sigma = math.exp(log_sigma)
        weight = 1 / (1 + (1 - share) / share * np.exp(np.clip((distance * x - distance**2 / 2) / sigma**2, -700, 700)))
        return x - (1 - weight) * distance

    ends = solve_ivp(slope, (math.log(top), math.log(1e-2)), starts, rtol=1e-6, atol=1e-8).y[:, -1]
    back = float((ends < distance / 2).mean())
    assert return_probability(distance, top, share, "flow") == pytest.approx(back, abs=1 / 400)


@pytest.mark.parametrize("kind", KINDS)
def test_laws_of_both(kind):
    sigmas = np.geomspace(0.05, 1e4, 60)
    ways = [return_probability(1.0, sigma, 0.3, kind) for sigma in sigmas]
    assert ways[0] == pytest.approx(1)
    assert ways[-1] == pytest.approx(0.3, abs=1e-3)
    assert (np.diff(ways) <= 1e-12).all()
    for sigma in (0.3, 1.0, 3.0):  # as many go from 1 to 2 as from 2 to 1
        there, back = (1 - return_probability(1.0, sigma, share, kind) for share in (0.3, 0.7))
        assert 0.3 * there == pytest.approx(0.7 * back, rel=1e-9)
    assert no_return(1.0, 0.3, kind) == pytest.approx(no_return(1.0, 0.7, kind), rel=1e-9)
    assert return_probability(5.0, 5 * no_return(1.0, 0.3, kind), 0.3, kind) == pytest.approx(0.65)
    assert return_probability(1.0, 0.5, kind="flow") == pytest.approx(norm.cdf(1.0))


def test_a_flow_keeps_more():
    for sigma in (0.3, 1.0, 3.0):
        stochastic, flow = (return_probability(1.0, sigma, 0.5, kind) for kind in KINDS)
        assert flow > stochastic


def test_edges():
    assert return_probability(1.0, 3.0, 1.0) == 1
    assert return_probability(0.0, 3.0, 0.4) == pytest.approx(0.4)
    assert no_return(1.0, 1.0) == math.inf
    assert no_return(0.0) == 0
    assert return_probability(1e5, 1.0) == pytest.approx(1)
    with pytest.raises(EdmNoiseError, match="share is 0"):
        return_probability(1.0, 1.0, 0.0)
    with pytest.raises(EdmNoiseError, match="kind is 'ode': give stochastic or flow"):
        return_probability(1.0, 1.0, kind="ode")
