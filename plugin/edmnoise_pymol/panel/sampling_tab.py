"""The Sampling tab: denoiser, sampler or published preset, schedule, switches; Run makes the trajectory."""

from __future__ import annotations

from collections.abc import Mapping

from pymol.Qt import QtWidgets

from .session import Session


class SamplingTab(QtWidgets.QWidget):
    """The Sampling tab: denoiser, sampler or published preset, schedule, switches; Run makes the trajectory."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
