"""What noise destroys, as a user asks for it: drawn and measured on the selected atoms; nothing in PyMOL is changed."""

from __future__ import annotations

from dataclasses import dataclass

from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.frames.damage import Native
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise.study.figures.damage import damage_figure
from edmnoise.study.figures.figure import is_figure

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import moved_part, reading, with_bonds
from .drawn import Draws


@dataclass(frozen=True, eq=False, repr=False)
class DamageResult(Legible):
    """What was measured, the whole table, with standard errors, and the one to print: without them, or by residue."""

    study: DamageStudy
    table: Table
    printed: Table
    notes: tuple[str, ...]


def damage(cmd: Cmd, which: Selected, draws: Draws, by: str) -> Job[DamageResult]:
    """What is left of the selected atoms at several noise levels, for several noises.

    Parameters
    ----------
    by
        "summary" for every measure, "residue" for each residue's lDDT.
    """
    source = yield from reading(cmd, which)
    part = moved_part(cmd, source, which)
    structure = with_bonds(cmd, source)

    def measure(watch: Watch) -> DamageStudy:
        watch.check(0, "finding bonds and neighbours")
        native = Native.of(structure)

        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"frame {done:,} of {total:,}")

        given = draws.noises, draws.z, draws.distribution, draws.count, draws.seed
        rows = damage_rows(native, *given, progress, part)
        return DamageStudy(native, tuple(rows), *given[2:], part)

    study = yield measure
    whole, printed = (study.by_residue,) * 2 if by == "residue" else (study.table, study.summary)
    return (yield lambda _: DamageResult(study, whole(), printed(), source.notes))


def write(result: DamageResult, path: str) -> None:
    """Write the whole table or, by the file's ending, the figure of every measure."""
    if is_figure(path):
        damage_figure(result.study, path)
    else:
        result.table.save(path)
