"""Closed forms against dense algebra, theory's formulas and table, and brute-force draws of every atom."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.theory.statistics import Expected, NoiseStatistics
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import Hierarchy

SEEDS, DEPTHS = st.integers(0, 2**32), st.integers(2, 5)

SIZES = [4] * 5 + [5] * 2 + [6] + [7] * 8 + [8] * 6 + [9] * 3 + [10] + [11] * 2 + [12] + [14] * 3
"""Residue sizes of the theory's table: 32 residues, 253 atoms, mean 1/n = 0.1444."""

TABLE = {  # chain/residue/atom: residue/atom; mean and sd of one draw; residue in chain; atom in residue
    (0, 0, 1): (0.380, 0.379, 0.027, 0.375, 0.935),
    (8.2, 1.6, 1.3): (0.949, 0.928, 0.044, 0.396, 0.320),
    (1, 4, 4): (0.787, 0.783, 0.034, 0.703, 0.623),
    (3, 8, 1): (0.964, 0.963, 0.024, 0.813, 0.270),
    (2, 6, 2): (0.910, 0.907, 0.026, 0.782, 0.418),
    (0.05, 0.07, 0.88): (0.497, 0.494, 0.041, 0.438, 0.877),
}
PRINTED = 0.0005 + 1e-9
"""Half of the last digit that the table prints."""


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


def of_sizes(sizes):
    """One chain of residues of the given sizes."""
    return Hierarchy(
        ("atom", "residue", "chain"), (np.repeat(np.arange(len(sizes)), sizes), np.zeros(len(sizes), dtype=np.int64))
    )


@pytest.fixture(scope="module")
def published():
    return of_sizes(SIZES)


@pytest.fixture(scope="module")
def draws(memberships):
    """Make (draws, N, 3) noise of sigma 1 by numpy: every level drawn and spread by its membership matrix."""

    def make(hierarchy, weights, count, seed):
        rng = np.random.default_rng(seed)
        parts = zip(weights, memberships(hierarchy), strict=True)
        return sum(math.sqrt(w) * (s @ rng.standard_normal((count, s.shape[1], 3))) for w, s in parts)

    return make


def centres(membership):
    """(groups, N) the matrix that takes means over the atoms of each group."""
    return (membership / membership.sum(axis=0)).T


def displaced(matrices, level, relative_to):
    """(groups, N) the matrix that takes atoms to what is measured."""
    below = centres(matrices[level])
    if relative_to is None:
        return below
    atoms = len(matrices[0])
    above = np.ones((atoms, 1)) if relative_to == len(matrices) else matrices[relative_to]
    first_atom = matrices[level].argmax(axis=0)
    return below - above[first_atom] @ centres(above)


def moments(covariance, share):
    """Mean and sd of a mean of squares over groups and x, y, z."""
    return share @ np.diag(covariance), math.sqrt(2 / 3 * share @ covariance**2 @ share)


# Every measure against dense algebra


def assert_displacements_are_dense(hierarchy, weights, matrices, covariance):
    statistics = NoiseStatistics(hierarchy, named(hierarchy, weights))
    for level in range(hierarchy.depth):
        for relative_to in (None, *range(level + 1, hierarchy.depth + 1)):
            matrix = displaced(matrices, level, relative_to)
            truth = matrix @ covariance @ matrix.T
            atoms = matrices[level].sum(axis=0)
            for over_atoms in (False, True):
                share = atoms / atoms.sum() if over_atoms else np.full(len(atoms), 1 / len(atoms))
                mean, sd = moments(truth, share)
                found = statistics.displacement(level, relative_to, over_atoms)
                np.testing.assert_allclose(found.each, np.diag(truth), rtol=0, atol=1e-13)
                assert found.mean == pytest.approx(mean, abs=1e-13)
                assert found.sd == pytest.approx(sd, rel=1e-9, abs=1e-7)  # the root of a difference of equal sums
                assert found.sd**2 == pytest.approx(sd**2, abs=1e-13)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(seed=SEEDS, depth=DEPTHS)
def test_displacements_are_dense_algebra_for_any_nesting(nesting, memberships, dense, random_weights, seed, depth):
    hierarchy, weights = nesting(seed, depth, largest=3), random_weights(seed, depth)
    assert_displacements_are_dense(hierarchy, weights, memberships(hierarchy), dense(hierarchy, weights))


