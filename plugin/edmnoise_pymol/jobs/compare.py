"""Sampling under several noises and samplers beside recorded runs, as a user asks for it; nothing in PyMOL changes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import Step
from edmnoise.noise.process import NoiseChoice
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.study.comparison import MOST, Comparison, Variant, names_of, variant
from edmnoise.study.figures.comparison import comparison_figure
from edmnoise.study.samples import judge_samples
from edmnoise.trajectories.laid import run_of
from edmnoise.trajectories.opening import Fitted, fitting_trace, like, program_of, steps_to
from edmnoise.trajectories.run import Run
from edmnoise.trajectories.sampling import run_sampler

from ..job import Cancelled, Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import Source, moved_part, reading, with_bonds
from .drawn import Batch
from .sampling import answered, fitting, said_of_held
from .starts import read_data
from .trace import choose_steps, file_order, said


@dataclass(frozen=True, eq=False, repr=False)
class CompareResult(Legible):
    """What was compared, the table that was asked for, the one to print, and what is to say."""

    comparison: Comparison
    table: Table
    printed: Table
    notes: tuple[str, ...]


def compare(
    cmd: Cmd,
    which: Selected,
    batch: Batch,
    denoisers: Mapping[str, DenoiserChoice],
    samplers: Mapping[str, SamplerChoice],
    traces: Sequence[tuple[str, int | None]],
    start: str | None,
    state_weights: Sequence[float] | None,
    by: str,
    figure: str | None,
) -> Job[CompareResult]:
    """Sample by every noise, denoiser and sampler, beside recorded runs; draws a figure where it has a name.

    Each variant is the run that `edmnoise_pymol.jobs.sampling.sample` makes of the same arguments and seed, or that
    `edmnoise_pymol.jobs.trace.show_trace` reads.

    Parameters
    ----------
    which, start
        As in `edmnoise_pymol.jobs.sampling.sample`. The first state names the atoms of traces.
    batch
        Noises and samples; no noises and no samplers for traces alone.
    denoisers
        By the name that tables give them.
    samplers
        Solvers or presets and their settings, by the name that tables give them.
    traces
        Recorded runs: path, and number of the run where there are several.
    state_weights
        Probability of each state, up to a factor, that samples are judged by; equal where not given.
    by
        "summary" for a row for each variant, "step" for one for each of its steps, "samples" for what its samples are
        worth.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used, before anything is sampled.
    """
    _check_count(batch.noises, denoisers, samplers, traces)
    if which.move is not None:
        _check_in_place(samplers, traces)
    built = {name: choice.build() for name, choice in samplers.items()}
    source, states, begun = yield from read_data(cmd, which, start)
    data, begin = source.structure, None if begun is None else begun.coordinates
    if begun is not None and which.move is not None:  # held atoms are where the start has them
        source = begun.shown(source)
    part = moved_part(cmd, source, which)
    structure = part or source.structure
    if part is not None and begin is not None:
        begin = begin[part.moved]
    if built:
        for choice in denoisers.values():
            choice.check(len(states), source.called())
    bonded = with_bonds(cmd, source) if by == "samples" else source.structure
    recorded: list[_Recorded] = []
    if traces:
        whole = yield from reading(cmd, Selected(which.inside(source.object), source.state, solvent=True))
        recorded = yield lambda watch: _opened(traces, whole, source, watch)

    answers: dict[str, None] = {}

    def work(watch: Watch) -> tuple[Comparison, list[NDArray[np.float32]]]:
        made: list[Variant] = []
        ends: list[NDArray[np.float32]] = []
        count = len(batch.noises) * len(denoisers) * len(built) + len(recorded)
        for each, (called, denoiser) in product(batch.noises, denoisers.items()):
            covariance = each.on(structure).covariance
            model = denoiser.build(data, np.stack(states), covariance, batch.device, watch.ask, part)
            answers.update(dict.fromkeys(answered(called, model)))
            for name, choice in samplers.items():
                number = len(made)
                schedule, sampler, off = fitting(choice, denoiser, which)
                answers.update(dict.fromkeys(off))

                def told(done: int, steps: int, step: Step, number: int = number) -> bool:
                    share = (number + done / steps) / count
                    return watch.tell(share, f"run {number + 1} of {count}, step {done:,} of {steps:,}")

                ran = run_sampler(
                    structure,
                    model,
                    covariance,
                    schedule,
                    sampler,
                    batch.count,
                    batch.seed,
                    progress=told,
                    device=batch.device,
                    start=begin,
                )
                if ran.partial:
                    raise Cancelled
                made.append(variant(ran, each, name, denoiser=called if len(denoisers) > 1 else ""))
                ends.append(ran.final)
        for each_trace in recorded:
            watch.check(len(made) / count, f"run {len(made) + 1} of {count}, reading {each_trace.label}")
            run = each_trace.run(source.structure)
            made.append(each_trace.variant(run))
            ends.append(run.final)
        compared = Comparison(structure, tuple(made), batch.seed if built else None)
        if figure is not None:
            comparison_figure(compared, figure)
        return compared, ends

    compared, ends = yield work
    if by == "samples":
        named = dict(zip(names_of(compared.variants), ends, strict=True))
        gauge = next((choice.gauge for choice in denoisers.values()), "rotation")
        about = bonded if part is None else Part(bonded, part.moved)
        judged = yield lambda _: judge_samples(about, np.stack(states), named, state_weights, gauge)
        table, printed = judged.table(), judged.summary()
    else:
        table = printed = compared.table() if by == "summary" else compared.by_step()
    count = source.states(len(states))
    held = said_of_held(part, [sampler for _, sampler in built.values()])
    notes = (count, *held, *answers, *(f"{each.label}: {each.note}" for each in recorded), *source.notes)
    return CompareResult(compared, table, printed, notes)


def _check_count(
    noises: Sequence[NoiseChoice],
    denoisers: Mapping[str, DenoiserChoice],
    samplers: Mapping[str, SamplerChoice],
    traces: Sequence[tuple[str, int | None]],
) -> None:
    if bool(noises) != bool(samplers) or not (noises or traces):
        raise EdmNoiseError("no weights or no sampler given: give at least one of each, or traces")
    if noises and not denoisers:
        raise EdmNoiseError("no denoiser given: give at least one")
    count = len(noises) * len(denoisers) * len(samplers) + len(traces)
    if count > MOST:
        several = f"{len(denoisers)} denoisers times " if len(denoisers) > 1 else ""
        beside = f" and {len(traces)} trace{'' if len(traces) == 1 else 's'}" if traces else ""
        made = f"{len(noises)} weights times {several}{len(samplers)} samplers{beside}"
        raise EdmNoiseError(f"{made} are {count} variants: give at most {MOST}")


def _check_in_place(samplers: Mapping[str, SamplerChoice], traces: Sequence[tuple[str, int | None]]) -> None:
    """What held atoms do not allow."""
    if traces:
        raise EdmNoiseError("traces are of runs in which all atoms move: leave out traces or move")
    for choice in samplers.values():
        choice.check_in_place()


@dataclass
class _Recorded:
    """A trace that is to be compared, which of its atoms the compared ones are, and how it was read."""

    label: str
    fitted: Fitted
    rows: NDArray[np.int64]
    note: str = ""

    def run(self, structure: Structure) -> Run:
        """Read it."""
        trace = self.fitted.trace
        run = run_of(trace, structure, None, choose_steps(steps_to(trace, range(trace.ends)), _STEPS), self.rows)
        self.note = "; ".join([said(self.fitted, "the selection"), *([str(run.laid)] if run.laid else [])])
        return run

    def variant(self, run: Run) -> Variant:
        """Keep of it what is compared."""
        return variant(run, None, program_of(self.fitted.trace) or "unknown", self.label)


def _fitted(traces: Sequence[tuple[str, int | None]], given: Structure, watch: Watch) -> list[Fitted]:
    """One of the traces at least ended in the structure; others of the same atoms may have ended elsewhere."""
    found: dict[int, Fitted] = {}
    refused: dict[int, EdmNoiseError] = {}
    for number, (path, run) in enumerate(traces):
        watch.check(number / len(traces), f"trace {number + 1} of {len(traces)}")
        try:
            found[number] = fitting_trace(os.path.expanduser(path), given, run)
        except EdmNoiseError as error:
            refused[number] = error
    proven = [fitted for fitted in found.values() if not math.isnan(fitted.match.farthest)]
    for number, why in refused.items():
        path, run = traces[number]
        try:
            fitted = like(os.path.expanduser(path), run, proven[0]) if proven else None
        except EdmNoiseError:
            fitted = None
        if fitted is None:
            raise why
        found[number] = fitted
    return [found[number] for number in range(len(traces))]


_STEPS = (100,)
"""Of a trace, as many as are recorded of a run of ours."""


def _opened(traces: Sequence[tuple[str, int | None]], whole: Source, kept: Source, watch: Watch) -> list[_Recorded]:
    """Everything that can be refused of traces, before anything is sampled.

    A run's output file may hold hydrogens and solvent that are not compared, so it is matched whole.
    """
    order = file_order(whole)
    given = whole.structure.take(order)
    where = {index: row for row, index in enumerate(whole.index)}
    compared = np.array([where[index] for index in kept.index])
    found = []
    for (path, _), fitted in zip(traces, _fitted(traces, given, watch), strict=True):
        if not all(math.isfinite(link.sigma) for link in fitted.trace.way(0)):
            raise EdmNoiseError(f"no levels are known of {path}: only runs with levels can be compared")
        rows = np.empty_like(order)
        rows[order] = fitted.match.rows
        choose_steps(steps_to(fitted.trace, range(fitted.trace.ends)), _STEPS)
        found.append((fitted, rows[compared]))
    labels = _labels([path for path, _ in traces], [fitted for fitted, _ in found])
    return [_Recorded(label, fitted, rows) for label, (fitted, rows) in zip(labels, found, strict=True)]


def _labels(given: Sequence[str], found: Sequence[Fitted]) -> list[str]:
    """The name of each folder, as much of its path as tells them apart, and the number of the run of several."""
    paths = [os.path.abspath(os.path.expanduser(path)) for path in given]
    parts = [path.split(os.sep) for path in paths]
    length = 1
    while length < max(map(len, parts)) and len({tuple(p[-length:]) for p in parts}) < len(set(paths)):
        length += 1
    return [
        os.sep.join(part[-length:]) + (f":{fitted.run}" if fitted.runs > 1 else "")
        for part, fitted in zip(parts, found, strict=True)
    ]
