"""A heading that folds its controls away."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets


class Fold(QtWidgets.QWidget):
    """Controls below a heading; folded at first."""

    def __init__(self, title: str, content: Any, tip: str) -> None:
        super().__init__()
        self.content = content
        self.button = QtWidgets.QToolButton()
        self.button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.button.setText(title)
        self.button.setToolTip(tip)
        self.button.setAccessibleName(title.replace("&", ""))
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(self.button)
        rows.addWidget(content)
        self.button.toggled.connect(self._show)
        self._show(False)

    @property
    def unfolded(self) -> bool:
        return bool(self.button.isChecked())

    def unfold(self, on: bool = True) -> None:
        self.button.setChecked(on)

    def _show(self, on: bool) -> None:
        self.button.setArrowType(QtCore.Qt.ArrowType.DownArrow if on else QtCore.Qt.ArrowType.RightArrow)
        self.content.setVisible(on)
