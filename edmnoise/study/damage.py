"""What noise destroys, over noise levels and weights: tables with standard errors, and a figure of every measure."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ..base.colours import SERIES_COLOURS
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..frames.damage import (
    BOND_LENGTHS,
    CLASHES,
    GYRATION,
    LDDT,
    MEASURES,
    RMSD,
    Damage,
    DamageMeasure,
    Native,
    measure_damage,
    measure_sets,
)
from ..noise.process import NoiseChoice
from ..noise.sigma import SigmaDistribution
from ..noise.weights import Weights
from ..structure.structure import describe
from .figures.figure import new_figure, save_figure

_COLOURS = (*SERIES_COLOURS[:5], "0.35")
_STYLES = ("-", "--", ":", "-.")
_MARKS = "os^Dvp"

_LENGTHS = (RMSD, BOND_LENGTHS, GYRATION)
"""Measures that run over decades, as the noise does."""


@dataclass(frozen=True, eq=False, repr=False)
class DamageRow(Legible):
    """What noise of one kind at one level did to the draws that were made of it."""

    noise: NoiseChoice
    z: float
    sigma: float
    damage: Damage


def damage_rows(
    native: Native,
    weights: Sequence[Weights | NoiseChoice],
    z: Sequence[float],
    distribution: SigmaDistribution,
    draws: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Iterator[DamageRow]:
    """Draw noise and measure what it destroys, a row for each weights at each z; frames are never kept.

    Parameters
    ----------
    native
        Of the structure, from `Native.of`.
    weights, z
        Each weights, or each chosen process with its weights, at each normal score of the noise level.
    distribution
        Gives sigma from z.
    draws
        Frames per row; each row has its own.
    seed
        The same seed gives the same rows.
    progress
        Told of the frames that are done and of how many there are, more often than there are rows; what it raises ends
        the work.

    Yields
    ------
    DamageRow
        len(weights) * len(z) of them.

    Raises
    ------
    EdmNoiseError
        For no draws, weights or z, and for a z that is out of bounds, before anything is drawn.
    """
    if draws < 1:
        raise EdmNoiseError(f"draws is {draws}: give a whole number from 1")
    if not weights or not z:
        raise EdmNoiseError("no weights or no z given: give at least one of each")
    structure = native.structure
    sigmas = [distribution.sigma(score) for score in z]
    done, total = 0, len(weights) * len(z) * draws

    def measured(frames: int) -> None:
        nonlocal done
        done += frames
        if progress is not None:
            progress(done, total)

    asked = list(product(map(NoiseChoice.of, weights), zip(z, sigmas, strict=True)))
    drawn = (
        noise.on(structure).blocks(sigma, range(k * draws, (k + 1) * draws), seed, structure.coordinates)
        for k, (noise, (_, sigma)) in enumerate(asked)
    )
    for (noise, (score, sigma)), damage in zip(asked, measure_sets(native, drawn, measured), strict=True):
        yield DamageRow(noise, float(score), sigma, damage)


@dataclass(frozen=True, eq=False, repr=False)
class DamageStudy(Legible):
    """Rows of `damage_rows`, with what they were made from.

    Attributes
    ----------
    native
        The structure and what there was to be destroyed.
    rows
        What was left, for each weights at each z.
    distribution, draws, seed
        As given to `damage_rows`.
    """

    native: Native
    rows: tuple[DamageRow, ...]
    distribution: SigmaDistribution
    draws: int
    seed: int

    @cached_property
    def untouched(self) -> Damage:
        """The measures of the structure itself, which may have clashes of its own."""
        return measure_damage(self.native, [self.native.structure.coordinates[None]])

    def table(self) -> Table:
        """Mean over the draws and its standard error (missing for one draw), a row for each weights at each z."""
        columns = self._settings(self.rows)
        for measure in MEASURES:
            name, unit, decimals = measure.name, measure.unit, measure.decimals
            means = [row.damage.mean(measure) for row in self.rows]
            errors = [row.damage.error(measure) for row in self.rows]
            columns.append(Column(name, means, unit, decimals, measure.help))
            columns.append(Column(f"{name}, error", errors, unit, decimals + 1, "standard error of the mean"))
        return self._table(columns)

    def summary(self) -> Table:
        """The table without its standard errors, which fits on a screen."""
        columns = self._settings(self.rows)
        for m in MEASURES:
            columns.append(Column(m.name, [row.damage.mean(m) for row in self.rows], m.unit, m.decimals, m.help))
        return self._table(columns)

    def _shown(self) -> Table:
        return self.summary()

    def by_residue(self) -> Table:
        """Mean lDDT of each residue, a row for each residue, at each z, for each weights."""
        structure = self.native.structure
        first, atoms = structure.first_atoms, structure.atoms
        count = len(first)
        columns = [
            *self._settings([row for row in self.rows for _ in range(count)]),
            Column("chain", atoms.chain[first].tolist() * len(self.rows)),
            Column("residue", atoms.residue_name[first].tolist() * len(self.rows)),
            Column("number", atoms.number[first].tolist() * len(self.rows)),
            Column(LDDT.name, [x for row in self.rows for x in row.damage.lddt_by_residue.tolist()], help=LDDT.help),
        ]
        return self._table(columns)

    def _settings(self, rows: Sequence[DamageRow]) -> list[Column]:
        return [
            Column("weights", [row.noise.label for row in rows], help="chain/residue/atom"),
            Column("z", [row.z for row in rows], decimals=2),
            Column("sigma", [row.sigma for row in rows], "A"),
        ]

    def _table(self, columns: list[Column]) -> Table:
        hierarchy = self.native.structure.hierarchy
        drawn = f"{self.draws} draw{'' if self.draws == 1 else 's'} a row, seed {self.seed}"
        own = self.untouched
        itself = {m.name: own.mean(m) for m in (CLASHES, GYRATION)}
        notes = [f"Of the structure itself: {_told(own, GYRATION)}, {_told(own, CLASHES)}."]
        if self.draws > 1:
            notes.append("Means over the draws; their standard errors are columns of the whole table, as in files.")
        meta = {
            "structure": describe(hierarchy),
            "draws": self.draws,
            "seed": self.seed,
            "distribution": self.distribution.name,
            "itself": {name: None if math.isnan(value) else value for name, value in itself.items()},
        }
        return Table(f"{drawn}: {describe(hierarchy)}", tuple(columns), meta, tuple(notes))


def _told(damage: Damage, measure: DamageMeasure) -> str:
    value = damage.mean(measure)
    if math.isnan(value):
        return f"no {measure.name}"
    return f"{measure.name} {value:.{measure.decimals}f} {measure.unit or 'per 1,000 heavy atoms'}"


def damage_figure(study: DamageStudy, path: str | os.PathLike[str]) -> None:
    """Every measure against sigma (and z, above), a line for each weights, as a file.

    Bands are the standard deviation from draw to draw; dotted lines are the structure itself.
    """
    figure = new_figure(11.5, 6.2)
    panels = figure.subplots(2, 4, sharex=True)
    kinds = list(dict.fromkeys(row.noise for row in study.rows))
    for axes, measure in zip(panels.flat, MEASURES, strict=True):
        _panel(axes, study, measure, kinds)
    for axes in panels[1]:
        axes.set_xlabel("noise level σ (Å)")
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
    elif measure in (CLASHES, GYRATION):
        axes.axhline(own, color="0.3", ls=":", lw=1.2)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    lengths = [row.damage.mean(measure) for row in study.rows if row.damage.mean(measure) > 0]
    if measure in _LENGTHS and lengths and max(lengths) > 10 * min(lengths):
        _log_lengths(axes)
    elif measure in (*_LENGTHS, CLASHES):
        axes.set_ylim(0, None)
    else:
        axes.set_ylim(-0.03, 1.03)
    name = "clashes per 1,000 atoms" if measure is CLASHES else measure.name
    axes.set_ylabel(f"{name} (Å)" if measure.unit else name)
    axes.grid(True, color="0.88")
    axes.grid(True, which="minor", axis="x", color="0.95", lw=0.5)  # to find 8 A by eye
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


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
