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
from ..structure.structure import Structure
from ..study.levels import ATOM, RESIDUE, expected_rms
from ..trajectories.run import run_sampler
from .case import Case, Value
from .networks import built


def levels(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.levels.z_table`, from the same draws: RMS per coordinate, angstrom."""
    hierarchy = case.structure.hierarchy
    inside = nested(hierarchy)[:-1]
    shown = (ATOM, RESIDUE, *inside)
    moved = measure_displacement(case.structure, _noised(case), only=shown)
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
    found = measure_damage(case.loaded.once(Native.of), _noised(case))
    return _known({measure.name: found.mean(measure) for measure in DAMAGE})


def _noised(case: Case) -> Iterator[torch.Tensor]:
    """The frames of a case, (s, N, 3) at a time."""
    numbers = range(case.setting.first, case.setting.first + case.setting.count)
    return _process(case).blocks(case.sigma, numbers, case.setting.seed, case.structure.coordinates)


def _process(case: Case) -> NoiseProcess:
    """The noise of a case, with the closed forms that its noise levels share."""
    return case.loaded.once(_on, case.noise)


def _on(structure: Structure, noise: NoiseChoice) -> NoiseProcess:
    return noise.on(structure)


def _known(values: Mapping[str, float]) -> Mapping[str, Value]:
    """What is no number left empty."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def freeze_out(case: Case) -> Mapping[str, Value]:
    """Freeze-out of samples, angstrom, from the exact denoiser of the file's models, or from a network.

    Nothing for the exact denoiser of a single model.
    """
    setting, structure = case.setting, case.structure
    assert setting.denoiser is not None
    assert setting.sampler is not None
    states = case.loaded.states
    labels = {part: part.label(structure.hierarchy) for part in nested(structure.hierarchy)}
    if len(states) == 1 and setting.network is None:
        return {"models": 1, **dict.fromkeys(labels.values())}
    covariance = _process(case).covariance
    if setting.network is not None:
        model = case.loaded.once(built, setting.denoiser, setting.network, case.noise)
    else:
        model = DenoiserChoice(**dict(setting.denoiser)).build(structure, states, covariance)
    schedule, sampler = SamplerChoice(**dict(setting.sampler)).build()
    made = run_sampler(structure, model, covariance, schedule, sampler, setting.count, setting.seed)
    frozen = {labels[part]: sigma for part, sigma in made.freeze_out().items()}
    return {"models": len(states), **_known(frozen)}
