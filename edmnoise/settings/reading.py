"""Text or Python values -> what they say: everything typed arrives as a string, everything called may be typed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from ..base import numbers as written
from ..base.errors import EdmNoiseError
from ..base.names import known_name
from ..diffusion.names import COUNTED, COUNTED_ALIASES, SCORE, Counted

TRUE, FALSE = ("1", "on", "yes", "true"), ("0", "off", "no", "false")

_WHOLE = re.compile(r"[-+]?[0-9]+")


def real(name: str, value: Any, length: bool = False) -> float:
    """A finite number, for example "4.8"; with ``length`` one in angstrom, of which a unit is told to go."""
    return _finite(name, value, "a number", length)


LEVEL = f"angstrom, or the number of another unit as in rfdiffusion:20 ({SCORE}, {', '.join(COUNTED)})"
"""What a noise level is."""


def level(name: str, value: Any) -> float | Counted:
    """A noise level: a number in angstrom, or a program's own behind its name, for example "rfdiffusion:20"."""
    if isinstance(value, Counted):
        return value
    given = text(value)
    unit, colon, number = given.rpartition(":")
    if not colon:
        return _finite(name, value, LEVEL, length=True)
    known = known_name(unit, (SCORE, *COUNTED), COUNTED_ALIASES)
    if known is None or not written.is_number(number):
        raise EdmNoiseError(f"{name} is {given!r}: give {LEVEL}")
    return Counted(known, float(number))


def levels(name: str, value: Any) -> list[float | Counted]:
    """Noise levels separated by spaces, for example "8 rfdiffusion:20"; a sequence or one of them from Python."""
    if isinstance(value, str):
        bare = text(value)
        written.check_commas(f"{name} is", bare)
        return [level(name, part) for part in bare.split()]
    parts = [value] if isinstance(value, int | float | Counted) else list(value)
    return [level(name, part) for part in parts]


def whole(name: str, value: Any) -> int:
    """A whole number, for example "10" or "1e3"."""
    if isinstance(value, str) and _WHOLE.fullmatch(text(value)):
        return int(text(value))  # of any length
    if isinstance(value, Integral):
        return int(value)
    found = _finite(name, value, "a whole number")
    if not found.is_integer():
        raise EdmNoiseError(f"{name} is {value!r}: give a whole number")
    return int(found)


def switch(name: str, value: Any) -> bool:
    """On or off: 1/0, on/off, yes/no, true/false."""
    word = text(int(value) if isinstance(value, bool) else value).lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise EdmNoiseError(f"{name} is {value!r}: give 1 or 0")


def numbers(name: str, value: Any, length: bool = False) -> list[float]:
    """Numbers separated by spaces, for example "-3 -2 -1 0"; a sequence or one number from Python."""
    parts: Sequence[Any]
    if isinstance(value, str):
        bare = text(value)
        written.check_commas(f"{name} is", bare)
        parts = bare.split()
    else:
        parts = [value] if isinstance(value, int | float) else list(value)
    if not parts:
        raise EdmNoiseError(f"{name} is empty: give numbers separated by spaces")
    return [real(name, part, length) for part in parts]


def items(value: Any) -> list[Any]:
    """Things separated by "|" (or ";", which PyMOL's own prompt takes for the end of a command)."""
    if callable(value):  # a network, which may be a list of its layers as well
        return [value]
    if not isinstance(value, str):
        try:
            return list(value)
        except (TypeError, EdmNoiseError):  # one thing by itself; weights say why they are not iterated
            return [value]
    return [part.strip() for part in _unquoted(value).replace(";", "|").split("|") if part.strip()]


def text(value: Any) -> str:
    """Text without the quotes that PyMOL leaves around it."""
    return _unquoted(str(value).strip())


def absent(value: Any) -> bool:
    """Whether an optional argument was left out."""
    return value is None or (isinstance(value, str) and not text(value))


def _finite(name: str, value: Any, wanted: str, length: bool = False) -> float:
    if isinstance(value, str):
        return written.number(name, text(value), wanted, length)
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise EdmNoiseError(f"{name} is {value!r}: give {wanted}")
    return found


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
