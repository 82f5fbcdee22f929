"""Sampling as a user asks for it: the loaded states as an exact denoiser, a sampler, and the trajectory as objects."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.denoiser import Denoiser
from edmnoise.diffusion.denoisers.held import HeldDenoiser, LaidStates
from edmnoise.diffusion.denoisers.learned import LearnedDenoiser
from edmnoise.diffusion.names import called
from edmnoise.diffusion.precondition import Preconditioner, precondition_table
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import Sampler, Step
from edmnoise.diffusion.samplers.schedule import Schedule
from edmnoise.diffusion.samplers.units import in_words
from edmnoise.frames.displacement import measure_displacement
from edmnoise.learning.model import NetworkDenoiser
from edmnoise.noise.process import NoiseChoice, check_linear
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.theory.scales import measured_scales
from edmnoise.structure.part import Part, moving
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import RESIDUE_IN_CHAIN
from edmnoise.trajectories.run import Run
from edmnoise.trajectories.sampling import Recorded, Recording, record

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.growing import Frames, Growing
from ..scene.objects import check_free_name
from ..scene.selected import Selected
from ..scene.source import moved_part, reading
from .drawn import Batch
from .run_objects import SampleResult, coloured, ends_of, object_names, states_of
from .starts import read_data

_FITS = 0.001
"""RMSD, angstrom, that is only rounding."""

_SIDE_BY_SIDE = 6
"""Most states whose fits are said one by one."""

Shown = tuple[Recorded, Frames, Frames]
"""A step, and its noisy and denoised samples (B, N, 3) laid on the reference."""


def sample(
    cmd: Cmd,
    which: Selected,
    batch: Batch,
    denoiser: DenoiserChoice,
    choice: SamplerChoice,
    distribution: SigmaDistribution,
    name: str | None,
    trajectory: bool,
    denoised: bool,
    start: str | None,
) -> Job[SampleResult]:
    """Sample from the states of a loaded object, or of several objects of the same atoms.

    Who looks on (`edmnoise_pymol.job.Watch.every`) sees the objects from the start, and each recorded step as another
    state, laid on the reference by its denoised estimate; at the end, or when the run is cancelled, the states are
    written again, laid on the reference by the end of their trajectory and marked partial where that is not the end of
    the schedule. A job that is closed in mid-run, as a window is, removes its objects: only Cancel keeps what there is.

    Parameters
    ----------
    which
        Atoms of one object (its states are the data) or of several (the shown state of each). Those that move are
        sampled, given the others, which are held where the reference has them.
    batch
        Noise and samples.
    denoiser
        Of the states, or a network; and what of it is chosen.
    choice
        Solver or preset and its settings.
    distribution
        What gives z.
    name
        What the names of the objects begin with.
    trajectory
        Objects hold the steps of each sample; otherwise one object holds the samples.
    denoised
        Whether another object holds the denoised estimates beside the noisy steps.
    start
        What is noised to the first level: a state's number, or atoms of another object in the state that is shown. It
        is the reference then.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    schedule, sampler, off = fitting(choice, denoiser, which)
    if name is not None:
        check_free_name(cmd, name)
    source, states, begun = yield from read_data(cmd, which, start)
    denoiser.check(len(states), source.called())
    data = source.structure
    if begun is not None:
        source = begun.shown(source)
    structure = source.structure
    held = moved_part(cmd, source, which)

    def prepare(watch: Watch) -> tuple[Recording, float, tuple[str, ...]]:
        """Build the model: seconds for an elastic network."""
        watch.check(0.0, "building the denoiser")
        covariance = batch.noise.on(held or data).covariance
        model = denoiser.build(data, np.stack(states), covariance, batch.device, watch.ask, held)

        def told(done: int, steps: int, step: Step) -> bool:
            return watch.tell(done / steps, f"step {done:,} of {steps:,}, sigma {step.target:.3g} A")

        begin = None if begun is None else begun.coordinates
        recording = record(
            held or structure,
            model,
            covariance,
            schedule,
            sampler,
            batch.count,
            batch.seed,
            progress=told,
            device=batch.device,
            start=begin[held.moved] if held and begin is not None else begin,
        )
        watch.check(0.0, "sampling")
        return recording, watch.every, answered(denoiser.name, model)

    recording, every, answers = yield prepare
    mark = "" if begun is None else f" start={begun.name}"
    names = object_names(cmd, f"{source.object}_sample", name, range(1, batch.count + 1), trajectory, denoised)
    shown = Growing(cmd, source, names) if every < math.inf else None
    try:
        made: Run | None = None
        while made is None:
            pause = every if shown is None else shown.pause(every)
            piece, made = yield partial(_advance, recording, held or structure, pause)
            if shown is not None and made is None:
                _show_steps(shown, piece, names, schedule.steps, trajectory, denoised, mark)
        frames = states_of(names, made, trajectory, denoised, mark)
        if shown is None:
            shown = Growing(cmd, source, tuple(frames))
        shown.write(frames)
        reference, ends = ends_of(made, shown.structure, shown.order)
        moved = yield lambda _: measure_displacement(moving(reference), [ends], only=[RESIDUE_IN_CHAIN])
        shown.check()
        colouring = coloured(cmd, reference, moved, shown.names)
        table = yield lambda _: made.table(distribution)
    except BaseException:
        if shown is not None:
            shown.remove()
        raise
    notes = [source.states(len(states)), *answers, *source.notes]
    notes[1:1] = [*said_of_held(held, [sampler]), *off]
    if begun is not None:
        top = schedule.sigmas[0]
        notes.append(f"{begun.said} noised to {top:.4g} A, {schedule.steps} steps back; {in_words(top, distribution)}")
    if made.partial:
        notes.append(f"{made.ended}: what was made is kept, marked partial")
    return SampleResult(shown.names, source.object, made, table, colouring, tuple(notes))


