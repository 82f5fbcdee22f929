"""A recorded run of another program as a user asks for it: its steps as objects, with the names of a structure."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.memory import check_frames_fit
from edmnoise.base.table import Table
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.structure.files.reading import SOURCES
from edmnoise.structure.hierarchy import as_read
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import RESIDUE_IN_CHAIN
from edmnoise.study.replay import Replay, replay
from edmnoise.trajectories.laid import run_of
from edmnoise.trajectories.opening import Fitted, Listed, fitting_trace, list_runs, program_of, runs_table, steps_to
from edmnoise.trajectories.run import Run
from edmnoise.trajectories.trace import KINDS, Trace

from ..job import Job, Watch
from ..scene import ask, stage
from ..scene.ask import Cmd
from ..scene.growing import Growing
from ..scene.objects import check_free_name
from ..scene.selected import Selected
from ..scene.source import Source, reading
from ..scene.structure_file import loaded
from .colouring import Colouring
from .run_objects import SampleResult, coloured, object_names, states_of


@dataclass(frozen=True, eq=False, repr=False)
class TraceResult(SampleResult):
    """As of a run of our own, and what the recorded sampler did."""

    replay: Replay | None

    @property
    def told(self) -> str:
        """What was opened, and below it a line for each thing that is to be known of it."""
        return "\n    ".join([f"object {', '.join(self.names)}: {self.notes[0]}", *self.notes[1:]])


@dataclass(frozen=True, repr=False)
class Wanted(Legible):
    """What is asked for of a trace.

    Attributes
    ----------
    path
        A trace, a folder of runs, or another program's file.
    run
        Number of the run in its folder, from 1; None for the one that the structure fits.
    schedule, kind
        Levels of another program's file, and what its frames are; None for what it says itself.
    samples
        Numbers of the samples, from 1; None for all.
    steps
        (how many at most,), spread evenly over the recorded ones; or (first, last, every).
    lay
        How steps are laid in one frame; None for the best that the trace allows.
    """

    path: str
    run: int | None = None
    schedule: Sequence[float] | str | None = None
    kind: str | None = None
    samples: Sequence[int] | None = None
    steps: Sequence[int] = (100,)
    lay: str | None = None


@dataclass(frozen=True)
class _Plan:
    """What of a trace is shown: where each atom of the structure is in it, which of these stay, samples from 0."""

    fitted: Fitted
    keep: NDArray[np.bool_]
    samples: tuple[int, ...]
    steps: tuple[int, ...]
    kinds: tuple[str, ...]


def show_trace(
    cmd: Cmd,
    wanted: Wanted,
    structure: str | None,
    denoised: bool,
    in_full: bool,
    name: str | None,
    distribution: SigmaDistribution,
    hydrogens: bool,
    solvent: bool,
) -> Job[TraceResult]:
    """Open a trace as one object a sample, whose states are the reference, the steps and the end.

    Parameters
    ----------
    wanted
        Which trace, and what of it.
    structure
        A structure file, or a loaded object or selection: names, bonds and looks of the atoms, and the reference; None
        for the names that were recorded.
    denoised, name
        As in `edmnoise_pymol.jobs.sampling.sample`.
    hydrogens, solvent
        As in `edmnoise_pymol.scene.selected.Selected`.
    in_full
        Whether what the sampler did is looked at in every sample, not only in the first.
    distribution
        What gives z.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    if name is not None:
        check_free_name(cmd, name)
    first = not ask.objects(cmd)
    file, given, source = yield from _names(cmd, structure)
    plan: _Plan = yield lambda _: _planned(wanted, given, denoised, hydrogens, solvent)
    with tempfile.TemporaryDirectory(prefix="edmnoise_") as folder:
        if structure is None:
            file = yield lambda _: _written(plan.fitted.structure, folder)
        with nullcontext() if file is None else loaded(cmd, file) as held:
            if held is not None:
                source = yield from reading(cmd, Selected(held, 1, solvent=True))
                _check_same(structure or "the recorded names", source, plan.fitted.structure)
            assert source is not None
            shown, rows = _shown(source, plan)
            run, did = yield lambda watch: _read(plan, wanted.lay, shown.structure, rows, in_full, watch)
            table, ranges = yield lambda _: (run.table(distribution), _ranges(run))
            numbers = [sample + 1 for sample in plan.samples]
            names = object_names(cmd, _stem(plan, wanted.path), name, numbers, True, len(plan.kinds) > 1)
            colouring = yield from _objects(cmd, shown, plan, run, names)
    if first:
        stage.look_at(cmd, names[0])
    notes = (*_notes(plan, structure or "its recorded names", run, did), *ranges, *shown.notes)
    about = source.object if file is None else structure or ""
    return TraceResult(names, about, run, table, colouring, notes, did)


