"""Exact denoisers where some atoms are held: against dense conditioning, Tweedie's formula, and what they sample."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.held import ConditionedStates, HeldDenoiser, LaidStates, laid_states
from edmnoise.diffusion.denoisers.held_draws import drawn_rotation
from edmnoise.diffusion.denoisers.held_motion import HeldMotion, beside_nothing
from edmnoise.diffusion.denoisers.learned import LearnedDenoiser
from edmnoise.diffusion.denoisers.matrix_fisher import matrix_fisher
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.frames.displacement import Measure
from edmnoise.noise.process import PROCESSES, NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.levels import atom_means
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.trajectories.sampling import run_sampler

SIGMA = 1.7
WEIGHTS = (0.5, 0.3, 0.2)
NOISE, MOTION = {"atom": 0.3, "residue": 0.5, "chain": 0.2}, {"atom": 0.04, "residue": 0.3, "chain": 0.9}

RESIDUE = np.sort(np.concatenate([np.arange(12), np.random.default_rng(1).integers(0, 12, 28)]))
CHAIN = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2])[RESIDUE]
MOVED = {
    "whole residues": (RESIDUE > 2) & (RESIDUE < 8),
    "parts of residues": np.random.default_rng(2).random(40) < 0.5,
    "a chain": CHAIN == 1,
    "one atom": np.arange(40) == 17,
    "all but one": np.arange(40) != 17,
}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def structure():
    """40 atoms in 12 residues in 3 chains, unequal."""
    names = [f"C{number}" for number in range(40)]
    atoms = Atoms.make(
        names, ["C"] * 40, ["GLY"] * 40, RESIDUE + 1, np.array(list("ABC"))[CHAIN], [""] * 40, [False] * 40
    )
    return Structure.from_atoms(4 * normal(40, 3).numpy(), atoms)


@pytest.fixture(scope="module", params=list(MOVED))
def part(request, structure):
    return Part.of(structure, MOVED[request.param])


@pytest.fixture(scope="module")
def states(structure):
    """Three, near the structure, so that the held atoms leave all of them possible."""
    return torch.tensor(structure.coordinates.T).double() + 0.4 * normal(3, 3, 40, seed=5)


def nested(structure, variances):
    return NestedCovariance(structure.hierarchy, variances)


def dense(covariance):
    return covariance.multiply(torch.eye(covariance.atoms, dtype=torch.float64)).numpy()


def conditioned(part, motion, noise, states, sigma, x):
    """Mean of the moved atoms and log p(state, x_held, x) of each state, step by step: the held atoms first, exactly
    seen, by a Schur complement; then the moved ones, under noise."""
    m, f = part.moved, part.held
    gain = motion[np.ix_(m, f)] @ np.linalg.inv(motion[np.ix_(f, f)])
    left = motion[np.ix_(m, m)] - gain @ motion[np.ix_(f, m)]
    seen = left + sigma**2 * noise[np.ix_(m, m)]
    held = part.whole.coordinates.T[:, f].astype(np.float64)
    logs, means = [], []
    for y, weight in zip(states.numpy(), WEIGHTS, strict=True):
        prior = y[:, m] + (held - y[:, f]) @ gain.T
        log = math.log(weight)
        for apart, covariance in ((held - y[:, f], motion[np.ix_(f, f)]), (x - prior, seen)):
            log -= 0.5 * np.einsum("ai,ij,aj->", apart, np.linalg.inv(covariance), apart)
            log -= 1.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
        logs.append(log)
        means.append(prior + (x - prior) @ np.linalg.inv(seen) @ left)
    return np.array(logs), np.stack(means)


@pytest.mark.parametrize("sigma", [0.05, SIGMA, 300.0])
def test_the_posterior_given_held_atoms_is_that_of_dense_conditioning(structure, part, states, sigma):
    """Mean, state probabilities and density of fluctuating states that lie where they are given."""
    k, c = nested(structure, NOISE), nested(structure, MOTION)
    x = torch.tensor(structure.coordinates.T[:, part.moved]).double()[None] + sigma * normal(
        2, 3, len(part.moved), seed=3
    )
    denoiser = ConditionedStates(part, states, k.restricted(part.moved), c, WEIGHTS, "fixed")
    for sample_number in range(2):
        logs, means = conditioned(part, dense(c), dense(k), states, sigma, x[sample_number].numpy())
        share = np.exp(logs - logs.max())
        share /= share.sum()
        one = x[sample_number : sample_number + 1]
        np.testing.assert_allclose(denoiser.state_probabilities(one, sigma)[0], share, atol=1e-9)
        np.testing.assert_allclose(denoiser.denoise(one, sigma).atoms[0], np.tensordot(share, means, 1), atol=1e-9)
        total = logs.max() + math.log(np.exp(logs - logs.max()).sum())
        assert float(denoiser.log_density(one, sigma)) == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize(
    "motion", [MOTION, {"atom": 0.04}, {"atom": 0.5, "chain": 2.0}], ids=["all", "atoms", "chains"]
)
def test_the_algebra_of_held_motion_is_dense(structure, part, motion):
    k, c = nested(structure, NOISE), nested(structure, motion)
    m = dense(c)
    m[np.ix_(part.moved, part.moved)] += SIGMA**2 * dense(k)[np.ix_(part.moved, part.moved)]
    inverse, x, y = np.linalg.inv(m), normal(2, 3, 40), normal(3, 40, seed=1)
    made = HeldMotion.of_groups(c) + SIGMA**2 * beside_nothing(k.restricted(part.moved), part)
    np.testing.assert_allclose(made.solve(x), x.numpy() @ inverse, atol=1e-10)
    np.testing.assert_allclose(made.filter(made.motion, x), x.numpy() @ inverse @ dense(c), atol=1e-10)
    one = x[0, :1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: made.filter(made.motion, rows), one)
    np.testing.assert_allclose(made.inner(x, y), np.einsum("bai,ij,aj->ba", x, inverse, y), atol=1e-9)
    np.testing.assert_allclose(made.gls_mean(x), x.numpy() @ inverse.sum(0) / inverse.sum(), atol=1e-10)
    assert float(made.logdet()) == pytest.approx(np.linalg.slogdet(m)[1], rel=1e-12)
    assert float(made.precision()) == pytest.approx(inverse.sum(), rel=1e-12)


@pytest.mark.parametrize("gauge", ["fixed", "translation", "rotation"])
def test_tweedie(structure, part, states, gauge):
    """D = x + sigma^2 K_mm grad log p(x, x_held), by autograd, whatever is known of where the states lie."""
    k = nested(structure, NOISE).restricted(part.moved)
    denoiser = ConditionedStates(part, states, k, nested(structure, MOTION), WEIGHTS, gauge)
    x = torch.tensor(structure.coordinates.T[:, part.moved]).double() + SIGMA * normal(2, 3, len(part.moved))
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(denoiser.log_density(x, SIGMA).sum(), x)
    with torch.no_grad():
        estimate = denoiser.denoise(x, SIGMA).atoms
    torch.testing.assert_close(estimate, x.detach() + SIGMA**2 * k.multiply(gradient), rtol=1e-8, atol=1e-8)


def test_rotations_are_averaged_given_the_held_atoms(structure, states):
    """States turned in 20,000 ways, each at its likeliest place, as states of their own: the same but for the number of
    turns. The motion is large, or few of the turns would count."""
    part = Part.of(structure, MOVED["parts of residues"])
    k, c = nested(structure, NOISE).restricted(part.moved), nested(structure, {"atom": 60.0, "residue": 20.0})
    x = torch.tensor(structure.coordinates.T[:, part.moved]).double()[None] + 5 * normal(1, 3, len(part.moved))
    exact = ConditionedStates(part, states[:1], k, c, gauge="rotation")
    turned = haar_rotations(20_000, torch.Generator().manual_seed(1)) @ states[0]
    brute = ConditionedStates(part, turned, k, c, gauge="translation")
    share = brute.state_probabilities(x, 5.0)
    assert float(1 / share.square().sum()) > 50  # so many of them count
    apart = exact.denoise(x, 5.0).atoms - brute.denoise(x, 5.0).atoms
    assert float(apart.square().mean().sqrt()) < 0.25
    assert float((states[0][:, part.moved] - brute.denoise(x, 5.0).atoms).square().mean().sqrt()) > 1.0


def test_states_that_keep_still_are_laid_on_the_held_atoms(structure, states):
    """The mixture of their moved parts under K_mm alone, wherever they were given; and how well they fit."""
    part = Part.of(structure, MOVED["whole residues"])
    k = nested(structure, NOISE)
    turn = haar_rotations(3, torch.Generator().manual_seed(2))
    laid, fit = laid_states(part, turn @ states + 50)
    held = torch.tensor(structure.coordinates.T[:, part.held]).double()
    assert fit == pytest.approx((laid[:, :, part.held] - held).square().sum(1).mean(1).sqrt().numpy(), abs=1e-6)
    for there in (states, turn @ states + 50):
        denoiser = LaidStates(part, there, k.restricted(part.moved), WEIGHTS)
        x = laid[:, :, part.moved] + SIGMA * normal(3, 3, len(part.moved))
        apart = x[:, None] - laid[None, :, :, part.moved]
        inverse = torch.tensor(np.linalg.inv(dense(k)[np.ix_(part.moved, part.moved)]) / SIGMA**2)
        log = torch.tensor(WEIGHTS).double().log() - 0.5 * torch.einsum("bmai,ij,bmaj->bm", apart, inverse, apart)
        share = torch.softmax(log, dim=1)
        torch.testing.assert_close(denoiser.state_probabilities(x, SIGMA), share, rtol=0, atol=1e-5)
        mean = torch.einsum("bm,mai->bai", share, laid[:, :, part.moved])
        torch.testing.assert_close(denoiser.denoise(x, SIGMA).atoms, mean, rtol=0, atol=1e-5)
        assert denoiser.fit == pytest.approx(fit, abs=1e-6)


def test_laying_by_a_translation_or_not_at_all(structure, states):
    part = Part.of(structure, MOVED["whole residues"])
    held = torch.tensor(structure.coordinates.T[:, part.held]).double()
    laid, fit = laid_states(part, states + 7, "translation")
    torch.testing.assert_close(laid[:, :, part.held].mean(2), held.mean(1).expand(3, 3))
    assert (fit < 1).all()
    kept, fit = laid_states(part, states + 7, "fixed")
    assert torch.equal(kept, states + 7)
    assert fit == pytest.approx((kept[:, :, part.held] - held).square().sum(1).mean(1).sqrt().numpy())


@pytest.mark.parametrize("level", [0, 1], ids=["atoms", "residues"])
def test_a_network_is_held_by_its_held_nodes(structure, part, states, level):
    """C of the moved atoms is that of dense conditioning, at any place of the whole: a block of the precision spring
    Gamma, inverted. Gamma^+ and a translation of next to any size come to the same, to the digits that they leave."""
    network = ElasticNetwork.from_structure(structure, ("atom", "residue")[level], 9.0, 0.7)
    distance = np.linalg.norm(network.nodes[:, None] - network.nodes[None], axis=-1)
    contact = (distance <= network.cutoff) & ~np.eye(len(distance), dtype=bool)
    gamma = 0.7 * (np.diag(contact.sum(1)) - contact)
    node = structure.hierarchy.ancestors(0, level)
    stay = np.unique(node[part.held])
    going = np.setdiff1d(np.arange(len(gamma)), stay)
    left = np.zeros_like(gamma)
    left[np.ix_(going, going)] = np.linalg.inv(gamma[np.ix_(going, going)])
    free = np.linalg.pinv(gamma, hermitian=True) + 1e6
    free = free - free[:, stay] @ np.linalg.solve(free[np.ix_(stay, stay)], free[stay])
    np.testing.assert_allclose(left, free, atol=1e-4)
    left = left[np.ix_(node[part.moved], node[part.moved])]
    k = nested(structure, NOISE).restricted(part.moved)
    motion = HeldMotion.of_network(network, part)
    if motion is None:
        assert not left.any()
        return
    drawn = motion.draw(torch.empty(2000, len(part.moved), dtype=torch.float64), torch.Generator().manual_seed(6))
    spread = np.sqrt((np.outer(left.diagonal(), left.diagonal()) + left**2) / 2000)  # of normal numbers' products
    assert (abs((drawn.T @ drawn).numpy() / 2000 - left) <= 5 * spread + 1e-12).all()
    noisy, x = motion + SIGMA**2 * k, normal(2, 3, len(part.moved))
    m = left + SIGMA**2 * dense(k)
    np.testing.assert_allclose(noisy.filter(motion, x), x.numpy() @ np.linalg.inv(m) @ left, atol=1e-9)
    np.testing.assert_allclose(noisy.inner(x, x), np.einsum("bai,ij,baj->ba", x, np.linalg.inv(m), x), rtol=1e-9)
    assert float(noisy.logdet()) == pytest.approx(np.linalg.slogdet(m)[1], abs=1e-9)
    denoiser = LaidStates(part, states, k, WEIGHTS, "fixed", network)
    y = states[:, :, part.moved]
    mean = torch.einsum("bm,mai->bai", denoiser.state_probabilities(y, SIGMA), y)
    expected = mean + (y - mean).numpy() @ np.linalg.inv(m) @ left
    np.testing.assert_allclose(denoiser.denoise(y, SIGMA).atoms, expected, atol=1e-9)


@pytest.mark.parametrize("sizes", [(30.0, 4.0, 1.0), (6.0, 5.0, -4.9), (0.3, 0.0, 0.0)], ids=str)
def test_drawn_rotations_have_the_mean_of_their_density(sizes):
    """1,000 of a matrix Fisher distribution: their mean is that of its closed form, within 5 standard errors."""
    u, v = haar_rotations(2, torch.Generator().manual_seed(1))
    f, generator = u @ torch.diag(torch.tensor(sizes).double()) @ v.T, torch.Generator().manual_seed(2)
    drawn = torch.stack([drawn_rotation(f, generator) for _ in range(1000)])
    np.testing.assert_allclose(torch.linalg.det(drawn), 1)
    off = drawn.mean(dim=0) - matrix_fisher(f)[1]
    assert bool((off.abs() < 5 * drawn.std(dim=0) / math.sqrt(1000)).all())


def test_sampled_shares_of_states_given_held_atoms(structure):
    """400 samples fall to the states as their probabilities and the density of the held atoms say, within 3 standard
    errors; and each moved part lies where its state has it, given the held ones."""
    part = Part.of(structure, MOVED["whole residues"])
    k, c = nested(structure, NOISE), nested(structure, MOTION)
    first = torch.tensor(structure.coordinates.T).double()
    second = first.clone()
    second[:, part.moved] += torch.tensor([[6.0], [0.0], [0.0]])  # where its moved part is
    second[:, part.held] += 0.05 * normal(3, len(part.held), seed=9)  # what the held atoms say of it
    both = torch.stack([first, second])
    held = dense(c)[np.ix_(part.held, part.held)]
    apart = (second - first)[:, part.held].numpy()
    odds = math.exp(-0.5 * np.einsum("ai,ij,aj->", apart, np.linalg.inv(held), apart)) * 0.7 / 0.3
    for denoiser, share in (
        (ConditionedStates(part, both, k.restricted(part.moved), c, (0.3, 0.7), "fixed"), odds / (1 + odds)),
        (LaidStates(part, both, k.restricted(part.moved), (0.3, 0.7), "fixed"), 0.7),
    ):
        assert 0.1 < share < 0.9
        for step in sample(denoiser, k.restricted(part.moved), karras(30, 0.01, 200), Sampler(), 400, seed=4):
            end = step.x
        moved = end.double().mean(dim=2)[:, 0] - first[0, part.moved].mean()
        found = float((moved > 3).double().mean())
        assert abs(found - share) < 3 * math.sqrt(share * (1 - share) / 400)


def test_a_network_sees_the_held_atoms_clean(structure):
    """The whole molecule; where it puts the held atoms on average is where they are, and the moved ones go along."""
    part = Part.of(structure, MOVED["whole residues"])
    seen = []

    def shrink(x, sigma):
        seen.append(x)
        return x / (1 + sigma[:, None, None] ** 2 / 100)

    network = LearnedDenoiser(shrink, structure)
    denoiser = HeldDenoiser(network, part, free=True)
    x = normal(2, 3, len(part.moved))
    estimate = denoiser.denoise(x, 5.0)
    whole = torch.empty(2, 3, 40, dtype=torch.float64)
    whole[:, :, part.held] = torch.tensor(structure.coordinates.T[:, part.held]).double()
    whole[:, :, part.moved] = x
    torch.testing.assert_close(seen[-1].mT.double(), whole - whole.mean(2, keepdim=True), rtol=0, atol=1e-5)
    given = whole / 1.25
    given += (whole - given)[:, :, part.held].mean(2, keepdim=True)
    torch.testing.assert_close(estimate.atoms, given[:, :, part.moved], rtol=0, atol=1e-5)
    assert estimate.residues.shape == (2, 3, part.structure.hierarchy.counts[1])


def test_what_cannot_be_held_is_refused(structure, states):
    part = Part.of(structure, MOVED["all but one"])
    k = nested(structure, NOISE).restricted(part.moved)
    with pytest.raises(EdmNoiseError, match=r"^1 held atoms do not define a rotation: hold three or more"):
        LaidStates(part, states, k)
    assert len(LaidStates(part, states, k, gauge="translation").fit) == 3
    with pytest.raises(EdmNoiseError, match=r"^gauge is 'kabsch', an approximation of an average over rotations"):
        LaidStates(part, states, k, gauge="kabsch")
    with pytest.raises(EdmNoiseError, match="has no inverse: without variance of the atoms"):
        ConditionedStates(part, states, k, nested(structure, {"residue": 1.0}))


def test_a_run_of_a_part_is_recorded_in_the_frame_of_the_held_atoms(structure, states):
    """A published sampler neither centres nor turns nor aligns it, samples begin about the held atoms, and the end is
    the state's moved part itself, wherever the whole lies."""
    far = Structure(structure.coordinates + np.float32(300), structure.atoms, structure.hierarchy)
    part = Part.of(far, MOVED["parts of residues"])
    noise = NoiseChoice(weights=Weights.of(1, 4, 4)).on(part)
    model = DenoiserChoice("states").build(far, states[:1].mT.numpy() - 70, noise.covariance, part=part)
    schedule, sampler = SamplerChoice("boltz2", steps=40, sigma_max=50.0, step_scale=1.0).build()
    assert sampler.motions == ("center", "augment", "align")
    run = run_sampler(part, model, noise.covariance, schedule, sampler, 2, 3)
    assert run.held is part
    assert run.final.shape == (2, len(part.moved), 3)
    laid, _ = laid_states(part, states[:1] - 70)
    assert np.abs(run.final - laid[0, :, part.moved].T.numpy()).max() < 1e-2
    begin = run.noisy[0].mean(axis=1) - far.coordinates[part.held].mean(axis=0)
    assert np.abs(begin).max() < 4 * run.sigmas[0]  # and not 300 A away
    assert run.states.shape[1] == 1
    assert "atoms held" in run.table(sigma_distribution("alphafold3")).title
    way = run.to_go("noisy")
    ends = torch.tensor(run.noisy[0] - run.final).mT
    chains = atom_means(ends, part.structure.hierarchy, [2])[2]
    assert way[Measure(2, False)][0] == pytest.approx(float(chains.square().mean().sqrt()), rel=1e-5)  # not centred


