"""What a model waits for the recorder in each call, beside a denoiser that takes 100 ms; without motion and with."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from edmnoise.trajectories.listening.recorder import Recorder

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
            f"recording a call of {SAMPLES} x {atoms:,} atoms{told} (at most {limit:g} ms); its denoiser",
            _waited(atoms, motion),
            1e3 * CALL,
            limit / (1e3 * CALL),
            "at_most",
        )
        for atoms, limit in LIMITS.items()
        for motion, told in ((False, ""), (True, ", a turn and an alignment"))
    ]


def _waited(atoms: int, motion: bool) -> float:
    """Median over calls, milliseconds, after two that do not count."""
    estimate, inside = torch.randn(SAMPLES, atoms, 3), 0.0
    moved = torch.randn(SAMPLES, atoms, 3)

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        nonlocal inside
        start = time.perf_counter()
        time.sleep(CALL)
        inside = time.perf_counter() - start
        return estimate

    waited = []
    with tempfile.TemporaryDirectory(prefix="edmnoise_bench_") as folder:
        recorder = Recorder(Path(folder, "run.trace"), motion=motion)
        recorded = recorder.wrap(denoise, "x", "sigma")
        turn = recorder.wrap_motion(lambda x: moved, "x")
        align = recorder.wrap_motion(lambda x, onto: x, "x", "onto")
        for call in range(CALLS):
            x = torch.randn(SAMPLES, atoms, 3)
            start = time.perf_counter()
            if motion:
                turn(moved)
            recorded(x, 100.0 / (call + 1))
            if motion:
                align(x, estimate)
            waited.append(1e3 * (time.perf_counter() - start - inside))
        recorder.close()
    return median(waited[2:])


if __name__ == "__main__":
    print(show(run()))
