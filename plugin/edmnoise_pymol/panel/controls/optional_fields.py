"""Fields that may be left as they are: they say whose number stands then, and begin at it when they are stepped."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtWidgets

from . import style


def name_usual(control: Any, word: str) -> None:
    """Say whose number or switch it is that stands where nothing is chosen."""
    if isinstance(control, QtWidgets.QComboBox):
        control.setItemText(0, word)
    elif isinstance(control, QtWidgets.QLineEdit):
        control.setPlaceholderText(word)
    else:
        control.setSpecialValueText(word)


def set_usual(control: Any, tip: str, usual: str) -> None:
    """Tell in the control's tooltip what stands where nothing is chosen; it is where stepping begins."""
    if isinstance(control, QtWidgets.QComboBox):
        shown = {"1": "on", "0": "off"}.get(usual, usual)
    elif isinstance(control, QtWidgets.QLineEdit):  # of a level, in whatever unit
        shown = f"{usual} Å"
    else:
        control.usual = float(usual)
        shown = f"{usual}{control.suffix()}"
    control.setProperty("help", f"{tip}; usually {shown} here")
    style.warn(control, "")
