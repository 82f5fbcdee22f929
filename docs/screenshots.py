"""Make the pictures of the panel: python docs/screenshots.py [folder], on a screen (`make screenshots` brings one).

PyMOL's real window, 1TII, the panel used as its user would; the screen is photographed, molecule and panel together.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

FOLDER = Path(__file__).parent / "images"
SIZE = 1280, 940
FIRST = 860, 726
"""As PyMOL opens its window."""
TALL = 1000
"""Pixels of height of a picture that needs more."""
PATIENCE = 120
"""Seconds that are waited for a job; none takes a tenth of it."""


class Window:
    """PyMOL's window, whose event loop is turned here."""

    def __init__(self) -> None:
        import pymol
        from pymol import gui, invocation

        invocation.parse_args(["pymol", "-qk"])
        from pmg_qt import pymol_qt_gui
        from pymol.Qt import QtWidgets

        for name in ("exec", "exec_"):
            setattr(pymol_qt_gui.PyMOLApplication, name, lambda app, *_: setattr(self, "app", app) or 0)
        pymol_qt_gui.execapp()
        self.app: Any = QtWidgets.QApplication.instance()
        self.cmd, self.window = pymol.cmd, gui.get_qtwindow()
        self.window.resize(*SIZE)
        self.window.move(0, 0)
        self.rest()

    def until(self, true: Callable[[], bool]) -> None:
        """Turn the event loop until something is so."""
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                raise TimeoutError("the window waits for something that does not come")
            self.app.processEvents()

    def rest(self, seconds: float = 1.0) -> None:
        """Let the window draw what it has to."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def photograph(self, path: Path, size: tuple[int, int] = SIZE) -> None:
        """The window as it is on the screen."""
        self.rest()
        picture = self.app.primaryScreen().grabWindow(0).copy(0, 0, *size)
        if not picture.save(str(path), "PNG"):
            raise OSError(f"cannot write {path}")
        with Image.open(path) as full:  # a palette takes a third of the room; dithered, gradients stay smooth
            colours = full.convert("RGB")
            colours.quantize(palette=colours.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(
                path, optimize=True
            )
        print(path, file=sys.__stdout__)  # not in PyMOL's text window, which the next picture shows


def record_runs() -> None:
    """run.trace with two runs of a sampler of our own, as if they were another program's."""
    import numpy as np

    import edmnoise as edm
    from edmnoise.trajectories.listening.recorder import Recorder

    place = np.random.default_rng(0).normal(size=(1, 740, 3)).astype(np.float32)
    os.mkdir("run.trace")
    for number, (name, samples) in enumerate({"complex": 5, "complex_apo": 3}.items(), 1):
        about = {"program": "Boltz-2", "program_version": "2.2.1", "name": name}
        recorder = Recorder(f"run.trace/{number}", info=about)
        denoise = recorder.wrap(lambda x, sigma: x - sigma, "x", "sigma")
        for sigma in edm.sampler_preset("boltz2").schedule(200).sigmas[:-1]:
            denoise(place.repeat(samples, axis=0) + sigma, sigma)
        recorder.close(ended=True)


def train(window: Window, panel: Any, folder: Path) -> None:
    """A network of two strands in two states, half way and at the end, and a program that is asked about."""
    from edmnoise_pymol.panel.runner import Question
    from edmnoise_pymol.panel.trust import TrustDialog

    cmd, tab, busy = window.cmd, panel.training, panel.session.runner
    for state in (1, 2):
        cmd.create("strands", "1tii and chain D+E and resi 66-75", 1, state)
    cmd.translate([6, 0, 0], "strands and chain E", 2)
    cmd.delete("1tii")
    cmd.show_as("sticks", "strands")
    cmd.orient("strands")
    cmd.frame(1)
    panel.session.look()
    panel.pickers.choose("strands")
    panel.pickers.read()
    panel.tabs.setCurrentWidget(tab)
    panel.shelf.open(False)  # for the height
    tab.fields.parts.recall({"motion": "numbers"})
    tab.weights.set_weights("rebalanced")
    tab.form["steps"].setValue(600)
    tab.start.click()
    window.until(lambda: bool(tab.loss.points) and tab.loss.points[-1][0] >= 400)
    window.photograph(folder / "panel_training.png")
    window.until(lambda: not busy.busy)
    tab.measure.click()
    window.until(lambda: busy.busy)
    window.until(lambda: not busy.busy)
    window.photograph(folder / "panel_error.png")
    panel.tabs.setCurrentWidget(panel.sampling)
    panel.sampling.form.recall({"denoiser": "/home/you/networks/my_network.pt2"})
    asking = TrustDialog(panel, Question("/home/you/networks/my_network.pt2", "9f86d081" * 8), busy)
    asking.move(120, 330)
    window.photograph(folder / "panel_trust.png")


