"""What the Design tab shows of a structure: the map over all weights as a picture and lines, and scramble points.

Closed forms on a structure that is read once: a new measure or other weights do not touch PyMOL again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.noise.design.scramble import reference_lengths, relative_names, scramble_table
from edmnoise.noise.design.triangle import CORNERS, HEIGHT, WeightMeasure, place, shares_at, weights_at
from edmnoise.noise.design.weight_map import STEPS, WeightMap, weight_map
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.weights import PRESETS, Weights, parse_weights
from edmnoise.structure.hierarchy import LEVELS, as_read
from edmnoise.structure.structure import Structure

from ...job import Job
from ...scene.ask import Cmd
from ...scene.selected import Selected
from ...scene.source import reading

Place = tuple[float, float]

WIDE, HIGH = 480, 416
"""Dots of the picture, which is 1 wide and as high as the triangle."""

_ENDS = 1, 99
"""Percentiles that get the first and the last colour: a level that hardly moves is scrambled at no noise at all, and
such a corner must not take all the colours."""

_LINES = 6
"""About as many lines of equal value."""

_SNAP = 0.02
"""Edges within which a place stands for the named weights there."""


class Known(NamedTuple):
    """A structure as it was read, and its groups in closed form."""

    structure: Structure
    forms: LevelForms
    lengths: dict[str, float]


class Reading(NamedTuple):
    """Weights, their name or "", as a command takes them, and the measure there."""

    shares: Weights
    name: str
    text: str
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class Ternary(Legible):
    """A measure over the triangle of weights, to be drawn.

    Attributes
    ----------
    made
        The map that `edm_triangle` makes.
    forms
        Of the structure: any weights are measured in a moment.
    """

    made: WeightMap
    forms: LevelForms

    @property
    def heading(self) -> str:
        """What is mapped, in few words, with its unit."""
        measure = self.made.measure
        level, length = measure.level, f"{measure.reference:.3g} Å"
        return {
            "displacement": f"displacement, {relative_names(LEVELS)[LEVELS.index(level)]} (σ)",
            "ratio": "displacement, residue / atom",
            "scramble": f"scramble z, {level} by {length}",
            "share": f"steps with {level} beyond {length} (%)",
        }[measure.name]

    @property
    def corners(self) -> dict[str, Place]:
        return {level: (float(x), float(y)) for level, (x, y) in zip(LEVELS, CORNERS, strict=True)}

    @cached_property
    def marks(self) -> dict[str, Place]:
        """The presets, and the structure's own proportions."""
        return {name: self._place(weights) for name, weights in self.made.marks.items()}

    @cached_property
    def span(self) -> tuple[float, float]:
        """Values of the first and the last colour."""
        values = self.made.values[np.isfinite(self.made.values)]
        low, high = (float(end) for end in np.percentile(values, _ENDS))
        return low, high if high > low else low + 1e-9

    @cached_property
    def ticks(self) -> tuple[float, ...]:
        """Round values between the ends: those of the lines."""
        low, high = self.span
        rough = (high - low) / _LINES
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        return tuple(k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1))

    @cached_property
    def picture(self) -> bytes:
        """Red, green, blue and opacity of HIGH rows of WIDE dots from the top; nothing outside the triangle."""
        x, y = (np.arange(WIDE) + 0.5) / WIDE, (np.arange(HIGH)[::-1] + 0.5) / HIGH * HEIGHT
        shares = shares_at(x[None, :], y[:, None])
        inside = shares.min(axis=-1) >= -1 / WIDE  # a dot more: the outline covers the steps
        colours = np.zeros((HIGH, WIDE, 4), dtype=np.uint8)
        colours[inside, :3] = self._colours(self._values(np.maximum(shares[inside], 0)))
        colours[inside, 3] = 255
        return colours.tobytes()

    @cached_property
    def scale(self) -> bytes:
        """The colours from the highest to the lowest value: one dot wide, 256 high."""
        values = np.linspace(*self.span, 256)[::-1]
        return np.concatenate([self._colours(values), np.full((256, 1), 255, np.uint8)], axis=1).tobytes()

    @cached_property
    def lines(self) -> tuple[list[float], list[float]]:
        """Lines of equal value through the triangle, at the ticks: x and y, NaN between two pieces."""
        mesh = _mesh(STEPS)
        values, spots = self.made.values[mesh], place(self.made.weights)[mesh]
        pieces = [_crossings(values, spots, tick) for tick in self.ticks]
        points = np.concatenate([np.zeros((0, 2)), *pieces])
        return points[:, 0].tolist(), points[:, 1].tolist()

    def at(self, x: float, y: float) -> Reading | None:
        """What is at a place: named weights where it is close to them; None outside the triangle."""
        near = {**self.marks, **self.corners}
        name = min(near, key=lambda name: math.dist(near[name], (x, y)))
        if math.dist(near[name], (x, y)) <= _SNAP:
            return self._named(name)
        weights = weights_at(x, y)
        if weights is None:
            return None
        text = " ".join(f"{round(share, 3):g}" for share in weights.by_name.values())
        return self._reading(parse_weights(text), "", text)

    def of(self, text: str) -> tuple[Place, Reading]:
        """Where weights are, given as a command takes them, and what is there."""
        weights = parse_weights(text)
        return self._place(weights), self._reading(weights, text if text in PRESETS else "", text)

    def words(self, value: float) -> str:
        """A value with its unit."""
        name = self.made.measure.name
        if name == "scramble":
            return f"z {value:.2f}" if math.isfinite(value) else "never"
        return {"displacement": f"{value:.3g} σ", "ratio": f"{value:.3g}", "share": f"{value:.1f} %"}[name]

    def table(self) -> Table:
        return self.made.grid

    def _named(self, name: str) -> Reading:
        if name in self.made.marks:
            weights = self.made.marks[name]
            text = name if name in PRESETS else weights.text(".4g")
            return self._reading(weights, name, text)
        text = " ".join(str(int(level == name)) for level in as_read(LEVELS))
        return self._reading(parse_weights(text), f"all {name}", text)

    def _reading(self, weights: Weights, name: str, text: str) -> Reading:
        return Reading(weights, name, text, float(self._values(weights)))

    def _values(self, weights: Weights | NDArray[np.float64]) -> NDArray[np.float64]:
        return self.made.measure.values(self.forms, weights)

    def _colours(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        low, high = self.span
        shades = np.array(PALETTES[DEFAULT_PALETTE])
        at = np.clip((np.nan_to_num(values, nan=high, posinf=high, neginf=low) - low) / (high - low), 0, 1)
        steps = np.linspace(0, 1, len(shades))
        return np.stack([255 * np.interp(at, steps, shade) for shade in shades.T], axis=-1).round().astype(np.uint8)

    @staticmethod
    def _place(weights: Weights) -> Place:
        x, y = place(weights).tolist()
        return x, y


def ternary(
    cmd: Cmd,
    which: Selected,
    measure: str,
    level: str,
    distribution: SigmaDistribution,
    kept: Known | None = None,
) -> Job[tuple[Ternary, Known]]:
    """The map of a measure, and what is known of the structure, which may be given again as ``kept``."""
    known = kept or (yield from _read(cmd, which))
    wanted = WeightMeasure(measure, level, distribution, known.lengths[level])

    def work(_: Any) -> Ternary:
        made = Ternary(weight_map(known.structure, wanted), known.forms)
        made.picture, made.lines, made.scale  # noqa: B018  here, not when they are drawn
        return made

    return (yield work), known


def scramble_points(
    cmd: Cmd,
    which: Selected,
    weights: str,
    distribution: SigmaDistribution,
    kept: Known | None = None,
) -> Job[tuple[Table, Known]]:
    """The table of `edm_scramble` for one noise, and what is known of the structure, as in `ternary`."""
    shares = parse_weights(weights)
    known = kept or (yield from _read(cmd, which))
    return (yield lambda _: scramble_table(known.structure, [shares], [distribution], known.lengths)), known


def _read(cmd: Cmd, which: Selected) -> Job[Known]:
    structure = (yield from reading(cmd, which)).structure

    def work(_: Any) -> Known:
        three = structure.without_domains().hierarchy  # of the triangle's weights
        return Known(structure, LevelForms.of(three), reference_lengths(structure))

    return (yield work)


def _mesh(steps: int) -> NDArray[np.int64]:
    """(steps^2, 3) small triangles between the weights of `edmnoise.noise.design.triangle.grid`, by their numbers."""
    chain, residue = np.divmod(np.arange((steps + 1) ** 2), steps + 1)
    inside = chain + residue <= steps
    number = np.full((steps + 2, steps + 2), -1)
    number[chain[inside], residue[inside]] = np.arange(inside.sum())
    c, r = chain[inside], residue[inside]
    upright = np.stack([number[c, r], number[c, r + 1], number[c + 1, r]], axis=1)
    hanging = np.stack([number[c, r + 1], number[c + 1, r], number[c + 1, r + 1]], axis=1)
    every = np.concatenate([upright, hanging])
    return every[every.min(axis=1) >= 0]


def _crossings(values: NDArray[np.float64], spots: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """(3 k, 2) two ends and a gap for each of k small triangles that a line of equal value goes through."""
    above = values > level
    crossed = np.isfinite(values).all(axis=1) & (above.any(axis=1) != above.all(axis=1))
    values, spots, above = values[crossed], spots[crossed], above[crossed]
    first, second = [0, 1, 2], [1, 2, 0]
    over = values[:, second] - values[:, first]
    share = (level - values[:, first]) / np.where(over == 0, 1, over)
    ends = spots[:, first] + share[..., None] * (spots[:, second] - spots[:, first])
    pairs = ends[above[:, first] != above[:, second]].reshape(-1, 2, 2)
    return np.concatenate([pairs, np.full((len(pairs), 1, 2), np.nan)], axis=1).reshape(-1, 2)
