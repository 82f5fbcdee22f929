"""Figures for files: what a table says, drawn by matplotlib without a window and without its global state."""

from __future__ import annotations

import os
from typing import Any

from ..base.errors import EdmNoiseError
from ..base.files import replacing
from .sampling import FROZEN, PARTS, Run

_COLOURS = ("#3f51b5", "#d2694c", "#4f9d69")
"""Chain, residue, atom: told apart in grey and by the colour-blind."""


def freeze_out_figure(run: Run, path: str | os.PathLike[str]) -> None:
    """RMS still to go at each level against sigma, and where 90 % of the way is done, as a PNG file.

    Solid lines are the denoised estimates, dotted ones the noisy samples that the denoiser was given.
    """
    figure = _figure(7.0, 5.0)
    axes = figure.add_subplot()
    hierarchy, frozen = run.structure.hierarchy, run.freeze_out()
    denoised, noisy = run.to_go("denoised"), run.to_go("noisy")
    lowest = 1e-3
    for part, colour in zip(PARTS, _COLOURS, strict=True):
        if not frozen[part] > 0:
            continue
        name = part.label(hierarchy)
        axes.plot(run.sigmas, denoised[part], color=colour, lw=2, label=f"{name}: 90 % done at {frozen[part]:.3g} Å")
        axes.plot(run.sigmas, noisy[part], ":", color=colour, lw=1.2)
        axes.axvline(frozen[part], color=colour, lw=1, ls="--")
        axes.plot([frozen[part]], [FROZEN * denoised[part][0]], "o", color=colour, ms=6)
    axes.set(xscale="log", yscale="log", xlabel="noise level σ (Å)", ylabel="still to go (Å, RMS per coordinate)")
    top = max(1.0, *(float(way.max()) for way in denoised.values()))
    axes.set_ylim(lowest, 5 * top)
    axes.invert_xaxis()
    axes.grid(True, which="major", color="0.9")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper left", frameon=False, ncols=2, title="solid: denoised, dotted: noisy")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with replacing(path) as handle:
        figure.savefig(handle, format="png", dpi=150)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure  # 0.5 s: only who draws pays for it
    except ImportError as error:
        raise EdmNoiseError("figures need matplotlib: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")
