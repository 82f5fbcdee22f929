"""What a sweep found, as one HTML page that holds its own figures."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import EdmNoiseError
from ..base.files import replacing
from ..base.table import Column, Table
from ..study.figures.figure import new_figure
from .measures import MEASURES
from .results import FAILURES, label
from .tasks import TaskPlan

NAME = "report.html"

_SHOWN = 200
"""Most rows of a table on the page."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0 }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th { vertical-align: bottom } td.text, th.text { text-align: left } img { max-width: 100% }
"""


def write_report(plan: TaskPlan, made: Mapping[str, Table], folder: Path) -> Path:
    """Write report.html: settings, failures, and for each measure its mean over structures, as table and figure.

    Figures need matplotlib; without it the page says so. Nothing on the page depends on when or how it was made.

    Parameters
    ----------
    plan
        What was to be done.
    made
        Tables of `edmnoise.sweep.results.write_tables`.
    folder
        Where the page goes.
    """
    parts = [f"<h1>{html.escape(plan.settings.name)}</h1>", _settings(plan)]
    wrong = made[FAILURES]
    if len(wrong):
        parts.append(f"<h2>Without numbers</h2>{_table(wrong)}")
    for name in plan.settings.measures:
        mean = averaged(made[name], MEASURES[name].axes)
        parts.append(f"<h2>{html.escape(MEASURES[name].title)}</h2>")
        parts.append(
            f"<p>Means over structures and seeds; each row is in {name}.csv. Displacements are RMS per coordinate."
        )
        if len(made[name]):
            parts.append(_picture(name, made[name]))
        parts.append(_table(mean))
    text = "\n".join(parts)
    page = f'<!doctype html><meta charset="utf-8"><title>{html.escape(plan.settings.name)}</title>'
    page += f"<style>{_STYLE}</style>\n{text}\n"
    path = folder / NAME
    with replacing(path) as handle:
        handle.write(page.encode())
    return path


def averaged(table: Table, axes: Sequence[str]) -> Table:
    """Means of the numbers of a measure's table over structures and seeds, a row for each of its other settings."""
    named = [name for axis in axes if axis != "seed" for name in (("z", "sigma") if axis == "level" else (axis,))]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(zip(*(table[name] for name in named), strict=True)):
        groups.setdefault(key, []).append(place)
    columns = []
    for column in table.columns:
        if column.name in named:
            values: list[Any] = [column.values[places[0]] for places in groups.values()]
        elif column.name in ("structure", "seed"):
            continue
        else:
            values = [_mean([column.values[place] for place in places]) for places in groups.values()]
        columns.append(Column(column.name, values, column.unit, column.decimals, column.help))
    columns.append(Column("rows", [len(places) for places in groups.values()]))
    return Table("Means over structures and seeds", tuple(columns))


def _mean(values: Sequence[Any]) -> float:
    there = [value for value in values if isinstance(value, int | float) and not math.isnan(value)]
    return math.fsum(there) / len(there) if there else math.nan


