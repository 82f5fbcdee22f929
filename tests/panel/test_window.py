"""The panel as a window: opened once, remembered, closed at any moment; one run at a time."""

import re
import sys

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise_pymol import edm_panel
from edmnoise_pymol.panel import open_panel
from edmnoise_pymol.panel.help import TEXTS
from edmnoise_pymol.panel.window import Dock

PATIENCE = 60_000

QUIT = """
from pymol import cmd, gui
from pymol.Qt import QtCore

def begin():
    from edmnoise_pymol.panel import open_panel

    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    panel = open_panel().panel
    panel.session.look()
    panel.noise.frames.setValue(3000)

    def told(share, words):
        if share > 0:
            print("quitting", flush=True)
            panel.session.runner.progressed.disconnect(told)
            gui.get_qtwindow().close()

    panel.session.runner.progressed.connect(told)
    panel.noise.apply.click()

QtCore.QTimer.singleShot(0, begin)
"""


def docks(window):
    return window.findChildren(Dock)


def test_it_opens_once_and_from_the_menu(window, cmd, qtbot, settings):
    from edmnoise_pymol import menu

    menu.open_panel()
    edm_panel()
    (dock,) = docks(window)
    assert dock.isVisible()
    dock.close()
    qtbot.waitUntil(lambda: not docks(window), timeout=PATIENCE)


def test_a_tab_by_its_name(panel):
    edm_panel("sampling")
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Sampling"
    edm_panel("noise")
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Noise"
    with pytest.raises(EdmNoiseError, match="noise, sampling"):
        open_panel(tab="moise")


def test_a_button_without_words_has_a_picture(panel):
    from pymol.Qt import QtWidgets

    buttons = [button for button in panel.findChildren(QtWidgets.QToolButton) if button.accessibleName()]
    bare = [b for b in buttons if not b.text() and not isinstance(b.parent(), QtWidgets.QTabBar)]
    assert len(bare) > 10

    def inked(button):
        image = button.icon().pixmap(16, 16).toImage()
        return sum(image.pixelColor(x, y).alpha() > 100 for x in range(image.width()) for y in range(image.height()))

    assert [button.accessibleName() for button in bare if inked(button) < 10] == []


