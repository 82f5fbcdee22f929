"""The panel: a Qt window inside PyMOL. Opening it imports no torch."""

from __future__ import annotations

from typing import Any


def open_panel(cmd: Any = None) -> Any:
    """Show the panel, docked in PyMOL's window; the one that is there is raised.

    Raises
    ------
    EdmNoiseError
        Where PyMOL has no window.
    """
    from .window import show

    return show(cmd)
