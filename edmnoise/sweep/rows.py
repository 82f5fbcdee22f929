"""The measures that every sweep knows: displacement at each level, what noise destroys, where sampling freezes out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from ..diffusion.denoisers.choice import DenoiserChoice
from ..diffusion.samplers.choice import SamplerChoice
from ..frames.damage import Native, measure_damage
from ..frames.damage_measures import MEASURES as DAMAGE
from ..frames.displacement import measure_displacement, nested
from ..noise.process import NoiseChoice, NoiseProcess, statistics_of
from ..structure.part import Part
from ..structure.structure import Structure
from ..study.levels import ATOM, RESIDUE, expected_rms
from ..trajectories.sampling import run_sampler
from .case import Case, Value
from .networks import built


def levels(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.levels.z_table`, from the same draws: RMS per coordinate, angstrom."""
    moving = case.moving
    hierarchy = moving.hierarchy
    inside = nested(hierarchy)[:-1]
    shown = (ATOM, RESIDUE, *inside)
    moved = measure_displacement(moving, _noised(case), only=shown)
    theory = statistics_of(_process(case), case.sigma)
    expected = {m: expected_rms(theory, m, case.sigma) for m in shown}
    ratio, spread = theory.ratio_scatter(case.setting.count) if theory else (math.nan, math.nan)
    values = {
        "atom": moved.rms(ATOM),
        "residue": moved.rms(RESIDUE),
        "residue expected": expected[RESIDUE],
        "residue / atom": moved.ratio,
        "ratio expected": ratio,
        "ratio spread": spread,
    }
    for part in inside:
        values[part.label(hierarchy)] = moved.rms(part)
        values[f"in {hierarchy.names[part.level + 1]} expected"] = expected[part]
    return _known(values)


def damage(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.damage.DamageStudy.table` without its errors, from the same draws."""
    part, frames = case.loaded.part, _noised(case)
    whole = frames if part is None else (part.filled(block.numpy()) for block in frames)
    found = measure_damage(case.loaded.once(Native.of), whole)
    return _known({measure.name: found.mean(measure) for measure in DAMAGE})


def _noised(case: Case) -> Iterator[torch.Tensor]:
    """The frames of a case, (s, m, 3) of the atoms that move at a time."""
    numbers = range(case.setting.first, case.setting.first + case.setting.count)
    return _process(case).blocks(case.sigma, numbers, case.setting.seed, case.moving.coordinates)


def _process(case: Case) -> NoiseProcess:
    """The noise of a case, with the closed forms that its noise levels share."""
    return case.loaded.once(_on, case.noise, case.loaded.part)


def _on(structure: Structure, noise: NoiseChoice, part: Part | None) -> NoiseProcess:
    return noise.on(part or structure)


def _known(values: Mapping[str, float]) -> Mapping[str, Value]:
    """What is no number left empty."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def freeze_out(case: Case) -> Mapping[str, Value]:
    """Freeze-out of samples, angstrom, from the exact denoiser of the file's models, or from a network.

    Nothing for the exact denoiser of a single model.
    """
    setting, structure, part = case.setting, case.structure, case.loaded.part
    assert setting.denoiser is not None
    assert setting.sampler is not None
    states = case.loaded.states
    labels = {part: part.label(structure.hierarchy) for part in nested(structure.hierarchy)}
    if len(states) == 1 and setting.network is None:
        return {"models": 1, **dict.fromkeys(labels.values())}
    covariance = _process(case).covariance
    choice, gauge = SamplerChoice(**dict(setting.sampler)), "rotation"
    if setting.network is not None:
        model = case.loaded.once(built, setting.denoiser, setting.network, case.noise, part)
    else:
        exact = DenoiserChoice(**dict(setting.denoiser))
        model, gauge = exact.build(structure, states, covariance, part=part), exact.gauge
    if part is not None:
        choice.check_in_place()
    schedule, sampler = choice.beside(gauge).build()
    made = run_sampler(part or structure, model, covariance, schedule, sampler, setting.count, setting.seed)
    frozen = {labels[part]: sigma for part, sigma in made.freeze_out().items()}
    return {"models": len(states), **_known(frozen)}
