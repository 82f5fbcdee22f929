"""What is set is there next time, however PyMOL ended."""

import os
import subprocess
import sys

import pytest

ENDS = {
    "quit, typed": "gui.get_qtwindow().lineedit.setText('quit'); gui.get_qtwindow().doPrompt()",
    "File > Quit": "gui.get_qtwindow().confirm_quit()",
    "the window closed": "gui.get_qtwindow().close()",
    "cmd.quit in a script": "cmd.quit()",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}

SET = """
from pymol import cmd, gui
from pymol.Qt import QtCore

def begin():
    from edmnoise_pymol.panel import open_panel

    cmd.load("$PYMOL_DATA/demo/pept.pdb", "peptide")
    panel = open_panel().panel
    panel.noise.weights.set_weights("8.2 1.6 2")
    panel.noise.level.slider.setValue(-125)
    panel.noise.seed.setValue(3)
    panel.sampling.follow.click()
    panel.plots.choose("sequence")
    panel.shelf.open()
    until(lambda: panel.session.settings.read("shelf") and not panel._soon.isActive())

def until(true):
    if true():
        end()
    else:
        QtCore.QTimer.singleShot(10, lambda: until(true))

def end():
    print("ending", flush=True)
    {end}

QtCore.QTimer.singleShot(0, begin)
"""


@pytest.mark.parametrize("way", ENDS)
def test_settings_are_kept_however_pymol_ends(tmp_path, way):
    from pymol.Qt import QtCore

    script = tmp_path / "set.py"
    script.write_text(SET.replace("{end}", ENDS[way]))
    places = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pymol", "-q", "-k", "-r", str(script)]
    done = subprocess.run(
        command, env=os.environ | places, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert "ending" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    kept = QtCore.QSettings(str(tmp_path / "edmnoise" / "panel.ini"), QtCore.QSettings.Format.IniFormat)
    expected = {
        "noise/weights": "8.2 1.6 2",
        "noise/z": "-1.25",
        "noise/seed": "3",
        "sampling/follow": "0",
        "plots/plot": "sequence",
    }
    assert {name: kept.value(name) for name in expected} == expected


def test_every_control_that_is_remembered_is_written_when_it_changes(panel, qtbot):
    from pymol.Qt import QtWidgets

    from edmnoise_pymol.panel.controls import form

    kept = panel.session.settings
    panel.remember_all()
    for box in (panel.sampling.more.button, panel.design.folds["scramble_fold"].button, panel.playback.loop):
        assert isinstance(box, form.KINDS)
        before = [part.remembered() for part in panel._remembering.values()]
        box.click()
        assert [part.remembered() for part in panel._remembering.values()] != before
        qtbot.waitUntil(
            lambda: all(kept.read(group) == part.remembered() for group, part in panel._remembering.items()),
            timeout=60_000,
        )
    assert all(isinstance(box, form.KINDS) for box in panel.findChildren(QtWidgets.QCheckBox))


def test_what_is_not_new_is_not_written(panel, qtbot):
    panel.remember_all()
    path = panel.session.settings._file.fileName()
    before = os.stat(path).st_mtime_ns
    panel.remember_all()
    assert os.stat(path).st_mtime_ns == before
