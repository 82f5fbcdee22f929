"""State k of an object -> picture k, one in each turn of the window: files with numbers, or a film."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.units import duration

from ..job import Job, Watch
from ..scene import ask, follow, stage
from ..scene.ask import Cmd
from ..scene.camera import opaque, picture_size, take_picture
from ..scene.mesa import check_drawable
from ..scene.objects import existing_object
from .film import check_film, ending, is_film, make_film


def pictures(
    cmd: Cmd,
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
    existing_object(cmd, name)
    check_drawable(ray)
    frames = ask.movie(cmd) or ask.states(cmd, name)
    if not overwrite:
        _check_free([path] if is_film(path) else _files(path, frames))
    width, height = picture_size(cmd, width, height)
    if not is_film(path):
        return (yield from _taken(cmd, name, _files(path, frames), width, height, ray, say))
    if ending(path) == ".mp4":  # its colours are kept for two by two points
        width, height = width + width % 2, height + height % 2
    with tempfile.TemporaryDirectory(prefix="edmnoise_") as folder, opaque(cmd):
        files = _files(os.path.join(folder, "frame.png"), frames)
        taken = yield from _taken(cmd, name, files, width, height, ray, say)
        yield lambda _: make_film(taken, path, rate)
    seconds = len(taken) / rate
    say(f"{path} written: {len(taken):,} frames of {width} x {height}, {duration(seconds)} at {rate:g} a second")
    return [path]


def _taken(
    cmd: Cmd, name: str, files: Sequence[str], width: int, height: int, ray: bool, say: Callable[[str], None]
) -> Job[list[str]]:
    """A picture of each frame, until it is cancelled; the frame that was shown is shown again."""
    frame, plays, frames = ask.frame(cmd)[0], ask.playing(cmd), len(files)
    stage.stop(cmd)
    written: list[str] = []
    try:
        for number, target in enumerate(files, 1):
            began = time.monotonic()
            if not ask.is_there(cmd, name):  # a window lets its user do anything meanwhile
                raise EdmNoiseError(f"{name} was deleted: {len(written)} of {frames} pictures are written")
            stage.go_to(cmd, number)
            follow.catch_up()
            take_picture(cmd, target, width, height, ray)
            written.append(target)
            if number == 1 < frames:
                whole = duration(frames * (time.monotonic() - began))
                say(f"{frames:,} pictures of {width} x {height}: about {whole}")

            def told(watch: Watch, number: int = number) -> bool:
                return watch.tell(number / frames, f"picture {number:,} of {frames:,}")

            if not (yield told):
                break
    finally:
        stage.go_to(cmd, frame)
        if plays:
            stage.play(cmd)
    return written


def _files(path: str, frames: int) -> list[str]:
    """Names with numbers."""
    stem, last = os.path.splitext(path)
    digits = max(4, len(str(frames)))
    return [f"{stem}_{number:0{digits}}{last}" for number in range(1, frames + 1)]


def _check_free(files: list[str]) -> None:
    taken = [file for file in files if os.path.exists(file)]
    if taken:
        more = f" and {len(taken) - 1:,} more exist" if len(taken) > 1 else " exists"
        raise EdmNoiseError(f"{taken[0]}{more}: give another name, or overwrite=1 to replace what is there")
