"""ratio = median(yardstick) / median(ours), both timed in turn in one process, so that both meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal

Kind = Literal["at_most", "at_least_faster"]


@dataclass(frozen=True)
class Result:
    """Medians in milliseconds, and what was to be reached."""

    name: str
    ours: float
    yardstick: float
    target: float | None
    kind: Kind

    @property
    def ratio(self) -> float:
        """Ours over the yardstick where that is to be at most the target, else how many times faster ours is."""
        return self.ours / self.yardstick if self.kind == "at_most" else self.yardstick / self.ours

    @property
    def ok(self) -> bool | None:
        """Whether the target is reached; None where there is none and the ratio is only stated."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.kind == "at_most" else self.ratio >= self.target


def compare(
    name: str,
    ours: Callable[[], object],
    yardstick: Callable[[], object],
    target: float | None,
    kind: Kind = "at_least_faster",
    repeats: int = 7,
) -> Result:
    """Time two ways to do one job, in turn, after one run of each that does not count.

    Parameters
    ----------
    name
        The job.
    ours, yardstick
        Calls that do it; their data are ready, each in its own best layout.
    target
        Largest share of the yardstick's time that ours may take (``at_most``), or how many times faster it must be
        (``at_least_faster``); None where the ratio is only to be stated.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for call, taken in zip((ours, yardstick), times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    first, second = (1e3 * median(taken[1:]) for taken in times)
    return Result(name, first, second, target, kind)


def show(results: Iterable[Result]) -> str:
    """A table: job, ours and yardstick in ms, ratio, target, whether it is reached."""
    rows = [("job", "ours ms", "yardstick ms", "ratio", "target", "ok")]
    for r in results:
        sign = "<=" if r.kind == "at_most" else ">="
        target = "-" if r.target is None else f"{sign} {r.target:g}"
        reached = {None: "-", True: "yes", False: "NO"}[r.ok]
        rows.append((r.name, f"{r.ours:.2f}", f"{r.yardstick:.2f}", f"{r.ratio:.2f}", target, reached))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
