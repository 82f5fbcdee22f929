"""A result at a prompt is one line, and in a notebook its table, where it has one."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from .table import Table

_WIDTH, _ITEMS = 60, 3


class Legible:
    """What dataclasses inherit (with ``repr=False``) whose fields are too long to be read."""

    def __repr__(self) -> str:
        said = (f"{field.name}={_brief(getattr(self, field.name))}" for field in fields(self) if field.repr)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(said)})"

    def _repr_html_(self) -> str | None:
        table = getattr(self, "table", None)
        return table._repr_html_() if isinstance(table, Table) else None


def _brief(value: Any) -> str:
    """A value in a few words: arrays by their shape, what is long by its length."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"array{list(value.shape)}"
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and len(value) > _ITEMS:
        return f"{len(value):,} {'entries' if isinstance(value, Mapping) else 'items'}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_brief(item)}' for key, item in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_brief, value))}]"
    return textwrap.shorten(repr(value), _WIDTH, placeholder="...")
