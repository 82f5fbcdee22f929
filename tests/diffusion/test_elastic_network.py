"""The Gaussian network model against dense linear algebra, and as the fluctuations of a denoiser's states."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

SPRING = 0.7


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def hierarchy():
    """40 atoms in 12 residues in 3 chains, unequal and interleaved."""
    rng = np.random.default_rng(1)
    residue = rng.permutation(np.concatenate([np.arange(12), rng.integers(0, 12, 28)]))
    return Hierarchy(("atom", "residue", "chain"), (residue, np.array([0, 1, 2, 0, 0, 1, 1, 1, 2, 0, 1, 0])))


@pytest.fixture(scope="module", params=[0, 1], ids=["atoms", "residues"])
def network(request, hierarchy):
    places = 4 * normal(hierarchy.counts[request.param], 3, seed=2).numpy()
    return ElasticNetwork(hierarchy, places, request.param, 9.0, SPRING)


def variances(hierarchy, name):
    """Noise: the same at every atom; nested; without one level; a number of its own for every group, some of them 0."""
    if name == "each":
        rng = np.random.default_rng(4)
        own = [rng.uniform(0.1, 1.0, count) for count in hierarchy.counts]
        own[1][::3] = 0
        own[2][1] = 0
        return own
    numbers = {"flat": (1.0, 0.0, 0.0), "nested": (0.3, 0.5, 0.2), "no residues": (0.3, 0.0, 0.7)}[name]
    return [np.full(count, number) for count, number in zip(hierarchy.counts, numbers, strict=True)]


def dense_network(network):
    """C by the definition: distances of all pairs, pinv of the Kirchhoff matrix, atoms that move with their nodes."""
    distance = np.linalg.norm(network.nodes[:, None] - network.nodes[None], axis=-1)
    contact = (distance <= network.cutoff) & ~np.eye(len(distance), dtype=bool)
    gamma = np.diag(contact.sum(axis=1)) - contact
    index = network.hierarchy.ancestors(0, network.level)
    return np.linalg.pinv(gamma, hermitian=True)[np.ix_(index, index)] / network.spring


def dense_noise(hierarchy, own):
    members = [np.eye(count)[hierarchy.ancestors(0, level)] for level, count in enumerate(hierarchy.counts)]
    return sum(m @ np.diag(w) @ m.T for m, w in zip(members, own, strict=True))


def test_contacts_are_the_near_pairs(network):
    distance = np.linalg.norm(network.nodes[:, None] - network.nodes[None], axis=-1)
    expected = {(i, j) for i, j in zip(*np.nonzero(distance <= 9.0), strict=True) if i < j}
    assert {tuple(sorted(pair)) for pair in network.contacts.tolist()} == expected
    gamma = network.kirchhoff.toarray()
    assert gamma[gamma < 0].sum() == -2 * len(expected)
    assert not gamma.sum(axis=1).any()


def test_covariance_against_dense(network):
    dense = dense_network(network)
    x = normal(2, 3, 40)
    np.testing.assert_allclose(network.multiply(x), x.numpy() @ dense, atol=1e-13)
    np.testing.assert_allclose(network.variances(), np.diag(dense), rtol=1e-12)


def assert_near(found, expected):
    """To 1e-10 of the largest number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["flat", "nested", "no residues", "each"])
@pytest.mark.parametrize("sigma", [0.05, 1.0, 30.0])
def test_sum_with_noise_against_dense(network, name, sigma):
    """All that M = C + sigma^2 K does, of coordinates that lie off the origin."""
    own = variances(network.hierarchy, name)
    dense = dense_network(network)
    m = dense + sigma**2 * dense_noise(network.hierarchy, own)
    inverse = np.linalg.inv(m)
    noisy = network + sigma**2 * NestedCovariance(
        network.hierarchy, named(network.hierarchy, [torch.from_numpy(w) for w in own])
    )
    x, y = 3 * normal(2, 3, 40, seed=5) + 6, 3 * normal(2, 3, 40, seed=6) - 4
    a, b = x.numpy(), y.numpy()
    assert_near(noisy.filter(network, x), a @ inverse @ dense)
    assert_near(noisy.solve(x), a @ inverse)
    assert_near(noisy.inner(x, y), np.einsum("bai,ij,baj->ba", a, inverse, b))
    whitened = noisy.whiten(x)
    assert_near((whitened * whitened).sum(-1), np.einsum("bai,ij,baj->ba", a, inverse, a))
    assert_near(noisy.gls_mean(x), a @ inverse.sum(axis=0) / inverse.sum())
    assert float(noisy.precision()) == pytest.approx(inverse.sum(), rel=1e-10)
    assert float(noisy.logdet()) == pytest.approx(np.linalg.slogdet(m)[1], abs=1e-10)


