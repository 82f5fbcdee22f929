"""State k of an object -> picture k in a file: what a film is made of, one picture in each turn of the window."""

from __future__ import annotations

import os
import tempfile

from edmnoise.base.errors import EdmNoiseError

from . import ask, bridge, follow
from .jobs import Job, Watch

_ENDING = ".png"


def pictures(
    cmd: bridge.Cmd,
    file: str,
    name: str,
    width: int = 0,
    height: int = 0,
    ray: bool = False,
    overwrite: bool = False,
) -> Job[list[str]]:
    """Take a picture at each state of an object, or at each frame of the movie that is defined.

    Parameters
    ----------
    file
        A .png name: the number comes before the ending.
    width, height
        Pixels; 0 for the window's.
    ray
        Trace rays.
    overwrite
        Replace files that are there; otherwise they are refused before any picture is taken.

    Returns
    -------
    list
        Names of the files; fewer than states where it was cancelled.
    """
    bridge.existing_object(cmd, name)
    if min(width, height) < 0:
        raise EdmNoiseError(f"a picture of {width} x {height} pixels: give numbers from 1, or 0 for the window's")
    frames = ask.movie(cmd) or ask.states(cmd, name)
    files = _files(file, frames)
    if not overwrite:
        _check_free(files)
    width, height = _size(cmd, width, height)
    cmd.mstop()
    frame = ask.frame(cmd)[0]
    written: list[str] = []
    try:
        for number, target in enumerate(files, 1):
            if not ask.is_there(cmd, name):  # a window lets its user do anything meanwhile
                raise EdmNoiseError(f"{name} was deleted: {len(written)} of {frames} pictures are written")
            cmd.frame(number)
            follow.catch_up()
            _take(cmd, target, width, height, ray)
            written.append(target)

            def told(watch: Watch, number: int = number) -> bool:
                return watch.tell(number / frames, f"picture {number:,} of {frames:,}")

            if not (yield told):
                break
    finally:
        cmd.frame(frame)
    return written


def _files(file: str, frames: int) -> list[str]:
    """Names with numbers; EdmNoiseError for another ending, or a folder that is not there."""
    path = os.path.expanduser(file)
    stem, ending = os.path.splitext(path)
    if ending.lower() != _ENDING or not os.path.basename(stem):
        raise EdmNoiseError(f"pictures cannot be written as {file!r}: end the name in {_ENDING}")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise EdmNoiseError(f"cannot write {file}: there is no folder {folder}")
    digits = max(4, len(str(frames)))
    return [f"{stem}_{number:0{digits}}{ending}" for number in range(1, frames + 1)]


def _size(cmd: bridge.Cmd, width: int, height: int) -> tuple[int, int]:
    """Both sides in pixels, in the window's proportions where one is given.

    PyMOL, told one side alone, takes the other from the picture before: a row of pictures grows out of shape.
    """
    across, down = cmd.get_viewport()
    if not width and not height:
        return int(across), int(down)
    return width or max(1, round(height * across / down)), height or max(1, round(width * down / across))


def _check_free(files: list[str]) -> None:
    taken = [file for file in files if os.path.exists(file)]
    if taken:
        more = f" and {len(taken) - 1:,} more exist" if len(taken) > 1 else " exists"
        raise EdmNoiseError(f"{taken[0]}{more}: give another name, or overwrite=1 to replace what is there")


def _draw(cmd: bridge.Cmd, path: str, width: int, height: int, ray: bool) -> None:
    """In a window png draws the scene smaller each time that it is told a size, and leaves it so: draw does not."""
    from pymol import gui

    if ray or gui.get_qtwindow() is None:
        cmd.png(path, width, height, ray=int(ray), quiet=1)
    else:
        cmd.draw(width, height, quiet=1)
        cmd.png(path, prior=1, quiet=1)


def _take(cmd: bridge.Cmd, target: str, width: int, height: int, ray: bool) -> None:
    """One picture; its file appears whole or not at all."""
    part = None
    try:
        number, part = tempfile.mkstemp(prefix=".edmnoise_", suffix=_ENDING, dir=os.path.dirname(target) or ".")
        os.close(number)
        os.unlink(part)
        _draw(cmd, part, width, height, ray)
        if not os.path.exists(part):
            raise EdmNoiseError(f"PyMOL made no picture for {target}")
        os.replace(part, target)
        part = None
    except OSError as error:
        raise EdmNoiseError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if part is not None and os.path.exists(part):
            os.unlink(part)
