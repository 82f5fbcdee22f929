"""Programs that the user has said to trust, by the SHA-256 of their bytes, in a file of the user's configuration.

A file of another content has another hash, wherever it lies and whatever it is called, and is asked about anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .errors import EdmNoiseError
from .files import replacing

Ask = Callable[[str, str], bool]
"""Called with a file's path and its SHA-256: whether the user trusts it."""


def check_trusted(path: str, content: bytes, trust: bool = False, ask: Ask | None = None) -> None:
    """Raise EdmNoiseError unless a program is trusted: from before, by ``trust``, or as the answer to ``ask``.

    What is trusted now is remembered.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest in trusted():
        return
    if not trust and ask is None:
        raise EdmNoiseError(
            f"{path} is a program, which can do all that you can: if you know where it comes from, give trust=1 once "
            f"(SHA-256 {digest})"
        )
    if ask is not None and not (trust or ask(path, digest)):
        raise EdmNoiseError(f"{path} is a program that you do not trust: nothing of it was run (SHA-256 {digest})")
    # Where nothing can be written, as in some containers, it is trusted this time and asked about the next.
    with suppress(EdmNoiseError):
        _remember(digest, path)


def trusted() -> dict[str, str]:
    """SHA-256 -> the path that it had when it was trusted."""
    place = trust_file()
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EdmNoiseError(
            f"cannot read {place}, which lists the programs that you trust: mend or remove it"
        ) from error
    if not isinstance(known, dict):
        raise EdmNoiseError(f"{place} is no list of the programs that you trust: mend or remove it")
    return known


def trust_file() -> Path:
    """Where they are listed: in ``edmnoise`` of %APPDATA%, or of $XDG_CONFIG_HOME, else of ~/.config."""
    if sys.platform == "win32":
        folder = os.environ.get("APPDATA") or os.path.expanduser("~")
    else:
        folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(folder) / "edmnoise" / "trusted.json"


def _remember(digest: str, path: str) -> None:
    place, known = trust_file(), trusted()
    with suppress(OSError):  # told by what is written next
        place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as handle:
        handle.write(json.dumps({**known, digest: os.path.abspath(path)}, indent=1).encode())
