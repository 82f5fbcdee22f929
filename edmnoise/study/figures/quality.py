"""Every measure over the states, a panel each, and the lDDT of every residue below."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from ...base.colours import SERIES_COLOURS
from ...frames.damage_measures import MEASURES, DamageMeasure, below_one, drawn_between
from ...structure.structure import describe
from ..quality import QualityStudy
from .figure import bare, new_figure, over_states, save_figure

_ACROSS = 4
"""Panels in a row."""


def quality_figure(study: QualityStudy, path: str | os.PathLike[str]) -> None:
    """Each measure over the states, and over the residues the mean lDDT with the range from state to state, as a file.

    Dotted lines are the reference itself.
    """
    rows = math.ceil(len(MEASURES) / _ACROSS)
    figure = new_figure(11.5, 2.7 * rows + 2.6)
    grid = figure.add_gridspec(rows + 1, _ACROSS)
    for k, measure in enumerate(MEASURES):
        axes = figure.add_subplot(grid[k // _ACROSS, k % _ACROSS])
        _over_states(axes, study, measure)
        if k >= len(MEASURES) - _ACROSS:
            axes.set_xlabel("state")
    _over_residues(figure.add_subplot(grid[rows, :]), study)
    count = len(study.states)
    measured = f"measured from {study.origin}" if study.origin else "measured from the reference"
    states = f"{count} state{'' if count == 1 else 's'}"
    figure.suptitle(f"{describe(study.native.structure.hierarchy)}; {states} {measured}", fontsize=10)
    save_figure(figure, path)


def _over_states(axes: Any, study: QualityStudy, measure: DamageMeasure) -> None:
    values, own = study.by_state[measure], study.itself.get(measure, math.nan)
    name = measure.drawn_as or measure.name
    axes.set_ylabel(f"{name} (Å)" if measure.unit else name)
    bare(axes)
    if np.isnan(values).all():
        axes.text(0.5, 0.5, "none in this structure", ha="center", color="0.4", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    over_states(axes, study.states, values, SERIES_COLOURS[0])
    if measure.of_itself and not math.isnan(own):
        axes.axhline(own, color="0.3", ls=":", lw=1.2)
    axes.set_ylim(*drawn_between(measure, values.tolist(), own))


def _over_residues(axes: Any, study: QualityStudy) -> None:
    structure = study.native.structure
    at = np.arange(structure.hierarchy.counts[1])
    colour = SERIES_COLOURS[0]
    if len(study.states) > 1:
        low, high = study.lddt.min(axis=0), study.lddt.max(axis=0)
        axes.fill_between(at, low, high, color=colour, alpha=0.2, lw=0, label="lowest to highest state")
    axes.plot(at, study.lddt.mean(axis=0), color=colour, lw=1.3, label="mean over states")
    chains = structure.hierarchy.parents[-1] if structure.hierarchy.depth == 3 else structure.hierarchy.ancestors(1, 3)
    starts = np.flatnonzero(np.diff(chains, prepend=-1))
    for start in starts[1:]:
        axes.axvline(start - 0.5, color="0.6", lw=0.8)
    first = structure.first_atoms
    numbers = structure.atoms.number[first]
    marks = np.unique(np.linspace(0, len(at) - 1, min(13, len(at))).round().astype(int))
    axes.set_xticks(marks, [f"{structure.atoms.chain[first][k]}{numbers[k]}" for k in marks])
    axes.set_xlim(-0.5, len(at) - 0.5)
    if not np.isnan(study.lddt).all():
        axes.set_ylim(*below_one(float(np.nanmin(study.lddt))))
    axes.set_xlabel("residue")
    axes.set_ylabel("lDDT of the residue")
    bare(axes)
    axes.legend(frameon=False, loc="lower left", ncols=2, fontsize=8)
