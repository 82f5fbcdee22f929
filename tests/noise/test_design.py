"""Designed noise, drawn, does what was wanted; what no noise does is refused, with the closest and the reason."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import NESTED, measure_displacement
from edmnoise.noise.design.solve import Constraint, comparison, design, design_table, parse_constraints
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import LEVELS, Hierarchy

ALPHAFOLD3 = sigma_distribution("alphafold3")


def drawn(structure, made, draws=2000):
    """Atom in residue, residue in chain, chain: lengths in space, RMS over atoms, measured on draws of a design."""
    noise = MultiscaleNoise(structure.hierarchy, made.weights)
    moved = measure_displacement(structure, ((b + structure.coordinates) for b in noise.blocks(made.sigma, draws)))
    return [math.sqrt(3) * moved.part(measure) for measure in NESTED]


# Must show: designed weights, drawn 2,000 times, hit their targets within 1 %


def test_drawn_2000_times_three_targets_are_hit(toxin):
    made = design(toxin.hierarchy, chain=10, residue=3.8, atom=1.4)
    assert drawn(toxin, made) == pytest.approx([1.4, 3.8, 10], rel=0.01)


def test_drawn_2000_times_targets_within_one_chain_are_hit(fragment):
    made = design(fragment.hierarchy, residue=3.8, atom=1.4)
    assert drawn(fragment, made)[:2] == pytest.approx([1.4, 3.8], rel=0.01)


def test_drawn_2000_times_with_constraints_targets_are_hit(fragment):
    made = design(fragment.hierarchy, residue=2, sigma=6, constraints=parse_constraints(["residue/atom 4"]))
    assert drawn(fragment, made)[1] == pytest.approx(2, rel=0.01)
    assert made.sigma == 6
    assert made.weights.residue / made.weights.atom == pytest.approx(4)


# The inverse of the closed forms


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_what_weights_give_is_designed_back(nesting, seed):
    """Any weights and sigma: the parts that they give, as targets, give them back."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, rng.integers(4, 12))
    home = np.sort(rng.integers(0, 3, len(sizes)))
    home[:2], home[-2:] = 0, home[-2]
    home = np.unique(home, return_inverse=True)[1]
    hierarchy = Hierarchy(("atom", "residue", "chain"), (np.repeat(np.arange(len(sizes)), sizes), home))
    weights, sigma = Weights.of(*rng.dirichlet(np.ones(3))), float(rng.uniform(0.1, 100))
    noise = NoiseStatistics(hierarchy, weights)
    targets = [math.sqrt(3) * noise.displacement(k, top, True).rms(sigma) for k, top in ((0, 1), (1, 2), (2, None))]
    made = design(hierarchy, **dict(zip(LEVELS, targets, strict=True)))
    assert made.weights.by_level == pytest.approx(weights.by_level, abs=1e-6)
    assert made.sigma == pytest.approx(sigma, rel=1e-6)
    assert made.parts == pytest.approx(targets, rel=1e-6)


def test_a_level_without_a_target_gets_no_noise_of_its_own(toxin):
    made = design(toxin.hierarchy, residue=3.8)
    assert made.weights.by_level == pytest.approx((0, 1, 0), abs=1e-7)
    assert made.parts[1] == pytest.approx(3.8, rel=1e-6)


def test_a_sigma_that_is_kept_gives_what_is_left_to_the_open_level(toxin):
    made = design(toxin.hierarchy, residue=3.8, atom=1.4, sigma=10.0)
    assert made.sigma == pytest.approx(10)
    assert made.parts[:2] == pytest.approx((1.4, 3.8))
    assert math.hypot(*made.parts) == pytest.approx(math.sqrt(3) * 10)  # an atom's whole displacement in space


def test_a_sigma_copied_from_the_table_is_no_contradiction(toxin):
    made = design(toxin.hierarchy, chain=10, residue=3.8, atom=1.4)
    again = design(toxin.hierarchy, chain=10, residue=3.8, atom=1.4, sigma=float(f"{made.sigma:.4g}"))
    assert again.parts == pytest.approx((1.4, 3.8, 10), rel=1e-3)


def test_weights_and_ratios_are_kept(toxin):
    made = design(toxin.hierarchy, atom=1.4, constraints=parse_constraints({"chain": 0.1, "residue/atom": 4}))
    assert made.weights.by_name == pytest.approx({"chain": 0.1, "residue": 0.72, "atom": 0.18})
    assert made.parts[0] == pytest.approx(1.4)
    kept = design(toxin.hierarchy, residue=3, constraints=parse_constraints(["atom=0.2"]))
    assert kept.weights.atom == pytest.approx(0.2)
    assert kept.parts[1] == pytest.approx(3, rel=1e-6)


