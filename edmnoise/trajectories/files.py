"""Trajectories that other programs write, as traces."""

from __future__ import annotations

import os

from ..base.errors import EdmNoiseError
from .trace import Trace


def read_trajectory(
    path: str | os.PathLike[str], schedule: str | None = None, kind: str | None = None, structure: str | None = None
) -> Trace:
    """A file as a trace."""
    raise EdmNoiseError(f"{os.fspath(path)} is a file: give the folder of a trace")
