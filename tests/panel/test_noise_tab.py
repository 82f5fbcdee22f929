"""The Noise tab: weights, level, Live, Apply, and the way back."""

import numpy as np
import pytest

from edmnoise_pymol.commands.request import Request


def test_apply_makes_what_the_copied_command_makes(panel, cmd, loaded, made, frames_of, typed, qapp):
    panel.noise.weights.set_weights("rebalanced")
    panel.noise.level.slider.setValue(-50)
    panel.noise.seed.setValue(7)
    panel.noise.frames.setValue(3)
    result = made(panel.noise.apply.click)
    panel.noise.copy.click()
    line = qapp.clipboard().text()
    assert line == "edm_noise toxin, z=-0.5, weights=rebalanced, frames=3, seed=7"
    typed(f"{line}, name=again")
    assert frames_of("again").tobytes() == frames_of(result.name).tobytes()


def test_live_shows_the_first_frame_and_leaves_view_and_input_alone(panel, cmd, loaded, qtbot, made, frames_of, coords):
    view, before = cmd.get_view(), coords(loaded)
    panel.noise.weights.set_weights("current")
    panel.noise.live.click()
    qtbot.waitUntil(lambda: panel.session.live is not None, timeout=60_000)
    panel.noise.level.slider.setValue(40)
    shaken = coords(f"{loaded}_live")
    assert cmd.get_view() == view
    assert np.array_equal(coords(loaded), before)
    result = made(panel.noise.apply.click)
    assert cmd.get_names("objects") == [loaded, result.name]
    assert np.abs(frames_of(result.name)[0] - shaken).max() < 2e-5 * result.provenance.sigma


def test_undo_removes_the_frames_and_shows_the_input_again(panel, cmd, loaded, made):
    made(panel.noise.apply.click)
    assert cmd.get_names("objects", enabled_only=1) != [loaded]
    panel.status.undo.click()
    assert cmd.get_names("objects") == [loaded]
    assert cmd.get_names("objects", enabled_only=1) == [loaded]
    assert not panel.status.undo.isEnabled()


def test_the_last_frames_are_seen_alone(panel, cmd, loaded, made):
    first = made(panel.noise.apply.click).name
    second = made(panel.noise.apply.click).name
    assert cmd.get_names("objects", enabled_only=1) == [second]
    panel.status.undo.click()
    assert cmd.get_names("objects", enabled_only=1) == [first]


@pytest.mark.parametrize(
    ("subject", "line"), [("1tii and chain A+B", "edm_x 1tii and chain A+B"), ("resi 1,2", "edm_x (resi 1,2)")]
)
def test_a_request_is_what_one_types(subject, line):
    assert str(Request("edm_x", subject)) == line


@pytest.fixture
def noise(panel, loaded):
    return panel.noise


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda n: n.level.slider.setValue(125), "edm_noise toxin, z=1.25, weights=flat"),
        (lambda n: n.level.sigma.setValue(2.5), "edm_noise toxin, sigma=2.5, weights=flat"),
        (lambda n: n.level.z.setValue(-2.125), "edm_noise toxin, z=-2.125, weights=flat"),
        (
            lambda n: n.level.distribution.setCurrentText("wide"),
            "edm_noise toxin, z=0, distribution=wide, weights=flat",
        ),
        (lambda n: n.weights.sliders["chain"].setValue(250), "edm_noise toxin, z=0, weights=2.5 0 1"),
        (lambda n: n.weights.spins["residue"].setValue(4), "edm_noise toxin, z=0, weights=0 4 1"),
        (lambda n: n.weights.preset.activated.emit(2), "edm_noise toxin, z=0, weights=current"),
        (lambda n: n.frames.setValue(25), "edm_noise toxin, z=0, weights=flat, frames=25"),
        (lambda n: n.redraw.click(), "edm_noise toxin, z=0, weights=flat, seed=1"),
        (lambda n: n.move.setText("chain A"), "edm_noise toxin, z=0, weights=flat, move=chain A"),
        (lambda n: n.name.setText("shaken"), "edm_noise toxin, z=0, weights=flat, name=shaken"),
    ],
)
def test_every_control_reaches_the_command(noise, act, line):
    act(noise)
    assert str(noise.request) == line


def test_the_three_faces_of_the_level_agree(noise):
    constants = noise.level.constants
    noise.level.z.setValue(0.75)
    assert noise.level.slider.value() == 75
    assert noise.level.sigma.value() == pytest.approx(constants.sigma(0.75), abs=1e-5)
    noise.level.sigma.setValue(constants.sigma(-1.5))
    assert noise.level.z.value() == pytest.approx(-1.5, abs=1e-3)
    assert noise.level.share.text().startswith("93.3% of training steps have more noise")
    noise.level.distribution.setCurrentText("wide")
    assert noise.level.sigma.value() == pytest.approx(constants.sigma(-1.5), abs=1e-5)


def test_the_bar_shows_the_shares(noise):
    noise.weights.set_weights("rebalanced")
    assert noise.weights.bar.shares == pytest.approx({"chain": 1 / 9, "residue": 4 / 9, "atom": 4 / 9})
    assert noise.weights.bar.accessibleName() == "chain 11%, residue 44%, atom 44%"


