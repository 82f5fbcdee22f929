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
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.noise.process import NoiseChoice, check_linear
from edmnoise.study.candidates import Candidate, references
from edmnoise.study.error import Targets, denoising_error
from edmnoise.study.error_study import ErrorStudy
from edmnoise.study.figures.error import error_figure
from edmnoise.study.figures.figure import is_figure

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.source import objects_of
from ..scene.states import read_states
from .sampling import answered, torch_device


@dataclass(frozen=True, eq=False, repr=False)
class ErrorResult(Legible):
    """What was measured, the whole table, with standard errors, the one to print, and what is to say."""

    study: ErrorStudy
    table: Table
    printed: Table
    notes: tuple[str, ...]


def error(
    cmd: Cmd,
    selection: str,
    denoisers: Mapping[str, DenoiserChoice],
    noise: NoiseChoice,
    sigmas: Sequence[float],
    draws: int,
    seed: int,
    held_out: Sequence[int],
    fluctuations: Sequence[float] | str | None,
    device: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    common: bool,
    ligands: str,
) -> Job[ErrorResult]:
    """Denoising error over noise levels, of denoisers beside the exact ones and beside doing nothing.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    denoisers
        Beside the references, by their names in tables; exact ones know the states that are not held out.
    noise, sigmas, draws, seed
        As in `edmnoise.study.error.denoising_error`.
    held_out
        Numbers of states, from 1, that are to be found again; where there are none, those that are known are.
    fluctuations
        Of each state, as in `DenoiserChoice`.
    device, state, hydrogens, solvent, common, ligands
        As in `edmnoise_pymol.jobs.sampling.sample`.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used.
    """
    check_seed(seed)
    check_linear(noise)
    chosen = torch_device(device)
    moving = DenoiserChoice("states", None, fluctuations)
    source, states = yield from read_states(cmd, selection, state, hydrogens, solvent, common, ligands)
    objects = objects_of(cmd, selection)
    structure, given = source.structure, np.stack(states)
    known, asked = _parted(len(states), held_out, objects)
    knows, of = (_called(numbers, objects, source.state if state else None) for numbers in (known, asked))

    def work(watch: Watch) -> tuple[ErrorStudy, tuple[str, ...]]:
        watch.check(0, "building the denoisers")
        covariance, motion = noise.on(structure).covariance, moving.motion(structure)
        states = _tensor(given[known]).to(chosen)
        candidates = references(structure.hierarchy, states, covariance, knows, fluctuations=motion)
        answers: list[str] = []
        for name, choice in denoisers.items():
            model = choice.build(structure, given[known], covariance, chosen, watch.ask)
            candidates.append(Candidate(name, model, "its training" if choice.is_network else knows))
            answers += answered(name, model)

        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"draw {done:,} of {total:,}")

        targets = Targets(_tensor(given[asked]), of, fluctuations=motion)
        study = denoising_error(
            candidates,
            targets,
            covariance,
            structure.hierarchy,
            sigmas,
            draws,
            seed,
            progress=progress,
            device=chosen,
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
