"""The measures that every sweep knows: displacement at each level, and where sampling freezes out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from ...diffusion.states import StatesDenoiser
from ...frames.displacement import measure_displacement
from ...noise.multiscale import MultiscaleNoise
from ...noise.nested import Nested
from ..report import ATOM, ATOM_IN_RESIDUE, RESIDUE, RESIDUE_IN_CHAIN
from ..sampler_choice import SamplerChoice
from ..sampling import PARTS, run
from .measures import Value
from .tasks import Case

SHOWN = (ATOM, RESIDUE, RESIDUE_IN_CHAIN, ATOM_IN_RESIDUE)


def levels(case: Case) -> Mapping[str, Value]:
    """A row of `edmnoise.study.report.z_table`, from the same draws: RMS per coordinate, angstrom."""
    setting, structure, weights, sigma = case.setting, case.structure, case.weights, case.sigma
    process = MultiscaleNoise.of(structure.hierarchy, weights)
    numbers = range(setting.first, setting.first + setting.count)
    blocks = process.blocks(sigma, numbers, setting.seed, torch.tensor(structure.coordinates))
    moved = measure_displacement(structure, blocks, only=SHOWN)
    theory = case.loaded.theory(weights)
    expected = {m: theory.displacement(m.level, m.relative_to).rms(sigma) for m in SHOWN}
    ratio, spread = case.loaded.ratio(weights, setting.count)
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


def freeze_out(case: Case) -> Mapping[str, Value]:
    """Freeze-out of samples from the exact denoiser of the file's models, angstrom; nothing where it has one model."""
    setting, structure = case.setting, case.structure
    assert setting.sampler is not None
    states = case.loaded.states
    labels = [part.label(structure.hierarchy) for part in PARTS]
    if len(states) == 1:
        return {"models": 1, **dict.fromkeys(labels)}
    covariance = Nested(structure.hierarchy, case.weights.by_level)
    model = StatesDenoiser(torch.from_numpy(states).mT, covariance, hierarchy=structure.hierarchy)
    schedule, sampler = SamplerChoice(**dict(setting.sampler)).build()
    made = run(structure, model, covariance, schedule, sampler, setting.count, setting.seed)
    frozen = [None if math.isnan(sigma) else sigma for sigma in made.freeze_out().values()]
    return {"models": len(states), **dict(zip(labels, frozen, strict=True))}