def _advance(
    recording: Recording, structure: Structure | Part, seconds: float, _: Watch
) -> tuple[list[Shown], Run | None]:
    """Go on for so long: what was recorded meanwhile, laid on the structure or among the atoms that are held, and the
    run where it has ended."""
    piece: list[Shown] = []
    end = time.monotonic() + seconds
    while True:
        try:
            step = next(recording)
        except StopIteration as ended:
            return piece, ended.value
        if seconds < math.inf:
            if isinstance(structure, Part):
                piece.append((step, structure.filled(step.noisy), structure.filled(step.denoised)))
            else:
                piece.append((step, *step.laid_on(structure)))
            if time.monotonic() >= end:
                return piece, None


def _show_steps(
    shown: Growing,
    piece: Sequence[Shown],
    names: Sequence[str],
    steps: int,
    trajectory: bool,
    denoised: bool,
    mark: str,
) -> None:
    for step, noisy, clean in piece:
        title = f"{step.step}/{steps} step={step.step} sigma={step.sigma:.6g}{mark} growing edmsample"
        for number, sample_number in enumerate(step.samples):
            if not trajectory:
                shown.add(names[0], noisy[number], title, sample_number + 2)
            elif denoised:
                shown.add(names[2 * sample_number], noisy[number], title)
                shown.add(names[2 * sample_number + 1], clean[number], title)
            else:
                shown.add(names[sample_number], noisy[number], title)
    shown.show()


def precondition(
    cmd: Cmd, which: Selected, noise: NoiseChoice, distribution: SigmaDistribution, z: Sequence[float], rule: str
) -> Job[Table]:
    """c_skip, c_out, c_in and c_noise of each level over noise levels, and what each rule costs, for a selection."""
    check_linear(noise)
    structure = (yield from reading(cmd, which)).structure
    sigmas = [distribution.sigma(score) for score in z]

    def work(_: Watch) -> Table:
        made = Preconditioner.of(noise, structure, measured_scales(structure))
        return precondition_table(made, sigmas, rule)

    return (yield work)


def fitting(choice: SamplerChoice, denoiser: DenoiserChoice, which: Selected) -> tuple[Schedule, Sampler, list[str]]:
    """The schedule and the sampler for a denoiser, and what is to say of switches that are off for it.

    EdmNoiseError for values that do not fit, and for what held atoms do not allow.
    """
    if which.move is not None:
        choice.check_in_place()
        return *choice.build(), []
    schedule, sampler = choice.beside(denoiser.gauge).build()
    off = [name for name in choice.build()[1].motions if name not in sampler.motions]
    how = "lie" if denoiser.gauge == "fixed" else "are turned"
    said = f"{', '.join(off)} off: denoiser={called(denoiser.name)} knows its states as they {how}"
    return schedule, sampler, [said] if off else []


def said_of_held(part: Part | None, samplers: Sequence[Sampler]) -> list[str]:
    """What is to say of held atoms: how many there are, and what of samplers they switch off."""
    if part is None:
        return []
    off = dict.fromkeys(motion for sampler in samplers for motion in sampler.motions)
    return [str(part), *([f"{', '.join(off)} off: held atoms are the frame"] if off else [])]


def answered(name: str | Callable[..., Any], model: Denoiser) -> tuple[str, ...]:
    """What is to say of a denoiser: what a network answered before it was used, or how it was trained; how well states
    fit held atoms."""
    if isinstance(model, LaidStates):
        fits = ", ".join(f"{rmsd:.3f}" for rmsd in model.fit)
        if len(model.fit) > _SIDE_BY_SIDE:
            fits = f"{min(model.fit):.3f} to {max(model.fit):.3f}"
        return (f"held atoms of the states fit at RMSD {fits} A",) if max(model.fit) > _FITS else ()
    if isinstance(model, HeldDenoiser):
        said = answered(name, model.whole)
        return (*said, "what the network makes of clean held atoms is its own approximation") if said else ()
    if isinstance(model, LearnedDenoiser):
        return (f"{called(name)}: {model.report.sentence}",)
    return (f"{called(name)}: {model.about}",) if isinstance(model, NetworkDenoiser) else ()
