"""A file appears whole or not at all: write beside it, then replace it in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .errors import EdmNoiseError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new binary file that takes the place of ``path`` when the block ends without an error.

    An error inside the block, a full disk or a folder that cannot be written leaves the old file as it was;
    a problem of the file system is raised as EdmNoiseError with the file's name.
    """
    target = os.path.realpath(os.path.expanduser(os.fspath(path)))
    if os.path.isdir(target):
        raise EdmNoiseError(f"cannot write {os.fspath(path)}: it is a folder, give a file name")
    part = None
    try:
        mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666 & ~_umask()
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise PermissionError(13, "the file is write-protected")
        folder, name = os.path.split(target)
        number, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        with os.fdopen(number, "wb") as handle:
            yield handle
        os.chmod(part, mode)
        os.replace(part, target)
        part = None
    except OSError as error:
        raise EdmNoiseError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from error
    finally:
        if part is not None:
            os.unlink(part)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
