"""A long command typed in PyMOL's window: text and progress are seen, Esc and Abort end it, nothing else happens."""

import contextlib

import pytest

from edmnoise_pymol.commands import waiting
from edmnoise_pymol.commands.speech import command, say


@pytest.fixture
def line(cmd, window, qapp, monkeypatch):
    """Type a command that goes on until it is cancelled, or for some looks; something happens at each of them."""
    import pcatch

    monkeypatch.setattr(waiting, "_FIRST", 0.0)
    monkeypatch.setattr(waiting, "_LOOK", 0.0)

    def type_it(happens, looks=10**6):
        seen = []

        @command
        def edm_endless(*, quiet=1, _self=None):
            def work(watch):
                for number in range(looks):
                    happens(number)
                    watch.check(0.5, f"step {number}")
                    seen.append((window.progressbar.isVisible(), window.progressbar.value()))

            yield work
            say(quiet, "edm_endless", "done")

        cmd.extend("edm_endless", edm_endless)
        window.browser.clear()
        window.lineedit.setText("edm_endless")
        with contextlib.redirect_stdout(pcatch):  # what the window shows, as without pytest
            window.doPrompt()
        window.update_feedback()
        del cmd.keyword["edm_endless"]
        return window.browser.toPlainText(), seen

    return type_it


def key(pressed, text=""):
    from pymol.Qt import QtCore, QtGui

    none = QtCore.Qt.KeyboardModifier.NoModifier
    return QtGui.QKeyEvent(QtCore.QEvent.Type.KeyPress, getattr(QtCore.Qt.Key, f"Key_{pressed}"), none, text)


def click(button):
    from pymol.Qt import QtCore, QtGui

    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.MouseButton.NoButton
    here = button.rect().center()
    places = (QtCore.QPointF(here), QtCore.QPointF(button.mapToGlobal(here)))
    kinds = QtCore.QEvent.Type
    for kind, held in ((kinds.MouseButtonPress, left), (kinds.MouseButtonRelease, none)):
        yield QtGui.QMouseEvent(kind, *places, left, held, QtCore.Qt.KeyboardModifier.NoModifier)


def test_esc_ends_it(window, qapp, line):
    said, seen = line(lambda number: number == 3 and qapp.postEvent(window.lineedit, key("Escape")))
    assert "edm_endless: step 0, about " in said
    assert "left; Esc or Abort ends it" in said
    assert said.rstrip().endswith("Error: cancelled: nothing was made")
    assert seen == [(True, 50)] * 3
    assert not window.progressbar.isVisible()
    assert not window.abortbutton.isVisible()


def test_abort_ends_it(window, qapp, line):
    def happens(number):
        for event in click(window.abortbutton) if number == 3 else ():
            qapp.postEvent(window.abortbutton, event)

    said, seen = line(happens)
    assert said.rstrip().endswith("Error: cancelled: nothing was made")
    assert seen


def test_text_is_seen_while_it_works(window, line):
    texts = []
    line(lambda number: texts.append(window.browser.toPlainText()), looks=3)
    assert "step 0" not in texts[0]
    assert "step 0" in texts[2]


def test_nothing_else_happens_meanwhile(window, qapp, qtbot, line):
    """No timer fires, no key and no click arrives."""
    from pymol.Qt import QtCore

    fired = []
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: fired.append("timer"))
    timer.start(0)
    zoom = next(b for b in window.findChildren(type(window.abortbutton)) if b.text() == "Zoom")
    zoom.released.connect(lambda: fired.append("button"))

    def happens(number):
        qapp.postEvent(window.lineedit, key("A", "a"))
        for event in click(zoom):
            qapp.postEvent(zoom, event)
        assert fired == []
        assert window.lineedit.text() == "edm_endless"

    said, seen = line(happens, looks=20)
    assert len(seen) == 20
    assert "edm_endless: done" in said
    qtbot.waitUntil(lambda: "timer" in fired)
    assert "button" not in fired
    timer.stop()


def test_a_job_of_the_panel_waits_for_it(panel, loaded, made, line):
    """What its thread has worked out is put into PyMOL when the typed command is done."""
    panel.noise.apply.click()
    looked = []

    def happens(number):
        looked.append(panel.session.runner.busy)

    line(happens, looks=50)
    assert all(looked)
    made(lambda: None)
