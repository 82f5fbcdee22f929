"""The panel as a dock of PyMOL's window: pickers, tabs, and what is shown of the frames, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pymol.Qt import QtCore, QtWidgets

from .colour_box import ColourBox
from .design_tab import DesignTab
from .help import show_help
from .noise_tab import NoiseTab
from .pickers import Pickers
from .playback import Playback
from .plots import Plots
from .results import Results
from .sampling_tab import SamplingTab
from .session import Session
from .status import StatusBar
from .style import icon

_NAME = "edmnoise_panel"
_WIDTH = 400
"""Pixels at first; 360 are enough."""
_CORNER = QtCore.Qt.Corner.TopRightCorner
"""The panel needs height more than PyMOL's text window needs width: while it is open, this corner is the panel's."""


class Panel(QtWidgets.QWidget):
    """All controls of one panel: above what is asked for, below what is shown of the frames."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.pickers = Pickers(session)
        self.noise = NoiseTab(session)
        self.sampling = SamplingTab(session)
        self.design = DesignTab(session)
        self.plots = Plots(session)
        self.colours = ColourBox(session)
        self.results = Results(session)
        self.playback = Playback(session)
        self.status = StatusBar(session)
        self.tabs = _tabs(_Tabs(), {"Noise": self.noise, "Sampling": self.sampling, "Design": self.design})
        pages = {"Plots": self.plots, "Colour": self.colours, "Results": self.results}
        self.views = _tabs(QtWidgets.QTabWidget(), pages)
        self._remembering: dict[str, _Remembering] = {
            "noise": self.noise,
            "sampling": self.sampling,
            "design": self.design,
            "plots": self.plots,
            "colours": self.colours,
            "results": self.results,
            "playback": self.playback,
        }
        self._lay_out()
        self.recall()
        session.look()

    def recall(self) -> None:
        """Set the controls as they were last time."""
        for group, part in self._remembering.items():
            part.recall(self.session.settings.read(group))

    def remember(self) -> None:
        for group, part in self._remembering.items():
            self.session.settings.write(group, part.remembered())

    def close_down(self) -> None:
        """Remember the settings, end what runs, leave nothing behind."""
        self.remember()
        self.session.close()
        self.noise.close_live()

    def _lay_out(self) -> None:
        upper = _column(self.pickers, self.tabs)
        lower = _column(self.views, self.playback, stretch=0)
        lower.layout().setContentsMargins(0, 0, 0, 0)
        self.split = split = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        split.addWidget(_scrolled(upper))
        split.addWidget(lower)
        split.setCollapsible(0, False)  # the lower part can be dragged away, for a tab that needs the height
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(split, 1)
        outer.addWidget(self.status)


class _Remembering(Protocol):
    """A part of the panel whose settings are there next time."""

    def remembered(self) -> dict[str, str]: ...

    def recall(self, texts: dict[str, str]) -> None: ...


def _tabs(tabs: Any, pages: dict[str, Any]) -> Any:
    for name, page in pages.items():
        tabs.addTab(page, name)
    button = QtWidgets.QToolButton()
    button.setIcon(icon("help", button))
    button.setToolTip("What this tab is for")
    button.setAccessibleName("help")
    button.setAutoRaise(True)
    button.clicked.connect(lambda: show_help(tabs, tabs.tabText(tabs.currentIndex())))
    tabs.setCornerWidget(button)
    return tabs


class _Tabs(QtWidgets.QTabWidget):
    """As high as the page that is seen, not as the highest."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(lambda _: self.updateGeometry())

    def sizeHint(self) -> Any:
        return self._with(super().sizeHint(), lambda page: page.sizeHint().height())

    def minimumSizeHint(self) -> Any:
        return self._with(super().minimumSizeHint(), lambda page: page.minimumSizeHint().height())

    def heightForWidth(self, width: int) -> int:
        """Where words are wrapped the height depends on the width."""
        page = self.currentWidget()
        if page is None or not page.hasHeightForWidth():
            return int(self.sizeHint().height())
        stack = self.findChild(QtWidgets.QStackedWidget).sizeHint()
        around = super().sizeHint() - stack
        return int(page.heightForWidth(width - around.width()) + around.height())

    def _with(self, size: Any, high: Callable[[Any], int]) -> Any:
        pages = [self.widget(index) for index in range(self.count())]
        if pages:
            size.setHeight(size.height() - max(map(high, pages)) + high(self.currentWidget()))
        return size


def _column(*widgets: Any, stretch: int = -1) -> Any:
    """Widgets below each other; the one that stretches by its number, or the room below them."""
    column = QtWidgets.QWidget()
    rows = QtWidgets.QVBoxLayout(column)
    for number, widget in enumerate(widgets):
        rows.addWidget(widget, int(number == stretch))
    if stretch < 0:
        rows.addStretch()
    return column


def _scrolled(widget: Any) -> Any:
    area = QtWidgets.QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


class Dock(QtWidgets.QDockWidget):
    """Holds the panel while it is open; closing it ends the panel and gives its memory back."""

    def __init__(self, cmd: Any, window: Any) -> None:
        super().__init__("EDM noise", window)
        self.setObjectName(_NAME)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.panel = Panel(Session(cmd, self))
        self.setWidget(self.panel)
        self._corner = window.corner(_CORNER)

        window.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """PyMOL's window closes: the process ends there, and nobody else tells."""
        if event.type() == QtCore.QEvent.Type.Close and watched is self.parent():
            self.close()
            # Qt 6 tears the window down before it would come to this, and PyQt6 then ends with a crash.
            QtWidgets.QApplication.sendPostedEvents(self, QtCore.QEvent.Type.DeferredDelete)
        return False

    def closeEvent(self, event: Any) -> None:
        self.setObjectName("")  # it lives a moment longer: who opens the panel now gets a new one
        self.parent().setCorner(_CORNER, self._corner)
        self.panel.close_down()
        super().closeEvent(event)


def show(cmd: Any, window: Any) -> Dock:
    """The panel's dock in PyMOL's window, opened if it was not open."""
    dock = window.findChild(QtWidgets.QDockWidget, _NAME)
    if dock is None:
        dock = Dock(cmd, window)
        window.setCorner(_CORNER, QtCore.Qt.DockWidgetArea.RightDockWidgetArea)
        window.addDockWidget(QtCore.Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.resizeDocks([dock], [_WIDTH], QtCore.Qt.Orientation.Horizontal)
    dock.show()
    dock.raise_()
    return dock
