"""Sampling as a user asks for it: the loaded states as an exact denoiser, a sampler, and the trajectory as objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.base.table import check_path as check_table_path
from edmnoise.diffusion.elastic_network import ElasticNetwork
from edmnoise.diffusion.precondition import RULES, Preconditioner, coefficient_table, measured_scales
from edmnoise.diffusion.presets import PRESETS, SIGMA_DATA, preset
from edmnoise.diffusion.sampler import Churn, Sampler, Step
from edmnoise.diffusion.schedule import Schedule, karras
from edmnoise.diffusion.solvers import SOLVERS
from edmnoise.diffusion.states import StatesDenoiser
from edmnoise.frames.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.nested import Nested
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.structure import Structure
from edmnoise.study.figures import freeze_out_figure
from edmnoise.study.report import RESIDUE_IN_CHAIN
from edmnoise.study.sampling import Run, run

from . import bridge, looks
from .colouring import Colouring, Painter
from .jobs import Job, Watch

DENOISERS = {"states": "rotation", "translation": "translation", "fixed": "fixed", "kabsch": "kabsch"}
"""Exact denoisers of the loaded states by name, and how their states may lie in space; kabsch is an approximation."""

DEFAULT_STEPS = 40
SIGMA_MIN, SIGMA_MAX = 4e-4 * SIGMA_DATA, 160.0 * SIGMA_DATA
"""Lowest and highest level in angstrom where none is given: AlphaFold 3's."""


@dataclass(frozen=True)
class SamplerChoice:
    """A solver or preset by name and what of it is to be changed; None leaves a thing as it is."""

    name: str = "heun"
    steps: int | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    rho: float | None = None
    churn: float | None = None
    step_scale: float | None = None
    noise_scale: float | None = None
    center: bool | None = None
    augment: bool | None = None
    align: bool | None = None

    def build(self) -> tuple[Schedule, Sampler]:
        """The schedule and the sampler; EdmNoiseError for an unknown name or values that do not fit."""
        if self.name in PRESETS:
            published = preset(self.name)
            steps = published.steps if self.steps is None else self.steps
            levels = (self.sigma_max, self.sigma_min, self.rho)
            schedule = published.schedule(steps) if levels == (None,) * 3 else self._levels(steps)
            sampler = published.sampler(steps)
        elif self.name in SOLVERS:
            schedule = self._levels(DEFAULT_STEPS if self.steps is None else self.steps)
            sampler = Sampler(self.name, center=True, rotate=True, translate=0.0)
        else:
            raise EdmNoiseError(f"no sampler {self.name!r}: the known ones are {', '.join([*SOLVERS, *PRESETS])}")
        if self.churn is not None:
            churn = replace(sampler.churn, gamma=self.churn) if self.name in PRESETS else Churn(self.churn)
            sampler = replace(sampler, churn=churn)
        if self.step_scale is not None:
            sampler = replace(sampler, step_scale=self.step_scale)
        if self.noise_scale is not None:
            sampler = replace(sampler, noise_scale=self.noise_scale)
        if self.center is not None:
            sampler = replace(sampler, center=self.center)
        if self.augment is not None:
            sampler = replace(sampler, rotate=self.augment, translate=sampler.translate if self.augment else 0.0)
        if self.align is not None:
            sampler = replace(sampler, align="denoised" if self.align else "none")
        return schedule, sampler

    def _levels(self, steps: int) -> Schedule:
        high = SIGMA_MAX if self.sigma_max is None else self.sigma_max
        low = SIGMA_MIN if self.sigma_min is None else self.sigma_min
        return karras(steps, low, high, 7.0 if self.rho is None else self.rho)


@dataclass(frozen=True, eq=False)
class SampleResult:
    """Objects made, what was recorded, its table, and the colours."""

    names: tuple[str, ...]
    run: Run
    table: Table
    colouring: Colouring
    notes: tuple[str, ...]