def _settings(plan: TaskPlan) -> str:
    settings = plan.settings
    first = ", ".join(settings.structures[:5]) + (" ..." if len(settings.structures) > 5 else "")
    rows = {
        "structures": f"{len(settings.structures):,}: {first}",
        "tasks": f"{len(plan):,}",
        "noise levels": f"{settings.distribution.name}: z " + ", ".join(f"{level.z:.3g}" for level in settings.levels),
        "weights": ", ".join(weights.label for weights in settings.weights),
        "seeds": ", ".join(map(str, settings.seeds)),
        "draws": f"{settings.draws} a row, {'fresh in each row' if settings.fresh else 'the same, scaled'}",
    }
    denoisers = dict.fromkeys(label(row, "denoiser") for row in plan.rows if row.denoiser is not None)
    if denoisers:
        rows["denoisers"] = ", ".join(denoisers)
    samplers = dict.fromkeys(label(row, "sampler") for row in plan.rows if row.sampler is not None)
    if samplers:
        rows["samplers"] = f"{', '.join(samplers)}; {settings.samples} a row"
    cells = (f'<tr><td class="text">{k}<td class="text">{html.escape(v)}' for k, v in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _table(table: Table) -> str:
    text = [any(isinstance(value, str) for value in column.values) for column in table.columns]
    mark = ["<{} class=text>" if is_text else "<{}>" for is_text in text]
    head = "".join(m.format("th") + html.escape(c.heading) for m, c in zip(mark, table.columns, strict=True))
    rows = []
    for number in range(min(len(table), _SHOWN)):
        cells = (
            m.format("td") + html.escape(c.cell(c.values[number])) for m, c in zip(mark, table.columns, strict=True)
        )
        rows.append(f"<tr>{''.join(cells)}")
    more = f"<p>{len(table) - _SHOWN:,} more rows" if len(table) > _SHOWN else ""
    return f"<table><tr>{head}\n" + "\n".join(rows) + f"</table>{more}"


def _picture(name: str, table: Table) -> str:
    try:
        figure = measure_figure(name, table)
    except EdmNoiseError as error:
        return f"<p>{html.escape(str(error))}"
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def measure_figure(name: str, table: Table) -> Any:
    """A measure's drawn columns, an axis each: against sigma where it has noise levels, otherwise a box a setting.

    Points are means over structures and seeds, shades the middle 80 % of them, lines what is expected.

    Raises
    ------
    EdmNoiseError
        Without matplotlib.
    """
    measure = MEASURES[name]
    there = {column.name for column in table.columns if any(value is not None for value in column.values)}
    panels = [drawn for drawn in measure.drawn if drawn in there]
    figure = new_figure(4.2 * len(panels), 3.8)
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    columns = {column.name: column for column in measure.columns}
    groups = _groups(table, [axis for axis in measure.axes if axis not in ("seed", "level")])
    for axes, drawn in zip(every, panels, strict=True):
        column = columns[drawn]
        if "level" in measure.axes:
            _against_sigma(axes, table, groups, drawn, column.expected)
            axes.set(xscale="log", yscale="log" if column.unit else "linear", xlabel="noise level σ (Å)")
            axes.xaxis.set_major_formatter("{x:g}")
        else:
            values = [[v for v in (table[drawn][i] for i in places) if v is not None] for places in groups.values()]
            axes.boxplot(values, orientation="horizontal", whis=(10, 90), showfliers=False)
            axes.set_yticks(range(1, len(groups) + 1), list(groups))
            axes.set_xlabel("σ (Å)" if column.unit else "")
        axes.set_title(f"{drawn} ({'Å' if column.unit == 'A' else column.unit})" if column.unit else drawn, fontsize=10)
        axes.grid(True, color="0.9")
    if "level" in measure.axes:
        figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _groups(table: Table, axes: Sequence[str]) -> dict[str, list[int]]:
    """Rows by what the axes say, an axis that has one value left out."""
    told = [axis for axis in axes if len(set(table[axis])) > 1] or axes[:1]
    groups: dict[str, list[int]] = {}
    for place, key in enumerate(zip(*(table[axis] for axis in told), strict=True)):
        groups.setdefault(", ".join(filter(None, map(str, key))), []).append(place)  # some processes have no weights
    return groups


def _against_sigma(
    axes: Any, table: Table, groups: Mapping[str, Sequence[int]], drawn: str, expected: str | None
) -> None:
    sigma = np.array(table["sigma"])
    measured = np.array(table[drawn], dtype=np.float64)
    theory = None if expected is None else np.array(table[expected], dtype=np.float64)
    for number, (name, rows) in enumerate(groups.items()):
        places, colour = np.array(rows), f"C{number % 10}"
        levels = np.unique(sigma[places])
        at = [places[sigma[places] == level] for level in levels]
        means = [np.nanmean(measured[rows_of]) for rows_of in at]
        low, high = (np.array([np.nanquantile(measured[rows_of], q) for rows_of in at]) for q in (0.1, 0.9))
        axes.plot(levels, means, "o" if expected else "o-", color=colour, ms=4, label=name)
        axes.fill_between(levels, low, high, color=colour, alpha=0.15, lw=0)
        if theory is not None and np.isfinite(theory[places]).any():  # not where a noise process has no closed forms
            axes.plot(levels, [np.nanmean(theory[rows_of]) for rows_of in at], color=colour, lw=1)
