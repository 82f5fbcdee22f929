"""What all plots share: a sentence while there is nothing to draw, the drawing, the read-out below it, export."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.files import replacing
from edmnoise.base.table import Table

from ..controls.words import Words
from ..session import Session

if TYPE_CHECKING:
    from .canvas import Canvas

_SETTLE_MS = 40
"""From a change to the drawing of it: several changes are drawn at once."""


class Chart(QtWidgets.QWidget):
    """A plot that draws itself when it is seen and something has changed.

    Signals: ``drawn()`` after a drawing or its sentence has appeared.
    """

    drawn = QtCore.Signal()
    title = ""
    help = ""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._canvas: Canvas | None = None
        self._subject: object = None
        self.message = Words()
        self.message.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.readout = QtWidgets.QLabel()
        self.readout.setTextFormat(QtCore.Qt.TextFormat.RichText)
        self.readout.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        self.readout.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self._rows = QtWidgets.QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(2)
        self._rows.addWidget(self.message, 1)
        self._rows.addWidget(self.readout)
        self.setMinimumHeight(160)
        self._stale = True
        self._soon = QtCore.QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.timeout.connect(self._refresh_now)
        self.empty("")

    @property
    def full(self) -> bool:
        """Whether there is a drawing, not a sentence."""
        return self._canvas is not None and not self._canvas.isHidden()

    @property
    def canvas(self) -> Canvas:
        """The drawing, made when it is first needed."""
        if self._canvas is None:
            from .canvas import Canvas

            self._canvas = made = Canvas()
            self.prepare(made)
            made.clicked.connect(self.click)
            made.hovered.connect(lambda x, y: self._say(self.read(x, y)))
            made.left.connect(self.rest)
            made.recoloured.connect(self.later)
            self._rows.insertWidget(1, made, 1)
        return self._canvas

    def later(self) -> None:
        """Something has changed: draw again, now or when the plot is next seen."""
        self._stale = True
        if self.isVisible():
            self._soon.start()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._stale:
            self._soon.start()

    def empty(self, sentence: str) -> None:
        """Say why there is nothing to see."""
        self._subject = None
        self.message.setText(sentence)
        self.message.show()
        self.readout.hide()
        if self._canvas is not None:
            self._canvas.hide()
            self._canvas.plot.clear()
        self.drawn.emit()

    def wait(self, name: str) -> None:
        """What is to be shown is under way, and what was shown does not hold any more."""
        self.empty(f"measuring {name} …")

    def present(self, subject: object) -> None:
        """After drawing: show it, all of it if it is about another subject or the user has not zoomed."""
        self.message.hide()
        self.readout.show()
        self.canvas.show()
        if subject != self._subject or not self.canvas.zoomed:
            self._subject = subject
            self.fit()
        self.rest()
        self.drawn.emit()

    def rest(self) -> None:
        """What is read while the mouse is elsewhere."""
        self._say(self.summary())

    def _say(self, words: str) -> None:
        self.readout.setText(words)
        self.readout.setToolTip(words)

    def save(self, path: str) -> str:
        """Write the plot as its ending says: .png, .svg or .csv; gives the path. A whole file or none."""
        if path.lower().endswith(".csv"):
            self.table().save(path)
            return path
        content = self.canvas.svg() if path.lower().endswith(".svg") else self.canvas.png()
        with replacing(path) as handle:
            handle.write(content)
        return path

    def _refresh_now(self) -> None:
        if self.isVisible():
            self._stale = False
            if find_spec("pyqtgraph") is None:
                self.empty("Plots need pyqtgraph: pip install pyqtgraph, then start PyMOL again")
            else:
                self.refresh()

    # What each plot is

    def prepare(self, canvas: Canvas) -> None:
        """Set up the axes of a new drawing."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Ask for what is to be drawn, and draw it when it is there."""
        raise NotImplementedError

    def fit(self) -> None:
        """Show all."""
        raise NotImplementedError

    def read(self, x: float, y: float) -> str:
        """What is at a place of the plot."""
        raise NotImplementedError

    def summary(self) -> str:
        """What is to be said of the whole."""
        return ""

    def click(self, x: float, y: float) -> None:
        """A person has clicked there."""
        raise NotImplementedError

    def table(self) -> Table:
        """The numbers."""
        raise NotImplementedError
