"""Shares of the variance: normalised, named, and read from text."""

import math
import re

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.weights import PRESETS, Weights, parse_weights
from edmnoise.structure.hierarchy import LEVELS

PUBLISHED = {
    "flat": (0, 0, 1),
    "current": (8.2, 1.6, 1.3),
    "rebalanced": (1, 4, 4),
    "residue-heavy": (3, 8, 1),
    "balanced-residue": (2, 6, 2),
}


def test_the_presets_are_the_published_ones():
    assert PRESETS == PUBLISHED


@pytest.mark.parametrize("given", [*PUBLISHED.values(), (1, 0, 0), (1e-12, 0, 3), (1e30, 1e30, 5), (1e-300, 0, 0)])
def test_weights_are_shares_in_the_given_proportion(given):
    weights = Weights.of(*given)
    assert math.isclose(math.fsum(weights.by_level), 1, rel_tol=1e-15)
    for share, part in zip((weights.chain, weights.residue, weights.atom), given, strict=True):
        assert share == pytest.approx(part / sum(given), rel=1e-12, abs=0)
    assert weights.by_level == (weights.atom, weights.residue, weights.chain)


# Valid by construction


def test_shares_are_named_and_add_up_to_one():
    made = Weights(chain=1 / 9, residue=4 / 9, atom=4 / 9)
    assert made == Weights.of(1, 4, 4)
    assert Weights(chain=0.333333, residue=0.333333, atom=0.333333).label  # six digits, as one writes them
    with pytest.raises(TypeError, match="positional"):
        Weights(0.2, 0.3, 0.5)


@pytest.mark.parametrize(
    ("chain", "residue", "atom", "said"),
    [
        (
            1,
            4,
            4,
            "chain 1, residue 4, atom 4 and add up to 9: give shares that add up to 1, or Weights.of(",
        ),
        (0.2, 0.3, 0.49, "and add up to 0.99: give shares"),
        (0, 0, 0, "and add up to 0: give shares"),
        (-0.5, 1, 0.5, "chain -0.5, residue 1, atom 0.5: give finite numbers, none negative"),
        (math.nan, 0.5, 0.5, "chain nan, residue 0.5, atom 0.5: give finite numbers"),
        (0, 0, math.inf, "atom inf: give finite numbers"),
    ],
)
def test_shares_that_are_none_are_refused(chain, residue, atom, said):
    with pytest.raises(EdmNoiseError, match=f"weights are .*{re.escape(said)}"):
        Weights(chain=chain, residue=residue, atom=atom)


def test_shares_of_numpy_are_plain_numbers():
    """Titles of states hold them with all digits; a NumPy number writes its type along."""
    weights = Weights.of(*np.array([1.0, 4.0, 4.0]))
    assert weights.text() == "0.1111111111111111 0.4444444444444444 0.4444444444444444"
    assert parse_weights(weights.text()).close_to(weights)
    assert weights.text(".2f", "/") == "0.11/0.44/0.44"


@pytest.mark.parametrize("take", [tuple, list, lambda w: dict(zip("abc", w, strict=True)), lambda w: Weights.of(*w)])
def test_weights_are_not_taken_apart_by_their_order(take):
    with pytest.raises(EdmNoiseError, match="Weights have no order"):
        take(Weights.named("current"))
    weights = Weights.named("current")
    assert weights.by_level == tuple(weights.by_name[level] for level in LEVELS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_is_known_by_its_name_and_by_its_numbers(name):
    chain, residue, atom = PUBLISHED[name]
    assert Weights.named(name) == Weights.of(chain, residue, atom) == parse_weights(name)
    assert Weights.of(3 * chain, 3 * residue, 3 * atom).label == name
    assert parse_weights(Weights.named(name)) is not None


@pytest.mark.parametrize("text", ["8.2 1.6 1.3", "8.2/1.6/1.3", " 8.2  1.6\t1.3 ", "82e-1 1.6 1.3"])
def test_text_is_read(text):
    assert parse_weights(text).close_to(Weights.named("current"))
    assert parse_weights(text).label == "current"


def test_numbers_are_read():
    assert parse_weights([8.2, 1.6, 1.3]) == parse_weights((8.2, 1.6, 1.3)) == Weights.named("current")


def test_weights_without_a_name_are_labelled_by_their_shares():
    weights = Weights.of(1, 2, 5)
    assert weights.label == "0.125/0.25/0.625"
    assert parse_weights(weights.label).close_to(weights)
    assert repr(weights) == "Weights(chain=0.125, residue=0.25, atom=0.625)"


def test_closeness_is_nine_digits():
    current = Weights.named("current")
    assert current.close_to(Weights.of(8.2 * (1 + 1e-11), 1.6, 1.3))
    assert not current.close_to(Weights.of(8.2 * (1 + 1e-6), 1.6, 1.3))


@pytest.mark.parametrize(
    "given",
    [(-1, 1, 1), (0, 0, 0), (math.nan, 1, 1), (1, 1, math.nan), (math.inf, 1, 1), (1, -0.001, 1), (1e308, 1e308, 1)],
)
def test_weights_that_are_none_are_refused(given):
    sentence = r"weights are .*: give three finite numbers \(chain residue atom\), none negative, not all zero"
    with pytest.raises(EdmNoiseError, match=sentence):
        Weights.of(*given)
    with pytest.raises(EdmNoiseError, match=sentence):
        parse_weights(given)
    with pytest.raises(
        EdmNoiseError, match=sentence if all(map(math.isfinite, given)) else "give three numbers separated"
    ):
        parse_weights(" ".join(map(str, given)))


@pytest.mark.parametrize(
    ("given", "write"), [("1,4,4", "1 4 4"), ("(1, 4, 4)", "1 4 4"), ("8,2 1,6 1,3", "8 2 1 6 1 3")]
)
def test_commas_are_refused_and_what_to_write_is_said(given, write):
    with pytest.raises(EdmNoiseError) as refused:
        parse_weights(given)
    said = f"weights are {given!r}: decimals have a point, numbers are separated by spaces: write {write}"
    assert str(refused.value) == said


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(EdmNoiseError) as error:
        parse_weights("heavy")
    assert str(error.value) == (
        "no weights 'heavy': give three numbers separated by spaces (chain residue atom; chain domain residue "
        "atom where there are domains) or one of "
        "flat, current, rebalanced, residue-heavy, balanced-residue"
    )


@pytest.mark.parametrize("given", ["", "1 2", "1 2 3 4 5", "1 two 3", "flat 1 2", [1, 2], [1, 2, 3, 4, 5], []])
def test_anything_else_is_refused(given):
    with pytest.raises(
        EdmNoiseError,
        match=r"weights are .*: give three numbers separated by spaces \(chain residue atom; chain .*\) or one of flat",
    ):
        parse_weights(given)


@pytest.mark.parametrize(("given", "shown"), [(5, "'5'"), (None, "'None'"), ([1, None, 2], "'1 None 2'"), ((), "''")])
def test_what_is_no_weights_is_said(given, shown):
    with pytest.raises(EdmNoiseError, match=f"weights are {shown}: give three numbers"):
        parse_weights(given)
