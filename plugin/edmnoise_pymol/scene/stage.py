"""What is shown: which objects, which frame, from where, and whether it plays.

Names of objects that have gone meanwhile are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from . import ask
from .ask import Cmd

FPS = 10
"""Frames in a second: as the panel plays them, PyMOL's own 30 are a blur."""


def show(cmd: Cmd, names: Iterable[str]) -> None:
    """Enable objects."""
    for name in _there(cmd, names):
        cmd.enable(name)


def hide(cmd: Cmd, names: Iterable[str]) -> None:
    """Disable objects."""
    for name in _there(cmd, names):
        cmd.disable(name)


def remove(cmd: Cmd, names: Iterable[str]) -> None:
    """Delete objects."""
    for name in _there(cmd, names):
        cmd.delete(name)


def go_to(cmd: Cmd, frame: int) -> None:
    """Show a frame, counted from 1."""
    cmd.frame(frame)


def play(cmd: Cmd) -> None:
    """Start PyMOL's own player."""
    cmd.mplay()


def stop(cmd: Cmd) -> None:
    """Stop PyMOL's own player."""
    cmd.mstop()


def set_speed(cmd: Cmd, fps: float) -> None:
    """Frames in a second of PyMOL's own player."""
    cmd.set("movie_fps", fps)


def set_loop(cmd: Cmd, on: bool) -> None:
    """Whether PyMOL's own player begins again at the end."""
    cmd.set("movie_loop", int(on))


def pick(cmd: Cmd, name: str, index: Sequence[int], around: float) -> None:
    """Select atoms of an object by their indices as a click on them would, and zoom to them and so many angstrom."""
    cmd.select_list(ask.PICKED, name, index, mode="index")
    cmd.enable(ask.PICKED)
    cmd.zoom(ask.PICKED, around, state=-1, animate=-1)


def look_at(cmd: Cmd, name: str) -> None:
    """Zoom to the first state of an object, as PyMOL does to what it loads, unless it was told not to."""
    if cmd.get_setting_int("auto_zoom"):
        cmd.zoom(name, state=1)


@contextmanager
def same_view(cmd: Cmd) -> Iterator[None]:
    """Look from where it was looked from before, whatever is made meanwhile."""
    view = cmd.get_view()
    yield
    cmd.set_view(view)


def perform(cmd: Cmd, name: str) -> None:
    """Show nothing but one object, zoom to it in all its states, and play them where there is a window."""
    from pymol import gui

    hide(cmd, ask.shown_objects(cmd))
    show(cmd, [name])
    cmd.orient(name, state=1)
    cmd.zoom(name, state=0)
    go_to(cmd, 1)
    if gui.get_qtwindow() is not None:
        set_speed(cmd, FPS)
        play(cmd)


def _there(cmd: Cmd, names: Iterable[str]) -> list[str]:
    there = set(ask.objects(cmd))
    return [name for name in names if name in there]
