"""What each level of a sampling run still has to go, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table
from edmnoise.frames.displacement import nested
from edmnoise.structure.hierarchy import as_read
from edmnoise.trajectories.freeze_out import FROZEN, moves
from edmnoise.trajectories.run import Run

from ...job import Job


@dataclass(frozen=True, repr=False)
class Way(Legible):
    """RMS per coordinate that a level still has to go at each step, and the noise level at which nine tenths of it are
    done, NaN where it never moved or the run was cancelled; in angstrom."""

    level: str
    label: str
    denoised: tuple[float, ...]
    noisy: tuple[float, ...]
    frozen: float

    @property
    def moves(self) -> bool:
        return moves(self.denoised) or moves(self.noisy)

    @property
    def shown(self) -> tuple[float, ...]:
        """The estimates' way, or that of x where there are none."""
        return self.denoised if math.isfinite(self.denoised[0]) else self.noisy

    @property
    def threshold(self) -> float:
        """What is left to go where the level is frozen out."""
        return FROZEN * self.denoised[0]


@dataclass(frozen=True, eq=False, repr=False)
class FreezeOut(Legible):
    """What a sampling run does to chains, residues and atoms, and when."""

    steps: tuple[int, ...]
    sigmas: tuple[float, ...]
    ways: tuple[Way, ...]
    samples: int
    partial: bool

    def table(self) -> Table:
        """One row a recorded step."""
        columns = [Column("step", self.steps), Column("sigma", self.sigmas, "A")]
        for way in self.ways:
            columns.append(Column(f"denoised {way.label} to go", way.denoised, "A"))
            columns.append(Column(f"noisy {way.label} to go", way.noisy, "A"))
        return Table("RMS per coordinate still to go", tuple(columns))


def freeze_out(run: Run) -> Job[FreezeOut]:
    """What each level of a sampling run still has to go, step by step; EdmNoiseError where no levels are known."""

    def work(_: Any) -> FreezeOut:
        if not all(map(math.isfinite, run.sigmas.tolist())):
            raise EdmNoiseError("no levels are known of these steps: give edm_trace their schedule")
        denoised, noisy, frozen = run.to_go("denoised"), run.to_go("noisy"), run.freeze_out()
        names = run.structure.hierarchy.names
        ways = tuple(
            Way(
                names[part.level],
                part.label(run.structure.hierarchy),
                tuple(denoised[part].tolist()),
                tuple(noisy[part].tolist()),
                frozen[part],
            )
            for part in as_read(nested(run.structure.hierarchy))
        )
        return FreezeOut(tuple(run.steps.tolist()), tuple(run.sigmas.tolist()), ways, len(run.final), run.partial)

    return (yield work)
