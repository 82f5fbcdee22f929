"""Pictures with numbers -> one film, by Pillow (.gif) or ffmpeg (.mp4); what is missing is told before any is taken."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from edmnoise.base.errors import EdmNoiseError, one_of
from edmnoise.base.files import check_target, replacing

ENDINGS = (".png", ".gif", ".mp4")
"""A picture for each frame, or one film of all."""

RATES = (0.1, 60.0)
"""Lowest and highest number of frames a second: what players take."""


def is_film(path: str) -> bool:
    return ending(path) in ENDINGS[1:]


def ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def check_film(path: str, rate: float) -> str:
    """Return a path that pictures can be written to; EdmNoiseError says what is in the way."""
    if ending(path) not in ENDINGS:
        raise EdmNoiseError(f"pictures cannot be written as {path!r}: end the name in {one_of(ENDINGS)}")
    if not RATES[0] <= rate <= RATES[1]:
        raise EdmNoiseError(f"fps is {rate:g}: give frames a second from {RATES[0]:g} to {RATES[1]:g}")
    if ending(path) == ".gif" and importlib.util.find_spec("PIL") is None:
        raise EdmNoiseError(f"{path} needs Pillow: pip install pillow, or end the name in .png")
    if ending(path) == ".mp4":
        _ffmpeg(path)
    return check_target(path)


def make_film(pictures: Sequence[str], path: str, rate: float) -> None:
    """Write a film of PNG files of one size and without transparency; the file appears whole or not at all.

    Parameters
    ----------
    pictures
        Names that differ in their number alone, from 1 on, as the first one's ``_0001.png``, in a folder of ours.
    path
        Its ending is the format.
    rate
        Frames a second; a GIF holds hundredths of a second.
    """
    part = os.path.join(os.path.dirname(pictures[0]), f"film{ending(path)}")
    (_gif if ending(path) == ".gif" else _mp4)(pictures, part, rate)
    with open(part, "rb") as made, replacing(path) as target:
        shutil.copyfileobj(made, target)


def _gif(pictures: Sequence[str], part: str, rate: float) -> None:
    from PIL import Image

    def opened() -> Iterator[Image.Image]:
        for picture in pictures:
            with Image.open(picture) as image:
                yield image.convert("RGB").quantize()

    frames = opened()
    next(frames).save(part, save_all=True, append_images=frames, duration=round(1000 / rate), loop=0)


def _mp4(pictures: Sequence[str], part: str, rate: float) -> None:
    digits = len(os.path.splitext(pictures[0])[0].rpartition("_")[2])
    pattern = f"{pictures[0].rpartition('_')[0]}_%0{digits}d.png"
    # Players want half as many colour points in each direction, and what they need first at the beginning.
    options = ["-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    command = [_ffmpeg(part), "-loglevel", "error", "-nostdin", "-y", "-framerate", f"{rate:g}", "-i", pattern]
    done = subprocess.run([*command, *options, part], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise EdmNoiseError(f"ffmpeg made no film: {said[-1] if said else done.returncode}")


def _ffmpeg(path: str) -> str:
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        from imageio_ffmpeg import get_ffmpeg_exe

        try:
            found = get_ffmpeg_exe()
        except RuntimeError:  # installed without its program
            found = None
    if found is None:
        raise EdmNoiseError(
            f"{path} needs ffmpeg: install it, or pip install imageio-ffmpeg, or end the name in .gif or .png"
        )
    return str(found)