def sample(
    cmd: bridge.Cmd,
    selection: str,
    weights: Weights,
    distribution: SigmaDistribution,
    denoiser: str = "states",
    choice: SamplerChoice = SamplerChoice(),
    samples: int = 1,
    trajectory: bool = True,
    denoised: bool = False,
    seed: int = 0,
    name: str | None = None,
    device: str = "auto",
    hydrogens: bool = True,
    solvent: bool = False,
    state_weights: Sequence[float] | None = None,
    fluctuations: Sequence[float] | str | None = None,
    level_weights: Sequence[float] = (0.0, 0.0),
) -> Job[SampleResult]:
    """Sample from the states of a loaded object, or of several objects of the same atoms.

    Parameters
    ----------
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    weights, distribution
        Noise covariance, and what gives z.
    denoiser
        A name from DENOISERS.
    choice
        Solver or preset and its settings.
    samples
        Number of samples.
    trajectory
        Objects hold the steps of each sample; otherwise one object holds the samples.
    denoised
        Whether another object holds the denoised estimates beside the noisy steps.
    seed, name, hydrogens, solvent
        As in `edmnoise_pymol.service.noise`.
    device
        "auto" (a GPU if there is one), "cpu" or "cuda".
    state_weights
        Probability of each state; equal where not given.
    fluctuations
        Standard deviations (chain, residue, atom) per coordinate of each state's own motion, angstrom; or "network"
        for the elastic network of the first state's residue contacts.
    level_weights
        How far residue and chain estimates replace the means of the atoms in the step, (residue, chain).

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    if denoiser not in DENOISERS:
        raise EdmNoiseError(f"no denoiser {denoiser!r}: the known ones are {', '.join(DENOISERS)}")
    schedule, sampler = choice.build()
    if len(level_weights) != 2:
        raise EdmNoiseError(f"level_weights are {list(level_weights)}: give two numbers, residue and chain")
    sampler = replace(sampler, residue_weight=level_weights[0], chain_weight=level_weights[1])
    check_seed(seed)
    chosen = _device(device)
    if name is not None:
        bridge.check_free_name(cmd, name)
    source, states = bridge.read_states(cmd, selection, hydrogens, solvent)
    structure = source.structure
    name = name or bridge.free_name(cmd, f"{source.object}_sample")
    covariance = Nested(structure.hierarchy, weights.by_level)
    model = StatesDenoiser(
        torch.tensor(np.stack(states)).mT.to(chosen),
        covariance,
        state_weights,
        DENOISERS[denoiser],
        _fluctuations(structure, fluctuations),
        structure.hierarchy,
    )

    def work(watch: Watch) -> Run:
        def told(done: int, steps: int, step: Step) -> bool:
            return watch.tell(done / steps, f"step {done:,} of {steps:,}, sigma {step.target:.3g} A")

        return run(structure, model, covariance, schedule, sampler, samples, seed, progress=told, device=chosen)

    made = yield work
    frames = _objects(name, made, trajectory, denoised)
    placed: bridge.Placed | None = None
    created: list[str] = []
    try:
        for target, (coordinates, titles) in frames.items():
            placed = bridge.new_object(cmd, source, target)
            created.append(target)
            with bridge.appended_frames(cmd, target, len(coordinates)) as append:
                append(coordinates[:, placed.order])
            bridge.set_titles(cmd, target, ["ref", *titles])
    except BaseException:
        for target in created:
            cmd.delete(target)
        raise
    assert placed is not None
    colouring = _coloured(cmd, placed, made, tuple(frames))
    count = f"{len(states)} state{'' if len(states) == 1 else 's'} of {source.object}"
    return SampleResult(tuple(frames), made, made.table(distribution), colouring, (count, *source.notes))


def precondition(
    cmd: bridge.Cmd, selection: str, weights: Weights, distribution: SigmaDistribution, z: Sequence[float], rule: str
) -> Job[Table]:
    """c_skip, c_out, c_in and c_noise of each level over noise levels, and what each rule costs, for a selection."""
    if rule not in RULES:
        raise EdmNoiseError(f"no rule {rule!r}: the known ones are {', '.join(RULES)}")
    structure = bridge.read_source(cmd, selection).structure
    sigmas = [distribution.sigma(score) for score in z]

    def work(_: Watch) -> Table:
        made = Preconditioner(structure.hierarchy, weights, measured_scales(structure))
        return coefficient_table(made, sigmas, rule)

    return (yield work)


FIGURE_ENDING = ".png"


def check_path(path: str) -> str:
    """Return a path that `write` can write; EdmNoiseError for an ending that is not known."""
    if path.lower().endswith(FIGURE_ENDING):
        return path
    return check_table_path(path)


def write(result: SampleResult, path: str) -> None:
    """Write the table (.csv, .json) or the figure (.png) of what each level still has to go."""
    if path.lower().endswith(FIGURE_ENDING):
        freeze_out_figure(result.run, path)
    else:
        result.table.save(path)


def _objects(name: str, made: Run, trajectory: bool, denoised: bool) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Name -> frames (S, N, 3) and their titles, for each object to make."""
    mark = " partial" if made.partial else ""
    if not trajectory:
        titles = [f"{k}/{len(made.final)} sample{mark} edmsample" for k in range(1, len(made.final) + 1)]
        return {name: (made.final, titles)}
    total = len(made.steps)
    steps = [
        f"{k}/{total} step={step} sigma={sigma:.6g}{mark} edmsample"
        for k, (step, sigma) in enumerate(zip(made.steps.tolist(), made.sigmas.tolist(), strict=True), 1)
    ]
    titles = [*steps, f"end sigma={made.last_sigma:.6g}{mark} edmsample"]
    objects = {}
    for sample_number in range(len(made.final)):
        tail = "" if len(made.final) == 1 else f"_{sample_number + 1}"
        end = made.final[None, sample_number]
        objects[name + tail] = (np.concatenate([made.noisy[:, sample_number], end]), titles)
        if denoised:
            objects[f"{name}{tail}_denoised"] = (np.concatenate([made.denoised[:, sample_number], end]), titles)
    return objects


