"""How far a group moved, or what lDDT it has left -> the palette's colour of its atoms.

Of all frames, of the one that is shown, or of each its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.colours import Anchor, check_range, palette_colours
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.frames.shading import range_of
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

from ..job import Job, MakesObjects, Watch, counted
from ..scene import ask, follow, looks, stage
from ..scene.ask import Cmd
from ..scene.baking import baked_copy, check_bakable
from ..scene.legend import check_legend, hide_legend, show_legend
from ..scene.objects import existing_object, free_name
from ..scene.painting import anchors_named, paint, paint_state, repaint
from ..scene.source import current_state
from . import ensemble
from .ensemble import Basis
from .scales import Kept, Moved, Scale, check_kept


@dataclass(frozen=True, eq=False, repr=False)
class Colouring(MakesObjects, Legible):
    """Colours given to an object: what they stand for, and their range.

    Attributes
    ----------
    unit
        "A" for displacements, "" for lDDT.
    names
        Objects that were made for it: a baked copy and its legend.
    by_state
        Whether every frame has colours of its own, by how far things moved in it.
    each
        Whether every frame has a range of its own: this one is that of the frame that was shown.
    left_out
        What is grey because it cannot move, as a sentence says it.
    notes
        What was not measured and keeps its colours, one sentence each.
    """

    object: str
    label: str
    palette: str
    low: float
    high: float
    anchors: tuple[Anchor, ...] = ()
    names: tuple[str, ...] = ()
    by_state: bool = False
    each: bool = False
    painter: Painter | None = field(default=None, repr=False)
    left_out: str = ""
    notes: tuple[str, ...] = ()
    unit: str = "A"

    def __str__(self) -> str:
        grey = f"; {self.left_out}" if self.left_out else ""
        unit = f" {self.unit}" if self.unit else ""
        if self.is_flat:
            return f"{self.label} {self.low:.3f}{unit}, no range: one colour ({self.palette}){grey}"
        own = ", each frame on its own range" if self.each else ""
        return f"{self.label} from {self.low:.3f} to {self.high:.3f}{unit}{own} ({self.palette}){grey}"

    @property
    def is_flat(self) -> bool:
        """Whether all values are the same."""
        return not self.each and self.low == self.high

    @property
    def title(self) -> str:
        """Of a legend: what is shown, and its unit."""
        said = "angstrom, RMS per coordinate" if self.unit else "share of distances within 15 A that are kept"
        return f"{self.label[:1].upper()}{self.label[1:].rstrip(',')}\n{said}"

    @property
    def range(self) -> tuple[float, float]:
        """Of what is shown now: another one for each frame where they have ranges of their own."""
        if self.each and self.painter is not None:
            return self.painter.shown
        return self.low, self.high


@dataclass(eq=False, repr=False)
class Painter(Legible):
    """Gives every atom of an object the colour of its group, on one range or on that of the values at hand."""

    cmd: Cmd
    name: str
    groups: NDArray[np.int64]
    """(N,) the group of each atom that has a value."""
    anchors: Sequence[Anchor]
    low: float | None
    high: float | None
    painted: tuple[float, float] = (0.0, 0.0)
    values: NDArray[np.float64] | None = None
    """(N,) of each atom, angstrom, as they were painted last."""
    baked: dict[int, tuple[float, float]] = field(default_factory=dict)
    scale: Scale | None = None
    part: Part | None = None
    """Where atoms were held: which of the object's. They are grey."""

    @property
    def shown(self) -> tuple[float, float]:
        """Range of the state that is shown, or of the last one that was painted."""
        try:
            return self.baked.get(current_state(self.cmd, self.name), self.painted) if self.baked else self.painted
        except EdmNoiseError:  # all states are shown, or none
            return self.painted

    def paint(self, values: NDArray[np.float64]) -> None:
        """``values`` (groups,)."""
        shades = self.shades(values)
        looks.remember_before(self.cmd, self.name)
        index, rows = (self.scale and self.scale.found.atoms()) or (None, slice(None))
        paint(self.cmd, self.name, shades[rows], index)

    def values_in(self, state: int) -> NDArray[np.float64]:
        """(groups,) what is measured of one state."""
        assert self.scale is not None
        return self.scale.values([self.scale.found.read(state)], "mean")

    def shades(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(N, 3) red, green, blue of each atom."""
        self.painted = range_of(values, self.low, self.high)
        self.values = self.of_atoms(values)
        return palette_colours(self.values, self.anchors, *self.painted)

    def of_atoms(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) the values of groups as each atom has them, NaN where it was held."""
        of_moved = values[self.groups]
        if self.part is None:
            return of_moved
        held = np.full(self.part.n_atoms, np.nan)
        held[self.part.moved] = of_moved
        return held


def colour(
    cmd: Cmd,
    name: str,
    level: str,
    relative: bool,
    over: str,
    palette: str,
    minimum: float | None,
    maximum: float | None,
    follow_state: bool,
    shared: bool,
    bake: bool,
    legend: bool,
    basis: Basis,
    measure: str = "displacement",
) -> Job[Colouring]:
    """Colour an object's atoms by how far their atom, residue or chain moved, or by the lDDT of their residue.

    Groups that cannot move are grey; atoms that are not measured keep their colours.

    Parameters
    ----------
    name
        An object of two or more states.
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
    basis
        What the states are measured from, on which atoms, and what is removed from them first.
    measure
        "displacement" or "lddt".
    """
    if measure == "lddt":
        check_kept(level, basis.align)
    if follow_state and bake:
        raise EdmNoiseError("follow and bake are both 1: baked colours follow by themselves, give one of them")
    if bake and legend and not shared:
        raise EdmNoiseError("baked states with a range each have no legend in common: use shared=1 or legend=0")
    anchors = anchors_named(cmd, palette)
    found = yield from ensemble.read(cmd, name, basis, whole=measure == "lddt")
    if follow_state:
        _check_follow(name, found.structure)
    if bake:
        check_bakable(cmd, name)
    target = free_name(cmd, f"{name}_baked") if bake else name
    if legend:
        check_legend(cmd, target)
    by_state = follow_state or bake
    scale: Scale
    if measure == "lddt":
        scale = yield lambda _: Kept.of(found)
    else:
        scale = Moved.of(found, level, relative)
    if over == "state" and not by_state:
        values = scale.values([found.read(current_state(cmd, name))], "mean")
    else:
        frames = list(found.frames())
        values = yield lambda watch: scale.values(counted(frames, watch, "state"), "max" if by_state else over)
    each = by_state and not shared
    low, high = _range_of(np.append(values, scale.own) if by_state else values, minimum, maximum)
    own = (minimum, maximum) if each else (low, high)
    painter = Painter(cmd, target, scale.groups, anchors, *own, painted=(low, high), scale=scale, part=found.part)
    colouring = Colouring(
        target,
        scale.label("state" if by_state else over),
        palette,
        low,
        high,
        anchors,
        by_state=by_state,
        each=each,
        painter=painter,
        left_out=scale.left_out,
        notes=found.notes,
        unit=scale.unit,
    )
    if bake:
        yield from _bake(cmd, painter)
    elif follow_state:
        _follow(cmd, painter, colouring if legend and each else None)
    else:
        follow.stop(name)
        painter.paint(values)
    return _explained(cmd, colouring, legend, bake)


def _range_of(values: NDArray[np.float64], minimum: float | None, maximum: float | None) -> tuple[float, float]:
    """The values' own range, but where an end of it is given; EdmNoiseError for ends that are none."""
    low, high = range_of(values)
    low, high = low if minimum is None else minimum, high if maximum is None else maximum
    check_range(low, high)
    return low, high


def _follow(cmd: Cmd, painter: Painter, legend: Colouring | None) -> None:
    """Paint the state that is shown from now on, and its own range in the legend where there is one."""

    def paint(state: int) -> None:
        painter.paint(painter.values_in(state))
        if legend is not None:
            show_legend(cmd, painter.name, painter.anchors, *painter.painted, legend.title)

    follow.start(cmd, painter.name, paint)


def _explained(cmd: Cmd, colouring: Colouring, legend: bool, baked: bool) -> Colouring:
    """What the colours stand for by now, shown as a legend or not, and kept."""
    target, painter = colouring.object, colouring.painter
    low, high = painter.painted if colouring.each and painter is not None else (colouring.low, colouring.high)
    shown: tuple[str, ...] = ()
    if legend:
        shown = show_legend(cmd, target, colouring.anchors, low, high, colouring.title)
    else:
        hide_legend(cmd, target)
    colouring = replace(colouring, low=low, high=high, names=(target, *shown) if baked else ())
    looks.explain(target, colouring)
    return colouring


def reset(cmd: Cmd, name: str) -> Job[None]:
    """Give an object the colours that it came with; its legend goes."""
    yield from ()  # nothing of it can run away from PyMOL
    existing_object(cmd, name)
    looks.restore_before(cmd, name)


def _check_follow(name: str, structure: Structure) -> None:
    follow.check_window()
    if structure.n_atoms > follow.LIMIT:
        raise EdmNoiseError(
            f"{name} has {structure.n_atoms:,} atoms: follow=1 recolours up to {follow.LIMIT:,} in time, "
            "use over=state or bake=1"
        )


def _bake(cmd: Cmd, painter: Painter) -> Job[None]:
    """Make the copy and colour it, a state in each turn of the window."""
    assert painter.scale is not None
    found = painter.scale.found
    states, target = ask.states(cmd, found.object), painter.name
    baked_copy(cmd, found.object, target)
    try:
        for state in range(1, states + 1):
            paint_state(cmd, target, state, painter.shades(painter.values_in(state)), found.places(state))
            painter.baked[state] = painter.painted

            def told(watch: Watch, state: int = state) -> None:
                watch.check(state / states, f"state {state:,} of {states:,} coloured")

            yield told
        repaint(cmd, target)
    except BaseException:
        stage.remove(cmd, [target])
        raise
