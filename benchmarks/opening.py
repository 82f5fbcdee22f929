"""A recorded run into PyMOL with its table, beside the same frames as plain DCD files and as one PDB file of models.

Each is opened in a PyMOL of its own, for the memory that it takes there is measured as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pymol  # noqa: F401  (says where its data are)

import edmnoise as edm
from edmnoise.trajectories.listening.folder import frames_file
from edmnoise.trajectories.listening.recorder import Recorder

from .harness import Result, show

STEPS, SAMPLES, ATOMS = 200, 5, 5_000
LARGE, SHOWN = 50_000, 100
REPEATS = 3

PART = 5_000

MB = 1e6


def run() -> list[Result]:
    """Times in milliseconds; memory, in rows that say so, in MB more than PyMOL takes for the bare files."""
    with tempfile.TemporaryDirectory(prefix="edmnoise_bench_") as folder:
        return [*_of_five_thousand(folder), _of_fifty_thousand(folder)]


def _of_five_thousand(folder: str) -> list[Result]:
    _made(folder, ATOMS, STEPS, SAMPLES)
    size = f"{STEPS} steps x {SAMPLES} samples x {ATOMS:,} atoms"
    ours, plain = (_opened(how, folder, REPEATS) for how in ("trace", "dcd"))
    models = _opened("pdb", folder, 1)
    frames = 2 * SAMPLES * STEPS * ATOMS * 12 / MB
    return [
        Result(f"{size} with their table; bare DCD files", ours[0], plain[0], 2.0, "at_most"),
        Result(f"{size} with their table, MB; the frames of x and x0", ours[1] - plain[1], frames, 1.5, "at_most"),
        Result(f"{size} with their table; PDB files of models", ours[0], models[0], 20.0, "at_least_faster"),
    ]


def _of_fifty_thousand(folder: str) -> Result:
    large = os.path.join(folder, "large")
    _made(large, LARGE, STEPS, SAMPLES)
    ours, plain = (_opened(how, large, 1, steps=SHOWN)[1] for how in ("trace", "dcd"))
    return Result(f"{SHOWN} steps of {LARGE:,} atoms x {SAMPLES}, MB; 1 GB", ours - plain, 1000.0, 1.0, "at_most")


def _made(folder: str, atoms: int, steps: int, samples: int) -> None:
    """``run.trace`` of what a sampler might do, and ``end.pdb``, which its first sample ends in."""
    os.makedirs(folder, exist_ok=True)
    end = _places(os.path.join(folder, "end.pdb"), atoms)
    random, x = np.random.default_rng(0), np.empty((samples, atoms, 3), np.float32)
    recorder = Recorder(os.path.join(folder, "run.trace"))
    recorded = recorder.wrap(lambda x, sigma: end + np.minimum(0.1 * sigma, 2.0) * noise, "x", "sigma")
    for sigma in np.geomspace(2000.0, 0.01, steps).tolist():
        noise = random.standard_normal(x.shape, np.float32)
        np.multiply(noise, sigma, out=x)
        x += end
        recorded(x, sigma)
    recorder.final(np.broadcast_to(end, x.shape))
    recorder.close(ended=True)
    _still(Path(folder, "run.trace", "calls.jsonl"), samples)


def _still(calls: Path, samples: int) -> None:
    """Say that no step turned the samples: motion is recorded of every program that is known."""
    lines = [json.loads(line) for line in calls.read_text().splitlines()]
    for line in lines:
        line["turned"] = [np.eye(3).ravel().tolist()] * samples
    calls.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _places(path: str, atoms: int) -> np.ndarray:
    """(N, 3) coordinates of as many atoms in a file: copies of a part of a structure that PyMOL ships, side by side."""
    part = edm.read_structure(os.path.join(os.environ["PYMOL_DATA"], "demo", "1tii.pdb"))
    kept = np.arange(PART)
    part = edm.Structure.from_atoms(part.coordinates[:PART], part.atoms.take(kept))
    copies = range(-(-atoms // PART))
    places = np.concatenate([part.coordinates + np.float32([150 * copy, 0, 0]) for copy in copies])
    rows = part.atoms.take(np.tile(kept, len(copies)))
    rows = replace(rows, chain=np.repeat([*"ABCDEFGHIJ"[: len(copies)]], PART), segment=np.full(len(rows), ""))
    structure = edm.Structure.from_atoms(places[:atoms], rows.take(np.arange(atoms)))
    edm.write_frames(path, structure, structure.coordinates[None])
    return structure.coordinates


def _opened(how: str, folder: str, repeats: int, steps: int = STEPS) -> tuple[float, float]:
    """Median time in milliseconds and most memory in MB, in a process each."""
    command = [sys.executable, "-m", __spec__.name, how, folder, str(steps)]
    told = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        for _ in range(repeats)
    ]
    return median(one["ms"] for one in told), max(one["mb"] for one in told)


def _trace(cmd: Any, folder: str, steps: int) -> None:
    from edmnoise_pymol import edm_trace

    edm_trace(f"{folder}/run.trace", f"{folder}/end.pdb", steps=str(steps), name="mine", _self=cmd)
    assert cmd.count_states("mine_5") == steps + 2


def _dcd(cmd: Any, folder: str, steps: int) -> None:
    for sample in range(SAMPLES):
        cmd.load(f"{folder}/end.pdb", f"mine_{sample}", quiet=1, zoom=0)
        cmd.load_traj(
            f"{folder}/run.trace/{frames_file('noisy', sample)}", f"mine_{sample}", 2, interval=STEPS // steps
        )
    assert cmd.count_states("mine_4") == steps + 1


def _pdb(cmd: Any, folder: str, steps: int) -> None:
    for sample in range(SAMPLES):
        cmd.load(f"{folder}/models_{sample}.pdb", f"mine_{sample}", quiet=1, zoom=0)
    assert cmd.count_states("mine_4") == steps


def _write_models(folder: str) -> None:
    """What a user has today: for each sample a PDB file of models."""
    from edmnoise.trajectories.trace import open_trace

    text = Path(folder, "end.pdb").read_text()
    lines = [line for line in text.splitlines() if line.startswith(("ATOM", "HETATM"))]
    trace = open_trace(f"{folder}/run.trace")
    for sample in range(SAMPLES):
        with open(f"{folder}/models_{sample}.pdb", "w") as file:
            for number, frame in enumerate(trace.frames("noisy", sample), 1):
                file.write(f"MODEL     {number:4d}\n")
                rows = zip(lines, np.clip(frame, -999.0, 999.0).tolist(), strict=True)
                file.writelines(f"{line[:30]}{x:8.3f}{y:8.3f}{z:8.3f}{line[54:]}\n" for line, (x, y, z) in rows)
                file.write("ENDMDL\n")


WAYS: dict[str, Callable[[Any, str, int], None]] = {"trace": _trace, "dcd": _dcd, "pdb": _pdb}


def _most() -> float:
    """Most memory that the process has had so far, MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def _one(how: str, folder: str, steps: int) -> None:
    """Open once in a PyMOL that has its commands and has loaded the structure before, and print what it took."""
    from pymol import cmd

    import edmnoise_pymol

    if how == "pdb":
        _write_models(folder)
    edmnoise_pymol.register(cmd)
    cmd.feedback("disable", "all", "actions")  # a line a frame
    cmd.load(f"{folder}/end.pdb", "before", quiet=1, zoom=0)
    if how == "trace":  # what is imported once is no part of it
        _made(small := os.path.join(folder, f"small_{os.getpid()}"), 200, 3, 1)
        edmnoise_pymol.edm_trace(f"{small}/run.trace", f"{small}/end.pdb", _self=cmd)
    before, start = _most(), time.perf_counter()
    WAYS[how](cmd, folder, steps)
    print(json.dumps({"ms": 1e3 * (time.perf_counter() - start), "mb": _most() - before}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        print(show(run()))
