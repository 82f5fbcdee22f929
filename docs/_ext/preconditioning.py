"""What ``docs/data/preconditioning.csv`` says, as tables, a figure, and numbers in sentences.

``.. filled::`` is text in which `{rmsd 0 0: flat, global}` stands for the mean and the standard deviation over seeds
of a column of the file, for runs of one noise and rule. `{chain 1-4: flat, global}` is the mean over the levels of a
band first, and in `{rmsd 1 1 - rmsd 0 0: flat, global}` columns are subtracted, run by run. `{seeds}` and `{steps}` are
those of the runs, `{worst}` is their largest error over the least one. No measured number is typed on the page itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from docutils import nodes
from drawn import encoded
from numpy.typing import NDArray
from sources import ROOT, depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import table

from edmnoise.base.colours import SERIES_COLOURS
from edmnoise.structure.hierarchy import PARTS
from edmnoise.study.figures.figure import new_figure

DATA = ROOT / "docs" / "data" / "preconditioning.csv"

BANDS = ("0.1-0.5", "1-4", "8-32")
"""Of noise levels, angstrom, both ends inside."""

NOISES = {"flat": "flat", "rebalanced": "1/4/4"}
RULES = ("global", "finite")
STEERINGS = {"0 0": "none", "1 1": "residues, chains"}
JUDGED = {"rmsd": "RMSD (Å)", "lddt": "lDDT", "mirror": "mirror images", "state1": "state 1"}

PLACE = re.compile(r"\{([^{}]+)\}")


def rows() -> list[dict[str, str]]:
    """The file's rows, by column."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(what: str, noise: str, rule: str) -> NDArray[np.float64]:
    """A column, or a part in a band, over the seeds of a noise and rule; KeyError where the file has none."""
    found = [row for row in rows() if (row["noise"], row["rule"]) == (noise, rule)]
    if not found:
        raise KeyError(f"no run with the noise {noise} and the rule {rule}")
    wanted = _columns(what, list(found[0]))
    return np.array([[float(row[column]) for column in wanted] for row in found]).mean(axis=1)


def _columns(what: str, columns: list[str]) -> list[str]:
    part, _, band = what.rpartition(" ")
    if what in columns or part not in PARTS:
        return [what]
    low, high = map(float, band.split("-"))
    return [f"{part} {sigma:g}" for sigma in levels(columns) if low <= sigma <= high]


def levels(columns: list[str]) -> list[float]:
    """Noise levels of the file, angstrom."""
    return [float(name.rpartition(" ")[2]) for name in columns if name.rpartition(" ")[0] == PARTS[0]]


def shown(found: NDArray[np.float64], sign: str = "") -> str:
    """Mean and standard deviation over seeds."""
    if not found.any():
        return "0"
    mean = f"{found.mean():{sign}.3f}".replace("-", "−")
    return mean if len(found) == 1 else f"{mean} ± {found.std(ddof=1):.3f}"


def filled(text: str) -> str:
    """Text with its places filled."""
    return PLACE.sub(_value, text)


def _value(place: re.Match[str]) -> str:
    trained = [row for row in rows() if row["steps"]]
    if place[1] == "seeds":
        return str(len({row["seed"] for row in trained}))
    if place[1] == "steps":
        return f"{int(trained[0]['steps']):,}"
    if place[1] == "worst":
        columns = [f"{part} {sigma:g}" for part, sigma in product(PARTS, levels(list(trained[0])))]
        return f"{max(float(row[column]) for row in trained for column in columns):.2f}"
    what, _, run = place[1].partition(": ")
    noise, _, rule = run.partition(", ")
    what, _, less = what.partition(" - ")
    found = values(what, noise, rule)
    return shown(found - values(less, noise, rule), "+") if less else shown(found)


