"""The Sampling tab: every control reaches the command; runs grow, end, are cancelled, and are closed in the middle."""

import numpy as np
import pytest

from edmnoise.diffusion.names import DENOISERS
from edmnoise.diffusion.samplers.presets import PRESETS
from edmnoise.diffusion.samplers.solvers import SOLVERS
from edmnoise_pymol.panel import open_panel
from edmnoise_pymol.panel.window import Dock

PATIENCE = 60_000
LONG = 5_000
"""Steps that no test waits for the end of."""


@pytest.fixture
def small(cmd, pymol_data, coords):
    """Residues 1-20 of the subunits D and E of 1TII as two states, loaded before the panel looks."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "de":
        cmd.create(f"{name}_", f"whole and chain {name.upper()} and resi 1-20", 1, 1)
    cmd.create("both", "d_", 1, 1)
    cmd.create("both", "d_", 1, 2)
    cmd.load_coordset(coords("e_"), "both", 2)
    cmd.delete("whole or d_")
    cmd.delete("d_")
    cmd.orient("both")
    return "both"


@pytest.fixture
def sampling(small, panel, qapp):
    """The tab, shown, its input chosen; a second click comes as late as a person's would."""
    panel.session.look()
    panel.pickers.choose("both")
    panel.pickers.read()
    panel.tabs.setCurrentIndex(1)
    kept = qapp.doubleClickInterval()
    qapp.setDoubleClickInterval(0)
    yield panel.sampling
    qapp.setDoubleClickInterval(kept)


@pytest.fixture
def growing(sampling, cmd, qtbot):
    """A long run on its way, with states to see."""

    def start(name="both_sample", states=2):
        sampling.form["steps"].setValue(LONG)
        sampling.run.click()
        qtbot.waitUntil(lambda: cmd.count_states(f"?{name}") > states, timeout=PATIENCE)
        return name

    return start


def pick(control, data):
    index = control.findData(data)
    assert index >= 0
    control.setCurrentIndex(index)


CONTROLS = {
    "denoiser=kabsch": lambda t: pick(t.form["denoiser"], "kabsch"),
    "ligands=atom": lambda t: pick(t.form["ligands"], "atom"),
    "move=resi 5-9": lambda t: t.form["move"].setText("resi 5-9"),
    "common=1": lambda t: t.form["common"].setChecked(True),
    "sampler=boltz2": lambda t: pick(t.form["sampler"], "boltz2"),
    "sampler=dpmpp_2m": lambda t: pick(t.form["sampler"], "dpmpp_2m"),
    "steps=12": lambda t: t.form["steps"].setValue(12),
    "samples=3": lambda t: t.form["samples"].setValue(3),
    "sigma_max=100": lambda t: t.form["sigma_max"].setText("100"),
    "sigma_max=rfdiffusion:20": lambda t: t.form["sigma_max"].setText("rfdiffusion:20"),
    "sigma_min=0.02": lambda t: t.form["sigma_min"].setValue(0.02),
    "rho=5": lambda t: t.form["rho"].setValue(5),
    "churn=0": lambda t: t.form["churn"].setValue(0),
    "step_scale=1.5": lambda t: t.form["step_scale"].setValue(1.5),
    "noise_scale=0.9": lambda t: t.form["noise_scale"].setValue(0.9),
    "center=0": lambda t: pick(t.form["center"], "0"),
    "augment=0": lambda t: pick(t.form["augment"], "0"),
    "align=1": lambda t: pick(t.form["align"], "1"),
    "weights=rebalanced": lambda t: t.weights.set_weights("rebalanced"),
    "weights=1 0 2": lambda t: t.weights.set_weights("1 0 2"),
    "level_weights=1 0.5": lambda t: (
        t.fields.parts["residue output"].setValue(1),
        t.fields.parts["chain output"].setValue(0.5),
    ),
    "state_weights=2 1": lambda t: t.form["state_weights"].setText("2 1"),
    "fluctuations=network": lambda t: pick(t.fields.parts["motion"], "network"),
    "fluctuations=0 0.3 0.2": lambda t: pick(t.fields.parts["motion"], "numbers"),
    "seed=1": lambda t: t.redraw.click(),
    "trajectory=0": lambda t: t.form["trajectory"].setChecked(False),
    "denoised=1": lambda t: t.form["denoised"].setChecked(True),
    "schedule=log_linear": lambda t: pick(t.form["schedule"], "log_linear"),
    "schedule=100 10 0": lambda t: t.form["schedule"].setEditText("100 10 0"),
    "process=harmonic": lambda t: t.form["process"].setEditText("harmonic"),
    "device=cpu": lambda t: pick(t.form["device"], "cpu"),
    "distribution=wide": lambda t: pick(t.form["distribution"], "wide"),
    "name=made": lambda t: t.form["name"].setText("made"),
    "start=2": lambda t: t.form["start"].setText("2"),
}


