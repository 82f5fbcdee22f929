"""Sampling as a user asks for it: the loaded states as an exact denoiser, a sampler, and the trajectory as objects."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.precondition import Preconditioner, precondition_table
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import Step
from edmnoise.frames.displacement import Displacement, measure_displacement
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.theory.scales import measured_scales
from edmnoise.noise.weights import Weights
from edmnoise.structure.structure import Structure
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.sampling import freeze_out_figure
from edmnoise.study.levels import RESIDUE_IN_CHAIN
from edmnoise.trajectories.run import Recorded, Recording, Run, record

from ..job import Job, MakesObjects, Watch
from ..scene import ask, looks
from ..scene.ask import Cmd
from ..scene.growing import Frames, Growing
from ..scene.objects import check_free_name, legal_name
from ..scene.source import reading
from ..scene.states import read_states
from .colouring import Colouring, Painter, left_out, range_of, values_of

Shown = tuple[Recorded, Frames, Frames]
"""A step, and its noisy and denoised samples (B, N, 3) laid on the reference."""


@dataclass(frozen=True, eq=False, repr=False)
class SampleResult(MakesObjects, Legible):
    """Objects made and the one they were made from, what was recorded, its table, the colours, and what is to say."""

    names: tuple[str, ...]
    source: str
    run: Run
    table: Table
    colouring: Colouring
    notes: tuple[str, ...]


def sample(
    cmd: Cmd,
    selection: str,
    weights: Weights | NoiseChoice,
    distribution: SigmaDistribution,
    denoiser: DenoiserChoice,
    choice: SamplerChoice,
    samples: int,
    trajectory: bool,
    denoised: bool,
    seed: int,
    name: str | None,
    device: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    common: bool,
    ligands: str,
) -> Job[SampleResult]:
    """Sample from the states of a loaded object, or of several objects of the same atoms.

    Who looks on (`edmnoise_pymol.job.Watch.every`) sees the objects from the start, and each recorded step as another
    state, laid on the reference by its denoised estimate; at the end, or when the run is cancelled, the states are
    written again, laid on the reference by the end of their trajectory and marked partial where that is not the end of
    the schedule. A job that is closed in mid-run, as a window is, removes its objects: only Cancel keeps what there is.

    Parameters
    ----------
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    weights, distribution
        What has the noise covariance, as in `edmnoise_pymol.jobs.noise.noise`, and what gives z.
    denoiser
        Of the states, and what of it is chosen.
    choice
        Solver or preset and its settings.
    samples
        Number of samples.
    trajectory
        Objects hold the steps of each sample; otherwise one object holds the samples.
    denoised
        Whether another object holds the denoised estimates beside the noisy steps.
    seed, name, hydrogens, solvent, ligands
        As in `edmnoise_pymol.jobs.noise.noise`.
    device
        "auto" (a GPU if there is one), "cpu" or "cuda".
    state
        The state that is the data; 0 for all.
    common
        Whether to take the atoms that all states have, where they do not have the same.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    schedule, sampler = choice.build()
    noise = NoiseChoice.of(weights)
    check_seed(seed)
    chosen = torch_device(device)
    if name is not None:
        check_free_name(cmd, name)
    source, states = yield from read_states(cmd, selection, state, hydrogens, solvent, common, ligands)
    structure = source.structure
    denoiser.check(len(states), source.object)

    def prepare(watch: Watch) -> tuple[Recording, float]:
        """Build the model: seconds for an elastic network."""
        watch.check(0.0, "building the denoiser")
        covariance = noise.on(structure).covariance
        model = denoiser.build(structure, np.stack(states), covariance, chosen)

        def told(done: int, steps: int, step: Step) -> bool:
            return watch.tell(done / steps, f"step {done:,} of {steps:,}, sigma {step.target:.3g} A")

        recording = record(structure, model, covariance, schedule, sampler, samples, seed, progress=told, device=chosen)
        watch.check(0.0, "sampling")
        return recording, watch.every

    recording, every = yield prepare
    names = _names(cmd, source.object, name, samples, trajectory, denoised)
    shown = Growing(cmd, source, names) if every < math.inf else None
    try:
        made: Run | None = None
        while made is None:
            pause = every if shown is None else shown.pause(every)
            piece, made = yield partial(_advance, recording, structure, pause)
            if shown is not None and made is None:
                _show_steps(shown, piece, names, schedule.steps, trajectory, denoised)
        frames = _frames(names, made, trajectory, denoised)
        if shown is None:
            shown = Growing(cmd, source, tuple(frames))
        shown.write(frames)
        measured = partial(measure_displacement, shown.structure, [made.final[:, shown.order]])
        moved = yield lambda _: measured(only=[RESIDUE_IN_CHAIN])
        shown.check()
        colouring = _coloured(cmd, shown.structure, moved, shown.names)
        table = yield lambda _: made.table(distribution)
    except BaseException:
        if shown is not None:
            shown.remove()
        raise
    notes = [f"{len(states)} state{'' if len(states) == 1 else 's'} of {source.object}", *source.notes]
    if made.partial:
        notes.append(f"{made.ended}: what was made is kept, marked partial")
    return SampleResult(shown.names, source.object, made, table, colouring, tuple(notes))


