"""What chains, residues and atoms still have to go at each step of a sampling run, and where they freeze out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.table import Table

from ...scene import stage
from ..session import Session
from .chart import Chart
from .measured_cache import answered
from .signs import DOTTED, LINE, POINT, brief, tinted

if TYPE_CHECKING:
    from ...jobs.plots.freeze_out import FreezeOut
    from .canvas import Canvas

_LOWEST = 1e-3
"""Angstroms below which a distance is only rounding."""


class FreezeOutChart(Chart):
    """When is the fold decided, and when the atoms?"""

    title = "Freeze-out"
    help = "RMS per coordinate that each level still has to go in a sampling run; click a step to see it"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._result: Any = None
        self._curves: FreezeOut | None = None
        self._now: Any = None
        session.shown_changed.connect(self._look)
        session.scene_changed.connect(self._look)
        session.frame_changed.connect(self._follow_frame)

    # What is shown

    def refresh(self) -> None:
        result = self._sampled()
        if result is None:
            self._result = self._curves = None
            self.empty("Run a sampler to see when chains, residues and atoms freeze out")
        elif result is self._result:
            if self._curves is not None:
                self._draw(self._curves)
        else:
            self._result, self._curves = result, None
            self.wait(self._session.shown)

            def job() -> Any:
                from ...jobs.plots.freeze_out import freeze_out

                return answered(freeze_out(result.run))

            def done(answer: Any) -> None:
                if result is not self._result:
                    return
                if isinstance(answer, str):
                    self.empty(answer)
                else:
                    self._curves = answer
                    self._draw(answer)

            self._session.compute("freeze-out", job, done)

    def _sampled(self) -> Any:
        """The shown sampling run."""
        result = self._session.results.get(self._session.shown)
        if result is None:
            return None
        from ...jobs.run_objects import SampleResult  # brings torch, which made the result

        return result if isinstance(result, SampleResult) else None

    def _look(self) -> None:
        """Another run, or none: its coordinates are given back."""
        if self._sampled() is not self._result or self._stale:
            self._result = None
            self.later()

    def _follow_frame(self) -> None:
        if not self.full or self._curves is None:
            return
        step = self._step_shown()
        self._now.setVisible(step is not None)
        if step is not None:
            self._now.setValue(math.log10(self._curves.sigmas[step]))
        if not self.canvas.underMouse():
            self.rest()

    @property
    def _has_steps(self) -> bool:
        """Whether the object holds the reference, the recorded steps and the end."""
        states = self._session.sight.states(self._session.shown)
        return self._curves is not None and states == len(self._curves.steps) + 2

    def _step_shown(self) -> int | None:
        step = self._session.sight.frame - 2
        return step if self._curves is not None and self._has_steps and 0 <= step < len(self._curves.steps) else None

    # The drawing

    def prepare(self, canvas: Canvas) -> None:
        from .axes import LogAxis

        canvas.set_axes(LogAxis("left", "to go (Å)"), LogAxis("bottom", "noise level σ (Å)"))
        canvas.box.invertX(True)

    @property
    def _of(self) -> FreezeOut:
        assert self._curves is not None
        return self._curves

    def _draw(self, curves: FreezeOut) -> None:
        canvas = self.canvas
        canvas.plot.clear()
        where = [math.log10(sigma) for sigma in curves.sigmas]
        legend = []
        for way in curves.ways:
            if not way.moves:
                continue
            colour = canvas.ink(LEVEL_COLOURS[way.level])
            canvas.curve(where, _logs(way.denoised), canvas.pen(colour, 2), depth=1)
            canvas.curve(where, _logs(way.noisy), canvas.pen(colour, 1, "DotLine"))
            if way.frozen > 0:
                at = math.log10(way.frozen)
                canvas.rule(at, True, canvas.pen(colour, 1, "DashLine"))
                canvas.dots([at], _logs([way.threshold]), colour, canvas.pen(canvas.colour("Base"), 1))
            legend.append((LINE, colour.name(), f"{way.level} {brief(way.frozen)} Å" if way.frozen > 0 else way.level))
        text = canvas.colour("Text").name()
        frozen = [] if curves.partial else [(POINT, text, "frozen out:")]
        legend = [(DOTTED, text, "noisy"), *frozen, *legend]
        self._now = canvas.rule(where[0], True, canvas.pen(canvas.faint(0.8), 1.5))
        count = f"{curves.samples} samples" if curves.samples > 1 else "1 sample"
        canvas.describe(f"{self._session.shown}: {count}{', cancelled' * curves.partial}", legend)
        self.present(self._result)
        self._follow_frame()

    def fit(self) -> None:
        sigmas = [math.log10(sigma) for sigma in self._of.sigmas]
        top = max(1.0, *(max(way.shown) for way in self._of.ways))
        self.canvas.fit((min(sigmas), max(sigmas)), (math.log10(_LOWEST), math.log10(5 * top)))

    # What it answers

    def read(self, x: float, y: float) -> str:
        return self._read_out(self._at(x))

    def summary(self) -> str:
        step = self._step_shown()
        return self._read_out(step) if step is not None else "Point at a step to read it, click it to see it"

    def _at(self, x: float) -> int:
        return min(range(len(self._of.sigmas)), key=lambda k: abs(math.log10(self._of.sigmas[k]) - x))

    def _read_out(self, step: int) -> str:
        ink = self.canvas.ink
        parts = [
            tinted(ink(LEVEL_COLOURS[way.level]).name(), brief(way.shown[step])) for way in self._of.ways if way.moves
        ]
        return f"step {self._of.steps[step]}, σ {brief(self._of.sigmas[step])} Å: to go {', '.join(parts)} Å"

    def click(self, x: float, y: float) -> None:
        """Go to the state that holds the step."""
        if not self._has_steps:
            self._session.said.emit(f"{self._session.shown} holds the ends of the samples, not their steps")
            return
        step = self._at(x)
        stage.go_to(self._session.cmd, step + 2)
        self._session.said.emit(f"{self._session.shown}: step {self._of.steps[step]}")
        self._session.look()

    def table(self) -> Table:
        return self._of.table()


def _logs(values: Any) -> list[float]:
    return [math.log10(value) if value > 0 else math.nan for value in values]
