"""How an object looks, beside its atoms' places: colours kept and given back, what they stand for.

What is known of an object is dropped when it goes; PyMOL tells nobody, so every question looks first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible

from . import ask, follow
from .ask import Cmd
from .legend import Ramp, hide_legend, legend_name, ramp_of, show_ramp, show_title, title_name, title_of
from .painting import colours_of, restore_colours

_explained: dict[str, Any] = {}
_before: dict[str, list[int]] = {}


@dataclass(frozen=True, eq=False, repr=False)
class Looks(Legible):
    """What `restore` needs to make an object look as it did."""

    name: str
    colours: list[int]
    painter: follow.Paint | None
    ramp: Ramp | None
    title: str
    explained: Any


def keep(cmd: Cmd, name: str) -> Looks:
    """How an object looks now: its colours, whether they follow the frame, its legend."""
    return Looks(
        name,
        colours_of(cmd, name),
        follow.painter(name),
        ramp_of(cmd, legend_name(name)),
        title_of(cmd, title_name(name)),
        _explained.get(name),
    )


def restore(cmd: Cmd, kept: Looks) -> None:
    """Make an object look as it did, unless it is gone or has got other atoms since."""
    follow.stop(kept.name)
    hide_legend(cmd, kept.name)
    if not ask.is_there(cmd, kept.name):
        return
    restore_colours(cmd, kept.name, kept.colours)
    explain(kept.name, kept.explained)
    if kept.ramp is not None:
        show_ramp(cmd, legend_name(kept.name), *kept.ramp)
        show_title(cmd, title_name(kept.name), kept.title)
    if kept.painter is not None:
        follow.start(cmd, kept.name, kept.painter)


def explain(name: str, colouring: Any) -> None:
    """Say what an object's colours stand for (an `edmnoise_pymol.jobs.colouring.Colouring`), None for nothing known."""
    if colouring is None:
        _explained.pop(name, None)
    else:
        _explained[name] = colouring


def explanation(cmd: Cmd, name: str) -> Any:
    """What an object's colours stand for, None where that is not known."""
    _forget_the_gone(cmd)
    return _explained.get(name)


# The colours that an object came with


def remember_before(cmd: Cmd, name: str) -> None:
    """Keep the colours that an object has before it is coloured for the first time."""
    _forget_the_gone(cmd)
    if len(_before.get(name, ())) != ask.atoms(cmd, name):
        _before[name] = colours_of(cmd, name)


def has_before(cmd: Cmd, name: str) -> bool:
    """Whether there are colours to go back to."""
    _forget_the_gone(cmd)
    return name in _before


def restore_before(cmd: Cmd, name: str) -> None:
    """Give an object the colours that it came with; its legend goes, and its colours follow no more.

    Raises
    ------
    EdmNoiseError
        Where it has them still, or has got other atoms since.
    """
    _forget_the_gone(cmd)
    kept = _before.get(name)
    if kept is None:
        raise EdmNoiseError(f"{name} has the colours that it came with: nothing has coloured it by displacement")
    if ask.atoms(cmd, name) != len(kept):
        raise EdmNoiseError(f"{name} has got other atoms since it was coloured: its colours cannot be given back")
    restore(cmd, Looks(name, kept, None, None, "", None))


def forget(name: str) -> None:
    """Know nothing of an object any more: another one takes its name."""
    follow.stop(name)
    _before.pop(name, None)
    _explained.pop(name, None)


def _forget_the_gone(cmd: Cmd) -> None:
    present = set(ask.objects(cmd))
    for name in (set(_before) | set(_explained)) - present:
        forget(name)
