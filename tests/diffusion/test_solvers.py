"""Solvers on a Gaussian target, where everything is linear and the covariance of the samples is known exactly.

A linear denoiser makes the sampler a linear map of independent normal draws. Give it the rows of L^T (K = L L^T) in
place of a draw, and zeros in all other draws' rows: the sum of outer products of the rows at the end is then the
covariance of the samples, without a random number.
"""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.samplers.sampler import Churn, Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.diffusion.samplers.solvers import (
    MULTISTEP,
    SCALED,
    SOLVERS,
    Stage,
    ancestral,
    dpmpp_2m_sde,
    second_order,
    solver,
)
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


HIERARCHY = Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 2, 2, 2, 3, 1, 3]), np.array([0, 1, 1, 0])))
NOISE, DATA = (0.3, 0.5, 0.2), (0.05, 2.0, 9.0)
K, C = (
    NestedCovariance(HIERARCHY, named(HIERARCHY, w)).multiply(torch.eye(9, dtype=torch.float64)) for w in (NOISE, DATA)
)
ROOT = torch.linalg.cholesky(K).T.contiguous()
HIGH, LOW = 80.0, 0.02


class Gaussian:
    """E[x0 | x] = C (C + sigma^2 K)^-1 x for data N(0, C), by dense linear algebra."""

    def denoise(self, x, sigma):
        return Denoised(x @ torch.linalg.solve(C + sigma**2 * K, C))


def batches(draws, root):
    """Batches (B, 3, 9) for a number of independent draws, of which the first has the rows ROOT, the others root."""
    rows = torch.block_diag(*([ROOT] + [root] * (draws - 1))).reshape(9 * draws, draws, 9)
    return [rows[:, k].reshape(-1, 3, 9) for k in range(draws)]


def covariance_of_samples(replayed, sampler, schedule, draws=1, root=ROOT):
    noise = replayed(HIERARCHY, NOISE, batches(draws, root))
    steps = sample(Gaussian(), noise, schedule, sampler, 3 * draws, dtype=torch.float64)
    *_, last = steps
    assert next(noise.numbers, None) is None, "another number of draws was expected"
    rows = last.x.reshape(-1, 9)
    return rows.T @ rows


def error(covariance, sigma=LOW, started_at=HIGH):
    """Relative, against the exact flow's: in z = L^-1 x each principal axis of C is scaled on its own."""
    lower = ROOT.T
    values, axes = torch.linalg.eigh(torch.linalg.solve(lower, torch.linalg.solve(lower, C).T))
    flow = lower @ axes * (started_at**2 * (values + sigma**2) / (values + started_at**2))
    exact = flow @ (lower @ axes).T
    return float((covariance - exact).norm() / exact.norm())


def test_the_two_covariances_do_not_commute():
    assert (C @ K - K @ C).norm() > 0.05 * (C @ K).norm()


def errors(replayed, name, counts=(18, 36, 72, 144, 288)):
    sampler = Sampler(name)
    return [error(covariance_of_samples(replayed, sampler, karras(n, LOW, HIGH, grid="closed"))) for n in counts]


@pytest.mark.parametrize(
    ("name", "order", "at_18", "at_288"),
    [
        ("euler", 1, 0.5, 0.03),
        ("heun", 2, 0.1, 5e-4),
        ("ralston", 2, 0.1, 5e-4),
        ("midpoint", 3, 0.1, 1e-6),  # on this flow its leading errors, h^3 c s / 8 (c + s^2)^(5/2) both, cancel
        ("dpmpp_2m", 2, 0.2, 1e-3),
    ],
)
def test_order_of_convergence(replayed, name, order, at_18, at_288):
    """The error of the samples' covariance falls like a power of the number of steps."""
    found = errors(replayed, name)
    assert found[0] < at_18
    assert found[-1] < at_288
    assert math.log2(found[-2] / found[-1]) == pytest.approx(order, abs=0.12), found
    assert math.log2(found[-3] / found[-1]) == pytest.approx(2 * order, abs=0.3), found


def test_chai_does_not_converge_to_the_flow(replayed):
    """Its slopes have the weights 1.5 and 0.5: twice the step, however fine the levels."""
    found = errors(replayed, "chai", (72, 288))
    assert found[1] > 0.3
    assert found[0] == pytest.approx(found[1], rel=0.3)


