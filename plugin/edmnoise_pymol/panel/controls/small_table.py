"""A few rows of text for a label: numbers to the right, the first cell in its level's colour."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from pymol.Qt import QtGui

Named = tuple[str, str]
"""A word and its colour, "" for the text's own."""


def small_table(label: Any, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], foot: str = "") -> str:
    """Rich text: a bold title, a row of heads, the rows with a `Named` each in front, a last line."""
    dark = label.palette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128
    lines = ["".join(_cell(head, number > 0) for number, head in enumerate(heads))]
    for (name, colour), *cells in rows:
        shade = QtGui.QColor(colour).lighter(130 if dark else 100).name() if colour else ""
        first = f'<td><span style="color:{shade}">{html.escape(name)}</span></td>' if shade else _cell(name, False)
        lines.append(first + "".join(_cell(cell, True) for cell in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    table = f'<table width="100%" cellspacing="0" cellpadding="0">{body}</table>'
    return f"<b>{html.escape(title)}</b>{table}{html.escape(foot)}"


def _cell(words: str, right: bool) -> str:
    aligned = ' align="right" style="padding-left: 6px"' if right else ""
    return f"<td{aligned}>{html.escape(words)}</td>"
