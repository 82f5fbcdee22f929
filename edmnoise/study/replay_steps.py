"""The steps of several samples as one: what `edmnoise.trajectories.replaying` found, pooled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible
from ..trajectories.replaying import ROUNDING, Replayed, aligns, in_pairs, replayed_pairs, replayed_steps
from ..trajectories.trace import Trace

Array = NDArray[np.float64]

PAIRS = {"heun": 0.5, "chai": 1.5}
"""Methods of two calls a step, and how much of the first slope they take."""


@dataclass(frozen=True, eq=False, repr=False)
class Steps(Legible):
    """T steps, pooled over samples.

    Attributes
    ----------
    number
        (T,) from 1.
    sigma, following
        (T,) level that the denoiser was told in this step and in the next, angstrom; the last has no next: NaN.
    target
        (T,) level after the step where a second call was told it, else NaN.
    share, share_error
        (T,) of the way from x to x0 that the step went, and its standard error.
    noise
        (T,) what is left, angstrom RMS per coordinate.
    freedom
        (T,) degrees of freedom of that.
    rounding
        (T,) what rounding may leave of a step without noise, angstrom RMS per coordinate.
    length
        (T,) RMS coordinate of x0 - x, angstrom.
    stray
        (T,) RMS per coordinate, angstrom, of what no step of this form leaves; 0 where there is none.
    guided
        (T,) RMS distance, angstrom, by which the estimate was recorded to be moved; NaN where it was not recorded.
    """

    number: NDArray[np.int64]
    sigma: Array
    following: Array
    target: Array
    share: Array
    share_error: Array
    noise: Array
    freedom: Array
    rounding: Array
    length: Array
    stray: Array
    guided: Array

    @property
    def closes(self) -> NDArray[np.bool_]:
        """(T,) whether nothing but rounding is left."""
        return self.noise <= self.rounding


def made_steps(trace: Trace, numbers: Sequence[int], rows: NDArray[np.int64]) -> tuple[str, Steps]:
    """The method, of one call a step or two, that leaves least of the steps, and these."""
    if not in_pairs(trace, numbers[0]):
        made = replayed_steps(trace, numbers, rows, aligns(trace), heard=True)
        return "euler", _pooled(trace, numbers, made, pairs=False)
    found = {
        method: _pooled(trace, numbers, replayed_pairs(trace, numbers, rows, first), pairs=True)
        for method, first in PAIRS.items()
    }
    least = min(found, key=lambda method: float(np.log(np.maximum(found[method].noise, 1e-12)).sum()))
    return least, found[least]


def _pooled(trace: Trace, numbers: Sequence[int], steps: Iterable[Replayed], pairs: bool) -> Steps:
    way = trace.way(numbers[0])
    sigmas = np.array([link.sigma for link in way])
    told = {link.step: sigma for link, sigma in zip(way, sigmas, strict=True)}
    rows = []
    for place, step in enumerate(steps):
        fit, link = step.fit, step.links[0]
        if fit is None:
            continue
        second = told.get(link.step + 1, np.nan) if pairs else np.nan
        sigma = link.sigma
        # The share of a pair is step_scale itself; as that of one Euler step it means the same in both.
        factor = 1.0 if np.isnan(second) else 1 - second / sigma
        share, error = factor * fit.shares[:, 0], factor * fit.share_errors[:, 0]
        strays = np.where(fit.strays, fit.along, 0)
        guided = np.array([one.guided for one in step.links])
        rows.append(
            (
                place + 1 if pairs else link.step,
                sigma,
                told.get(link.step + (2 if pairs else 1), np.nan),
                second,
                share.mean(),
                np.sqrt((error**2).sum()) / len(error),
                np.sqrt((fit.noise**2).mean()),
                fit.freedom * len(error),
                ROUNDING * fit.size.mean(),
                np.sqrt((fit.lengths[:, 0] ** 2).mean()),
                np.sqrt((strays**2).mean()),
                np.sqrt((guided**2).mean()),
            )
        )
    columns = np.array(rows, dtype=np.float64).T
    return Steps(columns[0].astype(np.int64), *columns[1:])