def test_opening_imports_no_torch(tmp_path):
    import subprocess

    script = (
        "import sys, pymol; from pymol import invocation, gui; invocation.parse_args(['pymol', '-qk']);"
        "from pmg_qt import pymol_qt_gui as g;"
        "g.PyMOLApplication.exec = g.PyMOLApplication.exec_ = lambda self, *_: globals().update(kept=self) or 0;"
        "g.execapp(); pymol.cmd.load('$PYMOL_DATA/demo/pept.pdb');"
        "from edmnoise_pymol.panel import open_panel; panel = open_panel().panel; panel.session.look();"
        "assert panel.session.input; print('torch' in sys.modules, flush=True);"
        "import os; os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip().endswith("False"), done.stdout + done.stderr


def test_settings_are_there_next_time(window, cmd, qtbot, settings):
    dock = open_panel(cmd)
    noise = dock.panel.noise
    noise.weights.set_weights("8.2 1.6 2")
    noise.level.z.setValue(-1.25)
    noise.frames.setValue(17)
    noise.seed.setValue(3)
    dock.close()
    qtbot.waitUntil(lambda: not docks(window), timeout=PATIENCE)
    dock = open_panel(cmd)
    noise = dock.panel.noise
    assert (noise.weights.text, noise.level.options, noise.frames.value(), noise.seed.value()) == (
        "8.2 1.6 2",
        {"z": "-1.25"},
        17,
        3,
    )
    dock.close()


def test_opened_again_before_the_closed_one_is_gone(window, cmd, settings, qtbot):
    first = open_panel(cmd)
    first.close()
    second = open_panel(cmd)
    assert second is not first
    assert second.panel.session.runner.start(lambda: (x for x in ()), print)
    second.close()
    qtbot.waitUntil(lambda: not docks(window), timeout=PATIENCE)


def test_a_double_click_makes_one_object(panel, cmd, loaded, qtbot):
    from pymol.Qt import QtCore

    with qtbot.waitSignal(panel.session.made, timeout=PATIENCE):
        qtbot.mouseClick(panel.noise.apply, QtCore.Qt.MouseButton.LeftButton)
        qtbot.mouseDClick(panel.noise.apply, QtCore.Qt.MouseButton.LeftButton)
    assert cmd.get_names("objects") == ["toxin", "toxin_noise"]
    assert not panel.session.runner.busy


def test_closing_in_mid_run_leaves_the_input_alone(window, cmd, qtbot, settings):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    dock = open_panel(cmd)
    dock.panel.session.look()
    dock.panel.noise.frames.setValue(3_000)
    dock.panel.noise.apply.click()
    qtbot.waitUntil(lambda: dock.panel.status.bar.value() > 0, timeout=PATIENCE)
    dock.close()
    qtbot.waitUntil(lambda: not docks(window), timeout=PATIENCE)
    assert cmd.get_names("objects") == ["toxin"]
    assert cmd.get_names("objects", enabled_only=1) == ["toxin"]


def test_quitting_pymol_in_mid_run(tmp_path):
    import os
    import subprocess

    script = tmp_path / "quit.py"
    script.write_text(QUIT)
    folder = tmp_path / "tmp"
    folder.mkdir()
    places = {"HOME": str(tmp_path), "TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pymol", "-q", "-k", "-r", str(script)]
    done = subprocess.run(
        command, env=os.environ | places, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert "quitting" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    assert list(folder.glob("edmnoise*")) == []


def test_cancel(panel, cmd, loaded, qtbot):
    panel.noise.frames.setValue(3_000)
    panel.noise.apply.click()
    qtbot.waitUntil(lambda: panel.status.bar.value() > 0, timeout=PATIENCE)
    with qtbot.waitSignal(panel.session.runner.busy_changed, timeout=PATIENCE):
        panel.status.cancel.click()
    assert cmd.get_names("objects") == ["toxin"]
    assert panel.status.message.text() == "cancelled: nothing was made"
    assert panel.noise.apply.isEnabled()


def test_an_object_deleted_in_mid_run(panel, cmd, loaded, refused):
    def delete(value):  # as soon as there is progress: a quick run would have ended before a look at the bar
        if value and "toxin_noise" in cmd.get_names("objects"):
            cmd.delete("toxin_noise")

    panel.status.bar.valueChanged.connect(delete)
    panel.noise.frames.setValue(500)
    sentence, details = refused(panel.noise.apply.click)
    panel.status.bar.valueChanged.disconnect(delete)
    assert sentence == "toxin_noise was changed or deleted while its frames were made: they are not kept"
    assert details == ""
    assert cmd.get_names("objects") == ["toxin"]


def test_what_is_refused_is_one_sentence(panel, cmd, loaded, refused):
    panel.noise.name.setText("toxin")
    sentence, details = refused(panel.noise.apply.click)
    assert sentence == "the name 'toxin' is taken: give another, or delete toxin first"
    assert details == ""
    assert panel.status.message.text() == sentence
    assert not panel.status.details.isVisible()
    assert cmd.get_names("objects") == ["toxin"]


def test_our_own_mistake_shows_details_on_demand(panel, refused):
    def mistake():
        yield lambda _: 1 / 0

    sentence, details = refused(lambda: panel.session.start(mistake, print))
    assert sentence == "ZeroDivisionError: division by zero"
    assert "Traceback" in details
    assert panel.status.details.isVisible()
    panel.status.details.click()
    assert panel.status.traceback.isVisible()


@pytest.mark.parametrize("tab", ["Noise", "Sampling", "Design", "Plots", "Colour", "Results"])
def test_every_tab_has_its_help(panel, qtbot, tab):
    from pymol.Qt import QtWidgets

    for tabs in (panel.tabs, panel.views):
        names = [tabs.tabText(index) for index in range(tabs.count())]
        if tab in names:
            tabs.setCurrentIndex(names.index(tab))
            tabs.cornerWidget().click()
            (window,) = tabs.findChildren(QtWidgets.QDialog)
    text = window.findChild(QtWidgets.QTextBrowser).toPlainText()
    assert not window.isModal()
    assert text.startswith(tab)
    for name in TEXTS[tab][1]:
        assert name in text
    assert "<" not in re.sub("<(object|trace)>", "", text)
    window.close()
    qtbot.waitUntil(lambda: not panel.findChildren(QtWidgets.QDialog), timeout=PATIENCE)


def test_the_plot_that_has_something_to_say_is_shown(panel, cmd, loaded, made):
    assert panel.plots.chart is panel.plots.levels
    panel.pickers.selection.setText("chain D and resi 1-20")
    panel.pickers.read()
    panel.sampling.form["steps"].setValue(4)
    made(panel.sampling.run.click)
    assert panel.plots.chart is panel.plots.freeze_out
    panel.plots.choose("sequence")
    made(panel.noise.apply.click)
    assert panel.plots.chart is panel.plots.sequence
    panel.plots.choose("freeze_out")
    made(panel.noise.apply.click)
    assert panel.plots.chart is panel.plots.levels
