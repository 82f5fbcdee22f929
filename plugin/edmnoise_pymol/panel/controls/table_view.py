"""A table in a window: sorted by its values, copied as a spreadsheet takes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtGui, QtWidgets

if TYPE_CHECKING:
    from edmnoise.base.table import Table


class _Rows(QtCore.QAbstractTableModel):
    """A table's rows for a view; its raw values for sorting."""

    def __init__(self, table: Table | None, parent: Any) -> None:
        super().__init__(parent)
        self.columns = table.columns if table is not None else ()
        self._length = len(table) if table is not None else 0
        self._order = list(range(self._length))

    def rowCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._length

    def columnCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: Any, role: Any = QtCore.Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        value = column.values[self._order[index.row()]]
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return column.cell(value)
        if role == QtCore.Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Any, role: Any = QtCore.Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != QtCore.Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return f"{column.name}\n({_unit(column.unit)})" if column.unit else column.name
        if role == QtCore.Qt.ItemDataRole.ToolTipRole:
            unit = f", in {'angstrom' if column.unit == 'A' else column.unit}" if column.unit else ""
            return f"{column.name}{unit}{f': {column.help}' if column.help else ''}"
        return None

    def sort(self, column: int, order: Any = QtCore.Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column's values, what is missing last; by none (-1) as it was measured."""
        rows = range(self._length)
        self.beginResetModel()
        if 0 <= column < len(self.columns):
            found = enumerate(map(_key, self.columns[column].values))
            keys = {row: key for row, key in found if key is not None}
            falling = order == QtCore.Qt.SortOrder.DescendingOrder
            there = sorted(keys, key=lambda row: keys[row], reverse=falling)
            self._order = [*there, *(row for row in rows if row not in keys)]
        else:
            self._order = list(rows)
        self.endResetModel()


def _key(value: Any) -> tuple[int, Any] | None:
    """Numbers in their order, residue numbers among them, then words; None for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        return 0, float(value)
    except ValueError:
        return 1, str(value)


class TableView(QtWidgets.QTableView):
    """Rows that are sorted by a click on a heading, and copied with it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(6 * self.fontMetrics().height())  # three rows
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        self.setModel(_Rows(None, self))

    def show_table(self, table: Table | None) -> None:
        old = self.model()
        self.horizontalHeader().setSortIndicator(-1, QtCore.Qt.SortOrder.AscendingOrder)  # as it was measured
        self.setModel(_Rows(table, self))
        old.deleteLater()
        self.resizeColumnsToContents()

    def copy(self, everything: bool = False) -> None:
        """Put the chosen rows, or all, into the clipboard, tab-separated, as they stand."""
        model = self.model()
        chosen = {index.row() for index in self.selectionModel().selectedIndexes()}
        rows = range(model.rowCount()) if everything or not chosen else sorted(chosen)
        columns = range(model.columnCount())
        lines = [[column.heading for column in model.columns]]
        lines += [[str(model.index(row, column).data()) for column in columns] for row in rows]
        QtWidgets.QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")

    def keyPressEvent(self, event: Any) -> None:
        if event.matches(QtGui.QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)


def _unit(unit: str) -> str:
    return "Å" if unit == "A" else unit
