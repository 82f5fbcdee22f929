"""The loss of a training by part, as it goes, and what no network gets below."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.table import Column, Table
from edmnoise.structure.hierarchy import LEVELS, PARTS, as_read

from ..session import Session
from .chart import Chart
from .signs import DASHED, LINE, tinted

if TYPE_CHECKING:
    from ...jobs.training_run import Learned
    from .canvas import Canvas

_MOST = 600
"""Points that are kept: of more, neighbours become one."""

_PARTS = as_read(range(len(PARTS)))


class LossChart(Chart):
    """Mean loss of the steps between two looks, by part; a training that is resumed goes on where it ended."""

    title = "Loss"
    help = (
        "Mean square error of atom in residue, residue in chain and chain over its c_out^2, as the training goes; "
        "dashed that of the exact denoiser, which no network gets below"
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.points: list[tuple[float, int, tuple[float, ...]]] = []
        """Last step, number of steps, and their mean loss by part, finest first."""
        self._last: Learned | None = None
        self.refresh()

    def add(self, seen: Learned) -> None:
        """What is to be seen of a training by now."""
        last = self._last
        if seen.count:
            self.points.append((seen.step, seen.count, seen.losses))
        elif last is None or (seen.path, seen.step) != (last.path, last.step):
            self.points = []
        if len(self.points) > _MOST:
            self.points = _halved(self.points)
        self._last = seen
        self.later()

    def refresh(self) -> None:
        if self._last is None:
            self.empty("Press Start to see the loss fall")
        elif not self.points:
            self.wait("the first steps")
        else:
            self._draw(self._last)

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis, LogAxis

        canvas.setMinimumSize(120, 90)
        canvas.set_axes(LogAxis("left", "loss"), Axis("bottom", ""))

    def _draw(self, seen: Learned) -> None:
        canvas = self.canvas
        canvas.plot.clear()
        steps = [step for step, _, _ in self.points]
        legend = []
        for part in self._moving:
            colour = canvas.ink(LEVEL_COLOURS[LEVELS[part]])
            canvas.curve(steps, self._logs(part), canvas.pen(colour, 1.5))
            if len(steps) == 1:
                canvas.dots(steps, self._logs(part), colour, canvas.pen(colour))
            if seen.floor[part] > 0:
                canvas.rule(math.log10(seen.floor[part]), False, canvas.pen(colour, 1, "DashLine"))
            legend.append((LINE, colour.name(), PARTS[part]))
        canvas.describe("Loss", [*legend, (DASHED, canvas.colour("Text").name(), "least")])
        self.present(seen.path)

    @property
    def _moving(self) -> list[int]:
        """Parts that there are, coarsest first."""
        return [part for part in _PARTS if not math.isnan(self._of.floor[part])]

    @property
    def _of(self) -> Learned:
        assert self._last is not None
        return self._last

    def _logs(self, part: int) -> list[float]:
        return [math.log10(losses[part]) if losses[part] > 0 else math.nan for _, _, losses in self.points]

    def fit(self) -> None:
        levels = [level for part in self._moving for level in self._logs(part) if not math.isnan(level)]
        levels += [math.log10(self._of.floor[part]) for part in self._moving if self._of.floor[part] > 0]
        last = self._of.steps or self._of.step
        self.canvas.fit((0, max(last, 1)), (min(levels, default=-1) - 0.1, max(levels, default=0) + 0.1))

    def read(self, x: float, y: float) -> str:
        return self._told(min(self.points, key=lambda point: abs(point[0] - x)))

    def summary(self) -> str:
        return self._told(self.points[-1])

    def _told(self, point: tuple[float, int, tuple[float, ...]]) -> str:
        step, _, losses = point
        return f"step {step:,.0f}: {self._tinted(losses)}; least {self._tinted(self._of.floor)}"

    def _tinted(self, losses: Any) -> str:
        ink: Callable[[str], Any] = self.canvas.ink
        return ", ".join(
            tinted(ink(LEVEL_COLOURS[LEVELS[part]]).name(), f"{losses[part]:.2g}") for part in self._moving
        )

    def click(self, x: float, y: float) -> None:
        """There is nothing to go to."""

    def table(self) -> Table:
        columns = [Column("step", [int(step) for step, _, _ in self.points])]
        for part in self._moving:
            columns.append(Column(PARTS[part], [losses[part] for _, _, losses in self.points], "", 4))
            columns.append(Column(f"{PARTS[part]}, least", [self._of.floor[part]] * len(self.points), "", 4))
        return Table("loss of a training, mean of the steps since the row before", tuple(columns))


def _halved(
    points: list[tuple[float, int, tuple[float, ...]]],
) -> list[tuple[float, int, tuple[float, ...]]]:
    """Two neighbours become their mean, at the later step; an odd last one stays."""
    found = []
    for one, other in zip(points[::2], points[1::2], strict=False):
        count = one[1] + other[1]
        means = tuple((a * one[1] + b * other[1]) / count for a, b in zip(one[2], other[2], strict=True))
        found.append((other[0], count, means))
    return found + points[len(found) * 2 :]
