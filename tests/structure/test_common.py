"""Atoms in common are those of one identity, whatever stands between them: sets and brute force say which."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.common import AtomsDiffer, common_rows, matched


def made(rows):
    """Atoms of (segment, chain, number, residue name, name)."""
    segment, chain, number, residue, name = zip(*rows, strict=True)
    return Atoms.make(name, ["C"] * len(rows), residue, number, chain, segment, [False] * len(rows))


def random_rows(rng, count=40):
    names = rng.choice(["N", "CA", "C", "O"], count)
    return [("", str(rng.choice(["A", "B"])), int(rng.integers(1, 6)), "ALA", str(name)) for name in names]


@pytest.mark.parametrize("seed", range(20))
def test_the_first_of_one_identity_is_the_first_of_the_other(seed):
    rng = np.random.default_rng(seed)
    ones, others = random_rows(rng), random_rows(rng)
    free, pairs = list(range(len(others))), []
    for i, row in enumerate(ones):
        j = next((j for j in free if others[j] == row), None)
        if j is not None:
            free.remove(j)
            pairs.append((i, j))
    mine, theirs = matched(made(ones), made(others))
    assert list(zip(mine.tolist(), theirs.tolist(), strict=True)) == pairs


def test_order_does_not_matter_to_what_is_in_common():
    rng = np.random.default_rng(1)
    rows = [("", "A", k // 4, "GLY", "NCAO"[k % 4]) for k in range(24)]
    turned = rng.permutation(24)
    mine, theirs = matched(made(rows), made([rows[k] for k in turned]))
    assert (mine == np.arange(24)).all()
    assert (turned[theirs] == mine).all()


@pytest.mark.parametrize(("chain", "segment"), [("B", ""), ("A", "A"), ("B", "C")])
def test_between_files_chains_and_segments_may_be_called_otherwise(chain, segment):
    one = made([("", "A", k, "GLY", "CA") for k in range(5)])
    other = made([(segment, chain, k, "GLY", "CA") for k in range(1, 6)])
    assert [rows.tolist() for rows in matched(one, other, renamed=True)] == [[1, 2, 3, 4], [0, 1, 2, 3]]
    assert not len(matched(one, other)[0])


def test_chains_in_another_order_are_told_by_their_letters():
    rows = [("", chain, k, "GLY", "CA") for chain in "AB" for k in range(3)]
    assert matched(made(rows), made(rows[3:] + rows[:3]), renamed=True)[1].tolist() == [3, 4, 5, 0, 1, 2]


def test_what_differs_is_named_and_left_out_where_that_is_asked_for():
    rows = [("", "A", k, "GLY", "CA") for k in range(6)]
    lists = [("model 1", made(rows[:5])), ("model 2", made(rows[1:])), ("model 3", made(rows))]
    with pytest.raises(AtomsDiffer) as caught:
        common_rows(lists, False, "do so")
    assert str(caught.value) == (
        "//A/GLY`0/CA of model 1 is not in model 2, and //A/GLY`5/CA of model 2 is not in model 1: do so"
    )
    assert [found.tolist() for found in common_rows(lists, True, "")] == [[1, 2, 3, 4], [0, 1, 2, 3], [1, 2, 3, 4]]
    with pytest.raises(EdmNoiseError, match="a and b have no atoms in common"):
        common_rows([("a", made(rows[:2])), ("b", made(rows[2:]))], True, "")


def test_many_are_counted():
    rows = [("", "A", k, "GLY", "CA") for k in range(9)]
    lists = [("a", made(rows)), ("b", made(rows[:4]))]
    with pytest.raises(AtomsDiffer, match=r"GLY`4/CA, .*GLY`5/CA, .*GLY`6/CA and 2 more atoms of a are not in b: x"):
        common_rows(lists, False, "x")
