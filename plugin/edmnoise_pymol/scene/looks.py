"""How an object looks, beside its atoms' places: colours kept and given back, colours by state, a legend in the scene.

What is known of an object is dropped when it goes; PyMOL tells nobody, so every question looks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.colours import PALETTES, Anchor
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.memory import check_frames_fit

from . import arrays, ask, bridge, follow

BAKED_BYTES = 300
"""Memory of one atom in one state of a discrete object inside PyMOL (measured 170 to 260), its picture left out."""

Ramp = tuple[list[float], list[float]]
"""Values in angstrom, and red, green, blue of each."""

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


def keep(cmd: bridge.Cmd, name: str) -> Looks:
    """How an object looks now: its colours, whether they follow the frame, its legend."""
    return Looks(
        name,
        bridge.colours(cmd, name),
        follow.painter(name),
        _ramp(cmd, name),
        _title_of(cmd, title_name(name)),
        _explained.get(name),
    )


def restore(cmd: bridge.Cmd, kept: Looks) -> None:
    """Make an object look as it did, unless it is gone or has got other atoms since."""
    follow.stop(kept.name)
    hide_legend(cmd, kept.name)
    if not ask.is_there(cmd, kept.name):
        return
    bridge.restore_colours(cmd, kept.name, kept.colours)
    explain(kept.name, kept.explained)
    if kept.ramp is not None:
        _show_ramp(cmd, legend_name(kept.name), *kept.ramp)
        _show_title(cmd, title_name(kept.name), kept.title)
    if kept.painter is not None:
        follow.start(cmd, kept.name, kept.painter)


def explain(name: str, colouring: Any) -> None:
    """Say what an object's colours stand for (an `edmnoise_pymol.jobs.colouring.Colouring`), None for nothing known."""
    if colouring is None:
        _explained.pop(name, None)
    else:
        _explained[name] = colouring


def explanation(cmd: bridge.Cmd, name: str) -> Any:
    """What an object's colours stand for, None where that is not known."""
    _forget_the_gone(cmd)
    return _explained.get(name)


# The colours that an object came with


def remember_before(cmd: bridge.Cmd, name: str) -> None:
    """Keep the colours that an object has before it is coloured for the first time."""
    _forget_the_gone(cmd)
    if len(_before.get(name, ())) != ask.atoms(cmd, name):
        _before[name] = bridge.colours(cmd, name)


def has_before(cmd: bridge.Cmd, name: str) -> bool:
    """Whether there are colours to go back to."""
    _forget_the_gone(cmd)
    return name in _before


def restore_before(cmd: bridge.Cmd, name: str) -> None:
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


def _forget_the_gone(cmd: bridge.Cmd) -> None:
    present = set(ask.objects(cmd))
    for name in (set(_before) | set(_explained)) - present:
        forget(name)


# Palettes


def anchors(cmd: bridge.Cmd, palette: str) -> tuple[Anchor, ...]:
    """Colours of a palette by name, or of PyMOL's colours joined by spaces or underscores."""
    if palette in PALETTES:
        return PALETTES[palette]
    names = palette.split() if " " in palette.strip() else palette.split("_")
    if len(names) < 2:
        raise EdmNoiseError(
            f"no palette {palette!r}: give one of {', '.join(PALETTES)}, or two or more of PyMOL's colours (white_red)"
        )
    return tuple(bridge.anchors_of(cmd, names))


# The legend in the scene: PyMOL's ramp under a label, which ray tracing, pictures and saved sessions hold


def legend_name(name: str) -> str:
    return f"{name}_legend"


def title_name(name: str) -> str:
    return f"{name}{ask.TITLE}"


def check_legend(cmd: bridge.Cmd, name: str) -> None:
    """Raise EdmNoiseError where something else has the name of an object's legend."""
    legend, title = legend_name(name), title_name(name)
    there = ask.names(cmd)
    if legend in there and cmd.get_type(legend) != "object:ramp":
        raise EdmNoiseError(f"the name {legend!r} is taken: delete it first, or use legend=0")
    if title in there and legend not in there:
        raise EdmNoiseError(f"the name {title!r} is taken: delete it first, or use legend=0")


def show_legend(
    cmd: bridge.Cmd, name: str, colours: Sequence[Anchor], low: float, high: float, title: str
) -> tuple[str, ...]:
    """Show an object's legend under its title, where it stood if it was there already; returns the names of both."""
    if high <= low:  # one value alone makes no ramp: one colour that reads the same at both ends
        low, high, colours = low, low + 1e-6, (colours[0], colours[0])
    steps = len(colours) - 1
    values = [low + (high - low) * step / steps for step in range(steps + 1)]
    legend = legend_name(name)
    _show_ramp(cmd, legend, values, [channel for colour in colours for channel in colour])
    _show_title(cmd, title_name(name), title)
    return legend, title_name(name)


