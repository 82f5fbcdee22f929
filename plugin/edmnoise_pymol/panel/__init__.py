"""The panel: a Qt window inside PyMOL. Importing this imports no Qt, opening it imports no torch."""

from __future__ import annotations

from typing import Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings.knob import word

from ..commands.speech import command
from ..job import Job

TABS = ("noise", "sampling", "design", "training")
"""The panel's tabs, from left to right."""

TAB = word("tab", TABS, None, "the one to open: noise, sampling, design or training", usual="the last one")


@command
def edm_panel(tab: str | None = TAB, *, quiet: int = 1, _self: Any = None) -> Job[None]:
    """
    DESCRIPTION

        "edm_panel" opens the panel in PyMOL's window: noise that moves with a
        slider, sampling, design, training, plots, colours and tables. It shows the
        command of everything that it does. Plugin > EDM noise > Panel opens it
        too.

    EXAMPLES

        edm_panel
        edm_panel sampling

    SEE ALSO

        edm_noise, edm_sample, edm_design, edm_train
    """
    yield from ()  # nothing of it can run away from PyMOL
    open_panel(_self, tab)


def open_panel(cmd: Any = None, tab: str | None = None) -> Any:
    """Show the panel's dock in PyMOL's window, on a tab of TABS or the last one; the one that is there is raised.

    Raises
    ------
    EdmNoiseError
        Where PyMOL has no window, or for a tab that is not there.
    """
    import pymol
    from pymol import gui

    wanted, window = TAB.read(tab), gui.get_qtwindow()
    if window is None:
        raise EdmNoiseError("the panel needs PyMOL's window: start PyMOL without -c, or use the commands")
    from .window import show

    dock = show(pymol.cmd if cmd is None else cmd, window)
    if wanted:
        dock.panel.tabs.setCurrentIndex(TABS.index(wanted))
    return dock
