"""Multiscale noise beside torch's own normal numbers, and measuring it beside making it; memory and time over size."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pymol
import torch
from torch import Tensor

from edmnoise.base.threads import mapped
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.process import AppliedNoise
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import LEVELS, Hierarchy
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import level_table

from .harness import Result, compare, show

WEIGHTS = Weights.named("rebalanced")
SIGMA, FRAMES = 4.8, 100
MANY_ATOMS, FEW_FRAMES = 1_000_000, 10
MIB = 2**20


def _toxin() -> Structure:
    """1TII as PyMOL ships it, with its water: 5,684 atoms."""
    return read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb", solvent=True)


def _synthetic(atoms: int) -> MultiscaleNoise:
    """Residues of 4 to 12 atoms in ten chains."""
    residue = np.repeat(np.arange(atoms // 4 + 1), np.random.default_rng(0).integers(4, 13, atoms // 4 + 1))[:atoms]
    chain = np.arange(residue[-1] + 1) * 10 // (residue[-1] + 1)
    return MultiscaleNoise(Hierarchy(LEVELS, (residue, chain)), WEIGHTS)


def _normal(generator: torch.Generator, frames: int, atoms: int) -> Tensor:
    return torch.empty(frames, atoms, 3).normal_(generator=generator)


def _peak_growth() -> float:
    """MiB by which this process grows at most while it makes a few large frames, watched every millisecond."""
    process, noise, mean = psutil.Process(), _synthetic(MANY_ATOMS), torch.zeros(MANY_ATOMS, 3)
    torch.ones(MIB).add_(1)  # torch's threads have been started
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    frames = noise.frames(SIGMA, FEW_FRAMES, mean=mean)
    done.set()
    watcher.join()
    peak = max(peak, process.memory_info().rss)
    assert frames.numel() == 3 * MANY_ATOMS * FEW_FRAMES
    return float(peak - before) / MIB


def _time_per_atom(repeats: int = 5) -> list[float]:
    """Nanoseconds per atom and frame for 1e4, 1e5 and 1e6 atoms, in turn."""
    cases = [(_synthetic(atoms), atoms, 2_000_000 // atoms, torch.zeros(atoms, 3)) for atoms in (10**4, 10**5, 10**6)]
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(repeats + 1):
        for (noise, atoms, frames, mean), taken in zip(cases, times, strict=True):
            start = time.perf_counter()
            noise.frames(SIGMA, frames, mean=mean)
            taken.append(1e9 * (time.perf_counter() - start) / (atoms * frames))
    return [median(taken[1:]) for taken in times]


def run() -> list[Result]:
    """All of it, with torch's threads as they are; the numbers beside torch's also on one thread."""
    structure, generator = _toxin(), torch.Generator()
    noise, applied = MultiscaleNoise(structure.hierarchy, WEIGHTS), AppliedNoise(SIGMA, WEIGHTS)
    mean = torch.tensor(structure.coordinates)
    made = noise.frames(SIGMA, FRAMES, mean=mean)
    small, small_mean = _synthetic(253), torch.zeros(253, 3)

    def ours() -> object:
        return noise.frames(SIGMA, FRAMES, mean=mean)

    def numbers() -> object:
        return _normal(generator, FRAMES, structure.n_atoms)

    def shared_numbers() -> object:
        # torch draws on one thread: so that each has as many, a part of the frames in each of ours
        drawn = torch.empty(FRAMES, structure.n_atoms, 3)
        mapped(lambda part: part.normal_(generator=torch.Generator()), drawn.split(FRAMES // 10))
        return drawn

    def ours_small() -> object:
        return small.frames(SIGMA, 1000, mean=small_mean)

    def numbers_small() -> object:
        return _normal(generator, 1000, 253)

    def table() -> object:
        return level_table(structure, measure_displacement(structure, [made]), applied)

    size = f"{FRAMES} x {structure.n_atoms:,} atoms"
    results = [
        compare(f"noise, {size}; torch normal_, as many threads", ours, shared_numbers, 1.5, "at_most", 15),
        compare(f"noise, {size}; torch normal_, which has one thread", ours, numbers, None, "at_most", 15),
        compare("noise, 1,000 x 253 atoms; torch normal_", ours_small, numbers_small, None, "at_most"),
        compare(f"measure and tabulate, {size}; make them", table, ours, 1, "at_most", 15),
    ]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results += [
        compare(f"noise, {size}; torch normal_ (1 thread)", ours, numbers, 1.5, "at_most", 15),
        compare(f"measure and tabulate, {size}; make them (1 thread)", table, ours, 1, "at_most", 15),
    ]
    torch.set_num_threads(threads)
    per_atom = _time_per_atom()
    shown = " / ".join(f"{taken:.1f}" for taken in per_atom)
    results.append(
        Result(f"ns an atom and frame, 1e4 / 1e5 / 1e6: {shown}", max(per_atom), min(per_atom), None, "at_most")
    )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        growth = pool.submit(_peak_growth).result()
    held = 12 * MANY_ATOMS * FEW_FRAMES / MIB
    results.append(
        Result(f"MiB grown at most, {FEW_FRAMES} x {MANY_ATOMS:,} atoms; MiB of result", growth, held, 2, "at_most")
    )
    return results


if __name__ == "__main__":
    print(show(run()))
