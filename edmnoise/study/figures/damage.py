"""Every measure of damage against sigma, a panel each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...base.colours import SERIES_COLOURS
from ...frames.damage_measures import MEASURES, DamageMeasure
from ...noise.process import NoiseChoice
from ...noise.sigma import SigmaDistribution
from ...structure.structure import describe
from ..damage import DamageStudy
from .figure import bare, new_figure, save_figure

_COLOURS = (*SERIES_COLOURS[:5], "0.35")
_STYLES = ("-", "--", ":", "-.")
_MARKS = "os^Dvp"
_ACROSS = 4
"""Panels in a row."""


def damage_figure(study: DamageStudy, path: str | os.PathLike[str]) -> None:
    """Every measure against sigma (and z, above), a line for each noise, as a file.

    Bands are the standard deviation from draw to draw; dotted lines are the structure itself.
    """
    rows = math.ceil(len(MEASURES) / _ACROSS)
    figure = new_figure(11.5, 3.1 * rows)
    panels = figure.subplots(rows, _ACROSS, sharex=True, squeeze=False)
    kinds = list(dict.fromkeys(row.noise for row in study.rows))
    for axes, measure in zip(panels.flat, MEASURES, strict=False):
        _panel(axes, study, measure, kinds)
    for axes in panels.flat[len(MEASURES) :]:
        axes.set_axis_off()
    for axes in panels.flat[max(0, len(MEASURES) - _ACROSS) : len(MEASURES)]:
        axes.set_xlabel("noise level σ (Å)")
        axes.tick_params(labelbottom=True)
    for axes in panels[0]:
        _z_above(axes, study.distribution)
    draws = f"mean of {study.draws} draws, band: ± standard deviation of a draw" if study.draws > 1 else "one draw"
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=min(len(kinds), 6),
        frameon=False,
        title=f"{describe(study.native.structure.hierarchy)}; {draws}",
    )
    save_figure(figure, path)


def _panel(axes: Any, study: DamageStudy, measure: DamageMeasure, kinds: Sequence[NoiseChoice]) -> None:
    for k, noise in enumerate(kinds):
        rows = sorted((row for row in study.rows if row.noise == noise), key=lambda row: row.sigma)
        sigma = np.array([row.sigma for row in rows])
        mean = np.array([row.damage.mean(measure) for row in rows])
        spread = np.array([row.damage.error(measure) for row in rows]) * math.sqrt(study.draws)
        colour, style = _COLOURS[k % len(_COLOURS)], _STYLES[k // len(_COLOURS) % len(_STYLES)]
        label = noise.label
        mark = _MARKS[k % len(_MARKS)]
        axes.plot(sigma, mean, style + mark, color=colour, lw=1.6, ms=3.5, label=label)
        if study.draws > 1:
            low = np.maximum(mean - spread, mean / 10)  # no length, share or count is negative
            axes.fill_between(sigma, low, mean + spread, color=colour, alpha=0.18, lw=0)
    own = study.untouched.mean(measure)
    if math.isnan(own):
        axes.text(0.5, 0.5, "none in this structure", ha="center", color="0.4", transform=axes.transAxes)
    elif measure.of_itself:
        axes.axhline(own, color="0.3", ls=":", lw=1.2)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    lengths = [row.damage.mean(measure) for row in study.rows if row.damage.mean(measure) > 0]
    if measure.kind == "length" and lengths and max(lengths) > 10 * min(lengths):
        _log_lengths(axes)
    else:
        axes.set_ylim(*((-0.03, 1.03) if measure.kind == "share" else (0, None)))
    name = measure.drawn_as or measure.name
    axes.set_ylabel(f"{name} (Å)" if measure.unit else name)
    bare(axes)
    axes.grid(True, which="minor", axis="x", color="0.95", lw=0.5)  # to find 8 A by eye


def _log_lengths(axes: Any) -> None:
    """A logarithmic axis with plain numbers, at decades or, where there are few, between them too."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _z_above(axes: Any, distribution: SigmaDistribution) -> None:
    scores = axes.secondary_xaxis(
        "top",
        functions=(distribution.z, distribution.sigma),
    )
    from matplotlib.ticker import MaxNLocator

    scores.set_xscale("linear")
    scores.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    scores.set_xlabel(f"z ({distribution.name})", fontsize=8)
    scores.tick_params(labelsize=8)
    scores.spines["top"].set_visible(False)
