"""The journal, put in the order of the plan -> a table for each measure: the same bytes however it was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ..base.files import replacing
from ..base.table import Column, Table
from ..noise.process import NoiseChoice
from .case import Setting
from .measures import MEASURES
from .tasks import Outcome, TaskPlan

FAILURES = "failures"
"""Name of the table of tasks without numbers."""


def tables(plan: TaskPlan, finished: Mapping[str, Outcome]) -> dict[str, Table]:
    """A table for each measure, rows in the order of the plan; tasks without numbers are left out."""
    made = {}
    for name in plan.settings.measures:
        rows = [
            (task, values)
            for task in plan.tasks()
            if task.setting.measure == name and (values := finished[task.key].values) is not None
        ]
        measure = MEASURES[name]
        columns = [Column("structure", [task.source.name for task, _ in rows])]
        columns += _axes(measure.axes, [task.setting for task, _ in rows])
        columns += [
            Column(column.name, [values.get(column.name) for _, values in rows], column.unit, help=column.help)
            for column in measure.columns
            if any(task.source.domains for task, _ in rows) or not column.of_domains
        ]
        title = f"{measure.title}: {len(plan.sources):,} structures, {plan.settings.name}"
        made[name] = Table(title, tuple(columns), {"settings": plan.settings.digest})
    return made


def failures(plan: TaskPlan, finished: Mapping[str, Outcome]) -> Table:
    """What went wrong: one row for each structure, measure and sentence, with the number of tasks."""
    wrong = [(task, outcome) for task in plan.tasks() if (outcome := finished[task.key]).values is None]
    rows: dict[tuple[str, str, str], int] = {}
    for task, outcome in wrong:
        key = task.source.name, task.setting.measure, outcome.error
        rows[key] = rows.get(key, 0) + 1
    return Table(
        f"{len(wrong):,} tasks without numbers",
        (
            Column("structure", [row[0] for row in rows]),
            Column("measure", [row[1] for row in rows]),
            Column("tasks", list(rows.values())),
            Column("why", [row[2] for row in rows]),
        ),
    )


def write_tables(plan: TaskPlan, finished: Mapping[str, Outcome], folder: Path) -> dict[str, Table]:
    """Write NAME.csv for each measure, NAME.parquet where pyarrow is installed, failures.csv where there are any.

    Returns
    -------
    dict
        The tables by measure, and the failures as "failures", which has no rows where nothing failed.

    Raises
    ------
    EdmNoiseError
        Where a file cannot be written; the journal still has everything.
    """
    made = tables(plan, finished)
    for name, table in made.items():
        table.to_csv(folder / f"{name}.csv")
        _write_parquet(table, folder / f"{name}.parquet")
    wrong = failures(plan, finished)
    if len(wrong):
        wrong.to_csv(folder / f"{FAILURES}.csv")
    else:
        (folder / f"{FAILURES}.csv").unlink(missing_ok=True)
    return {**made, FAILURES: wrong}


def label(setting: Setting, axis: str) -> Any:
    """A setting's value on an axis, as tables write it."""
    if axis == "weights":
        assert setting.weights is not None
        weighted = setting.process is None or NoiseChoice.parse(setting.process).weighted
        return setting.weights.label if weighted else ""
    if axis in ("denoiser", "sampler"):
        named = dict(getattr(setting, axis))
        name = named.pop("name")
        return " ".join([str(name), *(f"{key}={_text(value)}" for key, value in named.items())])
    return getattr(setting, axis)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(f"{part:g}" for part in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _axes(axes: Sequence[str], settings: Sequence[Setting]) -> list[Column]:
    columns = []
    for axis in axes:
        if axis == "level":
            levels = [setting.level for setting in settings if setting.level is not None]
            columns += [
                Column("z", [level.z for level in levels], decimals=2),
                Column("sigma", [level.sigma for level in levels], "A"),
            ]
        else:
            columns.append(Column(axis, [label(setting, axis) for setting in settings]))
    return columns


def _write_parquet(table: Table, path: Path) -> None:
    """Where pyarrow is installed and fits the NumPy beside it."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return
    content = pyarrow.table({column.heading: list(column.values) for column in table.columns})
    with replacing(path) as handle:
        parquet.write_table(content, handle)


def summary(plan: TaskPlan, finished: Mapping[str, Outcome]) -> list[str]:
    """What to tell a person at the end, a line each."""
    wrong = failures(plan, finished)
    good = len(plan) - sum(wrong["tasks"])
    lines = [f"{good:,} of {len(plan):,} tasks have numbers: {len(plan.sources):,} structures, {len(plan.rows)} each"]
    for name, group in groupby(wrong.rows(), lambda row: row["structure"]):
        rows = list(group)
        count = sum(row["tasks"] for row in rows)
        lines.append(f"{name}: {rows[0]['why']} ({count} task{'' if count == 1 else 's'})")
    return lines
