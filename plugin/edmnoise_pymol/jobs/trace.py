"""A recorded run of another program as a user asks for it: its steps as objects, with the names of a structure."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.memory import check_frames_fit
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.structure.files import read_structure
from edmnoise.structure.files.reading import SOURCES
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import RESIDUE_IN_CHAIN
from edmnoise.trajectories.laid import run_of
from edmnoise.trajectories.matching import Match, match_atoms
from edmnoise.trajectories.run import Run
from edmnoise.trajectories.trace import KINDS, Trace, open_trace

from ..job import Job, Watch
from ..scene import ask
from ..scene.ask import Cmd
from ..scene.growing import Growing
from ..scene.objects import check_free_name
from ..scene.source import Source, reading
from ..scene.structure_file import loaded
from .colouring import Colouring
from .run_objects import SampleResult, coloured, object_names, states_of

_FRAME = (
    "steps are laid on the end of each sample by superposition: what it turned as a whole is not counted as to go, "
    "and freeze-out comes earlier where churn turns it"
)


@dataclass(frozen=True)
class _Plan:
    """What of a trace is shown: where each atom of the structure is in it, which of these stay, samples from 0."""

    trace: Trace
    match: Match
    keep: NDArray[np.bool_]
    samples: tuple[int, ...]
    steps: tuple[int, ...]
    kinds: tuple[str, ...]


def show_trace(
    cmd: Cmd,
    path: str,
    structure: str,
    samples: Sequence[int] | None,
    steps: Sequence[int],
    denoised: bool,
    name: str | None,
    distribution: SigmaDistribution,
    hydrogens: bool,
    solvent: bool,
) -> Job[SampleResult]:
    """Open a trace as one object a sample, whose states are the reference, the steps and the end.

    Parameters
    ----------
    path
        The folder.
    structure
        A structure file, or a loaded object or selection: names, bonds and looks of the atoms, and the reference.
    samples
        Numbers of the samples, from 1; None for all.
    steps
        (how many at most,), spread evenly over the recorded ones; or (first, last, every).
    denoised, name, hydrogens, solvent
        As in `edmnoise_pymol.jobs.sampling.sample`.
    distribution
        What gives z.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    if name is not None:
        check_free_name(cmd, name)
    trace = yield lambda _: open_trace(os.path.expanduser(path))
    file = _file(cmd, structure)
    if file is None:
        source = yield from reading(cmd, structure, solvent=True)
        given = source.structure.take(_file_order(source))
    else:
        given = yield lambda _: read_structure(file, solvent=True)
    plan: _Plan = yield lambda _: _planned(trace, given, samples, steps, denoised, hydrogens, solvent)
    with nullcontext() if file is None else loaded(cmd, file) as held:
        if held is not None:
            source = yield from reading(cmd, held, 1, solvent=True)
            _check_same(structure, source, given)
        source, rows = _shown(source, plan)
        run = yield lambda watch: _read(plan, source.structure, rows, watch)
        table = yield lambda _: run.table(distribution)
        stem = os.path.splitext(os.path.basename(os.path.abspath(os.path.expanduser(path))))[0]
        numbers = [sample + 1 for sample in plan.samples]
        names = object_names(cmd, stem, name, numbers, True, len(plan.kinds) > 1)
        colouring = yield from _objects(cmd, source, plan, run, names)
    notes = (*_notes(plan, structure), *source.notes)
    return SampleResult(names, structure if file else source.object, run, table, colouring, notes)


def _objects(cmd: Cmd, source: Source, plan: _Plan, run: Run, names: tuple[str, ...]) -> Job[Colouring]:
    """Make the objects and colour them; none is left where that fails."""
    # Where x was not kept the estimates are the steps.
    steps = run if "noisy" in plan.kinds else replace(run, noisy=run.denoised)
    made = Growing(cmd, source, names)
    try:
        made.write(states_of(names, steps, True, len(plan.kinds) > 1))
        ends = run.final[:, made.order]
        moved = yield lambda _: measure_displacement(made.structure, [ends], only=[RESIDUE_IN_CHAIN])
        made.check()
        return coloured(cmd, made.structure, moved, names)
    except BaseException:
        made.remove()
        raise


def _file(cmd: Cmd, structure: str) -> str | None:
    """The path of a structure file; None for what is loaded."""
    stem = structure.lower().removesuffix(".gz")
    if structure in ask.molecules(cmd) or not stem.endswith(tuple(SOURCES)):
        return None
    return os.path.expanduser(structure)


def _file_order(source: Source) -> NDArray[np.int64]:
    """(N,) the atoms of a source as they stood in their file: PyMOL sorts them."""
    return np.argsort(source.rank, kind="stable")


