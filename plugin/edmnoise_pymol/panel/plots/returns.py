"""The share of samples that come back to their state, over the level that it was noised to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import SERIES_COLOURS
from edmnoise.base.table import Table

from ..session import Session
from .chart import Chart
from .signs import DASHED, DOTTED, POINT, brief

if TYPE_CHECKING:
    from .canvas import Canvas

_CLOSED = {"stochastic": ("DashLine", DASHED, "exact, fresh noise"), "flow": ("DotLine", DOTTED, "exact, none")}
"""Columns of closed forms: their lines, signs and words."""

_COLOURS = SERIES_COLOURS[3:] + SERIES_COLOURS[:3]
"""Of states, beside those of levels."""

_NAMED = 6
"""States that have a place in the legend."""


class ReturnPlot(Chart):
    """Draws the table of `edm_return`; lDDT to the one state where there are no others to come back from."""

    title = "Return"
    help = "Share of the samples that come back to the state that was noised, over the noise level"

    def __init__(self, session: Session, table: Table) -> None:
        super().__init__(session)
        self._table = table
        self._several = any(column.name == "return" for column in table.columns)
        self._shown = "return" if self._several else "lDDT"
        self.setAccessibleName("return")

    def refresh(self) -> None:
        canvas = self.canvas
        canvas.plot.clear()
        legend = []
        rows = self._by_state()
        for number, (state, mine) in enumerate(rows.items()):
            colour = canvas.ink(_COLOURS[number % len(_COLOURS)])
            x, y = _points(mine, self._shown)
            error = _points(mine, f"{self._shown}, error")[1]
            canvas.dots(x, y, colour, canvas.pen(colour))
            low, high = ([v + sign * e for v, e in zip(y, error, strict=True)] for sign in (-1, 1))
            canvas.bars(x, low, high, canvas.pen(colour), beam=0.03)
            closed = [name for name in _CLOSED if name in mine[0]]
            for name in closed:
                canvas.curve(*_points(mine, name), canvas.pen(colour, 1.5, _CLOSED[name][0]))
            if not closed:
                canvas.curve(x, y, canvas.pen(colour, 1))
            if number < _NAMED:
                legend.append((POINT, colour.name(), f"state {state}"))
        ink = canvas.colour("Text").name()
        legend += [
            (_CLOSED[name][1], ink, _CLOSED[name][2]) for name in _CLOSED if name in next(iter(rows.values()))[0]
        ]
        canvas.describe("Comes back" if self._several else "lDDT to the state", legend)
        self.present(self._table)

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis, LogAxis

        canvas.set_axes(Axis("left", "share" if self._several else "lDDT"), LogAxis("bottom", "noised to σ (Å)"))

    def fit(self) -> None:
        levels = [math.log10(row["sigma"]) for mine in self._by_state().values() for row in mine]
        self.canvas.fit((min(levels) - 0.1, max(levels) + 0.1), (0, 1.05))

    def read(self, x: float, y: float) -> str:
        rows = [row for mine in self._by_state().values() for row in mine]
        near = min(rows, key=lambda row: (abs(math.log10(row["sigma"]) - x), abs(row[self._shown] - y)))
        words = f"σ {brief(near['sigma'])} Å, z {near['z']:.2f}: "
        words += f"state {near['left']} comes back in {near['return']:.0%}, " if self._several else ""
        return f"{words}RMSD {near['RMSD']:.2f} Å, lDDT {near['lDDT']:.2f}"

    def click(self, x: float, y: float) -> None:
        """There is no state of an object to go to."""

    def table(self) -> Table:
        return self._table

    def _by_state(self) -> Mapping[int, Sequence[Mapping[str, Any]]]:
        """The rows of each state that was noised, without those of the whole schedule."""
        found: dict[int, list[Mapping[str, Any]]] = {}
        for row in self._table.rows():
            if row["sigma"] > 0:
                found.setdefault(row["left"], []).append(row)
        return found


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """log10 sigma, and a column."""
    return [math.log10(row["sigma"]) for row in rows], [row[name] for row in rows]
