"""A measure over the whole triangle of weights, with the presets and the structure's own proportions marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...base.legible import Legible
from ...base.table import Column, Table
from ...structure.hierarchy import LEVELS, as_read
from ...structure.structure import Structure, describe
from ..theory.forms import Array, LevelForms, share_rows
from ..theory.scales import measured_scales
from ..weights import PRESETS, Weights
from .triangle import WeightMeasure, grid, proportions

STEPS = 99
"""Steps along an edge of the triangle: 5,050 weights."""

OWN = "this structure"
"""What the weights in proportion to a structure's own data scales are called."""


@dataclass(frozen=True, eq=False, repr=False)
class WeightMap(Legible):
    """A measure of one structure over all weights.

    Attributes
    ----------
    title
        What the structure is.
    measure
        What was mapped.
    weights
        (n, 3) atom, residue, chain at even steps over the triangle.
    values
        (n,) in the measure's unit; infinite where a level never gets as far as its reference length.
    marks
        Weights that have a name: the presets, and OWN.
    marked
        The measure at each of them.
    """

    title: str
    measure: WeightMeasure
    weights: Array
    values: Array
    marks: Mapping[str, Weights]
    marked: Mapping[str, float]

    @property
    def table(self) -> Table:
        """The weights that have a name, with their values."""
        first = Column("weights", list(self.marks))
        return self._table((first, *_columns(share_rows([*self.marks.values()]), np.array(list(self.marked.values())))))

    @property
    def grid(self) -> Table:
        """All weights, with their values."""
        return self._table(_columns(self.weights, self.values))

    def _table(self, columns: tuple[Column, ...]) -> Table:
        measure = self.measure
        meta = {"measure": measure.name, "level": measure.level, "distribution": measure.distribution.name}
        return Table(f"{measure.text('A')}: {self.title}", columns, meta)


def weight_map(structure: Structure, measure: WeightMeasure, steps: int = STEPS) -> WeightMap:
    """Map a measure over the triangle of weights: closed forms, nothing is drawn.

    Parameters
    ----------
    structure
        Its groups, atoms in residues in chains, give the measure; its coordinates its own proportions. The triangle is
        of three weights: domains are passed over.
    measure
        What to map.
    steps
        Steps along an edge of the triangle.

    Raises
    ------
    EdmNoiseError
        Where no noise moves the level that is measured, as the chain of a structure of one.
    """
    structure = structure.without_domains()
    forms, weights = LevelForms.of(structure.hierarchy), grid(steps)
    marks = {name: Weights.named(name) for name in PRESETS} | {OWN: proportions(forms, measured_scales(structure))}
    marked = measure.values(forms, [*marks.values()])
    values = measure.values(forms, weights)
    return WeightMap(
        describe(structure.hierarchy), measure, weights, values, marks, dict(zip(marks, marked.tolist(), strict=True))
    )


def _columns(weights: Array, values: Array) -> tuple[Column, ...]:
    levels = as_read(enumerate(LEVELS))
    shares = (Column(level, weights[:, k].tolist(), decimals=4, help="weight") for k, level in levels)
    return (*shares, Column("value", [value if np.isfinite(value) else np.nan for value in values.tolist()]))
