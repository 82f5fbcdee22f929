"""What denoisers err by, as a user asks for it: measured on the states of the selection; nothing in PyMOL changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.structure.part import moving
from edmnoise.study.candidates import EXACT, Candidate, references
from edmnoise.study.error import denoising_error
from edmnoise.study.error_study import ErrorStudy
from edmnoise.study.figures.error import error_figure
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.targets import HeldTargets, Targets

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import moved_part, objects_of
from ..scene.states import read_states
from .drawn import Batch
from .sampling import answered, said_of_held


@dataclass(frozen=True, eq=False, repr=False)
class ErrorResult(Legible):
    """What was measured, the whole table, with standard errors, the one to print, and what is to say."""

    study: ErrorStudy
    table: Table
    printed: Table
    notes: tuple[str, ...]


def error(
    cmd: Cmd,
    which: Selected,
    batch: Batch,
    denoisers: Mapping[str, DenoiserChoice],
    sigmas: Sequence[float],
    held_out: Sequence[int],
    fluctuations: Sequence[float] | str | None,
) -> Job[ErrorResult]:
    """Denoising error over noise levels, of denoisers beside the exact ones and beside doing nothing.

    Parameters
    ----------
    which, batch
        As in `edmnoise_pymol.jobs.sampling.sample`.
    denoisers
        Beside the references, by their names in tables; exact ones know the states that are not held out.
    sigmas
        Noise levels, angstrom.
    held_out
        Numbers of states, from 1, that are to be found again; where there are none, those that are known are.
    fluctuations
        Of each state, as in `DenoiserChoice`.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used.
    """
    moves = DenoiserChoice("states", None, fluctuations)
    source, states = yield from read_states(cmd, which)
    objects = objects_of(cmd, which.text)
    part = moved_part(cmd, source, which)
    structure, given = source.structure, np.stack(states)
    known, asked = _parted(len(states), held_out, objects)
    knows, of = (_called(numbers, objects, source.state if which.state else None) for numbers in (known, asked))

    def work(watch: Watch) -> tuple[ErrorStudy, tuple[str, ...]]:
        watch.check(0, "building the denoisers")
        covariance, own = batch.noise.on(part or structure).covariance, moves.motion(structure)
        states = _tensor(given[known]).to(batch.device)
        candidates = references(structure.hierarchy, states, covariance, knows, fluctuations=own, part=part)
        answers = [*said_of_held(part, ()), *answered(EXACT, candidates[0].denoiser)]
        for name, choice in denoisers.items():
            model = choice.build(structure, given[known], covariance, batch.device, watch.ask, part)
            candidates.append(Candidate(name, model, "its training" if choice.is_network else knows))
            answers += [each for each in answered(name, model) if each not in answers]

        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"draw {done:,} of {total:,}")

        y = _tensor(given[asked])
        targets = Targets(y, of, None, own) if part is None else HeldTargets(part, y, of, None, own)
        study = denoising_error(
            candidates,
            targets,
            covariance,
            moving(part or structure).hierarchy,
            sigmas,
            batch.count,
            batch.seed,
            progress=progress,
            device=batch.device,
        )
        return study, tuple(answers)

    study, answers = yield work
    notes = (*answers, *source.notes)
    return (yield lambda _: ErrorResult(study, study.table(), study.summary(), notes))


def write(result: ErrorResult, path: str) -> None:
    """Write the whole table or, by the file's ending, the figure."""
    if is_figure(path):
        error_figure(result.study, path)
    else:
        result.table.save(path)


def _tensor(states: NDArray[np.float32]) -> Tensor:
    """(M, 3, N) of (M, N, 3)."""
    return torch.from_numpy(np.ascontiguousarray(states)).mT


def _parted(count: int, held_out: Sequence[int], objects: Sequence[str]) -> tuple[list[int], list[int]]:
    """Numbers of states, from 0: those that are known, and those that are to be found again."""
    missing = [number for number in held_out if not 1 <= number <= count]
    if missing:
        what = f"{' '.join(objects)} has 1 state" if count == 1 else f"there are 1 to {count}"
        raise EdmNoiseError(f"held_out is {' '.join(map(str, held_out))}: no state {missing[0]}, {what}")
    held = sorted({number - 1 for number in held_out})
    known = [number for number in range(count) if number not in held]
    if not known:
        raise EdmNoiseError(f"held_out are all {count} states: leave one to know")
    return known, held or known


def _called(numbers: Sequence[int], objects: Sequence[str], state: int | None) -> str:
    """What states are called: "states 1-3 of m", or the objects that hold them."""
    if len(objects) > 1:
        return ", ".join(objects[number] for number in numbers)
    if len(numbers) == 1:
        return f"state {numbers[0] + 1 if state is None else state} of {objects[0]}"
    first, last = numbers[0] + 1, numbers[-1] + 1
    whole = last - first + 1 == len(numbers)
    said = f"{first}-{last}" if whole else " ".join(str(number + 1) for number in numbers)
    return f"states {said} of {objects[0]}"
