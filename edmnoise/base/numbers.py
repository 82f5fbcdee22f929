"""A number as it is written -> the number that it says in every country; what could be read in two ways is refused."""

from __future__ import annotations

import re

from .errors import EdmNoiseError

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
_UNITS = {"a": 1.0, "å": 1.0, "angstrom": 1.0, "angstroms": 1.0, "nm": 10.0, "pm": 0.01}
_WITH_UNIT = re.compile(rf"({_NUMBER.pattern})?\s*({'|'.join(_UNITS)})", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a text is one finite decimal number, with a point and no other sign between its digits."""
    return _NUMBER.fullmatch(text.strip()) is not None


def number(name: str, text: str, wanted: str = "a number", length: bool = False) -> float:
    """The number that a text says; EdmNoiseError, naming what it was for, for anything else.

    Examples
    --------
    >>> number("z", "1e2"), number("z", " .5")
    (100.0, 0.5)
    >>> number("sigma", "0.5 nm", length=True)
    Traceback (most recent call last):
    edmnoise.base.errors.EdmNoiseError: sigma is '0.5 nm': lengths are in angstrom and have no unit, so write 5
    """
    if is_number(text):
        return float(text)
    check_commas(f"{name} is", text)
    unit = _WITH_UNIT.fullmatch(text.strip())
    if unit and length:
        value = f", so write {float(unit[1]) * _UNITS[unit[4].lower()]:.10g}" if unit[1] else ""
        raise EdmNoiseError(f"{name} is {text!r}: lengths are in angstrom and have no unit{value}")
    raise EdmNoiseError(f"{name} is {text!r}: give {wanted}{' without a unit' if unit else ''}")


def check_commas(subject: str, text: str) -> None:
    """Refuse a text with commas in it: some write them for the point, and some between numbers."""
    if "," not in text:
        return
    ways = " or ".join(readings(text))
    raise EdmNoiseError(f"{subject} {text!r}: decimals have a point, numbers are separated by spaces: write {ways}")


def readings(text: str) -> list[str]:
    """What numbers with commas can mean, as one writes it here: "1,5" is 1.5, or 1 and 5."""
    parts = text.replace(",", " ").strip("()[] ").split()
    decimal = len(parts) == 2 and parts[0].lstrip("+-").isdigit() and parts[1].isdigit()
    return [*([".".join(parts)] if decimal else []), " ".join(parts)]
