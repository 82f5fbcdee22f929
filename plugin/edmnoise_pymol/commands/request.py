"""A command with its arguments as text: what the panel runs, and the line that would do the same when typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible

from .. import commands
from ..job import Job
from ..scene.session_file import save_session


@dataclass(frozen=True, repr=False)
class Request(Legible):
    """A command and what it is given, as a user would type it.

    Attributes
    ----------
    command
        Its name, for example "edm_noise".
    subject
        Its first argument: a selection or the name of an object.
    options
        The others, by name. What is "" is left out.

    Examples
    --------
    >>> print(Request("edm_noise", "1tii and chain A", {"z": "-1", "weights": "1 4 4", "name": ""}))
    edm_noise 1tii and chain A, z=-1, weights=1 4 4
    """

    command: str
    subject: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([f"{self.command} {_one_argument(self.subject)}", *(f"{k}={v}" for k, v in self._given())])

    def job(self, cmd: Any) -> Job[Any]:
        """The job that the typed line would run."""
        function = getattr(commands, self.command)
        return function.job(self.subject, **dict(self._given()), quiet=1, _self=cmd)

    def _given(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.options.items() if value != ""]


def _one_argument(selection: str) -> str:
    """PyMOL's prompt splits at commas outside brackets and quotes."""
    quoted = selection[:1] in ("'", '"')
    return f"({selection})" if "," in selection and not quoted else selection


class SaveSession:
    """PyMOL's own ``save file.pse``, as the panel runs a `Request`; the old file stays until the new one is whole."""

    command = "save"

    def __init__(self, path: str) -> None:
        self.subject, self._path = quoted(path), os.path.expanduser(path)

    def __str__(self) -> str:
        return f"save {self.subject}"

    def job(self, cmd: Any) -> Job[None]:
        yield from ()  # nothing of it can run away from PyMOL
        path, name = self._path, os.path.basename(self._path)
        if os.path.splitext(name)[1].lower() != ".pse":
            raise EdmNoiseError(f"a session cannot be written as {name!r}: end the name in .pse")
        save_session(cmd, path)


def quoted(path: str) -> str:
    """A path as PyMOL's prompt takes it for one argument."""
    return f'"{path}"' if set(path) & set(",;()[] #'") else path
