"""A measure of what states have kept of a reference, over the states."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import SERIES_COLOURS
from edmnoise.base.table import Table
from edmnoise.frames.damage_measures import LDDT, MEASURES, drawn_between

from ...scene import ask, stage
from ..session import Session
from .chart import Chart
from .signs import DOTTED

if TYPE_CHECKING:
    from edmnoise.study.quality import QualityStudy

    from .canvas import Canvas


class QualityPlot(Chart):
    """Draws one measure of `edm_quality`; a click goes to the state."""

    title = "Quality"
    help = "A measure of every state against the reference; click a state to go to it"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._study: QualityStudy | None = None
        self._object = ""
        self._measure = LDDT
        self._now: Any = None
        self.setToolTip(self.help)
        self.setAccessibleName("quality")
        session.frame_changed.connect(self._follow_frame)

    def show_study(self, study: QualityStudy, name: str) -> None:
        """Draw another one, of the object of this name."""
        self._study, self._object = study, name
        self.later()

    def choose(self, name: str) -> None:
        """Draw the measure of this name."""
        self._measure = next(measure for measure in MEASURES if measure.name == name)
        self.later()

    def refresh(self) -> None:
        if self._study is None:
            return
        canvas, values = self.canvas, self._values
        there = [k for k, value in enumerate(values) if not math.isnan(value)]
        if not there:
            self.empty(f"There is no {self._measure.name} in this structure")
            return
        canvas.plot.clear()
        unit = " (Å)" if self._measure.unit else ""
        canvas.plot.getAxis("left").setLabel(f"{self._measure.name}{unit}")
        colour = canvas.ink(SERIES_COLOURS[0])
        states = self._study.states
        canvas.curve(states, values, canvas.pen(colour, 1.5))
        canvas.dots([states[k] for k in there], [values[k] for k in there], colour, canvas.pen(colour), size=5)
        legend = []
        if not math.isnan(self._own):
            canvas.rule(self._own, False, canvas.pen(canvas.faint(0.8), 1.2, "DotLine"))
            legend.append((DOTTED, canvas.colour("Text").name(), "the reference itself"))
        self._now = canvas.rule(states[0], True, canvas.pen(canvas.faint(0.8), 1.5))
        canvas.describe(f"{self._object}: {self._measure.drawn_as or self._measure.name}", legend)
        self.present((self._study, self._measure))
        self._follow_frame()

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis

        canvas.set_axes(Axis("left", ""), Axis("bottom", "state"))

    def fit(self) -> None:
        states = self._of.states
        room = 0.5 if len(states) > 1 else 1
        self.canvas.fit((min(states) - room, max(states) + room), drawn_between(self._measure, self._values, self._own))

    def read(self, x: float, y: float) -> str:
        return self._read_out(self._at(x))

    def summary(self) -> str:
        shown = self._shown()
        return self._read_out(shown) if shown is not None else "Point at a state to read it, click it to see it"

    def click(self, x: float, y: float) -> None:
        """Go to the state."""
        cmd = self._session.cmd
        if ask.is_there(cmd, self._object):
            stage.go_to(cmd, self._of.states[self._at(x)])
            self._session.look()

    def table(self) -> Table:
        return self._of.table("state")

    @property
    def _of(self) -> QualityStudy:
        assert self._study is not None
        return self._study

    @property
    def _values(self) -> list[float]:
        found: list[float] = self._of.by_state[self._measure].tolist()
        return found

    @property
    def _own(self) -> float:
        return self._of.itself.get(self._measure, math.nan)

    def _at(self, x: float) -> int:
        return min(range(len(self._of.states)), key=lambda k: abs(self._of.states[k] - x))

    def _read_out(self, row: int) -> str:
        words = []
        for measure in MEASURES:
            value = float(self._of.by_state[measure][row])
            if measure in (self._measure, *MEASURES[:3]) and not math.isnan(value):
                words.append(f"{measure.name} {value:.{measure.decimals}f}{' Å' if measure.unit else ''}")
        return f"state {self._of.states[row]}: {', '.join(words)}"

    def _shown(self) -> int | None:
        """The row of the state that PyMOL shows, where it is one of these."""
        frame = self._session.sight.frame
        return self._of.states.index(frame) if frame in self._of.states else None

    def _follow_frame(self) -> None:
        if not self.full or self._study is None:
            return
        shown = self._shown()
        self._now.setVisible(shown is not None)
        if shown is not None:
            self._now.setValue(self._of.states[shown])
        if not self.canvas.underMouse():
            self.rest()
