"""The Training tab: what it trains is what its line trains; stopped, resumed, measured, and sampled with."""

import inspect
import math
import os
import threading

import pytest
import torch

from edmnoise.diffusion.names import RULES
from edmnoise.learning.checkpoint import read_checkpoint
from edmnoise.structure.files import read_structure
from edmnoise_pymol import edm_train
from edmnoise_pymol.panel import open_panel
from edmnoise_pymol.panel.plots.loss import _MOST
from edmnoise_pymol.panel.window import Dock

PATIENCE = 60_000
LONG = 1_000_000
"""Steps that no test waits for the end of."""


@pytest.fixture
def strands(cmd, tmp_path, monkeypatch):
    """Residues 66 and 67 of 1TII's subunits D and E in three states, in an empty folder; a second object of one."""
    monkeypatch.chdir(tmp_path)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "whole")
    for state in (1, 2, 3):
        cmd.create("m", "whole and chain D+E and resi 66-67", 1, state)
        cmd.translate([2.0 * state, 0, 0], "m and chain E", state)
    cmd.create("other", "m", 1, 1)
    cmd.delete("whole")
    return "m"


@pytest.fixture
def training(strands, panel, qapp):
    """The tab, shown, its input chosen, small batches; a second click comes as late as a person's would."""
    panel.session.look()
    panel.pickers.choose("m")
    panel.pickers.read()
    panel.tabs.setCurrentWidget(panel.training)
    panel.training.form["batch"].setValue(2)
    kept = qapp.doubleClickInterval()
    qapp.setDoubleClickInterval(0)
    yield panel.training
    qapp.setDoubleClickInterval(kept)


@pytest.fixture
def begun(training, panel, qtbot):
    """Start a training that is not waited for, and wait for the first points of its plot."""

    def start(points=2):
        training.form["steps"].setValue(LONG)
        training.start.click()
        qtbot.waitUntil(lambda: len(training.loss.points) >= points, timeout=PATIENCE)

    return start


@pytest.fixture
def kept(cmd, tmp_path):
    """What a checkpoint holds of the strands."""

    def read(path):
        cmd.save(str(tmp_path / "kept.pdb"), "other")
        return read_checkpoint(path, read_structure(tmp_path / "kept.pdb"))

    return read


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def pick(control, data):
    index = control.findData(data)
    assert index >= 0
    control.setCurrentIndex(index)


CONTROLS = {
    "rule=global": lambda t: pick(t.form["rule"], "global"),
    "loss=whole": lambda t: pick(t.form["loss"], "whole"),
    "distribution=wide": lambda t: pick(t.form["distribution"], "wide"),
    "process=harmonic": lambda t: t.form["process"].setEditText("harmonic"),
    "seed=3": lambda t: t.form["seed"].setValue(3),
    "steps=1000": lambda t: t.form["steps"].setValue(1000),
    "minutes=2": lambda t: pick(t.fields.budget, "minutes"),
    "batch=8": lambda t: t.form["batch"].setValue(8),
    "weights=1 4 4": lambda t: t.weights.set_weights("1 4 4"),
    "file=net.safetensors": lambda t: t.form["file"].setText("net.safetensors"),
    'file="my nets/net.safetensors"': lambda t: t.form["file"].setText("my nets/net.safetensors"),
    "held_out=2 3": lambda t: t.form["held_out"].setText("2 3"),
    "state_weights=2 1 1": lambda t: t.form["state_weights"].setText("2 1 1"),
    "fluctuations=network": lambda t: pick(t.fields.ensemble.motion, "network"),
    "fluctuations=0 0.3 0.2": lambda t: pick(t.fields.ensemble.motion, "numbers"),
    "device=cpu": lambda t: pick(t.form["device"], "cpu"),
    "ligands=atom": lambda t: pick(t.form["ligands"], "atom"),
    "common=1": lambda t: t.form["common"].setChecked(True),
}


@pytest.mark.parametrize("argument", CONTROLS)
def test_every_control_reaches_the_command(training, argument):
    training.form["batch"].setValue(0)
    assert str(training.request) == "edm_train m"
    CONTROLS[argument](training)
    assert str(training.request) in (f"edm_train m, {argument}", f"edm_train m, weights=rebalanced{argument[13:]}")


