"""A window that asks whether a program is trusted: where it lies, its SHA-256, and what it could do."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from .controls.words import Words
from .runner import Question, Runner

_WARNING = (
    "This network is a program. When it is loaded it can do all that you can: read, change and send your files. "
    "Trust it if you made it, or know who did."
)


class TrustDialog(QtWidgets.QDialog):
    """Asks without making PyMOL's window wait; closed in whichever way but by Trust, it says no.

    It goes when the run is over that wants to know.
    """

    def __init__(self, parent: Any, question: Question, runner: Runner) -> None:
        super().__init__(parent)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("EDM noise: do you trust this program?")
        self.path, self.digest = _selectable(question.path), _selectable(f"SHA-256: {question.digest}")
        buttons = QtWidgets.QDialogButtonBox()
        roles = QtWidgets.QDialogButtonBox.ButtonRole
        self.trust = buttons.addButton("&Trust and run it", roles.AcceptRole)
        self.refuse = buttons.addButton("&Do not run it", roles.RejectRole)
        self.trust.setToolTip("This content is not asked about again, wherever it lies")
        self.refuse.setToolTip("Nothing of it is run, nothing is made")
        self.refuse.setDefault(True)
        self.trust.setAutoDefault(False)
        rows = QtWidgets.QVBoxLayout(self)
        rows.setSizeConstraint(QtWidgets.QLayout.SizeConstraint.SetNoConstraint)  # as high as words of no width else
        for words in (Words(_WARNING), self.path, self.digest):
            rows.addWidget(words)
        rows.addStretch()
        rows.addWidget(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.accepted.connect(lambda: question.answer(True))
        self.rejected.connect(lambda: question.answer(False))
        runner.busy_changed.connect(self.reject)
        self.refuse.setFocus()
        self.show()
        wide = self.fontMetrics().horizontalAdvance(self.digest.text()) + 60  # it is read letter by letter
        self.resize(wide, rows.totalHeightForWidth(wide))


def _selectable(text: str) -> Any:
    """Words that can be copied, to be compared with what its author says."""
    words = Words(text)
    words.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    return words
