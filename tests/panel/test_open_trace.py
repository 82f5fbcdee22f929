"""The window that opens a trace: by button or by drop, the list of runs, what is typed for it, and Cancel."""

import json
import shutil

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise_pymol.panel.tabs.trace_dialog import TraceDialog

PATIENCE = 60_000


@pytest.fixture
def folder(traced, tmp_path):
    """out/ with three runs: the recorded one is the second, the first has no calls, the third is of other atoms."""
    traced.into(tmp_path)
    out = tmp_path / "out"
    for number in "123":
        shutil.copytree(tmp_path / "run.trace", out / number)
    (out / "1" / "calls.jsonl").write_text("")
    for path in (out / "3").glob("*.dcd"):
        shutil.copy(tmp_path / "run.trace" / "denoised_0000.dcd", path)
    facts = json.loads((out / "2" / "run.json").read_text())
    (out / "2" / "run.json").write_text(json.dumps(facts | {"program": "Toy", "name": "complex"}))
    return tmp_path


@pytest.fixture
def opened(panel, qtbot):
    """The dialog, after it has looked into a path."""

    def look(path):
        panel.tabs.setCurrentWidget(panel.sampling)
        panel.sampling.trace.click()
        dialog = panel.sampling.findChild(TraceDialog)
        dialog.choose(str(path))
        qtbot.waitUntil(lambda: not dialog.words.text().startswith("looking into"), timeout=PATIENCE)
        return dialog

    return look


def cells(view):
    model = view.model()
    return [[str(model.index(row, at).data()) for at in range(model.columnCount())] for row in range(model.rowCount())]


def test_the_runs_are_listed_with_what_is_wrong(opened, folder):
    dialog = opened(folder / "out")
    first, second, third = cells(dialog.list)
    assert "holds no calls" in first[6]
    assert second == ["2", "complex", "Toy", "3", "12", "300", "ended", "noisy, denoised"]
    assert third[:3] == ["3", "-", "toy"]
    assert dialog.request is None
    assert not dialog.open.isEnabled()
    assert "choose a run" in dialog.words.text()
    dialog.list.selectRow(1)
    assert "no names of atoms were recorded" in dialog.words.text()
    dialog.structure.setEditText(str(folder / "complex_model_0.cif"))
    assert dialog.open.isEnabled()
    assert str(dialog.request) == f"edm_trace {folder}/out, structure={folder}/complex_model_0.cif, run=2"


def test_opening_types_the_command_and_shows_the_end(opened, folder, panel, cmd, made, capsys):
    """Without a run: the one that ended in the structure."""
    cmd.load(str(folder / "complex_model_0.cif"))
    panel.session.look()
    dialog = opened(folder / "out")
    assert [dialog.structure.itemText(row) for row in range(dialog.structure.count())] == ["", "complex_model_0"]
    dialog.structure.setCurrentIndex(1)
    dialog.form["samples"].setText("3 1")
    dialog.form["steps"].setValue(5)
    dialog.form["denoised"].setChecked(True)
    dialog.form["name"].setText("seen")
    line = f"edm_trace {folder}/out, structure=complex_model_0, samples=3 1, steps=5, denoised=1, name=seen"
    assert str(dialog.request) == line
    result = made(dialog.open.click)
    said = capsys.readouterr().out
    assert f"PyMOL>{line}\n" in said
    assert "run 2 of 3" in said
    assert result.names == ("seen_3", "seen_3_denoised", "seen_1", "seen_1_denoised")
    assert result.run.steps.tolist() == [1, 4, 7, 9, 12]
    assert panel.session.shown == "seen_3"
    assert cmd.get_frame() == 7
    assert "complex_model_0" not in cmd.get_names("objects", enabled_only=1)
    assert panel.status.undo.isEnabled()
    assert not dialog.isVisible()