@pytest.mark.parametrize("argument", CONTROLS)
def test_every_control_reaches_the_command(sampling, argument):
    assert str(sampling.request) == "edm_sample both"
    CONTROLS[argument](sampling)
    assert str(sampling.request) == f"edm_sample both, {argument}"


def test_every_argument_has_a_control(sampling):
    import inspect

    from edmnoise_pymol import edm_sample

    reached = {argument.split("=")[0] for argument in CONTROLS}
    elsewhere = {"selection", "hydrogens", "solvent", "file", "state"}  # the pickers; the Results tab; all are the data
    elsewhere |= {"gives", "rule", "data_scales", "trust"}  # of networks: test_trust.py; asked for in a window
    keyword = inspect.Parameter.KEYWORD_ONLY
    assert {p.name for p in inspect.signature(edm_sample).parameters.values() if p.kind != keyword} == (
        reached | elsewhere
    )


def test_other_objects_are_states_too(sampling):
    sampling.fields.parts["others"].setText("e_")
    assert str(sampling.request) == "edm_sample (both) or (e_)"


def test_the_choice_of_a_state_does_not_matter(sampling, panel):
    panel.pickers.state.setValue(2)
    panel.pickers.read()
    assert str(sampling.request) == "edm_sample both"
    panel.pickers.hydrogens.setChecked(False)
    panel.pickers.read()
    assert str(sampling.request) == "edm_sample both, hydrogens=0"


def test_the_lists_are_the_librarys(sampling):
    listed = {
        name: [box.itemData(row) for row in range(box.count()) if box.itemData(row) is not None]
        for name, box in ((name, sampling.form[name]) for name in ("sampler", "denoiser"))
    }
    assert listed == {"sampler": [*SOLVERS, *PRESETS], "denoiser": [*DENOISERS]}


def test_settings_are_remembered(sampling):
    for argument, act in CONTROLS.items():
        if argument.split("=")[0] not in ("name", "start", "state_weights", "fluctuations", "sampler", "move"):
            act(sampling)
    line, kept = str(sampling.request), sampling.remembered()
    sampling.recall(dict.fromkeys(kept, ""))
    sampling.recall(kept)
    assert str(sampling.request) == line


def test_the_schedule_follows_the_settings(sampling, qtbot):
    qtbot.waitUntil(lambda: sampling.plot.full, timeout=PATIENCE)
    assert sampling.plot.summary() == "σ 2,560 to 0 Å in 40 steps"
    assert sampling.form["sigma_max"].toolTip().endswith("usually 2560 Å here")
    with qtbot.waitSignal(sampling.plot.planned, timeout=PATIENCE):
        pick(sampling.form["sampler"], "boltz1")
    assert sampling.plot.summary() == "σ 2,560 to 0 Å in 200 steps"
    assert sampling.form["rho"].toolTip().endswith("usually 8 here")
    assert sampling.form["rho"].text() == "preset's"
    assert sampling.plot.read(3, 0).startswith("step 3 of 200: σ 2,3")
    assert "churned to" in sampling.plot.read(3, 0)
    assert sampling.plot.table()["sigma"][0] == pytest.approx(2560)
    sampling.form["rho"].stepUp()  # from where it was
    assert sampling.request.options["rho"] == "8"


def test_settings_that_do_not_fit_turn_amber(sampling, qtbot):
    with qtbot.waitSignal(sampling.plot.refused, timeout=PATIENCE) as signal:
        sampling.form["sigma_min"].setValue(5)
        sampling.form["sigma_max"].setText("2")
    assert signal.args == ["sigma_min is 5.0 and sigma_max 2.0: give 0 < sigma_min < sigma_max"]
    assert sampling.plot.message.text() == signal.args[0]
    assert sampling.form["sigma_min"].toolTip() == signal.args[0]
    with qtbot.waitSignal(sampling.plot.planned, timeout=PATIENCE):
        sampling.form["sigma_max"].setText("20")
    assert "usually" in sampling.form["sigma_min"].toolTip()


