"""What states of a molecule have kept of a reference: each measure of `frames.damage`, lDDT of each residue too.

The states are there already: a trajectory's, an NMR ensemble's, those of a model's samples. Nothing is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..base.coordinates import CoordinatesLike
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..frames.damage import Native, measure_damage, measure_sets
from ..frames.damage_measures import LDDT, MEASURES, DamageMeasure
from ..settings.results import QUALITY_BY
from ..structure.structure import describe


@dataclass(frozen=True, eq=False, repr=False)
class QualityStudy(Legible):
    """Every measure of every state.

    Attributes
    ----------
    native
        The reference, and what there was to be kept of it.
    states
        (S,) what the states are called in tables.
    by_state
        For each measure (S,); NaN where the reference has nothing that the measure could count.
    lddt
        (S, R) lDDT of each residue in each state; NaN for a residue without neighbours.
    origin
        What the reference is, as a sentence says it ("state 1 of nmr"); "" for nothing to say.
    notes
        What is to be said of all tables, one sentence each.
    """

    native: Native
    states: tuple[int, ...]
    by_state: dict[DamageMeasure, NDArray[np.float64]]
    lddt: NDArray[np.float64]
    origin: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def itself(self) -> dict[DamageMeasure, float]:
        """What the reference is worth by itself: its clashes and its size, which compare with nothing."""
        own = measure_damage(self.native, [self.native.structure.coordinates[None]])
        return {measure: own.mean(measure) for measure in MEASURES if measure.of_itself}

    def table(self, by: str = "summary") -> Table:
        """A row a measure ("summary"), a state or a residue."""
        columns = {"summary": self._summary, "state": self._by_state, "residue": self._by_residue}[
            QUALITY_BY.read(by)
        ]()
        count, about = len(self.states), describe(self.native.structure.hierarchy)
        from_ = f"Measured from {self.origin}." if self.origin else ""
        meta = {"structure": about, "states": list(self.states), "origin": self.origin}
        title = f"{count} state{'' if count == 1 else 's'}: {about}"
        return Table(title, tuple(columns), meta, tuple(filter(None, [from_, *self.notes])))

    def _shown(self) -> Table:
        return self.table()

    def _summary(self) -> list[Column]:
        values = [self.by_state[measure] for measure in MEASURES]
        spread = [float(each.std(ddof=1)) if len(each) > 1 else math.nan for each in values]
        return [
            Column("measure", [measure.name for measure in MEASURES]),
            Column("mean", [float(each.mean()) for each in values], help="over the states"),
            Column("spread", spread, help="standard deviation among the states"),
            Column("lowest", [float(each.min()) for each in values]),
            Column("highest", [float(each.max()) for each in values]),
            Column("reference", [self.itself.get(measure, math.nan) for measure in MEASURES], help="its own"),
            Column("unit", [measure.unit for measure in MEASURES]),
        ]

    def _by_state(self) -> list[Column]:
        return [
            Column("state", list(self.states)),
            *(Column(m.name, self.by_state[m].tolist(), m.unit, m.decimals, m.help) for m in MEASURES),
        ]

    def _by_residue(self) -> list[Column]:
        structure = self.native.structure
        first, atoms = structure.first_atoms, structure.atoms
        worst = np.where(np.isnan(self.lddt), np.inf, self.lddt).argmin(axis=0)
        return [
            Column("chain", atoms.chain[first].tolist()),
            Column("residue", atoms.residue_name[first].tolist()),
            Column("number", atoms.number[first].tolist()),
            Column(LDDT.name, self.lddt.mean(axis=0).tolist(), help=f"mean over the states: {LDDT.help}"),
            Column("lowest", self.lddt.min(axis=0).tolist(), help="in any state"),
            Column("in state", [self.states[row] for row in worst.tolist()], help="that has the lowest"),
        ]


def measure_quality(
    native: Native,
    frames: Iterable[CoordinatesLike],
    states: Sequence[int] = (),
    origin: str = "",
    notes: tuple[str, ...] = (),
    measured: Callable[[int], object] = lambda frames: None,
) -> QualityStudy:
    """Measure each state against the reference.

    Parameters
    ----------
    native
        Of the reference, from `Native.of`.
    frames
        The states, each (1, N, 3), angstrom.
    states
        What they are called; counted from 1 where not given.
    origin, notes
        As in `QualityStudy`.
    measured
        Told of the number of states that have been measured, some at a time; what it raises ends the work.

    Raises
    ------
    EdmNoiseError
        For no states, a wrong shape, and coordinates that are not finite.

    Examples
    --------
    >>> from edmnoise.structure.atoms import Atoms
    >>> from edmnoise.structure.structure import Structure
    >>> atoms = Atoms.make(["CA", "CA"], ["C", "C"], ["GLY", "GLY"], [1, 2], ["A", "A"], ["", ""], [False] * 2)
    >>> pair = Structure.from_atoms([[0, 0, 0], [3.8, 0, 0]], atoms)
    >>> moved = np.array([[[0, 0, 0], [5.3, 0, 0]]], np.float32)
    >>> measure_quality(Native.of(pair), [pair.coordinates[None], moved]).by_state[LDDT].tolist()
    [1.0, 0.5]
    """
    found = list(measure_sets(native, ([frame] for frame in frames), measured))
    if not found:
        raise EdmNoiseError("no states to measure: give at least one")
    by_state = {measure: np.concatenate([damage.by_frame[measure] for damage in found]) for measure in MEASURES}
    lddt = np.stack([damage.lddt_by_residue for damage in found])
    return QualityStudy(native, tuple(states or range(1, len(found) + 1)), by_state, lddt, origin, notes)
