"""Every sentence that this library refuses with is an EdmNoiseError."""

from __future__ import annotations

from collections.abc import Sequence


class EdmNoiseError(ValueError):
    """What was given, what is allowed, what to do: one sentence, ready to be shown to a person."""


def one_of(words: Sequence[str]) -> str:
    """The words of a choice as a sentence names them: "a, b or c"."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
