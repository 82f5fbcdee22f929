"""The panel as a dock of PyMOL's window: pickers, tabs, and what is shown of the frames, from top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from pymol.Qt import QtCore, QtWidgets

from .controls import form
from .controls.style import icon
from .controls.tab_bar import TabBar
from .drawing import what_turns_black
from .help import show_help
from .pickers import Pickers
from .plots import Plots
from .session import Session
from .status import StatusBar
from .tabs.design import DesignTab
from .tabs.noise import NoiseTab
from .tabs.sampling import SamplingTab
from .tabs.trace_dialog import dropped
from .tabs.training import TrainingTab
from .trust import TrustDialog
from .views.colours import ColourBox
from .views.playback import Playback
from .views.results import Results
from .views.shelf import Shelf

_NAME = "edmnoise_panel"
_WIDTH = 400
"""Pixels at first, where the 3-D view keeps half of PyMOL's window beside them; 260 are enough."""
_SETTLE_MS = 150
"""From the last change of a control to the settings on the disk: PyMOL that is quit tells nobody."""
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
        self.training = TrainingTab(session)
        self.plots = Plots(session)
        self.colours = ColourBox(session)
        self.results = Results(session)
        self.playback = Playback(session)
        self.status = StatusBar(session)
        asked = {"Noise": self.noise, "Sampling": self.sampling, "Design": self.design, "Training": self.training}
        self.tabs = _tabs(_Tabs(), asked)
        pages = {"Plots": self.plots, "Colour": self.colours, "Results": self.results}
        self.views = _tabs(QtWidgets.QTabWidget(), pages)
        self.shelf = Shelf(session, self.views, self.playback)
        self._remembering: dict[str, _Remembering] = {
            "noise": self.noise,
            "sampling": self.sampling,
            "design": self.design,
            "training": self.training,
            "plots": self.plots,
            "colours": self.colours,
            "results": self.results,
            "playback": self.playback,
            "shelf": self.shelf,
            "sizes": self,
        }
        self._sizes: dict[str, str] = {}
        self._soon = QtCore.QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.timeout.connect(self.remember_all)
        self._lay_out()
        self.setAcceptDrops(True)
        form.leave_the_wheel(self)
        self.recall_all()
        self._watch()
        session.network_wanted.connect(lambda _: self.tabs.setCurrentWidget(self.sampling))
        session.runner.asked.connect(lambda question: TrustDialog(self, question, session.runner))
        session.look()
        problem = what_turns_black(session.cmd)
        if problem:
            session.failed.emit(problem, "")

    def recall_all(self) -> None:
        """Set the controls as they were last time."""
        for group, part in self._remembering.items():
            part.recall(self.session.settings.read(group))

    def remember_all(self) -> None:
        """Write down what is set, where it is not written yet."""
        self._soon.stop()
        for group, part in self._remembering.items():
            self.session.settings.write(group, part.remembered())

    def remembered(self) -> dict[str, str]:
        """Sizes that were dragged, for `recall`."""
        return self._sizes

    def recall(self, texts: dict[str, str]) -> None:
        self._sizes = dict(texts)

    def width_in(self, window: Any) -> int:
        """Pixels for the panel in PyMOL's window: as many as it had there, or so many that the 3-D view keeps half."""
        view, gap = window.centralWidget(), QtWidgets.QStyle.PixelMetric.PM_DockWidgetSeparatorExtent
        half = window.width() * window.height() / max(2 * view.height(), 1)
        most = int(window.width() - half) - self.style().pixelMetric(gap)
        wide, of = (int(self._sizes.get(name, 0)) for name in ("width", "window"))
        return wide if wide and window.width() >= of else min(wide or _WIDTH, most)

    def note_width(self, wide: int, window: Any) -> None:
        """The user has dragged the panel's edge."""
        self._note(width=str(wide), window=str(window.width()))

    def _note(self, **sizes: str) -> None:
        self._sizes |= sizes
        self._soon.start()

    def open_trace(self, path: str) -> None:
        """Ask how a folder or file of steps is to be opened."""
        self.tabs.setCurrentWidget(self.sampling)
        self.sampling.open_trace(path)

    def dragEnterEvent(self, event: Any) -> None:
        if dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        event.acceptProposedAction()
        self.open_trace(dropped(event))

    def close_down(self) -> None:
        """Remember the settings, end what runs, leave nothing behind."""
        self.remember_all()
        self.session.close()
        self.noise.close_live()

    def _lay_out(self) -> None:
        self.split = split = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        split.addWidget(_scrolled(_column(self.pickers, self.tabs)))
        split.addWidget(self.shelf)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(split, 1)
        outer.addWidget(self.status)
        self.shelf.turned.connect(self._share_height)

    def _watch(self) -> None:
        """Whatever is set is written down soon after."""
        for control in self.findChildren(QtWidgets.QWidget):
            if isinstance(control, form.KINDS):
                form.signal(control).connect(lambda *_: self._soon.start())
        for signal in (self.plots.stack.currentChanged, self.shelf.turned):
            signal.connect(lambda *_: self._soon.start())
        self.split.splitterMoved.connect(lambda *_: self._note(split=" ".join(map(str, self.split.sizes()))))

    def _share_height(self, opened: bool) -> None:
        """As the lower part was dragged last."""
        if opened and (sizes := [int(size) for size in self._sizes.get("split", "").split()]):
            self.split.setSizes(sizes)


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
        self.setTabBar(TabBar())
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


def _column(*widgets: Any) -> Any:
    """Widgets below each other, and below them the room that is left."""
    column = QtWidgets.QWidget()
    rows = QtWidgets.QVBoxLayout(column)
    rows.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        rows.addWidget(widget)
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
        self._grabbed = 0
        window.installEventFilter(self)
        window.centralWidget().installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """PyMOL's window closes, and nobody else tells; or the border between it and the panel is dragged; or a folder
        is dropped on the view, which PyMOL itself could not load."""
        if event.type() == QtCore.QEvent.Type.Drop and os.path.isdir(path := dropped(event)):
            event.acceptProposedAction()
            self.panel.open_trace(path)
            return True
        if watched is self.parent():
            kind, kinds = event.type(), QtCore.QEvent.Type
            if kind == kinds.Close:
                self.close()
                # Qt 6 tears the window down before it would come to this, and PyQt6 then ends with a crash.
                QtWidgets.QApplication.sendPostedEvents(self, kinds.DeferredDelete)
            elif kind == kinds.MouseButtonPress:
                self._grabbed = self.width()
            elif kind == kinds.MouseButtonRelease:
                QtCore.QTimer.singleShot(0, self._look_at_width)
        return False

    def _look_at_width(self) -> None:
        if self.width() != self._grabbed and not self.isFloating():
            self.panel.note_width(self.width(), self.parent())

    def closeEvent(self, event: Any) -> None:
        self.setObjectName("")  # it lives a moment longer: who opens the panel now gets a new one
        self.parent().centralWidget().removeEventFilter(self)
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
        window.resizeDocks([dock], [dock.panel.width_in(window)], QtCore.Qt.Orientation.Horizontal)
    dock.show()
    dock.raise_()
    return dock
