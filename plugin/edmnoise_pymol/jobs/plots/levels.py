"""Displacement of every level against the noise level: expected, as slopes, and measured, as points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table
from edmnoise.frames.displacement import Measure, nested
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.theory.statistics import Expected
from edmnoise.noise.weights import parse_weights
from edmnoise.structure.hierarchy import as_read
from edmnoise.structure.part import Part, moving
from edmnoise.structure.structure import Structure

from ...job import Job
from ...scene.ask import Cmd
from ...scene.selected import Selected
from ...scene.source import moved_part, reading


@dataclass(frozen=True)
class Line:
    """One level of a noise: its name, what is measured of it, and its closed form.

    Attributes
    ----------
    level, label
        "residue" and "residue in chain".
    slope
        Expected RMS per coordinate in units of sigma; 0 for a level that does not move.
    """

    level: str
    label: str
    slope: float


@dataclass(frozen=True, repr=False)
class Point(Legible):
    """One object's frames: measured RMS per coordinate at each line's level, and its spread from draw to draw, in
    angstrom."""

    object: str
    sigma: float
    frames: int
    measured: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Levels(Legible):
    """Closed form of one noise on one structure, and the points that were measured of it."""

    about: str
    lines: tuple[Line, ...]
    points: tuple[Point, ...] = ()

    def table(self, distribution: SigmaDistribution, scores: Sequence[float]) -> Table:
        """One row a normal score of the closed form, then one a point."""
        sigmas = [distribution.sigma(z) for z in scores] + [point.sigma for point in self.points]
        blank = [math.nan] * len(scores)
        columns = [
            Column("object", [""] * len(scores) + [point.object for point in self.points]),
            Column("z", [distribution.z(sigma) for sigma in sigmas]),
            Column("sigma", sigmas, "A"),
        ]
        for number, line in enumerate(self.lines):
            columns += [
                Column(f"{line.label} expected", [sigma * line.slope for sigma in sigmas], "A"),
                Column(f"{line.label} measured", blank + [point.measured[number] for point in self.points], "A"),
                Column(f"{line.label} spread", blank + [point.spread[number] for point in self.points], "A"),
            ]
        return Table(f"RMS displacement per coordinate: {self.about}", tuple(columns))


def expected(
    cmd: Cmd, which: Selected, weights: str, process: str, kept: Structure | Part | None
) -> Job[tuple[Levels, Structure | Part]]:
    """Closed form of a noise that is still to be made, and the atoms, which may be given again as ``kept``."""
    noise = NoiseChoice.parse(process, parse_weights(weights))
    structure = kept
    if structure is None:
        source = yield from reading(cmd, which)
        structure = moved_part(cmd, source, which) or source.structure

    def work(_: Any) -> Levels:
        forms = closed_forms(structure, noise)
        return Levels(f"{noise.said}, not made yet", level_lines(moving(structure), forms))

    return (yield work), structure


def closed_forms(structure: Structure | Part, noise: NoiseChoice) -> dict[Measure, Expected]:
    theory, hierarchy = noise.on(structure).statistics, moving(structure).hierarchy
    return {measure: theory.displacement(measure.level, measure.relative_to) for measure in nested(hierarchy)}


def level_lines(structure: Structure, forms: Mapping[Measure, Expected]) -> tuple[Line, ...]:
    hierarchy = structure.hierarchy
    parts = as_read(nested(hierarchy))
    return tuple(Line(hierarchy.names[part.level], part.label(hierarchy), forms[part].rms()) for part in parts)