def test_a_path_may_be_typed(opened, folder, qtbot):
    """What was listed before goes at once; runs need not be numbered without gaps."""
    shutil.rmtree(folder / "out" / "1")
    dialog = opened(folder / "run.trace")
    dialog.path.clear()
    qtbot.keyClicks(dialog.path, str(folder / "out"))
    assert dialog.request is None
    qtbot.waitUntil(lambda: len(dialog.runs) == 2, timeout=PATIENCE)
    dialog.list.selectRow(1)
    assert dialog.run == 3
    dialog.structure.setEditText("ala")
    assert "run=3" in str(dialog.request)
    dialog.close()


def test_a_path_that_holds_nothing_says_so(opened, folder):
    (folder / "empty").mkdir()
    dialog = opened(folder / "empty")
    assert "is no trace" in dialog.words.text()
    assert cells(dialog.list) == []
    assert not dialog.open.isEnabled()


def test_what_is_refused_stays_in_the_window(opened, folder, panel, cmd, refused):
    cmd.fragment("ala")
    dialog = opened(folder / "run.trace")
    dialog.structure.setEditText("ala")
    before = cmd.get_names("objects")
    sentence, details = refused(dialog.open.click)
    assert "10 atoms" in sentence
    assert details == ""
    assert dialog.words.text() == sentence
    assert cmd.get_names("objects") == before
    assert dialog.open.text().replace("&", "") == "Open"
    dialog.close()


def test_what_is_refused_to_others_is_no_news_here(opened, folder, panel, refused):
    dialog = opened(folder / "run.trace")
    words = dialog.words.text()

    def other():
        raise EdmNoiseError("no such luck")
        yield

    refused(lambda: panel.session.start(other, lambda _: None))
    assert dialog.words.text() == words
    dialog.close()


def test_it_is_busy_with_others_and_cancels_its_own(opened, folder, panel, cmd, qtbot):
    """Work that waits until it is cancelled stands for a trace that takes long to read."""
    import threading

    cmd.load(str(folder / "complex_model_0.cif"))
    dialog = opened(folder / "run.trace")
    dialog.structure.setEditText("complex_model_0")
    go_on = threading.Event()

    def other():
        yield lambda _: go_on.wait(PATIENCE / 1000)

    assert panel.session.start(other, lambda _: None)
    assert not dialog.open.isEnabled()
    go_on.set()
    qtbot.waitUntil(lambda: not panel.session.runner.busy, timeout=PATIENCE)
    assert dialog.open.isEnabled()
    before = cmd.get_names("objects")
    with qtbot.waitSignal(panel.session.runner.failed, timeout=PATIENCE) as failed:
        dialog.open.click()
        assert dialog.open.text().replace("&", "") == "Cancel"
        dialog.open.click()
    assert failed.args == ["", ""]
    assert cmd.get_names("objects") == before
    dialog.close()


def drop(widget, path):
    """What Qt sends when a path is dropped on a widget."""
    from pymol.Qt import QtCore, QtGui, QtWidgets

    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path))])
    where, copy = QtCore.QPoint(20, 20), QtCore.Qt.DropAction.CopyAction
    buttons, keys = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    enter = QtGui.QDragEnterEvent(where, copy, data, buttons, keys)
    QtWidgets.QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    event = QtGui.QDropEvent(QtCore.QPointF(where), copy, data, buttons, keys)
    QtWidgets.QApplication.sendEvent(widget, event)
    assert event.isAccepted()


@pytest.mark.parametrize("where", ["panel", "view"])
def test_a_folder_may_be_dropped(panel, window, folder, qtbot, where):
    drop(panel if where == "panel" else window.pymolwidget, folder / "run.trace")
    dialog = panel.sampling.findChild(TraceDialog)
    qtbot.waitUntil(lambda: len(dialog.runs) == 1, timeout=PATIENCE)
    assert panel.tabs.currentWidget() is panel.sampling
    drop(dialog, folder / "out")
    qtbot.waitUntil(lambda: len(dialog.runs) == 3, timeout=PATIENCE)
    dialog.close()


def test_a_structure_dropped_on_the_view_is_pymols(panel, window, folder, cmd, qtbot):
    drop(window.pymolwidget, folder / "complex_model_0.cif")
    qtbot.waitUntil(lambda: cmd.get_names("objects") == ["complex_model_0"], timeout=PATIENCE)
    assert panel.sampling.findChild(TraceDialog) is None
