"""An object alone in the picture, as large as it fits, its frames one after the other."""

from __future__ import annotations

from . import ask
from .ask import Cmd

FPS = 10
"""Frames in a second: as the panel plays them, PyMOL's own 30 are a blur."""


def perform(cmd: Cmd, name: str) -> None:
    """Show nothing but one object, zoom to it in all its states, and play them where there is a window."""
    from pymol import gui

    for other in ask.shown_objects(cmd):
        cmd.disable(other)
    cmd.enable(name)
    cmd.orient(name, state=1)
    cmd.zoom(name, state=0)
    cmd.frame(1)
    if gui.get_qtwindow() is not None:
        cmd.set("movie_fps", FPS)
        cmd.mplay()
