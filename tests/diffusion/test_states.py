"""The exact denoisers of states: Tweedie's formula, equivariance, limits, and what they sample."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

GAUGES = ("fixed", "translation", "rotation")


@pytest.fixture
def hierarchy():
    """9 atoms in 4 residues in 2 chains, unequal and interleaved."""
    return Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 2, 2, 2, 3, 1, 3]), np.array([0, 1, 1, 0])))


@pytest.fixture
def states():
    return 3 * torch.randn(3, 3, 9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def denoisers(states, hierarchy, gauge):
    k = NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    c = NestedCovariance(hierarchy, {"atom": 0.2, "residue": 0.4, "chain": 0.9})
    weights = (0.5, 0.3, 0.2)
    return [StatesDenoiser(states, k, weights, gauge, fluctuations=f) for f in (None, c)]


@pytest.mark.parametrize("gauge", GAUGES)
@pytest.mark.parametrize("sigma", [0.3, 1.7, 20.0])
def test_tweedie(states, hierarchy, gauge, sigma):
    """D = x + sigma^2 K grad log p, by autograd of the log density."""
    for denoiser in denoisers(states, hierarchy, gauge):
        x = (states[:2] + sigma * normal(2, 3, 9)).requires_grad_()
        (gradient,) = torch.autograd.grad(denoiser.log_density(x, sigma).sum(), x)
        expected = x + sigma**2 * denoiser.covariance.multiply(gradient)
        with torch.no_grad():
            estimate = denoiser.denoise(x, sigma).atoms
        torch.testing.assert_close(estimate, expected.detach(), rtol=1e-9, atol=1e-9)


def test_fixed_states_against_brute_force(states, hierarchy):
    """Every quantity by dense linear algebra and a plain softmax."""
    k = NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    member = [hierarchy.ancestors(0, level) for level in range(3)]
    dense = sum(w * (m[:, None] == m[None]) for w, m in zip((0.3, 0.5, 0.2), member, strict=True))
    weights, sigma = np.array([0.5, 0.3, 0.2]), 1.3
    x = (states[:1] + normal(1, 3, 9)).numpy()
    inverse = np.linalg.inv(sigma**2 * dense)
    logs = []
    for y, pi in zip(states.numpy(), weights, strict=True):
        d = x[0] - y
        logdet = np.linalg.slogdet(2 * np.pi * sigma**2 * dense)[1]
        logs.append(math.log(pi) - 0.5 * np.einsum("ai,ij,aj->", d, inverse, d) - 1.5 * logdet)
    posterior = np.exp(np.array(logs) - max(logs))
    posterior /= posterior.sum()
    denoiser = StatesDenoiser(states, k, weights.tolist(), "fixed")
    estimate = denoiser.denoise(torch.tensor(x), sigma).atoms[0].numpy()
    np.testing.assert_allclose(estimate, np.tensordot(posterior, states.numpy(), 1), rtol=1e-10, atol=1e-10)
    total = max(logs) + math.log(np.exp(np.array(logs) - max(logs)).sum())
    assert float(denoiser.log_density(torch.tensor(x), sigma)) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(denoiser.state_probabilities(torch.tensor(x), sigma)[0], posterior, rtol=1e-9)


def test_rotations_are_averaged_as_by_brute_force(states, hierarchy):
    """20,000 Haar rotations of every state as states of their own; at this level they are averaged to a few 1e-2."""
    k = NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
    sigma = 8.0
    x = states[:1] + sigma * normal(1, 3, 9, seed=2)
    centred = states - k.gls_mean(states)[..., None]
    turns = haar_rotations(20_000, torch.Generator().manual_seed(1)).double()
    many = torch.einsum("rij,mjn->mrin", turns, centred).reshape(-1, 3, 9)
    weights = np.repeat([0.5, 0.3, 0.2], len(turns)) / len(turns)
    brute = StatesDenoiser(many, k, weights.tolist(), "translation")
    exact = StatesDenoiser(states, k, [0.5, 0.3, 0.2], "rotation")
    scale = states.std()
    error = (exact.denoise(x, sigma).atoms - brute.denoise(x, sigma).atoms).abs().max() / scale
    assert error < 0.05
    difference = exact.log_density(x, sigma) - brute.log_density(x, sigma)
    assert abs(float(difference)) < 0.05


@pytest.mark.parametrize("gauge", ["rotation", "kabsch"])
def test_equivariance(states, hierarchy, gauge):
    """A moved x gives the moved estimate."""
    turn = haar_rotations(1, torch.Generator().manual_seed(3))[0].double()
    shift = torch.tensor([[10.0], [-4.0], [2.0]], dtype=torch.float64)
    denoiser = StatesDenoiser(
        states, NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2}), gauge=gauge
    )
    x = states[:2] + 2 * normal(2, 3, 9)
    moved = denoiser.denoise(turn @ x + shift, 2.0).atoms
    torch.testing.assert_close(moved, turn @ denoiser.denoise(x, 2.0).atoms + shift, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("gauge", [*GAUGES, "kabsch"])
def test_a_low_level_gives_the_state_back(states, hierarchy, gauge):
    denoiser = StatesDenoiser(
        states, NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2}), gauge=gauge
    )
    x = states[1:2] + 1e-4 * normal(1, 3, 9)
    assert (denoiser.denoise(x, 1e-4).atoms - states[1]).abs().max() < 1e-3
    assert denoiser.state_probabilities(x, 1e-4)[0, 1] == pytest.approx(1.0, abs=1e-12)


def test_levels_are_the_means_of_the_atoms(states, hierarchy):
    denoiser = StatesDenoiser(
        states, NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2}), hierarchy=hierarchy
    )
    estimate = denoiser.denoise(states[:2] + normal(2, 3, 9), 1.0)
    residue = hierarchy.ancestors(0, 1)
    for r in range(4):
        torch.testing.assert_close(estimate.residues[:, :, r], estimate.atoms[:, :, residue == r].mean(dim=2))
    assert estimate.chains.shape == (2, 3, 2)


def fractions(denoiser, covariance, states, samples):
    """Share of the samples that end at each state, by the exact posterior at a level far below their distances."""
    steps = sample(denoiser, covariance, karras(24, 0.05, 160.0), Sampler("heun"), samples, seed=1, dtype=torch.float64)
    *_, last = steps
    exact = StatesDenoiser(states, covariance, gauge="rotation")
    return torch.bincount(exact.state_probabilities(last.x, 0.1).argmax(dim=1), minlength=len(states)) / samples


def test_sampled_fractions_are_the_weights(hierarchy):
    """Weights .5/.3/.15/.05: each fraction of 600 samples within 4 binomial standard errors."""
    states = 3 * normal(4, 3, 9, seed=9)
    weights = torch.tensor([0.5, 0.3, 0.15, 0.05])
    k = NestedCovariance(hierarchy, {"atom": 0.4, "residue": 0.4, "chain": 0.2})
    found = fractions(StatesDenoiser(states, k, weights.tolist()), k, states, 600)
    assert bool(((found - weights).abs() < 4 * (weights * (1 - weights) / 600).sqrt()).all()), found


def test_kabsch_favours_the_rod():
    """A rod and a globule, equally likely, 300 samples: half of each when exact; with Kabsch's rotation mostly rods."""
    atoms, error = 24, 0.5 / math.sqrt(300)
    rod = torch.stack([torch.linspace(-30, 30, atoms), torch.zeros(atoms), torch.zeros(atoms)]).double()
    states = torch.stack([rod + 0.5 * normal(3, atoms, seed=4), 4 * normal(3, atoms, seed=6)])
    flat = NestedCovariance(Hierarchy(("atom", "residue"), (np.arange(atoms) // 4,)), {"atom": 1.0})
    assert abs(fractions(StatesDenoiser(states, flat), flat, states, 300)[0] - 0.5) < 4 * error
    assert fractions(StatesDenoiser(states, flat, gauge="kabsch"), flat, states, 300)[0] > 0.5 + 6 * error


@pytest.mark.parametrize("gauge", [*GAUGES, "kabsch"])
@pytest.mark.parametrize("place", [0.0, 3000.0])
def test_float32_coordinates(hierarchy, gauge, place):
    """A protein's number of atoms, two states 0.01 A apart, from the highest level to below the lowest of the presets:
    log weights are float64's to the last bit, and the estimate is that of the same numbers in float64 within 2e-5 A,
    or where states lie far away (as crystals' do) within the rounding of their coordinates."""
    residues = np.arange(5684) // 8
    k = NestedCovariance(
        Hierarchy(("atom", "residue", "chain"), (residues, residues[::8] // 100)),
        {"atom": 1.0, "residue": 0.5, "chain": 0.2},
    )
    states = (15 * normal(3, 3, 5684) + place).float()
    states[1] = states[0] + 0.01 * normal(3, 5684, seed=1)
    denoiser = StatesDenoiser(states, k, gauge=gauge)
    for sigma in (2560.0, 160.0, 1.0, 0.1, 0.0016):
        x = states[:2] + sigma * k.draw(torch.empty(2, 3, 5684), torch.Generator().manual_seed(2))
        exact = denoiser.denoise(x.double(), sigma).atoms
        error = (denoiser.denoise(x, sigma).atoms - exact).abs().max()
        assert error < 2e-5 + 1.3e-7 * float(exact.abs().max()), (sigma, error)
        wide = denoiser.state_probabilities(x.double(), sigma)
        assert torch.equal(denoiser.state_probabilities(x, sigma), wide)


def test_more_atoms_than_a_block_are_multiplied_piece_by_piece(monkeypatch, states, hierarchy):
    """9 atoms, 2 or 4 at a time."""
    denoiser = StatesDenoiser(states, NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2}))
    x = states[:2] + normal(2, 3, 9)
    whole, density = denoiser.denoise(x, 1.5).atoms, denoiser.log_density(x, 1.5)
    for block in (2, 4):
        monkeypatch.setattr("edmnoise.diffusion.denoisers.states._BLOCK", block)
        torch.testing.assert_close(denoiser.denoise(x, 1.5).atoms, whole, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(denoiser.log_density(x, 1.5), density, rtol=1e-13, atol=0)


def test_log_weights_of_near_states_at_a_low_level():
    """Flat noise, states 1e-4 A apart, fixed places: sums of (x - y)^2 in float64, in which nothing cancels, say how
    far apart the log weights of 4,000 atoms are at 0.01 A. The products are large, 4e10, and cancel to this."""
    flat = NestedCovariance(Hierarchy(("atom", "residue"), (np.arange(4000) // 4,)), {"atom": 1.0})
    states = 15 * normal(1, 3, 4000).repeat(2, 1, 1)
    states[1] += 1e-4 * normal(3, 4000, seed=1)
    x = states[:1] + 0.01 * normal(1, 3, 4000, seed=2)
    squares = (x - states).square().sum((1, 2)) / 0.01**2
    odds = torch.logit(StatesDenoiser(states, flat, gauge="fixed").state_probabilities(x, 0.01))[0, 0]
    assert abs(float(odds - (squares[1] - squares[0]) / 2)) < 1e-4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gauge": "sideways"}, "gauge is 'sideways'"),
        ({"weights": [1, -1, 1]}, "none negative"),
        ({"weights": [1, 1]}, "give 3 finite numbers"),
        ({"states": torch.zeros(2, 3, 5)}, r"give \(states, 3, 9\)"),
        ({"states": torch.full((2, 3, 9), math.nan)}, "NaN"),
    ],
)
def test_refusals(states, hierarchy, change, sentence):
    arguments = {
        "states": states,
        "covariance": NestedCovariance(hierarchy, {"atom": 0.3, "residue": 0.5, "chain": 0.2}),
        **change,
    }
    with pytest.raises(EdmNoiseError, match=sentence):
        StatesDenoiser(**arguments)


def test_rigid_residues_are_refused(states, hierarchy):
    """w_atom = 0 has no density: never a silent pseudo-inverse."""
    with pytest.raises(EdmNoiseError, match="rigid"):
        StatesDenoiser(states, NestedCovariance(hierarchy, {"residue": 0.5, "chain": 0.5})).denoise(states, 1.0)
