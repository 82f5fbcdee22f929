"""PyMOL's window is closed with the panel open: the process ends in order, on every Qt."""

import os
import subprocess
import sys

SCRIPT = """
import torch  # a process must not end while another thread imports it
from pymol import cmd, gui
from pymol.Qt import QtCore
from edmnoise_pymol.panel import open_panel

cmd.load("$PYMOL_DATA/demo/pept.pdb")

def close_when_seen():
    if dock.isVisible() and dock.panel.session.sight.objects:
        gui.get_qtwindow().close()

def open_it():
    global dock, clock
    dock, clock = open_panel(cmd), QtCore.QTimer()
    clock.timeout.connect(close_when_seen)
    clock.start(100)

QtCore.QTimer.singleShot(0, open_it)
"""


def test_the_window_closes_with_exit_code_0(tmp_path, qapp):
    (tmp_path / "close.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "pymol", "-qk", "close.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
