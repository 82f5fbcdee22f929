"""What a network errs by over sigma, part by part, beside the exact denoiser and doing nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.table import Table

from ..session import Session
from .chart import Chart
from .signs import DASHED, DOTTED, LINE, brief, tinted

if TYPE_CHECKING:
    from edmnoise.study.error_study import ErrorStudy

    from .canvas import Canvas


class ErrorChart(Chart):
    """The network's lines are solid, those of the reference that it is compared with dashed, doing nothing dotted."""

    title = "Error"
    help = "Denoising error of each part over the noise level, RMS per coordinate, beside the references (edm_error)"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.study: ErrorStudy | None = None
        self._network = ""
        self.refresh()

    def show_study(self, study: ErrorStudy | None, network: str = "") -> None:
        """Errors of a candidate of this name; None where the training that they were of is not the last any more."""
        self.study, self._network = study, network
        self.later()

    def refresh(self) -> None:
        if self.study is None:
            self.empty("Train to the end, or press Measure error")
        else:
            self._draw()

    def prepare(self, canvas: Canvas) -> None:
        from .axes import LogAxis

        canvas.setMinimumSize(120, 90)
        canvas.set_axes(LogAxis("left", "error (Å)"), LogAxis("bottom", "σ (Å)"))

    @property
    def _of(self) -> ErrorStudy:
        assert self.study is not None
        return self.study

    @property
    def _looks(self) -> dict[str, tuple[float, str]]:
        """Candidates that are drawn: width and style of their lines."""
        from edmnoise.study.candidates import NOTHING  # brings torch, which made the study

        looks = {self._network: (2.0, "SolidLine"), NOTHING: (1.0, "DotLine")}
        return {**looks, self._of.reference: (1.0, "DashLine")} if self._of.reference else looks

    def _draw(self) -> None:
        canvas, levels = self.canvas, self._of.hierarchy
        canvas.plot.clear()
        where = [math.log10(sigma) for sigma in self._of.sigmas]
        legend = []
        for part in self._of.parts:
            colour = canvas.ink(LEVEL_COLOURS[levels.names[part]])
            for name, (width, style) in self._looks.items():
                canvas.curve(where, self._logs(name, part), canvas.pen(colour, width, style))
            canvas.dots(where, self._logs(self._network, part), colour, canvas.pen(canvas.colour("Base")), size=6)
            legend.append((LINE, colour.name(), levels.parts[part]))
        text = canvas.colour("Text").name()
        signs = zip((DOTTED, DASHED), list(self._looks)[1:], strict=False)
        canvas.describe(f"Error on {self._of.of}", [*legend, *((sign, text, name) for sign, name in signs)])
        self.present(self.study)

    def _logs(self, name: str, part: int) -> list[float]:
        values = self._of.rms(name)[0][:, part].tolist()
        return [math.log10(value) if value > 0 else math.nan for value in values]

    def fit(self) -> None:
        levels = [math.log10(sigma) for sigma in self._of.sigmas]
        about = (self._network, self._of.reference or self._network)  # doing nothing errs by as much as is added
        errors = [x for name in about for part in self._of.parts for x in self._logs(name, part)]
        known = [x for x in errors if not math.isnan(x)]
        self.canvas.fit((min(levels), max(levels) + 1e-3), (min(known) - 0.1, max(known) + 0.1))

    def read(self, x: float, y: float) -> str:
        return self._told(min(range(len(self._of.sigmas)), key=lambda at: abs(math.log10(self._of.sigmas[at]) - x)))

    def summary(self) -> str:
        """Where the network is furthest from the reference."""
        return self._told(max(range(len(self._of.sigmas)), key=lambda at: max(self._ratios(at), default=0)))

    def _ratios(self, at: int) -> list[float]:
        """Mean square error of each part over the reference's; 0 where that is rounding."""
        found = self._of.ratio(self._network)[0][at, self._of.parts].tolist()
        return [0.0 if math.isnan(ratio) else ratio for ratio in found]

    def _told(self, at: int) -> str:
        ink, levels = self.canvas.ink, self._of.hierarchy
        words = ", ".join(
            tinted(ink(LEVEL_COLOURS[levels.names[part]]).name(), f"{ratio:.2g}" if ratio else "-")
            for part, ratio in zip(self._of.parts, self._ratios(at), strict=True)
        )
        return f"σ {brief(self._of.sigmas[at])} Å: {words} × {self._of.reference}"

    def click(self, x: float, y: float) -> None:
        """There is nothing to go to."""

    def table(self) -> Table:
        return self._of.table()
