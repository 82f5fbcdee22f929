"""What the atoms' colours stand for: level, measure, palette, range, legend."""

from __future__ import annotations

from collections.abc import Mapping

from pymol.Qt import QtWidgets

from .session import Session


class ColourBox(QtWidgets.QWidget):
    """What the atoms' colours stand for: level, measure, palette, range, legend."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
