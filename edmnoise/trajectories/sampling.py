"""The library's own sampler, recorded step by step and laid on a reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.memory import check_frames_fit
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.samplers.sampler import Sampler, Step, sample
from ..diffusion.samplers.schedule import Schedule
from ..noise.covariance import Covariance
from ..structure.hierarchy import check_levels
from ..structure.part import Part, moving
from ..structure.structure import Structure
from ..structure.superpose import move, superpose
from .run import Run

_CHUNK_BYTES = 256 << 20
"""Memory for the working arrays of the samples that are made together."""

Progress = Callable[[int, int, Step], bool | None]
"""Called after each step with the steps done, the steps in all, and the step; returning False cancels."""


@dataclass(frozen=True, eq=False, repr=False)
class Recorded(Legible):
    """A step that has just been recorded, for who watches a run grow.

    Attributes
    ----------
    samples
        Numbers of the samples that were made together, from 0.
    step
        Number of the step, from 1.
    sigma
        Level at which the denoiser was asked, angstrom.
    noisy, denoised
        (B, N, 3) float32, angstrom, as they would lie had the samples never been moved as a whole.
    """

    samples: range
    step: int
    sigma: float
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]

    def laid_on(self, structure: Structure) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The noisy and the denoised, moved as lays each denoised sample on the structure.

        The end of the run, on which a `Run` lays whole trajectories, is not known yet.
        """
        denoised = torch.from_numpy(self.denoised).mT
        fit = superpose(denoised, torch.tensor(structure.coordinates.T))
        return _bordered(move(fit, torch.from_numpy(self.noisy).mT)), _bordered(move(fit, denoised))


Recording = Generator[Recorded, None, Run]
"""A run that is made as it is iterated; what it returns is the whole."""


def run_sampler(
    structure: Structure | Part,
    denoiser: Denoiser,
    covariance: Covariance,
    schedule: Schedule,
    sampler: Sampler,
    samples: int = 1,
    seed: int = 0,
    keep: int = 100,
    progress: Progress | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    start: CoordinatesLike | None = None,
) -> Run:
    """Sample, record, and lay the results on the reference.

    Parameters
    ----------
    structure
        The reference, with or without domains: what they still have to go is measured. Of a part the moved atoms are
        sampled: denoiser and covariance are of these, the sampler neither centres nor turns nor aligns, and begins
        about the centre of the held atoms, for they define the frame.
    denoiser, covariance, schedule, sampler, seed, device, dtype
        As in `edmnoise.diffusion.samplers.sampler.sample`.
    samples
        Made a chunk at a time; the chunk's size changes nothing in the samples.
    keep
        Most steps to record, spread evenly over the run, the first and the last among them.
    progress
        Told of each step; may cancel. What was made so far is kept then.
    start
        (N, 3) coordinates, angstrom, that all samples are noised from, to the schedule's first level; noise alone when
        not given.

    Raises
    ------
    EdmNoiseError
        For groups of other levels, for runs whose record does not fit in memory (saying how many samples
        would), and as `sample` does.
    """
    recording = record(
        structure, denoiser, covariance, schedule, sampler, samples, seed, keep, progress, device, dtype, start
    )
    while True:
        try:
            next(recording)
        except StopIteration as end:
            made: Run = end.value
            return made


