"""The Noise tab: weights, level, Live, Apply, and the way back."""

import numpy as np
import pytest

from edmnoise_pymol.request import Request


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


def test_live_shows_the_first_frame_and_leaves_view_and_input_alone(panel, cmd, loaded, qtbot, made, frames_of):
    view, before = cmd.get_view(), cmd.get_coords(loaded)
    panel.noise.weights.set_weights("current")
    panel.noise.live.click()
    qtbot.waitUntil(lambda: panel.noise._live is not None, timeout=60_000)
    panel.noise.level.slider.setValue(40)
    shaken = cmd.get_coords(f"{loaded}_live")
    assert cmd.get_view() == view
    assert np.array_equal(cmd.get_coords(loaded), before)
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


@pytest.mark.parametrize(
    ("subject", "line"), [("1tii and chain A+B", "edm_x 1tii and chain A+B"), ("resi 1,2", "edm_x (resi 1,2)")]
)
def test_a_request_is_what_one_types(subject, line):
    assert str(Request("edm_x", subject)) == line
