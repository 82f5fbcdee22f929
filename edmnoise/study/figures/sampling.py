"""What each level still has to go against sigma, and a sampler's levels, as figures."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from ...base.colours import LEVEL_COLOURS
from ...diffusion.samplers.schedule import Schedule
from ...frames.displacement import nested
from ...noise.sigma import SigmaDistribution
from ...structure.hierarchy import as_read
from ...trajectories.freeze_out import FROZEN, goes_on, moves
from ...trajectories.run import Run
from .figure import new_figure, save_figure


def freeze_out_figure(run: Run, path: str | os.PathLike[str]) -> None:
    """RMS still to go at each level against sigma, where 90 % of it is done unless the run was cancelled, as a file.

    Solid lines are the denoised estimates, dotted ones the noisy samples that the denoiser was given.
    """
    figure = new_figure(7.0, 5.0)
    axes = figure.add_subplot()
    hierarchy, frozen = run.structure.hierarchy, run.freeze_out()
    denoised, noisy = run.to_go("denoised"), run.to_go("noisy")
    known, estimates = np.isfinite(run.sigmas).all(), np.isfinite(run.denoised).all()
    where = run.sigmas if known else run.steps
    lowest = 1e-3
    for part in as_read(nested(hierarchy)):
        colour = LEVEL_COLOURS[hierarchy.names[part.level]]
        if not (moves(denoised[part]) or moves(noisy[part])):
            continue
        at = "below" if goes_on(denoised[part]) else "at"
        done = f": 90 % done {at} {frozen[part]:.3g} Å" if frozen[part] > 0 else ""
        axes.plot(where, denoised[part], color=colour, lw=2, label=part.label(hierarchy) + done)
        axes.plot(where, noisy[part], ":", color=colour, lw=1.2)
        if done and at == "at":
            axes.axvline(frozen[part], color=colour, lw=1, ls="--")
            axes.plot([frozen[part]], [FROZEN * denoised[part][0]], "o", color=colour, ms=6)
    axes.set(yscale="log", ylabel="still to go (Å, RMS per coordinate)")
    top = max(1.0, *(float(np.nan_to_num(way).max()) for way in (denoised if estimates else noisy).values()))
    axes.set_ylim(lowest, 5 * top)
    if known:
        axes.set(xscale="log", xlabel="noise level σ (Å)")
        axes.invert_xaxis()
    else:
        axes.set(xlabel="step, whose level is not known")
    axes.grid(True, which="major", color="0.9")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    title = f"solid: denoised, dotted: noisy{f'; {run.ended}' if run.partial else ''}"
    if axes.lines:
        figure.legend(loc="outside upper left", frameon=False, ncols=2, title=title)
    else:
        axes.text(0.5, 0.5, "nothing had a way to go", ha="center", color="0.4", transform=axes.transAxes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save_figure(figure, path)


def schedule_figure(
    schedules: Mapping[str, Schedule], distribution: SigmaDistribution, path: str | os.PathLike[str]
) -> None:
    """Noise level at each step of several schedules, sigma on the left and z on the right, as a file."""
    figure = new_figure(7.0, 4.4)
    axes = figure.add_subplot()
    for name, schedule in schedules.items():
        above = [sigma for sigma in schedule.sigmas if sigma > 0]
        ends = "ends at 0" if schedule.sigmas[-1] == 0 else f"ends at {schedule.sigmas[-1]:.2g} Å"
        share = [step / schedule.steps for step in range(len(above))]
        axes.plot(share, above, lw=2, label=f"{name}: {schedule.steps} steps, {ends}")
    axes.set(yscale="log", xlabel="share of the steps done", ylabel="noise level σ (Å)")
    axes.yaxis.set_major_formatter("{x:g}")
    scores = axes.secondary_yaxis(
        "right",
        functions=(distribution.z, distribution.sigma),
    )
    scores.set_yscale("linear")
    scores.set_ylabel(f"z ({distribution.name})")
    axes.grid(True, color="0.9")
    axes.legend(frameon=False)
    axes.spines["top"].set_visible(False)
    save_figure(figure, path)
