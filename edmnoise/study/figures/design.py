"""The weight triangle and the training signal as files, drawn without a window."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.colours import DEFAULT_PALETTE, LEVEL_COLOURS, PALETTES, SERIES_COLOURS
from ...base.errors import EdmNoiseError
from ...noise.design.signal import (
    CLEAR,
    DROWNED,
    c_out_squared,
    decibels,
    density,
    even_sigma,
    loss_weight,
    signal_to_noise,
    spent,
)
from ...noise.design.triangle import CORNERS, place
from ...noise.design.weight_map import OWN, WeightMap
from ...noise.sigma import SigmaDistribution
from ...noise.theory.forms import LevelForms
from ...noise.theory.scales import Scales, measured_scales
from ...noise.weights import Weights
from ...structure.hierarchy import LEVELS, as_read, level_names
from ...structure.structure import Structure, describe
from .figure import new_figure, save_figure

Box = tuple[float, float, float, float]
"""Left, right, bottom, top."""

_LOSS = (*SERIES_COLOURS[3:5], "0.2")
"""Loss weight, c_out^2, product."""

_ROWS = 16
"""Least rows of bars in a figure: few bars stay slim."""

_LINES = ("-", "--", ":", "-.")
_GREYS = ("0.15", "0.45", "0.65", "0.8")


def triangle_figure(made: WeightMap, path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """A map over all weights, with those marked that have a name, as a file.

    Returns
    -------
    array
        (3, 2) where the corners atom, residue and chain are, in shares of the picture's width and height from its lower
        left: weights lie at the mean of them that they weigh, for who marks more than the file does.
    """
    figure = new_figure(6.6, 5.2)
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.tri import Triangulation

    axes = figure.add_subplot()
    mesh = Triangulation(*place(made.weights).T)
    values = made.values
    finite = values[np.isfinite(values)]
    # A level that hardly moves is scrambled at no noise at all: such a corner must not take all the colours.
    low, high = (float(x) for x in np.percentile(finite, (1, 99)))
    values = np.where(np.isfinite(values), values, finite.max())
    shades = LinearSegmentedColormap.from_list(DEFAULT_PALETTE, PALETTES[DEFAULT_PALETTE])
    drawn = axes.tripcolor(mesh, values, shading="gouraud", cmap=shades)
    drawn.set_clim(low, high)
    lines = axes.tricontour(mesh, values, 8, colors="white", linewidths=0.7)
    axes.clabel(lines, fontsize=8, fmt="%.3g")
    figure.colorbar(drawn, ax=axes, shrink=0.8, label=made.measure.text("Å", "σ"), extend="both")
    _frame(axes)
    _mark(axes, made.marks)
    axes.set_title(made.title, fontsize=10)
    save_figure(figure, path)
    return np.asarray((axes.transData + figure.transFigure.inverted()).transform(CORNERS))


def _frame(axes: Any) -> None:
    """Edges, their ticks (chain up the left one, residue along the lower one) and the names of the corners."""
    axes.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color="0.2", lw=1)
    for share in (0.2, 0.4, 0.6, 0.8):
        for weights, away, side in (
            (Weights.of(chain=share, residue=0, atom=1 - share), (-5, 2), "right"),
            (Weights.of(chain=0, residue=share, atom=1 - share), (0, -5), "center"),
        ):
            spot = place(weights)
            axes.plot(*spot, "+", color="0.2", ms=5)
            axes.annotate(
                f"{share:g}", spot, away, textcoords="offset points", fontsize=8, color="0.35", ha=side, va="top"
            )
    names = (("right", "top", -0.01, -0.02), ("left", "top", 0.01, -0.02), ("center", "bottom", 0, 0.02))
    for level, corner, (side, edge, right, up) in zip(LEVELS, CORNERS, names, strict=True):
        axes.text(corner[0] + right, corner[1] + up, level, ha=side, va=edge, fontweight="bold")
    axes.set(aspect="equal", xlim=(-0.1, 1.14), ylim=(-0.08, 0.94))
    axes.set_axis_off()


def _mark(axes: Any, marks: Mapping[str, Weights]) -> None:
    """Points with their names, each on the side where it covers least of the others."""
    spots = {name: place(weights) for name, weights in marks.items()}
    taken = [(x - 0.02, x + 0.02, y - 0.02, y + 0.02) for x, y in spots.values()]
    for name, (x, y) in spots.items():
        own = name == OWN
        axes.plot([x], [y], "*" if own else "o", color="black", mec="white", ms=15 if own else 7, zorder=4)
        wide = 0.014 * len(name)
        boxes = [
            (x + right * 0.022 - (wide if right < 0 else 0), y + up * 0.028 - 0.02)
            for right, up in ((1, 1), (-1, 1), (1, -1), (-1, -1))
        ]
        covered = [sum(_overlap((a, a + wide, b, b + 0.04), box) for box in taken) for a, b in boxes]
        best = int(np.argmin(covered))
        a, b = boxes[best]
        taken.append((a, a + wide, b, b + 0.04))
        white = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75}
        end, side = (a, "left") if best in (0, 2) else (a + wide, "right")
        axes.text(end, b + 0.02, name, ha=side, va="center", fontsize=8, bbox=white, zorder=5)


def _overlap(first: Box, second: Box) -> float:
    wide = min(first[1], second[1]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[2], second[2])
    return max(wide, 0.0) * max(high, 0.0)


def signal_figure(
    structure: Structure,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    path: str | os.PathLike[str],
) -> None:
    """Training steps, loss weights and signal to noise over sigma, and what is spent on each level, as a file.

    Up to four weights and four distributions, told apart by their lines; EdmNoiseError for more.
    """
    if not (0 < len(weights) <= len(_LINES) and 0 < len(distributions) <= len(_LINES)):
        raise EdmNoiseError(
            f"weights: {len(weights)}, distributions: {len(distributions)}; a figure takes 1 to {len(_LINES)} of each"
        )
    forms, scales = LevelForms.of(structure.hierarchy), measured_scales(structure)
    own = structure.hierarchy.names
    sigma = np.geomspace(0.01, 1000, 400)
    figure = new_figure(11.5, 8.0)
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    steps, loss, signal = left.subplots(3, 1, sharex=True)
    for distribution, grey, line in zip(distributions, _GREYS, _LINES, strict=False):
        over = density(distribution, sigma)
        steps.plot(sigma, over, line, color=grey, lw=1.8, label=distribution.name)
        steps.fill_between(sigma, over, color=grey, alpha=0.08, lw=0)
    steps.set(ylabel="training steps\nper decade of σ", ylim=(0, None))
    steps.legend(frameon=False, fontsize=9)
    sizes = sorted({distribution.sigma_data for distribution in distributions})
    for size, line in zip(sizes, _LINES, strict=False):
        loss.plot(sigma, loss_weight(sigma, size), line, color=_LOSS[0])
        loss.plot(sigma, c_out_squared(sigma, size), line, color=_LOSS[1])
    loss.plot(sigma, loss_weight(sigma, sizes[0]) * c_out_squared(sigma, sizes[0]), color=_LOSS[2])
    names = [f"σ_data {size:g} Å" for size in sizes] if len(sizes) > 1 else []
    _legend(loss, ("loss weight (1/Å²)", "c_out² (Å²)", "their product"), _LOSS, names, loc="upper center")
    loss.set(yscale="log", ylabel="EDM's weights", ylim=(1e-4, 1e6))
    signal.axhspan(*decibels((DROWNED, CLEAR)), color="0.92", lw=0)
    for each, line in zip(weights, _LINES, strict=False):
        ratios = signal_to_noise(forms, each, scales, sigma)
        for level, ratio in as_read(zip(own, ratios.T, strict=True)):
            if np.isfinite(ratio).all():
                signal.plot(sigma, decibels(ratio), line, color=LEVEL_COLOURS[level])
    shown = [k for k, scale in as_read(enumerate(scales.on(own))) if scale > 0]
    _legend(
        signal,
        [structure.hierarchy.parts[k] for k in shown],
        [LEVEL_COLOURS[own[k]] for k in shown],
        [each.label for each in weights],
        loc="upper right",
    )
    signal.set(xscale="log", xlim=(0.01, 1000), ylim=(-50, 75), xlabel="noise level σ (Å)")
    signal.set_ylabel("signal / noise (dB)\n(grey: in play)")
    signal.xaxis.set_major_formatter("{x:g}")
    for axes in (steps, loss, signal):
        _open(axes)
    _bars(right.subplots(), forms, scales, weights, distributions)
    figure.suptitle(f"training signal: {describe(structure.hierarchy)}", fontsize=11)
    save_figure(figure, path)


def _legend(axes: Any, things: Sequence[str], colours: Sequence[str], sets: Sequence[str], loc: str) -> None:
    """What the colours are, and beside it what the lines are."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour, label=thing) for thing, colour in zip(things, colours, strict=True)]
    first = axes.legend(handles=handles, frameon=False, fontsize=8, loc=loc)
    if sets:
        lines = [Line2D([], [], color="0.4", ls=line, label=name) for name, line in zip(sets, _LINES, strict=False)]
        axes.add_artist(first)
        beside = "lower left" if loc == "upper right" else "lower center"
        axes.legend(handles=lines, frameon=False, fontsize=8, loc=beside)


