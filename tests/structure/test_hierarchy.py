"""Groups nest: ancestors compose, sizes add up, and labels may be any integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.hierarchy import Hierarchy

NAMES = ("atom", "residue", "domain", "chain")


@st.composite
def labels(draw):
    """One integer label per atom for one to three levels above the atoms."""
    count = draw(st.integers(1, 30))
    levels = draw(st.integers(1, 3))
    one = st.lists(st.integers(-3, 6), min_size=count, max_size=count)
    return [np.array(draw(one)) for _ in range(levels)]


def nested(given_labels):
    return Hierarchy.from_labels(NAMES[: len(given_labels) + 1], given_labels)


def partition(groups):
    """Sets of atoms, whatever the groups are called."""
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups.tolist())}


@given(labels())
def test_ancestors_compose(given_labels):
    hierarchy = nested(given_labels)
    for fine in range(hierarchy.depth):
        for middle in range(fine, hierarchy.depth):
            for coarse in range(middle, hierarchy.depth):
                direct = hierarchy.ancestors(fine, coarse)
                np.testing.assert_array_equal(
                    direct, hierarchy.ancestors(middle, coarse)[hierarchy.ancestors(fine, middle)]
                )
                assert sorted(set(direct.tolist())) == list(range(hierarchy.counts[coarse]))
                assert len(direct) == hierarchy.counts[fine]


@given(labels())
def test_sizes_add_up(given_labels):
    hierarchy = nested(given_labels)
    count = len(given_labels[0])
    np.testing.assert_array_equal(hierarchy.sizes(0), np.ones(count))
    for level in range(hierarchy.depth):
        assert hierarchy.sizes(level).sum() == count
        assert hierarchy.sizes(level).min() > 0
        for coarse in range(level, hierarchy.depth):
            inner = np.zeros(hierarchy.counts[coarse])
            np.add.at(inner, hierarchy.ancestors(level, coarse), hierarchy.sizes(level))
            np.testing.assert_array_equal(inner, hierarchy.sizes(coarse))


@given(labels())
def test_atoms_are_together_if_all_labels_from_the_top_agree(given_labels):
    hierarchy = nested(given_labels)
    for level in range(1, hierarchy.depth):
        paths = list(zip(*(label.tolist() for label in given_labels[level - 1 :]), strict=True))
        expected = {frozenset(i for i, path in enumerate(paths) if path == wanted) for wanted in set(paths)}
        assert partition(hierarchy.ancestors(0, level)) == expected


@given(labels(), st.randoms(use_true_random=False))
def test_labels_may_be_exchanged_for_others(given_labels, random):
    changed = []
    for label in given_labels:
        names = random.sample(range(-1000, 1000), 10)
        changed.append(np.array([names[value + 3] for value in label]))
    for before, after in zip(nested(given_labels).parents, nested(changed).parents, strict=True):
        np.testing.assert_array_equal(before, after)


@given(labels())
def test_groups_are_numbered_as_they_appear(given_labels):
    hierarchy = nested(given_labels)
    for level in range(1, hierarchy.depth):
        groups = hierarchy.ancestors(0, level).tolist()
        assert list(dict.fromkeys(groups)) == list(range(hierarchy.counts[level]))


@given(labels(), st.randoms(use_true_random=False))
def test_the_order_of_the_atoms_does_not_matter(given_labels, random):
    order = np.array(random.sample(range(len(given_labels[0])), len(given_labels[0])))
    here, there = nested(given_labels), nested([label[order] for label in given_labels])
    for level in range(1, here.depth):
        groups = np.empty(len(order), dtype=int)
        groups[order] = there.ancestors(0, level)
        assert partition(groups) == partition(here.ancestors(0, level))


def test_levels_and_counts():
    hierarchy = Hierarchy.from_labels(("atom", "residue", "chain"), [[5, 5, 5, 1, 1], ["A", "A", "B", "B", "B"]])
    assert hierarchy.counts == (5, 3, 2)
    assert hierarchy.depth == 3
    assert [hierarchy.level(name) for name in ("atom", "residue", "chain")] == [0, 1, 2]
    assert [parent.tolist() for parent in hierarchy.parents] == [[0, 0, 1, 2, 2], [0, 1, 1]]
    assert hierarchy.sizes(1).tolist() == [2, 1, 2]
    assert hierarchy.sizes(2).tolist() == [2, 3]
    assert repr(hierarchy) == "Hierarchy(5 atoms, 3 residues, 2 chains)"
    with pytest.raises(EdmNoiseError, match=r"no level 'domain': the levels are atom, residue, chain"):
        hierarchy.level("domain")


def test_one_atom():
    hierarchy = Hierarchy.from_labels(NAMES, [[7], [7], [7]])
    assert hierarchy.counts == (1, 1, 1, 1)
    assert hierarchy.ancestors(0, 3).tolist() == [0]


@pytest.mark.parametrize(
    ("parents", "reason"),
    [
        ([[0, 0, 1]], "3 level names and 1 parent arrays"),
        ([[0, 0, 2], [0, 0, 0]], "level 'atom' must use each of 0 ... 2"),
        ([[0, 0, 1], [0, 0, 0]], "level 'atom' must use each of 0 ... 2"),
        ([[0, 0, 1], [0]], "level 'atom' must use each of 0 ... 0"),
        ([[0, -1, 1], [0, 0]], "level 'atom' must use each of 0 ... 1"),
        ([[0, 0, 1], [0, 2]], "level 'residue' must use each of 0 ... 2"),
        ([[0, 0, 1], [0, -1]], "level 'residue' must use each of 0 ... 0"),
        ([[], []], "level 'atom' is empty"),
        ([[[0, 1]], [0, 0]], "level 'atom' is empty"),
    ],
)
def test_what_does_not_nest_is_refused(parents, reason):
    with pytest.raises(EdmNoiseError, match=reason.replace(".", r"\.")):
        Hierarchy(("atom", "residue", "chain"), tuple(np.array(parent, dtype=np.int64) for parent in parents))


def test_a_hierarchy_has_groups():
    with pytest.raises(EdmNoiseError, match="1 level names and 0 parent arrays"):
        Hierarchy(("atom",), ())


@pytest.mark.parametrize(
    ("names", "given_labels", "reason"),
    [
        (NAMES[:3], [[0, 0]], r"3 level names and labels of the shapes \[\(2,\)\]"),
        (NAMES[:3], [[0, 0], [0, 0, 0]], r"labels of the shapes \[\(2,\), \(3,\)\]"),
        (NAMES[:1], [], "1 level names and labels of the shapes"),
        (NAMES[:3], [[], []], "no atoms: a hierarchy needs at least one"),
    ],
)
def test_labels_that_do_not_fit_are_refused(names, given_labels, reason):
    with pytest.raises(EdmNoiseError, match=reason):
        Hierarchy.from_labels(names, given_labels)
