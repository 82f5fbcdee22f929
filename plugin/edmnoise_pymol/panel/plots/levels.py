"""Displacement of chains, residues and atoms against the noise level: closed forms as lines, frames as points."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.lengths import IN_SPACE
from edmnoise.base.table import Table

from ...scene import ask, stage
from ..session import Input, Session
from .chart import Chart
from .measured_cache import Shown, answered
from .signs import LINE, POINT, brief, tinted

if TYPE_CHECKING:
    from ...jobs.plots.levels import Levels, Point
    from .canvas import Canvas

LENGTHS = {1.4 / IN_SPACE: "1.4 Å bond, in space", 3.8 / IN_SPACE: "3.8 Å Cα–Cα, in space"}
"""Lengths that a molecule falls apart by, in angstrom per coordinate."""

_LOWEST, _HIGHEST = -4.0, 4.0
_DECADES = 7
"""Most powers of ten that are shown at first."""


class LevelsChart(Chart):
    """Where on the way from no noise to all of it does a bond, a residue, a fold get lost?"""

    title = "Levels"
    help = (
        "RMS displacement per coordinate of chains, residues and atoms at each noise level: closed form and your frames"
    )

    def __init__(self, session: Session, shown: Shown) -> None:
        super().__init__(session)
        self._shown = shown
        self._levels: Levels | None = None
        self._asked: tuple[Input, str, str, str] | None = None
        self._kept: tuple[Input, str, Any] | None = None
        self._now: Any = None
        shown.changed.connect(self.later)
        session.made.connect(lambda *_: self.later())
        session.scene_changed.connect(self.later)
        session.input_changed.connect(self._new_input)
        session.noise_changed.connect(self._new_noise)

    # What is shown

    def refresh(self) -> None:
        measured, noise, found = self._shown.measured, self._session.noise, self._session.input
        if self._shown.want() and measured is None and not self._shown.reason:
            if not self.full:  # else the lines stay: only points will come
                self.wait(self._shown.name)
            return
        if measured is not None and measured.levels is not None:
            from ...jobs.plots.measured import with_others

            self._asked = None
            self._show(with_others(measured, self._session.results))
        elif found is None or noise is None:
            self._forget()
            self.empty("Load a structure to see how far noise moves its chains, residues and atoms")
        elif self._asked != (found, noise.weights, noise.process, noise.move):
            self._asked = asked = (found, noise.weights, noise.process, noise.move)
            kept = self._kept[2] if self._kept is not None and self._kept[:2] == (found, noise.move) else None

            def job() -> Any:
                from ...jobs.plots.levels import expected

                which = replace(found.which, move=noise.move or None)
                return answered(expected(self._session.cmd, which, noise.weights, noise.process, kept))

            def done(answer: Any) -> None:
                if asked != self._asked:
                    return
                if isinstance(answer, str):
                    self._levels = None
                    self.empty(answer)
                else:
                    self._kept = found, noise.move, answer[1]
                    self._show(answer[0])

            self._session.compute("levels", job, done)
        elif self._levels is not None:
            self._show(self._levels)

    def _forget(self) -> None:
        self._levels = self._asked = self._kept = None

    def _new_input(self) -> None:
        """The atoms of another input are not kept; the same words may mean other atoms by now."""
        self._asked = self._kept = None
        self.later()

    def _new_noise(self) -> None:
        """Follow the slider at once, which is only a line; other weights ask for other curves."""
        noise = self._session.noise
        if noise is None or self._levels is None or not self.full or self._distribution != noise.distribution:
            self.later()
        else:
            self._now.setValue(self._z)
            if not self.canvas.underMouse():
                self.rest()
            if self._asked is not None:
                self.later()

    @property
    def _z(self) -> float:
        noise = self._session.noise
        return noise.distribution.z(noise.sigma) if noise is not None else 0.0

    # The drawing

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis, LogAxis

        canvas.set_axes(LogAxis("left", "RMS (Å)"), Axis("bottom", "noise level z"))

    def _show(self, levels: Levels | None) -> None:
        noise = self._session.noise
        if levels is None or noise is None:
            return
        self._levels, self._distribution = levels, noise.distribution
        canvas = self.canvas
        canvas.plot.clear()
        canvas.plot.getAxis("bottom").setLabel(f"noise level z ({noise.distribution.name})")
        for number, (length, words) in enumerate(LENGTHS.items()):
            rule = canvas.pen(canvas.faint(0.5), style="DotLine")
            canvas.rule(math.log10(length), False, rule, words, below=number == 0)
        self._now = canvas.rule(self._z, True, canvas.pen(canvas.faint(0.8), 1.5))
        legend = []
        for number, line in enumerate(levels.lines):
            colour = canvas.ink(LEVEL_COLOURS[line.level])
            if line.slope > 0:
                ends = [self._height(line.slope, z) for z in self._span]
                canvas.curve(self._span, ends, canvas.pen(colour, 2))
            legend.append((LINE, colour.name(), line.label if line.slope > 0 else f"{line.label} (0)"))
            self._points(canvas, number, colour)
        if levels.points:
            legend.insert(0, (POINT, canvas.colour("Text").name(), "measured"))
        canvas.describe(levels.about, legend)
        self.present((levels.points[0].object if levels.points else "", noise.distribution))

    def _points(self, canvas: Canvas, number: int, colour: Any) -> None:
        shown = [point for point in self._of.points if point.measured[number] > 0]
        where = [self._distribution.z(point.sigma) for point in shown]
        middle = [point.measured[number] for point in shown]
        spread = [point.spread[number] for point in shown]
        low = [math.log10(max(m - s, m / 100)) for m, s in zip(middle, spread, strict=True)]
        high = [math.log10(m + s) for m, s in zip(middle, spread, strict=True)]
        canvas.bars(where, low, high, canvas.pen(colour, 1.5))
        ground = canvas.colour("Base")
        for ours in (False, True):  # the shown object's are filled
            chosen = [k for k, point in enumerate(shown) if (point.object == self._shown.name) == ours]
            heights = [math.log10(middle[k]) for k in chosen]
            canvas.dots([where[k] for k in chosen], heights, colour if ours else ground, canvas.pen(colour, 1.5))

    @property
    def _of(self) -> Levels:
        assert self._levels is not None
        return self._levels

    @property
    def _span(self) -> tuple[float, float]:
        scores = [self._distribution.z(point.sigma) for point in self._of.points]
        return min([_LOWEST, *scores]), max([_HIGHEST, *scores])

    def _height(self, slope: float, z: float) -> float:
        return math.log10(slope * self._distribution.sigma(z))

    def fit(self) -> None:
        heights = [self._height(line.slope, z) for line in self._of.lines if line.slope > 0 for z in self._span]
        heights += [math.log10(length) for length in LENGTHS]
        top = max(heights) + 0.1
        self.canvas.fit(self._span, (max(min(heights) - 0.1, top - _DECADES), top))

    # What it answers

    def read(self, x: float, y: float) -> str:
        near = self._nearest(x)
        if near is None or abs(self._distribution.z(near.sigma) - x) > 0.1:
            return self._expected(x)
        pairs = zip(near.measured, near.spread, strict=True)
        return f"{near.object}: {self._tinted(f'{brief(measured)} ± {spread:.1g}' for measured, spread in pairs)} Å"

    def summary(self) -> str:
        return self._expected(self._z) if self._levels is not None else ""

    def _expected(self, z: float) -> str:
        if abs(z) > 12:
            return ""
        sigma = self._distribution.sigma(z)
        expected = self._tinted(brief(line.slope * sigma) for line in self._of.lines)
        return f"z {z:.2f}, σ {brief(sigma)} Å: expected {expected} Å"

    def _tinted(self, words: Iterable[str]) -> str:
        """One word a level, in its colour."""
        colours = [self.canvas.ink(LEVEL_COLOURS[line.level]).name() for line in self._of.lines]
        return ", ".join(map(tinted, colours, words))

    def _nearest(self, z: float) -> Point | None:
        points = self._of.points
        return min(points, key=lambda point: abs(self._distribution.z(point.sigma) - z)) if points else None

    def click(self, x: float, y: float) -> None:
        """Go to the frames that are nearest in z; where there are none, and while Live is on, set the slider."""
        near = self._nearest(x)
        if near is None or self._session.live is not None:
            self._session.z_wanted.emit(min(max(x, _LOWEST), _HIGHEST))
            return
        cmd, others = self._session.cmd, {point.object for point in self._of.points} - {near.object}
        if not ask.is_there(cmd, near.object):
            return
        stage.hide(cmd, others)
        stage.show(cmd, [near.object])
        if not 2 <= ask.frame(cmd)[0] <= near.frames + 1:  # the same draw at another level, where there is one
            stage.go_to(cmd, 2)
        self._session.show(near.object)
        self._session.said.emit(f"{near.object}: z {self._distribution.z(near.sigma):.2f}, σ {brief(near.sigma)} Å")

    def table(self) -> Table:
        start, end = self._span
        steps = 4 * math.ceil(end - start)
        scores = [start + (end - start) * k / steps for k in range(steps + 1)]
        return self._of.table(self._distribution, scores)
