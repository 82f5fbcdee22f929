"""Sums and means over groups are the membership matrices' products, and a mean spread again is a projection."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.levels import (
    ancestor_index,
    as_array,
    atom_means,
    group_sum,
    parent_coordinates,
    sizes,
    spread,
)

DEPTHS = (2, 3, 4, 5)
SHAPES = ((), (5,), (2, 3))


def membership(hierarchy, fine, coarse):
    """(n_coarse, n_fine) 1 where the group of the coarse level holds the one of the fine level, found by walking up."""
    matrix = np.zeros((hierarchy.counts[coarse], hierarchy.counts[fine]))
    for group in range(hierarchy.counts[fine]):
        holder = group
        for level in range(fine, coarse):
            holder = hierarchy.parents[level][holder]
        matrix[holder, group] = 1
    return matrix


def numbers(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_spreads_are_products_with_the_membership_matrix(nesting, depth, shape):
    hierarchy = nesting(depth, depth)
    for fine in range(depth):
        for coarse in range(fine, depth):
            matrix = torch.from_numpy(membership(hierarchy, fine, coarse))
            below, above = numbers(*shape, hierarchy.counts[fine]), numbers(*shape, hierarchy.counts[coarse], seed=1)
            torch.testing.assert_close(group_sum(below, hierarchy, fine, coarse), below @ matrix.T)
            assert torch.equal(spread(above, hierarchy, coarse, fine), above @ matrix)
            assert torch.equal(ancestor_index(hierarchy, fine, coarse), matrix.argmax(dim=0))


@pytest.mark.parametrize("depth", DEPTHS)
def test_summing_in_steps_is_summing_at_once(nesting, depth):
    hierarchy = nesting(depth + 10, depth)
    values = numbers(4, hierarchy.counts[0])
    stepwise = values
    for fine, coarse in pairwise(range(depth)):
        stepwise = group_sum(stepwise, hierarchy, fine, coarse)
    torch.testing.assert_close(stepwise, group_sum(values, hierarchy, 0, depth - 1))


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_means_over_atoms_weigh_every_atom_alike(nesting, depth, shape):
    hierarchy = nesting(depth + 20, depth)
    values = numbers(*shape, hierarchy.counts[0])
    means = atom_means(values, hierarchy, range(depth))
    assert list(means) == list(range(depth))
    for level, mean in means.items():
        matrix = torch.from_numpy(membership(hierarchy, 0, level))
        torch.testing.assert_close(mean, values @ (matrix / matrix.sum(1, keepdim=True)).T)
        assert torch.equal(sizes(hierarchy, level), matrix.sum(1))


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_mean_spread_again_is_a_projection(nesting, depth):
    hierarchy = nesting(depth + 30, depth)
    values = numbers(3, hierarchy.counts[0])
    for level in range(1, depth):
        once = spread(atom_means(values, hierarchy, [level])[level], hierarchy, level, 0)
        twice = spread(atom_means(once, hierarchy, [level])[level], hierarchy, level, 0)
        torch.testing.assert_close(twice, once)
        left = atom_means(values - once, hierarchy, [level])[level]
        torch.testing.assert_close(left, torch.zeros_like(left))


@pytest.mark.parametrize("levels", [(1,), (2,), (1, 2), (2, 1), (0, 2)])
def test_a_long_chain_is_averaged_as_exactly_as_a_short_residue(levels):
    """250,000 float32 atoms far from the origin, whichever levels are asked for."""
    residue = np.arange(250_000) // 10
    hierarchy = Hierarchy(("atom", "residue", "chain"), (residue, np.zeros(25_000, dtype=np.int64)))
    values = numbers(1, 250_000, dtype=torch.float32) + 100
    exact = {0: values.double(), 1: values.double().reshape(1, -1, 10).mean(2), 2: values.double().mean(1, True)}
    means = atom_means(values, hierarchy, levels)
    assert set(means) == set(levels)
    for level in levels:
        torch.testing.assert_close(means[level].double(), exact[level], rtol=3e-7, atol=0)
        assert means[level].dtype == (torch.float64 if level else torch.float32)


def test_an_index_is_made_once_and_goes_with_its_hierarchy(nesting):
    one, other = nesting(1, 3), nesting(1, 3)
    assert ancestor_index(one, 0, 1) is ancestor_index(one, 0, 1)
    assert ancestor_index(one, 0, 1) is not ancestor_index(other, 0, 1)
    assert torch.equal(ancestor_index(one, 0, 1), ancestor_index(other, 0, 1))


@pytest.mark.parametrize("depth", DEPTHS)
def test_coordinates_in_line_are_looked_up_one_by_one(nesting, depth):
    hierarchy = nesting(depth + 40, depth)
    for level in range(depth - 1):
        above = numbers(hierarchy.counts[level + 1], 3)
        below = above.flatten()[parent_coordinates(hierarchy, level)].reshape(-1, 3)
        assert torch.equal(below, above[hierarchy.parents[level]])
    assert parent_coordinates(hierarchy, 0) is parent_coordinates(hierarchy, 0)


def test_group_sums_keep_the_precision_they_were_given(nesting):
    hierarchy = nesting(2, 3)
    for precision in (torch.float32, torch.float64):
        assert group_sum(numbers(2, hierarchy.counts[0], dtype=precision), hierarchy, 0, 1).dtype == precision


def test_a_tensor_becomes_an_array_of_the_same_memory():
    values = numbers(3)
    array = as_array(values)
    array[1] = 5
    assert values[1] == 5
    assert as_array(numbers(2).requires_grad_()).shape == (2,)