def test_every_argument_has_a_control(training):
    reached = {argument.split("=")[0] for argument in CONTROLS}
    elsewhere = {"selection", "hydrogens", "solvent", "state", "resume"}  # the pickers; all states; a button
    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = {p.name for p in inspect.signature(edm_train).parameters.values() if p.kind != keyword}
    assert arguments == reached | elsewhere


def test_pickers_and_other_objects_say_what_the_data_are(training, panel):
    training.form["batch"].setValue(0)
    panel.pickers.state.setValue(2)
    panel.pickers.hydrogens.setChecked(False)
    panel.pickers.read()
    training.fields.ensemble.others.setText("other")
    assert str(training.request) == "edm_train (m) or (other), hydrogens=0"


def test_resume_leaves_out_what_stands_in_the_checkpoint(training):
    for argument, act in CONTROLS.items():
        if argument.split("=")[0] not in ("minutes", "file"):
            act(training)
    assert str(training.resume_request) == (
        "edm_train m, device=cpu, state_weights=2 1 1, held_out=2 3, ligands=atom, common=1, fluctuations=0 0.3 0.2, "
        "resume=m.safetensors"
    )


def test_settings_are_remembered(training):
    for argument, act in CONTROLS.items():
        if argument.split("=")[0] not in ("held_out", "state_weights"):
            act(training)
    line, kept = str(training.request), training.remembered()
    training.recall(dict.fromkeys(kept, ""))
    training.recall(kept)
    assert str(training.request) == line


def test_the_rules_are_the_librarys(training):
    box = training.form["rule"]
    assert [box.itemData(row) for row in range(box.count())] == [*RULES]


def test_it_trains_what_the_copied_line_trains(training, panel, made, kept, typed, snapshot, qapp, qtbot):
    training.form["steps"].setValue(30)
    training.form["file"].setText("window.safetensors")
    training.weights.set_weights("2 3 4")
    pick(training.fields.ensemble.motion, "numbers")
    training.copy.click()
    line = qapp.clipboard().text()
    before = snapshot()
    result = made(training.start.click)
    assert snapshot() == before
    assert (result.path, result.step) == ("window.safetensors", 30)
    assert panel.status.message.text().startswith("window.safetensors: 30 steps in ")
    assert training.start.text() == "&Start"
    typed(line.replace("window", "typed"))
    assert same(kept("typed.safetensors").tensors, kept("window.safetensors").tensors)

    # The last point is of the last step; the least loss is beside it, and the error after it.
    assert training.loss.points[-1][0] == 30
    assert sum(count for _, count, _ in training.loss.points) == 30
    assert all(math.isfinite(loss) and loss > 0 for loss in training.loss._of.floor)
    assert training.charts.currentWidget() is training.error
    qtbot.waitUntil(lambda: training.error.full, timeout=PATIENCE)
    assert training.error.study is result.error
    assert training.error.summary().endswith(" × exact")
    assert training.error.read(0, 0).startswith("σ ")


def test_one_chain_has_no_loss_of_chains(training, panel, made, qtbot):
    panel.pickers.selection.setText("chain D")
    panel.pickers.read()
    training.form["steps"].setValue(5)
    pick(training.fields.ensemble.motion, "numbers")
    made(training.start.click)
    assert math.isnan(training.loss._of.floor[2])
    training.buttons["Loss"].click()
    qtbot.waitUntil(lambda: training.loss.full, timeout=PATIENCE)
    assert [column.name for column in training.loss.table().columns] == [
        *("step", "residue in chain", "residue in chain, least", "atom in residue", "atom in residue, least")
    ]


def test_the_plot_grows_while_it_trains(training, panel, begun, qtbot):
    begun()
    assert training.charts.currentWidget() is training.loss
    qtbot.waitUntil(lambda: training.loss.full, timeout=PATIENCE)
    seen = training.loss.points[-1][0]
    qtbot.waitUntil(lambda: training.loss.points[-1][0] > seen, timeout=PATIENCE)
    assert training.start.text() == "&Stop"
    assert not training.resume.isEnabled()
    assert panel.status.bar.isVisible()
    qtbot.waitUntil(lambda: " left" in panel.status.message.text(), timeout=PATIENCE)
    words = training.loss.summary()
    assert words.startswith(f"step {training.loss.points[-1][0]:,}: ")
    assert "; least " in words
    table = training.loss.table()
    assert table["step"] == [step for step, _, _ in training.loss.points]
    assert len(set(table["chain, least"])) == 1


