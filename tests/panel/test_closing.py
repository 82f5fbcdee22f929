"""PyMOL's window or the panel is closed while something is at work: the process goes on or ends in order."""

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

HURRY = """
from pymol.Qt import QtCore
from edmnoise_pymol.panel.runner import Runner

app = QtCore.QCoreApplication([])

def job():
    yield lambda watch: [watch.tell(1.0, "told") for _ in range(20)]

for turn in range(8_000):
    runner = Runner()
    told = []
    runner.progressed.connect(lambda share, words: told.append(words))
    runner.start(job, print, torch=False)
    for _ in range(turn % 4):
        app.processEvents()
    runner.close()
    runner.deleteLater()
    app.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
"""


def test_what_is_deleted_at_once_after_it_was_closed_is_sent_nothing_more(tmp_path):
    (tmp_path / "hurry.py").write_text(HURRY, encoding="utf-8")
    done = subprocess.run([sys.executable, "hurry.py"], cwd=tmp_path, env=os.environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_window_closes_with_exit_code_0(tmp_path, qapp):
    (tmp_path / "close.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "pymol", "-qk", "close.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
