"""State k of an object -> picture k, one in each turn of the window: files with numbers, or a film."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from edmnoise.base.errors import EdmNoiseError

from ..commands.waiting import duration
from ..job import Job, Watch
from ..scene import ask, bridge, follow
from ..scene.mesa import check_drawable
from .film import check_film, ending, is_film, make_film


def pictures(
    cmd: bridge.Cmd,
    file: str,
    name: str,
    width: int,
    height: int,
    ray: bool,
    overwrite: bool,
    rate: float,
    say: Callable[[str], None] = lambda words: None,
) -> Job[list[str]]:
    """Take a picture at each state of an object, or at each frame of the movie that is defined.

    Parameters
    ----------
    file
        A .png name, whose number comes before the ending; or that of a film, one of `edmnoise_pymol.jobs.film.ENDINGS`.
    width, height
        Pixels; 0 for the window's.
    ray
        Trace rays.
    overwrite
        Replace files that are there; otherwise they are refused before any picture is taken.
    rate
        Frames of a film a second.
    say
        Told after the first picture how long all of them will take, and what a film is like.

    Returns
    -------
    list
        Names of the files; fewer than states where it was cancelled. One name for a film, which is then shorter.
    """
    path = check_film(os.path.expanduser(file), rate)
    bridge.existing_object(cmd, name)
    check_drawable(ray)
    frames = ask.movie(cmd) or ask.states(cmd, name)
    if not overwrite:
        _check_free([path] if is_film(path) else _files(path, frames))
    width, height = _size(cmd, width, height)
    if not is_film(path):
        return (yield from _taken(cmd, name, _files(path, frames), width, height, ray, say))
    if ending(path) == ".mp4":  # its colours are kept for two by two points
        width, height = width + width % 2, height + height % 2
    with tempfile.TemporaryDirectory(prefix="edmnoise_") as folder, _opaque(cmd):
        files = _files(os.path.join(folder, "frame.png"), frames)
        taken = yield from _taken(cmd, name, files, width, height, ray, say)
        yield lambda _: make_film(taken, path, rate)
    seconds = len(taken) / rate
    say(f"{path} written: {len(taken):,} frames of {width} x {height}, {duration(seconds)} at {rate:g} a second")
    return [path]


def _taken(
    cmd: bridge.Cmd, name: str, files: Sequence[str], width: int, height: int, ray: bool, say: Callable[[str], None]
) -> Job[list[str]]:
    """A picture of each frame, until it is cancelled; the frame that was shown is shown again."""
    frame, plays, frames = ask.frame(cmd)[0], ask.playing(cmd), len(files)
    cmd.mstop()
    written: list[str] = []
    try:
        for number, target in enumerate(files, 1):
            began = time.monotonic()
            if not ask.is_there(cmd, name):  # a window lets its user do anything meanwhile
                raise EdmNoiseError(f"{name} was deleted: {len(written)} of {frames} pictures are written")
            cmd.frame(number)
            follow.catch_up()
            _take(cmd, target, width, height, ray)
            written.append(target)
            if number == 1 < frames:
                whole = duration(frames * (time.monotonic() - began))
                say(f"{frames:,} pictures of {width} x {height}: about {whole}")

            def told(watch: Watch, number: int = number) -> bool:
                return watch.tell(number / frames, f"picture {number:,} of {frames:,}")

            if not (yield told):
                break
    finally:
        cmd.frame(frame)
        if plays:
            cmd.mplay()
    return written


@contextmanager
def _opaque(cmd: bridge.Cmd) -> Iterator[None]:
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


def _files(path: str, frames: int) -> list[str]:
    """Names with numbers."""
    stem, last = os.path.splitext(path)
    digits = max(4, len(str(frames)))
    return [f"{stem}_{number:0{digits}}{last}" for number in range(1, frames + 1)]


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
        number, part = tempfile.mkstemp(prefix=".edmnoise_", suffix=".png", dir=os.path.dirname(target) or ".")
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