def runs_in(path: str) -> Job[tuple[Sequence[Listed], Table]]:
    """The runs of a folder or file, and their table; errors as in `edmnoise.trajectories.opening.list_runs`."""
    runs = yield lambda _: list_runs(os.path.expanduser(path))
    return runs, runs_table(runs)


def _names(cmd: Cmd, structure: str | None) -> Job[tuple[str | None, Structure | None, Source | None]]:
    """The path of a structure file, or what is loaded; and its atoms as they stand in their file."""
    if structure is None:
        return None, None, None
    file = _file(cmd, structure)
    if file is not None:
        given = yield lambda _: read_structure(file, solvent=True)
        return file, given, None
    source = yield from reading(cmd, Selected(structure, solvent=True))
    return None, source.structure.take(file_order(source)), source


def _written(structure: Structure, folder: str) -> str:
    """The recorded names as a file, for PyMOL gives bonds and looks to what it loads."""
    path = os.path.join(folder, "recorded.cif")
    write_frames(path, structure, structure.coordinates[None])
    return path


def _stem(plan: _Plan, path: str) -> str:
    """What objects are called: as the folder or file, with the number of the run where there are several."""
    name = os.path.basename(os.path.abspath(os.path.expanduser(path)))
    stem = os.path.splitext(name.removesuffix(".gz"))[0]
    return f"{stem}_run{plan.fitted.run}" if plan.fitted.runs > 1 else stem


def _objects(cmd: Cmd, source: Source, plan: _Plan, run: Run, names: tuple[str, ...]) -> Job[Colouring]:
    """Make the objects and colour them; none is left where that fails."""
    # Where x was not kept the estimates are the steps.
    steps = run if "noisy" in plan.kinds else replace(run, noisy=run.denoised)
    made = Growing(cmd, source, names)
    try:
        ends = run.final[:, made.order]
        moved = yield lambda _: measure_displacement(made.structure, [ends], only=[RESIDUE_IN_CHAIN])
        made.check()
        colouring = coloured(cmd, made.structure, moved, names)  # PyMOL takes long to colour hundreds of states
        made.write(states_of(names, steps, True, len(plan.kinds) > 1))
        return colouring
    except BaseException:
        made.remove()
        raise


def _file(cmd: Cmd, structure: str) -> str | None:
    """The path of a structure file; None for what is loaded."""
    stem = structure.lower().removesuffix(".gz")
    if structure in ask.molecules(cmd) or not stem.endswith(tuple(SOURCES)):
        return None
    return os.path.expanduser(structure)


def file_order(source: Source) -> NDArray[np.int64]:
    """(N,) the atoms of a source as they stood in their file: PyMOL sorts them."""
    return np.argsort(source.rank, kind="stable")


def _check_same(structure: str, source: Source, given: Structure) -> None:
    """The file as PyMOL reads it must be the file as it was matched."""
    found = source.structure.coordinates[file_order(source)]
    if found.shape != given.coordinates.shape or not np.allclose(found, given.coordinates, atol=1e-3):
        raise EdmNoiseError(f"PyMOL reads other atoms in {structure} than edmnoise does: load it and give its name")


def _planned(wanted: Wanted, given: Structure | None, denoised: bool, hydrogens: bool, solvent: bool) -> _Plan:
    """Everything that can be refused, before anything is made."""
    fitted = fitting_trace(os.path.expanduser(wanted.path), given, wanted.run, wanted.schedule, wanted.kind)
    trace, atoms = fitted.trace, fitted.structure.atoms
    chosen = tuple(range(trace.ends)) if wanted.samples is None else tuple(n - 1 for n in wanted.samples)
    if max(chosen) >= trace.ends:
        raise EdmNoiseError(f"samples is {max(chosen) + 1}: the trace has the samples 1 to {trace.ends}")
    shown = choose_steps(steps_to(trace, chosen), wanted.steps)
    keep = (hydrogens | ~atoms.is_hydrogen) & (solvent | ~atoms.is_water)
    if not keep.any():
        raise EdmNoiseError(
            "the structure holds nothing but what hydrogens=0 and solvent=0 leave out: keep them with 1"
        )
    kinds = tuple(kind for kind in KINDS if kind in trace.kinds)[: 1 + denoised]
    # The run, the states as they are handed over, and those that PyMOL holds.
    frames = 2 * len(shown) + 2 + len(kinds) * 2 * (len(shown) + 2)
    check_frames_fit(len(chosen), frames * int(keep.sum()) * 12, what=f"samples of {len(shown)} steps")
    return _Plan(fitted, keep, chosen, shown, kinds)


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


