"""What comes back of the loaded states when they are noised and sampled back, as a user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.names import Counted
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.units import sigma_of
from edmnoise.noise.process import NoiseChoice, check_linear
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.round_trip import round_trip_figure
from edmnoise.study.round_trip import RoundTrips, round_trips

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.states import read_states
from .sampling import answered, torch_device


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
    selection: str,
    denoiser: DenoiserChoice,
    choice: SamplerChoice,
    levels: Sequence[float | Counted],
    noise: NoiseChoice,
    distribution: SigmaDistribution,
    samples: int,
    seed: int,
    left: Sequence[int],
    device: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    common: bool,
    ligands: str,
) -> Job[ReturnResult]:
    """Noise the loaded states to levels, sample back, and measure what has come back; nothing in PyMOL changes.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    choice
        Whose whole schedule is cut at each level.
    levels
        Each in any unit.
    left
        Numbers of the states that are noised, from 1; all where there are none.
    denoiser, noise, distribution, samples, seed, device, state, hydrogens, solvent, common, ligands
        As in `edmnoise_pymol.jobs.sampling.sample`.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used, before anything is sampled.
    """
    schedule, sampler = choice.build()
    check_seed(seed)
    check_linear(noise)
    chosen = torch_device(device)
    sigmas = [sigma_of(level, distribution) for level in levels]
    for sigma in sigmas:
        schedule.below(sigma)
    source, states = yield from read_states(cmd, selection, state, hydrogens, solvent, common, ligands)
    structure = source.structure
    denoiser.check(len(states), source.object)
    missing = next((number for number in left if not 1 <= number <= len(states)), None)
    if missing is not None:
        known = "1 state" if len(states) == 1 else f"the states 1 to {len(states)}"
        raise EdmNoiseError(f"left is {' '.join(map(str, left))}: no state {missing}, {source.object} has {known}")

    def work(watch: Watch) -> tuple[RoundTrips, tuple[str, ...]]:
        watch.check(0.0, "building the denoiser")
        covariance = noise.on(structure).covariance
        model = denoiser.build(structure, np.stack(states), covariance, chosen)
        made = round_trips(
            structure,
            np.stack(states),
            model,
            covariance,
            schedule,
            sampler,
            sigmas,
            samples,
            seed,
            [number - 1 for number in left] or None,
            chosen,
            lambda share: watch.check(share, "noising and sampling back"),
        )
        return made, answered(denoiser.name, model)

    study, answers = yield work
    count = f"{len(states)} state{'' if len(states) == 1 else 's'} of {source.object}"
    notes = [count, *answers, *source.notes]
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
