"""Controls beside each other, and buttons that are a picture."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from . import form, style


def tool(icon: str, tip: str, name: str) -> Any:
    """A button with an icon alone; ``name`` is what is read out."""
    button = QtWidgets.QToolButton()
    button.setIcon(style.icon(icon, button))
    button.setToolTip(tip)
    button.setAccessibleName(name)
    button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    return button


def menu_button(text: str, icon: str, tip: str) -> Any:
    """A button that opens a menu of its own; & before the letter that Alt leads here by."""
    button = QtWidgets.QToolButton()
    button.setText(text.replace("&", ""))
    button.setIcon(style.icon(icon, button))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    if text:
        button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setShortcut(f"Alt+{text[text.index('&') + 1].upper()}")
    button.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QtWidgets.QMenu(button))
    return button


def row(*parts: Any) -> Any:
    """Controls beside each other; a text becomes the label of the control behind it."""
    line = QtWidgets.QHBoxLayout()
    for at, part in enumerate(parts):
        if isinstance(part, str):
            line.addWidget(form.label(part, parts[at + 1]))
        else:
            stretches = part.sizePolicy().horizontalPolicy() != QtWidgets.QSizePolicy.Policy.Fixed
            line.addWidget(part, int(stretches and not isinstance(part, QtWidgets.QCheckBox)))
    return line


def boxed(layout: Any) -> Any:
    """A layout without margins as a widget, which can be hidden."""
    box = QtWidgets.QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    box.setLayout(layout)
    return box