def _coloured(cmd: bridge.Cmd, placed: bridge.Placed, made: Run, names: Sequence[str]) -> Colouring:
    """Colour all objects alike: by how far the residues of the final samples lie from the reference."""
    moved = measure_displacement(placed.structure, [made.final[:, placed.order]], only=[RESIDUE_IN_CHAIN])
    values = np.sqrt(moved.by_group[RESIDUE_IN_CHAIN])
    low, high = float(values.min()), float(values.max())
    for name in names:
        Painter(cmd, name, RESIDUE_IN_CHAIN, PALETTES[DEFAULT_PALETTE], low, high).paint(moved)
    label = "RMS displacement of the samples from the reference, residue in chain,"
    colouring = Colouring(", ".join(names), label, DEFAULT_PALETTE, low, high, PALETTES[DEFAULT_PALETTE])
    for name in names:
        looks.explain(name, colouring)
    return colouring


def _fluctuations(structure: Structure, given: Sequence[float] | str | None) -> Nested | ElasticNetwork | None:
    """Covariance of each state's own motion."""
    if given is None:
        return None
    if isinstance(given, str):
        if given != "network":
            raise EdmNoiseError(f"fluctuations are {given!r}: give network, or three numbers in angstrom")
        return ElasticNetwork.from_structure(structure)
    if not (len(given) == 3 and min(given) >= 0 < given[2]):
        raise EdmNoiseError(
            f"fluctuations are {list(given)}: give three numbers in angstrom (chain residue atom), "
            "none negative, the last above 0"
        )
    return Nested(structure.hierarchy, [deviation**2 for deviation in reversed(given)])


def _device(name: str) -> str:
    if name not in ("auto", "cpu", "cuda"):
        raise EdmNoiseError(f"device is {name!r}: give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EdmNoiseError("device is 'cuda' and torch finds no GPU: give cpu or auto")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
