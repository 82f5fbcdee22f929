"""The dense covariance, which the tests of this room compare with: slow, small and obvious."""

import numpy as np
import pytest


def membership(hierarchy, level):
    """(N, groups) 1 where the atom lies in the group, found by walking up."""
    matrix = np.zeros((hierarchy.counts[0], hierarchy.counts[level]))
    for atom in range(hierarchy.counts[0]):
        group = atom
        for k in range(level):
            group = hierarchy.parents[k][group]
        matrix[atom, group] = 1
    return matrix


@pytest.fixture(scope="session")
def memberships():
    """Make the membership matrix (N, groups) of every level."""
    return lambda hierarchy: [membership(hierarchy, level) for level in range(hierarchy.depth)]


@pytest.fixture(scope="session")
def dense(memberships):
    """Make K = sum of w_level S S^T, (N, N)."""

    def make(hierarchy, weights):
        return sum(w * s @ s.T for w, s in zip(weights, memberships(hierarchy), strict=True))

    return make


@pytest.fixture(scope="session")
def random_weights():
    """Make weights for some levels, finest first: positive, or with some of them zero."""

    def make(seed, depth):
        rng = np.random.default_rng(seed)
        weights = rng.dirichlet(np.ones(depth)) * (rng.random(depth) < 0.75)
        weights = weights if weights.sum() > 0 else np.eye(depth)[rng.integers(depth)]
        return tuple((weights / weights.sum()).tolist())

    return make