def test_many_points_become_fewer_of_the_same_mean(training):
    from edmnoise_pymol.jobs.training_run import Learned

    chart, floor = training.loss, (0.1, 0.2, 0.3)
    chart.add(Learned("net", 0, None, 0, (math.nan,) * 3, floor))
    for step in range(1, 2 * _MOST):
        chart.add(Learned("net", step, None, 1, (step, 2 * step, 3 * step), floor))
    assert len(chart.points) <= _MOST
    assert sum(count for _, count, _ in chart.points) == 2 * _MOST - 1
    mean = sum(count * losses[1] for _, count, losses in chart.points) / (2 * _MOST - 1)
    assert mean == pytest.approx(2 * _MOST)


@pytest.fixture
def gate(monkeypatch):
    """A training waits before its sixth step until it is let through: where it is then, it is on any machine."""
    from edmnoise.learning.train import Trainer

    class Gate:
        there, opened = threading.Event(), threading.Event()

    before = Trainer._advance

    def advance(self):
        if self.step == 5:
            Gate.there.set()
            assert Gate.opened.wait(PATIENCE / 1000)
        return before(self)

    monkeypatch.setattr(Trainer, "_advance", advance)
    yield Gate
    Gate.opened.set()


def test_stopped_and_resumed_it_is_the_same_to_the_bit(training, panel, gate, made, kept, typed, qapp, qtbot):
    training.form["steps"].setValue(12)
    pick(training.fields.ensemble.motion, "numbers")
    line = str(training.request)
    training.start.click()
    qtbot.waitUntil(gate.there.is_set, timeout=PATIENCE)

    def stop():
        training.start.click()
        gate.opened.set()

    stopped = made(stop)
    assert (stopped.step, stopped.steps, stopped.error) == (6, 12, None)
    assert panel.status.message.text().endswith("cancelled at step 6 of 12, resume=m.safetensors goes on")
    assert kept("m.safetensors").facts["step"] == 6
    assert training.charts.currentWidget() is training.loss
    assert training.loss.points[-1][0] == 6
    training.copy_resume.click()
    assert qapp.clipboard().text() == "edm_train m, fluctuations=0 0.3 0.2, resume=m.safetensors"
    resumed = made(training.resume.click)
    assert resumed.step == 12
    assert [step for step, _, _ in training.loss.points][-1] == 12
    assert sum(count for _, count, _ in training.loss.points) == 12
    typed(f"{line}, file=whole.safetensors")
    assert same(kept("m.safetensors").tensors, kept("whole.safetensors").tensors)


def test_a_double_click_starts_one_training(training, panel, qtbot, qapp):
    from pymol.Qt import QtCore

    qapp.setDoubleClickInterval(400)
    training.form["steps"].setValue(5)
    left = QtCore.Qt.MouseButton.LeftButton
    with qtbot.waitSignal(panel.session.made, timeout=PATIENCE) as signal:
        qtbot.mouseClick(training.start, left)
        qtbot.mouseDClick(training.start, left)
        qtbot.mouseRelease(training.start, left)
    assert (signal.args[1].step, signal.args[1].steps) == (5, 5)


def test_closing_the_panel_stops_it_and_keeps_the_last_checkpoint(strands, window, cmd, gate, qtbot, kept, settings):
    dock = open_panel(cmd)
    dock.panel.session.look()
    dock.panel.pickers.choose("m")
    dock.panel.pickers.read()
    tab = dock.panel.training
    tab.form["steps"].setValue(LONG)
    tab.form["batch"].setValue(2)
    tab.start.click()
    qtbot.waitUntil(gate.there.is_set, timeout=PATIENCE)
    threads = [thread for thread in threading.enumerate() if thread.name == "edmnoise"]
    gate.opened.set()
    dock.close()
    qtbot.waitUntil(lambda: not window.findChildren(Dock), timeout=PATIENCE)
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in threads), timeout=PATIENCE)
    assert 6 <= kept("m.safetensors").facts["step"] < LONG


# What it is for


def test_sample_with_it(training, panel, cmd, made, qtbot):
    training.form["steps"].setValue(5)
    training.weights.set_weights("1 4 4")
    pick(training.form["ligands"], "atom")
    made(training.start.click)
    training.weights.set_weights("flat")  # what it was trained with counts
    training.sample.click()
    qtbot.waitUntil(lambda: panel.tabs.currentWidget() is panel.sampling, timeout=PATIENCE)
    panel.sampling.form["steps"].setValue(4)
    assert str(panel.sampling.request) == (
        "edm_sample m, weights=rebalanced, denoiser=m.safetensors, steps=4, ligands=atom"
    )
    result = made(panel.sampling.run.click)
    assert "m.safetensors: trained for 5 steps" in "; ".join(result.notes)
    assert result.names == ("m_sample",)