def hide_legend(cmd: bridge.Cmd, name: str) -> None:
    """Remove an object's legend, where it has one."""
    legend = legend_name(name)
    if ask.is_there(cmd, legend) and cmd.get_type(legend) == "object:ramp":
        cmd.delete(legend)
        cmd.delete(title_name(name))


def _show_title(cmd: bridge.Cmd, name: str, title: str) -> None:
    """A label at a place of the picture, before all else, where PyMOL puts a ramp."""
    if title == _title_of(cmd, name):
        return
    cmd.delete(name)
    cmd.pseudoatom(name, pos=cmd.get_position(), label=title, quiet=1)
    cmd.show_as("labels", f"%{name}")
    for setting, value in _TITLE_LOOKS.items():
        cmd.set(setting, value, name, quiet=1)


_TITLE_LOOKS = {
    "label_relative_mode": 1,
    "label_screen_point": [0.0, -0.67, -0.9],
    "label_size": 15,
    "label_color": "grey60",
}
"""Grey is seen on black, and on the white that ray-traced pictures are put on. No background: a label that has one is
not drawn in PyMOL's window, though it is in ray-traced pictures."""


def _title_of(cmd: bridge.Cmd, name: str) -> str:
    """What a title says, "" where there is none."""
    found: list[str] = []
    if ask.is_there(cmd, name):
        cmd.iterate(f"%{name}", "_found.append(label)", space={"_found": found})
    return "".join(found)


def _show_ramp(cmd: bridge.Cmd, legend: str, values: Sequence[float], flat: Sequence[float]) -> None:
    """A ramp's colours have to be floats."""
    numbers = [float(number) for number in flat]
    colours = [numbers[at : at + 3] for at in range(0, len(numbers), 3)]
    shown = _ramp_of(cmd, legend)
    if shown is None or len(shown[0]) != len(values):
        cmd.delete(legend)
        cmd.ramp_new(legend, "none", [float(value) for value in values], colours, quiet=1)
    elif _differ(shown[0], values) or _differ(shown[1], numbers):
        cmd.ramp_update(legend, [float(value) for value in values], colours)


def _ramp(cmd: bridge.Cmd, name: str) -> Ramp | None:
    return _ramp_of(cmd, legend_name(name))


def _ramp_of(cmd: bridge.Cmd, legend: str) -> Ramp | None:
    """What a ramp shows, None where there is none. PyMOL tells it in sessions only."""
    if not ask.is_there(cmd, legend) or cmd.get_type(legend) != "object:ramp":
        return None
    _, _, _, values, flat, *_ = cmd.get_session(legend, partial=1, quiet=1)["names"][0][5]
    return list(values), list(flat)


def _differ(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) != len(other) or any(abs(a - b) > 1e-6 for a, b in zip(one, other, strict=True))


# A copy whose states have colours of their own


def check_bakable(cmd: bridge.Cmd, name: str) -> int:
    """Number of states of an object that `baked_copy` can copy.

    Raises
    ------
    EdmNoiseError
        Where the memory does not hold it.
    """
    states, atoms = ask.states(cmd, name), ask.atoms(cmd, name)
    check_frames_fit(states, BAKED_BYTES * atoms, what="baked states")
    return states


def baked_copy(cmd: bridge.Cmd, name: str, target: str) -> None:
    """Make a discrete copy of an object: each state has atoms of its own, in the order of the object's.

    Raises
    ------
    EdmNoiseError
        Where PyMOL put the atoms of a state into another order (nothing is left behind).
    """
    if hasattr(cmd, "set_discrete"):
        cmd.feedback("push")
        cmd.feedback("disable", "executive", "actions")  # copy says twice what it did
        try:
            cmd.copy(target, f"%{name}", zoom=0)
        finally:
            cmd.feedback("pop")
        cmd.set_discrete(target, 1)
    else:  # PyMOL 2.5; settings of the object itself are not copied
        cmd.create(target, f"%{name}", 0, 0, discrete=1, zoom=0)
    last = ask.states(cmd, name)
    for copied, kept in zip(*(arrays.states(cmd, each, 1, last) for each in (target, name)), strict=True):
        if copied is None or kept is None or not np.array_equal(copied, kept):
            cmd.delete(target)
            raise EdmNoiseError(f"PyMOL changed the order of the atoms of {name}: please report this")


def paint_state(
    cmd: bridge.Cmd, name: str, state: int, shades: NDArray[np.uint8], places: NDArray[np.int64] | None = None
) -> None:
    """Colour the atoms of one state of a discrete object, or those at some places in it; `recolor` shows it."""
    packed, chosen = bridge.packed_colours(shades), f"%{name} and state {state}"
    if places is not None:
        before: list[int] = []
        cmd.iterate(f"?{name} and state {state}", "_found.append(color)", space={"_found": before})
        packed = bridge.put(before, packed, places)
    if cmd.count_atoms(f"?{name} and state {state}") != len(packed):
        raise EdmNoiseError(f"{name} was changed or deleted while its colours were made: it is not kept")
    cmd.alter(chosen, "color = _next()", space={"_next": iter(packed).__next__})
