"""Noise with atoms that stay: the moved ones get the bits that they get without, the held ones none."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import NESTED, Measure, measure_displacement, measures
from edmnoise.noise.process import (
    PROCESSES,
    ForwardOnly,
    NoClosedForm,
    NoiseChoice,
    statistics_at,
)
from edmnoise.noise.weights import Weights
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

REBALANCED = Weights.named("rebalanced")


def loop_of(structure):
    """Side chains of the residues 10 to 20, and all of the later ones."""
    number, name = structure.atoms.number.astype(int), structure.atoms.name
    return Part.of(structure, (number > 20) | ((number >= 10) & ~np.isin(name, ["N", "CA", "C", "O"])))


@pytest.fixture(scope="module")
def part(fragment):
    return loop_of(fragment)


@pytest.fixture(params=[name for name, known in PROCESSES.items() if not known.forward_only])
def choice(request):
    return NoiseChoice(request.param, REBALANCED if PROCESSES[request.param].weighted else Weights.named("flat"))


@pytest.mark.parametrize("name", [name for name, known in PROCESSES.items() if known.holds])
def test_moved_atoms_get_the_same_bits(fragment, part, name):
    """With and without a mean, whole and in blocks; held atoms keep theirs, bit by bit."""
    choice = NoiseChoice(name, REBALANCED if PROCESSES[name].weighted else Weights.named("flat"))
    whole, held = choice.on(fragment), choice.on(part)
    for mean, own in ((None, None), (fragment.coordinates, fragment.coordinates[part.moved])):
        drawn = whole.frames(2.5, [3, 0, 7], 4, mean)[:, part.moved]
        assert torch.equal(held.frames(2.5, [3, 0, 7], 4, own), drawn)
        assert torch.equal(torch.cat([b.clone() for b in held.blocks(2.5, [3, 0, 7], 4, own)]), drawn)
    frames = part.filled(drawn.numpy())
    assert np.array_equal(
        frames[:, part.held], np.broadcast_to(fragment.coordinates[part.held], (3, len(part.held), 3))
    )
    assert np.array_equal(frames[:, part.moved], drawn.numpy())


def test_the_covariance_is_that_of_the_moved_atoms(fragment, part, choice):
    whole = choice.on(fragment).covariance.multiply(torch.eye(fragment.n_atoms, dtype=torch.float64))
    own = choice.on(part).covariance.multiply(torch.eye(len(part.moved), dtype=torch.float64))
    np.testing.assert_allclose(own, whole[np.ix_(part.moved, part.moved)], atol=1e-9)


def test_closed_forms_count_the_moved_atoms(toxin, choice):
    """Every level of 1TII with its chains cut at atom level: measured of 40 draws within 4 standard deviations, also
    where the process knows neighbours that are held."""
    part = Part.of(toxin, np.random.default_rng(0).random(toxin.n_atoms) < 0.4)
    noise = choice.on(part)
    moved = measure_displacement(part.structure, noise.blocks(2.0, 40, 1, part.structure.coordinates))
    for measure in measures(part.structure.hierarchy):
        expected = noise.statistics.displacement(measure.level, measure.relative_to)
        assert moved.rms(measure) == pytest.approx(expected.rms(2.0), abs=4 * expected.rms_sd(40, 2.0) + 1e-4)
    if choice.weighted:  # what moves of a residue is smaller, and has fewer atoms to average over
        assert noise.statistics.displacement(1).mean > 1.05 * choice.on(toxin).statistics.displacement(1).mean


def test_closed_forms_after_superposition_of_the_moved_atoms(fragment, part, choice):
    """Where it is asked for; a thousand frames at a level that is small beside the structure."""
    noise, sigma = choice.on(part), 0.05
    frames = noise.blocks(sigma, 1000, 2, part.structure.coordinates)
    moved = measure_displacement(part.structure, frames, "superpose")
    for measure in NESTED[:2]:
        expected = noise.superposed(part.structure.coordinates, measure.level, measure.relative_to)
        assert moved.rms(measure) == pytest.approx(expected.rms(sigma), rel=0.02)


def test_the_moved_atoms_as_a_structure(fragment, part):
    """Their residues and chains are what moves of those of the whole, numbered as covariances number them."""
    own, whole = part.structure, part.whole
    assert np.array_equal(own.coordinates, whole.coordinates[part.moved])
    for level in (1, 2):
        mine, theirs = own.hierarchy.ancestors(0, level), whole.hierarchy.ancestors(0, level)[part.moved]
        pairs = set(zip(mine.tolist(), theirs.tolist(), strict=True))
        assert len(pairs) == len(set(mine.tolist())) == len(set(theirs.tolist()))
    k = NoiseChoice().on(whole).covariance.restricted(part.moved).hierarchy
    assert all(map(np.array_equal, own.hierarchy.parents, k.parents))
    order = np.random.default_rng(1).permutation(whole.n_atoms)
    turned = part.ordered(whole.take(order), order)
    assert set(turned.whole.atoms.take(turned.moved).name) == set(own.atoms.name)
    assert np.array_equal(np.sort(turned.structure.coordinates, 0), np.sort(own.coordinates, 0))


def test_torsions_move_all_that_follows(part):
    with pytest.raises(
        EdmNoiseError, match=r"^torsions noise moves all that follows, and no atoms can be held: leave mov"
    ):
        NoiseChoice("torsions").on(part)


@pytest.mark.parametrize("sigma", [0.5, 8.0])
def test_closed_forms_of_rigid_residues_that_move_in_part(toxin, sigma):
    """They depend on sigma: measured of 40 draws within 4 standard deviations, which 20 pairs of them tell."""
    part = Part.of(toxin, np.random.default_rng(0).random(toxin.n_atoms) < 0.4)
    noise = NoiseChoice("frames").on(part)
    frames = [noise.frames(sigma, range(2 * k, 2 * k + 2), 1, part.structure.coordinates) for k in range(20)]
    pairs = [measure_displacement(part.structure, pair) for pair in frames]
    for measure in measures(part.structure.hierarchy):
        expected = statistics_at(noise, sigma).displacement(measure.level, measure.relative_to).mean * sigma**2
        squares = np.array([pair.rms(measure) ** 2 for pair in pairs])
        assert abs(squares.mean() - expected) < 4 * squares.std(ddof=1) / np.sqrt(20) + 1e-6


def test_what_is_forward_only_says_so(part):
    noise = NoiseChoice("frames").on(part)
    with pytest.raises(ForwardOnly, match=r"^frames noise is forward only"):
        noise.covariance  # noqa: B018
    with pytest.raises(NoClosedForm):
        noise.statistics  # noqa: B018


def test_a_part_is_neither_none_nor_all(fragment):
    for mask, which in ((np.zeros(253), "none"), (np.ones(253), "all")):
        with pytest.raises(
            EdmNoiseError, match=f"^{which} of the 253 atoms move: some must move, and some must be held$"
        ):
            Part.of(fragment, mask)
    for moved in (np.arange(253) > 9, [5, 2], [3, 3], [-1], [253], [0.0, 1.0], [[1]]):
        with pytest.raises(EdmNoiseError, match=r"give ascending indices of the 253 atoms, or a mask to Part\.of$"):
            Part(fragment, np.asarray(moved))
    with pytest.raises(EdmNoiseError, match=r"^the mask has the shape \(3,\)"):
        Part.of(fragment, [True, False, True])
    assert str(Part.of(fragment, np.arange(253) < 100)) == "100 of 253 atoms move, 153 held"


def test_a_residue_that_moves_whole_is_expected_as_before(fragment):
    """Held neighbours change nothing in what a residue does by itself."""
    number = fragment.atoms.number.astype(int)
    part = Part.of(fragment, number > 20)
    assert isinstance(part.structure, Structure)
    held = NoiseChoice(weights=REBALANCED).on(part).statistics.displacement(1)
    whole = NoiseChoice(weights=REBALANCED).on(fragment).statistics.displacement(1)
    chosen = np.unique(fragment.hierarchy.ancestors(0, 1)[part.moved])
    np.testing.assert_allclose(held.each, whole.each[chosen])
    assert {Measure(1, False), *NESTED} <= set(measures(part.structure.hierarchy))