def test_the_denoiser_of_a_choice_is_that_of_the_part(structure, states):
    part, y = Part.of(structure, MOVED["whole residues"]), states.mT.numpy()
    k = NoiseChoice().on(part).covariance
    x = torch.tensor(structure.coordinates.T[:, part.moved])[None]

    def built(*given):
        return DenoiserChoice(*given).build(structure, y, k, part=part)

    assert isinstance(built("states"), LaidStates)
    motion = nested(structure, {"chain": 0.0, "residue": 0.09, "atom": 0.04})
    for name, gauge in (("states", "rotation"), ("translation", "translation"), ("fixed", "fixed")):
        found = built(name, WEIGHTS, (0, 0.3, 0.2))
        direct = ConditionedStates(part, states, k, motion, WEIGHTS, gauge)
        torch.testing.assert_close(found.denoise(x, 2.0).atoms, direct.denoise(x, 2.0).atoms)
    assert built("fixed", None, "network").fluctuations is not None
    network = DenoiserChoice(lambda x, sigma: x / (1 + sigma[:, None, None] ** 2 / 100)).build(
        structure, y, k, part=part
    )
    assert isinstance(network, HeldDenoiser)
    with pytest.raises(EdmNoiseError, match=r"^kabsch takes the best rotation for an average over all"):
        built("kabsch")
    with pytest.raises(EdmNoiseError, match=r"^align would move samples as a whole"):
        SamplerChoice("heun", align=True).check_in_place()


