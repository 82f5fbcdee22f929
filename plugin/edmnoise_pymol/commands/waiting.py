"""A long command that was typed -> lines of how far it is, and Esc, Abort or Ctrl-C to end it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from edmnoise.base.units import duration

from ..job import Watch

_FIRST, _EVERY = 3.0, 5.0
"""Seconds until the first line, and between two lines."""
_LOOK = 0.1
"""Seconds between two looks at what was pressed."""


@contextmanager
def watched(command: str) -> Iterator[Watch]:
    """A watch for a typed command, whose progress is printed and which can be cancelled in PyMOL's window."""
    window = _window()
    with _Pump(window) if window is not None else nullcontext() as pump, _loading_told(command, pump):
        watch = Watch(_Teller(command, pump))
        if pump is not None:
            pump.cancel = watch.cancel
        yield watch


def drawing() -> bool:
    """Whether the window is drawn in the middle of a typed command."""
    return _turning


class _Teller:
    """Prints how far a command is, every few seconds, and how long it will still take."""

    def __init__(self, command: str, pump: _Pump | None) -> None:
        self.command, self.pump, self.thread = command, pump, threading.get_ident()
        self.began: float | None = None
        self.line = self.looked = 0.0

    def __call__(self, share: float, words: str) -> None:
        if threading.get_ident() != self.thread:  # the window is this one's
            return
        now = time.monotonic()
        if self.began is None:
            self.began, self.line = now, now + _FIRST
        if now >= self.line and 0 < share < 1:
            self.line = now + _EVERY
            left = (now - self.began) * (1 - share) / share
            how = "Esc or Abort" if self.pump is not None else "Ctrl-C"
            print(f" {self.command}: {words}, about {duration(left)} left; {how} ends it", flush=True)
        if self.pump is not None and now >= self.looked + _LOOK:
            self.looked = now
            self.pump.turn(share)


class _Told:
    """A finder of modules that finds none, but says that torch is looked for: importing it takes seconds."""

    def __init__(self, command: str, pump: _Pump | None) -> None:
        self.command, self.pump, self.thread = command, pump, threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        if name == "torch" and threading.get_ident() == self.thread:  # a panel's thread may import it meanwhile
            print(f" {self.command}: loading torch, once ...", flush=True)
            if self.pump is not None:
                self.pump.turn(0.0)


@contextmanager
def _loading_told(command: str, pump: _Pump | None) -> Iterator[None]:
    finder = _Told(command, pump)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _window() -> Any:
    """PyMOL's window, where it has one and this is its thread."""
    gui = sys.modules.get("pymol.gui")
    if gui is None or threading.current_thread() is not threading.main_thread():
        return None
    window = gui.get_qtwindow()
    return window if hasattr(window, "abortbutton") else None


class _Pump:
    """Lets PyMOL's window draw its text and its progress bar while a command keeps it from its events.

    Nothing else happens meanwhile: what is pressed is dropped, but for Esc and Abort, and no timer fires, so neither
    PyMOL nor a panel starts anything in the middle of a command.
    """

    def __init__(self, window: Any) -> None:
        from pymol.Qt import QtWidgets

        self.window, self.cancel = window, lambda: None
        self._app = QtWidgets.QApplication.instance()
        self._filter = _filter(window.abortbutton, lambda: self.cancel())

    def __enter__(self) -> _Pump:
        self.window.abortbutton.released.connect(self._aborted)
        return self

    def __exit__(self, *_: object) -> None:
        self.window.abortbutton.released.disconnect(self._aborted)
        self.window.progressbar.hide()
        self.window.abortbutton.hide()

    def _aborted(self) -> None:
        self.cancel()

    def turn(self, share: float) -> None:
        """Draw, and see whether Esc or Abort was pressed."""
        global _turning

        window = self.window
        window.update_feedback()  # hides the bar: PyMOL itself makes no progress
        window.progressbar.setValue(round(100 * share))
        window.progressbar.show()
        window.abortbutton.show()
        self._app.installEventFilter(self._filter)
        _turning = True
        try:
            self._app.processEvents()
        finally:
            _turning = False
            self._app.removeEventFilter(self._filter)


_turning = False


def _filter(button: Any, cancel: Callable[[], None]) -> Any:
    """Drops what a person does, but for Esc and the button, and what timers do."""
    from pymol.Qt import QtCore, QtWidgets

    kinds = QtCore.QEvent.Type
    keys = (kinds.KeyPress, kinds.KeyRelease, kinds.ShortcutOverride, kinds.Shortcut, kinds.InputMethod)
    mouse = (kinds.MouseButtonPress, kinds.MouseButtonRelease, kinds.MouseButtonDblClick, kinds.Wheel)
    hands = {*keys, *mouse, kinds.ContextMenu, kinds.TouchBegin, kinds.DragEnter, kinds.Drop, kinds.Close}

    class Filter(QtCore.QObject):
        def eventFilter(self, watched: Any, event: Any) -> bool:
            kind = event.type()
            if kind == kinds.Timer or kind == kinds.Shortcut:
                return True
            # What comes from the screen goes through a QWindow, and only then to the widget that it is for.
            if kind not in hands or not isinstance(watched, QtWidgets.QWidget) or watched is button:
                return False
            if kind == kinds.Close or (kind == kinds.KeyPress and event.key() == QtCore.Qt.Key.Key_Escape):
                cancel()
            event.ignore() if kind == kinds.Close else event.accept()
            return True

    return Filter()
