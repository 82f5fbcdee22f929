"""Runs side by side: what each level still has to go against sigma, and what moves the whole."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.colours import SERIES_COLOURS
from ...structure.part import Part
from ...trajectories.freeze_out import FROZEN
from ..comparison import Comparison, Variant, names_of
from .figure import new_figure, save_figure

_LOWEST = 3000.0
"""By how much the way of a level falls within a panel."""

_LINES = ("-", "--", ":", "-.")


def comparison_figure(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """RMS still to go against sigma, a panel for each level, and the shares of the way that move the whole, as a file.

    A line for each variant, a dot where 90 % of its way is done; none where it never is. No panel of the shares where
    none is known.
    """
    moving = comparison.moving()
    known = any(np.isfinite(row.way.shift).any() for row in comparison.variants)
    number = len(moving) + (known or not moving)
    figure = new_figure(4.1 * number, 4.9)
    panels = figure.subplots(1, number, squeeze=False)[0]
    looks = _looks(comparison.variants)
    high = max(float(row.sigmas[0]) for row in comparison.variants)
    for axes, part in zip(panels, moving, strict=False):
        top = max(map(_largest, (row.to_go[part] for row in comparison.variants)))
        for row, look in zip(comparison.variants, looks, strict=True):
            way = row.to_go[part]
            axes.plot(row.sigmas, way, lw=1.8, **look)
            if np.isfinite(row.frozen[part]) and way[-1] <= FROZEN * way[0]:
                axes.plot([row.frozen[part]], [FROZEN * way[0]], "o", color=look["color"], ms=6, mec="white", zorder=3)
        axes.set(yscale="log", ylim=(top / _LOWEST, 2 * top), title=part.label(comparison.hierarchy))
        axes.yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylabel("still to go (Å, RMS per coordinate)")
    if len(panels) > len(moving):
        for row, look in zip(comparison.variants, looks, strict=True):
            panels[-1].plot(row.sigmas, 100 * (row.way.shift + row.way.turn), lw=1.8, **look)
        what = "moves all moved atoms as one" if isinstance(comparison.structure, Part) else "moves the whole"
        panels[-1].set(title=what, ylim=(-2, 102), ylabel="shift and turn (% of the noisy way)")
    seen = [
        float(row.sigmas[row.to_go[part] > _largest(row.to_go[part]) / _LOWEST][-1])
        for row in comparison.variants
        for part in moving
        if _largest(row.to_go[part]) > 0
    ]
    low = min(seen, default=high / 1e4)
    for axes in panels:
        axes.set(xscale="log", xlim=(1.3 * high, low / 1.3), xlabel="noise level σ (Å)")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(True, which="major", color="0.92")
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    handles = [_handle(look, name) for look, name in zip(looks, names_of(comparison.variants), strict=True)]
    legend = "dot: 90 % of the level's way is done"
    beside = int(figure.get_figwidth() // (0.085 * max(len(handle.get_label()) for handle in handles) + 0.7))
    columns = max(1, min(len(handles), 4, beside))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False, title=legend)
    save_figure(figure, path)


def _largest(way: NDArray[np.float64]) -> float:
    """Of a way (T,), NaN where no estimates were recorded; 0 then."""
    return float(np.nan_to_num(way).max())


def _looks(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """Colour and line of each: what there is more of, noises and traces or denoisers and samplers, has the colours."""
    origins, makers = [row.origin for row in variants], [(row.denoiser, row.sampler) for row in variants]
    lined, coloured = sorted(([_numbered(makers), _numbered(origins)]), key=max)
    return [
        {"color": SERIES_COLOURS[one % len(SERIES_COLOURS)], "ls": _LINES[other % len(_LINES)]}
        for one, other in zip(coloured, lined, strict=True)
    ]


def _numbered(kinds: Sequence[Hashable]) -> list[int]:
    """Kinds as numbers from 0, as they first appear."""
    places = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    return [places[kind] for kind in kinds]


def _handle(look: dict[str, Any], name: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], lw=1.8, label=name, **look)
