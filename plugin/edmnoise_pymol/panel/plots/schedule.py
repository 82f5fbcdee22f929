"""The noise level over the steps of a run that is about to be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.table import Column, Table

from ...commands.sampling import plan
from ..session import Session
from .chart import Chart
from .measured_cache import answered
from .signs import DOTTED, LINE, brief, in_angstrom

if TYPE_CHECKING:
    from ...jobs.schedule import Course
    from .canvas import Canvas

_HEIGHT = 160
"""Pixels, read-out and all."""


class SchedulePlot(Chart):
    """Follows the settings of the Sampling tab. torch is imported in a worker, once it is first seen.

    Signals: ``planned(plan)`` after a drawing; ``refused(sentence)`` where the settings do not fit.
    """

    planned = QtCore.Signal(object)
    refused = QtCore.Signal(str)
    title = "Schedule"
    help = "Noise level at each step of the run that would be made, in angstrom"

    def __init__(self, session: Session, options: Callable[[], Mapping[str, str]]) -> None:
        super().__init__(session)
        self._options = options
        self._plan: Course | None = None
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(self.help)
        self.setAccessibleName("schedule")

    def refresh(self) -> None:
        options = dict(self._options())
        if not self.full and not self.message.text():
            self.empty("planning the steps …")

        def done(answer: Any) -> None:
            if options != self._options():  # a later one is on its way
                return
            if isinstance(answer, str):
                self._plan = None
                self.empty(answer)
                self.refused.emit(answer)
            else:
                self._plan = answer
                self.setToolTip(f"{self.help}; it begins at {in_angstrom(answer.noise)}")
                self._draw(answer)
                self.planned.emit(answer)

        self._session.compute("schedule", lambda: answered(plan(options)), done)

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis, LogAxis

        canvas.setMinimumSize(120, 90)
        canvas.set_axes(LogAxis("left", "σ (Å)"), Axis("bottom", ""))

    def _draw(self, plan: Course) -> None:
        canvas = self.canvas
        canvas.plot.clear()
        colour = canvas.ink(LEVEL_COLOURS["chain"])
        steps, levels = zip(*self._levels, strict=True)
        canvas.curve(steps, levels, canvas.pen(colour, 1.5))
        legend = [(LINE, colour.name(), "σ")]
        churned = [math.log10(asked) if asked != sigma else math.nan for asked, sigma in self._asked]
        if not all(map(math.isnan, churned)):
            warm = canvas.ink(LEVEL_COLOURS["residue"])
            canvas.curve(range(len(churned)), churned, canvas.pen(warm, 1.5, "DotLine"))
            legend.append((DOTTED, warm.name(), "after churn"))
        canvas.describe("Schedule", legend)
        self.present(plan)

    @property
    def _levels(self) -> list[tuple[int, float]]:
        return [(k, math.log10(sigma)) for k, sigma in enumerate(self._of.sigmas) if sigma > 0]

    @property
    def _asked(self) -> list[tuple[float, float]]:
        """Of each step: where the denoiser is asked, and where the step starts."""
        return list(zip(self._of.asked, self._of.sigmas, strict=False))

    @property
    def _of(self) -> Course:
        assert self._plan is not None
        return self._plan

    def fit(self) -> None:
        levels = [level for _, level in self._levels] + [math.log10(asked) for asked in self._of.asked]
        self.canvas.fit((0, self._of.steps), (min(levels) - 0.2, max(levels) + 0.2))

    def read(self, x: float, y: float) -> str:
        k = min(max(round(x), 0), self._of.steps)
        sigma = self._of.sigmas[k]
        words = f"step {k} of {self._of.steps}: σ {brief(sigma)} Å"
        if sigma > 0:
            words += f", z {self._of.z[k]:.2f}"
        if k < self._of.steps and self._of.asked[k] != sigma:
            words += f", churned to {brief(self._of.asked[k])} Å"
        return words

    def summary(self) -> str:
        high, low = self._of.sigmas[0], self._of.sigmas[-1]
        return f"σ {brief(high)} to {brief(low)} Å in {self._of.steps} steps"

    def click(self, x: float, y: float) -> None:
        """There is nothing yet to go to."""

    def table(self) -> Table:
        plan = self._of
        return Table(
            f"{plan.steps} steps",
            (
                Column("step", list(range(len(plan.sigmas)))),
                Column("sigma", list(plan.sigmas), "A", decimals=4),
                Column("z", list(plan.z), decimals=2),
            ),
        )
