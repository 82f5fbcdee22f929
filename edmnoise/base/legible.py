"""A thing at a prompt is one line; in a notebook a result is its table, where it has one."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

_WIDTH, _ITEMS = 60, 3


class Legible:
    """What dataclasses inherit (with ``repr=False``) whose fields are too long to be read: those that tell something.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> @dataclass(repr=False)
    ... class Made(Legible):
    ...     values: np.ndarray
    ...     sigma: float
    ...     align: str = "none"
    >>> Made(np.zeros((100, 3)), 1 / 3), Made(np.zeros((100, 3)), 1 / 3, "center")
    (Made(values=array[100, 3], sigma=0.333333), Made(values=array[100, 3], sigma=0.333333, align='center'))
    """

    def __repr__(self) -> str:
        shown = [(field, getattr(self, field.name)) for field in fields(self) if field.repr]  # type: ignore[arg-type]
        said = (f"{field.name}={brief(value)}" for field, value in shown if not _as_usual(field, value))
        return f"{type(self).__name__}({', '.join(said)})"

    def _shown(self) -> Any:
        """The table that a notebook shows, where there is one."""
        return getattr(self, "table", None)

    def _repr_html_(self) -> str | None:
        table = self._shown()
        return table._repr_html_() if hasattr(table, "_repr_html_") else None


def _as_usual(field: Field[Any], value: Any) -> bool:
    """Whether a field has its default, which tells nothing."""
    return type(value) is type(field.default) and not _is_array(value) and bool(value == field.default)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def brief(value: Any) -> str:
    """A value in a few words: arrays by their shape, what is long by its length, numbers to six digits."""
    if _is_array(value):
        return f"array{list(value.shape)}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and len(value) > _ITEMS:
        return f"{len(value):,} {'entries' if isinstance(value, Mapping) else 'items'}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {brief(item)}' for key, item in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(brief, value))}]"
    return textwrap.shorten(repr(value), _WIDTH, placeholder="...")
