"""Which atom is which: by order where that is proven, by place through padding and shuffling, and never by a guess."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.trajectories.matching import ORDER_TOLERANCE, match_atoms


@pytest.fixture
def ends(fragment):
    """(3, N, 3) three samples: the structure, moved by more from sample to sample."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(3, fragment.n_atoms, 3))
    return (fragment.coordinates + np.array([5.0, 0.0, 2.0])[:, None, None] * noise).astype(np.float32)


@pytest.mark.parametrize("angle", [0.0, 2.0])
def test_by_order_wherever_it_lies(fragment, ends, angle):
    turn = Rotation.from_rotvec([angle, -angle, 0.3 * angle]).as_matrix().astype(np.float32)
    found = match_atoms(fragment, ends @ turn.T + np.float32(30 * angle))
    assert (found.by, found.sample) == ("order", 1)
    assert found.farthest < 1e-3
    np.testing.assert_array_equal(found.rows, np.arange(fragment.n_atoms))


def test_by_place_through_padding_and_shuffling(fragment, ends):
    """As output files round, to .001 A."""
    rng = np.random.default_rng(5)
    padded = np.concatenate([ends, np.zeros((3, 7, 3), np.float32)], axis=1)
    order = rng.permutation(padded.shape[1])
    padded[1, : fragment.n_atoms] += rng.uniform(-5e-4, 5e-4, (fragment.n_atoms, 3)).astype(np.float32)
    found = match_atoms(fragment, padded[:, order])
    assert (found.by, found.sample) == ("place", 1)
    assert 1e-4 < found.farthest < 1e-3
    np.testing.assert_array_equal(order[found.rows], np.arange(fragment.n_atoms))


def test_a_part_of_the_atoms(fragment, ends):
    part = np.arange(10, 60)
    np.testing.assert_array_equal(match_atoms(fragment.take(part), ends).rows, part)


def test_bonded_atoms_that_changed_places_are_noticed(fragment, ends):
    """By order they would be each other; by place each is itself."""
    order = np.arange(fragment.n_atoms)
    order[[20, 21]] = 21, 20
    found = match_atoms(fragment, ends[:, order])
    assert found.by == "place"
    np.testing.assert_array_equal(found.rows, order)
    with pytest.raises(EdmNoiseError, match="0 lie where"):
        match_atoms(fragment, ends[:, order] + np.float32(10))


def test_no_match_says_how_many_atoms_did(fragment, ends):
    """A single atom off its place by more than ORDER_TOLERANCE is enough."""
    ends[1, 4] += 3 * ORDER_TOLERANCE
    with pytest.raises(EdmNoiseError) as refused:
        match_atoms(fragment, ends)
    said = str(refused.value)
    assert f"the structure's {fragment.n_atoms} atoms are not those of the trace, which has {fragment.n_atoms}" in said
    assert f"{fragment.n_atoms - 1} lie where an atom of one sample ends, and in their order they lie up to " in said
    assert said.split("up to ")[1].split(" A from those of sample 2;")[0] == "2.6"


def test_samples_that_are_not_finite_are_no_match(fragment, ends):
    ends[0, 3] = np.nan
    ends[2] = np.inf
    assert match_atoms(fragment, ends).sample == 1
    ends[1] = np.nan
    with pytest.raises(EdmNoiseError, match="0 lie where"):
        match_atoms(fragment, ends)


def test_two_atoms_are_not_one_atom_of_the_trace(fragment, ends):
    with pytest.raises(EdmNoiseError, match="1 lie where"):
        match_atoms(fragment.take(np.array([4, 4])), ends)
