"""A command's docstring and its knobs -> the page that ``help`` prints, with USAGE and ARGUMENTS."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from functools import cache

from edmnoise.settings.knob import REQUIRED, Knob

_WIDTH = 75
"""Letters of a line, behind an indentation of four."""

_DEFAULT = re.compile(r"\{default: .{,50}\}$")
"""What is not broken over two lines."""


def help_page(name: str, written: str, knobs: Iterable[Knob]) -> str:
    """The whole page from what its author wrote: DESCRIPTION, EXAMPLES and what follows."""
    knobs = list(knobs)
    before, _, after = inspect.cleandoc(written).partition("\nEXAMPLES\n")
    made = {"USAGE": _usage(name, knobs), "ARGUMENTS": "\n\n".join(map(_paragraph, knobs))}
    parts = (f"{heading}\n\n{textwrap.indent(text, '    ')}\n\n" for heading, text in made.items() if text)
    return f"{before}\n{''.join(parts)}EXAMPLES\n{after}\n"


def _usage(name: str, knobs: list[Knob]) -> str:
    """``name needed [, left_out [, left_out ]]``, over as many lines as it takes."""
    needed = [knob.name for knob in knobs if knob.default is REQUIRED]
    others = [f"[,~{knob.name}" for knob in knobs if knob.default is not REQUIRED]
    line = f"{name} {', '.join(needed)} {' '.join(others)} {']' * len(others)}"
    return _filled(line if needed else line.replace("[,", "[", 1), "    ")


@cache  # a third of them stand on several pages
def _paragraph(knob: Knob) -> str:
    return _filled(_DEFAULT.sub(lambda found: found[0].replace(" ", "~"), knob.page))


def _filled(text: str, indent: str = "") -> str:
    """A paragraph of lines that are not too long, broken at none of its ~, which are spaces."""
    first, *words = text.split()
    lines = [first]
    for word in words:  # textwrap takes five times as long, while PyMOL starts
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append(indent + word)
        else:
            lines[-1] += f" {word}"
    return "\n".join(lines).replace("~", " ")
