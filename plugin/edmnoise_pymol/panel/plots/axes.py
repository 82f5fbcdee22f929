"""Axes that say what a person reads: powers of ten, and residues by chain and number."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pymol.Qt import PYQT_NAME


@contextmanager
def _binding() -> Iterator[None]:
    """Let pyqtgraph take the Qt binding that PyMOL uses, where several are installed."""
    name = "PYQTGRAPH_QT_LIB"
    ours = bool(PYQT_NAME) and name not in os.environ
    if ours:
        os.environ[name] = PYQT_NAME
    try:
        yield
    finally:
        if ours:
            del os.environ[name]


with _binding():
    import pyqtgraph as pg

__all__ = ["Axis", "LogAxis", "SequenceAxis", "pg", "power_of_ten"]

Ticks = list[tuple[float, list[float]]]


class Axis(pg.AxisItem):
    """An axis of plain numbers, its unit in its label."""

    def __init__(self, side: str, label: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.setLabel(label)
        self.setStyle(tickLength=-4, hideOverlappingLabels=True)

    @property
    def flat(self) -> bool:
        return self.orientation in ("bottom", "top")


class LogAxis(Axis):
    """Shows 10^v: a tick a power of ten, as many of them written as there is room for."""

    def tickValues(self, low: float, high: float, size: float) -> Ticks:
        low, high = sorted((low, high))
        self._decade = size / max(high - low, 1e-9)
        every = max(1, math.ceil((42 if self.flat else 20) / self._decade))
        decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        ticks: Ticks = [(every, [float(k) for k in decades if k % every == 0])]
        if every > 1:
            ticks.append((1, [float(k) for k in decades if k % every]))
        else:
            within = [k + math.log10(m) for k in range(math.floor(low), math.floor(high) + 1) for m in range(2, 10)]
            inside = [v for v in within if low <= v <= high]
            ticks.append((0.1, inside))
        return ticks

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if spacing >= 1:
            return [power_of_ten(value) for value in values]
        room = self._decade > (160 if self.flat else 70)
        return [f"{10**v:.3g}" if room and round(10 ** (v - math.floor(v))) in (2, 5) else "" for v in values]


class SequenceAxis(Axis):
    """Residues: numbers where few are seen, else each chain's letter below its middle."""

    def __init__(self, side: str, label: str) -> None:
        super().__init__(side, label)
        self._chains: Sequence[Any] = ()
        self._place: Sequence[float] = ()
        self._residues: Sequence[Any] = ()
        self._words: dict[float, str] = {}

    def set_sequence(self, chains: Sequence[Any], residues: Sequence[Any], place: Sequence[float]) -> None:
        self._chains, self._residues, self._place = chains, residues, place
        self.picture = None
        self.update()

    def tickValues(self, low: float, high: float, size: float) -> Ticks:
        low, high = sorted((low, high))
        seen = [chain for chain in self._chains if chain.last >= low and chain.first <= high]
        each = size / max(high - low, 1e-9)
        self._words = self._numbers(low, high, each) if len(seen) <= 3 else self._letters(seen, low, high, each)
        return [(max(1.0, 50 / each), list(self._words))]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [self._words.get(value, "") for value in values]

    def _numbers(self, low: float, high: float, each: float) -> dict[float, str]:
        """Every so many residues, as far apart as their words are wide."""
        step = next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if step * each >= 48), 1000)
        words, last = {}, -math.inf
        for place, residue in zip(self._place, self._residues, strict=True):
            digits = residue.number.lstrip("-")
            if low <= place <= high and digits.isdigit() and int(digits) % step == 0 and (place - last) * each >= 44:
                words[place] = f"{residue.chain} {residue.number}".strip()
                last = place
        return words

    def _letters(self, seen: Sequence[Any], low: float, high: float, each: float) -> dict[float, str]:
        words, last = {}, -math.inf
        for chain in seen:
            middle = (max(chain.first, low) + min(chain.last, high)) / 2
            if (middle - last) * each >= 8 * len(chain.letter) + 6:
                words[middle] = chain.letter
                last = middle
        return words


def power_of_ten(exponent: float) -> str:
    """10^v as it is read best: 0.01, 1, 100, and 10⁵ where zeros get too many."""
    whole = round(exponent)
    if -4 < whole < 5:
        return f"{10.0**whole:g}"
    return "10" + str(whole).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
