"""The weight triangle: a measure over all weights of chain, residue and atom, named ones marked, clicks that choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.table import Table

from ..session import Session
from ..structure_cache import Held
from .chart import Chart
from .measured_cache import answered
from .signs import tinted

if TYPE_CHECKING:
    from ...jobs.plots.triangle import Reading, Ternary
    from .canvas import Canvas

_HEIGHT = 340
"""Pixels, legend and read-out and all: the triangle is as wide as a panel of 360 pixels lets it be."""

_OWN = "this structure"
_STAR = 15
_SCALE = (0.9, 0.93), (0.47, 0.86)
"""Where the colours' scale stands, right of the triangle: from left to right, from below to above."""

_SIDES: tuple[tuple[float, float], ...] = ((0, 1), (1, 1), (0, 0), (1, 0), (0, 0.5), (1, 0.5), (0.5, 1), (0.5, 0))
"""Points of its own box by which a label may hang on its mark, the best first."""

_GAP = 4
"""Pixels between a mark's middle and its label."""

_CUT = 10_000.0
"""Square pixels of other labels that are rather covered than that a label is cut off."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels."""


class TriangleChart(Chart):
    """What would other weights do?

    ``wanted`` gives the measure and the level that are to be mapped.
    """

    title = "Triangle"
    help = (
        "A measure over all shares of the noise between chain (top), residue (right) and atom (left); "
        "click it to set the weights of the Noise tab"
    )

    def __init__(self, session: Session, held: Held, wanted: Callable[[], tuple[str, str]]) -> None:
        super().__init__(session)
        self._held, self._wanted = held, wanted
        self._asked: object = None
        self._map: Ternary | None = None
        self._rings: list[Any] = []
        self._labels: dict[str, Any] = {}
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(self.help)
        self.setAccessibleName("weight triangle")
        session.input_changed.connect(self._forget)
        session.noise_changed.connect(self._new_noise)

    # What is shown

    def refresh(self) -> None:
        key, noise = self._held.key, self._session.noise
        if key is None or noise is None:
            self.empty("Load a structure to see what weights of chain, residue and atom do to it")
            return
        measure, level = self._wanted()
        asked = key, measure, level, noise.distribution
        if asked == self._asked:
            if self._map is not None:
                self._draw()
            return
        self._asked = asked
        which, known = self._held.which, self._held.known
        if not self.full:
            self.empty("mapping …")

        def job() -> Any:
            from ...jobs.plots.triangle import ternary

            return answered(ternary(self._session.cmd, which, measure, level, noise.distribution, known))

        def done(answer: Any) -> None:
            if asked != self._asked:
                return
            if isinstance(answer, str):
                self._map = None
                self.empty(answer)
            else:
                self._map = answer[0]
                self._held.keep(key, answer[1])
                self._draw()

        self._session.compute("triangle", job, done)

    def _forget(self) -> None:
        self._asked = self._map = None
        self.later()

    def _new_noise(self) -> None:
        """Other weights are only another ring; another distribution is another map."""
        noise = self._session.noise
        if (
            self._map is None
            or not self.full
            or noise is None
            or self._map.made.measure.distribution != noise.distribution
        ):
            self.later()
        else:
            self._draw_ring()

    # The drawing

    def prepare(self, canvas: Canvas) -> None:
        from .axes import Axis

        canvas.set_axes(Axis("left", ""), Axis("bottom", ""))
        for side in ("left", "bottom"):
            canvas.plot.hideAxis(side)
        canvas.plot.showGrid(x=False, y=False)
        canvas.box.setMouseEnabled(x=False, y=False)
        canvas.box.setAspectLocked(True)
        canvas.box.sigResized.connect(lambda *_: self._place_labels())

    @property
    def _of(self) -> Ternary:
        assert self._map is not None
        return self._map

    def _draw(self) -> None:
        from ...jobs.plots.triangle import HIGH, WIDE

        canvas, made = self.canvas, self._of
        canvas.plot.clear()
        canvas.box.clear()
        edge = canvas.colour("Text")
        top = made.corners["chain"][1]
        canvas.picture(made.picture, (WIDE, HIGH), (0.0, 1.0), (0.0, top))
        canvas.curve(*made.lines, canvas.pen("white", 0.8))
        corners = [made.corners[level] for level in ("chain", "residue", "atom", "chain")]
        across, up = zip(*corners, strict=True)
        canvas.curve(across, up, canvas.pen(edge, 1.5), depth=1)
        for level, anchor in (("chain", (0.5, 1)), ("residue", (1, 0)), ("atom", (0, 0))):
            canvas.words(*made.corners[level], level, canvas.ink(LEVEL_COLOURS[level]), anchor)
        self._draw_scale()
        for name, (x, y) in made.marks.items():
            dot = canvas.dots([x], [y], "black", canvas.pen("white", 1), size=_STAR if name == _OWN else 8)
            if name == _OWN:
                dot.setSymbol("star")
        self._rings = [
            canvas.dots([], [], None, canvas.pen(colour, 2), size=size)
            for colour, size in (("white", 18), ("black", 14))
        ]
        ground = canvas.colour("Base")
        ground.setAlphaF(0.75)
        self._labels = {name: canvas.words(x, y, name, edge, (0, 1), ground) for name, (x, y) in made.marks.items()}
        self._draw_ring()
        self.present(made)
        self._place_labels()

    def _draw_scale(self) -> None:
        """The colours from low to high, with the values of the lines."""
        canvas, made = self.canvas, self._of
        across, up = _SCALE
        canvas.picture(made.scale, (1, len(made.scale) // 4), across, up)
        low, high = made.span
        for tick in made.ticks:
            y = up[0] + (up[1] - up[0]) * (tick - low) / (high - low)
            canvas.curve(across, (y, y), canvas.pen("white", 0.8))
            canvas.words(across[1] + 0.01, y, f"{tick:.3g}", canvas.colour("Text"), (0, 0.5))

    def _draw_ring(self) -> None:
        """Mark the weights of the Noise tab."""
        now = self._now
        for ring in self._rings:
            ring.setData([] if now is None else [now[0][0]], [] if now is None else [now[0][1]])
        text = self.canvas.colour("Text").name()
        said = "none" if now is None else now[1].text
        self.canvas.describe(self._of.heading, [("◯", text, f"Noise tab: {said}")])
        if not self.canvas.underMouse():
            self.rest()

    @property
    def _now(self) -> tuple[tuple[float, float], Reading] | None:
        """The weights of the Noise tab; None where all are 0, and where domains have one."""
        noise = self._session.noise
        assert noise is not None
        try:
            return self._of.of(noise.weights)
        except EdmNoiseError:
            return None

    def fit(self) -> None:
        self.canvas.fit((-0.02, 1.02), (-0.08, 0.94))

    def _place_labels(self) -> None:
        """Hang each label on the side of its mark where it covers least of the others."""
        if self._map is None or not self._labels:
            return
        canvas = self.canvas
        view = canvas.box.sceneBoundingRect()  # the viewport's pixels
        spots = {name: canvas.where(*place) for name, place in self._map.marks.items()}
        dots: list[Box] = [(p.x() - 4, p.y() - 4, p.x() + 4, p.y() + 4) for p in spots.values()]
        taken: list[Box] = []
        (left, _), (lowest, highest) = _SCALE
        foot, head = canvas.where(left, lowest), canvas.where(left, highest)
        taken.append((foot.x() - 4, head.y() - 8, view.right(), foot.y() + 8))
        for name, spot in spots.items():
            label = self._labels[name]
            size = label.boundingRect()
            wide, high = size.width(), size.height()
            anchors = {side: (_beside(side[0], wide), _beside(side[1], high)) for side in _SIDES}
            boxes = {side: _hung(spot, wide, high, anchor) for side, anchor in anchors.items()}
            covered = {
                side: sum(_overlap(box, other) for other in taken) + 3 * sum(_overlap(box, dot) for dot in dots)
                for side, box in boxes.items()
            }
            for side, box in boxes.items():
                covered[side] += _CUT * (box[0] < view.left() or box[2] > view.right())
            best = min(_SIDES, key=lambda side: covered[side])
            taken.append(boxes[best])
            label.setAnchor(anchors[best])

    # What it answers

    def read(self, x: float, y: float) -> str:
        found = self._of.at(x, y)
        return self._said(found) if found is not None else self.summary()

    def summary(self) -> str:
        if self._map is None:
            return ""
        now = self._now
        if now is not None:
            return self._said(now[1])
        noise = self._session.noise
        has_domains = noise is not None and len(noise.weights.split()) > 3
        return "Domains have a weight: this is of three weights" if has_domains else "All three weights are 0"

    def _said(self, found: Reading) -> str:
        shares = ", ".join(
            tinted(self.canvas.ink(LEVEL_COLOURS[level]).name(), f"{'' if found.name else level + ' '}{share:.2f}")
            for level, share in found.shares.by_name.items()
        )
        return f"{found.name} {shares}: {self._of.words(found.value)}".strip()

    def click(self, x: float, y: float) -> None:
        """Set the weights of the Noise tab."""
        found = self._of.at(x, y)
        if found is not None:
            self._session.weights_wanted.emit(found.text)
            self._session.said.emit(f"weights of the Noise tab: {found.text}")

    def table(self) -> Table:
        return self._of.table()


def _beside(side: float, extent: float) -> float:
    """Which point of a label lies on its mark, so that the mark is not covered."""
    return side + _GAP / extent * (2 * side - 1)


def _hung(spot: Any, wide: float, high: float, side: tuple[float, float]) -> Box:
    left, top = spot.x() - side[0] * wide, spot.y() - side[1] * high
    return left, top, left + wide, top + high


def _overlap(first: Box, second: Box) -> float:
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return max(wide, 0.0) * max(high, 0.0)
