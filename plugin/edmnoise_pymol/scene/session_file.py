"""PyMOL's session -> a file, whole or not at all."""

from __future__ import annotations

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.files import appearing

from .ask import Cmd


def save_session(cmd: Cmd, path: str) -> None:
    """Write PyMOL's session, which is the one that File > Save goes on with then; the old file stays until the new one
    is whole."""
    before = cmd.get("session_file")
    try:
        with appearing(path) as part:
            cmd.save(part, quiet=1)
    except EdmNoiseError:
        cmd.set("session_file", before, quiet=1)
        raise
    cmd.set("session_file", path.replace("\\", "/"), quiet=1)
