"""The library beside processes that never rest: over one thread's time in the same run, and over another build's.

``python -m benchmarks busy``, or ``python -m benchmarks.busy folder`` with the folder of another checkout, whose times
are then taken in turn with ours. Ours and the other build have a process each with as many threads as torch starts by
itself, and ours another one with one. No loop, one and three a core are started beside them, and stopped again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from .harness import Result, show

ROOT = Path(__file__).parents[1]
LOADS = (0, 1, 3)
REPEATS = 9
TARGET = 1.5
"""Of one thread's time, whatever else runs."""

REST = 0.03
"""Seconds before a job: what one build leaves spinning is no other's load."""

Job = Callable[[], object]


def jobs() -> dict[str, Job]:
    """What is timed, by name, everything that it needs made already. Whatever it calls, other builds have too."""
    import numpy as np
    import torch

    from edmnoise.diffusion.denoisers.denoiser import Denoised
    from edmnoise.diffusion.denoisers.states import StatesDenoiser
    from edmnoise.diffusion.samplers.presets import sampler_preset
    from edmnoise.diffusion.samplers.sampler import sample
    from edmnoise.frames.damage import Native, measure_damage
    from edmnoise.frames.displacement import measure_displacement
    from edmnoise.noise.design.scramble import reference_lengths
    from edmnoise.noise.design.triangle import WeightMeasure, grid
    from edmnoise.noise.processes.multiscale import MultiscaleNoise
    from edmnoise.noise.processes.nested import NestedCovariance
    from edmnoise.noise.sigma import sigma_distribution
    from edmnoise.noise.theory.forms import LevelForms
    from edmnoise.noise.weights import Weights
    from edmnoise.structure.files import read_structure
    from edmnoise.structure.hierarchy import LEVELS, Hierarchy
    from edmnoise.structure.superpose import superpose

    found = find_spec("pymol")
    assert found is not None
    assert found.origin is not None
    toxin = read_structure(Path(found.origin).parent / "data" / "demo" / "1tii.pdb", solvent=True)
    mean = torch.tensor(toxin.coordinates)
    weights = Weights.named("rebalanced")
    noise = MultiscaleNoise(toxin.hierarchy, weights)
    made = noise.frames(4.8, 100, mean=mean)

    def grouped(atoms: int) -> Hierarchy:
        residue = np.arange(atoms) // 8
        return Hierarchy(LEVELS, (residue, np.unique(residue) // 100))

    small = MultiscaleNoise(grouped(253), weights)
    many = torch.randn(1000, 3, 3000, generator=torch.Generator().manual_seed(0))
    native = Native.of(toxin)
    damaged = made[:5].clone()

    class Fixed:
        def __init__(self, atoms: int, samples: int) -> None:
            self.given = Denoised(torch.zeros(samples, 3, atoms))

        def denoise(self, x: torch.Tensor, sigma: float) -> Denoised:
            return self.given

    def steps(atoms: int, samples: int, align: str = "none") -> Job:
        from dataclasses import replace

        covariance = NestedCovariance(grouped(atoms), weights)
        known = sampler_preset("alphafold3")
        schedule, sampler = known.schedule(10), replace(known.sampler(10), align=align)
        denoiser = Fixed(atoms, samples)

        def run() -> None:
            for _ in sample(denoiser, covariance, schedule, sampler, samples):
                pass

        return run

    states = 20 * torch.randn(10, 3, 5684, generator=torch.Generator().manual_seed(0))
    noisy = states[:8] + 1
    exact = StatesDenoiser(states, NestedCovariance(grouped(5684), {"atom": 1.0, "residue": 1.0, "chain": 1.0}))
    large = NestedCovariance(grouped(50_000), weights)
    x = torch.randn(8, 3, 50_000, generator=torch.Generator().manual_seed(0))
    share = WeightMeasure("share", "residue", sigma_distribution("alphafold3"), reference_lengths(toxin)[1])
    forms = LevelForms.of(toxin.hierarchy)
    return {
        "noise, 100 x 5,684": lambda: noise.frames(4.8, 100, mean=mean),
        "noise, 1,000 x 253": lambda: small.frames(4.8, 1000),
        "level table, 100 x 5,684": lambda: measure_displacement(toxin, [made]),
        "the same, superposed": lambda: measure_displacement(toxin, [made], "superpose"),
        "superpose in place, 1,000 x 3,000": lambda: superpose(many, many[0], out=many),
        "superpose in place, 1 x 3,000": lambda: superpose(many[:1], many[0], out=many[:1]),
        "damage, 5 x 5,684": lambda: measure_damage(native, [damaged]),
        "sampler, 10 steps, 1,000 x 1": steps(1_000, 1),
        "sampler, 10 steps, 10,000 x 8": steps(10_000, 8),
        "sampler, 10 steps, 50,000 x 1": steps(50_000, 1),
        "sampler, aligned, 10,000 x 8": steps(10_000, 8, "noisy"),
        "exact denoiser, 10 states, 5,684 x 8": lambda: exact.denoise(noisy, 3.0),
        "K^-1 x, 8 x 50,000": lambda: large.solve(x),
        "weights' triangle, 99 a side": lambda: share.values(forms, grid(99)),
    }


def serve(threads: int) -> None:
    """Do the jobs whose names come in, and say how many milliseconds each took."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    ready = jobs()
    for job in ready.values():
        job()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        ready[line.rstrip("\n")]()
        print(1e3 * (time.perf_counter() - start), flush=True)


class Server:
    """A process of one build."""

    def __init__(self, folder: Path, threads: int) -> None:
        script = (
            f"import sys; sys.path.insert(0, {str(folder)!r}); import edmnoise; sys.path[0] = {str(ROOT)!r}; "
            f"from benchmarks.busy import serve; serve({threads})"
        )
        told = {
            name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "PYTHONPATH"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=told
        )
        assert self._answer() == "ready"

    def time(self, job: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that never rest, as long as this one is there."""
    loop = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
    made = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in made:
            process.kill()
            process.wait()


def run(other: str = "") -> list[Result]:
    """Every job at every load, medians; with the folder of another build, how many times as long that takes."""
    results = []
    with contextlib.ExitStack() as stack:

        def server(folder: Path, threads: int) -> Server:
            made = Server(folder, threads)
            stack.callback(made.close)
            return made

        servers = {"ours": server(ROOT, 0), "one": server(ROOT, 1)}
        if other:
            servers["other"] = server(Path(other), 0)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        for load in LOADS:
            times: dict[str, dict[str, list[float]]] = {name: {who: [] for who in servers} for name in jobs()}
            with busy(load * cores):
                for turn in range(REPEATS):
                    for name, taken in times.items():
                        for who in sorted(servers, reverse=bool(turn % 2)):
                            time.sleep(REST)
                            taken[who].append(servers[who].time(name))
            for name, taken in times.items():
                took = {who: median(values) for who, values in taken.items()}
                job = f"{load} loops a core: {name}"
                results.append(Result(f"{job}; one thread", took["ours"], took["one"], TARGET, "at_most"))
                if other:
                    results.append(Result(f"{job}; other build", took["ours"], took["other"], None, "at_least_faster"))
    return results


if __name__ == "__main__":
    print(show(run(*sys.argv[1:])))