def record(
    structure: Structure | Part,
    denoiser: Denoiser,
    covariance: Covariance,
    schedule: Schedule,
    sampler: Sampler,
    samples: int = 1,
    seed: int = 0,
    keep: int = 100,
    progress: Progress | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    start: CoordinatesLike | None = None,
) -> Recording:
    """The same run, a recorded step at a time; parameters and errors as in `run_sampler`, memory checked at once."""
    held = structure if isinstance(structure, Part) else None
    structure = moving(structure)
    check_levels(structure.hierarchy)
    if samples < 1:
        raise EdmNoiseError(f"samples is {samples}: give a whole number from 1")
    chosen = np.unique(np.linspace(1, schedule.steps, min(max(keep, 2), schedule.steps)).round().astype(int))
    check_frames_fit(samples, structure.n_atoms * 12 * (2 * len(chosen) + 4), what="samples with their recorded steps")
    chunk = max(1, _CHUNK_BYTES // (structure.n_atoms * 24 * 8))
    chunks = [range(first, min(first + chunk, samples)) for first in range(0, samples, chunk)]

    begin = None if start is None else coordinates("start", start, (structure.n_atoms, 3)).T
    if held is not None:
        sampler = sampler.in_place()
        if begin is None:
            begin = torch.from_numpy(held.centre)[:, None].expand(3, structure.n_atoms)

    def steps(numbers: range) -> Iterator[Step]:
        return sample(
            denoiser,
            covariance,
            schedule,
            sampler,
            numbers,
            seed,
            structure.hierarchy,
            start=None if begin is None else begin.expand(len(numbers), -1, -1),
            device=device,
            dtype=dtype,
        )

    def watch(index: int, step: Step) -> bool:
        done = index * schedule.steps + step.number
        return progress is None or progress(done, len(chunks) * schedule.steps, step) is not False

    def chunk_by_chunk() -> Recording:
        parts: list[_Chunk] = []
        for index, numbers in enumerate(chunks):
            lay = None if held else structure
            part = yield from _record(steps(numbers), numbers, chosen, denoiser, partial(watch, index), lay)
            parts.append(part)
            if part.partial:
                break
        return replace(_joined(parts, structure, samples), held=held)

    return chunk_by_chunk()


def _joined(parts: list[_Chunk], structure: Structure, asked: int) -> Run:
    cancelled = parts[-1].partial
    if cancelled and len(parts) > 1:
        # A chunk that was cancelled early has fewer steps than those before it; without any it says nothing.
        parts = parts[:-1]
    first = parts[0]
    states = None
    if first.states:
        states = np.mean([np.stack(part.states) for part in parts], axis=0)
    return Run(
        structure=structure,
        sigmas=np.array(first.sigmas),
        steps=np.array(first.steps),
        noisy=np.concatenate([np.stack(part.noisy) for part in parts], axis=1),
        denoised=np.concatenate([np.stack(part.denoised) for part in parts], axis=1),
        final=np.concatenate([part.final for part in parts]),
        states=states,
        partial=cancelled,
        last_sigma=first.last_sigma,
        asked=asked,
    )


@dataclass(eq=False)
class _Chunk:
    steps: list[int]
    sigmas: list[float]
    noisy: list[NDArray[np.float32]]
    denoised: list[NDArray[np.float32]]
    states: list[NDArray[np.float64]]
    final: NDArray[np.float32]
    partial: bool
    last_sigma: float


def _record(
    steps: Iterator[Step],
    samples: range,
    chosen: NDArray[np.int64],
    denoiser: Denoiser,
    watch: Callable[[Step], bool],
    reference: Structure | None,
) -> Generator[Recorded, None, _Chunk]:
    """Run a chunk to its end or until it is cancelled, keeping the chosen steps and the last, laid on a reference."""
    kept = _Chunk(
        steps=[],
        sigmas=[],
        noisy=[],
        denoised=[],
        states=[],
        final=np.empty(0, np.float32),
        partial=False,
        last_sigma=math.nan,
    )
    wanted = set(chosen.tolist())
    end = torch.empty(0)
    for step in steps:
        go_on = watch(step)
        if step.number in wanted or not go_on:
            kept.steps.append(step.number)
            kept.sigmas.append(step.sigma_hat)
            kept.noisy.append(_rested(step, step.noisy))
            kept.denoised.append(_rested(step, step.denoised))
            if hasattr(denoiser, "state_probabilities"):
                kept.states.append(denoiser.state_probabilities(step.noisy, step.sigma_hat).mean(dim=0).cpu().numpy())
        if step.number == step.steps or not go_on:
            end = step.at_rest(step.x).float().cpu()
            kept.partial, kept.last_sigma = not go_on and step.number < step.steps, step.target
        if not go_on:
            break
        if step.number in wanted:
            yield Recorded(samples, step.number, step.sigma_hat, kept.noisy[-1], kept.denoised[-1])
    kept.final = _bordered(end)
    if reference is None:
        return kept
    fit = superpose(end, torch.tensor(reference.coordinates.T))
    kept.final = _bordered(move(fit, end))
    kept.noisy = [_bordered(move(fit, torch.from_numpy(frame).mT)) for frame in kept.noisy]
    kept.denoised = [_bordered(move(fit, torch.from_numpy(frame).mT)) for frame in kept.denoised]
    return kept


def _rested(step: Step, coordinates: Tensor) -> NDArray[np.float32]:
    return _bordered(step.at_rest(coordinates))


def _bordered(coordinates: Tensor) -> NDArray[np.float32]:
    """(B, 3, N) -> (B, N, 3) float32 on the CPU."""
    return coordinates.mT.float().cpu().contiguous().numpy()
