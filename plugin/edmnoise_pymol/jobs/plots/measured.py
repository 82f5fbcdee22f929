"""What is measured of the object that is shown: every level, and each residue along the sequence.

Jobs read PyMOL a few frames at a time and measure in the worker: the window waits for neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table
from edmnoise.frames.displacement import Displacement, Measure, measure_displacement, nested
from edmnoise.noise.process import AppliedNoise, NoClosedForm, NoiseChoice
from edmnoise.structure.hierarchy import as_read
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import RESIDUE_IN_CHAIN

from ...job import Job, Work
from ...scene import ask
from ...scene.ask import Cmd
from ...scene.source import current_state
from .. import ensemble
from ..ensemble import Ensemble
from ..noise import NoiseResult
from .levels import Levels, Point, closed_forms, level_lines

_BLOCK_ATOMS = 1 << 18
"""Atoms in the frames that are read at a time: some milliseconds of PyMOL's thread."""


_GAP = 0.02
"""Room between two chains of the sequence, as a share of all residues."""


class Residue(NamedTuple):
    """As a person reads it, and as PyMOL tells it from others."""

    chain: str
    name: str
    number: str
    segment: str

    def __str__(self) -> str:
        return f"{self.chain} {self.name} {self.number}".strip()


class Chain(NamedTuple):
    """A chain's letter, and the places of its first and last residue on the axis."""

    letter: str
    first: float
    last: float


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Legible):
    """How far an object's states 2, 3, ... are from state 1: per level, and along the sequence.

    Attributes
    ----------
    object, frames
        What was measured.
    levels
        Closed form and point; None for frames of unknown origin, and of noise without closed forms.
    noise
        How the frames were made, where that is known.
    chains, residues
        In the order of the sequence.
    place
        Of each residue on the axis: counted through, with gaps between the chains.
    mean
        RMS displacement per coordinate of each residue in its chain (or domain) over the frames, angstrom.
    expected
        The same in closed form; empty where there are no levels.
    found, order
        The reference and its states, and the group of each residue.
    """

    object: str
    frames: int
    levels: Levels | None
    noise: NoiseChoice | None
    chains: tuple[Chain, ...]
    residues: tuple[Residue, ...]
    place: tuple[float, ...]
    mean: tuple[float, ...]
    expected: tuple[float, ...]
    found: Ensemble
    order: NDArray[np.int64]

    def at(self, sigma: float) -> Curves:
        """The same draws at another level than 1 angstrom: all that is measured of noise scales with it."""
        levels = self.levels and replace(
            self.levels,
            points=tuple(
                replace(
                    point,
                    sigma=sigma,
                    measured=tuple(sigma * value for value in point.measured),
                    spread=tuple(sigma * value for value in point.spread),
                )
                for point in self.levels.points
            ),
        )
        mean, wanted = (tuple(sigma * value for value in values) for values in (self.mean, self.expected))
        return replace(self, levels=levels, mean=mean, expected=wanted)

    @property
    def around(self) -> str:
        """What residues are measured in: "chain", or "domain" where there are any."""
        return self.found.structure.hierarchy.names[2]

    @cached_property
    def numbers(self) -> dict[tuple[str, str, str], int]:
        """Which residue has a segment, a chain and a number."""
        return {(r.segment, r.chain, r.number): k for k, r in enumerate(self.residues)}

    def atoms(self, residue: int) -> list[int]:
        """PyMOL's indices of a residue's atoms in the object."""
        group = self.found.structure.hierarchy.ancestors(0, 1)
        return [self.found.source.index[i] for i in np.flatnonzero(group == self.order[residue]).tolist()]

    def table(self, state: int = 0, now: Sequence[float] = ()) -> Table:
        """One row a residue; with the values of one state where they are given."""
        columns = [
            Column("chain", [residue.chain for residue in self.residues]),
            Column("residue", [residue.name for residue in self.residues]),
            Column("number", [residue.number for residue in self.residues]),
            Column(f"in {self.around}, RMS over frames", self.mean, "A"),
        ]
        if self.expected:
            columns.append(Column(f"in {self.around}, expected", self.expected, "A"))
        if now:
            columns.append(Column(f"in {self.around}, state {state}", now, "A"))
        return Table(f"{self.object}, {self.frames} frames: displacement along the sequence", tuple(columns))


