"""One line for each finished task, with its checksum, written at once: what a killed sweep leaves is whole lines and
at most one torn one, which does not count.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from ..base.errors import EdmNoiseError
from ..base.files import replacing
from .tasks import Outcome

NAME = "journal.txt"
"""The journal's name in the folder of results."""

_SYNC_SECONDS = 2.0
"""How often the disk is waited for. A killed process loses nothing either way; a power cut may lose this much."""


class Journal:
    """The finished tasks of a study, open to add more.

    Attributes
    ----------
    finished
        Outcome of each finished task, by its key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished: dict[str, Outcome] = {}
        self._synced = time.monotonic()
        try:
            self._file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise self._failed(error) from error
        try:
            _lock(self._file, path)
            data = path.read_bytes()
            self.header: Mapping[str, Any] = {}
            end = 0
            for line in data.splitlines(keepends=True):
                entry = _parse(line)
                end += len(line) if line.endswith(b"\n") else 0
                if entry is not None and "sweep" in entry:
                    self.header = entry
                elif entry is not None:
                    outcome = Outcome(entry["task"], entry.get("values"), entry.get("error", ""))
                    self.finished[outcome.key] = outcome
            # What is added must not run on behind a torn line.
            os.ftruncate(self._file, end)
            os.lseek(self._file, end, os.SEEK_SET)
        except BaseException:
            os.close(self._file)
            raise

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write down finished tasks; EdmNoiseError where the disk is full, with all whole lines kept."""
        try:
            for outcome in outcomes:
                if outcome.final:
                    data = _line(_entry(outcome))
                    while data:
                        data = data[os.write(self._file, data) :]
                    self.finished[outcome.key] = outcome
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let others write to it."""
        os.close(self._file)

    def _failed(self, error: OSError) -> EdmNoiseError:
        return EdmNoiseError(f"cannot write {self.path}: {error.strerror}")


@contextmanager
def open_journal(folder: Path, header: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of a folder of results, begun where there is none.

    Parameters
    ----------
    folder
        Made where it is missing.
    header
        ``sweep`` (name), ``version``, ``settings`` (hash) and ``facts`` of the study.

    Raises
    ------
    EdmNoiseError
        If the folder holds another study's results or something else, if another process works on it, or if it cannot
        be written.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise EdmNoiseError(f"cannot write to {folder}: {error.strerror}") from error
    if not path.exists():
        if strange:
            raise EdmNoiseError(f"{folder} holds {strange[0]} and no sweep: give a new or empty folder (--out)")
        with replacing(path) as handle:
            handle.write(_line(header))
    journal = Journal(path)
    try:
        _compare(journal.header, header, folder)
        yield journal
    finally:
        journal.close()


def _compare(found: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    """EdmNoiseError where a journal belongs to other settings or to another version of this library."""
    if not found:
        raise EdmNoiseError(f"the first line of {folder / NAME} is damaged: give a new folder (--out)")
    if found["settings"] != wanted["settings"]:
        facts, now = found["facts"], wanted["facts"]
        keys = [key for key in sorted({*facts, *now}) if facts.get(key) != now.get(key)]
        raise EdmNoiseError(
            f"{folder} holds results of other settings ({', '.join(keys)} differ{'s' * (len(keys) == 1)}): "
            "put them back, or give a new folder (--out)"
        )
    if found["version"] != wanted["version"]:
        raise EdmNoiseError(
            f"{folder} was begun by edmnoise {found['version']}, this is {wanted['version']}: give a new folder (--out)"
        )


def _entry(outcome: Outcome) -> Mapping[str, Any]:
    if outcome.values is None:
        return {"task": outcome.key, "error": outcome.error}
    return {"task": outcome.key, "values": outcome.values}


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry).encode()
    return b"%08x %s\n" % (crc32(text), text)


def _parse(line: bytes) -> dict[str, Any] | None:
    """What a line says; None for one that is torn or damaged."""
    mark, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or mark != b"%08x" % crc32(text):
        return None
    entry: dict[str, Any] = json.loads(text)
    return entry


def _lock(file: int, path: Path) -> None:
    """Hold the file until it is closed or this process ends."""
    try:
        import fcntl
    except ImportError:  # Windows: two sweeps of one folder are the user's to avoid
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EdmNoiseError(f"another sweep is at work in {path.parent}: wait for it, or end it") from error
