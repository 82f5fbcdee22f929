"""A file's ending -> a figure in that format, by matplotlib without a window; what is in the way is told before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError, one_of
from ...base.files import check_target, replacing
from ...base.table import TABLES, check_path

_FORMATS: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Endings of figures, and what matplotlib would write into each that changes from run to run."""

FIGURES = tuple(_FORMATS)
"""Endings of the files that a figure can be written to."""


def is_figure(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a figure."""
    return _ending(path) in FIGURES


def check_figure(path: str | os.PathLike[str]) -> str:
    """Return a path that a figure can be written to; said before the work whose result is to be drawn.

    EdmNoiseError for an ending that is not in FIGURES, a place where no file can be, or where matplotlib is missing.
    """
    if not is_figure(path):
        raise EdmNoiseError(f"a figure cannot be written as {os.fspath(path)!r}: end the name in {one_of(FIGURES)}")
    check_target(path)
    _figure_class()
    return os.fspath(path)


def check_output(path: str | os.PathLike[str]) -> str:
    """Return a path that a table or a figure can be written to, or raise EdmNoiseError as `check_figure` does."""
    if is_figure(path):
        return check_figure(path)
    if _ending(path) not in TABLES:
        known = f"{one_of(TABLES)} for the table, {one_of(FIGURES)} for the figure"
        raise EdmNoiseError(f"nothing can be written as {os.fspath(path)!r}: end the name in {known}")
    return check_path(path)


def new_figure(width: float, height: float) -> Any:
    """An empty figure of a size in inches, without a window; EdmNoiseError where matplotlib is missing."""
    return _figure_class()(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format of the file's ending, a whole file or none; errors as in `check_figure`."""
    ending = _ending(check_figure(path))
    with replacing(path) as handle:
        figure.savefig(handle, format=ending[1:], dpi=150, metadata=_FORMATS[ending])


def bare(axes: Any) -> None:
    """A grid behind the lines, and no frame above and on the right."""
    axes.grid(True, color="0.88")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def over_states(
    axes: Any, states: Sequence[int], values: NDArray[np.float64], colour: str, style: str = "-", label: str = ""
) -> None:
    """A line over the numbers of states, with a mark at each where they are few."""
    from matplotlib.ticker import MaxNLocator

    few = len(states) <= 40
    axes.plot(states, values, style, marker="o" if few else "", ms=3.5, lw=1.4, color=colour, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(states) == 1:
        axes.set_xlim(states[0] - 1, states[0] + 1)


def _ending(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(path)[1].lower()


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure  # 0.5 s: only who draws pays for it
    except ImportError as error:
        raise EdmNoiseError(
            "figures need matplotlib: pip install matplotlib, or edmnoise with its extra plots"
        ) from error
    return Figure
