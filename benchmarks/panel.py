"""The panel in a real window: slider to screen beside PyMOL's own redraw, and how long the window waits in a run.

PyMOL's window has to be the first PyMOL of a process, so these figures are taken in a process of their own, under Xvfb
where there is no screen.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from edmnoise.noise.process import MULTISCALE, PROCESSES

from .harness import Result, compare, show
from .panel_large import Watched, rows, waits

LARGE = 150_000
_APART = 130.0
"""Angstrom between two copies of 1TII, which do not touch then."""
_MARK = "benchmark-panel: "


def run() -> list[Result]:
    """Start the window elsewhere and collect what it measured: small structures, then large ones."""
    return [result for part in ("inside", "large") for result in run_in_window("panel", part)]


def run_in_window(module: str, part: str = "inside") -> list[Result]:
    """What a module of benchmarks that is told a part measures in a window of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", part]
    if not os.environ.get("DISPLAY"):
        if shutil.which("xvfb-run") is None:
            print(f"{module}: no screen and no xvfb-run, not measured", file=sys.stderr)
            return []
        command = ["xvfb-run", "-a", "-s", "-screen 0 1400x1000x24", *command]
    with tempfile.TemporaryDirectory() as folder:
        # As a program that was started before: its modules are compiled.
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": os.path.join(folder, "compiled")}
        environment = os.environ | {"XDG_CONFIG_HOME": folder, "XDG_RUNTIME_DIR": folder} | compiled
        importing = "import pymol.Qt, edmnoise_pymol.panel.window"
        subprocess.run([sys.executable, "-c", importing], env=environment, capture_output=True, check=True)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    results = []
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            results.append(Result(**json.loads(line.removeprefix(_MARK))))
        elif line.startswith("panel: "):
            print(line)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)  # xvfb-run joins the two
    return results


class Window:
    """PyMOL's window, whose event loop is turned here."""

    def __init__(self) -> None:
        import pymol
        from pymol import gui, invocation

        invocation.parse_args(["pymol", "-qk"])
        from pmg_qt import pymol_qt_gui
        from pymol.Qt import QtCore, QtWidgets

        self.core = QtCore
        for name in ("exec", "exec_"):
            setattr(pymol_qt_gui.PyMOLApplication, name, lambda app, *_: setattr(self, "app", app) or 0)
        pymol_qt_gui.execapp()
        self.app = QtWidgets.QApplication.instance()
        self.cmd, self.window = pymol.cmd, gui.get_qtwindow()
        self.window.resize(1200, 900)
        self.until(lambda: True)

    def until(self, true: Callable[[], bool], at_least: float = 0.0) -> None:
        """Turn the event loop until something is so, and for some seconds."""
        end = time.perf_counter() + at_least
        while time.perf_counter() < end or not true():
            self.app.processEvents(self.core.QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)
            # Widgets that ask to be deleted are, in a loop that Qt runs by itself; here they have to be reminded.
            self.core.QCoreApplication.sendPostedEvents(None, self.core.QEvent.Type.DeferredDelete)

    def draw(self) -> None:
        """Draw the molecules now, and what else of the window has changed."""
        self.window.pymolwidget._pymolProcess()
        self.window.pymolwidget.repaint()
        self.app.processEvents()

    def longest_gap(self, start: Callable[[], None], done: Callable[[], bool], at_least: float = 0.0) -> float:
        """Longest time in milliseconds between two ticks of a 10 ms timer."""
        ticks = []
        timer = self.core.QTimer()
        timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
        timer.start(10)
        start()
        self.until(done, at_least)
        timer.stop()
        return 1000 * max(b - a for a, b in itertools.pairwise(ticks))


def report(result: Result) -> None:
    """In the window's process: have a result in the table."""
    print(_MARK + json.dumps(vars(result)), flush=True)


def _gaps(window: Window, watched: Watched, panel: Any, made: Callable[[], bool]) -> None:
    """How long the window waits while a sampler runs, with its steps drawn as they come and without.

    A window whose panel is idle draws nothing, so that is nothing to compare with: PyMOL's own work in the wait is.
    """
    cmd = window.cmd
    cmd.show_as("lines")
    for drawn, shown in ((False, "steps not drawn"), (True, "each step drawn")):
        panel.sampling.follow.setChecked(drawn)
        runs, alone = [], []
        for _ in range(4):
            runs.append(waits(window, watched, panel.sampling.run.click, made))
            alone.append(window.longest_gap(lambda: cmd.frame(3 + cmd.get_frame() % 5), made, at_least=1))
            panel.session.undo()
        longest, pymols = statistics.median_low(runs[1:])  # the first run imports
        name = f"the window's longest wait while sampling, {shown}; PyMOL's work in it"
        report(Result(name, longest, max(pymols, 0.01), 1.5, "at_most"))
        print(f"panel: one frame of this trajectory drawn by PyMOL alone: a gap of {statistics.median(alone):.0f} ms")


