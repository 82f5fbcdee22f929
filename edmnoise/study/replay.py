"""What a sampler did, step by step, from the record of its calls: step_scale, noise, levels, and what does not fit.

Each step is made once more (`edmnoise.trajectories.replaying`), which gives the share a of the way from x to x0 that it
went, and nu, what is left. With sigma the level that the denoiser was told, sigma' the level after the step and sigma+
the one that the next call was told (AlphaFold 3's Algorithm 18, Karras et al. 2022's Algorithm 2),

    a = step_scale (1 - sigma' / sigma),   sigma+ = (1 + gamma) sigma',   nu = noise_scale sqrt(sigma+^2 - sigma'^2).

sigma' is nowhere in a record. It is taken from the schedule that the run noted, else from a published sampler whose
levels are those that were told, else found from the steps: those that leave nothing had no noise added, so that
sigma' = sigma+, and a tells step_scale; with that, one gamma is fitted to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..trajectories.replaying import SURE, can_be_replayed
from ..trajectories.trace import Trace
from .replay_findings import Acted, findings
from .replay_levels import closest_preset, levels_of, share_errors
from .replay_steps import Steps, made_steps

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Legible):
    """What a sampler did in each step, and what there is to say about it.

    Attributes
    ----------
    path
        The trace.
    samples
        How many were replayed.
    acted
        Step by step.
    findings
        All of it in sentences.
    """

    path: str
    samples: int
    acted: Acted = field(repr=False)
    findings: tuple[str, ...]

    def table(self) -> Table:
        """One row a step."""
        acted = self.acted
        columns = (
            Column("step", acted.number.tolist()),
            Column("sigma", acted.sigma.tolist(), "A", decimals=4, help="level that the denoiser was told"),
            Column("step_scale", acted.step_scale.tolist(), help="factor of the step"),
            Column(
                "noise_scale", acted.noise_scale.tolist(), help="factor of the noise that was added before the call"
            ),
            Column("gamma", acted.gamma.tolist(), help="by how much that noise raised the level"),
            Column("misses by", acted.misses.tolist(), "A", help="RMS distance of an atom from where the step leads"),
            Column("guided", acted.guided.tolist(), "A", help="RMS distance by which the estimate was moved"),
        )
        samples = f"{self.samples} sample{'' if self.samples == 1 else 's'}"
        calls = "" if acted.method == "euler" else ", two calls each,"
        title = f"{len(acted.number)} steps{calls} of {samples}, replayed"
        return Table(title, columns, {"method": acted.method}, self.findings)


def replay(trace: Trace, rows: NDArray[np.int64] | None = None, samples: Sequence[int] | None = None) -> Replay:
    """Make each step of a recorded run once more, and say what the sampler must have done.

    Parameters
    ----------
    rows
        (N,) which atoms of the trace to look at, for models pad their atoms; when not given those that the trace says
        are real, or all.
    samples
        Their numbers, from 0 as the run gave them back, of one set of levels; all when not given.

    Raises
    ------
    EdmNoiseError
        No such sample, samples of different levels; x or the estimate of a step that was not kept; coordinates that are
        not finite.

    Notes
    -----
    Fresh noise is taken to be independent from atom to atom, as published samplers draw it. Errors are of one standard
    deviation, and something is said where it is six of them away from what is expected.
    """
    numbers = list(range(trace.ends) if samples is None else samples)
    if not numbers:
        raise EdmNoiseError("no samples are chosen: give at least one")
    levels = {tuple(link.sigma for link in trace.way(number)) for number in numbers}
    if not all(np.isfinite(one).all() for one in levels):
        raise EdmNoiseError(f"{trace.path} cannot be replayed: it does not hold the level of every step")
    if len(levels) > 1:
        raise EdmNoiseError(f"the samples of {trace.path} have {len(levels)} sets of levels: choose those of one run")
    if not can_be_replayed(trace, numbers):
        raise EdmNoiseError(
            f"{trace.path} cannot be replayed: that needs x and the estimate of every call (keep=both, every=1)"
        )
    looked_at = rows if rows is not None else trace.rows if trace.rows is not None else np.arange(trace.atoms)
    if trace.final is None and len(trace.way(numbers[0])) == 1:
        raise EdmNoiseError(f"{trace.path} holds one step and no end of it: there is nothing to replay")
    method, steps = made_steps(trace, numbers, looked_at)
    likeness = closest_preset(steps, trace.info)
    found = levels_of(steps, trace.info, likeness, trace.ended)
    acted = _acted(method, steps, found.before, found.after)
    return Replay(trace.path, len(numbers), acted, findings(acted, steps, found, likeness, trace.info))


@np.errstate(divide="ignore", invalid="ignore")  # of steps that lead nowhere: they tell nothing
def _acted(method: str, steps: Steps, before: Array, after: Array) -> Acted:
    whole = 1 - after / steps.sigma
    gamma = steps.sigma / before - 1
    # What is left of a step is the noise that was added before the next call.
    left = np.append(np.nan, np.where(steps.closes, 0.0, steps.noise)[:-1])
    left_freedom = np.append(1, steps.freedom[:-1])
    raised = gamma > _RAISED
    added = np.sqrt(np.where(raised, steps.sigma**2 - before**2, np.nan))
    noise_scale = left / added
    noise_error = noise_scale / np.sqrt(2 * left_freedom)
    # The last step of a run that was killed has a next call too, of which no step is known.
    next_gamma = np.where(np.isnan(steps.following), 0.0, steps.following / after - 1)
    next_added = np.sqrt(np.where(next_gamma > _RAISED, steps.following**2 - after**2, np.nan))
    return Acted(
        method=method,
        number=steps.number,
        sigma=steps.sigma,
        after=after,
        step_scale=steps.share / whole,
        step_scale_error=share_errors(steps) / whole,
        gamma=np.where(raised | np.isnan(gamma), gamma, 0.0),
        noise_scale=noise_scale,
        noise_scale_error=noise_error,
        misses=_misses(steps, next_gamma, next_added, _usual(noise_scale)),
        guided=steps.guided,
    )


_RAISED = 1e-4
"""gamma below which a level was told as it was: float32 rounds to 1e-7, and schedules are taken to powers."""


def _usual(values: Array) -> float:
    """The middle one of the numbers that are known."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def _misses(steps: Steps, gamma: Array, added: Array, noise_scale: float) -> Array:
    """(T,) RMS distances; with noise what is more than that, NaN where that is nothing sure or noise is not known."""
    expected = noise_scale * added
    sure = steps.noise > expected * (1 + SURE / np.sqrt(2 * steps.freedom))
    more = np.sqrt(np.maximum(steps.noise**2 - expected**2, 0))
    in_noise = np.where(sure, more, np.where(steps.stray > 0, steps.stray, np.nan))
    silent = steps.closes | (gamma <= _RAISED)
    return np.sqrt(3) * np.where(silent, steps.noise, np.where(np.isnan(gamma), np.nan, in_noise))
