"""Cov(n) = sigma^2 K (x) I_3, by counting; what is zero is exactly zero; and one draw serves every noise level."""

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.structure.hierarchy import Hierarchy

STANDARD_ERRORS = 5
"""How far a sample moment may be from the truth. The seeds are fixed: a test that passes, passes always."""


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


@pytest.fixture(scope="module")
def large():
    """20,000 atoms, three times what is drawn at a time, interleaved: residue of atom i is i % 2,500, of ten chains."""
    atoms, residues = np.arange(20_000) % 2_500, np.arange(2_500) % 10
    return Hierarchy(("atom", "residue", "chain"), (atoms, residues))


def unit(depth, level):
    """All of the variance at one level."""
    return tuple(float(k == level) for k in range(depth))


# The distribution


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_sample_covariance_is_sigma_squared_k(nesting, dense, random_weights, depth, seed):
    hierarchy = nesting(10 * seed + depth, depth, largest=3)
    weights, sigma, frames = random_weights(seed + depth, depth), 2.5, 1500
    truth = sigma**2 * dense(hierarchy, weights)
    drawn = MultiscaleNoise(hierarchy, named(hierarchy, weights)).frames(sigma, frames, seed=seed).double().numpy()
    sample = np.einsum("sic,sjd->cdij", drawn, drawn) / frames
    variance = np.diag(truth)
    for c in range(3):
        for d in range(3):
            expected = truth if c == d else np.zeros_like(truth)
            error = np.sqrt((expected**2 + np.outer(variance, variance)) / frames)
            assert (abs(sample[c, d] - expected) < STANDARD_ERRORS * error).all()
    mean_error = np.sqrt(variance / frames)[:, None]
    assert (abs(drawn.mean(axis=0)) < STANDARD_ERRORS * mean_error).all()


@pytest.mark.parametrize("weights", PRESETS)
def test_every_atom_has_the_variance_sigma_squared(fragment, weights):
    sigma, frames = 7.0, 400
    noise = MultiscaleNoise(fragment.hierarchy, Weights.named(weights))
    variance = noise.frames(sigma, frames).double().square().mean(dim=(0, 2)).numpy()
    assert (abs(variance / sigma**2 - 1) < STANDARD_ERRORS * math.sqrt(2 / (3 * frames))).all()


def test_one_frame_tells_nothing_about_the_next(fragment):
    """The inner products of neighbouring frames average to 0; so do a frame's own x, y and z."""
    drawn = MultiscaleNoise(fragment.hierarchy, Weights.named("flat")).frames(1.0, 500).double().flatten(1)
    products = (drawn[:-1] * drawn[1:]).sum(dim=1)
    assert abs(products.mean()) < STANDARD_ERRORS * math.sqrt(drawn.shape[1] / len(products))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_numbers_of_each_level_are_normal(large, level):
    drawn = MultiscaleNoise(large, named(large, unit(3, level))).frames(1.0, 200 if level == 2 else 5, seed=3)
    first = np.unique(large.ancestors(0, level), return_index=True)[1]
    assert scipy.stats.kstest(drawn[:, first].flatten().numpy(), "norm").pvalue > 1e-3


# What is exact


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_levels_are_drawn_once_and_weighed(nesting, random_weights, depth, seed):
    """Any weights: sum over levels of sqrt(w) times the draw that has all its variance there."""
    hierarchy, weights = nesting(seed, depth), random_weights(seed, depth)
    drawn = MultiscaleNoise(hierarchy, named(hierarchy, weights)).frames(3.0, 8, seed=seed).double()
    alone = [
        MultiscaleNoise(hierarchy, named(hierarchy, unit(depth, k))).frames(3.0, 8, seed=seed).double()
        for k in range(depth)
    ]
    together = sum(math.sqrt(w) * part for w, part in zip(weights, alone, strict=True))
    torch.testing.assert_close(drawn, together, rtol=0, atol=3e-6)


def test_the_levels_of_a_large_structure_are_drawn_once_and_weighed(large):
    drawn = MultiscaleNoise(large, {"atom": 0.2, "residue": 0.3, "chain": 0.5}).frames(1.0, 3, seed=9).double()
    alone = [MultiscaleNoise(large, named(large, unit(3, k))).frames(1.0, 3, seed=9).double() for k in range(3)]
    together = sum(math.sqrt(w) * part for w, part in zip((0.2, 0.3, 0.5), alone, strict=True))
    torch.testing.assert_close(drawn, together, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("weights", "rigid"), [((0, 0.5, 0.5), 1), ((0, 1, 0), 1), ((0, 0, 1), 2)], ids=["no atom", "residue", "chain"]
)
def test_without_noise_below_a_level_its_groups_move_rigidly(large, weights, rigid):
    """Exactly: atoms of one group carry one and the same number, and no two groups do."""
    drawn = MultiscaleNoise(large, named(large, weights)).frames(2.0, 2)
    group = large.ancestors(0, rigid)
    first = np.unique(group, return_index=True)[1]
    assert torch.equal(drawn, drawn[:, first[group]])
    assert len(torch.unique(drawn[0, first, 0])) > 0.99 * len(first)


