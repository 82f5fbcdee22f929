"""Memory of PyMOL's process after 500 steps of Live and after a minute of colours that follow the frames, in MB.

In a real window, under Xvfb where there is no screen. Software draws there: buffers that PyMOL forgets are this
process's memory, and not a graphics card's.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any

from . import panel as window_of
from .harness import Result, show

STEPS = 500
SECONDS = 60.0
MOST = 50.0
"""MB that may be there more afterwards."""


def run() -> list[Result]:
    """Start the window elsewhere and collect what it measured."""
    return window_of.run_in_window("memory")


def _megabytes() -> float:
    import psutil

    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


def _report(what: str, before: float, since: float, steps: int) -> None:
    grown = _megabytes() - before
    window_of.report(Result(f"MB more after {what}; MB that may be", grown, MOST, 1.0, "at_most"))
    print(f"panel: {what}: {steps} steps, {1000 * (time.perf_counter() - since) / steps:.0f} ms each", flush=True)


def _live(window: window_of.Window, panel: Any, shape: str) -> None:
    panel.noise.live.click()
    window.until(lambda: panel.session.live is not None)
    window.cmd.show_as(shape, panel.session.live.name)
    slider = panel.noise.level.slider

    def step(number: int) -> None:
        slider.setValue(-150 + number % 100)
        window.draw()

    for number in range(20):
        step(number)
    before, since = _megabytes(), time.perf_counter()
    for number in range(STEPS):
        step(number)
    _report(f"{STEPS} steps of Live, {shape}", before, since, STEPS)
    panel.noise.live.click()


def _follow(window: window_of.Window, panel: Any, name: str, shape: str) -> None:
    """Playback at 10 frames a second while the colours follow."""
    cmd, drawn = window.cmd, []
    cmd.show_as(shape, name)
    cmd.do(f"edm_color {name}, follow=1")
    panel.playback.play.click()
    window.until(lambda: True, at_least=5)
    panel.session.frame_changed.connect(lambda: drawn.append(cmd.get_frame()))
    before, since = _megabytes(), time.perf_counter()
    window.until(lambda: True, at_least=SECONDS)
    _report(f"{SECONDS:.0f} s of follow, {shape}", before, since, max(1, len(drawn)))
    panel.playback.play.click()
    cmd.do(f"edm_color {name}, follow=0")


def inside() -> None:
    """In the window's process: measure, and print a line a result."""
    window = window_of.Window()
    cmd = window.cmd
    from edmnoise_pymol.panel import open_panel

    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    cmd.remove("solvent")
    panel = open_panel().panel
    panel.session.look()
    for shape in ("cartoon", "sticks"):
        _live(window, panel, shape)
    panel.noise.frames.setValue(8)
    panel.noise.apply.click()
    window.until(lambda: not panel.session.runner.busy)
    for shape in ("cartoon", "sticks"):
        _follow(window, panel, panel.session.shown, shape)
    print("", end="", flush=True)
    os._exit(0)  # the window's threads end with the process


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    print(show(run()))