def _advance(recording: Recording, structure: Structure, seconds: float, _: Watch) -> tuple[list[Shown], Run | None]:
    """Go on for so long: what was recorded meanwhile, laid on the structure, and the run where it has ended."""
    piece: list[Shown] = []
    end = time.monotonic() + seconds
    while True:
        try:
            step = next(recording)
        except StopIteration as ended:
            return piece, ended.value
        if seconds < math.inf:
            piece.append((step, *step.laid_on(structure)))
            if time.monotonic() >= end:
                return piece, None


def _show_steps(
    shown: Growing, piece: Sequence[Shown], names: Sequence[str], steps: int, trajectory: bool, denoised: bool
) -> None:
    for step, noisy, clean in piece:
        title = f"{step.step}/{steps} step={step.step} sigma={step.sigma:.6g} growing edmsample"
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
    cmd: Cmd,
    selection: str,
    weights: Weights,
    distribution: SigmaDistribution,
    z: Sequence[float],
    rule: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    ligands: str,
) -> Job[Table]:
    """c_skip, c_out, c_in and c_noise of each level over noise levels, and what each rule costs, for a selection."""
    structure = (yield from reading(cmd, selection, state, hydrogens, solvent, ligands)).structure
    sigmas = [distribution.sigma(score) for score in z]

    def work(_: Watch) -> Table:
        made = Preconditioner(structure.hierarchy, weights, measured_scales(structure))
        return precondition_table(made, sigmas, rule)

    return (yield work)


def write(result: SampleResult, path: str) -> None:
    """Write the table or, by the file's ending, the figure of what each level still has to go."""
    if is_figure(path):
        freeze_out_figure(result.run, path)
    else:
        result.table.save(path)


def _names(cmd: Cmd, source: str, name: str | None, samples: int, trajectory: bool, denoised: bool) -> tuple[str, ...]:
    """Names of the objects to make: one for each sample's steps, and for its denoised estimates, or one for all."""

    def of(stem: str) -> tuple[str, ...]:
        if not trajectory:
            return (stem,)
        tails = [""] if samples == 1 else [f"_{number}" for number in range(1, samples + 1)]
        return tuple(f"{stem}{tail}{kind}" for tail in tails for kind in (("", "_denoised") if denoised else ("",)))

    if name is not None:
        for target in of(name):
            check_free_name(cmd, target)
        return of(name)
    taken = {held.lower() for held in ask.names(cmd)}
    stem = stems = legal_name(cmd, f"{source}_sample")
    number = 1
    while taken & {target.lower() for target in of(stem)}:
        stem = f"{stems}_{number:02d}"
        number += 1
    return of(stem)


def _frames(names: Sequence[str], made: Run, trajectory: bool, denoised: bool) -> dict[str, tuple[Frames, list[str]]]:
    """Name -> frames (S, N, 3) and their titles, for each object."""
    mark = " partial" if made.partial else ""
    if not trajectory:
        titles = [f"{k}/{len(made.final)} sample{mark} edmsample" for k in range(1, len(made.final) + 1)]
        return {names[0]: (made.final, titles)}
    total = len(made.steps)
    steps = [
        f"{k}/{total} step={step} sigma={sigma:.6g}{mark} edmsample"
        for k, (step, sigma) in enumerate(zip(made.steps.tolist(), made.sigmas.tolist(), strict=True), 1)
    ]
    titles = [*steps, f"end sigma={made.last_sigma:.6g}{mark} edmsample"]
    objects = {}
    left = iter(names)
    for sample_number in range(len(made.final)):
        end = made.final[None, sample_number]
        for recorded in (made.noisy, made.denoised) if denoised else (made.noisy,):
            objects[next(left)] = (np.concatenate([recorded[:, sample_number], end]), titles)
    return objects


def _coloured(cmd: Cmd, structure: Structure, moved: Displacement, names: Sequence[str]) -> Colouring:
    """Colour all objects alike: by how far the residues of the final samples lie from the reference."""
    low, high = range_of(values_of(moved, RESIDUE_IN_CHAIN, "mean"))
    for name in names:
        Painter(cmd, name, RESIDUE_IN_CHAIN, PALETTES[DEFAULT_PALETTE], low, high).paint(moved)
    label = "RMS displacement of the samples from the reference, residue in chain,"
    still, anchors = left_out(RESIDUE_IN_CHAIN, structure), PALETTES[DEFAULT_PALETTE]
    colouring = Colouring(", ".join(names), label, DEFAULT_PALETTE, low, high, anchors, left_out=still)
    for name in names:
        looks.explain(name, colouring)
    return colouring


def torch_device(name: str) -> str:
    """The device that auto, cpu or cuda means here; EdmNoiseError for another name or a GPU that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise EdmNoiseError(f"device is {name!r}: give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EdmNoiseError("device is 'cuda' and torch finds no GPU: give cpu or auto")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
