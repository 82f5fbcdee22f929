"""A trace's folder while it is written: ``run.json``, ``calls.jsonl``, a DCD file a kind and sample, ``final.dcd``.

After a kill at any moment all frames that a line speaks of read back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dcd

FORMAT, VERSION = "edmnoise trace", 1
RUN, CALLS, FINAL = "run.json", "calls.jsonl", "final.dcd"
KEPT = {"x0": ("denoised",), "both": ("noisy", "denoised")}
"""What ``keep`` may be, and the kinds of frames that it means."""


def frames_file(kind: str, sample: int) -> str:
    """Name of the DCD file with the frames of a sample."""
    return f"{kind}_{sample:04d}.dcd"


class Folder:
    """The folder, which is made.

    Parameters
    ----------
    path
        One that is not there yet, or an empty one.
    info
        For ``run.json``.

    Raises
    ------
    ValueError
        One sentence: a folder that holds something or cannot be made, an ``info`` that JSON cannot hold.
    """

    def __init__(self, path: str | os.PathLike[str], info: Mapping[str, Any]) -> None:
        # Absolute, for the program may change its folder.
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self._written: dict[int, int] = {}
        try:
            text = _lines(info)
        except (TypeError, ValueError) as error:
            raise ValueError(f"info cannot be written as JSON: {error}") from None
        try:
            _make(self.path)
            self._replace(RUN, text)
        except OSError as error:
            raise ValueError(f"cannot make the folder {self.path}: {error.strerror or error}") from None

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Another ``run.json``."""
        self._replace(RUN, _lines(info))

    def add_call(
        self, samples: Sequence[int], frames: Mapping[str, NDArray[np.float32]], facts: Mapping[str, Any]
    ) -> None:
        """Frames first, (B, N, 3) of each kind, then the line that says that they are there."""
        for kind, rows in frames.items():
            for sample, frame in zip(samples, rows, strict=True):
                dcd.append(os.path.join(self.path, frames_file(kind, sample)), self._written.get(sample, 0), frame)
        for sample in samples:
            self._written[sample] = self._written.get(sample, 0) + 1
        self.add_line(facts)

    def add_line(self, facts: Mapping[str, Any]) -> None:
        """One more line of ``calls.jsonl``."""
        with open(os.path.join(self.path, CALLS), "ab") as handle:
            handle.write(json.dumps(facts).encode() + b"\n")

    def write_final(self, frames: NDArray[np.float32]) -> None:
        """The sampler's result, (B, N, 3)."""
        self._replace(FINAL, dcd.whole(frames))

    def _replace(self, name: str, content: bytes) -> None:
        target = os.path.join(self.path, name)
        with open(target + ".part", "wb") as handle:
            handle.write(content)
        os.replace(target + ".part", target)


def _lines(facts: Mapping[str, Any]) -> bytes:
    """JSON, a line each key: lists of names are long."""
    return (
        "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()) + "\n}"
    ).encode()


def _make(path: str) -> None:
    if not os.path.isdir(path):
        os.mkdir(path)
    if os.listdir(path):
        raise ValueError(f"{path} holds something already: give a folder that is new or empty")
    open(os.path.join(path, CALLS), "xb").close()  # of two that come at once one finds it there