def test_groups_of_one_atom_carry_the_levels_sum():
    hierarchy = Hierarchy(("atom", "residue", "chain"), (np.arange(5), np.zeros(5, dtype=np.int64)))
    drawn = MultiscaleNoise(hierarchy, {"residue": 1.0}).frames(1.0, 4)
    assert len(torch.unique(drawn)) == drawn.numel()
    single = Hierarchy(("atom", "residue", "chain"), (np.zeros(1, dtype=np.int64),) * 2)
    assert MultiscaleNoise(single, {"atom": 0.3, "residue": 0.3, "chain": 0.4}).frames(1.0, 2).shape == (2, 1, 3)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_same_draw_scales(fragment, preset):
    """From sigma 4.8 to 0.05 and 21.6 A: one draw, to float32 rounding of coordinates of 100 A."""
    noise = MultiscaleNoise(fragment.hierarchy, Weights.named(preset))
    mean = torch.tensor(fragment.coordinates)
    base = noise.frames(4.8, 6, seed=2, mean=mean).double() - mean.double()
    for sigma in (0.05, 21.6):
        other = noise.frames(sigma, 6, seed=2, mean=mean).double() - mean.double()
        torch.testing.assert_close(other, sigma / 4.8 * base, rtol=0, atol=2e-5 * max(1.0, sigma / 4.8))


def test_the_mean_is_added(toxin):
    noise = MultiscaleNoise(toxin.hierarchy, Weights.named("current"))
    mean = torch.tensor(toxin.coordinates)
    without, given = noise.frames(3.0, 4, seed=1), mean.clone()
    torch.testing.assert_close(noise.frames(3.0, 4, seed=1, mean=mean), without + mean, rtol=0, atol=1e-5)
    assert torch.equal(mean, given), "the reference itself is left alone"
    double = noise.frames(3.0, 4, seed=1, mean=mean.double())
    assert double.dtype == torch.float32
    torch.testing.assert_close(double, without + mean, rtol=0, atol=1e-5)


def test_the_mean_is_added_to_every_part_of_a_large_structure(large):
    noise = MultiscaleNoise(large, {"atom": 0.2, "residue": 0.3, "chain": 0.5})
    mean = torch.arange(60_000.0).reshape(-1, 3)
    torch.testing.assert_close(noise.frames(1.0, 2, mean=mean), noise.frames(1.0, 2) + mean, rtol=0, atol=1e-2)


def test_each_frame_may_have_a_noise_level_of_its_own(toxin):
    noise = MultiscaleNoise(toxin.hierarchy, Weights.named("rebalanced"))
    sigmas = [0.05, 4.8, 21.6, 160.0]
    together = noise.frames(sigmas, 4, seed=5)
    for k, sigma in enumerate(sigmas):
        assert torch.equal(together[k], noise.frames(sigma, [k], seed=5)[0])
    assert torch.equal(torch.cat([b.clone() for b in noise.blocks(sigmas, 4, seed=5)]), together)
    assert torch.equal(noise.frames([2.0, 2.0], [9, 9]), noise.frames(2.0, [9, 9]))


def test_small_frames_that_are_drawn_together_may_too(fragment):
    noise = MultiscaleNoise(fragment.hierarchy, Weights.named("current"))
    sigmas = np.linspace(0.5, 20, 70).tolist()
    together = noise.frames(sigmas, 70, seed=5)
    for k, sigma in enumerate(sigmas):
        assert torch.equal(together[k], noise.frames(sigma, [k], seed=5)[0])


# Blocks


def test_blocks_one_after_another_are_the_frames(toxin):
    noise = MultiscaleNoise(toxin.hierarchy, Weights.named("rebalanced"))
    mean = torch.tensor(toxin.coordinates)
    blocks = [block.clone() for block in noise.blocks(2.0, 130, seed=4, mean=mean)]
    assert len(blocks) >= 3
    assert len({block.shape[0] for block in blocks[:-1]}) == 1
    assert torch.equal(torch.cat(blocks), noise.frames(2.0, 130, seed=4, mean=mean))


