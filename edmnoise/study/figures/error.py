"""Denoising error against sigma, a panel for each part: errors above, their multiples of the reference's below."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.colours import SERIES_COLOURS
from ..candidates import EXACT, FLUCTUATING, NOTHING
from ..error_study import ErrorStudy
from .figure import new_figure, save_figure

_REFERENCES: dict[str, dict[str, Any]] = {
    EXACT: {"color": "0.15", "ls": "--"},
    FLUCTUATING: {"color": "0.15", "ls": ":"},
    NOTHING: {"color": "0.6", "ls": "-"},
}
"""How references look, which have no colours: these are the denoisers'."""


_FEW, _TICKS = 30, (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100)
"""Multiples that span less than the first have these numbers at their axis."""

_NARROW = 100
"""Errors that span less than so much have 2 and 5 at their axis too."""


def error_figure(study: ErrorStudy, path: str | os.PathLike[str]) -> None:
    """RMS error of each part against sigma, and mean square error over the reference's, as a file.

    A line for each candidate, with a band of two standard errors on either side. References are grey, and doing nothing
    is not drawn among the multiples, which it would press together.
    """
    from matplotlib.ticker import LogLocator

    parts = study.parts
    rows = 1 if study.reference is None else 2
    figure = new_figure(4.1 * max(len(parts), 2), 2.0 + 2.9 * rows)
    panels = figure.subplots(rows, len(parts), squeeze=False, sharex=True)
    handles = {}
    for (name, knows), look in _looks(study):
        for axes, part in zip(panels[0], parts, strict=True):
            line = _curve(axes, study.sigmas, study.rms(name), part, look)
            handles[f"{name} ({knows})" if knows and name != NOTHING else name] = line
        for axes, part in zip(panels[1] if rows == 2 and name != NOTHING else (), parts, strict=False):
            _curve(axes, study.sigmas, study.ratio(name), part, look)
    for axes, part in zip(panels[0], parts, strict=True):
        axes.set(xscale="log", yscale="log", title=study.hierarchy.parts[part])
        low, high = axes.get_ylim()
        if high < _NARROW * low:  # decades alone would leave two numbers, or one
            axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            axes.yaxis.set_minor_formatter("{x:g}")
    for axes in panels[1] if rows == 2 else ():
        axes.set(yscale="log")
        low, high = axes.get_ylim()
        if high < _FEW * low:  # decades alone would leave one number, or none
            axes.set_yticks([tick for tick in _TICKS if low <= tick <= high])
            axes.minorticks_off()
    for axes in panels.flat:
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(True, which="major", color="0.92")
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("noise level σ (Å)")
        axes.xaxis.set_major_formatter("{x:g}")
    panels[0, 0].set_ylabel("error (Å, RMS per coordinate)")
    if rows == 2:
        panels[1, 0].set_ylabel(f"mean square error\nover {study.reference}")
    title = f"denoising error on {study.of}"
    figure.legend(
        handles=list(handles.values()),
        labels=list(handles),
        loc="outside upper center",
        ncols=min(len(handles), 3),
        frameon=False,
        title=title,
    )
    save_figure(figure, path)


def _looks(study: ErrorStudy) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Each candidate and its line: denoisers have the colours, in their order."""
    colours = iter(SERIES_COLOURS * (1 + len(study.labels) // len(SERIES_COLOURS)))
    for label in study.labels:
        yield label, _REFERENCES.get(label[0]) or {"color": next(colours), "ls": "-"}


def _curve(
    axes: Any,
    sigmas: tuple[float, ...],
    measured: tuple[NDArray[np.float64], NDArray[np.float64]],
    part: int,
    look: dict[str, Any],
) -> Any:
    order = np.argsort(sigmas)
    x, y, error = np.asarray(sigmas)[order], *(values[order, part] for values in measured)
    axes.fill_between(x, np.maximum(y - 2 * error, 1e-12), y + 2 * error, color=look["color"], alpha=0.2, lw=0)
    return axes.plot(x, y, lw=1.8, marker="o" if len(x) == 1 else "", **look)[0]
