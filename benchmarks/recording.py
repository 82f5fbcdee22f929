"""What a model waits for the recorder in each call, beside a denoiser that takes 100 ms."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from edmnoise.trajectories.recorder import Recorder

from .harness import Result, show

CALL = 0.1
"""Seconds of a denoiser call: the processor is free meanwhile, as it is beside a graphics card."""

CALLS, SAMPLES = 24, 5

LIMITS = {5_000: 1.0, 50_000: 3.0}
"""Atoms, and milliseconds that a call may be waited for."""


def run() -> list[Result]:
    """The target is the limit as a share of a call."""
    return [
        Result(
            f"recording a call of {SAMPLES} x {atoms:,} atoms (at most {limit:g} ms); its denoiser",
            _waited(atoms),
            1e3 * CALL,
            limit / (1e3 * CALL),
            "at_most",
        )
        for atoms, limit in LIMITS.items()
    ]


def _waited(atoms: int) -> float:
    """Median over calls, milliseconds, after two that do not count."""
    estimate, inside = torch.randn(SAMPLES, atoms, 3), 0.0

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        nonlocal inside
        start = time.perf_counter()
        time.sleep(CALL)
        inside = time.perf_counter() - start
        return estimate

    waited = []
    with tempfile.TemporaryDirectory(prefix="edmnoise_bench_") as folder:
        recorder = Recorder(Path(folder, "run.trace"))
        recorded = recorder.wrap(denoise, "x", "sigma")
        for call in range(CALLS):
            x = torch.randn(SAMPLES, atoms, 3)
            start = time.perf_counter()
            recorded(x, 100.0 / (call + 1))
            waited.append(1e3 * (time.perf_counter() - start - inside))
        recorder.close()
    return median(waited[2:])


if __name__ == "__main__":
    print(show(run()))
