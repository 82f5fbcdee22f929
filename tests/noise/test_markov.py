"""Chains with what rides on them are dense algebra to rounding, whole and in part; what is singular says so."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.processes.chains import Chains
from edmnoise.noise.processes.markov import MarkovCovariance
from edmnoise.noise.processes.recursion import Recursion

EXACT = 1e-12
"""Largest error, relative to the largest number of a result."""

STANDARD_ERRORS = 5
"""How far a sample moment may be from the truth. The seeds are fixed: a test that passes, passes always."""


def dense_chains(gain, added):
    """T of places, by inverting what makes the numbers independent."""
    innovations = np.eye(len(gain)) - np.diag(gain[1:], -1)
    inverse = np.linalg.inv(innovations)
    return inverse @ np.diag(added) @ inverse.T


def made(seed, places=90, without_anchor=0.0):
    """Four chains, three with drawn-in centres, up to four atoms on a place in any order; and K as a matrix.

    Centres are means over the chain with weights of their own.
    """
    rng = np.random.default_rng(seed)
    gain, added = rng.uniform(0.3, 1, places), rng.uniform(0.5, 2, places)
    starts = [0, 40, 41, 60]
    gain[starts] = 0
    chain = np.searchsorted(starts, np.arange(places), side="right") - 1
    tie = np.array([0, -1, 1, 2])[chain]
    pull, centre = np.array([0.7, 1.0, -0.3]), np.array([0.2, 0.5, 0.0])
    t = dense_chains(gain, added)
    spread, shared, k = np.zeros(3), np.zeros(places), t.copy()
    for unit in range(3):
        mine = (tie == unit).astype(float)
        weight = mine * rng.uniform(0, 1, places)
        weight /= weight.sum()
        own = mine * (t @ weight)
        spread[unit], shared = weight @ t @ weight, shared + own
        drawn_in = np.eye(places) - pull[unit] * np.outer(mine, weight)
        k = drawn_in @ k @ drawn_in.T + centre[unit] * np.outer(mine, mine)
    count = rng.integers(1, 5, places)
    node = np.repeat(np.arange(places), count)
    first = np.concatenate([[True], np.diff(node) > 0])
    ride = np.where(first & (rng.random(len(node)) >= without_anchor), 0.0, rng.uniform(0.3, 3, len(node)))
    order = rng.permutation(len(node))
    node, ride = node[order], ride[order]
    return Chains(node, ride, gain, added, tie, pull, spread, centre, shared), k[node][:, node] + np.diag(ride)


@pytest.fixture(scope="module", params=[0.0, 0.3, 1.0], ids=["anchors", "some lost", "none"])
def cases(request):
    """Covariances, whole and of some of their atoms, each with the same as a matrix."""
    found = []
    for seed in range(3):
        chains, k = made(seed, without_anchor=request.param)
        covariance = MarkovCovariance(chains)
        found.append((covariance, k))
        for count in (1, 2, len(k) // 3):
            atoms = np.sort(np.random.default_rng(seed).choice(len(k), count, replace=False))
            found.append((covariance.restricted(atoms), k[np.ix_(atoms, atoms)]))
    return found


def matrix(covariance, name):
    """The matrix of a map along the atoms."""
    return getattr(covariance, name)(torch.eye(covariance.atoms, dtype=torch.float64)).T.numpy()


def close(got, wanted, error=EXACT):
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert got.shape == wanted.shape
    assert abs(got - wanted).max() <= error * abs(wanted).max()


def test_a_recursion_is_the_sum_of_what_is_left_of_all_before():
    rng = np.random.default_rng(0)
    for count in (1, 2, 63, 64, 65, 200, 5000):
        gain = torch.tensor(rng.uniform(0, 1, count))
        u = torch.tensor(rng.normal(size=(3, count)))
        x, y = u.clone(), u.clone()
        for k in range(1, count):
            x[:, k] += gain[k] * x[:, k - 1]
        for k in range(count - 2, -1, -1):
            y[:, k] += gain[k + 1] * y[:, k + 1]
        torch.testing.assert_close(Recursion(gain).forward(u), x, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(Recursion(gain).backward(u), y, rtol=1e-13, atol=1e-13)


def test_maps_are_those_of_the_matrix(cases):
    for covariance, k in cases:
        close(matrix(covariance, "multiply"), k)
        close(covariance.diagonal, np.diag(k))
        close(matrix(covariance, "solve"), np.linalg.inv(k))
        root, white = matrix(covariance, "factor"), matrix(covariance, "whiten")
        close(root @ root.T, k)
        close(white @ root, np.eye(len(k)))


def test_sums_are_those_of_the_matrix(cases):
    for covariance, k in cases:
        inverse, ones = np.linalg.inv(k), np.ones(len(k))
        x = torch.randn(2, 3, len(k), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        y = torch.randn(3, len(k), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        close(covariance.inner(x, y), np.einsum("abi,ij,bj->ab", x, inverse, y))
        close(covariance.inner(x, x), np.einsum("abi,ij,abj->ab", x, inverse, x))
        close(covariance.gls_mean(x), x.numpy() @ inverse @ ones / (ones @ inverse @ ones))
        close(covariance.precision(), ones @ inverse @ ones)
        assert covariance.logdet().item() == pytest.approx(np.linalg.slogdet(k)[1], abs=1e-11 * len(k))


def test_sums_within_groups_are_those_of_the_matrix(cases):
    """Small groups pair by pair, large ones by products: both are in it, and groups that share a chain."""
    for covariance, k in cases:
        rng = np.random.default_rng(1)
        for groups in (1, 2, 5, len(k)):
            group = rng.integers(0, groups, len(k))
            wanted = (k * (group[:, None] == group)).sum(axis=1)
            close(covariance.within(group), wanted)


def test_a_part_of_a_part_is_a_part(cases):
    covariance, k = cases[0]
    first = np.arange(0, len(k), 2)
    second = np.arange(1, len(first), 3)
    close(matrix(covariance.restricted(first).restricted(second), "multiply"), k[np.ix_(first[second], first[second])])


@pytest.mark.parametrize("without_anchor", [0.0, 0.5])
@pytest.mark.parametrize("some", [False, True])
def test_draws_have_the_covariance(without_anchor, some):
    chains, k = made(7, 70, without_anchor)
    covariance = MarkovCovariance(chains)
    if some:
        atoms = np.arange(0, len(k), 3)
        covariance, k = covariance.restricted(atoms), k[np.ix_(atoms, atoms)]
    rows = 5000
    x = covariance.draw(torch.empty(rows, len(k)), torch.Generator().manual_seed(3)).double().numpy()
    error = np.sqrt((k**2 + np.outer(np.diag(k), np.diag(k))) / rows)
    assert (abs(x.T @ x / rows - k) < STANDARD_ERRORS * error).all()


def test_shapes_and_precisions_are_those_given():
    covariance = MarkovCovariance(made(0)[0])
    for front in ((), (2,), (2, 3)):
        x = torch.randn(*front, covariance.atoms)
        for name in ("multiply", "solve", "factor", "whiten"):
            assert getattr(covariance, name)(x).shape == x.shape
            assert getattr(covariance, name)(x).dtype == torch.float32
        assert covariance.gls_mean(x).shape == covariance.inner(x, x).shape == torch.Size(front)
        assert (covariance.gls_mean(x).dtype, covariance.inner(x, x).dtype) == (torch.float32, torch.float64)
        drawn = covariance.draw(torch.empty_like(x), torch.Generator().manual_seed(1))
        assert (drawn.shape, drawn.dtype) == (x.shape, torch.float32)


def test_gradients_pass():
    chains, k = made(1, 70, 0.5)
    covariance = MarkovCovariance(chains)
    x = torch.randn(len(k), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(covariance.inner(x, x) / 2, x)
    close(gradient, np.linalg.inv(k) @ x.detach().numpy(), 1e-10)


def test_what_is_not_along_the_atoms_is_refused():
    covariance = MarkovCovariance(made(0)[0])
    with pytest.raises(EdmNoiseError, match=r"is not along the atoms: give floats \(\.\.\., \d+\)$"):
        covariance.multiply(torch.zeros(3))
    with pytest.raises(EdmNoiseError, match="give different whole numbers"):
        covariance.restricted(np.array([1, 0]))


def test_atoms_that_ride_without_spread_move_with_their_anchor_and_have_no_inverse():
    none = np.zeros(0)
    free = np.array([-1, -1])
    chains = Chains(
        np.array([0, 0, 1]), np.zeros(3), np.array([0.0, 0.5]), np.ones(2), free, none, none, none, np.zeros(2)
    )
    covariance = MarkovCovariance(chains)
    k = np.array([[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 1.25]])
    close(matrix(covariance, "multiply"), k)
    root = matrix(covariance, "factor")
    close(root @ root.T, k)
    drawn = covariance.draw(torch.empty(50, 3), torch.Generator().manual_seed(0))
    assert torch.equal(drawn[:, 0], drawn[:, 1])
    for call in (covariance.solve, covariance.whiten, covariance.gls_mean, lambda x: covariance.inner(x, x)):
        with pytest.raises(EdmNoiseError, match="move rigidly with them; give a spread above 0"):
            call(torch.zeros(3))
    with pytest.raises(EdmNoiseError, match="no inverse"):
        covariance.logdet()
    assert math.isclose(covariance.restricted(np.array([0, 2])).logdet().item(), 0.0, abs_tol=1e-12)


def test_what_it_shows():
    assert repr(MarkovCovariance(made(0)[0])).startswith("MarkovCovariance(2")
    assert repr(MarkovCovariance(made(0)[0])).endswith(" atoms on 90 places of 4 chains)")
