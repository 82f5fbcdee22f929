"""While the shown state of an object changes, its colours follow, as the lookout in PyMOL's window sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edmnoise.base.errors import EdmNoiseError

from . import ask, lookout, shaders
from .ask import Cmd

LIMIT = 6000
"""Atoms up to which colours can follow the state: a cartoon of 3,000 atoms takes 0.2 s to recolour."""

Paint = Callable[[int], None]
"""Colours an object for one of its states."""


@dataclass(frozen=True)
class _Follower:
    lookout: lookout.Lookout
    paint: Paint
    look: Callable[[], None]
    release: Callable[[], None]
    """Gives the shaders back, which are not used meanwhile."""


_followers: dict[str, _Follower] = {}


def check_window() -> None:
    """Raise EdmNoiseError where there is no window, whose clock is needed."""
    from pymol import gui

    if gui.get_qtwindow() is None:
        raise EdmNoiseError("follow=1 needs PyMOL's window: use over=state for one picture")


def start(cmd: Cmd, name: str, paint: Paint) -> None:
    """Call ``paint(state)`` in the window's thread now and whenever the state of an object changes, until `stop`."""
    check_window()
    stop(name)
    shown = 0

    def look() -> None:
        nonlocal shown
        if not ask.is_there(cmd, name):
            stop(name)
            return
        state = ask.state(cmd, name)
        if state == shown or not 1 <= state <= ask.states(cmd, name):  # the next single one will be coloured
            return
        shown = state
        try:
            paint(state)
        except EdmNoiseError as error:  # its atoms have changed since
            stop(name)
            print(f" edm_color: the colours of {name} do not follow any more: {error}")

    follower = _followers[name] = _Follower(lookout.of(cmd), paint, look, shaders.spare(cmd))
    follower.lookout.listen(look)
    look()


def catch_up() -> None:
    """Colour every object that follows for the state that is shown, now: a picture is to be taken."""
    for follower in tuple(_followers.values()):
        follower.look()


def painter(name: str) -> Paint | None:
    """What colours an object that follows, None for one that does not."""
    return _followers[name].paint if name in _followers else None


def stop(name: str) -> None:
    """Leave the colours of an object as they are from now on."""
    follower = _followers.pop(name, None)
    if follower is not None:
        follower.lookout.ignore(follower.look)
        follower.release()
