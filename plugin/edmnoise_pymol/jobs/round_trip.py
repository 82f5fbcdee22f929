"""What comes back of the loaded states when they are noised and sampled back, as a user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.names import Counted
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.units import sigma_of
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.round_trip import round_trip_figure
from edmnoise.study.round_trip import RoundTrips, round_trips

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import moved_part
from ..scene.states import read_states
from .drawn import Batch
from .sampling import answered, fitting, said_of_held


@dataclass(frozen=True, eq=False, repr=False)
class ReturnResult(Legible):
    """What was measured, the whole table, with standard errors, the one to print, and what is to say."""

    study: RoundTrips
    table: Table
    printed: Table
    distribution: SigmaDistribution
    notes: tuple[str, ...]


def round_trip(
    cmd: Cmd,
    which: Selected,
    batch: Batch,
    denoiser: DenoiserChoice,
    choice: SamplerChoice,
    levels: Sequence[float | Counted],
    distribution: SigmaDistribution,
    left: Sequence[int],
) -> Job[ReturnResult]:
    """Noise the loaded states to levels, sample back, and measure what has come back; nothing in PyMOL changes.

    Parameters
    ----------
    choice
        Whose whole schedule is cut at each level.
    levels
        Each in any unit.
    left
        Numbers of the states that are noised, from 1; all where there are none.
    which, batch, denoiser, distribution
        As in `edmnoise_pymol.jobs.sampling.sample`.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used, before anything is sampled.
    """
    schedule, sampler, off = fitting(choice, denoiser, which)
    sigmas = [sigma_of(level, distribution) for level in levels]
    for sigma in sigmas:
        schedule.below(sigma, "sigma")
    source, states = yield from read_states(cmd, which)
    structure, given, part = source.structure, np.stack(states), moved_part(cmd, source, which)
    denoiser.check(len(states), source.called())
    missing = next((number for number in left if not 1 <= number <= len(states)), None)
    if missing is not None:
        known = "1 state" if len(states) == 1 else f"the states 1 to {len(states)}"
        raise EdmNoiseError(f"left is {' '.join(map(str, left))}: no state {missing}, {source.called()} has {known}")
    numbers = [number - 1 for number in left] or range(len(states))

    def work(watch: Watch) -> tuple[RoundTrips, tuple[str, ...]]:
        watch.check(0.0, "building the denoiser")
        covariance = batch.noise.on(part or structure).covariance
        facts = structure, given, covariance, batch.device, watch.ask
        if part is None:
            models = [denoiser.build(*facts)]
        else:
            models = denoiser.given([part.at(given[number]) for number in numbers], *facts)
        made = round_trips(
            part or structure,
            given,
            models if part else models[0],
            covariance,
            schedule,
            sampler,
            sigmas,
            batch.count,
            batch.seed,
            numbers,
            batch.device,
            lambda share: watch.check(share, "noising and sampling back"),
            denoiser.gauge,
        )
        return made, answered(denoiser.name, models[0])

    study, answers = yield work
    count = source.states(len(states))
    notes = [count, *said_of_held(part, [sampler]), *off, *answers, *source.notes]
    if sampler.churn.gamma > 0:
        notes.append(f"churn noises to up to {1 + sampler.churn.gamma:.3g} sigma before a step: less comes back")
    whole, printed = yield lambda _: (study.table(distribution), study.summary(distribution))
    return ReturnResult(study, whole, printed, distribution, tuple(notes))


def write(result: ReturnResult, path: str) -> None:
    """Write the whole table or, by the file's ending, the figure."""
    if is_figure(path):
        round_trip_figure(result.study, result.distribution, path)
    else:
        result.table.save(path)
