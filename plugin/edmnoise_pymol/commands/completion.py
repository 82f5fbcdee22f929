"""What the tabulator key completes: selections and objects first, then "keyword=" and "keyword=choice" at any place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edmnoise.settings.knob import REQUIRED, Knob

from .speech import knobs_of


def add_completions(cmd: Any, commands: tuple[Callable[..., Any], ...]) -> None:
    """Teach a cmd what to complete in the arguments of some commands."""
    for command in commands:
        knobs = knobs_of(command)
        for position, knob in enumerate(knobs.values()):
            while len(cmd.auto_arg) <= position:
                cmd.auto_arg.append({})
            entry = _entry(cmd, knob, knobs)
            if entry is not None:
                cmd.auto_arg[position][command.__name__] = entry


def _entry(cmd: Any, knob: Knob, knobs: dict[str, Knob]) -> list[Any] | None:
    """PyMOL's [choices, what they are, what to put behind]; None leaves PyMOL to complete file names."""
    from pymol.shortcut import Shortcut

    if knob.default is REQUIRED:
        needed = {"selection": [cmd.selection_sc, "selection", ", "], "name": [cmd.object_sc, "object", ", "]}
        return needed.get(knob.name)
    if len(knobs) == 1:
        return [lambda: Shortcut(list(knob.words)), knob.name, ""]
    return [lambda: Shortcut(list(_keywords(knobs.values()))), "argument", ""]


def _keywords(knobs: Iterable[Knob]) -> Iterable[str]:
    for knob in knobs:
        if knob.default is not REQUIRED:
            yield from (f"{knob.name}={word}" for word in knob.words or ("",))
