"""The plots' frame: which of them is shown, Fit, Export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError

from ...commands.request import Request
from ..controls import style
from ..session import Session
from .chart import Chart
from .freeze_out import FreezeOutChart
from .levels import LevelsChart
from .measured_cache import Shown
from .sequence import SequenceChart

FORMATS = {"png": "Picture (*.png)", "svg": "Drawing (*.svg)", "csv": "Numbers (*.csv)"}
"""What a plot can be written as, with the file dialog's words."""

_NARROW = 48
"""Pixels of a plot's button in a panel that has few."""


class Plots(QtWidgets.QWidget):
    """One plot at a time.

    Attributes
    ----------
    ask_path
        Asks the user for a file: title, proposed name and filter in, path or "" out.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        shown = Shown(session, self)
        self.levels = LevelsChart(session, shown)
        self.sequence = SequenceChart(session, shown)
        self.freeze_out = FreezeOutChart(session)
        self.charts: dict[str, Chart] = {
            "levels": self.levels,
            "sequence": self.sequence,
            "freeze_out": self.freeze_out,
        }
        self.ask_path: Callable[[str, str, str], str] = self._ask_path
        self.stack = QtWidgets.QStackedWidget()
        self.buttons: dict[str, Any] = {}
        self.fit = self._tool("fit", "Show all of the plot again, after zooming with the wheel")
        self.export = self._tool("export", "Write the plot as a picture, or its numbers")
        self._lay_out()
        self.fit.clicked.connect(lambda: self.chart.fit())
        session.made.connect(self._suit)
        self.choose("levels")

    @property
    def chart(self) -> Chart:
        """The plot that is shown."""
        chart: Chart = self.stack.currentWidget()
        return chart

    def choose(self, name: str) -> None:
        """Show a plot: "levels", "sequence" or "freeze_out"."""
        self.buttons[name].setChecked(True)
        self.stack.setCurrentWidget(self.charts[name])
        self._enable()

    def save(self, ending: str) -> None:
        """Write the shown plot, as one of FORMATS, to a file that the user names."""
        chart = self.chart
        name = f"{self._session.shown or 'edmnoise'}_{chart.title.lower()}.{ending}"
        path = self.ask_path(f"Export {chart.title}", name, FORMATS[ending])
        if not path:
            return
        try:
            written = chart.save(path if path.lower().endswith(f".{ending}") else f"{path}.{ending}")
        except EdmNoiseError as error:
            self._session.failed.emit(str(error), "")
        else:
            self._session.said.emit(f"written: {written}")

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {"plot": next(name for name, chart in self.charts.items() if chart is self.chart)}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        if texts.get("plot") in self.charts:
            self.choose(texts["plot"])

    def _lay_out(self) -> None:
        top = QtWidgets.QHBoxLayout()
        top.setSpacing(2)
        group = QtWidgets.QButtonGroup(self)
        for name, chart in self.charts.items():
            button = QtWidgets.QToolButton()
            button.setText(chart.title)
            button.setToolTip(chart.help)
            button.setCheckable(True)
            button.setMinimumWidth(_NARROW)
            button.setAutoRaise(True)
            button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(lambda _, name=name: self.choose(name))
            group.addButton(button)
            self.buttons[name] = button
            self.stack.addWidget(chart)
            chart.drawn.connect(self._enable)
            top.addWidget(button)
        top.addStretch()
        top.addWidget(self.fit)
        top.addWidget(self.export)
        menu = QtWidgets.QMenu(self.export)
        for ending, words in FORMATS.items():
            menu.addAction(words).triggered.connect(lambda *_, ending=ending: self.save(ending))
        self.export.setMenu(menu)
        self.export.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(2, 2, 2, 2)
        rows.setSpacing(2)
        rows.addLayout(top)
        rows.addWidget(self.stack, 1)

    def _suit(self, request: Request, _: object) -> None:
        """Show the plot that has something to say of what was made, where the one that is shown has not."""
        pair = {"edm_noise": ("freeze_out", "levels")}
        pair |= dict.fromkeys(("edm_sample", "edm_trace"), ("levels", "freeze_out"))
        silent, telling = pair.get(request.command, ("", ""))
        if silent and self.chart is self.charts[silent]:
            self.choose(telling)

    def _enable(self) -> None:
        for button in (self.fit, self.export):
            button.setEnabled(self.chart.full)

    def _ask_path(self, title: str, name: str, filters: str) -> str:
        return str(QtWidgets.QFileDialog.getSaveFileName(self, title, name, filters)[0])

    def _tool(self, name: str, tip: str) -> Any:
        button = QtWidgets.QToolButton()
        button.setIcon(style.icon(name, button))
        button.setAutoRaise(True)
        button.setToolTip(tip)
        button.setAccessibleName(f"{name} plot")
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        return button
