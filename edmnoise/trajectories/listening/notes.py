"""What listeners have to say: a line on the standard error, and notes for the command that records."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

NOTES, SEEN = "notes.jsonl", "python.seen"
"""In the folder of runs: what processes have to say to the recording command, and that there was one at all."""


class Notes:
    """Those of one process.

    Parameters
    ----------
    folder
        Of the runs.
    """

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, NOTES)
        self._said: set[str] = set()
        self._noted: set[tuple[str, str]] = set()

    def note(self, about: str, **facts: Any) -> None:
        """Add a note."""
        with suppress(Exception):
            line = json.dumps({"about": about, "process": os.getpid(), **facts}) + "\n"
            with open(self._path, "ab") as handle:
                handle.write(line.encode())

    def once(self, about: str, program: str, **facts: Any) -> None:
        """A note of which one a process is enough."""
        if (about, program) not in self._noted:
            self._noted.add((about, program))
            self.note(about, program=program, **facts)

    def warn(self, sentence: str) -> None:
        """A line on the standard error, once a process, and a note."""
        if sentence in self._said:
            return
        self._said.add(sentence)
        tell(sentence)
        self.note("warned", sentence=sentence)


def tell(sentence: str) -> None:
    """A line on the standard error, where there is one."""
    with suppress(Exception):
        # Not by print, which takes the standard output where there is no other.
        sys.stderr.write(f"edmnoise: {sentence}\n")


def in_words(error: Exception) -> str:
    """An error of ours or the system's by its words alone; those of others need the name of their kind."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    words = " ".join(str(error).split())
    return words if type(error) is ValueError and words else f"{type(error).__name__}: {words}"
