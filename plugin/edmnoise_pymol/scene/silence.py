"""Keep from the user's screen what PyMOL prints for its own reading of our frames."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .ask import Cmd


@contextmanager
def silence(cmd: Cmd) -> Iterator[None]:
    """Keep PyMOL's line a frame, and those that its DCD reader prints past Python, from the user's screen."""
    cmd.feedback("push")
    cmd.feedback("disable", "objectmolecule executive", "actions details blather")
    try:
        with _no_standard_output():
            yield
    finally:
        cmd.feedback("pop")


@contextmanager
def _no_standard_output() -> Iterator[None]:
    try:
        saved = os.dup(1)
    except OSError:  # a window without a console has none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    _flush_c_output()  # what was printed before is to be seen
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush_c_output()  # into a file or a pipe C writes late: this is not
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)


def _flush_c_output() -> None:
    ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)
