"""A window with what comes back of states that were noised to several levels."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from ..controls.table_view import TableView
from ..plots.returns import ReturnPlot
from ..plots.signs import in_angstrom
from ..session import Session


class ReturnDialog(QtWidgets.QDialog):
    """The plot and the table of `edm_return`, in a window that waits for nothing."""

    def __init__(self, parent: Any, session: Session, result: Any, line: str) -> None:
        super().__init__(parent)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("EDM noise: way back")
        self.plot = ReturnPlot(session, result.table)
        self.view = TableView()
        self.view.show_table(result.printed)
        self.view.setAccessibleName("way back")
        rows = QtWidgets.QVBoxLayout(self)
        for words in (line, result.table.title, *result.notes, *result.table.notes):
            label = QtWidgets.QLabel(in_angstrom(words))
            label.setWordWrap(True)
            label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
            rows.addWidget(label)
        rows.addWidget(self.plot, 3)
        rows.addWidget(self.view, 2)
        self.plot.later()
        self.resize(680, 620)