def _slider(window: Window, panel: Any) -> None:
    """From a slider's step to the molecule on the screen; beside other coordinates on the screen, by PyMOL alone."""
    cmd = window.cmd
    panel.noise.live.click()
    window.until(lambda: panel.session.live is not None)
    moved = panel.session.live.name
    values, places = itertools.cycle((-100, -99)), []

    def own_part() -> None:
        panel.noise.level.slider.setValue(next(values))

    def shaken_by(process: str) -> None:
        """Noise of a process, and the coordinates of its own that PyMOL alone is given."""
        panel.noise.process.setEditText(process)
        places.clear()
        for _ in range(2):
            own_part()
            places.append(cmd.get_coords(moved, 1))

    def ours() -> None:
        own_part()
        window.draw()

    def theirs() -> None:
        places.reverse()
        cmd.load_coords(places[0], moved, 1)
        window.draw()

    atoms = cmd.count_atoms(moved)
    if atoms < LARGE:
        for shape, process in itertools.product(("cartoon", "sticks"), PROCESSES):
            shaken_by(process)
            cmd.show_as(shape, moved)
            label = f"slider to screen, {process}, {atoms:,} atoms, {shape}; PyMOL alone"
            report(compare(label, ours, theirs, 1.2, "at_most"))
    else:
        shaken_by(MULTISCALE)
        cmd.show_as("lines", moved)
        label = f"the panel's own part, {atoms:,} atoms, lines; PyMOL's redraw"
        report(compare(label, own_part, theirs, 0.2, "at_most", repeats=5))
    panel.noise.process.setEditText(MULTISCALE)
    panel.noise.live.click()


def _grown(cmd: Any, atoms: int) -> None:
    """Copies of the object ``toxin`` side by side, as one object ``large``."""
    copies = []
    for copy in range(-(-atoms // cmd.count_atoms("toxin"))):
        cmd.create(f"copy_{copy}", "toxin", 1, 1, zoom=0)
        cmd.alter(f"copy_{copy}", f"segi = 'C{copy}'")
        place = [_APART * (copy // step % 5) for step in (1, 5, 25)]
        cmd.translate(place, f"copy_{copy}", camera=0)
        copies.append(f"copy_{copy}")
    cmd.create("large", " or ".join(copies), 1, 1, zoom=0)
    for name in copies:
        cmd.delete(name)


def large() -> None:
    """In a window's process: the panel beside large structures."""
    window = Window()
    window.cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    window.cmd.remove("solvent")
    rows(window, _grown, report)
    os._exit(0)


def inside() -> None:
    """In the window's process: measure, and print a line a result."""
    import psutil

    window = Window()
    cmd = window.cmd
    from edmnoise_pymol.panel import open_panel

    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    cmd.remove("solvent")
    start = time.perf_counter()
    watched = Watched(cmd, window.window)
    panel = open_panel(watched).panel
    window.app.processEvents()
    print(f"panel: opened in {1000 * (time.perf_counter() - start):.0f} ms, torch loaded: {'torch' in sys.modules}")
    panel.session.look()
    panel.noise.frames.setValue(1)
    made = lambda: not panel.session.runner.busy  # noqa: E731
    first = window.longest_gap(panel.noise.apply.click, made)
    panel.session.undo()
    print(f"panel: longest gap of a 10 ms timer in the first run, which imports torch: {first:.0f} ms")
    _gaps(window, watched, panel, made)
    _slider(window, panel)
    _grown(cmd, LARGE)
    cmd.disable("toxin")
    panel.session.look()
    panel.pickers.choose("large")
    panel.pickers.read()
    window.until(lambda: panel.session.input is not None and panel.session.input.object == "large")
    _slider(window, panel)
    cmd.delete("large")

    process = psutil.Process()
    before = 0
    for cycle in range(6):
        dock = open_panel()
        dock.panel.session.look()
        dock.panel.noise.frames.setValue(200)
        dock.panel.noise.apply.click()
        window.until(lambda dock=dock: not dock.panel.session.runner.busy)
        dock.panel.session.undo()
        dock.close()
        window.until(lambda: True, at_least=0.2)
        if cycle == 1:
            before = process.memory_info().rss
    grown = (process.memory_info().rss - before) / 2**20
    print(f"panel: memory kept after 4 times open, 200 frames, undo, close: {grown:.1f} MiB", flush=True)
    os._exit(0)  # the window's threads end with the process


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    if sys.argv[1:] == ["large"]:
        large()
    print(show(run()))