def main(folder: Path) -> None:
    """All pictures, in the order in which a user gets there."""
    folder.mkdir(parents=True, exist_ok=True)
    window = Window()
    cmd = window.cmd
    from edmnoise_pymol.panel import open_panel
    from edmnoise_pymol.panel.views.quality import QualityDialog

    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.show_as("cartoon")
    cmd.set("internal_gui_width", 190)
    window.window.resize(*FIRST)
    window.rest()
    dock = open_panel(cmd, "noise")
    dock.panel.session.look()
    window.rest()
    cmd.zoom("1tii")
    window.photograph(folder / "panel_first.png", FIRST)
    dock.close()
    window.window.resize(*SIZE)
    window.rest()
    panel = open_panel(cmd, "noise").panel
    panel.session.look()
    busy = panel.session.runner

    def run(button: Any) -> None:
        button.click()
        window.until(lambda: not busy.busy)
        window.rest(2)

    def view(name: str) -> None:
        names = [panel.views.tabText(index) for index in range(panel.views.count())]
        panel.views.setCurrentIndex(names.index(name))

    panel.noise.weights.set_weights("rebalanced")
    panel.noise.level.z.setValue(-1)
    panel.noise.frames.setValue(20)
    run(panel.noise.apply)
    cmd.orient("1tii")
    view("Plots")
    window.photograph(folder / "panel_noise.png")
    view("Colour")
    window.photograph(folder / "panel_colour.png")
    view("Results")
    window.rest(2)
    window.photograph(folder / "panel_results.png")
    run(panel.results.quality)
    (dialog,) = panel.results.findChildren(QualityDialog)
    window.until(lambda: dialog.plot.full)
    dialog.move(60, 210)
    window.photograph(folder / "panel_quality.png")
    dialog.close()
    cmd.delete("1tii_noise")
    open_panel(cmd, "design")
    run(panel.design.design)
    panel.noise.weights.set_weights("3 2 4")
    panel.design.map.recall({"measure": "share"})
    panel.design.folds["scramble_fold"].unfold(False)
    cmd.enable("1tii")
    cmd.frame(1)
    window.window.resize(SIZE[0], TALL)
    window.rest()
    panel.shelf.open(False)  # for the height
    window.until(lambda: panel.design.triangle.full)
    cmd.orient("1tii")
    window.photograph(folder / "panel_design.png", (SIZE[0], TALL))
    panel.shelf.open()
    panel.design.map.recall({"measure": "displacement"})
    window.window.resize(*SIZE)
    window.rest()
    # Two of the five copies of the subunit, as two states of one object.
    cmd.create("copies", "1tii and chain D", 1, 1)
    cmd.create("other", "1tii and chain E", 1, 1)
    cmd.alter("other", "chain = 'D'")
    cmd.create("copies", "other", 1, 2)
    cmd.delete("other 1tii")
    panel.session.look()
    open_panel(cmd, "sampling")
    panel.pickers.choose("copies")
    panel.pickers.read()
    run(panel.sampling.run)
    cmd.orient("copies_sample", state=cmd.count_states("copies_sample"))
    cmd.frame(30)
    view("Plots")
    window.photograph(folder / "panel_sampling.png")
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        record_runs()
        dialog = panel.sampling.open_trace("run.trace")
        window.until(lambda: len(dialog.runs) == 2)
        dialog.list.selectRow(0)
        dialog.structure.setEditText("copies")
        dialog.move(120, 330)
        window.photograph(folder / "panel_trace.png")
        dialog.close()
        cmd.delete("all")
        cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
        train(window, panel, folder)
    sys.stdout.flush()
    os._exit(0)  # the window's threads end with the process


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"XDG_CONFIG_HOME": home, "XDG_RUNTIME_DIR": home}
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
