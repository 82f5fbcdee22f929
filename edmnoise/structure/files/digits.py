"""Numbers as text, four characters at a time, out of tables: no number is printed one by one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
"""Four ASCII characters each; ``words.view(np.uint8)`` are the bytes."""


def integers(numbers: NDArray[np.int64], words: int, negative: NDArray[np.bool_] | None = None) -> Words:
    """Whole numbers, right-aligned.

    Parameters
    ----------
    numbers
        Array of any shape (...), from 0 to 10^(4 words) - 1, or to 10^(4 words - 1) - 1 where negative.
    words
        How many words of four characters a number takes.
    negative
        (...) which of them to write with a minus sign.

    Returns
    -------
    Words
        (..., words)
    """
    plain, zeros, minus = _tables()
    groups = []
    for _ in range(words - 1):
        numbers, group = np.divmod(numbers, 10_000)
        groups.append(group)
    groups.append(numbers)
    text = np.empty((*numbers.shape, words), dtype=np.uint32)
    blank = np.ones(numbers.shape, dtype=np.bool_)  # nothing but spaces so far
    for place, group in enumerate(reversed(groups)):
        begins = blank & (group > 0) if place < words - 1 else blank
        text[..., place] = np.where(blank, _SPACES, zeros[group])
        text[begins, place] = plain[group[begins]]
        if negative is not None:
            signed = begins & negative
            short = signed & (group < 1_000)
            text[short, place] = minus[group[short]]
            if place > 0:
                text[signed & ~short, place - 1] = _MINUS
        blank = blank & ~begins
    return text


def thousandths(numbers: NDArray[np.int64], words: int) -> Words:
    """Whole numbers of thousandths with a point and three decimals, right-aligned: -1500 is "  -1.500".

    Parameters
    ----------
    numbers
        Array of any shape (...); the whole part within what `integers` holds in one word less.
    words
        How many words of four characters a number takes, the decimals among them.

    Returns
    -------
    Words
        (..., words)
    """
    whole, decimals = np.divmod(np.abs(numbers), 1_000)
    text = np.empty((*numbers.shape, words), dtype=np.uint32)
    text[..., :-1] = integers(whole, words - 1, numbers < 0)
    text[..., -1] = _decimals()[decimals]
    return text


def _words(texts: Iterable[str]) -> Words:
    return np.frombuffer("".join(texts).encode(), dtype=np.uint32)


@cache
def _tables() -> tuple[Words, Words, Words]:
    """Each number of a word: after spaces, after zeros, after a minus sign."""
    return (
        _words(f"{number:4d}" for number in range(10_000)),
        _words(f"{number:04d}" for number in range(10_000)),
        _words(f"{f'-{number}':>4}" for number in range(1_000)),
    )


@cache
def _decimals() -> Words:
    return _words(f".{number:03d}" for number in range(1_000))


_SPACES = _words(["    "])[0]
_MINUS = _words(["   -"])[0]
