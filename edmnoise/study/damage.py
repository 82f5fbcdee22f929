"""What noise destroys, over noise levels and weights: tables with standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..base.coordinates import CoordinatesLike
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..frames.damage import Damage, Native, measure_damage, measure_sets
from ..frames.damage_measures import LDDT, MEASURES, DamageMeasure
from ..noise.process import NoiseChoice
from ..noise.sigma import SigmaDistribution
from ..noise.weights import Weights
from ..structure.part import Part, described
from .levels import noise_column


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
    part: Part | None = None,
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
    part
        Which atoms move; all where not given. What is left is measured of the whole, whose held atoms are untouched.

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

    def frames(k: int, noise: NoiseChoice, sigma: float) -> Iterator[CoordinatesLike]:
        numbers = range(k * draws, (k + 1) * draws)
        if part is None:
            return noise.on(structure).blocks(sigma, numbers, seed, structure.coordinates)
        blocks = noise.on(part).blocks(sigma, numbers, seed, part.structure.coordinates)
        return (part.filled(block.numpy()) for block in blocks)

    drawn = (frames(k, noise, sigma) for k, (noise, (_, sigma)) in enumerate(asked))
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
    distribution, draws, seed, part
        As given to `damage_rows`.
    """

    native: Native
    rows: tuple[DamageRow, ...]
    distribution: SigmaDistribution
    draws: int
    seed: int
    part: Part | None = None

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
            noise_column([row.noise for row in rows], self.native.structure.hierarchy),
            Column("z", [row.z for row in rows], decimals=2),
            Column("sigma", [row.sigma for row in rows], "A"),
        ]

    def _table(self, columns: list[Column]) -> Table:
        about = described(self.part or self.native.structure)
        drawn = f"{self.draws} draw{'' if self.draws == 1 else 's'} a row, seed {self.seed}"
        own = self.untouched
        themselves = [measure for measure in MEASURES if measure.of_itself]
        itself = {measure.name: own.mean(measure) for measure in themselves}
        notes = [f"Of the structure itself: {', '.join(_told(own, measure) for measure in themselves)}."]
        if self.draws > 1:
            notes.append("Means over the draws; their standard errors are columns of the whole table, as in files.")
        meta = {
            "structure": about,
            "draws": self.draws,
            "seed": self.seed,
            "distribution": self.distribution.name,
            "itself": {name: None if math.isnan(value) else value for name, value in itself.items()},
        }
        return Table(f"{drawn}: {about}", tuple(columns), meta, tuple(notes))


def _told(damage: Damage, measure: DamageMeasure) -> str:
    value = damage.mean(measure)
    if math.isnan(value):
        return f"no {measure.name}"
    return f"{measure.name} {value:.{measure.decimals}f} {measure.unit or 'per 1,000 heavy atoms'}"
