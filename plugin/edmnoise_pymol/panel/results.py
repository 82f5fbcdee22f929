"""The level table, and files: table, structure, session, movie."""

from __future__ import annotations

from collections.abc import Mapping

from pymol.Qt import QtWidgets

from .session import Session


class Results(QtWidgets.QWidget):
    """The level table, and files: table, structure, session, movie."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
