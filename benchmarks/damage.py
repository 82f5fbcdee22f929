"""All damage measures of 1TII, 13 z, 3 weights, 20 draws: beside biotite's lDDT and superposition of as many frames.

Biotite's are two of the eight measures. It is given the 20 draws of one row as one stack, and its time is multiplied by
the number of rows. One core for both; drawing the noise and finding bonds and neighbours count as ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import biotite.structure as biotite
import numpy as np
import pymol
import torch

from edmnoise.frames.damage import Native
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_structure
from edmnoise.study.damage import damage_rows

from .harness import Result, compare, show

DRAWS = 20
Z = np.arange(-3, 3.5, 0.5).tolist()
WEIGHTS = [Weights.named(name) for name in ("flat", "current", "rebalanced")]


@contextmanager
def _one_core() -> Iterator[None]:
    """Also what starts threads by itself then has one core (on Linux)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed:
        os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if allowed:
            os.sched_setaffinity(0, allowed)


def run() -> list[Result]:
    """The whole table, and its lDDT and RMSD in biotite."""
    structure = read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb")
    distribution = sigma_distribution("alphafold3")
    native = structure.coordinates.copy()
    frames = MultiscaleNoise(structure.hierarchy, WEIGHTS[0]).frames(
        distribution.sigma(0), DRAWS, mean=torch.from_numpy(native)
    )
    stack = frames.numpy()
    atoms = biotite.AtomArray(structure.n_atoms)
    atoms.coord = native
    atoms.res_id = structure.hierarchy.ancestors(0, 1) + 1

    def ours() -> object:
        return list(damage_rows(Native.of(structure), WEIGHTS, Z, distribution, DRAWS))

    def in_biotite() -> object:
        fitted, _ = biotite.superimpose(native, stack)
        return biotite.lddt(atoms, stack), biotite.rmsd(native, fitted)

    rows = len(WEIGHTS) * len(Z)
    name = f"what noise destroys, 8 measures x {rows} rows x {DRAWS} draws of 1TII; biotite's lDDT and RMSD (1 thread)"
    with _one_core():
        result = compare(name, ours, in_biotite, 5, repeats=2)
    return [replace(result, yardstick=rows * result.yardstick)]


if __name__ == "__main__":
    print(show(run()))
