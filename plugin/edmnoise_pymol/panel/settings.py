"""What the panel remembers between two sessions: the texts of its controls, and presets of the user's own."""

from __future__ import annotations

from collections.abc import Mapping

from pymol.Qt import QtCore


class Settings:
    """Texts by group and name, in a file of the user's own."""

    def __init__(self) -> None:
        formats = QtCore.QSettings.Format.IniFormat
        self._file = QtCore.QSettings(formats, QtCore.QSettings.Scope.UserScope, "edmnoise", "panel")

    def read(self, group: str) -> dict[str, str]:
        """All texts of a group."""
        self._file.beginGroup(group)
        try:
            return {name: _joined(self._file.value(name)) for name in self._file.childKeys()}
        finally:
            self._file.endGroup()

    def write(self, group: str, texts: Mapping[str, str]) -> None:
        """Replace a group, on the disk at once; where nothing is new, nothing is written."""
        if self.read(group) == dict(texts):
            return
        self._file.remove(group)
        for name, text in texts.items():
            self._file.setValue(f"{group}/{name}", text)
        self._file.sync()


def _joined(value: object) -> str:
    """An .ini file gives a text with commas back as a list."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
