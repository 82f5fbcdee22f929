"""How far a group moved -> the palette's colour of its atoms: of all frames, of the one shown, or of each its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.colours import DEFAULT_PALETTE, Anchor, check_range, palette_colours
from edmnoise.frames.displacement import Displacement, Measure, measure_displacement
from edmnoise.structure.structure import Structure

from . import ask, bridge, follow, looks
from .jobs import Job, Watch
from .provenance import Provenance

OVER = ("mean", "max", "state")
"""What a colour stands for: the mean over the frames, the largest, the frame that is shown."""

ORIGINS = ("first", "last")
"""The state that displacements are measured from: the reference of frames, or the end of a trajectory."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours given to an object: what they stand for (angstrom) and their range.

    Attributes
    ----------
    names
        Objects that were made for it: a baked copy and its legend.
    each
        Whether every frame has a range of its own: this one is that of the frame that was shown.
    """

    object: str
    label: str
    palette: str
    minimum: float
    maximum: float
    anchors: tuple[Anchor, ...] = ()
    names: tuple[str, ...] = ()
    each: bool = False
    painter: Painter | None = field(default=None, repr=False)

    def __str__(self) -> str:
        own = ", each frame on its own range" if self.each else ""
        return f"{self.label} from {self.minimum:.3f} to {self.maximum:.3f} A{own} ({self.palette})"

    @property
    def range(self) -> tuple[float, float]:
        """Of what is shown now: another one for each frame where they have ranges of their own."""
        if self.each and self.painter is not None:
            return self.painter.shown
        return self.minimum, self.maximum


@dataclass(eq=False)
class Painter:
    """Gives every atom of an object the colour of its group, on one range or on that of the values at hand."""

    cmd: bridge.Cmd
    name: str
    measure: Measure
    anchors: Sequence[Anchor]
    low: float | None
    high: float | None
    painted: tuple[float, float] = (0.0, 0.0)
    baked: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[float, float]:
        """Range of the state that is shown, or of the last one that was painted."""
        try:
            return (
                self.baked.get(bridge.current_state(self.cmd, self.name), self.painted) if self.baked else self.painted
            )
        except EdmNoiseError:  # all states are shown, or none
            return self.painted

    def paint(self, moved: Displacement, over: str = "mean") -> None:
        shades = self.shades(moved, over)
        looks.remember_before(self.cmd, self.name)
        bridge.paint(self.cmd, self.name, shades)

    def shades(self, moved: Displacement, over: str = "mean") -> NDArray[np.uint8]:
        """(N, 3) red, green, blue of each atom."""
        values = values_of(moved, self.measure, over)
        self.painted = _range(values, self.low, self.high)
        return palette_colours(values, self.anchors, *self.painted)[moved.hierarchy.ancestors(0, self.measure.level)]


def colour(
    cmd: bridge.Cmd,
    name: str,
    level: str = "residue",
    relative: bool = True,
    over: str = "mean",
    palette: str = DEFAULT_PALETTE,
    minimum: float | None = None,
    maximum: float | None = None,
    follow_state: bool = False,
    shared: bool = True,
    bake: bool = False,
    legend: bool = False,
    origin: str = "first",
) -> Job[Colouring]:
    """Colour an object's atoms by how far their atom, residue or chain moved.

    Parameters
    ----------
    name
        An object of two or more states of the same atoms.
    level
        "atom", "residue" or "chain".
    relative
        Relative to the level above (not for chains), or absolute.
    over
        "mean" (RMS over the frames), "max", or "state" (the one that is shown).
    palette
        A name from PALETTES, or PyMOL's colours joined by spaces or underscores.
    minimum, maximum
        Range in angstrom, RMS per coordinate; the values' own where not given.
    follow_state
        Colour by the state that is shown from now on. A later call ends it.
    shared
        Following or baked, all states are coloured on one range; otherwise each on its own.
    bake
        Make a copy whose states have colours of their own, and leave the object itself as it is.
    legend
        Show the range in the scene; otherwise remove the legend that an earlier call made.
    origin
        State that displacements are measured from: "first" or "last".
    """
    if origin not in ORIGINS:
        raise EdmNoiseError(f"origin is {origin!r}: give one of {', '.join(ORIGINS)}")
    if over not in OVER:
        raise EdmNoiseError(f"over is {over!r}: give one of {', '.join(OVER)}")
    if follow_state and bake:
        raise EdmNoiseError("follow and bake are both 1: baked colours follow by themselves, give one of them")
    if bake and legend and not shared:
        raise EdmNoiseError("baked states with a range each have no legend in common: use shared=1 or legend=0")
    anchors = looks.anchors(cmd, palette)
    structure, _ = frames_object(cmd, name)
    if origin == "last":
        structure = replace(structure, coordinates=bridge.read_state(cmd, name, ask.states(cmd, name))[0])
    number = structure.hierarchy.level(level)
    measure = Measure(number, relative and number + 1 < structure.hierarchy.depth)
    by_state = follow_state or bake
    if follow_state:
        _check_follow(name, structure)
    if bake:
        looks.check_bakable(cmd, name)
    target = bridge.free_name(cmd, f"{name}_baked") if bake else name
    if legend:
        looks.check_legend(cmd, target)

    def of(state: int) -> Displacement:
        return measure_displacement(structure, [bridge.read_state(cmd, name, state)], only=[measure])

    if over == "state" and not by_state:
        moved = of(bridge.current_state(cmd, name))
    else:
        frames = (
            list(bridge.read_frames(cmd, name)) if origin == "first" else list(bridge.read_frames(cmd, name, 1))[:-1]
        )
        moved = yield lambda _: measure_displacement(structure, frames, only=[measure])
    each = by_state and not shared
    low, high = _range(values_of(moved, measure, "max" if by_state else over), 0.0 if by_state else None, None)
    low, high = low if minimum is None else minimum, high if maximum is None else maximum
    check_range(low, high)
    own = (minimum, maximum) if each else (low, high)
    painter = Painter(cmd, target, measure, anchors, *own, painted=(low, high))

    def paint(state: int) -> None:
        painter.paint(of(state))
        if legend and each:
            looks.show_legend(cmd, target, anchors, *painter.painted)

    if bake:
        yield from _bake(cmd, name, painter, of)
    elif follow_state:
        follow.start(cmd, name, paint)
    else:
        follow.stop(name)
        painter.paint(moved, over)
    if each:
        low, high = painter.painted
    made: tuple[str, ...] = (target,) if bake else ()
    if legend:
        shown = looks.show_legend(cmd, target, anchors, low, high)
        made = (target, shown) if bake else ()
    else:
        looks.hide_legend(cmd, target)
    label = label_of(measure, structure, "state" if by_state else over, origin)
    colouring = Colouring(target, label, palette, low, high, anchors, made, each, painter)
    looks.explain(target, colouring)
    return colouring


def reset(cmd: bridge.Cmd, name: str) -> Job[None]:
    """Give an object the colours that it came with; its legend goes."""
    yield from ()  # nothing of it can run away from PyMOL
    bridge.existing_object(cmd, name)
    looks.restore_before(cmd, name)


def frames_object(cmd: bridge.Cmd, name: str) -> tuple[Structure, Provenance | None]:
    """Reference structure of an object of two or more states, and how it was made if that is known."""
    bridge.existing_object(cmd, name)
    states = ask.states(cmd, name)
    if states < 2:
        raise EdmNoiseError(f"{name} has {states} state: states 2 and up are measured from state 1 (see edm_noise)")
    source = bridge.read_source(cmd, f"%{name}", 1, solvent=True)
    if source.notes:
        raise EdmNoiseError(f"{name} cannot be measured: {source.notes[0]}; make an object without them by edm_noise")
    made = Provenance.of([ask.title(cmd, name, state) for state in range(1, states + 1)])
    return source.structure, made


def values_of(moved: Displacement, measure: Measure, over: str) -> NDArray[np.float64]:
    """(groups,) what is coloured, angstrom."""
    return np.sqrt(moved.largest[measure] if over == "max" else moved.by_group[measure])


def label_of(measure: Measure, structure: Structure, over: str, origin: str = "first") -> str:
    kind = {"mean": "RMS", "max": "largest", "state": "present"}[over]
    start = " from the last state" if origin == "last" else ""
    return f"{kind} displacement{start}, {measure.label(structure.hierarchy)},"


def _range(values: NDArray[np.float64], low: float | None, high: float | None) -> tuple[float, float]:
    """What is given, and of what is not the values' own end, which keeps the order."""
    least = float(values.min()) if low is None else low
    most = float(values.max()) if high is None else high
    if low is None:
        least = min(least, most)
    return least, most if high is not None else max(least, most)


def _check_follow(name: str, structure: Structure) -> None:
    follow.check_window()
    if structure.n_atoms > follow.LIMIT:
        raise EdmNoiseError(
            f"{name} has {structure.n_atoms:,} atoms: follow=1 recolours up to {follow.LIMIT:,} in time, "
            "use over=state or bake=1"
        )


def _bake(cmd: bridge.Cmd, name: str, painter: Painter, of: Callable[[int], Displacement]) -> Job[None]:
    """Make the copy and colour it, a state in each turn of the window."""
    states, target = ask.states(cmd, name), painter.name
    looks.baked_copy(cmd, name, target)
    try:
        for state in range(1, states + 1):
            looks.paint_state(cmd, target, state, painter.shades(of(state)))
            painter.baked[state] = painter.painted

            def told(watch: Watch, state: int = state) -> None:
                watch.check(state / states, f"state {state:,} of {states:,} coloured")

            yield told
        cmd.recolor(f"%{target}")
    except BaseException:
        cmd.delete(target)
        raise