def measured(cmd: Cmd, name: str) -> Job[Curves]:
    """Measure an object of two or more states, in one reading.

    Raises
    ------
    EdmNoiseError
        Where its states do not hold the same atoms.
    """
    found = yield from ensemble.read(cmd, name)
    made, structure, frames = found.made, found.structure, len(found.states)
    total: dict[Measure, NDArray[np.float64]] = {}
    size = max(1, _BLOCK_ATOMS // structure.n_atoms)
    for first in range(0, frames, size):
        block = [found.read(state) for state in found.states[first : first + size]]
        part: Displacement = yield _nested(structure, block)
        for measure, squares in part.by_group.items():
            total[measure] = total.get(measure, 0) + squares * part.frames

    def work(_: Any) -> Curves:
        squares = {measure: values / frames for measure, values in total.items()}
        return measured_of(found, frames, squares, made.applied if made else None)

    return (yield work)


def measured_of(
    found: ensemble.Ensemble,
    frames: int,
    squares: Mapping[Measure, NDArray[np.float64]],
    made: AppliedNoise | None,
) -> Curves:
    """What is known from the mean squares of each group, and from how the frames were made."""
    structure, levels, wanted = found.structure, None, np.zeros(0)
    order, chains, residues, place = _sequence(structure)
    try:
        forms = closed_forms(found.part or structure, made.noise) if made else None
    except NoClosedForm:
        forms = None
    if made and forms:
        sigma = made.sigma
        parts = as_read(nested(structure.hierarchy))
        moved = tuple(math.sqrt(float(squares[part].mean())) for part in parts)
        spread = tuple(forms[part].rms_sd(frames, sigma) for part in parts)
        point = Point(found.object, sigma, frames, moved, spread)
        levels = Levels(f"{found.object}, {made.noise.label}", level_lines(structure, forms), (point,))
        wanted = sigma * np.sqrt(np.maximum(forms[RESIDUE_IN_CHAIN].each, 0))[order]
    return Curves(
        object=found.object,
        frames=frames,
        levels=levels,
        noise=made.noise if made else None,
        chains=chains,
        residues=residues,
        place=place,
        mean=tuple(np.sqrt(squares[RESIDUE_IN_CHAIN])[order].tolist()),
        expected=tuple(wanted.tolist()),
        found=found,
        order=order,
    )


def with_others(shown: Curves, results: Mapping[str, Any]) -> Levels | None:
    """The shown object's levels, with the points of all other frames of the same structure and noise."""
    if shown.levels is None or shown.noise is None:
        return None
    points = list(shown.levels.points)
    structure, wanted = shown.found.structure, [line.label for line in shown.levels.lines]
    for name, result in results.items():
        if name == shown.object or not isinstance(result, NoiseResult):
            continue
        made, table = result.provenance, result.table
        if not (made.noise.close_to(shown.noise) and _same(structure, result.structure)):
            continue
        rows = [table["displacement"].index(label) for label in wanted]
        points.append(
            Point(
                name,
                made.sigma,
                table.meta["frames"],
                tuple(table["measured"][row] for row in rows),
                tuple(table["spread"][row] for row in rows),
            )
        )
    return Levels(shown.levels.about, shown.levels.lines, tuple(points))


def this_frame(cmd: Cmd, shown: Curves) -> Job[tuple[int, tuple[float, ...]]]:
    """The state that PyMOL shows, and each residue's displacement in it: none in the reference, state 0 for none."""
    try:
        state = current_state(cmd, shown.object)
    except EdmNoiseError:
        return 0, ()
    if state == 1:
        return 1, ()
    structure = shown.found.structure
    frame = shown.found.read(state)

    def work(_: Any) -> tuple[float, ...]:
        moved = measure_displacement(structure, [frame], only=[RESIDUE_IN_CHAIN])
        return tuple(np.sqrt(moved.by_group[RESIDUE_IN_CHAIN])[shown.order].tolist())

    return state, (yield work)


def picked(cmd: Cmd, shown: Curves) -> list[int]:
    """Residues that the user has selected with the mouse, in whatever object."""
    found = set(ask.picked(cmd, "segi, chain, resi"))
    return sorted(shown.numbers[key] for key in found if key in shown.numbers)


def _nested(structure: Structure, frames: list[NDArray[np.float32]]) -> Work:
    return lambda _: measure_displacement(structure, frames, only=nested(structure.hierarchy))


def _same(one: Structure, other: Structure) -> bool:
    """Whether both are the same atoms, groups and places."""
    mine, theirs = one.hierarchy, other.hierarchy
    groups = mine.names == theirs.names and all(map(np.array_equal, mine.parents, theirs.parents))
    return groups and np.array_equal(one.coordinates, other.coordinates)


def _sequence(
    structure: Structure,
) -> tuple[NDArray[np.int64], tuple[Chain, ...], tuple[Residue, ...], tuple[float, ...]]:
    """Residues chain by chain: their groups, the chains, the residues, and where each of them is on the axis."""
    home, first, atoms = (
        structure.hierarchy.ancestors(1, structure.hierarchy.depth - 1),
        structure.first_atoms,
        structure.atoms,
    )
    order = np.argsort(home, kind="stable")
    at = first[order]
    columns = (atoms.chain[at], atoms.residue_name[at], atoms.number[at], atoms.segment[at])
    residues = tuple(map(Residue, *(column.tolist() for column in columns)))
    gap = max(1, round(_GAP * len(order)))
    number = np.cumsum(np.diff(home[order], prepend=home[order[0]]) != 0)
    place = np.arange(len(order), dtype=np.float64) + gap * number
    chains = []
    for chain in range(int(number[-1]) + 1):
        members = np.flatnonzero(number == chain)
        start = residues[members[0]]
        letter = start.chain or start.segment or "blank"
        chains.append(Chain(letter, float(place[members[0]]), float(place[members[-1]])))
    return order, tuple(chains), residues, tuple(place.tolist())
