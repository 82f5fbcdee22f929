"""Asking for a file in a window that does not block PyMOL's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymol.Qt import QtCore, QtWidgets


def ask_file(
    parent: Any, title: str, act: Callable[[str], None], filters: str = "", folder: bool = False, new: bool = False
) -> Any:
    """Let the user choose a file, with ``new`` one that need not be there, or a folder; ``act`` gets its path."""
    dialog = QtWidgets.QFileDialog(parent, title, "", filters)
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    modes = QtWidgets.QFileDialog.FileMode
    dialog.setFileMode(modes.Directory if folder else modes.AnyFile if new else modes.ExistingFile)
    dialog.setModal(False)
    dialog.fileSelected.connect(act)
    dialog.show()
    return dialog


def ask_new_file(parent: Any, title: str, act: Callable[[str], None], filters: str) -> Any:
    """Let the user name a file to write; the ending is that of the chosen filter, "PDB (*.pdb);;mmCIF (*.cif)"."""

    def ending(kind: str) -> str:
        """The first one of a filter."""
        return kind.partition("*.")[2].partition(" ")[0].rstrip(")")

    dialog = QtWidgets.QFileDialog(parent, title, "", filters)
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QtWidgets.QFileDialog.FileMode.AnyFile)
    dialog.setDefaultSuffix(ending(filters.partition(";;")[0]))
    dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(ending(chosen)))
    dialog.setModal(False)
    dialog.fileSelected.connect(act)
    dialog.show()
    return dialog
