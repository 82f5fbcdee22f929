"""Head, back, play, on, tail: the frames of the shown object."""

from __future__ import annotations

from collections.abc import Mapping

from pymol.Qt import QtWidgets

from .session import Session


class Playback(QtWidgets.QWidget):
    """Head, back, play, on, tail: the frames of the shown object."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
