"""A table is named columns of one length: it prints itself, and writes itself as CSV and JSON."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import EdmNoiseError, one_of
from .files import check_target, replacing
from .legible import Legible

SHOWN = 60
"""Rows of a long table that a prompt or a notebook shows; more belong in a file."""


@dataclass(frozen=True, repr=False)
class Column(Legible):
    """One column: its name, values, unit ("A", "sigma", "" for none), printed decimals and meaning."""

    name: str
    values: Sequence[Any]
    unit: str = ""
    decimals: int = 3
    help: str = ""

    @property
    def heading(self) -> str:
        """Name and unit as printed and exported."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def cell(self, value: Any) -> str:
        """One value as printed: nothing for a missing one, fixed decimals for a real number."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "-"
        return f"{value:.{self.decimals}f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, repr=False)
class Table:
    """Columns of one length under a title, with the facts (``meta``) that the numbers depend on.

    ``table["sigma"]`` is the list of a column's values, ``len(table)`` the number of rows, ``table.rows()`` the rows
    as dictionaries.
    """

    title: str
    columns: tuple[Column, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(column.values) for column in self.columns}
        if len(lengths) > 1:
            raise EdmNoiseError(f"columns of one table have {sorted(lengths)} values: give them the same number")

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def __getitem__(self, name: str) -> list[Any]:
        for column in self.columns:
            if column.name == name:
                return list(column.values)
        known = ", ".join(column.name for column in self.columns)
        raise KeyError(f"no column {name!r}; the columns are {known}")

    def rows(self) -> list[dict[str, Any]]:
        """The rows, each a dictionary from column name to value."""
        return [{column.name: column.values[i] for column in self.columns} for i in range(len(self))]

    def __repr__(self) -> str:
        columns = textwrap.shorten(", ".join(column.name for column in self.columns), 160, placeholder=" ...")
        return f"Table({textwrap.shorten(self.title, 60, placeholder='...')}: {len(self)} rows of {columns})"

    def _repr_html_(self) -> str:
        """What a notebook shows: at most `SHOWN` rows, all text escaped."""

        def row(tag: str, cells: Sequence[str], left: Sequence[bool]) -> str:
            style = "text-align: left"
            made = (
                f'<{tag} style="{style if at_left else style.replace("left", "right")}">{html.escape(cell)}</{tag}>'
                for cell, at_left in zip(cells, left, strict=True)
            )
            return f"<tr>{''.join(made)}</tr>"

        left = [any(isinstance(value, str) for value in column.values) for column in self.columns]
        shown = [[column.cell(value) for value in column.values[:SHOWN]] for column in self.columns]
        lines = [row("td", cells, left) for cells in zip(*shown, strict=True)]
        notes = self.notes if len(self) <= SHOWN else (_more(len(self) - SHOWN), *self.notes)
        return "\n".join(
            [
                f"<table><caption>{html.escape(self.title)}</caption>",
                f"<thead>{row('th', [column.heading for column in self.columns], left)}</thead>",
                f"<tbody>{''.join(lines)}</tbody></table>",
                *(f"<p>{html.escape(note)}</p>" for note in notes),
            ]
        )

    def __str__(self) -> str:
        body = [[column.cell(value) for value in column.values] for column in self.columns]
        heads = [_stacked(column, cells) for column, cells in zip(self.columns, body, strict=True)]
        widths = [max(map(len, [*head, *cells])) for head, cells in zip(heads, body, strict=True)]
        left = [any(isinstance(value, str) for value in column.values) for column in self.columns]

        def line(cells: Sequence[str]) -> str:
            placed = (c.ljust(w) if lj else c.rjust(w) for c, w, lj in zip(cells, widths, left, strict=True))
            return "  ".join(placed).rstrip()

        height = max(map(len, heads), default=0)
        padded = [[""] * (height - len(head)) + head for head in heads]
        rule = "  ".join("-" * width for width in widths)
        top = [line(row) for row in zip(*padded, strict=True)]
        return "\n".join([self.title, *top, rule, *map(line, zip(*body, strict=True)), *self.notes])

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """CSV with one heading line; written to ``path`` when one is given, returned in any case."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.heading for column in self.columns])
        for row in zip(*(column.values for column in self.columns), strict=True):
            writer.writerow(["" if _missing(value) else value for value in row])
        return _write(path, text.getvalue())

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """JSON: title, meta, columns (name, unit, help), rows, notes; missing values are null."""
        content = {
            "title": self.title,
            "meta": dict(self.meta),
            "columns": [{"name": c.name, "unit": c.unit, "help": c.help} for c in self.columns],
            "rows": [{k: None if _missing(v) else v for k, v in row.items()} for row in self.rows()],
            "notes": list(self.notes),
        }
        return _write(path, json.dumps(content, indent=1) + "\n")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write CSV or JSON by the file's ending; anything else raises EdmNoiseError."""
        _SAVERS[_ending(check_path(path))](self, path)

    def head(self, rows: int = SHOWN) -> str:
        """The table as printed, cut after some rows, with a line that says so."""
        if len(self) <= rows:
            return str(self)
        cut = tuple(replace(column, values=column.values[:rows]) for column in self.columns)
        return str(replace(self, columns=cut, notes=(_more(len(self) - rows), *self.notes)))


def _more(rows: int) -> str:
    return f"... {rows:,} more row{'' if rows == 1 else 's'}: write them to a file"


_SAVERS = {".csv": Table.to_csv, ".json": Table.to_json}
TABLES = tuple(_SAVERS)
"""Endings of the files that a table can be written to."""


def check_path(path: str | os.PathLike[str]) -> str:
    """Return a path that a table can be written to; EdmNoiseError for another ending or where no file can be."""
    if _ending(path) not in _SAVERS:
        raise EdmNoiseError(f"a table cannot be written as {os.fspath(path)!r}: end the name in {one_of(TABLES)}")
    return check_target(path)


def _ending(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(path)[1].lower()


def _stacked(column: Column, cells: Sequence[str]) -> list[str]:
    """A heading over several lines, no wider than its cells need, the unit on the last."""
    lines = textwrap.wrap(column.name, max([8, *map(len, cells)]), break_long_words=False)
    return [*lines, f"({column.unit})"] if column.unit else lines


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _write(path: str | os.PathLike[str] | None, text: str) -> str:
    if path is not None:
        with replacing(path) as handle:
            handle.write(text.encode())
    return text
