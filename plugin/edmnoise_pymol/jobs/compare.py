"""Sampling under several noises and samplers, as a user asks for it; nothing in PyMOL is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import Step
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.weights import Weights
from edmnoise.study.comparison import MOST, Comparison, Variant, variant
from edmnoise.study.figures.comparison import comparison_figure
from edmnoise.trajectories.run import run_sampler

from ..job import Cancelled, Job, Watch
from ..scene.ask import Cmd
from ..scene.states import read_states
from . import sampling


@dataclass(frozen=True, eq=False, repr=False)
class CompareResult(Legible):
    """What was compared, the table that was asked for, and what is to say."""

    comparison: Comparison
    table: Table
    notes: tuple[str, ...]


def compare(
    cmd: Cmd,
    selection: str,
    weights: Sequence[Weights | NoiseChoice],
    samplers: Mapping[str, SamplerChoice],
    denoiser: DenoiserChoice,
    samples: int,
    seed: int,
    by: str,
    figure: str | None,
    device: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    common: bool,
    ligands: str,
) -> Job[CompareResult]:
    """Sample from the loaded states under every noise and sampler; with the name of a figure, that is drawn too.

    Each variant is the run that `edmnoise_pymol.jobs.sampling.sample` makes of the same arguments and seed.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    weights
        What has the noise covariances, each as in `edmnoise_pymol.jobs.noise.noise`.
    samplers
        Solvers or presets and their settings, by the name that tables give them.
    denoiser, samples, seed, device, state, hydrogens, solvent, common, ligands
        As in `edmnoise_pymol.jobs.sampling.sample`.
    by
        "summary" for a row for each variant, "step" for one for each of its steps.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used, before anything is sampled.
    """
    if not weights or not samplers:
        raise EdmNoiseError("no weights or no sampler given: give at least one of each")
    count = len(weights) * len(samplers)
    if count > MOST:
        raise EdmNoiseError(
            f"{len(weights)} weights times {len(samplers)} samplers are {count} variants: give at most {MOST}"
        )
    built = {name: choice.build() for name, choice in samplers.items()}
    check_seed(seed)
    chosen = sampling.torch_device(device)
    source, states = yield from read_states(cmd, selection, state, hydrogens, solvent, common, ligands)
    denoiser.check(len(states), source.object)
    structure = source.structure

    def work(watch: Watch) -> Comparison:
        made: list[Variant] = []
        for each in map(NoiseChoice.of, weights):
            covariance = each.on(structure).covariance
            model = denoiser.build(structure, np.stack(states), covariance, chosen)
            for name, (schedule, sampler) in built.items():
                number = len(made)

                def told(done: int, steps: int, step: Step, number: int = number) -> bool:
                    share = (number + done / steps) / count
                    return watch.tell(share, f"run {number + 1} of {count}, step {done:,} of {steps:,}")

                ran = run_sampler(
                    structure, model, covariance, schedule, sampler, samples, seed, progress=told, device=chosen
                )
                if ran.partial:
                    raise Cancelled
                made.append(variant(ran, each, name))
        compared = Comparison(structure, tuple(made), seed)
        if figure is not None:
            comparison_figure(compared, figure)
        return compared

    compared = yield work
    table = compared.table() if by == "summary" else compared.by_step()
    notes = (f"{len(states)} state{'' if len(states) == 1 else 's'} of {source.object}", *source.notes)
    return CompareResult(compared, table, notes)
