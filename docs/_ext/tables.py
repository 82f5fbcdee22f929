"""Tables in reStructuredText."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in reStructuredText."""
    lines = [f".. list-table:: {title}", "   :header-rows: 1", "   :class: figures", ""]
    for row in (heads, *rows):
        lines += [f"   {'* -' if i == 0 else '  -'} {cell}".rstrip() for i, cell in enumerate(row)]
    return "\n".join(lines)
