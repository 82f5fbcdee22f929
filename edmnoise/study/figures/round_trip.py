"""Share of samples that come back against sigma, beside closed forms, and how far each level has moved then."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from ...base.colours import LEVEL_COLOURS, SERIES_COLOURS
from ...diffusion.two_states import KINDS
from ...frames.displacement import nested
from ...noise.sigma import SigmaDistribution
from ...structure.hierarchy import as_read
from ...structure.part import Part
from ..round_trip import RoundTrips
from ..samples import share_error
from .figure import new_figure, save_figure

_COLOURS = SERIES_COLOURS[3:] + SERIES_COLOURS[:3]
"""Of states, beside those of levels."""

_MOST = 6
"""States that are named; more would hide the curves."""

_LINES = dict(zip(KINDS, ("--", ":"), strict=True))


def round_trip_figure(study: RoundTrips, distribution: SigmaDistribution, path: str | os.PathLike[str]) -> None:
    """Return and RMS displacement of each level against sigma, with z above, as a file.

    Dots with bars of one binomial error are samples, lines closed forms. On the right a dot where a level has no
    return, and a short line at the edge where it lies without a start. One state has that panel alone.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    several = study.states > 1
    figure = new_figure(4.2 + 4.2 * several, 4.6)
    panels = figure.subplots(1, 1 + several, squeeze=False)[0]
    if several:
        _returns(panels[0], study)
    _ways(panels[-1], study)
    for axes in panels:
        ends = (study.sigmas[0] / 1.3, study.sigmas[-1] * 1.3)
        axes.set(xscale="log", xlim=ends, xlabel="noised to σ (Å)")
        axes.xaxis.set_major_formatter("{x:g}")
        if study.sigmas[-1] < 300 * study.sigmas[0]:  # decades alone would leave one number, or none
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(True, which="major", color="0.92")
        axes.set_axisbelow(True)
        axes.spines["right"].set_visible(False)
        above = axes.secondary_xaxis("top", functions=(distribution.z, distribution.sigma))
        above.set_xscale("linear")
        above.set_xlabel(f"z ({distribution.name})")
    save_figure(figure, path)


def _returns(axes: Any, study: RoundTrips) -> None:
    sigmas = np.array(study.sigmas)
    fine = np.geomspace(sigmas[0], sigmas[-1], 200)
    for number, state in enumerate(study.left):
        colour = _COLOURS[number % len(_COLOURS)]
        back = [share_error(int((t.nearest == state).sum()), len(t.nearest)) for t in study.trips[number]]
        shares, errors = np.array(back).T
        dots = axes.errorbar(sigmas, shares, errors, fmt="o", color=colour, ms=5, lw=1.2, zorder=3)
        dots.set_label(f"from state {state + 1}" if number < _MOST else "_")
        if not study.known:
            axes.plot(sigmas, shares, color=colour, lw=1)
            continue
        for kind, line in _LINES.items():
            values = [study.expected(number, kind, float(sigma)) for sigma in fine]
            axes.plot(fine, values, line, color=colour, lw=1.6)
    handles, labels = axes.get_legend_handles_labels()
    if study.known:
        for kind, words in zip(KINDS, ("exact, fresh noise at every level", "exact, no fresh noise"), strict=True):
            handles += axes.plot([], [], _LINES[kind], color="0.35", lw=1.6)
            labels.append(words)
    axes.set(ylim=(0, 1.03), ylabel="share that comes back to its state")
    axes.legend(handles, labels, loc="lower left", frameon=False, fontsize="small")


def _ways(axes: Any, study: RoundTrips) -> None:
    sigmas, hierarchy = np.array(study.sigmas), study.hierarchy
    looks = ("-", "--", ":", "-.")
    for number, state in enumerate(study.left):
        found = study.level_of_no_return(number)
        for part in as_read(nested(hierarchy)):
            name, colour = part.label(hierarchy), LEVEL_COLOURS[hierarchy.names[part.level]]
            if math.isnan(found[name]):
                continue
            way = np.sqrt([trip.squares[part].mean() for trip in study.trips[number]])
            label = name if number == 0 else None
            axes.plot(sigmas, way, looks[number % len(looks)], color=colour, lw=1.8, label=label)
            most = math.sqrt(study.without[number][1][part])
            if 0 < found[name] < math.inf:
                axes.plot([found[name]], [most / math.sqrt(2)], "o", color=colour, ms=6, mec="white", zorder=3)
            axes.plot([0.98, 1], [most, most], color=colour, lw=1.5, transform=axes.get_yaxis_transform())
        if len(study.left) > 1 and number < _MOST:
            axes.plot([], [], looks[number % len(looks)], color="0.35", label=f"from state {state + 1}")
    if not axes.lines:
        axes.text(0.5, 0.5, "nothing moves", ha="center", color="0.4", transform=axes.transAxes)
    axes.plot([], [], "o", color="0.35", ms=5, label="no return above")
    lying = "among held atoms" if isinstance(study.structure, Part) else "superposed"
    axes.set(ylabel=f"RMS from the state that was left\n(Å per coordinate, {lying})", ylim=(0, None))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper left", frameon=False, fontsize="small")