def test_weights_that_are_all_zero_are_refused(noise, cmd, refused):
    noise.weights.spins["atom"].setValue(0)
    assert noise.request is None
    assert noise.weights.spins["chain"].toolTip().startswith("all three weights are 0")
    sentence, details = refused(noise.apply.click)
    assert (sentence, details) == ("all three weights are 0: give one a number above 0", "")
    assert cmd.get_names("objects") == ["toxin"]


def test_presets_of_ones_own(noise, qtbot, panel):
    from pymol.Qt import QtCore

    noise.weights.set_weights("3 7 2")
    noise.weights.save.click()
    qtbot.keyClicks(noise.weights.name, "my choice")
    qtbot.keyClick(noise.weights.name, QtCore.Qt.Key.Key_Return)
    assert noise.weights.preset.currentText() == "my choice"
    noise.weights.set_weights("flat")
    noise.weights.preset.activated.emit(noise.weights.preset.findText("my choice"))
    assert noise.weights.text == "3 7 2"
    assert panel.session.settings.read("weights") == {"my choice": "3 7 2"}
    noise.weights.remove.click()
    assert noise.weights.preset.findText("my choice") == -1
    assert panel.session.settings.read("weights") == {}


def test_a_published_preset_keeps_its_name(noise, qtbot):
    from pymol.Qt import QtCore

    noise.weights.save.click()
    qtbot.keyClicks(noise.weights.name, "flat")
    qtbot.keyClick(noise.weights.name, QtCore.Qt.Key.Key_Return)
    assert noise.weights.name.toolTip() == "flat is a published preset: give another name"


def test_live_ends_when_its_object_goes(noise, panel, cmd, loaded, qtbot):
    noise.live.click()
    qtbot.waitUntil(lambda: noise._session.live is not None, timeout=60_000)
    assert cmd.get_names("objects", enabled_only=1) == ["toxin_live"]
    cmd.delete("toxin_live")
    panel.session.look()
    assert not noise.live.isChecked()
    assert cmd.get_names("objects", enabled_only=1) == ["toxin"]
    noise.level.slider.setValue(10)
    assert cmd.get_names("objects") == ["toxin"]


def test_live_again_puts_everything_back(noise, cmd, loaded, qtbot):
    noise.live.click()
    qtbot.waitUntil(lambda: noise._session.live is not None, timeout=60_000)
    noise.live.click()
    assert cmd.get_names("all") == ["toxin"]
    assert cmd.get_names("objects", enabled_only=1) == ["toxin"]


def test_a_new_draw_shakes_anew(noise, cmd, loaded, qtbot, coords):
    noise.live.click()
    qtbot.waitUntil(lambda: noise._session.live is not None, timeout=60_000)
    first = coords("toxin_live")
    noise.redraw.click()
    qtbot.waitUntil(lambda: noise._session.live is not None, timeout=60_000)
    assert not np.array_equal(coords("toxin_live"), first)


def test_a_long_choice_is_read_from_its_beginning(noise):
    from edmnoise_pymol.panel.controls import form

    assert noise.process.lineEdit().cursorPosition() == 0
    form.set_text(noise.process, "harmonic")
    assert noise.process.lineEdit().cursorPosition() == 0
    noise.process.lineEdit().setFocus()
    noise.process.setEditText("harmonic step=8")
    noise.process.lineEdit().editingFinished.emit()
    assert noise.process.lineEdit().cursorPosition() == 0


def test_a_process_without_weights_takes_none(panel, cmd, loaded, qtbot, made, frames_of, coords):
    """Nothing is lost: the weights are those that were set where the process has them again."""
    noise = panel.noise
    noise.weights.set_weights("rebalanced")
    noise.process.setEditText("harmonic")
    assert not noise.weights.isEnabled()
    assert noise.weights.toolTip() == "harmonic noise has no weights"
    assert "an atom moves" in noise.level.share.text()
    assert (panel.session.noise.weights, panel.session.noise.choice.label) == ("flat", "harmonic")
    assert str(noise.request).endswith("z=0, process=harmonic")
    noise.live.click()
    qtbot.waitUntil(lambda: panel.session.live is not None, timeout=60_000)
    shaken = coords(f"{loaded}_live")
    noise.process.setEditText("harmonic step=8")
    assert np.abs(coords(f"{loaded}_live") - shaken).max() > 0.01
    noise.process.setEditText("harmonic")
    result = made(noise.apply.click)
    assert np.abs(frames_of(result.name)[0] - shaken).max() < 2e-5 * result.provenance.sigma
    noise.process.setEditText("torsions")  # whose atoms do not move by sigma
    assert "an atom moves" not in noise.level.share.text()
    noise.process.setEditText("chroma")
    assert noise.process.toolTip().startswith("no noise process 'chroma': the known ones are multiscale, chroma_gas")
    noise.process.setEditText("multiscale")
    assert noise.process.styleSheet() == ""
    assert noise.weights.isEnabled()
    assert "an atom moves" in noise.level.share.text()
    assert panel.session.noise.weights == "rebalanced"