def _bars(
    axes: Any,
    forms: LevelForms,
    scales: Scales,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
) -> None:
    """A bar for each distribution, weights and level: the shares of the steps that see it clear, in play, drowned."""
    names, height = [], 0.0
    levels = level_names(forms.centred.shape[-1])
    for distribution in distributions:
        axes.text(1, height - 0.75, distribution.name, fontweight="bold", fontsize=9)
        for each in weights:
            for level, even in as_read(zip(levels, even_sigma(forms, each, scales), strict=True)):
                if np.isnan(even):
                    continue
                start = 0.0
                for band, alpha in zip(spent(distribution, even), (0.3, 1.0, 0.12), strict=True):
                    share = 100 * float(band)
                    axes.barh(height, share, 0.8, start, color=LEVEL_COLOURS[level], alpha=alpha, lw=0)
                    if share > 8:
                        shade = "white" if alpha == 1 else "0.25"
                        axes.text(
                            start + share / 2, height, f"{share:.0f}", ha="center", va="center", fontsize=7, color=shade
                        )
                    start += share
                names.append((height, f"{level}, {each.label}"))
                height += 1
            height += 0.4
        height += 1.2
    axes.set_yticks([place for place, _ in names], [name for _, name in names], fontsize=8)
    axes.set(xlim=(0, 100), ylim=(max(height - 1.2, _ROWS), -1.4), xlabel="training steps (%)")
    axes.set_title("clear (pale), in play (full colour), drowned (palest)", fontsize=9)
    axes.tick_params(axis="y", length=0)
    _open(axes)
    axes.grid(False)


def _open(axes: Any) -> None:
    axes.grid(True, which="major", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
