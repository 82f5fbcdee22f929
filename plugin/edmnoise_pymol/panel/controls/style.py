"""Colours and icons of the panel; everything else looks as PyMOL's own windows do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pymol.Qt import QtCore, QtGui

WARNING = "#f0a830"
"""Amber: a field whose text cannot be used."""

MARGINS = (4, 4, 4, 4)
"""Pixels around what a tab holds: a narrow panel has none to give away."""

_PLUGIN = Path(__file__).resolve().parents[2]


def icon(name: str, widget: Any) -> Any:
    """An icon of icons/ by its name, its ``currentColor`` that of the widget's text: readable on light and dark."""
    found = QtGui.QIcon()
    groups = QtGui.QPalette.ColorGroup
    for mode, group in ((QtGui.QIcon.Mode.Normal, groups.Active), (QtGui.QIcon.Mode.Disabled, groups.Disabled)):
        colour = widget.palette().color(group, QtGui.QPalette.ColorRole.ButtonText).name()
        found.addPixmap(QtGui.QPixmap.fromImage(_drawn(name, colour)), mode)
    return found


@cache
def _drawn(name: str, colour: str) -> Any:
    """An empty image where there is no such icon, or where Qt has come without SVG."""
    image = QtGui.QImage()
    for folder in (_PLUGIN / "icons", _PLUGIN.parents[1] / "icons"):  # installed; in a checkout
        path = folder / f"{name}.svg"
        if path.exists():
            scale = 4  # sharp on screens of high resolution
            drawing = path.read_text(encoding="utf-8").replace("currentColor", colour)
            drawing = drawing.replace("<svg ", f'<svg width="{16 * scale}" height="{16 * scale}" ', 1)
            image.loadFromData(QtCore.QByteArray(drawing.encode()), "SVG")
            break
    return image


def warn(field: Any, reason: str) -> None:
    """Turn a field amber and say why; an empty reason turns it back."""
    if field.property("help") is None:
        field.setProperty("help", field.toolTip())
    field.setStyleSheet(f"background: {WARNING}; color: black" if reason else "")
    field.setToolTip(reason or field.property("help") or "")
