"""What was recorded of a real run: which trace, what names its atoms, which samples and steps of it are shown."""

from __future__ import annotations

from typing import Any

from ..base.errors import EdmNoiseError
from . import reading
from .knob import Knob, numbers, text
from .noise import NAME


def _numbers(knob: Knob, value: Any) -> list[int]:
    """Whole numbers from 1."""
    parts = reading.text(value).split() if isinstance(value, str) else value
    found = [reading.whole(knob.name, part) for part in (parts if isinstance(parts, list | tuple) else [parts])]
    if not found or min(found) < 1:
        raise EdmNoiseError(f"{knob.name} is {reading.text(value)!r}: give whole numbers from 1, separated by spaces")
    return found


def _samples(knob: Knob, value: Any) -> list[int]:
    found = _numbers(knob, value)
    if len(set(found)) < len(found):
        raise EdmNoiseError(f"{knob.name} is {reading.text(value)!r}: give each sample once")
    return found


def _steps(knob: Knob, value: Any) -> list[int]:
    """[how many], or [first, last, every]."""
    found = _numbers(knob, value)
    if len(found) not in (1, 3) or found == [1] or (len(found) == 3 and found[0] >= found[1]):
        raise EdmNoiseError(
            f"{knob.name} is {reading.text(value)!r}: give how many steps to show, from 2, or first last every, as in "
            "1 200 5"
        )
    return found


TRACE = text("trace", help="the folder that a run was recorded in")
STRUCTURE = text(
    "structure",
    help="what names the atoms: a structure file (.pdb, .cif, also with .gz), best one that the run wrote, or a loaded "
    "object or selection of it",
)
SAMPLES = numbers("samples", None, "numbers of the samples to show, from 1", usual="all").but(
    parse=_samples, kind="integers"
)
STEPS = numbers(
    "steps",
    (100,),
    "how many of the recorded steps to show at most, spread evenly; or first last every: from one step to another, "
    "each so many recorded steps",
).but(parse=_steps, kind="integers")
TRACE_NAME = NAME.but(help="name of the new objects", usual="<trace>")
