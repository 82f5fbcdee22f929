"""The scene -> a picture in a file, as large as it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.files import appearing

from .ask import Cmd


@contextmanager
def opaque(cmd: Cmd) -> Iterator[None]:
    """Pictures with the background that is seen: films have no transparency."""
    settings = ("opaque_background", "ray_opaque_background")
    before = {setting: cmd.get_setting_int(setting) for setting in settings}
    try:
        for setting in settings:
            cmd.set(setting, 1, quiet=1)
        yield
    finally:
        for setting, value in before.items():
            cmd.set(setting, value, quiet=1)


def picture_size(cmd: Cmd, width: int, height: int) -> tuple[int, int]:
    """Both sides in pixels, in the window's proportions where one is given.

    PyMOL, told one side alone, takes the other from the picture before: a row of pictures grows out of shape.
    """
    across, down = cmd.get_viewport()
    if not width and not height:
        return int(across), int(down)
    return width or max(1, round(height * across / down)), height or max(1, round(width * down / across))


def take_picture(cmd: Cmd, target: str, width: int, height: int, ray: bool) -> None:
    """One picture; its file appears whole or not at all."""
    with appearing(target) as part:
        _draw(cmd, part, width, height, ray)
        if not os.path.exists(part):
            raise EdmNoiseError(f"PyMOL made no picture for {target}")


def _draw(cmd: Cmd, path: str, width: int, height: int, ray: bool) -> None:
    """In a window png draws the scene smaller each time that it is told a size, and leaves it so: draw does not."""
    from pymol import gui

    if ray or gui.get_qtwindow() is None:
        cmd.png(path, width, height, ray=int(ray), quiet=1)
    else:
        cmd.draw(width, height, quiet=1)
        cmd.png(path, prior=1, quiet=1)
