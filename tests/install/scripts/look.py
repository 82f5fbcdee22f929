"""Run inside PyMOL: report what a user would see, then quit."""

import json
import os
import sys

from pymol import cmd


def entries(*path):
    """The texts in one menu of the window's own menu bar, such as Plugin > EDM noise."""
    menu = window.menuBar()
    for text in path:
        (menu,) = (action.menu() for action in menu.actions() if action.text() == text)
    return [action.text() for action in menu.actions()]


def screenshot(file):
    """How many colours the picture of the window has."""
    window.grab().save(file)
    image = window.grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)})


try:
    gui = sys.modules.get("pmg_qt.pymol_qt_gui")
    report = {
        "commands": sorted(name for name in cmd.keyword if name.startswith("edm_")),
        "heavy": sorted({"torch", "scipy", "matplotlib", "pyqtgraph"} & set(sys.modules)),
        "file": getattr(sys.modules.get("edmnoise_pymol"), "__file__", None),
    }
    if gui:
        window = gui.window
        report["menu"] = entries("Plugin")
        report["entries"] = entries("Plugin", "EDM noise") if "EDM noise" in report["menu"] else []
        report["colours"] = screenshot(os.environ["REPORT"] + ".png")
    with open(os.environ["REPORT"], "w") as file:
        json.dump(report, file)
finally:
    cmd.quit(0)
