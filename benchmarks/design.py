"""Closed forms of designed noise beside one Monte Carlo estimate of the same at 1 % error, on 1TII."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import pymol

from edmnoise.frames.displacement import NESTED, measure_displacement
from edmnoise.frames.displacement import Measure as Displaced
from edmnoise.noise.design.scramble import reference_lengths, scramble_table
from edmnoise.noise.design.solve import design
from edmnoise.noise.design.triangle import WeightMeasure, grid
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import LEVELS, as_read
from edmnoise.structure.structure import Structure

from .harness import Result, compare, show

ERROR = 0.01
"""Relative standard deviation of a Monte Carlo estimate."""

SAMPLED = 40
"""Points of the triangle whose Monte Carlo estimates are timed; that of all of them takes as much longer."""

DISTRIBUTION = sigma_distribution("alphafold3")


def run() -> list[Result]:
    """Every job on 1TII without its water: 7 chains, 712 residues, 5,469 atoms."""
    structure = read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb")
    hierarchy = structure.hierarchy
    made = design(hierarchy, chain=10, residue=3.8, atom=1.4)
    lengths = reference_lengths(structure)
    results = [
        compare(
            "design, three targets; draw it once to 1 %",
            lambda: design(hierarchy, chain=10, residue=3.8, atom=1.4),
            _estimate(structure, made.weights, NESTED, over_atoms=True),
            100,
        ),
        compare(
            "scramble points of one noise; draw them once to 1 %",
            lambda: scramble_table(structure, [made.weights], [DISTRIBUTION], lengths),
            _estimate(structure, made.weights, NESTED),
            100,
        ),
    ]
    weights = grid(99)
    inside = weights[weights.min(axis=1) > 0]
    for level, shown in zip(LEVELS, NESTED, strict=True):
        wanted = WeightMeasure("share", level, DISTRIBUTION, lengths[level])
        points = inside[np.random.default_rng(0).permutation(len(inside))[:SAMPLED]]
        draws = [_estimate(structure, Weights.of(*as_read(point)), (shown,)) for point in points]
        turn = cycle(draws)
        one = compare(
            f"triangle of {len(weights):,} weights, {level}; one of them drawn to 1 %",
            lambda wanted=wanted: wanted.values(LevelForms.of(hierarchy), grid(99)),  # type: ignore[misc]
            lambda turn=turn: next(turn)(),  # type: ignore[misc]
            None,
            repeats=SAMPLED,
        )
        whole = f"triangle of {len(weights):,} weights, {level}; all of them drawn to 1 %"
        results += [Result(whole, one.ours, one.yardstick * len(weights), 100, "at_least_faster"), one]
    return results


def _estimate(
    structure: Structure, weights: Weights, shown: tuple[Displaced, ...], over_atoms: bool = False
) -> Callable[[], object]:
    """Draw and measure displacements to 1 % each, with as few draws as their closed-form scatter asks for."""
    theory = NoiseStatistics(structure.hierarchy, weights)
    noise = MultiscaleNoise(structure.hierarchy, weights)
    draws = 1
    for measure in shown:
        top = measure.relative_to if measure.relative else (None if over_atoms else theory.whole)
        form = theory.displacement(measure.level, top, over_atoms)
        draws = max(draws, math.ceil((form.sd / (2 * form.mean * ERROR)) ** 2))

    def draw() -> object:
        return measure_displacement(structure, noise.blocks(1.0, draws, mean=structure.coordinates), only=shown)

    return draw


if __name__ == "__main__":
    print(show(run()))