def _shown(source: Source, plan: _Plan) -> tuple[Source, NDArray[np.int64]]:
    """The atoms that are shown, in PyMOL's order, and which atom of the trace each of them is."""
    order = file_order(source)
    rows, keep = np.empty_like(order), np.empty(len(order), dtype=np.bool_)
    rows[order], keep[order] = plan.fitted.match.rows, plan.keep
    return source.take(np.flatnonzero(keep)), rows[keep]


def _read(
    plan: _Plan, lay: str | None, structure: Structure, rows: NDArray[np.int64], in_full: bool, watch: Watch
) -> tuple[Run, Replay | None]:
    """The frames, and what the sampler did where both x and the estimates tell."""
    trace = plan.fitted.trace
    watch.check(0.0, "reading the trace")
    run = run_of(trace, structure, plan.samples, plan.steps, rows, lay)
    watch.check(0.7, "looking at what the sampler did")
    did = _done(trace, rows, plan.samples, in_full)
    watch.check(1.0, "reading the trace")
    return run, did


def _done(trace: Trace, rows: NDArray[np.int64], samples: Sequence[int], in_full: bool) -> Replay | None:
    """What the sampler did: to every sample and atom where it is asked for, else to some atoms of the first sample.

    Turns and noise are the same for all of them, so some say it as well; None where the trace cannot tell.
    """
    some = rows[:: max(1, len(rows) // _SOME)]
    try:
        return replay(trace, rows, samples) if in_full else replay(trace, some, samples[:1])
    except EdmNoiseError:
        if in_full:
            raise
        return None


def _ranges(run: Run) -> tuple[str, ...]:
    """Between which levels each part froze out, where steps were replayed; nothing where that is one level."""
    found = run.freeze_out_range() if run.laid is not None and run.laid.how == "replay" else {}
    said = [
        f"{part.label(run.structure.hierarchy)} {low:.3g} to {high:.3g} A"
        for part, (low, high) in as_read(found.items())
        if high > low * (1 + _ONE_LEVEL)
    ]
    return (f"freeze-out lies, in 95 of 100 such runs, between: {', '.join(said)}",) if said else ()


_ONE_LEVEL = 0.005
"""Levels that differ by a smaller share are printed alike."""


_SOME = 500
"""Atoms that are looked at where nobody asked what the sampler did: opening is not to take twice as long for it."""


def _notes(plan: _Plan, structure: str, run: Run, did: Replay | None) -> list[str]:
    """What is to be said of a trace that was opened; what was opened comes first."""
    fitted, trace = plan.fitted, plan.fitted.trace
    about = program_of(trace)
    name = f", {trace.info['name']}" if trace.info.get("name") else ""
    steps = len(steps_to(trace, plan.samples))
    continued = f", which continue some of {trace.samples}" if trace.ends < trace.samples else ""
    what = [
        *([f"recorded of {about}{name}"] if about else []),
        *([f"run {fitted.run} of {fitted.runs}"] if fitted.runs > 1 else []),
        f"{len(plan.samples)} of {trace.ends} samples{continued}, {len(plan.steps)} of {steps} steps",
    ]
    return [
        "; ".join(what),
        *([_ALONE[trace.kinds[0]]] if len(trace.kinds) == 1 else []),
        *trace.info.get("repairs", ()),
        *([f"levels: {trace.info['sigma']}"] if trace.info.get("sigma") else []),
        said(fitted, structure),
        *([] if trace.ended else ["the run had not ended when this was recorded"]),
        *([str(run.laid)] if run.laid is not None else []),
        *(did.findings if did else ()),
    ]


_ALONE = {
    "noisy": "noisy coordinates alone are there: how far estimates still had to go is not known",
    "denoised": "denoised estimates alone were recorded: they are the steps",
}
"""What is to be said where one kind of frames was kept."""


def said(fitted: Fitted, structure: str) -> str:
    """How a structure and a trace were matched."""
    match = fitted.match
    found = (
        f"{len(match.rows):,} atoms of {structure} found among the {fitted.trace.atoms:,} of the trace by {match.by}"
    )
    if match.by == "name":
        return f"{len(match.rows):,} atoms by {structure}"
    if match.by == "likeness":
        return f"it ended elsewhere: {len(match.rows):,} atoms as of the trace that ended in {structure}, with as many"
    if math.isnan(match.farthest):
        return f"{found}, which nothing proves: the end of the run was not recorded"
    return f"{found}, within {match.farthest:.2g} A of sample {match.sample + 1}"
