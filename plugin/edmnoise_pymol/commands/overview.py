"""``help edm``: every command with the first sentence of its own page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

TOPIC = "edm"
_WIDTH = 78


def overview(commands: Sequence[Callable[..., Any]]) -> str:
    """The page: a line or two for each command, and where more is said."""
    column = max(len(command.__name__) for command in commands) + 2
    lines = [
        textwrap.fill(
            summary(command), _WIDTH - 4, initial_indent=command.__name__.ljust(column), subsequent_indent=" " * column
        )
        for command in commands
    ]
    more = (
        '"help edm_noise" prints the page of a command, "edm_noise ?" its arguments. Arguments are separated by '
        "commas, numbers within one by spaces, and have names: edm_noise 1tii, weights=1 4 4, frames=20. The "
        "tabulator key completes commands, objects, arguments and their words."
    )
    parts = ("COMMANDS", "\n".join(lines), "NOTES", textwrap.fill(more, _WIDTH - 4), "EXAMPLES", EXAMPLES)
    return "\n\n".join(part if part.isupper() else textwrap.indent(part, "    ") for part in parts)


EXAMPLES = """load $PYMOL_DATA/demo/1tii.pdb
edm_noise 1tii, weights=current
edm_levels 1tii_noise, align=superpose
edm_panel"""
"""A first look."""


def summary(command: Callable[..., Any]) -> str:
    """The first sentence of a command's page, without its name."""
    page = (command.__doc__ or "").split("DESCRIPTION")[1].split("USAGE")[0]
    sentence = re.split(r"(?<=\w)[.:;]\s", " ".join(page.split()) + " ")[0]
    return sentence.removeprefix(f'"{command.__name__}" ').strip(". ")


def add_topic(cmd: Any, commands: Sequence[Callable[..., Any]]) -> None:
    """Make the page known to PyMOL's ``help``."""

    def edm() -> None: ...

    edm.__doc__ = overview(commands)
    cmd.help_only[TOPIC] = [edm]
    cmd.help_sc.append(TOPIC)
