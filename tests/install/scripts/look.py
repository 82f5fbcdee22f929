"""Run inside PyMOL: report what a user would see, then quit."""

import json
import os
import sys

from pymol import cmd


def plugin_menu():
    """The texts in the Plugin menu of the window's own menu bar."""
    (action,) = (action for action in window.menuBar().actions() if action.text() == "Plugin")
    return [action.text() for action in action.menu().actions()]


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
        report["menu"] = plugin_menu()
        report["colours"] = screenshot(os.environ["REPORT"] + ".png")
    with open(os.environ["REPORT"], "w") as file:
        json.dump(report, file)
finally:
    cmd.quit(0)
