"""The panel: a Qt window inside PyMOL. Importing this imports no Qt, opening it imports no torch."""

from __future__ import annotations

from typing import Any

from edmnoise.base.errors import EdmNoiseError

from ..commands import arguments as arg

TABS = ("noise", "sampling", "design")
"""The panel's tabs, from left to right."""


def edm_panel(tab: str = "", *, quiet: Any = 1, _self: Any = None) -> None:
    """
    DESCRIPTION

        "edm_panel" opens the panel in PyMOL's window: noise that moves with a
        slider, sampling, design, plots, colours and tables. It shows the
        command of everything that it does. Plugin > EDM noise > Panel opens it
        too.

    USAGE

        edm_panel [ tab ]

    ARGUMENTS

        tab = string: noise, sampling or design, the one to open
        {default: the last one}

    EXAMPLES

        edm_panel
        edm_panel sampling

    SEE ALSO

        edm_noise, edm_sample, edm_design
    """
    import pymol

    try:
        open_panel(_self, arg.text(tab))
    except EdmNoiseError as error:
        raise pymol.CmdException(str(error)) from error


def open_panel(cmd: Any = None, tab: str = "") -> Any:
    """Show the panel's dock in PyMOL's window, on a tab of TABS; the one that is there is raised.

    Raises
    ------
    EdmNoiseError
        Where PyMOL has no window, or for a tab that is not there.
    """
    import pymol
    from pymol import gui

    if tab and tab not in TABS:
        raise EdmNoiseError(f"the panel has no tab {tab!r}: give one of {', '.join(TABS)}")
    window = gui.get_qtwindow()
    if window is None:
        raise EdmNoiseError("the panel needs PyMOL's window: start PyMOL without -c, or use the commands")
    from .window import show

    dock = show(pymol.cmd if cmd is None else cmd, window)
    if tab:
        dock.panel.tabs.setCurrentIndex(TABS.index(tab))
    return dock