@pytest.mark.parametrize("options", [{}, {"denoised": "1", "samples": "2"}, {"trajectory": "0", "samples": "3"}])
def test_what_is_run_is_what_the_copied_command_makes(sampling, cmd, made, frames_of, typed, qapp, options):
    """To the last bit, also where the steps were shown as they were made."""
    pick(sampling.form["sampler"], "alphafold3")
    sampling.form["steps"].setValue(60)
    sampling.form["seed"].setValue(5)
    sampling.form.recall(options)
    sampling.copy.click()
    line = qapp.clipboard().text()
    ours = made(sampling.run.click).names
    titles = [cmd.get_title(name, k) for name in ours for k in range(1, cmd.count_states(name) + 1)]
    typed(f"{line}, name=again")
    theirs = [name for name in cmd.get_names("objects") if name.startswith("again")]
    assert len(theirs) == len(ours)
    for one, other in zip(ours, theirs, strict=True):
        assert frames_of(one).tobytes() == frames_of(other).tobytes()
    assert titles == [cmd.get_title(name, k) for name in theirs for k in range(1, cmd.count_states(name) + 1)]
    assert not any("growing" in title for title in titles)


def test_after_a_run(sampling, panel, cmd, made):
    sampling.form["steps"].setValue(8)
    result = made(sampling.run.click)
    assert panel.session.shown == "both_sample"
    assert cmd.get_frame() == cmd.count_states("both_sample") == 10
    assert cmd.get_names("objects", enabled_only=1) == ["e_", "both_sample"]
    said = panel.status.message.text()
    assert said.startswith("both_sample: 8 steps; 90 % of the way is done at sigma: residue in chain ")
    assert result.names == ("both_sample",)
    panel.status.undo.click()
    assert cmd.get_names("objects") == ["both", "e_"] or set(cmd.get_names("objects")) == {"both", "e_"}
    assert "both" in cmd.get_names("objects", enabled_only=1)


def test_steps_are_seen_as_they_are_made(growing, sampling, cmd, qtbot, coords):
    name = growing()
    qtbot.waitUntil(lambda: cmd.get_frame() > 1, timeout=PATIENCE)
    assert sampling.run.text() == "Ca&ncel"
    assert "growing" in cmd.get_title(name, 2)
    assert np.isfinite(coords(name, 2)).all()
    reference = coords("both", 1)
    np.testing.assert_array_equal(coords(name, 1), reference)


def test_a_user_who_looks_elsewhere_is_left_alone(growing, cmd, qtbot):
    name = growing()
    qtbot.waitUntil(lambda: cmd.get_frame() > 1, timeout=PATIENCE)
    cmd.frame(1)
    states = cmd.count_states(name)
    qtbot.waitUntil(lambda: cmd.count_states(name) > states, timeout=PATIENCE)
    assert cmd.get_frame() == 1


def test_cancel_keeps_what_there_is(growing, sampling, panel, cmd, made, frames_of, qtbot):
    name = growing()
    result = made(sampling.run.click)
    assert result.run.partial
    steps = len(result.run.steps)
    assert 2 <= steps < 100
    assert cmd.count_states(name) == steps + 2
    assert frames_of(name)[-1].tobytes() == result.run.final[0].tobytes()
    assert all("partial" in cmd.get_title(name, k) for k in range(2, steps + 3))
    assert "what was made is kept, marked partial" in panel.status.message.text()
    assert "90 %" not in panel.status.message.text()
    chart = panel.plots.freeze_out
    qtbot.waitUntil(lambda: chart.full and chart._curves is not None, timeout=PATIENCE)
    assert chart._curves.partial
    assert not any("frozen" in words or "Å" in words for _, _, words in chart.canvas._entries)
    assert sampling.run.text() == "Ru&n"
    assert sampling.run.isEnabled()


