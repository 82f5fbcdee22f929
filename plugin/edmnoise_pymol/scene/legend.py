"""A legend in the scene: PyMOL's ramp under a label, which ray tracing, pictures and saved sessions hold."""

from __future__ import annotations

from collections.abc import Sequence

from edmnoise.base.colours import Anchor
from edmnoise.base.errors import EdmNoiseError

from . import ask
from .ask import Cmd

Ramp = tuple[list[float], list[float]]
"""Values in angstrom, and red, green, blue of each."""


def legend_name(name: str) -> str:
    return f"{name}_legend"


def title_name(name: str) -> str:
    return f"{name}{ask.TITLE}"


def check_legend(cmd: Cmd, name: str) -> None:
    """Raise EdmNoiseError where something else has the name of an object's legend."""
    legend, title = legend_name(name), title_name(name)
    there = ask.names(cmd)
    if legend in there and cmd.get_type(legend) != "object:ramp":
        raise EdmNoiseError(f"the name {legend!r} is taken: delete it first, or use legend=0")
    if title in there and legend not in there:
        raise EdmNoiseError(f"the name {title!r} is taken: delete it first, or use legend=0")


def show_legend(cmd: Cmd, name: str, colours: Sequence[Anchor], low: float, high: float, title: str) -> tuple[str, ...]:
    """Show an object's legend under its title, where it stood if it was there already; returns the names of both."""
    if high <= low:  # one value alone makes no ramp: one colour that reads the same at both ends
        low, high, colours = low, low + 1e-6, (colours[0], colours[0])
    steps = len(colours) - 1
    values = [low + (high - low) * step / steps for step in range(steps + 1)]
    legend = legend_name(name)
    show_ramp(cmd, legend, values, [channel for colour in colours for channel in colour])
    show_title(cmd, title_name(name), title)
    return legend, title_name(name)


def hide_legend(cmd: Cmd, name: str) -> None:
    """Remove an object's legend, where it has one."""
    legend = legend_name(name)
    if ask.is_there(cmd, legend) and cmd.get_type(legend) == "object:ramp":
        cmd.delete(legend)
        cmd.delete(title_name(name))


def show_title(cmd: Cmd, name: str, title: str) -> None:
    """A label at a place of the picture, before all else, where PyMOL puts a ramp."""
    if title == title_of(cmd, name):
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


def title_of(cmd: Cmd, name: str) -> str:
    """What a title says, "" where there is none."""
    found: list[str] = []
    if ask.is_there(cmd, name):
        cmd.iterate(f"%{name}", "_found.append(label)", space={"_found": found})
    return "".join(found)


def show_ramp(cmd: Cmd, legend: str, values: Sequence[float], flat: Sequence[float]) -> None:
    """A ramp's colours have to be floats."""
    numbers = [float(number) for number in flat]
    colours = [numbers[at : at + 3] for at in range(0, len(numbers), 3)]
    shown = ramp_of(cmd, legend)
    if shown is None or len(shown[0]) != len(values):
        cmd.delete(legend)
        cmd.ramp_new(legend, "none", [float(value) for value in values], colours, quiet=1)
    elif _differ(shown[0], values) or _differ(shown[1], numbers):
        cmd.ramp_update(legend, [float(value) for value in values], colours)


def ramp_of(cmd: Cmd, legend: str) -> Ramp | None:
    """What a ramp shows, None where there is none. PyMOL tells it in sessions only."""
    if not ask.is_there(cmd, legend) or cmd.get_type(legend) != "object:ramp":
        return None
    _, _, _, values, flat, *_ = cmd.get_session(legend, partial=1, quiet=1)["names"][0][5]
    return list(values), list(flat)


def _differ(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) != len(other) or any(abs(a - b) > 1e-6 for a, b in zip(one, other, strict=True))
