"""A real PyMOL window in this process, the panel in it, and a person's hands: clicks, keys, and time that passes."""

import os
import tempfile
import time

import pytest

# The settings of the person who runs the tests are theirs; Qt reads this once, when it starts.
_home = tempfile.TemporaryDirectory(prefix="edmnoise_config_")
os.environ["XDG_CONFIG_HOME"] = _home.name
os.environ.setdefault("XDG_RUNTIME_DIR", os.environ["XDG_CONFIG_HOME"])
os.chmod(os.environ["XDG_RUNTIME_DIR"], 0o700)

PATIENCE = 60_000
"""Milliseconds that a test waits for what has to happen; nothing takes a tenth of it."""


@pytest.fixture(scope="session")
def window():
    """PyMOL's window, started as a user starts it, but for the event loop: pytest-qt turns that."""
    import sys

    import pymol
    from pymol import gui, invocation

    invocation.parse_args(["pymol", "-qk"])
    from pmg_qt import pymol_qt_gui

    kept, hook = [], sys.excepthook
    for name in ("exec", "exec_"):
        setattr(pymol_qt_gui.PyMOLApplication, name, lambda self, *_: kept.append(self) or 0)
    pymol_qt_gui.execapp()
    sys.excepthook = hook
    shown = gui.get_qtwindow()
    shown.resize(1200, 900)
    assert pymol.cmd is shown.cmd
    shown.kept_for_tests = kept  # the application lives as long as its window
    # When PyMOL is idle for the first time it counts processors and changes a setting: not in the middle of a test.
    end = time.monotonic() + PATIENCE / 1000
    while os.cpu_count() > 1 and shown.cmd.get_setting_int("max_threads") == 1 and time.monotonic() < end:
        kept[0].processEvents()
    return shown


@pytest.fixture(scope="session")
def _global_instance(window):
    """The global PyMOL of these tests is the window's."""


@pytest.fixture(scope="session")
def qapp(window):
    """The application that PyMOL made: there is only one in a process."""
    from pymol.Qt import QtWidgets

    return QtWidgets.QApplication.instance()


@pytest.fixture
def cmd(window, qapp):
    """PyMOL's commands, with nothing loaded and every setting at its default."""
    window.cmd.reinitialize()
    yield window.cmd
    window.cmd.reinitialize()


@pytest.fixture(autouse=True)
def no_dialogs(qapp):
    """A window that asks something and waits fails the test."""
    from pymol.Qt import QtCore, QtWidgets

    asked = []

    class Guard(QtCore.QObject):
        def eventFilter(self, watched, event):
            if event.type() == QtCore.QEvent.Type.Show and isinstance(watched, QtWidgets.QDialog) and watched.isModal():
                asked.append(f"{type(watched).__name__}: {watched.windowTitle()} {getattr(watched, 'text', str)()}")
                QtCore.QTimer.singleShot(0, watched.reject)
            return False

    guard = Guard()
    qapp.installEventFilter(guard)
    yield asked
    qapp.removeEventFilter(guard)
    assert asked == []


@pytest.fixture
def seen(window):
    """The test looks at what the view shows, which is nothing where Qt 6 turns it black."""
    from edmnoise_pymol.panel.drawing import what_turns_black

    if what_turns_black(window.cmd):
        pytest.skip("the view of Qt 6 is black on this Mesa")


@pytest.fixture
def settings(qapp):
    """No settings of an earlier panel."""
    from edmnoise_pymol.panel.settings import Settings

    Settings()._file.clear()


@pytest.fixture
def panel(cmd, window, qtbot, settings):
    """The panel, opened and closed again."""
    from edmnoise_pymol.panel import open_panel

    dock = open_panel(cmd)
    yield dock.panel
    dock.close()
    qtbot.waitUntil(lambda: window.findChild(type(dock)) is None, timeout=PATIENCE)


@pytest.fixture
def loaded(cmd, panel):
    """1TII in the window, seen and chosen by the panel."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    panel.session.look()
    return "toxin"


@pytest.fixture
def made(panel, qtbot):
    """Do something and wait for the result that the panel gets of it."""

    def wait(action):
        with qtbot.waitSignal(panel.session.made, timeout=PATIENCE) as signal:
            action()
        return signal.args[1]

    return wait


@pytest.fixture
def refused(panel, qtbot):
    """Do something that must be refused: gives the sentence and the details."""

    def wait(action):
        with qtbot.waitSignal(panel.session.failed, timeout=PATIENCE) as signal:
            action()
        return signal.args

    return wait
