"""Text typed in PyMOL -> values: everything typed arrives as a string, everything called from Python may be typed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from edmnoise.base import numbers as written
from edmnoise.base.errors import EdmNoiseError

if TYPE_CHECKING:
    from ..jobs.ensemble import Basis

T = TypeVar("T")

TRUE, FALSE = ("1", "on", "yes", "true"), ("0", "off", "no", "false")

_LENGTHS = frozenset(
    "sigma sigma_min sigma_max minimum maximum chain residue atom reference fluctuations schedule".split()
)
"""Arguments in angstrom."""

_WHOLE = re.compile(r"[-+]?[0-9]+")


def real(name: str, value: Any) -> float:
    """A finite number, for example "4.8"."""
    return _finite(name, value, "a number")


def optional(convert: Callable[[str, Any], T], name: str, value: Any) -> T | None:
    """What another function of this module makes of a value, or nothing where none is given ("" or None)."""
    return None if absent(value) else convert(name, value)


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


def numbers(name: str, value: Any) -> list[float]:
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
    return [real(name, part) for part in parts]


def items(value: Any) -> list[Any]:
    """Things separated by "|" (or ";", which PyMOL's own prompt takes for the end of a command)."""
    if not isinstance(value, str):
        return list(value)
    return [part.strip() for part in _unquoted(value).replace(";", "|").split("|") if part.strip()]


def text(value: Any) -> str:
    """Text without the quotes that PyMOL leaves around it."""
    return _unquoted(str(value).strip())


def absent(value: Any) -> bool:
    """Whether an optional argument was left out."""
    return value is None or (isinstance(value, str) and not text(value))


def basis(origin: Any, align: Any, common: Any, hydrogens: Any, solvent: Any) -> Basis:
    """What displacements are measured from, on which atoms."""
    from ..jobs.ensemble import Basis

    return Basis(
        text(origin),
        text(align),
        switch("hydrogens", hydrogens),
        optional(switch, "solvent", solvent),
        switch("common", common),
    )


def _finite(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, str):
        return written.number(name, text(value), wanted, length=name in _LENGTHS)
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
