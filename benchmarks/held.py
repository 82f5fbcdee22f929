"""The posterior given held atoms at a new level of noise, beside the same with none held, at two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymol
import torch

from edmnoise.diffusion.denoisers.held import ConditionedStates
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

from .harness import Result, compare, show

SAMPLES, MOVED = 8, 0.3
COPIES = (1, 18)
"""Of 1TII, side by side: 5,469 and 98,442 atoms."""


def _copies(count: int) -> Structure:
    one = read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb")
    groups = one.hierarchy
    parents = [
        np.concatenate([p + k * n for k in range(count)])
        for p, n in zip(groups.parents, groups.counts[1:], strict=True)
    ]
    places = np.concatenate([one.coordinates + np.float32(100 * k) for k in range(count)])
    atoms = one.atoms.take(np.tile(np.arange(one.n_atoms), count))
    return Structure(places, atoms, Hierarchy(groups.names, tuple(parents)))


def run() -> list[Result]:
    """States that fluctuate by level, at any place and turned in any way; three tenths of the atoms move, at random."""
    results = []
    for count in COPIES:
        whole = _copies(count)
        random, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
        part = Part.of(whole, random.random(whole.n_atoms) < MOVED)
        noise = NestedCovariance(whole.hierarchy, Weights.of(1, 4, 4))
        motion = NestedCovariance(whole.hierarchy, {"chain": 0.5, "residue": 0.2, "atom": 0.04})
        state = torch.tensor(whole.coordinates.T)[None]
        free = StatesDenoiser(state, noise, fluctuations=motion)
        held = ConditionedStates(part, state, noise.restricted(part.moved), motion)
        x = state + torch.randn(SAMPLES, 3, whole.n_atoms, generator=generator)
        own = x[..., part.moved].contiguous()
        levels = iter(np.geomspace(1, 100, 10_000).tolist())  # each of them new

        def given_held(
            held: ConditionedStates = held, x: torch.Tensor = own, levels: Iterator[float] = levels
        ) -> object:
            return held.denoise(x, next(levels))

        def given_none(free: StatesDenoiser = free, x: torch.Tensor = x, levels: Iterator[float] = levels) -> object:
            return free.denoise(x, next(levels))

        name = f"denoised given held atoms; the same with none held ({SAMPLES} x {whole.n_atoms:,})"
        results.append(compare(name, given_held, given_none, None, "at_most"))
    return results


if __name__ == "__main__":
    print(show(run()))
