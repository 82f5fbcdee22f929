"""Run inside PyMOL: install the plugin's zip as the Plugin Manager does, press OK, report what PyMOL said."""

import json
import os

from pymol import cmd
from pymol.plugins import installation
from pymol.Qt import QtCore, QtWidgets

said = []


def press_ok():
    box = QtWidgets.QApplication.activeModalWidget()
    if box is not None:
        said.append(box.text())
        box.accept()


try:
    timer = QtCore.QTimer()
    timer.timeout.connect(press_ok)
    timer.start(20)
    installation.installPluginFromFile(os.environ["ZIP"], plugdir=os.environ["STARTUP"])
    timer.stop()
    with open(os.environ["REPORT"], "w") as file:
        json.dump({"said": said}, file)
finally:
    cmd.quit(0)