def test_the_error_is_measured_on_request(training, panel, made, qtbot, snapshot):
    training.form["steps"].setValue(5)
    training.form["file"].setText("net.safetensors")
    training.form["held_out"].setText("3")
    training.weights.set_weights("2 3 4")
    made(training.start.click)
    training.error.show_study(None)
    before = snapshot()
    result = made(training.measure.click)
    assert snapshot() == before
    assert str(training.error_request({"process": "multiscale", "weights": "2 3 4"})) == (
        "edm_error m, denoiser=net.safetensors, weights=2 3 4, held_out=3"
    )
    qtbot.waitUntil(lambda: training.error.full, timeout=PATIENCE)
    assert training.error.study is result.study
    assert [name for name, _ in result.study.labels][-1] == "net.safetensors"
    assert training.error.table() is not None


# Wrong input

WRONG = {
    "one state without fluctuations": {"object": "other"},
    "held out": {"held_out": "4"},
    "is 'some'": {"held_out": "some"},
    "c_out = 0": {"rule": "increment"},
    "end the name in .safetensors": {"file": "net.pt"},
    "nowhere": {"file": "nowhere/net.safetensors"},
    "state_weights are 2 numbers for 3 states of m": {"state_weights": "1 2"},
    "taken.safetensors is there: Resume goes on from it": {"file": "taken.safetensors"},
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_input_is_one_sentence_and_changes_nothing(training, panel, refused, snapshot, tmp_path, words):
    wrong = dict(WRONG[words])
    (tmp_path / "taken.safetensors").write_text("mine")
    if "object" in wrong:
        panel.pickers.choose(wrong.pop("object"))
        panel.pickers.read()
    training.form.recall(wrong)
    before, files = snapshot(), sorted(os.listdir())
    sentence, details = refused(training.start.click)
    assert words in sentence
    assert "\n" not in sentence
    assert details == ""
    assert snapshot() == before
    assert sorted(os.listdir()) == files
    assert (tmp_path / "taken.safetensors").read_text() == "mine"
    assert training.start.isEnabled()
    assert training.loss.points == []


def test_a_folder_that_cannot_be_written(training, refused, tmp_path):
    """A file stands in the place of a folder: root may write into any that is one."""
    (tmp_path / "file").write_text("")
    training.form["file"].setText("file/net.safetensors")
    sentence, details = refused(training.start.click)
    assert "file/net.safetensors" in sentence
    assert details == ""


@pytest.mark.parametrize("button", ["resume", "measure", "sample"])
def test_no_checkpoint_is_one_sentence(training, panel, refused, button):
    sentence, details = refused(getattr(training, button).click)
    assert sentence == "cannot read m.safetensors: No such file or directory"
    assert details == ""
    assert panel.tabs.currentWidget() is training


def test_weights_that_are_all_zero(training, refused):
    training.weights.spins["atom"].setValue(0)
    assert refused(training.start.click) == ["all three weights are 0: give one a number above 0", ""]


def test_a_checkpoint_is_named_in_a_window_that_waits_for_nothing(training, qtbot, tmp_path):
    from pymol.Qt import QtWidgets

    training.fields.file.click()
    (dialog,) = training.fields.file.findChildren(QtWidgets.QFileDialog)
    assert not dialog.isModal()
    dialog.fileSelected.emit(str(tmp_path / "new.safetensors"))
    dialog.close()
    qtbot.waitUntil(lambda: not training.fields.file.findChildren(QtWidgets.QFileDialog), timeout=PATIENCE)
    assert training.request.options["file"] == str(tmp_path / "new.safetensors")


def test_every_control_says_what_it_is(training):
    for fields in (training.form, training.fields.parts):
        for name in fields.remembered():
            assert fields[name].toolTip()
            assert fields[name].accessibleName() == name.replace("_", " ")
    for button in (training.start, training.resume, training.measure, training.sample, training.copy):
        assert button.toolTip()


def test_it_fits_a_narrow_panel(training):
    training.more.unfold()
    training.weights_fold.unfold()
    pick(training.fields.ensemble.motion, "numbers")
    assert training.minimumSizeHint().width() <= 239
