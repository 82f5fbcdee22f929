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

    def rowCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._length

    def columnCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: Any, role: Any = QtCore.Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        value = column.values[index.row()]
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

    def key(self, row: int, column: int) -> tuple[int, Any]:
        """Numbers in their order, then words, residue numbers among them by their number, then what is missing."""
        value = self.columns[column].values[row]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return 2, 0.0
        if isinstance(value, str):
            digits = value.strip()
            try:
                return 0, float(digits)
            except ValueError:
                return 1, digits
        return 0, float(value)


class _Sorted(QtCore.QSortFilterProxyModel):
    def lessThan(self, left: Any, right: Any) -> bool:
        rows = self.sourceModel()
        return bool(rows.key(left.row(), left.column()) < rows.key(right.row(), right.column()))


class TableView(QtWidgets.QTableView):
    """Rows that are sorted by a click on a heading, and copied with it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(9 * self.fontMetrics().height())  # five rows
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        self._sorted = _Sorted(self)
        self._sorted.setSourceModel(_Rows(None, self))
        self.setModel(self._sorted)

    def show_table(self, table: Table | None) -> None:
        old = self._sorted.sourceModel()
        self._sorted.setSourceModel(_Rows(table, self))
        old.deleteLater()
        self.sortByColumn(-1, QtCore.Qt.SortOrder.AscendingOrder)  # as it was measured
        self.resizeColumnsToContents()

    def copy(self, everything: bool = False) -> None:
        """Put the chosen rows, or all, into the clipboard, tab-separated, as they stand."""
        model = self.model()
        chosen = {index.row() for index in self.selectionModel().selectedIndexes()}
        rows = range(model.rowCount()) if everything or not chosen else sorted(chosen)
        columns = range(model.columnCount())
        lines = [[column.heading for column in self._sorted.sourceModel().columns]]
        lines += [[str(model.index(row, column).data()) for column in columns] for row in rows]
        QtWidgets.QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")

    def keyPressEvent(self, event: Any) -> None:
        if event.matches(QtGui.QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)


def _unit(unit: str) -> str:
    return "Å" if unit == "A" else unit