@pytest.mark.parametrize("name", ["dpmpp_2m_sde", "ancestral"])
def test_stochastic_solvers_converge(replayed, name):
    """Noise from K in every step; the error at least halves from 36 to 72 steps and is small."""
    found = []
    for n in (36, 72):
        schedule = karras(n, LOW, HIGH, grid="closed")
        found.append(error(covariance_of_samples(replayed, Sampler(name), schedule, draws=n + 1)))
    assert found[1] < 0.55 * found[0], found
    assert found[1] < 0.2


def test_churn_is_drawn_from_the_covariance(replayed):
    """From K the samples have the data's variance in every direction; from I, white noise of the same size per atom,
    hundreds of percent too much in some."""
    schedule, sampler = karras(144, LOW, HIGH, grid="closed"), Sampler("heun", Churn(0.2))
    found = []
    for root in (ROOT, torch.eye(9, dtype=torch.float64)):
        covariance = covariance_of_samples(replayed, sampler, schedule, 145, root)
        excess = torch.linalg.eigvals(torch.linalg.solve(C, covariance)).real - 1
        found.append(float(excess.abs().max()))
    assert found[0] < 0.02
    assert found[1] > 2


X = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def stage(sigma, target, step_scale=1.0, previous=None, asked=None):
    """D(x; s) = x^2 / (1 + s), and no noise to be had."""

    def denoise(x, level):
        if asked is not None:
            asked.append(level)
        return x**2 / (1 + level)

    def noise():
        raise AssertionError("this step draws no noise")

    return Stage(sigma, target, denoise(X, sigma), denoise, noise, step_scale, previous)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_the_starting_point_stays_and_room_for_the_result_changes_nothing(name):
    """The sampler records the one and offers the other."""
    x, made = X.clone(), stage(2.0, 1.5)
    made.noise = lambda: torch.ones_like(X)
    plain = SOLVERS[name](x, made).clone()
    made.out = torch.full_like(X, math.nan)
    assert torch.equal(SOLVERS[name](x, made), plain)
    assert torch.equal(x, X)
    assert torch.equal(made.denoised, X**2 / 3)


@pytest.mark.parametrize("name", ["euler", "heun", "chai", "dpmpp_2m", "dpmpp_2m_sde", "ancestral"])
def test_the_step_to_zero_gives_the_denoised(name):
    torch.testing.assert_close(SOLVERS[name](X.clone(), stage(2.0, 0.0)), X**2 / 3, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("name", "levels"), [("heun", []), ("ralston", [2 / 3]), ("midpoint", [1.0])])
def test_where_the_step_to_zero_asks_again(name, levels):
    """A second point above 0 is used there too."""
    asked = []
    SOLVERS[name](X.clone(), stage(2.0, 0.0, asked=asked))
    assert asked[1:] == pytest.approx(levels)


def test_without_noise_the_stochastic_solvers_are_the_others():
    before = (5.0, X + 1)
    ours = dpmpp_2m_sde(0.0)(X.clone(), stage(2.0, 1.5, previous=before))
    torch.testing.assert_close(ours, SOLVERS["dpmpp_2m"](X.clone(), stage(2.0, 1.5, previous=before)), rtol=0, atol=0)
    ours = ancestral(0.0)(X.clone(), stage(2.0, 1.5))
    torch.testing.assert_close(ours, SOLVERS["euler"](X.clone(), stage(2.0, 1.5)), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", sorted(SCALED))
def test_step_scale_is_a_longer_step_of_the_same_slopes(name):
    """Where D is constant all slopes of a step are parallel to x - D, and Euler's increment is eta times as long."""
    fixed = torch.ones_like(X)

    def gone(scale):
        made = Stage(2.0, 1.99999, fixed, lambda x, level: fixed, lambda: fixed, scale)
        return SOLVERS[name](X.clone(), made) - X

    torch.testing.assert_close(gone(1.5), 1.5 * gone(1.0), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_no_solver_changes_what_it_was_given(name):
    """But x, where it works in place: the denoised and what it remembers are recorded or used again."""
    made, before = stage(2.0, 1.0), X - 0.5
    made.noise = lambda: torch.ones_like(X)
    made.previous = (5.0, before) if name in MULTISTEP else None
    kept = made.denoised.clone(), before.clone()
    SOLVERS[name](X.clone(), made)
    assert torch.equal(made.denoised, kept[0])
    assert torch.equal(before, kept[1])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: second_order(0.0), "alpha is 0"),
        (lambda: second_order(1.5), "alpha is 1.5"),
        (lambda: second_order(math.nan), "alpha is nan"),
        (lambda: dpmpp_2m_sde(-1.0), "eta is -1"),
        (lambda: ancestral(math.inf), "eta is inf"),
        (lambda: solver("rk45"), "no solver 'rk45'.*euler, heun"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        make()