@pytest.mark.parametrize("weights", TABLE)
def test_displacements_are_dense_algebra_on_a_real_fragment(fragment, memberships, dense, weights):
    shares = Weights.of(*weights).by_level
    hierarchy = fragment.hierarchy
    assert_displacements_are_dense(hierarchy, shares, memberships(hierarchy), dense(hierarchy, shares))


@pytest.mark.parametrize("weights", TABLE)
def test_displacements_agree_with_the_formulas_of_the_theory(toxin, weights):
    """Section 3, on a real structure of seven chains of unequal length."""
    hierarchy, shares = toxin.hierarchy, Weights.of(*weights)
    wc, wr, wa = shares.chain, shares.residue, shares.atom
    atoms, residues, chains = hierarchy.counts
    n, chain = hierarchy.sizes(1), hierarchy.parents[1]
    size = hierarchy.sizes(2)
    f, v = n / size[chain], wr + wa / n
    h = sum(n**2 / size[chain]) / atoms
    inside = np.bincount(chain, f**2 * v)
    statistics = NoiseStatistics(hierarchy, shares)
    assert statistics.displacement(0).mean == pytest.approx(1, rel=1e-12)
    assert statistics.displacement(1).mean == pytest.approx(wc + wr + wa * np.mean(1 / n), rel=1e-12)
    np.testing.assert_allclose(statistics.displacement(2).each, wc + inside, rtol=1e-12)
    np.testing.assert_allclose(
        statistics.displacement(1, 2).each, v * (1 - 2 * f) + inside[chain], rtol=1e-12, atol=1e-15
    )
    assert statistics.displacement(0, 1).mean == pytest.approx(wa * (1 - residues / atoms), rel=1e-12)
    parts = {
        0: wa * (1 - residues / atoms),
        1: wr * (1 - h) + wa * (residues - chains) / atoms,
        2: wc + wr * h + wa * chains / atoms,
    }
    for level, part in parts.items():
        above = level + 1 if level < 2 else None
        found = statistics.displacement(level, above, over_atoms=True).mean
        assert found == pytest.approx(part, rel=1e-12, abs=1e-15)
    assert sum(parts.values()) == pytest.approx(1, rel=1e-12)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(seed=SEEDS, depth=DEPTHS)
def test_the_parts_over_atoms_add_up_to_the_whole(nesting, random_weights, seed, depth):
    """Each level within the next, and the top absolute or about the centre of everything."""
    hierarchy = nesting(seed, depth)
    statistics = NoiseStatistics(hierarchy, named(hierarchy, random_weights(seed, depth)))
    nested = [statistics.displacement(k, k + 1, over_atoms=True).mean for k in range(depth - 1)]
    top = statistics.displacement(depth - 1, over_atoms=True).mean
    assert sum(nested) + top == pytest.approx(1, abs=1e-12)
    centred_top = statistics.displacement(depth - 1, statistics.whole, over_atoms=True).mean
    centred_all = statistics.displacement(0, statistics.whole, over_atoms=True).mean
    assert sum(nested) + centred_top == pytest.approx(centred_all, abs=1e-12)


# The published experiment's size


def test_the_sizes_are_those_of_the_table():
    assert (len(SIZES), sum(SIZES)) == (32, 253)
    assert np.mean(1 / np.array(SIZES)) == pytest.approx(0.1444, abs=0.00005)


@pytest.mark.parametrize("weights", TABLE)
def test_the_table_of_the_theory(published, weights):
    """Closed forms to the printed digits; one draw: within four of the errors that the docstring states."""
    ratio, mean, sd, in_chain, in_residue = TABLE[weights]
    statistics = NoiseStatistics(published, Weights.of(*weights))
    assert statistics.ratio() == pytest.approx(ratio, abs=PRINTED)
    assert statistics.displacement(1, 2).rms() == pytest.approx(in_chain, abs=PRINTED)
    assert statistics.displacement(0, 1).rms() == pytest.approx(in_residue, abs=PRINTED)
    simulations = 256
    found_mean, found_sd = statistics.ratio_scatter(simulations=simulations)
    assert found_mean == pytest.approx(mean, abs=PRINTED + 4 * sd / math.sqrt(simulations))
    assert found_sd == pytest.approx(sd, abs=PRINTED + 4 * sd / math.sqrt(2 * simulations))
    found_mean, found_sd = statistics.ratio_scatter(simulations=20_000)
    assert found_mean == pytest.approx(mean, abs=0.001 + 4 * sd / math.sqrt(20_000))
    assert found_sd == pytest.approx(sd, abs=0.001 + 4 * sd / math.sqrt(40_000))