def test_the_input_can_be_used_again_after_a_run(sampling, panel, cmd, made):
    """PyMOL shows a state then that it does not have."""
    sampling.form["steps"].setValue(8)
    made(sampling.run.click)
    panel.pickers.read()
    assert panel.session.input.state == 2
    assert made(sampling.run.click).names == ("both_sample_01",)


def test_cancel_before_anything_is_made(sampling, panel, cmd, qtbot):
    before = cmd.get_names("objects")
    sampling.run.click()
    with qtbot.waitSignal(panel.session.said, timeout=PATIENCE, check_params_cb=lambda w: w.startswith("cancelled")):
        sampling.run.click()
    assert panel.status.message.text() == "cancelled: nothing was made"
    assert cmd.get_names("objects") == before


def test_a_double_click_starts_one_run(sampling, panel, cmd, qtbot, qapp):
    from pymol.Qt import QtCore

    qapp.setDoubleClickInterval(400)
    sampling.form["steps"].setValue(6)
    left = QtCore.Qt.MouseButton.LeftButton
    with qtbot.waitSignal(panel.session.made, timeout=PATIENCE) as signal:
        qtbot.mouseClick(sampling.run, left)
        qtbot.mouseDClick(sampling.run, left)
        qtbot.mouseRelease(sampling.run, left)
    assert not signal.args[1].run.partial
    assert [name for name in cmd.get_names("objects") if "sample" in name] == ["both_sample"]
    assert not panel.session.runner.busy


def test_the_object_deleted_under_the_panel(growing, sampling, cmd, refused):
    sampling.form["denoised"].setChecked(True)
    name = growing()
    sentence, details = refused(lambda: cmd.delete(name))
    assert sentence == (
        "both_sample was changed or deleted while the sampler ran: the run has ended, nothing of it is kept"
    )
    assert details == ""
    assert set(cmd.get_names("objects")) == {"both", "e_"}
    assert sampling.run.isEnabled()


def test_closing_in_mid_run(small, window, cmd, qtbot, settings):
    dock = open_panel(cmd)
    dock.panel.session.look()
    dock.panel.pickers.choose("both")
    dock.panel.pickers.read()
    tab = dock.panel.sampling
    tab.form["steps"].setValue(LONG)
    tab.run.click()
    qtbot.waitUntil(lambda: cmd.count_states("?both_sample") > 2, timeout=PATIENCE)
    dock.close()
    qtbot.waitUntil(lambda: not window.findChildren(Dock), timeout=PATIENCE)
    assert set(cmd.get_names("all")) == {"both", "e_"}
    assert "both" in cmd.get_names("objects", enabled_only=1)


