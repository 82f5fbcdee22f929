"""The line of a TOML file that gives a value: it ends the shortest beginning of the file that has the value."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

parse = tomllib.loads
"""A TOML text as a dictionary; ValueError for a text that is none."""

Path = Sequence[str | int]
"""Keys and places in lists on the way to a value."""


def line_of(text: str, path: Path) -> int:
    """Number, from 1, of the line of a TOML text that gives the value at the end of ``path``.

    The text is parsed a line longer each time: what is said inside texts and comments does not mislead. Of a table in
    a list it is the line of its name.

    Examples
    --------
    >>> text = "z = [\\n  0,\\n  100,\\n]\\nseeds = 3"
    >>> line_of(text, ["seeds"]), line_of(text, ["z"]), line_of(text, ["z", 1])
    (5, 1, 3)
    """
    lines = text.splitlines()
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            content = parse("\n".join(lines[:end]))
        except ValueError:  # in the middle of a list over several lines
            continue
        if (value := _at(content, path)) is not None:
            keys = [name for name in path if isinstance(name, str)]
            said = value.get("name", value) if isinstance(value, dict) else value
            words = [str(said), keys[-1]] if isinstance(path[-1], int) else [keys[-1]]
            for word in words:
                pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
                for number in range(begin, end):
                    if pattern.search(lines[number]):
                        return number + 1
            return end
        begin = end
    return len(lines)


def _at(content: Any, path: Path) -> Any:
    """The value at the end of a path (TOML has no null); None where there is none."""
    for name in path:
        try:
            content = content[name]
        except (KeyError, IndexError, TypeError):
            return None
    return content
