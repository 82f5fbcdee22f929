"""The strip below the tabs is PyMOL's own frame: what one does, the other shows."""

import pytest

from edmnoise_pymol import edm_noise
from edmnoise_pymol.scene.titles import caption

PATIENCE = 60_000


@pytest.fixture
def strip(panel, cmd):
    """The strip of a peptide's reference and three frames."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, z=-0.5, name="frames")
    panel.session.look()
    return panel.playback


@pytest.mark.parametrize(
    ("button", "start", "end"),
    [("head", 3, 1), ("back", 3, 2), ("back", 1, 1), ("on", 1, 2), ("on", 4, 4), ("tail", 2, 4)],
)
def test_buttons_move_pymols_frame(strip, cmd, button, start, end):
    strip.go(start)
    getattr(strip, button).click()
    assert cmd.get_frame() == cmd.get_state() == strip.slider.value() == end


def test_the_slider_moves_pymols_frame(strip, cmd):
    assert (strip.slider.minimum(), strip.slider.maximum()) == (1, 4)
    strip.slider.setValue(3)
    assert cmd.get_frame() == 3
    assert strip.label.text() == "frame 2 / 3, z = -0.5, σ 2.28 Å"


def test_pymols_frame_moves_the_slider(strip, cmd, qtbot):
    cmd.frame(4)
    qtbot.waitUntil(lambda: strip.slider.value() == 4, timeout=PATIENCE)
    assert strip.label.text() == "frame 3 / 3, z = -0.5, σ 2.28 Å"
    cmd.frame(1)
    qtbot.waitUntil(lambda: strip.label.text() == "reference", timeout=PATIENCE)


def test_a_frame_that_came_and_went_between_two_looks(strip, cmd):
    cmd.frame(4)
    strip.go(4)  # the strip has seen it, and the session has not looked
    assert strip.label.text() == "frame 3 / 3, z = -0.5, σ 2.28 Å"
    cmd.frame(1)
    strip._session.look()
    assert (strip.slider.value(), strip.label.text()) == (1, "reference")


@pytest.mark.parametrize("loop", [True, False])
def test_play_runs_through_all_states_and_loops_or_ends(strip, cmd, qtbot, loop):
    shown = []
    strip.slider.valueChanged.disconnect()
    watched = strip.go
    strip.go = lambda frame: (watched(frame), shown.append(cmd.get_frame()))
    strip.loop.setChecked(loop)
    strip.fps.setValue(40)
    strip.play.click()
    assert strip.play.isChecked()
    assert strip.play.accessibleName() == "Pause"
    assert float(cmd.get("movie_fps")) == 40
    if loop:
        qtbot.waitUntil(lambda: len(shown) >= 8, timeout=PATIENCE)
        strip.play.click()
        assert shown[:8] == [2, 3, 4, 1, 2, 3, 4, 1]
    else:
        qtbot.waitUntil(lambda: not strip.playing, timeout=PATIENCE)
        assert shown == [2, 3, 4]
    assert not strip.play.isChecked()
    assert strip.play.accessibleName() == "Play"


def test_play_at_the_end_begins_again(strip, cmd):
    strip.go(4)
    strip.loop.setChecked(False)
    strip.play.click()
    assert cmd.get_frame() == 1
    strip.stop()


def test_only_the_states_of_the_shown_object_are_played(strip, panel, cmd, qtbot):
    edm_noise("pept", frames=9, name="more")
    panel.session.look()
    panel.session.show("frames")
    assert strip.frames == 4
    seen = set()
    strip.fps.setValue(60)
    strip.play.click()
    qtbot.waitUntil(lambda: seen.add(cmd.get_frame()) or seen >= {2, 3, 4, 1}, timeout=PATIENCE)
    strip.play.click()
    assert seen == {1, 2, 3, 4}
    panel.session.show("more")
    assert strip.slider.maximum() == 10


def test_a_frame_beyond_the_shown_object_is_told(strip, panel, cmd, qtbot):
    edm_noise("pept", frames=9, name="more")
    panel.session.look()
    panel.session.show("frames")
    cmd.frame(8)
    qtbot.waitUntil(lambda: strip.label.text().startswith("PyMOL shows state 8"), timeout=PATIENCE)


def test_pymols_own_player_shows_in_the_strip(strip, cmd, qtbot):
    cmd.mplay()
    qtbot.waitUntil(strip.play.isChecked, timeout=PATIENCE)
    strip.play.click()
    assert not cmd.get_movie_playing()
    assert not strip.play.isChecked()


def test_the_strip_gives_way_to_pymols_player(strip, cmd, qtbot):
    strip.play.click()
    assert strip._clock.isActive()
    cmd.mplay()
    qtbot.waitUntil(lambda: not strip._clock.isActive(), timeout=PATIENCE)
    assert strip.playing
    strip.stop()
    assert not cmd.get_movie_playing()


def test_a_movie_of_the_users_own_is_played_as_it_is(strip, cmd, qtbot):
    cmd.mset("1 x3 4 x3")
    qtbot.waitUntil(lambda: strip.slider.maximum() == 6, timeout=PATIENCE)
    strip.slider.setValue(5)
    assert cmd.get_frame() == 5
    assert strip.label.text().startswith("frame 3 / 3")
    strip.loop.setChecked(False)
    strip.head.click()
    strip.play.click()
    assert cmd.get_movie_playing()
    assert not strip._clock.isActive()
    assert cmd.get_setting_int("movie_loop") == 0
    strip.play.click()
    assert not cmd.get_movie_playing()
    assert cmd.count_frames() == 6


def test_speed_changes_while_it_plays(strip, cmd):
    strip.play.click()
    strip.fps.setValue(25)
    assert strip._clock.interval() == 40
    assert float(cmd.get("movie_fps")) == 25
    strip.stop()


def test_settings_of_pymol_stay_until_something_is_played(strip, cmd):
    before = cmd.get("movie_fps"), cmd.get("movie_loop")
    strip.recall({"fps": "24", "loop": "0"})
    assert strip.remembered() == {"fps": "24", "loop": "0"}
    assert (cmd.get("movie_fps"), cmd.get("movie_loop")) == before


def test_without_frames(panel, loaded):
    strip = panel.playback
    assert strip.label.text() == "no frames to play"
    assert not any(w.isEnabled() for w in (strip.head, strip.back, strip.play, strip.on, strip.tail, strip.slider))


def test_frames_deleted_while_they_play(strip, panel, cmd, qtbot):
    strip.fps.setValue(60)
    strip.play.click()
    cmd.delete("frames")
    qtbot.waitUntil(lambda: not strip.playing, timeout=PATIENCE)
    panel.session.look()
    assert strip.label.text() == "no frames to play"


def test_one_plays_with_the_keyboard(strip, qtbot, cmd):
    from pymol.Qt import QtCore

    qtbot.keyClick(strip.on, QtCore.Qt.Key.Key_Space)
    assert cmd.get_frame() == 2
    qtbot.keyClick(strip.slider, QtCore.Qt.Key.Key_Right)
    assert cmd.get_frame() == 3


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("ref", "reference"),
        ("7/41 step=12 sigma=4.51234 edmsample", "step 12, σ 4.51 Å"),
        ("7/41 step=12 sigma=4.5 partial edmsample", "step 12, σ 4.5 Å, partial"),
        ("end sigma=0.0016 edmsample", "end, σ 0.0016 Å"),
        ("2/5 sample edmsample", "sample 2 / 5"),
        ("a title of the user's own", "a title of the user's own"),
        ("", ""),
    ],
)
def test_what_titles_say(title, words):
    assert caption(title) == words


def test_a_sampled_step_by_its_title(strip, cmd):
    cmd.set_title("frames", 2, "1/3 step=0 sigma=160 edmsample")
    strip.go(2)
    strip._follow()
    assert strip.label.text() == "step 0, σ 160 Å"
    cmd.set_title("frames", 3, "")
    strip.go(3)
    assert strip.label.text() == "state 3 / 4"
