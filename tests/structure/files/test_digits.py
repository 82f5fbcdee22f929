"""Digits out of tables are the digits that Python prints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.structure.files.digits import integers, thousandths


def text(words):
    return words.view(np.uint8).tobytes().decode()


@given(st.integers(1, 4).flatmap(lambda words: st.tuples(st.just(words), st.integers(0, 10 ** (4 * words) - 1))))
def test_integers(case):
    words, number = case
    assert text(integers(np.array(number), words)) == f"{number:{4 * words}d}"


@given(st.integers(2, 4).flatmap(lambda words: st.tuples(st.just(words), st.integers(0, 10 ** (4 * words - 5) - 1))))
def test_thousandths_of_negative_numbers(case):
    words, whole = case
    for decimals in (0, 1, 999):
        number = -(whole * 1000 + decimals)
        sign = "-" if number else ""
        assert text(thousandths(np.array(number), words)) == f"{sign}{whole}.{decimals:03d}".rjust(4 * words)


@given(st.integers(2, 4).flatmap(lambda words: st.tuples(st.just(words), st.integers(0, 10 ** (4 * words - 1) - 1))))
def test_thousandths_of_positive_numbers(case):
    words, number = case
    expected = f"{number // 1000}.{number % 1000:03d}".rjust(4 * words)
    assert text(thousandths(np.array(number), words)) == expected


def test_every_group_of_digits():
    numbers = np.concatenate([np.arange(20_001), np.arange(10**8 - 10_000, 10**8)])
    assert text(integers(numbers, 2)) == "".join(f"{number:8d}" for number in numbers)
    numbers = np.arange(-999_999, 1_000_000, 7)
    assert text(thousandths(numbers, 2)) == "".join(f"{number / 1000:8.3f}" for number in numbers)


def test_shapes_are_kept():
    numbers = np.arange(6).reshape(2, 3)
    assert integers(numbers, 2).shape == (2, 3, 2)
    assert thousandths(numbers, 3).shape == (2, 3, 3)
