"""While the shown state of an object changes, its colours follow: a timer in PyMOL's window asks for the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edmnoise.base.errors import EdmNoiseError

from . import bridge

_POLL_MS = 50
"""Between two looks at the state; PyMOL tells nobody when it changes."""

_timers: dict[str, Any] = {}


def start(cmd: bridge.Cmd, name: str, paint: Callable[[int], None]) -> None:
    """Call ``paint(state)`` in the window's thread now and whenever the state of an object changes, until `stop`."""
    from pymol import gui
    from pymol.Qt import QtCore

    if gui.get_qtwindow() is None:
        raise EdmNoiseError("follow=1 needs PyMOL's window: use over=state for one picture")
    stop(name)
    timer = QtCore.QTimer()
    shown = 0

    def look() -> None:
        nonlocal shown
        if name not in cmd.get_names("objects"):
            stop(name)
            return
        try:
            state = bridge.current_state(cmd, name)
        except EdmNoiseError:  # all states are shown, or none: the next single one will be coloured
            return
        if state == shown:
            return
        shown = state
        try:
            paint(state)
        except EdmNoiseError as error:  # its atoms have changed since
            stop(name)
            print(f" edm_color: the colours of {name} do not follow any more: {error}")

    timer.timeout.connect(look)
    _timers[name] = timer
    look()
    timer.start(_POLL_MS)


def stop(name: str) -> None:
    """Leave the colours of an object as they are from now on."""
    timer = _timers.pop(name, None)
    if timer is not None:
        timer.stop()
