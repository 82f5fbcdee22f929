"""A palette as a bar, with its numbers below and what they are above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymol.Qt import QtCore, QtGui, QtWidgets

from edmnoise.base.colours import Anchor

UNKNOWN = "No colours by displacement yet"


def gradient(anchors: Sequence[Anchor], width: float) -> Any:
    """A palette from the left to the right, as a brush of a given width."""
    shades = QtGui.QLinearGradient(0, 0, width, 0)
    for number, anchor in enumerate(anchors):
        shades.setColorAt(number / (len(anchors) - 1), QtGui.QColor.fromRgbF(*(float(channel) for channel in anchor)))
    return QtGui.QBrush(shades)


def swatch(anchors: Sequence[Anchor], width: int, height: int) -> Any:
    """A palette as a small icon."""
    image = QtGui.QPixmap(width, height)
    image.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(image)
    painter.fillRect(0, 0, width, height, gradient(anchors, width))
    painter.end()
    return QtGui.QIcon(image)


class Legend(QtWidgets.QWidget):
    """What the shown object's colours stand for."""

    def __init__(self) -> None:
        super().__init__()
        self.words = QtWidgets.QLabel(UNKNOWN)
        self.words.setWordWrap(True)
        self.bar = _Bar()
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(self.words)
        rows.addWidget(self.bar)
        self.setToolTip("What the colours stand for: displacement in angstrom (RMS per coordinate), or lDDT")
        self.bar.hide()

    def explain(self, words: str, anchors: Sequence[Anchor], low: float, high: float, unit: str = "Å") -> None:
        """Show a palette over a range; no anchors where nothing is known."""
        self.words.setText(words or UNKNOWN)
        self.bar.setVisible(bool(anchors))
        shown = numbers(low, high)
        self.bar.anchors, self.bar.numbers, self.bar.unit = tuple(anchors), shown, unit
        self.setAccessibleName(f"{words}: {shown[0]} to {shown[-1]} {unit}".rstrip() if anchors else words)
        self.bar.update()


def numbers(low: float, high: float) -> tuple[str, str, str]:
    """Lowest, middle and highest value, with digits enough to tell them apart."""
    if high <= low:
        return (f"{low:.3g}",) * 3
    digits = 0
    while digits < 6 and (high - low) * 10**digits < 50:
        digits += 1
    return f"{low:.{digits}f}", f"{(low + high) / 2:.{digits}f}", f"{high:.{digits}f}"


class _Bar(QtWidgets.QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: tuple[Anchor, ...] = ()
        self.numbers: tuple[str, ...] = ()
        self.unit = ""
        line = self.fontMetrics().height()
        self.setFixedHeight(2 * line + 2)

    def paintEvent(self, _: Any) -> None:
        if not self.anchors:
            return
        painter = QtGui.QPainter(self)
        height = self.height() // 2
        painter.fillRect(0, 0, self.width(), height, gradient(self.anchors, self.width()))
        painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
        flags = QtCore.Qt.AlignmentFlag
        places = (flags.AlignLeft, flags.AlignHCenter, flags.AlignRight)
        box = QtCore.QRect(0, height, self.width(), self.height() - height)
        for place, number in zip(places, self.numbers, strict=True):
            painter.drawText(box, place | flags.AlignVCenter, f"{number} {self.unit}".rstrip())
        painter.end()