WRONG = {
    "sigma_min is 5.0 and sigma_max 2.0: give 0 < sigma_min < sigma_max": {"sigma_min": "5", "sigma_max": "2"},
    "the name 'both' is taken": {"name": "both"},
    "state_weights are 3 numbers for 2 states of both: give 2 numbers": {"state_weights": "1 2 3"},
    "state_weights is 'some'": {"state_weights": "some"},
    "step_scale is 2.0 with dpmpp_2m": {"step_scale": "2", "sampler": "dpmpp_2m"},
    "at most": {"samples": "100000", "steps": "10000"},
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_input_is_one_sentence_and_changes_nothing(sampling, cmd, snapshot, refused, words):
    sampling.form.recall(WRONG[words])
    before = snapshot()
    sentence, details = refused(sampling.run.click)
    assert words in sentence or "state_weights" in sentence
    assert "\n" not in sentence
    assert details == ""
    assert snapshot() == before
    assert sampling.run.isEnabled()


def test_weights_that_are_all_zero(sampling, refused):
    sampling.weights.spins["atom"].setValue(0)
    assert refused(sampling.run.click) == ["all three weights are 0: give one a number above 0", ""]


def test_coefficients_of_each_level(sampling, made, qtbot):
    from pymol.Qt import QtWidgets

    sampling.weights.set_weights("rebalanced")
    assert str(sampling.coefficients_request) == "edm_precondition both, weights=rebalanced"
    table = made(sampling.coefficients.click)
    (window,) = sampling.findChildren(QtWidgets.QDialog)
    assert not window.isModal()
    assert window.view.model().rowCount() == len(table)
    window.close()
    qtbot.waitUntil(lambda: not sampling.findChildren(QtWidgets.QDialog), timeout=PATIENCE)


def test_how_surely_states_come_back(sampling, made, qtbot):
    """By the command with the run's own arguments, as a plot and a table in a window."""
    from pymol.Qt import QtWidgets

    sampling.form["steps"].setValue(8)
    sampling.form["start"].setText("2")
    sampling.form["sigma_max"].setText("8")
    assert str(sampling.return_request) == "edm_return both, steps=8"
    result = made(sampling.back.click)
    (window,) = sampling.findChildren(QtWidgets.QDialog)
    qtbot.waitUntil(lambda: window.plot.full, timeout=PATIENCE)
    assert window.view.model().rowCount() == len(result.printed)
    assert "state 1 comes back in 100%" in window.plot.read(-2, 1)
    sampling.form["move"].setText("resi 3-5")
    assert sampling.return_request.options["move"] == "resi 3-5"
    window.close()
    qtbot.waitUntil(lambda: not sampling.findChildren(QtWidgets.QDialog), timeout=PATIENCE)


def test_a_start_is_sampled_back_to_from_its_level(sampling, made, qtbot, cmd, coords):
    """The plot shows the rest of the schedule; without a level the fields say what is missing."""
    sampling.form["start"].setText("2")
    qtbot.waitUntil(lambda: "start is 2 without sigma_max" in sampling.plot.message.text(), timeout=PATIENCE)
    assert "without sigma_max" in sampling.form["sigma_max"].toolTip()
    assert "without sigma_max" in sampling.form["start"].toolTip()
    sampling.form["sigma_max"].setText("1")
    qtbot.waitUntil(lambda: sampling.plot.full, timeout=PATIENCE)
    assert sampling.plot.summary().startswith("σ 1 to 0 Å in ")
    for control in (sampling.form["sigma_max"], sampling.plot):
        assert "1 Å = z -1.05 = AlphaFold 3 step 160 of 200 = RFdiffusion 3 partial_t 1 Å" in control.toolTip()
    result = made(sampling.run.click)
    assert np.abs(coords(result.names[0], cmd.count_states(result.names[0])) - coords("both", 2)).max() < 0.05


def test_a_level_in_another_unit_is_shown_in_angstrom(sampling, panel, qtbot, qapp):
    """In the plot, the tooltip and beside the line that is copied; what a program does not have turns amber."""
    level = sampling.form["sigma_max"]
    sampling.form["start"].setText("2")
    with qtbot.waitSignal(sampling.plot.planned, timeout=PATIENCE):
        level.setText("rfdiffusion:20")
    assert sampling.plot.summary().startswith("σ 9.09 to 0 Å in ")
    assert "9.095 Å = z 0.42" in level.toolTip()
    assert "RFdiffusion partial_T 20.0 of 50" in level.toolTip()
    sampling.copy.click()
    line = "edm_sample both, sigma_max=rfdiffusion:20, start=2"
    assert qapp.clipboard().text() == line
    assert panel.status.message.text() == f"copied: {line} (rfdiffusion:20 is 9.09 Å)"
    with qtbot.waitSignal(sampling.plot.refused, timeout=PATIENCE):
        level.setText("rfdiffusion:60")
    assert level.toolTip() == "sigma_max is rfdiffusion:60: rfdiffusion partial_T of 50 goes from 1 to 50"


def test_every_control_says_what_it_is(sampling):
    for fields in (sampling.form, sampling.fields.parts):
        for name in fields.remembered():
            assert fields[name].toolTip()
            assert fields[name].accessibleName() == name.replace("_", " ")
    for button in (sampling.run, sampling.copy, sampling.coefficients, sampling.redraw, sampling.follow, sampling.back):
        assert button.toolTip()


def test_it_fits_a_narrow_panel(sampling):
    sampling.more.unfold()
    sampling.weights_fold.unfold()
    assert sampling.minimumSizeHint().width() <= 300


def test_a_process_without_weights_takes_none(sampling):
    sampling.weights.set_weights("rebalanced")
    assert "weights=rebalanced" in str(sampling.request)
    sampling.form["process"].setEditText("harmonic")
    assert "weights" not in str(sampling.request)
    assert not sampling.weights.isEnabled()
    sampling.form["process"].setEditText("multiscale")
    assert "weights=rebalanced" in str(sampling.request)
