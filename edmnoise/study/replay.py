"""STUB: what the sampler did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..base.legible import Legible
from ..base.table import Column, Table


@dataclass(frozen=True, repr=False)
class Replay(Legible):
    """STUB"""

    findings: tuple[str, ...]

    def table(self) -> Table:
        return Table("what the sampler did", (Column("step", [1]),))


def replay(trace: Any, rows: Any = None, samples: Sequence[int] | None = None) -> Replay:
    return Replay(())
