"""A setting, declared once: its name, how a value is read, its limits, what it is where it is left out, what it says.

From it come a command's signature, its parser and its help page, what the tabulator key completes, the panel's field
with its tooltip, and the key of a study. In a signature it stands as the default, so those who make one return Any::

    def edm_noise(selection: str = atoms.SELECTION, z: float | None = noise.Z, ...)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..base.errors import EdmNoiseError
from ..base.names import known_name
from . import reading

REQUIRED = ...
"""The default of what has to be given."""


@dataclass(frozen=True, eq=False, repr=False)
class Knob:
    """A setting.

    Attributes
    ----------
    name
        What it is called everywhere.
    kind
        The type that a help page names: "float", "floats", "integer", "level", "levels", "0/1", "string", "strings".
    parse
        Typed text or a Python value -> the value; EdmNoiseError for what is none.
    default
        REQUIRED, None for what may be left out, or a value that `read` takes.
    help
        The text of ARGUMENTS, and of the tooltip unless there is a ``tip``.
    usual
        What the page says to stand where nothing is given, for a default of None.
    unit
        "A" for lengths in angstrom.
    low, high
        Bounds of a number, both allowed.
    words
        Words that it takes, or that are worth offering, and how each reads in the panel.
    closed
        Whether it takes nothing but its words.
    aliases
        Other spellings of its words.
    """

    name: str
    kind: str
    parse: Callable[[Knob, Any], Any]
    default: Any = REQUIRED
    help: str = ""
    usual: str = ""
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    words: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    tip: str = ""

    def read(self, value: Any) -> Any:
        """The value that a text or a Python value means; None where it may be left out and is.

        Raises
        ------
        EdmNoiseError
            One sentence with the name, what was given and what is allowed.
        """
        if self.default is None and reading.absent(value):
            return None
        try:
            return self.parse(self, value)
        except EdmNoiseError as error:
            if self.name in str(error):
                raise
            raise EdmNoiseError(f"{self.name}: {error}") from error

    def __repr__(self) -> str:
        return f"Knob({self.page})"

    def but(self, **changes: Any) -> Any:
        """The same, other in some attributes."""
        return replace(self, **changes)

    @property
    def said(self) -> str:
        """The default as it is typed; "" where there is none."""
        if self.default is REQUIRED or self.default is None:
            return ""
        return typed(self.default)

    @property
    def page(self) -> str:
        """The paragraph of ARGUMENTS, on one line."""
        usual = self.said or self.usual
        return f"{self.name} = {self.kind}: {self.help}" + (f" {{default: {usual}}}" if usual else "")

    @property
    def wanted(self) -> str:
        """What a number has to be: "a whole number from 1"."""
        if self.kind == "level":
            return reading.LEVEL
        kind = "a whole number" if self.kind == "integer" else "a number"
        low = "" if self.low == -math.inf else f" from {self.low:g}"
        return kind + low + ("" if self.high == math.inf else f" to {self.high:g}")

    @property
    def tooltip(self) -> str:
        """What the panel's field says."""
        return self.tip or self.help[:1].upper() + self.help[1:]


def typed(value: Any) -> str:
    """A value as one types it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(map(typed, value)) if isinstance(value, tuple | list) else str(value)


def real(name: str, default: Any = REQUIRED, help: str = "", **more: Any) -> Any:
    """A number; in angstrom where its unit is "A"."""
    return Knob(name, "float", _real, default, help, **more)


def whole(name: str, default: Any = REQUIRED, help: str = "", **more: Any) -> Any:
    """A whole number."""
    return Knob(name, "integer", lambda knob, x: _within(knob, reading.whole(knob.name, x)), default, help, **more)


def switch(name: str, default: Any, help: str, **more: Any) -> Any:
    """On or off."""
    words = {"1": "on", "0": "off"}
    return Knob(name, "0/1", lambda knob, x: reading.switch(knob.name, x), default, help, words=words, **more)


def numbers(name: str, default: Any, help: str, **more: Any) -> Any:
    """Numbers with spaces between them: a list, or a single one."""
    return Knob(name, "floats", _numbers, default, help, **more)


def whole_numbers(knob: Knob, value: Any) -> list[int]:
    """Whole numbers with spaces between them, as `Knob.parse`."""
    one = whole(knob.name, low=knob.low)
    return [one.read(part) for part in reading.numbers(knob.name, value)]


def text(name: str, default: Any = REQUIRED, help: str = "", words: Iterable[str] = (), **more: Any) -> Any:
    """Any text; ``words`` are those worth offering."""
    return Knob(name, "string", lambda _, x: reading.text(x), default, help, words=_labelled(words), **more)


def word(name: str, words: Iterable[str], default: Any, help: str, **more: Any) -> Any:
    """One of some words: a mapping from each to how it reads in the panel, or the words alone."""
    return Knob(name, "string", _word, default, help, words=_labelled(words), closed=True, **more)


def parsed(
    name: str, parse: Callable[[Any], Any], default: Any, help: str, words: Iterable[str] = (), **more: Any
) -> Any:
    """What a function makes of a text without quotes, or of a Python value."""

    def read(_: Knob, value: Any) -> Any:
        return parse(reading.text(value) if isinstance(value, str) else value)

    return Knob(name, "string", read, default, help, words=_labelled(words), **more)


def level(name: str, default: Any = REQUIRED, help: str = "", **more: Any) -> Any:
    """A noise level: a number in angstrom, or an `edmnoise.diffusion.names.Counted`."""
    return Knob(name, "level", lambda knob, x: reading.level(knob.name, x), default, help, **more)


def levels(name: str, default: Any, help: str, **more: Any) -> Any:
    """Noise levels with spaces between them: a list, or a single one."""
    return Knob(name, "levels", lambda knob, x: reading.levels(knob.name, x), default, help, **more)


def several(one: Knob, default: str, help: str, **more: Any) -> Any:
    """A list of what another knob reads, with "|" between them."""

    def read(_: Knob, value: Any) -> list[Any]:
        return [one.read(item) for item in reading.items(value)]

    return replace(one, kind="strings", parse=read, default=default, help=help, **more)


def _labelled(words: Iterable[str]) -> Mapping[str, str]:
    return words if isinstance(words, Mapping) else {word: word for word in words}


def _real(knob: Knob, value: Any) -> float:
    found: float = _within(knob, reading.real(knob.name, value, knob.unit == "A"))
    return found


def _numbers(knob: Knob, value: Any) -> list[float]:
    return [_within(knob, found) for found in reading.numbers(knob.name, value, knob.unit == "A")]


def _word(knob: Knob, value: Any) -> str:
    given = reading.text(value)
    found = known_name(given, knob.words, knob.aliases)
    if found is None:
        one_of = "one of " if len(knob.words) > 1 else ""
        raise EdmNoiseError(f"{knob.name} is {given!r}: give {one_of}{', '.join(knob.words)}")
    return found


def _within(knob: Knob, found: Any) -> Any:
    """A number, if it is within the bounds."""
    if not knob.low <= found <= knob.high:
        raise EdmNoiseError(f"{knob.name} is {found}: give {knob.wanted}")
    return found