def _check_same(structure: str, source: Source, given: Structure) -> None:
    """The file as PyMOL reads it must be the file as it was matched."""
    found = source.structure.coordinates[_file_order(source)]
    if found.shape != given.coordinates.shape or not np.allclose(found, given.coordinates, atol=1e-3):
        raise EdmNoiseError(f"PyMOL reads other atoms in {structure} than edmnoise does: load it and give its name")


def _planned(
    trace: Trace,
    given: Structure,
    samples: Sequence[int] | None,
    steps: Sequence[int],
    denoised: bool,
    hydrogens: bool,
    solvent: bool,
) -> _Plan:
    """Everything that can be refused, before anything is made."""
    if "denoised" not in trace.kinds:
        raise EdmNoiseError("the trace holds no denoised estimates: steps are laid on the end by them")
    chosen = tuple(range(trace.samples)) if samples is None else tuple(number - 1 for number in samples)
    if max(chosen) >= trace.samples:
        raise EdmNoiseError(f"samples is {max(chosen) + 1}: the trace has the samples 1 to {trace.samples}")
    shown = choose_steps(trace.steps_of(chosen), steps)
    match = _matched(given, trace)
    keep = (hydrogens | ~given.atoms.is_hydrogen) & (solvent | ~given.atoms.is_water)
    if not keep.any():
        raise EdmNoiseError(
            "the structure holds nothing but what hydrogens=0 and solvent=0 leave out: keep them with 1"
        )
    kinds = tuple(kind for kind in KINDS if kind in trace.kinds)[: 1 + denoised]
    # The run, the states as they are handed over, and those that PyMOL holds.
    frames = 2 * len(shown) + 2 + len(kinds) * 2 * (len(shown) + 2)
    check_frames_fit(len(chosen), frames * int(keep.sum()) * 12, what=f"samples of {len(shown)} steps")
    return _Plan(trace, match, keep, chosen, shown, kinds)


def choose_steps(recorded: NDArray[np.int64], wanted: Sequence[int]) -> tuple[int, ...]:
    """The steps to show of those recorded: (how many at most,) spread evenly, or (first, last, every)."""
    if not len(recorded):
        raise EdmNoiseError("the samples have no step in common that was recorded: choose others")
    if len(wanted) == 1:
        places = np.linspace(0, len(recorded) - 1, min(wanted[0], len(recorded))).round().astype(int)
        return tuple(recorded[places].tolist())
    first, last, every = wanted
    found = recorded[(recorded >= first) & (recorded <= last)][::every]
    if not len(found):
        raise EdmNoiseError(
            f"steps is {first} {last} {every}: no step of these was recorded, only {recorded[0]} to {recorded[-1]}"
        )
    return tuple(found.tolist())


def _matched(given: Structure, trace: Trace) -> Match:
    """Which atom is which; in their order, unproven, where the trace does not hold the end of the run."""
    if trace.final is not None:
        return match_atoms(given, trace.final)
    if given.n_atoms != trace.atoms:
        raise EdmNoiseError(
            f"the structure has {given.n_atoms:,} atoms and the trace {trace.atoms:,}: the end of the run was not "
            "recorded, by which they could be told apart"
        )
    return Match(np.arange(given.n_atoms), 0, "order", math.nan)


def _shown(source: Source, plan: _Plan) -> tuple[Source, NDArray[np.int64]]:
    """The atoms that are shown, in PyMOL's order, and which atom of the trace each of them is."""
    order = _file_order(source)
    rows, keep = np.empty_like(order), np.empty(len(order), dtype=np.bool_)
    rows[order], keep[order] = plan.match.rows, plan.keep
    return source.take(np.flatnonzero(keep)), rows[keep]


def _read(plan: _Plan, structure: Structure, rows: NDArray[np.int64], watch: Watch) -> Run:
    watch.check(0.0, "reading the trace")
    run = run_of(plan.trace, structure, plan.samples, plan.steps, rows)
    watch.check(1.0, "reading the trace")
    return run


def _notes(plan: _Plan, structure: str) -> list[str]:
    """What is to be said of a trace that was opened."""
    trace, match, steps = plan.trace, plan.match, len(plan.trace.steps_of(plan.samples))
    named = f"{len(match.rows):,} atoms of {structure} found among the {trace.atoms:,} of the trace by {match.by}"
    if math.isnan(match.farthest):
        named += ", which nothing proves: the end of the run was not recorded"
    else:
        named += f", within {match.farthest:.2g} A of sample {match.sample + 1}"
    return [
        *([f"recorded of {trace.info['program']}"] if trace.info.get("program") else []),
        f"{len(plan.samples)} of {trace.samples} samples, {len(plan.steps)} of {steps} steps",
        *([] if "noisy" in plan.kinds else ["denoised estimates alone were recorded: they are the steps"]),
        named,
        *([] if trace.ended else ["the run had not ended when this was recorded"]),
        _FRAME,
    ]
