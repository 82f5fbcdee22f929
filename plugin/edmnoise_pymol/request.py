"""A command with its arguments as text: what the panel runs, and the line that would do the same when typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import commands
from .jobs import Job


@dataclass(frozen=True)
class Request:
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
    """PyMOL's prompt splits at commas outside brackets."""
    return f"({selection})" if "," in selection else selection
