"""Displacement of each level over the states, a line each."""

from __future__ import annotations

import os

import numpy as np

from ...base.colours import LEVEL_COLOURS, SERIES_COLOURS
from ...base.errors import EdmNoiseError
from ...base.table import Table
from ...frames.damage_measures import GYRATION, RMSD
from .figure import bare, new_figure, over_states, save_figure


def levels_figure(table: Table, path: str | os.PathLike[str]) -> None:
    """Draw the rows of `edmnoise.study.levels.level_table` by state, as a file.

    EdmNoiseError for a table of anything else: only states stand in an order.
    """
    state, *columns = table.columns
    if state.name != "state":
        raise EdmNoiseError(f"{os.fspath(path)} would be a figure, which has the states along its axis: give by=state")
    shapes = [column for column in columns if column.name in (RMSD.name, GYRATION.name)]
    figure = new_figure(7.5, 3.6 + 1.5 * len(shapes))
    axes, *below = np.atleast_1d(
        figure.subplots(1 + len(shapes), sharex=True, height_ratios=[2.4, *[1.0] * len(shapes)])
    )
    own = {LEVEL_COLOURS.get(column.name) for column in columns}
    others = (colour for colour in SERIES_COLOURS if colour not in own)
    for column in (column for column in columns if column not in shapes):
        inside = " in " in column.name
        colour = next(others) if inside else LEVEL_COLOURS[column.name]
        over_states(axes, state.values, np.array(column.values), colour, "--" if inside else "-", column.name)
    highest = max(max(column.values) for column in columns if column not in shapes)
    axes.set_ylim(0, 1.05 * highest or 1.0)
    axes.set_ylabel("displacement\n(Å, RMS per coordinate)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for each, column in zip(below, shapes, strict=True):
        over_states(each, state.values, np.array(column.values), "0.3")
        each.set_ylabel(f"{column.name} (Å)".replace("radius of gyration", "radius of\ngyration"))
    for each in (axes, *below):
        bare(each)
    (below or [axes])[-1].set_xlabel("state")
    origin = table.meta.get("origin")
    axes.set_title(table.title + (f"\nmeasured from {origin}" if origin else ""), fontsize=9)
    save_figure(figure, path)
