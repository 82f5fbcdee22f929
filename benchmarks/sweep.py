"""A sweep beside its tasks alone: two processes that run the same tasks in plain loops, without journal and report.

``python -m benchmarks.sweep [structures]``: of 250 atoms each, 20 settings. The default, 1,000, takes minutes.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import write_frames
from edmnoise.structure.structure import Structure
from edmnoise.sweep.pools import dask_pool, local_pool
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.sweep import sweep
from edmnoise.sweep.tasks import Batch, plan, run_batch

from .harness import Result, show

PROCESSES = 2
STUDY = """
structures = "*.pdb"
weights = ["flat", "current", [1, 4, 4], [2, 6, 2]]
z = [-2, -1, 0, 1, 2]
"""


def run(structures: int = 1000) -> list[Result]:
    """A sweep and a sweep on a Dask cluster of this machine, each beside the bare tasks, all from start to end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_structures(folder, structures)
        (folder / "study.toml").write_text(STUDY)
        bare = _timed(lambda: _bare(folder))
        local = _timed(lambda: _sweep(folder, "local", local_pool(PROCESSES)))
        job = f"sweep, {structures:,} structures x 20 settings"
        results = [Result(f"{job}; tasks alone", 1e3 * local, 1e3 * bare, 1.5, "at_most")]
        with Cluster() as address:
            dask = _timed(lambda: _sweep(folder, "dask", dask_pool(address)))
        results.append(
            Result(f"{job} on Dask, its start left out; tasks alone", 1e3 * dask, 1e3 * bare, None, "at_most")
        )
        assert (folder / "local" / "levels.csv").read_bytes() == (folder / "dask" / "levels.csv").read_bytes()
    return results


def write_structures(folder: Path, count: int) -> None:
    """Chains of 250 atoms in 32 residues at random places."""
    names = ("N CA C O CB CG CD CE".split() * 32)[:250]
    number, atoms = np.repeat(np.arange(1, 33), 8)[:250], len(names)
    same = ["GLU"] * atoms, number, ["A"] * atoms, [""] * atoms, [False] * atoms
    columns = Atoms.make(names, [name[0] for name in names], *same)
    for index in range(count):
        coordinates = np.random.default_rng(index).normal(scale=10, size=(atoms, 3))
        structure = Structure.from_atoms(coordinates, columns)
        write_frames(folder / f"s{index:04d}.pdb", structure, [coordinates])


def _bare(folder: Path) -> None:
    """Each process has every other structure and runs its tasks."""
    planned = plan(read_settings(folder / "study.toml"))
    shares: list[Batch] = [
        [(source, planned.rows) for source in planned.sources[k::PROCESSES]] for k in range(PROCESSES)
    ]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(run_batch, shares))
    assert all(not outcome.error for share in made for outcome in share)


def _sweep(folder: Path, out: str, pool: AbstractContextManager) -> None:
    for _ in sweep(read_settings(folder / "study.toml"), folder / out, pool):
        pass


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Cluster:
    """A Dask scheduler and two workers of one thread on this machine, ready when entered; gives the address."""

    def __enter__(self) -> str:
        self.made: list[subprocess.Popen[str]] = []
        address = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", said="Scheduler at:").split()[-1]
        for _ in range(PROCESSES):
            self._start("worker", address, "--nthreads", "1", "--no-nanny", said="Registered to:")
        return address

    def _start(self, what: str, *arguments: str, said: str) -> str:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"]
        log = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.made.append(log)
        assert log.stderr is not None
        return next(line for line in log.stderr if said in line)

    def __exit__(self, *error: object) -> None:
        for process in reversed(self.made):
            process.terminate()
            process.communicate()


if __name__ == "__main__":
    print(show(run(*map(int, sys.argv[1:]))))
