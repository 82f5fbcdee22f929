"""Noise with atoms that stay: the moved ones get the bits that they get without, the held ones none."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import NESTED, Measure, measure_displacement, measures
from edmnoise.noise.process import PROCESSES, NoiseChoice
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


def test_moved_atoms_get_the_same_bits(fragment, part, choice):
    """Of every linear process, with and without a mean, whole and in blocks; held atoms keep theirs, bit by bit."""
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


def test_closed_forms_count_the_moved_atoms(toxin):
    """Every level of 1TII with its chains cut at atom level: measured of 60 draws within 4 standard deviations."""
    part = Part.of(toxin, np.random.default_rng(0).random(toxin.n_atoms) < 0.4)
    noise = NoiseChoice(weights=REBALANCED).on(part)
    moved = measure_displacement(part.structure, noise.blocks(2.0, 60, 1, part.structure.coordinates))
    for measure in measures(part.structure.hierarchy):
        expected = noise.statistics.displacement(measure.level, measure.relative_to)
        assert moved.rms(measure) == pytest.approx(expected.rms(2.0), abs=4 * expected.rms_sd(60, 2.0) + 1e-4)
    whole = NoiseChoice(weights=REBALANCED).on(toxin).statistics
    assert (
        noise.statistics.displacement(1).mean > 1.05 * whole.displacement(1).mean
    )  # a residue's moved part is smaller


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


def test_a_part_is_neither_none_nor_all(fragment):
    for mask, which in ((np.zeros(253), "none"), (np.ones(253), "all")):
        with pytest.raises(
            EdmNoiseError, match=f"^{which} of the 253 atoms move: some must move, and some must be held$"
        ):
            Part.of(fragment, mask)
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
