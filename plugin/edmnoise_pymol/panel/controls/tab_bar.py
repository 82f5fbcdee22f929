"""Tabs whose names are whole where a narrow panel leaves them little more room than the words need."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

_GAP = 6
"""Pixels beside a word, at least: styles want 24, and cut the word where they have less."""


class TabBar(QtWidgets.QTabBar):
    """All tabs are in sight at any width."""

    def __init__(self) -> None:
        super().__init__()
        self.setUsesScrollButtons(False)

    def minimumTabSizeHint(self, index: int) -> Any:
        size = self.tabSizeHint(index)
        size.setWidth(self.fontMetrics().horizontalAdvance(self.tabText(index)) + _GAP)
        return size

    def paintEvent(self, _: Any) -> None:
        painter, option = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionTab()
        others = [index for index in range(self.count()) if index != self.currentIndex()]
        for index in (*others, self.currentIndex()):  # which lies over its neighbours
            self.initStyleOption(option, index)
            painter.drawControl(QtWidgets.QStyle.ControlElement.CE_TabBarTabShape, option)
            painter.drawItemText(
                option.rect,
                QtCore.Qt.AlignmentFlag.AlignCenter,
                option.palette,
                self.isEnabled(),
                self.tabText(index),
                option.palette.ColorRole.WindowText,
            )
