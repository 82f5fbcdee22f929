"""A structure file as an object for a while, with the looks and bonds that PyMOL gives what it loads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import ask
from .ask import Cmd


@contextmanager
def loaded(cmd: Cmd, path: str) -> Iterator[str]:
    """Load a file without showing it; gives the object's name, which is gone at the end."""
    name = str(cmd.get_unused_name("_edm_file"))
    next_colour = cmd.get("auto_color_next")  # PyMOL counts what it loads
    try:
        cmd.load(path, name, zoom=0, quiet=1, multiplex=0, discrete=0)
        yield name
    finally:
        with ask.awake(cmd):
            cmd.delete(name)
        cmd.set("auto_color_next", next_colour)