def test_float32_comes_back_as_float32(network):
    noisy = network + NestedCovariance(network.hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    x = normal(3, 40)
    for function in (noisy.whiten, noisy.solve, noisy.gls_mean, lambda z: noisy.filter(network, z), network.multiply):
        single = function(x.float())
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), function(x), rtol=1e-5, atol=1e-5)


def test_gradients_pass(network):
    """The maps are linear: their gradients by differences and by autograd, first and second."""
    noisy = network + NestedCovariance(network.hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    x = normal(1, 40).requires_grad_()
    for function in (noisy.whiten, noisy.solve, noisy.gls_mean, lambda z: noisy.filter(network, z), network.multiply):
        assert torch.autograd.gradcheck(lambda z, f=function: f(z)[..., :6], x)
    assert torch.autograd.gradgradcheck(lambda z: noisy.inner(z, z), x)


def test_draws_have_the_covariance(network):
    """4,000 draws; each entry's own standard error is sqrt((C_ij^2 + C_ii C_jj) / 4000)."""
    drawn = network.draw(torch.empty(4000, 40, dtype=torch.float64), torch.Generator().manual_seed(3)).numpy()
    dense = dense_network(network)
    error = np.sqrt((dense**2 + np.outer(np.diag(dense), np.diag(dense))) / 4000)
    assert (np.abs(drawn.T @ drawn / 4000 - dense) < 5 * error).all()
    nodes = drawn[:, np.unique(network.node, return_index=True)[1]]
    np.testing.assert_allclose(nodes.mean(axis=1), 0, atol=1e-12)


def denoiser(network, gauge):
    states = 4 * normal(3, 3, 40, seed=7)
    noise = NestedCovariance(network.hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    return StatesDenoiser(states, noise, (0.5, 0.3, 0.2), gauge, fluctuations=network)


@pytest.mark.parametrize("sigma", [0.3, 3.0])
def test_fixed_states_against_dense(network, sigma):
    """D and log p of a mixture of normal distributions, term by term."""
    exact = denoiser(network, "fixed")
    dense = dense_network(network)
    m = dense + sigma**2 * dense_noise(network.hierarchy, variances(network.hierarchy, "nested"))
    x = (exact.states[:1] + sigma * normal(1, 3, 40, seed=8)).numpy()
    differences = x - exact.states.numpy()
    logs = np.log([0.5, 0.3, 0.2]) - 0.5 * np.einsum("mai,ij,maj->m", differences, np.linalg.inv(m), differences)
    logs -= 1.5 * np.linalg.slogdet(2 * np.pi * m)[1]
    posterior = np.exp(logs - logs.max())
    filtered = exact.states.numpy() + differences @ np.linalg.inv(m) @ dense
    expected = np.tensordot(posterior / posterior.sum(), filtered, 1)
    np.testing.assert_allclose(exact.denoise(torch.from_numpy(x), sigma).atoms[0], expected, rtol=1e-10, atol=1e-10)
    total = logs.max() + math.log(posterior.sum())
    assert float(exact.log_density(torch.from_numpy(x), sigma)) == pytest.approx(total, rel=1e-11)


@pytest.mark.parametrize("gauge", ["fixed", "translation", "rotation"])
@pytest.mark.parametrize("sigma", [0.3, 3.0, 40.0])
def test_tweedie(network, gauge, sigma):
    """D = x + sigma^2 K grad log p, by autograd of the log density."""
    exact = denoiser(network, gauge)
    x = (exact.states[:2] + sigma * normal(2, 3, 40, seed=9)).requires_grad_()
    (gradient,) = torch.autograd.grad(exact.log_density(x, sigma).sum(), x)
    expected = x.detach() + sigma**2 * exact.covariance.multiply(gradient)
    with torch.no_grad():
        estimate = exact.denoise(x, sigma).atoms
    torch.testing.assert_close(estimate, expected, rtol=1e-9, atol=1e-9)


def test_b_factors(network):
    b = 20 + 10 * normal(40, seed=10).abs().numpy()
    scaled = network.scaled_to(b)
    assert (8 * math.pi**2 * scaled.variances()).mean().item() == pytest.approx(b.mean(), rel=1e-12)
    ratio = network.variances() / scaled.variances()  # only the spring has changed
    np.testing.assert_allclose(ratio, scaled.spring / SPRING, rtol=1e-12)
    assert network.spring == SPRING


def test_fragment_of_a_toxin(fragment):
    """1TII A 4-35: springs between C-alphas; M's inverse and determinant against dense ones of all 253 atoms."""
    network = ElasticNetwork.from_structure(fragment)
    np.testing.assert_array_equal(network.nodes, fragment.coordinates[fragment.atoms.name == "CA"])
    assert network.cutoff == 7.0
    noise = NestedCovariance(fragment.hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    noisy = network + 0.25 * noise
    own = variances(fragment.hierarchy, "nested")
    m = dense_network(network) + 0.25 * dense_noise(fragment.hierarchy, own)
    x = torch.from_numpy(fragment.coordinates.T.astype(np.float64))
    np.testing.assert_allclose(noisy.solve(x), x.numpy() @ np.linalg.inv(m), rtol=1e-9, atol=1e-9)
    assert float(noisy.logdet()) == pytest.approx(np.linalg.slogdet(m)[1], rel=1e-11)
    every_atom = ElasticNetwork.from_structure(fragment, "atom")
    np.testing.assert_allclose(every_atom.variances(), np.diag(dense_network(every_atom)), rtol=1e-9)


LINE = Hierarchy(("atom", "residue"), (np.arange(4),))
APART = [[0, 0, 0], [4, 0, 0], [16.02, 0, 0], [20, 0, 0]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, r"4 residues are in 2 parts within 7 A: give a cutoff of 12\.1 A or more"),
        ({"cutoff": 1.0}, r"4 residues have no contact within 1 A: give a cutoff of 12\.1 A"),
        ({"cutoff": 0.0}, "cutoff is 0"),
        ({"spring": -1.0}, "spring is -1"),
        ({"nodes": np.zeros((3, 3))}, r"\(4, 3\)"),
        ({"nodes": np.full((4, 3), np.nan)}, "finite"),
        ({"level": 2}, "level is 2"),
        ({"hierarchy": Hierarchy(("atom", "residue"), (np.zeros(4, int),)), "nodes": np.zeros((1, 3))}, "two nodes"),
    ],
)
def test_refusals(change, sentence):
    arguments = {"hierarchy": LINE, "nodes": APART, **change}
    with pytest.raises(EdmNoiseError, match=sentence):
        ElasticNetwork(**arguments)


def test_the_named_cutoff_joins_the_parts():
    assert len(ElasticNetwork(LINE, APART, cutoff=12.1).contacts) == 3


def test_refusals_of_noise(network):
    with pytest.raises(EdmNoiseError, match="group atoms differently"):
        network + NestedCovariance(LINE, {"atom": 1.0, "residue": 1.0})
    with pytest.raises(EdmNoiseError, match="rigid"):
        network + NestedCovariance(network.hierarchy, {"residue": 1.0})
    noisy = network + NestedCovariance(network.hierarchy, {"atom": 1.0})
    with pytest.raises(EdmNoiseError, match="no part"):
        noisy.filter(network.scaled_to(np.ones(40)), torch.zeros(40))
    for sigma in (0.0, -1.0):
        with pytest.raises(EdmNoiseError, match="give a level above 0"):
            denoiser(network, "rotation").denoise(torch.zeros(1, 3, 40), sigma)


@pytest.mark.parametrize("b", [np.ones(39), np.zeros(40), -np.ones(40), np.full(40, np.inf)])
def test_refusals_of_b_factors(network, b):
    with pytest.raises(EdmNoiseError, match="give 40 finite numbers"):
        network.scaled_to(b)
