"""What was recorded of a real run: which trace, what names its atoms, which samples and steps of it are shown."""

from __future__ import annotations

from typing import Any

from ..base.errors import EdmNoiseError
from ..base.names import known_name
from ..diffusion.names import ALIASES, PUBLISHED
from . import reading
from .knob import Knob, numbers, switch, text, whole, word
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


def _schedule(knob: Knob, value: Any) -> list[float] | str:
    """Levels in angstrom, or the name of a published sampler."""
    given = reading.text(value) if isinstance(value, str) else ""
    if given[:1].isalpha():
        found = known_name(given, PUBLISHED, ALIASES)
        if found is None:
            raise EdmNoiseError(f"{knob.name} is {given!r}: give one of {', '.join(PUBLISHED)}, or levels in angstrom")
        return found
    return reading.numbers(knob.name, value, length=True)


def _traces(knob: Knob, value: Any) -> list[tuple[str, int | None]]:
    """(path, number of the run or None) of each."""
    given = reading.text(value) if isinstance(value, str) else value
    several = given.split() if isinstance(given, str) and not set(given) & set("|;") else reading.items(given)
    found = [_trace(knob, str(item).strip()) for item in several]
    if not found:
        raise EdmNoiseError(f"{knob.name} is {reading.text(value)!r}: give the folder of a trace at least")
    if len(set(found)) < len(found):
        raise EdmNoiseError(f"{knob.name} is {reading.text(value)!r}: give each trace once")
    return found


def _trace(knob: Knob, item: str) -> tuple[str, int | None]:
    path, colon, run = item.rpartition(":")
    if not (colon and path and run.isdigit()):
        return item, None
    if int(run) < 1:
        raise EdmNoiseError(f"{knob.name} has {item!r}: runs are counted from 1")
    return path, int(run)


TRACE = text(
    "trace",
    help="the folder that a run was recorded in, or a folder of several, or a file in which a program wrote its steps",
)
STRUCTURE = text(
    "structure",
    None,
    "what names the atoms: a structure file (.pdb, .cif, also with .gz), best one that the run wrote, or a loaded "
    "object or selection of it",
    usual="the recorded names",
)
SAMPLES = numbers("samples", None, "numbers of the samples to show, from 1", usual="all").but(
    parse=_samples, kind="integers"
)
STEPS = numbers(
    "steps",
    (100,),
    "how many of the recorded steps to show at most, spread evenly; or first last every: from one step to another, "
    "each so many recorded steps; freeze-out is read off those that are shown",
).but(parse=_steps, kind="integers")
TRACE_NAME = NAME.but(help="name of the new objects", usual="<trace>")
RUN = whole(
    "run", None, "number of the run in a folder of several, from 1", low=1, usual="the one that the structure fits"
)
LAY = word(
    "lay",
    {"motion": "by the recorded motion", "replay": "by chained replay", "superposition": "by superposition"},
    None,
    "how steps are laid in one frame: motion (exact, where it was recorded), replay, superposition",
    usual="the best that the trace allows",
)
REPLAY = switch("replay", False, "print what the sampler did, step by step: its levels, churn and scales")
SCHEDULE = text(
    "schedule",
    None,
    f"levels of another program's file: those of {', '.join(PUBLISHED)}, or one by one in angstrom",
    words=PUBLISHED,
    usual="those of the program that wrote it, if they can be told",
    unit="A",
).but(parse=_schedule)
KIND = word(
    "kind",
    {"noisy": "noisy coordinates", "denoised": "denoised estimates"},
    None,
    "what another program's file holds: noisy or denoised",
    usual="as its content tells",
)
TRACES = text(
    "traces",
    None,
    'recorded runs to stand beside, with spaces or "|" between them; a run of several as out.trace:2',
    usual="none",
).but(parse=_traces, kind="strings")
