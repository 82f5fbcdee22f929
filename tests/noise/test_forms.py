"""The coefficients are the closed forms of one weight at a time, for any nesting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.theory.forms import LevelForms, mean_squares
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.structure.hierarchy import Hierarchy


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


def assert_coefficients_are_closed_forms(hierarchy):
    forms = LevelForms.of(hierarchy)
    for column, shares in enumerate(np.eye(3)):
        noise = NoiseStatistics(hierarchy, named(hierarchy, shares))
        parts = [noise.displacement(level, top, True).mean for level, top in ((0, 1), (1, 2), (2, None))]
        centred = noise.displacement(2, noise.whole, True).mean
        relative = [noise.displacement(level, top).mean for level, top in ((0, 1), (1, 2), (2, noise.whole))]
        assert forms.parts[:, column] == pytest.approx(parts, abs=1e-13)
        assert forms.centred[:, column] == pytest.approx([*parts[:2], centred], abs=1e-13)
        assert forms.relative[:, column] == pytest.approx(relative, abs=1e-13)
        assert forms.residue[column] == pytest.approx(noise.displacement(1).mean)
    assert forms.parts.sum(axis=0) == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_any_nesting(nesting, seed):
    assert_coefficients_are_closed_forms(nesting(seed, 3))


def test_a_real_structure(toxin):
    assert_coefficients_are_closed_forms(toxin.hierarchy)


def test_what_cannot_move_is_exactly_nothing():
    """One atom a residue, one residue a chain, one chain: no rounding is left of it."""
    points = LevelForms.of(Hierarchy(("atom", "residue", "chain"), (np.arange(7), np.arange(7) // 3)))
    assert (points.parts[0] == 0).all()
    singles = LevelForms.of(Hierarchy(("atom", "residue", "chain"), (np.arange(21) // 3, np.arange(7))))
    assert (singles.parts[1] == 0).all()
    assert (singles.relative[1] == 0).all()
    one = LevelForms.of(Hierarchy(("atom", "residue", "chain"), (np.arange(21) // 5, np.zeros(5, dtype=int))))
    assert (one.centred[2] == 0).all()
    assert (one.relative[2] == 0).all()


def test_many_weights_at_once(toxin):
    forms, weights = LevelForms.of(toxin.hierarchy), np.random.default_rng(0).dirichlet(np.ones(3), (4, 5))
    found = mean_squares(forms.parts, weights)
    assert found.shape == (4, 5, 3)
    one = NoiseStatistics(toxin.hierarchy, named(toxin.hierarchy, weights[2, 3]))
    assert found[2, 3, 1] == pytest.approx(one.displacement(1, 2, over_atoms=True).mean)
    assert mean_squares(forms.residue, weights).shape == (4, 5)


def test_weights_and_their_rows_are_the_same(toxin):
    forms, sets = LevelForms.of(toxin.hierarchy).parts, [Weights.named(name) for name in PRESETS]
    rows = np.array([(weights.atom, weights.residue, weights.chain) for weights in sets])
    assert (mean_squares(forms, sets) == mean_squares(forms, rows)).all()
    assert (mean_squares(forms, sets[1]) == mean_squares(forms, rows[1])).all()


@pytest.mark.parametrize("bare", [(1 / 9, 4 / 9, 4 / 9), [0.2, 0.3, 0.5], [[0.2, 0.3, 0.5]], 1.0, None, "flat"])
def test_bare_numbers_are_refused(toxin, bare):
    with pytest.raises(EdmNoiseError, match=r"weights are .*: give edmnoise Weights, e\.g\. Weights\.of\(1, 4, 4\)"):
        mean_squares(LevelForms.of(toxin.hierarchy).parts, bare)
    with pytest.raises(EdmNoiseError, match=r"weights have the shape \(3, 2\): give \(\.\.\., 3\) as atom"):
        mean_squares(LevelForms.of(toxin.hierarchy).parts, np.zeros((3, 2)))


def test_another_depth_is_refused(nesting):
    with pytest.raises(EdmNoiseError, match="2 levels"):
        LevelForms.of(nesting(0, 2))