def test_one_chain_is_worth_nothing_after_centring(fragment):
    made = design(fragment.hierarchy, chain=10, residue=3.8, atom=1.4)
    assert made.parts[2] == pytest.approx(10)
    assert made.centred_chain == 0
    notes = design_table(fragment.hierarchy, made, ALPHAFOLD3).notes
    assert any("One chain" in note and "nothing" in note for note in notes)


# The table


def test_the_table_compares_at_one_sigma(toxin):
    made = design(toxin.hierarchy, chain=10, residue=3.8, atom=1.4)
    compared = [Weights.named("flat"), Weights.named("rebalanced")]
    table = design_table(toxin.hierarchy, made, ALPHAFOLD3, compared, z=0.5)
    assert table["weights"] == ["wanted", "designed", "flat", "rebalanced"]
    assert table["residue in chain 3-D"][:2] == pytest.approx([3.8, 3.8])
    assert table["residue in chain"][:2] == pytest.approx([3.8 / math.sqrt(3)] * 2)
    flat = NoiseStatistics(toxin.hierarchy, compared[0])
    assert table["residue in chain"][2] == pytest.approx(flat.displacement(1, 2, over_atoms=True).rms(made.sigma))
    assert table["residue / atom"][3] == pytest.approx(NoiseStatistics(toxin.hierarchy, compared[1]).ratio())
    told = float(table.notes[0].split("P_mean ")[1].split()[0])
    assert 16 * math.exp(told + 1.5 * 0.5) == pytest.approx(made.sigma, rel=1e-3)
    assert len(comparison(toxin.hierarchy, compared, 2.0)) == 2


# What cannot be done


@pytest.mark.parametrize(
    ("targets", "options", "said"),
    [
        ({"chain": 0.1, "residue": 3.8, "atom": 1.4}, {}, ["no weights give chain 0.1 A", "closest", "0.392 A"]),
        ({"residue": 0.3, "atom": 1.4}, {}, ["no weights give", "closest", "move residue centres by 0.539 A"]),
        ({"residue": 3, "atom": 1}, {"sigma": 1.0}, ["sigma 1 A", "closest", "free sigma"]),
        ({"residue": 3, "atom": 1}, {"fixed": ["residue/atom 1"]}, ["residue/atom 1", "free a constraint"]),
        ({"atom": 1}, {"fixed": ["atom 0.7", "residue 0.5"]}, ["atom 0.7, residue 0.5 contradict each other"]),
        ({"atom": 1}, {"fixed": ["residue/atom 1", "residue/atom 2"]}, ["contradict"]),
        ({"chain": 1}, {"fixed": ["residue/atom 4"]}, ["chain 1 A leave residue/atom 4 open"]),
        ({"atom": 1}, {"fixed": ["atom 0"]}, ["no weights give atom in residue 1 A, atom 0", "free a constraint"]),
        ({"residue": 1}, {"sigma": 5.0}, ["sigma 5 A, residue in chain 1 A leave the weights open"]),
        ({}, {}, ["nothing to design for"]),
        ({"atom": 0}, {}, ["atom is 0 A", "above 0"]),
        ({"chain": math.nan}, {}, ["chain is nan A", "above 0"]),
        ({"atom": 1}, {"sigma": -1.0}, ["sigma is -1.0 A", "above 0"]),
    ],
)
def test_one_line_says_what_is_wrong(toxin, targets, options, said):
    fixed = parse_constraints(options.get("fixed", []))
    with pytest.raises(EdmNoiseError) as caught:
        design(toxin.hierarchy, **targets, sigma=options.get("sigma"), constraints=fixed)
    assert "\n" not in str(caught.value)
    for words in said:
        assert words in str(caught.value)


def test_what_no_size_of_noise_can_move_is_named():
    points = Hierarchy(("atom", "residue", "chain"), (np.arange(6), np.arange(6) // 3))
    with pytest.raises(EdmNoiseError, match="every residue is one atom"):
        design(points, atom=1)
    singles = Hierarchy(("atom", "residue", "chain"), (np.arange(6) // 3, np.arange(2)))
    with pytest.raises(EdmNoiseError, match="every chain is one residue"):
        design(singles, residue=1, atom=1)


@pytest.mark.parametrize(
    "text", ["atom", "atom x", "water 0.2", "atom/atom 2", "atom 1.2", "chain -0.1", "atom nan", ""]
)
def test_constraints_that_cannot_be_read(text):
    with pytest.raises(EdmNoiseError, match="constraint"):
        parse_constraints([text])


def test_constraints_as_texts_and_as_a_dictionary():
    read = parse_constraints(["atom 0.2", "residue / atom = 4"])
    assert read == (Constraint("atom", 0.2), Constraint("residue", 4.0, "atom"))
    assert parse_constraints({"atom": 0.2, "residue/atom": 4}) == read
