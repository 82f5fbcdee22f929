"""The measures that every sweep knows: displacement at each level, what noise destroys, where sampling freezes out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from ..diffusion.denoisers.choice import DenoiserChoice
from ..diffusion.samplers.choice import SamplerChoice
from ..frames.damage import Native, measure_damage
from ..frames.damage_measures import MEASURES as DAMAGE
from ..frames.displacement import NESTED, measure_displacement
from ..noise.processes.multiscale import MultiscaleNoise
from ..noise.processes.nested import Nested
from ..noise.theory.statistics import NoiseStatistics
from ..noise.weights import Weights
from ..structure.structure import Structure
from ..study.levels import ATOM, ATOM_IN_RESIDUE, RESIDUE, RESIDUE_IN_CHAIN
from ..trajectories.run import run_sampler
from .measures import Value
from .tasks import Case

SHOWN = (ATOM, RESIDUE, RESIDUE_IN_CHAIN, ATOM_IN_RESIDUE)


def levels(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.levels.z_table`, from the same draws: RMS per coordinate, angstrom."""
    structure, weights, sigma = case.structure, case.noise_weights, case.sigma
    moved = measure_displacement(structure, _noised(case), only=SHOWN)
    theory = case.loaded.once(_theory, weights)
    expected = {m: theory.displacement(m.level, m.relative_to).rms(sigma) for m in SHOWN}
    ratio, spread = case.loaded.once(_ratio, weights, case.setting.count)
    return {
        "atom": moved.rms(ATOM),
        "residue": moved.rms(RESIDUE),
        "residue expected": expected[RESIDUE],
        "residue / atom": moved.ratio,
        "ratio expected": ratio,
        "ratio spread": spread,
        "residue in chain": moved.rms(RESIDUE_IN_CHAIN),
        "in chain expected": expected[RESIDUE_IN_CHAIN],
        "atom in residue": moved.rms(ATOM_IN_RESIDUE),
        "in residue expected": expected[ATOM_IN_RESIDUE],
    }


def damage(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.damage.DamageStudy.table` without its errors, from the same draws."""
    found = measure_damage(case.loaded.once(Native.of), _noised(case))
    values = {measure.name: found.mean(measure) for measure in DAMAGE}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _noised(case: Case) -> Iterator[torch.Tensor]:
    """The frames of a case, (s, N, 3) at a time."""
    process = MultiscaleNoise(case.structure.hierarchy, case.noise_weights)
    numbers = range(case.setting.first, case.setting.first + case.setting.count)
    return process.blocks(case.sigma, numbers, case.setting.seed, case.structure.coordinates)


def _theory(structure: Structure, weights: Weights) -> NoiseStatistics:
    return NoiseStatistics(structure.hierarchy, weights)


def _ratio(structure: Structure, weights: Weights, draws: int) -> tuple[float, float]:
    """Mean and scatter of the ratio residue/atom, which every noise level shares."""
    return _theory(structure, weights).ratio_scatter(draws)


def freeze_out(case: Case) -> Mapping[str, Value]:
    """Freeze-out of samples from the exact denoiser of the file's models, angstrom; nothing where it has one model."""
    setting, structure = case.setting, case.structure
    assert setting.sampler is not None
    states = case.loaded.states
    labels = {part: part.label(structure.hierarchy) for part in NESTED}
    if len(states) == 1:
        return {"models": 1, **dict.fromkeys(labels.values())}
    covariance = Nested(structure.hierarchy, case.noise_weights)
    model = DenoiserChoice().build(structure, states, covariance)
    schedule, sampler = SamplerChoice(**dict(setting.sampler)).build()
    made = run_sampler(structure, model, covariance, schedule, sampler, setting.count, setting.seed)
    frozen = {labels[part]: None if math.isnan(sigma) else sigma for part, sigma in made.freeze_out().items()}
    return {"models": len(states), **frozen}
