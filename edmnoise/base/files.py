"""A file appears whole or not at all: written beside its place, then put there in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .errors import EdmNoiseError


@contextmanager
def appearing(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name of a new file, with the same ending, that takes the place of ``path`` when the block ends without error.

    For programs that write by a name. An error inside the block, a full disk or a folder that cannot be written leaves
    the old file as it was; a problem of the file system is raised as EdmNoiseError with the file's name.
    """
    target = _target(check_target(path))
    part = ""
    try:
        mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666 & ~_umask()
        folder, name = os.path.split(target)
        number, part = tempfile.mkstemp(prefix=f".{name}.", suffix=os.path.splitext(name)[1], dir=folder)
        os.close(number)
        os.unlink(part)  # who writes by a name may take a file that is there for the user's
        yield part
        os.chmod(part, mode)
        os.replace(part, target)
    except OSError as error:
        raise EdmNoiseError(f"cannot write {os.fspath(path)}: {error.strerror or error}") from error
    finally:
        if os.path.exists(part):
            os.unlink(part)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new binary file that takes the place of ``path`` when the block ends without an error, as `appearing`."""
    with appearing(path) as part, open(part, "xb") as handle:
        yield handle


def check_target(path: str | os.PathLike[str]) -> str:
    """Return a path that a file can be written to, as far as can be told before the work is done.

    EdmNoiseError names what is in the way: a folder of that name, none to write into, or one that is write-protected.
    """
    given, target = os.fspath(path), _target(path)
    folder, there = os.path.dirname(target), os.path.exists(target)
    wrong = None
    if os.path.isdir(target):
        wrong = "it is a folder, give a file name"
    elif not os.path.isdir(folder):
        wrong = f"there is no folder {os.path.dirname(given)}"
    elif not os.access(target if there else folder, os.W_OK):
        wrong = f"the {'file' if there else 'folder'} is write-protected"
    if wrong is not None:
        raise EdmNoiseError(f"cannot write {given}: {wrong}")
    return given


def _target(path: str | os.PathLike[str]) -> str:
    return os.path.realpath(os.path.expanduser(os.fspath(path)))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
