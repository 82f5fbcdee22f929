"""Colours -> atoms of an object: painted, read, given back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.colours import PALETTES, Anchor
from edmnoise.base.errors import EdmNoiseError

from . import ask
from .ask import Cmd
from .objects import is_there
from .source import whole


def paint(cmd: Cmd, name: str, shades: NDArray[np.uint8], index: NDArray[np.int64] | None = None) -> None:
    """Colour each atom of an object, or those of PyMOL's indices: (N, 3) red, green, blue from 0 to 255, in order."""
    packed = packed_colours(shades)
    chosen = whole(name)
    if index is not None:
        packed = replaced(colours_of(cmd, name), packed, index - 1)
    try:
        # alter tells how many atoms there are: to ask before takes as long as a tenth of it.
        atoms = cmd.alter(chosen, "color = _next()", space={"_next": iter(packed).__next__})
    except StopIteration:
        atoms = ask.atoms(cmd, name)
    repaint(cmd, name)
    if atoms != len(packed):
        raise EdmNoiseError(f"{len(packed):,} colours for the {atoms:,} atoms of {name}: some are coloured wrongly")


def repaint(cmd: Cmd, name: str) -> None:
    """Draw an object in the colours that its atoms have by now."""
    cmd.recolor(whole(name))


def packed_colours(shades: NDArray[np.uint8]) -> list[int]:
    """(N, 3) red, green, blue from 0 to 255 as PyMOL's numbers of colours."""
    return (shades.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1]) + 0x40000000).tolist()


def replaced(before: list[int], packed: list[int], rows: NDArray[np.int64]) -> list[int]:
    """Colours with some of them replaced; those before where they have become too few."""
    if len(rows) and rows.max() >= len(before):
        return packed
    for row, number in zip(rows.tolist(), packed, strict=True):
        before[row] = number
    return before


def colours_of(cmd: Cmd, name: str) -> list[int]:
    """What `restore_colours` needs to give an object the colours back that it has now."""
    found: list[int] = []
    cmd.iterate(whole(name), "_found.append(color)", space={"_found": found})
    return found


def restore_colours(cmd: Cmd, name: str, kept: list[int]) -> None:
    """Give an object its colours back, unless it has got other atoms since."""
    if is_there(cmd, name, len(kept)):
        cmd.alter(whole(name), "color = _next()", space={"_next": iter(kept).__next__})
        repaint(cmd, name)


def anchors_of(cmd: Cmd, names: list[str]) -> list[tuple[float, float, float]]:
    """Red, green, blue of PyMOL's colours by name; EdmNoiseError for one that PyMOL does not know."""
    for name in names:
        if not name or cmd.get_color_index(name) < 0:  # PyMOL takes no name for white
            raise EdmNoiseError(f"PyMOL knows no colour {name!r}")
    return [tuple(cmd.get_color_tuple(name)) for name in names]


def anchors_named(cmd: Cmd, palette: str) -> tuple[Anchor, ...]:
    """Colours of a palette by name, or of PyMOL's colours joined by spaces or underscores."""
    if palette in PALETTES:
        return PALETTES[palette]
    names = palette.split() if " " in palette.strip() else palette.split("_")
    if len(names) < 2:
        raise EdmNoiseError(
            f"no palette {palette!r}: give one of {', '.join(PALETTES)}, or two or more of PyMOL's colours (white_red)"
        )
    return tuple(anchors_of(cmd, names))


def paint_state(
    cmd: Cmd, name: str, state: int, shades: NDArray[np.uint8], places: NDArray[np.int64] | None = None
) -> None:
    """Colour the atoms of one state of a discrete object, or those at some places in it; `recolor` shows it."""
    packed, chosen = packed_colours(shades), f"%{name} and state {state}"
    if places is not None:
        before: list[int] = []
        cmd.iterate(f"?{name} and state {state}", "_found.append(color)", space={"_found": before})
        packed = replaced(before, packed, places)
    if cmd.count_atoms(f"?{name} and state {state}") != len(packed):
        raise EdmNoiseError(f"{name} was changed or deleted while its colours were made: it is not kept")
    cmd.alter(chosen, "color = _next()", space={"_next": iter(packed).__next__})
