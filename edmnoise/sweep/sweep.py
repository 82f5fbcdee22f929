"""Study -> plan -> journal -> tables and report: a sweep from its file to its results."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Table
from .journal import open_journal
from .pools import Pool
from .report import write_report
from .results import FAILURES, summary, write_tables
from .run import Progress, compute
from .study import Study
from .tasks import Outcome, TaskPlan, plan


@dataclass(frozen=True, eq=False, repr=False)
class Swept(Legible):
    """A finished sweep.

    Attributes
    ----------
    plan
        What was done.
    folder
        Where its files are: NAME.csv of each measure, report.html, the journal.
    tables
        By measure, and "failures".
    lines
        What to tell a person: the number of tasks, and what went wrong with which structure.
    again
        Tasks that failed in a way that the next run tries again, such as a worker that was lost.
    """

    plan: TaskPlan
    folder: Path
    tables: Mapping[str, Table]
    lines: tuple[str, ...]
    again: int

    @property
    def failed(self) -> int:
        """Tasks without numbers."""
        return sum(self.tables[FAILURES]["tasks"])

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables and the report."""
        return (*(self.folder / f"{name}.csv" for name in self.plan.settings.measures), self.folder / "report.html")


def sweep(
    settings: Study, folder: str | os.PathLike[str], pool: AbstractContextManager[Pool]
) -> Generator[Progress, None, Swept]:
    """Do what a study asks for, or the part of it that is not done yet.

    Parameters
    ----------
    settings
        From `edmnoise.sweep.settings.read_settings`.
    folder
        Of results; made where it is missing, gone on with where it holds this study.
    pool
        `local_pool`, `dask_pool`, or what else gives a `Pool`; not entered where nothing is left to do.

    Yields
    ------
    Progress
        While tasks are done. The generator's value is a `Swept`.

    Raises
    ------
    EdmNoiseError
        Where the folder holds something else, the disk is full, or the workers are gone; the sentence says how much is
        kept. The same call goes on from there.
    """
    folder = Path(folder).expanduser()
    header = {"sweep": settings.name, "version": __version__, "settings": settings.digest, "facts": settings.facts}
    unfinished: list[Outcome] = []
    with open_journal(folder, header) as journal:
        planned = plan(settings)
        try:
            if any(task.key not in journal.finished for task in planned.tasks()):
                with pool as workers:
                    yield from compute(planned, journal, workers, unfinished)
            outcomes = {**journal.finished, **{outcome.key: outcome for outcome in unfinished}}
            made = write_tables(planned, outcomes, folder)
            write_report(planned, made, folder)
        except EdmNoiseError as error:
            done = sum(task.key in journal.finished for task in planned.tasks())
            kept = f"{done:,} of {len(planned):,} tasks are kept: the same command goes on from there"
            raise EdmNoiseError(f"{error} ({kept})") from error
    return Swept(planned, folder, made, tuple(summary(planned, outcomes)), len(unfinished))