def test_residue_over_atom_depends_on_the_atom_weight_alone(published):
    """Why the ratio is a poor guide: 8/1/1 and 1/8/1 agree."""
    ratios = [NoiseStatistics(published, Weights.of(*w)).ratio() for w in ((8, 1, 1), (1, 8, 1), (9, 0, 1))]
    assert ratios == pytest.approx([ratios[0]] * 3, rel=1e-12)


# Scatter against brute force


@pytest.mark.parametrize("weights", [(0, 0, 1), (8.2, 1.6, 1.3), (1, 4, 4)])
@pytest.mark.parametrize("frames", [1, 8])
def test_the_ratios_scatter_is_that_of_drawing_every_atom(published, memberships, draws, weights, frames):
    shares = Weights.of(*weights).by_level
    repeats, simulations = 800 if frames == 1 else 300, 4096
    atoms = draws(published, shares, repeats * frames, seed=1)
    residues = centres(memberships(published)[1]) @ atoms
    coarse, fine = ((x**2).mean(axis=(1, 2)).reshape(repeats, frames).mean(axis=1) for x in (residues, atoms))
    ratios = np.sqrt(coarse / fine)
    mean, sd = NoiseStatistics(published, Weights.of(*weights)).ratio_scatter(frames, simulations)
    # Drawn here, simulated there, and for several frames picked 1,024 times from what was simulated.
    counts = (repeats, simulations / frames, *([1024] if frames > 1 else []))
    error = math.sqrt(sum(1 / count for count in counts))
    assert mean == pytest.approx(ratios.mean(), abs=4 * sd * error)
    assert sd == pytest.approx(ratios.std(), rel=4 * error / math.sqrt(2))


@pytest.mark.parametrize("depth", [2, 4])
def test_the_ratios_scatter_for_other_depths(nesting, memberships, draws, random_weights, depth):
    hierarchy, weights = nesting(5, depth), random_weights(5, depth)
    atoms = draws(hierarchy, weights, 4000, seed=2)
    residues = centres(memberships(hierarchy)[1]) @ atoms
    ratios = np.sqrt((residues**2).mean(axis=(1, 2)) / (atoms**2).mean(axis=(1, 2)))
    mean, sd = NoiseStatistics(hierarchy, named(hierarchy, weights)).ratio_scatter(simulations=4000)
    assert ratios.std() > 0.01
    assert mean == pytest.approx(ratios.mean(), abs=4 * sd * math.sqrt(2 / 4000))
    assert sd == pytest.approx(ratios.std(), rel=0.1)


def test_the_ratios_scatter_over_more_frames_than_are_simulated(memberships, draws):
    """200 frames: 400 repeats on a few residues, in two chains of which one has residues all alike."""
    residue = np.repeat(np.arange(9), [2, 2, 2, 2, 3, 1, 5, 5, 9])
    hierarchy = Hierarchy(("atom", "residue", "chain"), (residue, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])))
    weights, repeats = (0.3, 0.2, 0.5), 400
    atoms = draws(hierarchy, weights, repeats * 200, seed=4)
    residues = centres(memberships(hierarchy)[1]) @ atoms
    coarse, fine = ((x**2).mean(axis=(1, 2)).reshape(repeats, 200).mean(axis=1) for x in (residues, atoms))
    ratios = np.sqrt(coarse / fine)
    statistics = NoiseStatistics(hierarchy, named(hierarchy, weights))
    mean, sd = statistics.ratio_scatter(200, simulations=4096)
    assert mean == pytest.approx(ratios.mean(), abs=4 * sd / math.sqrt(repeats))
    assert mean == pytest.approx(statistics.ratio(), abs=sd / 5)
    assert sd == pytest.approx(ratios.std(), rel=4 / math.sqrt(2 * repeats))


