"""The drawing: pyqtgraph in the widget's own colours, its legend in a row of its own, clicks and places as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymol.Qt import QtCore, QtGui, QtWidgets

from .axes import Axis, pg
from .clip import clipped, within

_SHARPER = 3
"""Pixels of a picture in a file for one on the screen."""

Entry = tuple[str, str, str]
"""Of a legend: a sign, its colour, words."""


class Canvas(pg.GraphicsLayoutWidget):
    """One plot.

    Signals: ``clicked(x, y)`` and ``hovered(x, y)`` in the plot's coordinates; ``left()`` when the mouse goes;
    ``recoloured()`` when the desktop's colours have changed.
    """

    clicked = QtCore.Signal(float, float)
    hovered = QtCore.Signal(float, float)
    left = QtCore.Signal()
    recoloured = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.zoomed = False
        self._entries: tuple[Entry, ...] = ()
        self._heading = ""
        self.ci.layout.setContentsMargins(2, 2, 8, 2)
        self.ci.layout.setSpacing(2)
        self._legend = _Legend("", justify="left")
        self.ci.addItem(self._legend, row=0, col=0)
        self.plot: Any = None
        self.setMinimumSize(120, 130)
        self.scene().sigMouseClicked.connect(self._click)
        self.setBackground(self.colour("Base"))

    def set_axes(self, left: Axis, bottom: Axis) -> None:
        """Called once, before anything is drawn."""
        self.plot = self.ci.addPlot(row=1, col=0, axisItems={"left": left, "bottom": bottom}, enableMenu=False)
        self.plot.hideButtons()
        self.box.disableAutoRange()
        self.box.sigRangeChangedManually.connect(lambda *_: setattr(self, "zoomed", True))
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self._recolour()

    @property
    def box(self) -> Any:
        """What is within the axes."""
        return self.plot.getViewBox()

    def fit(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show these ranges, and let nobody get lost outside of them."""
        wide, high = x[1] - x[0], y[1] - y[0]
        self.box.setLimits(
            xMin=x[0] - wide,
            xMax=x[1] + wide,
            yMin=y[0] - high,
            yMax=y[1] + high,
            maxXRange=2 * wide,
            maxYRange=2 * high,
        )
        self.box.setRange(xRange=x, yRange=y, padding=0.02)
        self.zoomed = False

    def describe(self, heading: str, entries: Sequence[Entry]) -> None:
        """The lines above the plot: what it is about, what each sign stands for."""
        self._heading, self._entries = heading, tuple(entries)
        self._write()

    def colour(self, role: str) -> Any:
        """A colour of the widget's palette: "Base" of the ground, "Text" of what stands on it."""
        return self.palette().color(getattr(QtGui.QPalette.ColorRole, role))

    def ink(self, name: str) -> Any:
        """A colour by its name, lighter where the ground is dark."""
        colour = QtGui.QColor(name)
        return colour.lighter(130) if self.colour("Base").lightness() < 128 else colour

    def pen(self, colour: Any, width: float = 1.0, style: str = "SolidLine") -> Any:
        return pg.mkPen(colour, width=width, style=getattr(QtCore.Qt.PenStyle, style))

    def faint(self, strength: float) -> Any:
        """The text's colour, let through."""
        colour = self.colour("Text")
        colour.setAlphaF(strength)
        return colour

    def curve(self, x: Sequence[float], y: Sequence[float], pen: Any, depth: float = 0) -> Any:
        """A line through points; NaN interrupts it."""
        item = pg.PlotCurveItem(list(x), list(y), pen=pen, connect="finite", antialias=True)
        item.setZValue(depth)
        self.plot.addItem(item)
        return item

    def dots(
        self, x: Sequence[float], y: Sequence[float], fill: Any, edge: Any, size: float = 9, depth: float = 5
    ) -> Any:
        """Round points."""
        item = pg.ScatterPlotItem(list(x), list(y), size=size, brush=fill, pen=edge, antialias=True)
        item.setZValue(5)
        self.plot.addItem(item)
        return item

    def bars(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], pen: Any, beam: float = 0.06
    ) -> Any:
        """Error bars from low to high."""
        gap = float("nan")
        across, up = [], []
        for at, bottom, top in zip(x, low, high, strict=True):
            across += [at, at, gap, at - beam, at + beam, gap, at - beam, at + beam, gap]
            up += [bottom, top, gap, bottom, bottom, gap, top, top, gap]
        return self.curve(across, up, pen, depth=4)

    def rule(self, at: float, upright: bool, pen: Any, words: str = "", below: bool = False, depth: float = -5) -> Any:
        """A line across the whole plot, with words at its end."""
        anchor = (1, 0) if below else (1, 1)
        options = {"position": 0.985, "anchors": [anchor, anchor], "color": self.faint(0.75), "movable": False}
        item = pg.InfiniteLine(at, angle=90 if upright else 0, pen=pen, label=words or None, labelOpts=options)
        item.setZValue(depth)
        self.plot.addItem(item, ignoreBounds=True)
        return item

    def band(self, start: float, end: float) -> None:
        """A stretch of the horizontal axis, tinted."""
        item = pg.LinearRegionItem((start, end), movable=False, brush=self.faint(0.07), pen=pg.mkPen(None))
        item.setZValue(-20)
        item.setAcceptedMouseButtons(QtCore.Qt.MouseButton.NoButton)
        self.plot.addItem(item, ignoreBounds=True)

    def picture(self, dots: bytes, size: tuple[int, int], x: tuple[float, float], y: tuple[float, float]) -> Any:
        """A picture over a part of the plot: rows of red, green, blue and opacity from the top, ``size`` across and
        down."""
        wide, high = size
        image = QtGui.QImage(dots, wide, high, 4 * wide, QtGui.QImage.Format.Format_RGBA8888).copy()
        item = QtWidgets.QGraphicsPixmapItem(QtGui.QPixmap.fromImage(image))
        item.setTransformationMode(QtCore.Qt.TransformationMode.SmoothTransformation)
        across, down = (x[1] - x[0]) / wide, (y[0] - y[1]) / high
        item.setTransform(QtGui.QTransform(across, 0, 0, down, x[0], y[1]))
        item.setZValue(-10)
        self.box.addItem(item, ignoreBounds=True)
        return item

    def words(self, x: float, y: float, text: str, colour: Any, anchor: tuple[float, float], fill: Any = None) -> Any:
        """Words at a place; ``anchor`` is the point of their box that lies there, from its upper left."""
        item = pg.TextItem(text, color=colour, anchor=anchor, fill=fill)
        item.setFont(self.font())
        item.textItem.document().setDocumentMargin(1)
        item.setPos(x, y)
        self.plot.addItem(item, ignoreBounds=True)
        return item

    def png(self) -> bytes:
        """The drawing as a picture, sharper than the screen."""
        picture = QtGui.QImage(self.viewport().size() * _SHARPER, QtGui.QImage.Format.Format_ARGB32)
        picture.setDevicePixelRatio(_SHARPER)
        picture.fill(self.colour("Base"))
        painter = QtGui.QPainter(picture)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        self._widen(_SHARPER)
        self.render(painter, QtCore.QRectF(self.viewport().rect()), self.viewport().rect())
        self._widen(1 / _SHARPER)
        painter.end()
        store = QtCore.QBuffer()
        store.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
        picture.save(store, "PNG")
        return bytes(store.data())

    def _widen(self, factor: float) -> None:
        """Draw all lines this much wider: their width is in pixels of whatever they are drawn on."""
        lines = [item for item in self.plot.items if isinstance(item, pg.PlotCurveItem | pg.InfiniteLine)]
        for item in [*lines, self.plot.getAxis("left"), self.plot.getAxis("bottom")]:
            old = item.opts["pen"] if isinstance(item, pg.PlotCurveItem) else item.pen
            pen = QtGui.QPen(old() if callable(old) else old)
            pen.setWidthF(pen.widthF() * factor)
            item.setPen(pen)

    def svg(self) -> bytes:
        """The drawing as lines and text. Qt writes no clipping: what lies outside of the axes is left out before."""
        from pyqtgraph.Qt import QtSvg  # of the binding that PyMOL uses

        store = QtCore.QBuffer()
        store.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
        generator = QtSvg.QSvgGenerator()
        generator.setOutputDevice(store)
        generator.setResolution(self.logicalDpiX())  # that of the axes, which are drawn beforehand
        generator.setSize(self.viewport().size())
        generator.setViewBox(self.viewport().rect())
        generator.setTitle(self._heading)
        curves = [(item, item.getData()) for item in self.plot.items if isinstance(item, pg.PlotCurveItem)]
        dots = [item for item in self.plot.items if isinstance(item, pg.ScatterPlotItem)]
        x_range, y_range = map(tuple, self.box.viewRange())
        for item, data in curves:
            if data[0] is not None:
                item.setData(*clipped(data[0].tolist(), data[1].tolist(), x_range, y_range))
        for item in dots:
            places = zip(*(axis.tolist() for axis in item.getData()), strict=True)
            item.setPointsVisible([within(x, x_range) and within(y, y_range) for x, y in places])
        painter = QtGui.QPainter(generator)
        self.render(painter, QtCore.QRectF(self.viewport().rect()), self.viewport().rect())
        painter.end()
        for item, data in curves:
            if data[0] is not None:
                item.setData(*data)
        for item in dots:
            item.setPointsVisible(True)
        return bytes(store.data())

    def where(self, x: float, y: float) -> Any:
        """The pixel of the viewport at a place of the plot."""
        return self.mapFromScene(self.box.mapViewToScene(QtCore.QPointF(x, y)))

    # What happens to the widget

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if getattr(self, "plot", None) is not None:
            self._write()

    def mouseMoveEvent(self, event: Any) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.mapToScene(event.position().toPoint() if hasattr(event, "position") else event.pos()))

    def leaveEvent(self, event: Any) -> None:
        super().leaveEvent(event)
        self.left.emit()

    def changeEvent(self, event: Any) -> None:
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and getattr(self, "plot", None) is not None:
            self._recolour()
            self.recoloured.emit()

    def _recolour(self) -> None:
        self.setBackground(self.colour("Base"))
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(self.faint(0.6))
            axis.setTextPen(self.colour("Text"))
        self._write()

    def _write(self) -> None:
        """The legend, in as many rows as the width asks for; what the plot is about comes first."""
        font = self.fontMetrics()
        bold = QtGui.QFont(self.font())
        bold.setBold(True)
        room = max(self.viewport().width() - 20, 60)
        heading = QtGui.QFontMetrics(bold).elidedText(self._heading, QtCore.Qt.TextElideMode.ElideMiddle, room)
        rows = [[f"<b>{_escaped(heading)}</b>&nbsp; "]]
        used = QtGui.QFontMetrics(bold).horizontalAdvance(heading)
        for sign, colour, words in self._entries:
            width = font.horizontalAdvance(f"  {sign} {words}")
            if used + width > room:
                rows.append([])
                used = 0
            rows[-1].append(f'<span style="color:{colour}">{sign}</span>&nbsp;{_escaped(words)}&nbsp; ')
            used += width
        text = "<br>".join("".join(row) for row in rows)
        self._legend.setText(text, color=self.colour("Text").name(), size=f"{self._points():g}pt")
        self.ci.layout.setRowFixedHeight(0, self._legend.itemRect().height())
        self.ci.layout.activate()  # now, not when the next picture has been drawn over it

    def _points(self) -> float:
        return self.font().pointSizeF() if self.font().pointSizeF() > 0 else 9.0

    def _click(self, event: Any) -> None:
        if event.button() == QtCore.Qt.MouseButton.LeftButton and self.plot.sceneBoundingRect().contains(
            event.scenePos()
        ):
            place = self.box.mapSceneToView(event.scenePos())
            if self.box.sceneBoundingRect().contains(event.scenePos()):
                event.accept()
                self.clicked.emit(place.x(), place.y())

    def _hover(self, scene: Any) -> None:
        if self.plot is not None and self.box.sceneBoundingRect().contains(scene):
            place = self.box.mapSceneToView(scene)
            self.hovered.emit(place.x(), place.y())
        else:
            self.left.emit()


class _Legend(pg.LabelItem):
    """Text that follows the drawing's width, and does not dictate it."""

    def updateMin(self) -> None:
        super().updateMin()
        height = self.itemRect().height()
        for hint in (QtCore.Qt.SizeHint.MinimumSize, QtCore.Qt.SizeHint.PreferredSize):
            self._sizeHint[hint] = (0, height)
        self.setMinimumWidth(0)
        self.updateGeometry()


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(" ", "&nbsp;")