def preconditioning_errors() -> str:
    """Mean square error over the least one, by part and band."""
    made = [
        [part, label, rule, *(shown(values(f"{part} {band}", noise, rule)) for band in BANDS)]
        for part, (noise, label), rule in product(PARTS, NOISES.items(), RULES)
    ]
    bands = [f"σ {band} Å".replace("-", " to ") for band in BANDS]
    return table(
        "mean square error over that of the exact denoiser: mean ± standard deviation over seeds",
        ["part", "noise", "rule", *bands],
        made,
    )


def preconditioning_samples() -> str:
    """What samples are like, with and without steering."""
    made = [
        [label, rule, steered, *(shown(values(f"{what} {steering}", noise, rule)) for what in JUDGED)]
        for (noise, label), rule, (steering, steered) in product(NOISES.items(), RULES, STEERINGS.items())
    ]
    made += [
        [label, "exact denoiser", "none", *(shown(values(f"{what} 0 0", noise, "exact")) for what in JUDGED)]
        for noise, label in NOISES.items()
    ]
    return table(
        "64 samples of each network: mean ± standard deviation over seeds",
        ["noise", "rule", "steered by", *JUDGED.values()],
        made,
    )


def preconditioning_figure() -> str:
    """Errors against sigma by part, and samples with and without steering."""
    figure = new_figure(9, 6)
    *panels, last = figure.subplots(2, 2).flat
    lines = [
        (noise, rule, colour, "-" if noise == "flat" else "--")
        for noise, (rule, colour) in product(NOISES, zip(RULES, SERIES_COLOURS, strict=False))
    ]
    for axes, part in zip(panels, PARTS, strict=True):
        for line in lines:
            _draw_error(axes, part, *line)
        axes.set(xscale="log", title=part, ylabel="error over the least one")
        axes.set_xlabel("noise level σ (Å)")
        axes.xaxis.set_major_formatter("{x:g}")
    for place, line in enumerate(lines):
        _draw_samples(last, place, *line)
    least = values("rmsd 0 0", "flat", "exact").mean()
    last.axhline(least, color="0.3", ls=":", lw=1.2)
    last.text(1.5, least, "exact denoiser, flat", ha="center", va="bottom", color="0.3")
    last.set(title="samples: not steered (left), steered (right)", ylabel="RMSD to the nearest state (Å)")
    last.margins(0.1)
    last.set_xticks(range(len(lines)), [f"{NOISES[noise]}\n{rule}" for noise, rule, *_ in lines])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=130)
    alt = "Errors over the least one against sigma for three parts, and RMSD of samples, for two noises and two rules."
    return (
        f".. figure:: data:image/png;base64,{encoded(kept)}\n   :alt: {alt}\n\n"
        "   Lines are means over seeds, bands reach from the least to the largest. Each point of the last panel is a\n"
        "   network; a line joins the samples of one network."
    )


def _draw_error(axes: Any, part: str, noise: str, rule: str, colour: str, style: str) -> None:
    sigma = levels(list(rows()[0]))
    found = np.stack([values(f"{part} {level:g}", noise, rule) for level in sigma])
    axes.plot(sigma, found.mean(axis=1), style, color=colour, lw=1.6, label=f"{NOISES[noise]}, {rule}")
    axes.fill_between(sigma, found.min(axis=1), found.max(axis=1), color=colour, alpha=0.15, lw=0)


def _draw_samples(axes: Any, place: int, noise: str, rule: str, colour: str, style: str) -> None:
    pairs = np.stack([values(f"rmsd {steering}", noise, rule) for steering in STEERINGS])
    axes.plot(np.array([place - 0.15, place + 0.15]), pairs, "o" + style, color=colour, ms=4, lw=1)


class Filled(SphinxDirective):
    """Text with numbers out of the file."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        try:
            return self.parse_text_to_nodes(filled("\n".join(self.content)))
        except (KeyError, ValueError) as error:
            raise self.error(f"{DATA.name} does not say it: {error.args[0]}") from error


FIGURES: dict[str, Callable[[], str]] = {
    made.__name__: made for made in (preconditioning_errors, preconditioning_samples, preconditioning_figure)
}


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("filled", Filled)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
