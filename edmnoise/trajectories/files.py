"""STUB: other programs' trajectory files."""

from __future__ import annotations

import os
from typing import Any

from ..base.errors import EdmNoiseError
from .trace import Trace


def read_trajectory(
    path: str | os.PathLike[str], schedule: Any = None, kind: Any = None, structure: Any = None
) -> Trace:
    raise EdmNoiseError(f"cannot read {path}")