def test_blocks_hold_few_frames_of_many_atoms_in_memory_that_is_used_again():
    hierarchy = Hierarchy(("atom", "residue"), (np.arange(300_000) // 8,))
    noise = MultiscaleNoise(hierarchy, {"atom": 0.5, "residue": 0.5})
    blocks = [(block.shape[0], block.data_ptr()) for block in noise.blocks(1.0, 4)]
    assert blocks == [(1, blocks[0][1])] * 4


# Refusals


GOOD = Weights.of(0.5, 0.3, 0.2)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ((-0.2, 0.7, 0.5), "atom -0.2, residue 0.7, chain 0.5: give finite numbers, none negative"),
        ((0.2, 0.3, 0.4), "add up to 0.9: give shares that add up to 1, or Weights.of"),
        ((math.nan, 0.5, 0.5), "atom nan"),
        ((0.5, 0.5, math.nan), "chain nan"),
        ((0, 0, 0), "add up to 0"),
        ((math.inf, 0, 0), "atom inf"),
    ],
)
def test_weights_that_are_no_shares_are_refused(fragment, weights, said):
    with pytest.raises(EdmNoiseError, match=f"weights are .*{said}"):
        MultiscaleNoise(fragment.hierarchy, named(fragment.hierarchy, weights))


@pytest.mark.parametrize("bare", [(1 / 9, 4 / 9, 4 / 9), [0.2, 0.3, 0.5], np.array([0.2, 0.3, 0.5]), 1.0, "flat", None])
def test_bare_numbers_whose_order_could_be_mistaken_are_refused(fragment, bare):
    """Taken as finest first, weights typed chain residue atom moved chains by 0.685 A in place of 1.721."""
    with pytest.raises(EdmNoiseError, match=r"^weights are .*: give edmnoise Weights, e\.g\. Weights\.of\(1, 4, 4\)"):
        MultiscaleNoise(fragment.hierarchy, bare)
    with pytest.raises(EdmNoiseError, match=r"Weights have no order .*Weights\.of\(1, 4, 4\)"):
        MultiscaleNoise(fragment.hierarchy, tuple(GOOD))


def test_a_level_that_is_not_there_is_refused_and_one_that_is_not_named_has_none(fragment):
    with pytest.raises(EdmNoiseError, match="no level 'domain': the levels are atom, residue, chain"):
        MultiscaleNoise(fragment.hierarchy, {"atom": 0.5, "domain": 0.5})
    pairs = Hierarchy(("atom", "pair"), (np.arange(6) // 2,))
    with pytest.raises(EdmNoiseError, match="no level 'chain': the levels are atom, pair"):
        MultiscaleNoise(pairs, Weights.named("flat"))
    assert MultiscaleNoise(pairs, {"pair": 1.0}).shares == (0, 1)


def test_weights_are_the_levels_that_they_name(fragment):
    by_name = MultiscaleNoise(fragment.hierarchy, {"chain": 0.5, "residue": 0.3, "atom": 0.2})
    assert by_name.shares == MultiscaleNoise(fragment.hierarchy, GOOD).shares == (0.2, 0.3, 0.5)


@pytest.mark.parametrize("sigma", [0, -1.0, math.nan, math.inf, -math.inf, 2e9])
def test_a_noise_level_that_is_none_is_refused(fragment, sigma):
    noise = MultiscaleNoise(fragment.hierarchy, GOOD)
    sentence = r"sigma is .* A: give a number above 0 and up to 1e9 angstrom"
    for given in (sigma, [1.0, sigma]):
        with pytest.raises(EdmNoiseError, match=sentence):
            noise.frames(given, 2)
        with pytest.raises(EdmNoiseError, match=sentence):
            next(noise.blocks(given, 2))


@pytest.mark.parametrize("frames", [0, -1, [], [-1], [0, -3, 2]])
def test_no_frames_and_negative_ones_are_refused(fragment, frames):
    noise = MultiscaleNoise(fragment.hierarchy, GOOD)
    sentence = r"frames is .*: give a number of frames from 1, or frame numbers from 0"
    with pytest.raises(EdmNoiseError, match=sentence):
        noise.frames(1.0, frames)
    with pytest.raises(EdmNoiseError, match=sentence):
        next(noise.blocks(1.0, frames))


def test_noise_levels_for_other_frames_are_refused(fragment):
    with pytest.raises(EdmNoiseError, match="2 noise levels for 3 frames: give one for all or one for each"):
        MultiscaleNoise(fragment.hierarchy, GOOD).frames([1.0, 2.0], 3)


@pytest.mark.parametrize("shape", [(252, 3), (3, 253), (253,), (1, 253, 3)])
def test_a_mean_of_another_shape_is_refused(fragment, shape):
    noise = MultiscaleNoise(fragment.hierarchy, GOOD)
    with pytest.raises(EdmNoiseError, match=r"mean has the shape \(.*\): give \(253, 3\)"):
        noise.frames(1.0, 1, mean=torch.zeros(shape))


@pytest.mark.parametrize("number", [float, np.float32, np.float64, int, np.int64])
def test_numbers_of_numpy_are_numbers(fragment, number):
    noise = MultiscaleNoise(fragment.hierarchy, GOOD)
    frames = noise.frames(2.0, 3, seed=1)
    assert torch.equal(noise.frames(number(2), 3, seed=1), frames)
    assert torch.equal(noise.frames(np.full(3, 2.0), np.arange(3), seed=1), frames)
    for one, next_one in pairwise(frames):
        assert not torch.equal(one, next_one)