@pytest.mark.parametrize("name", [name for name, known in PROCESSES.items() if not known.forward_only])
def test_every_linear_process_denoises_given_held_atoms(fragment, name):
    """Two states that keep still, against the mixture under the block of the dense covariance of the whole."""
    number = fragment.atoms.number.astype(int)
    part = Part.of(fragment, (number > 9) & (number < 20))
    choice = NoiseChoice(name, Weights.of(1, 4, 4) if PROCESSES[name].weighted else Weights.named("flat"))
    y = torch.tensor(fragment.coordinates.T).double()
    states = torch.stack([y, y + 0.5 * normal(3, 253)])
    k = dense(choice.on(fragment).covariance)[np.ix_(part.moved, part.moved)]
    x = (
        y[None, :, part.moved]
        + 3 * torch.from_numpy(np.linalg.cholesky(k) @ normal(2, 3, len(k)).numpy()[..., None])[..., 0]
    )
    apart = (x[:, None] - states[None, :, :, part.moved]).numpy()
    log = -0.5 * np.einsum("bmai,ij,bmaj->bm", apart, np.linalg.inv(k) / 9, apart)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    denoiser = LaidStates(part, states, choice.on(part).covariance, gauge="fixed")
    np.testing.assert_allclose(denoiser.state_probabilities(x, 3.0), share, atol=1e-9)
    mean = np.einsum("bm,mai->bai", share, states[:, :, part.moved])
    np.testing.assert_allclose(denoiser.denoise(x, 3.0).atoms, mean, atol=1e-9)
