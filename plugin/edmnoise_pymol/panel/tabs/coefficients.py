"""A window with the preconditioning of each level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from ..controls.table_view import TableView

if TYPE_CHECKING:
    from edmnoise.base.table import Table


class CoefficientsDialog(QtWidgets.QDialog):
    """The table of `edm_precondition`, in a window that waits for nothing."""

    def __init__(self, parent: Any, table: Table, line: str) -> None:
        super().__init__(parent)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("EDM noise: preconditioning")
        self.view = TableView()
        self.view.show_table(table)
        self.view.setAccessibleName("preconditioning")
        rows = QtWidgets.QVBoxLayout(self)
        for words in (line, table.title, *table.notes):
            label = QtWidgets.QLabel(words)
            label.setWordWrap(True)
            label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
            rows.addWidget(label)
        rows.addWidget(self.view, 1)
        self.resize(640, 320)
