"""RMS still to go at each level, step by step: what a sampler does to chains, residues and atoms, and when.

A level is frozen out once 90 % of its way is behind it: from there on its distance to the end stays within a tenth of
what it was at the start. The way is measured on the denoised estimate, where the structure is decided; the noisy sample
still carries sigma.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.memory import check_frames_fit
from ..base.table import Column, Table
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.samplers.sampler import Sampler, Step, sample
from ..diffusion.samplers.schedule import Schedule
from ..frames.displacement import Measure, mean_squares, nested
from ..noise.covariance import Covariance
from ..noise.sigma import SigmaDistribution
from ..structure.hierarchy import as_read, check_levels
from ..structure.part import Part, described, moving
from ..structure.structure import Structure
from ..structure.superpose import move, superpose
from .laying import Laying
from .ranges import possible_ways

FROZEN = 0.1
"""Share of its way that a level may still have to go when it counts as frozen out."""

_STILL = 1e-3
"""Way, angstrom, that is only rounding: a single chain has no other about its own centre."""

_NO_ESTIMATES = "No freeze-out: there are no estimates, and samples carry their noise to the end"

_STATES = 6
"""Most states whose probabilities are printed side by side."""

_CHUNK_BYTES = 256 << 20
"""Memory for the working arrays of the samples that are made together."""

Progress = Callable[[int, int, Step], bool | None]
"""Called after each step with the steps done, the steps in all, and the step; returning False cancels."""


@dataclass(frozen=True, eq=False, repr=False)
class Run(Legible):
    """What was recorded of a sampling run.

    Attributes
    ----------
    structure
        The reference: its atoms and groups, and the place that the samples are laid on.
    sigmas
        (T,) level at which the denoiser was asked in each recorded step, angstrom.
    steps
        (T,) numbers of the recorded steps, from 1.
    noisy, denoised
        (T, B, N, 3) float32, angstrom: the denoiser's input and output, each trajectory in one frame, its end
        superposed on the reference (``laid`` says how well that is known).
    final
        (B, N, 3) float32, angstrom.
    states
        (T, M) mean posterior probability of each state, where the denoiser knows states.
    partial
        Whether the run was cancelled: ``final`` is what the last step made, at ``last_sigma``.
    last_sigma
        Level that the samples have reached, angstrom.
    asked
        Number of samples that were asked for: more than there are where the run was cancelled among the later ones.
    laid
        How the steps of a recorded run were laid in one frame; None for a run of our own, whose frame is known.
    held
        Where atoms were held: which. All of the run is of those that moved, in the frame that the held ones define.
    """

    structure: Structure
    sigmas: NDArray[np.float64]
    steps: NDArray[np.int64]
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]
    final: NDArray[np.float32]
    states: NDArray[np.float64] | None
    partial: bool
    last_sigma: float
    asked: int
    laid: Laying | None = None
    held: Part | None = None

    @property
    def ended(self) -> str:
        """How the run ended, in words."""
        if not self.partial:
            return "complete"
        if len(self.final) < self.asked:
            return f"cancelled with {len(self.final)} of {self.asked} samples complete"
        return f"cancelled at sigma {self.last_sigma:.3g} A"

    def to_go(self, what: str = "denoised") -> dict[Measure, NDArray[np.float64]]:
        """For each of `nested` (T,): RMS distance per coordinate from the end, angstrom, over groups and samples.

        Where steps were replayed, over the turns by noise as well that a replay cannot see (`freeze_out_range`).
        """
        drawn = self._ways(what)
        return {part: np.sqrt((ways**2).mean(axis=0)) for part, ways in drawn.items()}

    @cached_property
    def _measured(self) -> dict[str, dict[Measure, NDArray[np.float64]]]:
        """What `_ways` has found: drawing takes seconds for a large run."""
        return {}

    def _ways(self, what: str) -> dict[Measure, NDArray[np.float64]]:
        """For each of `nested` (draws, T): what may have been to go; one draw where that is known."""
        if what not in self._measured:
            self._measured[what] = self._measure(what)
        return self._measured[what]

    def _measure(self, what: str) -> dict[Measure, NDArray[np.float64]]:
        frames = {"denoised": self.denoised, "noisy": self.noisy}[what]
        if self.laid is not None and self.laid.turns is not None:
            return possible_ways(frames, self.final, self.structure.hierarchy, self.laid.turns)
        end = torch.from_numpy(self.final).mT
        about = self.held is None
        rows = [_parts(torch.from_numpy(frame).mT - end, self.structure, about) for frame in frames]
        return {part: np.sqrt([[row[part] for row in rows]]) for part in nested(self.structure.hierarchy)}

    def freeze_out(self, what: str = "denoised") -> dict[Measure, float]:
        """For each of `nested` the level, angstrom, below which it stays within a tenth of its way.

        NaN where it never moved, and for a run that was cancelled: nobody knows where its way would have ended.
        """
        if self.partial:
            return dict.fromkeys(nested(self.structure.hierarchy), math.nan)
        return {part: _crossing(self.sigmas, way) for part, way in self.to_go(what).items()}

    def freeze_out_range(self, what: str = "denoised") -> dict[Measure, tuple[float, float]]:
        """For each of `nested` the levels, angstrom, between which freeze-out lies in 95 of 100 runs like this one.

        One level where the frame of the steps is known: in runs of our own, and in traces whose motion was recorded. A
        range where steps were replayed (`edmnoise.trajectories.ranges`). NaN where they were superposed, for the trace
        cannot say, and where `freeze_out` is.
        """
        unknown = self.laid is not None and self.laid.how == "superposition"
        if self.partial or unknown:
            return dict.fromkeys(nested(self.structure.hierarchy), (math.nan, math.nan))
        return {part: _range([_crossing(self.sigmas, way) for way in ways]) for part, ways in self._ways(what).items()}

    def table(self, distribution: SigmaDistribution) -> Table:
        """One row a recorded step."""
        hierarchy = self.structure.hierarchy
        columns = [Column("step", self.steps.tolist())]
        if self._has_levels:
            columns += [
                Column("sigma", self.sigmas.tolist(), "A", decimals=4),
                Column("z", distribution.z(self.sigmas).tolist(), decimals=2),
            ]
        kinds = [what for what in ("denoised", "noisy") if not np.isnan(getattr(self, what)[0, 0, 0, 0])]
        ways = {what: self.to_go(what) for what in kinds}
        for what, way in ways.items():
            columns += [
                Column(
                    f"{what} {part.label(hierarchy)}", way[part].tolist(), "A", help="RMS still to go per coordinate"
                )
                for part in as_read(nested(hierarchy))
            ]
        if self.states is not None:
            columns += [
                Column(f"state {number}", share.tolist(), help="mean posterior probability")
                for number, share in enumerate(self.states.T, 1)
            ]
        note = self._note(ways["denoised"]) if "denoised" in ways else _NO_ESTIMATES
        if self.partial:
            note = "No freeze-out: the run was cancelled, and what is to go is counted from where it stopped"
        about = described(self.held or self.structure)
        title = f"{len(self.final)} sample{'' if len(self.final) == 1 else 's'}, {self.ended}: {about}"
        return Table(title, tuple(columns), {"partial": self.partial}, (note,))

    def summary(self, distribution: SigmaDistribution) -> Table:
        """The same to be printed: of many states the likeliest alone."""
        whole = self.table(distribution)
        if self.states is None or self.states.shape[1] <= _STATES:
            return whole
        count = self.states.shape[1]
        likeliest = Column("likeliest state", (self.states.argmax(axis=1) + 1).tolist())
        probability = Column("its probability", self.states.max(axis=1).tolist(), help="mean over the samples")
        notes = (*whole.notes, f"Probabilities of all {count} states are columns of the whole table, as in files.")
        return replace(whole, columns=(*whole.columns[:-count], likeliest, probability), notes=notes)

    @property
    def _has_levels(self) -> bool:
        """Files of other programs do not tell them."""
        return bool(np.isfinite(self.sigmas).all())

    def _note(self, ways: Mapping[Measure, NDArray[np.float64]]) -> str:
        """Where each part freezes out: at which level, or, where nobody knows them, at which step."""
        at, digits = (self.sigmas, ".3g") if self._has_levels else (self.steps, ".0f")
        found = {part: _crossing(at, way) for part, way in ways.items()}
        unit, name = (" A", "sigma") if self._has_levels else ("", "step")
        # Of a recorded run only some steps may be there.
        past = "below " if self._has_levels else "after "
        where = {
            part: f"{past if goes_on(ways[part]) else ''}{place:{digits}}{unit}"
            for part, place in found.items()
            if place > 0
        }
        if not where:
            return "No part freezes out: nothing had a way to go"
        said = ", ".join(f"{part.label(self.structure.hierarchy)} {place}" for part, place in as_read(where.items()))
        return f"90 % of the way is done at {name}: {said}"


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


def _parts(difference: Tensor, structure: Structure, about_centre: bool) -> dict[Measure, float]:
    """Mean square of each part of (B, 3, N) differences, about the centre of all atoms or as they are."""
    if about_centre:
        difference = difference - difference.mean(dim=2, keepdim=True)
    squares = mean_squares(difference, structure.hierarchy, nested(structure.hierarchy))
    return {part: float(values.mean()) for part, values in squares.items()}


def moves(way: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether a way (T,) is one, and not only rounding: a single chain does not move about its own centre."""
    return bool(way[0] > _STILL)


def goes_on(way: NDArray[np.float64]) -> bool:
    """Whether a way (T,) has more than a tenth of it to go at its last step: it freezes out further down."""
    return bool(way[-1] > FROZEN * way[0])


def _range(levels: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(levels, [0.025, 0.975])
    return float(low), float(high)


def _crossing(sigmas: Sequence[float] | NDArray[np.generic], way: NDArray[np.float64]) -> float:
    """Level, or step, below which the way stays within a tenth of its first value, by straight lines in log sigma."""
    if not moves(way):
        return math.nan
    if goes_on(way):
        return float(sigmas[-1])
    last = int(np.flatnonzero(way > FROZEN * way[0])[-1])
    share = (way[last] - FROZEN * way[0]) / (way[last] - way[last + 1])
    return float(sigmas[last] * (sigmas[last + 1] / sigmas[last]) ** share)
