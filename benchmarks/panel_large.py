"""How long PyMOL's window waits for each thing that is done in the panel, and how much of that wait is PyMOL's own work.

The panel is given a cmd that notes when PyMOL works for it; PyMOL's drawing is noted too. Of the longest wait between two
ticks of a timer the rest is ours.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from .harness import Result

SIZES = (60_000, 300_000)
_TICK_MS = 5
_UNFELT_MS = 50.0
"""A wait that nobody notices: it is not compared."""


class Watched:
    """PyMOL's cmd, and when it worked."""

    def __init__(self, cmd: Any, window: Any) -> None:
        self._cmd = cmd
        self.spans: list[tuple[float, float]] = []
        self._deep = 0
        for name in ("paintGL", "_pymolProcess"):
            setattr(window.pymolwidget, name, self._noting(getattr(window.pymolwidget, name)))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cmd, name)
        return self._noting(found) if callable(found) and not name.startswith("_") else found

    def _noting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            self._deep += 1
            try:
                return call(*args, **kwargs)
            finally:
                self._deep -= 1
                if not self._deep:
                    self.spans.append((start, time.perf_counter()))

        return noted


def waits(window: Any, watched: Watched, act: Callable[[], Any], done: Callable[[], bool]) -> tuple[float, float]:
    """Longest wait of the window until something is done and drawn, and PyMOL's share of it, in milliseconds."""
    window.until(lambda: True, at_least=0.3)
    watched.spans.clear()
    ticks: list[float] = []
    timer = window.core.QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(_TICK_MS)
    window.until(lambda: True, at_least=0.1)
    act()
    window.until(done, at_least=0.5)
    window.until(lambda: True, at_least=0.3)
    timer.stop()
    start, end = max(itertools.pairwise(ticks), key=lambda gap: gap[1] - gap[0])
    pymols = sum(max(0.0, min(end, b) - max(start, a)) for a, b in watched.spans)
    return 1000 * (end - start), 1000 * pymols


def rows(window: Any, grown: Callable[[Any, int], None], report: Callable[[Result], None]) -> None:
    """Everything that the panel does, with objects of `SIZES` atoms drawn as lines, one row each."""
    from edmnoise_pymol.panel import open_panel

    watched = Watched(window.cmd, window.window)
    for atoms in SIZES:
        grown(window.cmd, atoms)
        window.cmd.disable("toxin")
        window.cmd.show_as("lines", "large")
        window.cmd.zoom("large")
        window.until(lambda: True, at_least=1)
        dock: list[Any] = []

        def shown(name: str, act: Callable[[], Any], done: Callable[[], bool], atoms: int = atoms) -> None:
            longest, pymols = waits(window, watched, act, done)
            label = f"{atoms:,} atoms, {name}: the window's longest wait; PyMOL's work in it"
            target = 1.5 if longest > _UNFELT_MS else None
            report(Result(label, longest, max(pymols, 0.01), target, "at_most"))

        shown("panel opened", lambda: dock.append(open_panel(watched)), lambda: bool(dock[0].panel.session.input))
        panel = dock[0].panel
        session, noise = panel.session, panel.noise
        idle = lambda session=session: not session.runner.busy and not session._reader.busy  # noqa: E731
        if session.input is None or session.input.object != "large":
            panel.pickers.choose("large")
            panel.pickers.read()
            window.until(idle)
        noise.frames.setValue(3)
        noise.level.z.setValue(-2)
        live = lambda session=session: session.live is not None  # noqa: E731
        shown("Live on", noise.live.click, lambda: live() and idle())
        for view in ("Plots", "Results"):
            names = [panel.views.tabText(tab) for tab in range(panel.views.count())]
            panel.views.setCurrentIndex(names.index(view))
            shown(
                f"a step of z, {view} seen", lambda: noise.level.slider.setValue(noise.level.slider.value() + 5), idle
            )
        noise.shaking.coloured.setChecked(True)
        shown("a step of z, coloured", lambda: noise.level.slider.setValue(noise.level.slider.value() + 5), idle)
        noise.shaking.coloured.setChecked(False)
        shown("Live off", noise.live.click, lambda: not live() and idle())
        shown("Apply", noise.apply.click, lambda: bool(session.shown) and idle())
        for view in ("Plots", "Colour", "Results"):
            names = [panel.views.tabText(tab) for tab in range(panel.views.count())]
            shown(f"tab {view}", lambda at=names.index(view): panel.views.setCurrentIndex(at), idle)
        for tab in (1, 2, 0):
            shown(f"tab {panel.tabs.tabText(tab)}", lambda at=tab: panel.tabs.setCurrentIndex(at), idle)
        panel.colours.level.setCurrentText("atom")
        shown("Colour", panel.colours.apply.click, idle)
        shown("Undo of colours", panel.status.undo.click, idle)
        shown("Undo of frames", panel.status.undo.click, idle)
        shown("panel closed", dock[0].close, lambda: True)
        window.cmd.delete("large")
