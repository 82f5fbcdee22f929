"""A line of words that widens nothing: it is wrapped, and a word that is longer than the line is cut in its middle."""

from __future__ import annotations

import re
from typing import Any

from pymol.Qt import QtCore, QtWidgets


class Words(QtWidgets.QLabel):
    """A label of plain text; the whole text is what `text` gives, and its tooltip where a word is cut."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._whole, self._help = "", ""
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Ignored, policy.Minimum)
        self.setText(text)

    def text(self) -> str:
        return self._whole

    def setText(self, text: str) -> None:
        self._whole = text
        self._fit()

    def setToolTip(self, text: str) -> None:
        self._help = text
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room, middle = self.contentsRect().width() - 8, QtCore.Qt.TextElideMode.ElideMiddle
        metrics = self.fontMetrics()
        parts = re.split(r"(\s+)", self._whole)
        shown = "".join(part if part.isspace() else metrics.elidedText(part, middle, room) for part in parts)
        if shown != super().text():
            super().setText(shown)
        super().setToolTip(self._help if shown == self._whole else f"{self._whole}\n{self._help}".strip())