def test_residues_of_one_atom_have_the_ratio_one():
    alone = of_sizes([1] * 6)
    assert NoiseStatistics(alone, {"atom": 0.2, "residue": 0.3, "chain": 0.5}).ratio() == pytest.approx(1, rel=1e-12)
    assert NoiseStatistics(alone, {"atom": 0.2, "residue": 0.3, "chain": 0.5}).ratio_scatter(3) == pytest.approx(
        (1, 0), abs=1e-12
    )


def test_the_scatter_is_the_same_every_time(toxin):
    statistics = NoiseStatistics(toxin.hierarchy, Weights.named("rebalanced"))
    assert statistics.ratio_scatter(5) == statistics.ratio_scatter(5)


@pytest.mark.parametrize(("level", "relative_to"), [(0, None), (1, None), (2, None), (1, 2), (0, 1)], ids=str)
@pytest.mark.parametrize("frames", [1, 5])
def test_rms_scatter_is_that_of_monte_carlo(memberships, draws, level, relative_to, frames):
    """A chain centre is exact (one group); where many groups scatter differently two moments stand for all."""
    hierarchy = of_sizes([4, 9, 5, 14, 8, 11, 6, 7])
    weights, repeats = (0.3, 0.4, 0.3), 1500
    matrix = displaced(memberships(hierarchy), level, relative_to)
    squares = ((matrix @ draws(hierarchy, weights, repeats * frames, seed=3)) ** 2).mean(axis=(1, 2))
    expected = NoiseStatistics(hierarchy, named(hierarchy, weights)).displacement(level, relative_to)
    rms = np.sqrt(squares.reshape(repeats, frames).mean(axis=1))
    assert expected.mean == pytest.approx(squares.mean(), abs=5 * expected.sd / math.sqrt(len(squares)))
    assert expected.rms_sd(frames) == pytest.approx(rms.std(), rel=5 / math.sqrt(2 * repeats))
    assert expected.rms_sd(frames, 3.0) == pytest.approx(3 * expected.rms_sd(frames), rel=1e-12)


def test_rms_scatter_of_one_centre_is_the_chi_distributions():
    """One normal centre in space: rms = |x| / sqrt 3, whose variance is 1 - 8 / (3 pi)."""
    one = Expected(np.ones(1), 1.0, math.sqrt(2 / 3))
    assert one.rms() == 1
    assert one.rms_sd() == pytest.approx(math.sqrt(1 - 8 / (3 * math.pi)), rel=1e-12)


def test_rms_scatter_of_many_draws_is_half_that_of_the_square():
    """Past a million degrees of freedom another formula takes over, without a step."""
    one = Expected(np.ones(1), 1.0, math.sqrt(2 / 3))
    for draws in (100_000, 333_000, 334_000, 10_000_000):
        assert one.rms_sd(draws) == pytest.approx(0.5 * math.sqrt(2 / 3 / draws), rel=3e-3)


def test_what_cannot_move_does_not_scatter(published):
    statistics = NoiseStatistics(published, Weights.of(1, 0, 0))
    for inside in (statistics.displacement(0, 1), statistics.displacement(1, 2), statistics.displacement(0, 2)):
        assert inside.rms() < 1e-7
        assert inside.rms_sd() < 1e-7
    assert Expected(np.zeros(3), 0.0, 0.0).rms_sd() == 0


# Refusals


def test_weights_for_other_levels_are_refused(published):
    with pytest.raises(EdmNoiseError, match="no level 'domain': the levels are atom, residue, chain"):
        NoiseStatistics(published, {"atom": 0.5, "domain": 0.5})
    for statistics in (NoiseStatistics, NoiseStatistics.of):
        with pytest.raises(EdmNoiseError, match=r"weights are \(0.2, 0.3, 0.5\): give edmnoise Weights"):
            statistics(published, (0.2, 0.3, 0.5))


@pytest.mark.parametrize(("level", "relative_to"), [(1, 1), (1, 0), (2, 1), (0, 4), (2, 4)])
def test_a_level_within_a_finer_one_is_refused(published, level, relative_to):
    sentence = f"level {level} cannot be measured relative to level {relative_to}: name a coarser one"
    with pytest.raises(EdmNoiseError, match=sentence):
        NoiseStatistics(published, {"atom": 0.2, "residue": 0.3, "chain": 0.5}).displacement(level, relative_to)
