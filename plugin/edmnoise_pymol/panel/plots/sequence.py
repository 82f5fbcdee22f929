"""Displacement along the sequence, chain beside chain: over all frames, in this one, and as expected."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.table import Table

from ...scene import ask, stage
from ..controls import style
from ..session import Session
from .chart import Chart
from .measured_cache import Shown, answered
from .signs import DASHED, LINE, POINT

if TYPE_CHECKING:
    from ...jobs.plots.measured import Curves
    from .canvas import Canvas

_MOST_RULES = 12
"""Picked residues that get a line of their own; more get a point each."""

_NEAR = 8.0
"""Angstroms that are seen around a residue that was clicked."""

_NOW = "#9fa8c7"
"""Of one frame, which scatters: less loud than the mean, on light and on dark."""


class SequenceChart(Chart):
    """Which residues moved, and by how much?"""

    title = "Sequence"
    help = "RMS displacement per coordinate of each residue in its chain; click one to select it and to zoom to it"

    def __init__(self, session: Session, shown: Shown) -> None:
        super().__init__(session)
        self._shown = shown
        self._state = 0
        self._now: tuple[float, ...] = ()
        self._picked: list[int] = []
        self._now_curve: Any = None
        self._marks: list[Any] = []
        shown.changed.connect(self._new)
        session.frame_changed.connect(self._follow_frame)
        session.picked.connect(self._mark_picked)

    # What is shown

    def refresh(self) -> None:
        measured = self._shown.measured
        if not self._shown.want():
            self.empty("Make frames with Apply to see how far each residue moved")
        elif self._shown.reason:
            self.empty(self._shown.reason)
        elif measured is not None:
            self._draw(measured)
            self._follow_frame()
            self._mark_picked()
        else:
            self.wait(self._shown.name)

    def _new(self) -> None:
        if self._shown.measured is None:
            self._state, self._now, self._picked = 0, (), []
            self.wait(self._shown.name)
        self.later()

    def _follow_frame(self) -> None:
        measured = self._shown.measured
        if measured is None or not self.full or not self.isVisible():
            self._stale = True
            return
        if self._session.live is not None:  # which is its only frame
            self._state, self._now = 0, ()
            self._draw_now()
            return

        def job() -> Any:
            from ...jobs.plots.measured import this_frame

            return answered(this_frame(self._session.cmd, measured))

        def done(answer: Any) -> None:
            if measured is self._shown.measured and self.full:
                self._state, self._now = (0, ()) if isinstance(answer, str) else answer
                self._draw_now()

        self._session.compute("this frame", job, done)

    def _mark_picked(self) -> None:
        measured = self._shown.measured
        if measured is None or not self.full or not self.isVisible():
            self._stale = True
            return
        from ...jobs.plots.measured import picked

        self._picked = picked(self._session.cmd, measured)
        self._draw_marks()

    # The drawing

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis, SequenceAxis

        canvas.set_axes(Axis("left", "RMS (Å)"), SequenceAxis("bottom", "residue, by chain"))
        canvas.box.setMouseEnabled(x=True, y=False)
        canvas.plot.showGrid(x=False, y=True, alpha=0.15)

    @property
    def _of(self) -> Curves:
        assert self._shown.measured is not None
        return self._shown.measured

    def _draw(self, measured: Curves) -> None:
        canvas = self.canvas
        canvas.plot.clear()
        self._marks = []
        canvas.plot.getAxis("bottom").set_sequence(measured.chains, measured.residues, measured.place)
        for number, chain in enumerate(measured.chains):
            if number % 2 == 0:
                canvas.band(chain.first - 0.5, chain.last + 0.5)
        residue = canvas.ink(LEVEL_COLOURS["residue"])
        self._now_curve = canvas.curve([], [], canvas.pen(_NOW, 1), depth=-1)
        canvas.curve(*self._by_chain(measured.mean), canvas.pen(residue, 2), depth=1)
        if measured.expected:
            canvas.curve(*self._by_chain(measured.expected), canvas.pen(canvas.colour("Text"), 1, "DashLine"), depth=2)
        self._draw_now()
        self.present(measured.object)

    def _by_chain(self, values: tuple[float, ...]) -> tuple[list[float], list[float]]:
        """The line through the values, interrupted between chains; a chain of one residue is a short line."""
        across: list[float] = []
        up: list[float] = []
        place = self._of.place
        for chain in self._of.chains:
            start, stop = bisect_left(place, chain.first), bisect_left(place, chain.last) + 1
            alone = stop - start == 1
            across += [chain.first - 0.4, chain.last + 0.4] if alone else place[start:stop]
            up += [values[start]] * 2 if alone else values[start:stop]
            across.append(chain.last + 0.5)
            up.append(math.nan)
        return across, up

    def _draw_now(self) -> None:
        self._now_curve.setData(*self._by_chain(self._now) if self._now else ([], []))
        canvas, text = self.canvas, self.canvas.colour("Text").name()
        frames = self._of.frames
        legend = [(LINE, canvas.ink(LEVEL_COLOURS["residue"]).name(), f"{frames} frame{'s' * (frames > 1)}")]
        if self._now:
            legend.append((LINE, _NOW, f"state {self._state}"))
        if self._of.expected:
            legend.append((DASHED, text, "expected"))
        if self._picked:
            legend.append((POINT, style.WARNING, "selected"))
        canvas.describe(f"{self._of.object}, residue in {self._of.around}", legend)
        if not canvas.zoomed:
            self.fit()
        if not canvas.underMouse():
            self.rest()

    def _draw_marks(self) -> None:
        canvas = self.canvas
        for mark in self._marks:
            canvas.plot.removeItem(mark)
        where = [self._of.place[k] for k in self._picked]
        heights = [self._of.mean[k] for k in self._picked]
        edge = canvas.pen(canvas.colour("Text"), 1)
        self._marks = [canvas.dots(where, heights, style.WARNING, edge, size=8)] if where else []
        if len(where) <= _MOST_RULES:
            self._marks += [canvas.rule(at, True, canvas.pen(style.WARNING, 1.5)) for at in where]
        self._draw_now()

    def fit(self) -> None:
        measured = self._of
        top = max([*measured.mean, *measured.expected, *self._now, 1e-3])
        self.canvas.fit((measured.place[0] - 1, measured.place[-1] + 1), (0.0, 1.08 * top))

    # What it answers

    def read(self, x: float, y: float) -> str:
        return self._read_out(self._at(x))

    def summary(self) -> str:
        if self._shown.measured is None:
            return ""
        if len(self._picked) == 1:
            return self._read_out(self._picked[0])
        if self._picked:
            return f"{len(self._picked)} residues selected"
        return "Point at a residue to read it, click it to select it"

    def _read_out(self, residue: int) -> str:
        measured = self._of
        said = f"{measured.residues[residue]}: {measured.mean[residue]:.2f} Å"
        if measured.expected:
            said += f", expected {measured.expected[residue]:.2f}"
        if self._now:
            said += f", state {self._state}: {self._now[residue]:.2f}"
        return said

    def _at(self, x: float) -> int:
        """The residue that is nearest."""
        place = self._of.place
        after = min(bisect_left(place, x), len(place) - 1)
        return after - 1 if after and x - place[after - 1] < place[after] - x else after

    def click(self, x: float, y: float) -> None:
        """Select the residue in PyMOL, as a click on it would, and zoom to it."""
        cmd, measured = self._session.cmd, self._of
        residue = self._at(x)
        if not ask.is_there(cmd, measured.object):
            return
        stage.pick(cmd, measured.object, measured.atoms(residue), _NEAR)
        self._session.said.emit(f"selected as sele: {measured.residues[residue]} of {measured.object}")
        self._session.look()

    def table(self) -> Table:
        return self._of.table(self._state, self._now)
