"""The lower edge: what runs and how long it still takes, what was refused and why, Cancel, Undo."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from pymol.Qt import QtCore, QtWidgets

from .controls import style
from .controls.words import Words
from .session import Session


class StatusBar(QtWidgets.QWidget):
    """Hears of everything that the session does."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._began = 0.0
        self._about: set[str] = set()
        self.message = Words("ready")
        self.message.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.setObjectName("message")
        self.details = QtWidgets.QToolButton()
        self.details.setText("Details")
        self.details.setToolTip("What a programmer would want to know of this error")
        self.details.setCheckable(True)
        self.details.hide()
        self.traceback = QtWidgets.QPlainTextEdit()
        self.traceback.setReadOnly(True)
        self.traceback.setMaximumHeight(120)
        self.traceback.hide()
        self.bar = QtWidgets.QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.hide()
        self.cancel = QtWidgets.QPushButton("Cancel")
        self.cancel.setToolTip("Stop what runs")
        self.cancel.hide()
        self.offer = QtWidgets.QPushButton()
        self.offer.hide()
        self._act: Callable[[], None] = lambda: None
        self.undo = QtWidgets.QPushButton("&Undo")
        self.undo.setIcon(style.icon("undo", self.undo))
        self.undo.setToolTip("Nothing to take back")
        self.undo.setEnabled(False)

        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        first = QtWidgets.QHBoxLayout()
        first.addWidget(self.bar, 1)
        first.addWidget(self.cancel)
        rows.addLayout(first)
        second = QtWidgets.QHBoxLayout()
        second.addWidget(self.message, 1)
        second.addWidget(self.offer)
        second.addWidget(self.details)
        second.addWidget(self.undo)
        rows.addLayout(second)
        rows.addWidget(self.traceback)

        session.scene_changed.connect(self._forget_the_gone)
        session.said.connect(lambda words: self._say(words))
        session.offered.connect(self._offer)
        self.offer.clicked.connect(lambda: self._act())
        session.failed.connect(lambda sentence, details: self._say(sentence, details, wrong=True))
        session.undo_changed.connect(self._name_undo)
        session.runner.busy_changed.connect(self._show_busy)
        session.runner.progressed.connect(self._show_progress)
        self.cancel.clicked.connect(session.runner.cancel)
        self.undo.clicked.connect(session.undo)
        self.details.toggled.connect(self.traceback.setVisible)

    def _forget_the_gone(self) -> None:
        """News of an object that is not there any more, or not by this name, are none."""
        if not self._about <= set(self._session.sight.objects):
            self._say("ready")

    def _offer(self, words: str, name: str, act: Callable[[], None]) -> None:
        self._say(words)
        self._act = act
        self.offer.setText(name)
        self.offer.setToolTip(words)
        self.offer.show()

    def _say(self, words: str, details: str = "", wrong: bool = False) -> None:
        self._about = set(re.findall(r"[^\s:;,]+", words)) & set(self._session.sight.objects)
        self.offer.hide()
        self.message.setText(words)
        self.message.setStyleSheet(f"background: {style.WARNING}; color: black; padding: 2px" if wrong else "")
        self.traceback.setPlainText(details)
        self.details.setVisible(bool(details))
        self.details.setChecked(False)

    def _show_busy(self, busy: bool) -> None:
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        if busy:
            self._began = time.monotonic()
            self._show_progress(0.0, "starting")

    def _show_progress(self, share: float, words: str) -> None:
        self.bar.setValue(round(1000 * share))
        left = ""
        spent = time.monotonic() - self._began
        if 0 < share < 1 and spent > 1:
            seconds = spent * (1 - share) / share
            left = f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"
        self._say(f"{words}{left}")

    def _name_undo(self, words: str) -> None:
        self.undo.setEnabled(bool(words))
        self.undo.setToolTip(f"Take back: {words}" if words else "Nothing to take back")
