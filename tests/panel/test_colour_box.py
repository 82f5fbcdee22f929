"""The colour box: what it gives is what the typed command gives, and every way back restores exactly."""

import numpy as np
import pytest

from edmnoise.base.colours import PALETTES
from edmnoise_pymol import edm_color, edm_noise
from edmnoise_pymol.jobs import colouring
from edmnoise_pymol.scene import follow, looks
from edmnoise_pymol.scene.painting import paint_state

PATIENCE = 60_000


@pytest.fixture
def box(panel, cmd):
    """The box, open, with five states of a peptide to colour, which nothing has coloured yet."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=4, weights="2 3 2", name="made")
    cmd.create("frames", "made", 0, 0)
    cmd.color("green", "frames")
    cmd.delete("made")
    cmd.frame(2)
    panel.views.setCurrentWidget(panel.colours)
    panel.session.look()
    return panel.colours


@pytest.fixture
def dyes(atoms):
    return lambda name="frames": atoms(f"%{name}", "color")


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda b: None, "edm_color frames"),
        (lambda b: b.level.setCurrentText("atom"), "edm_color frames, level=atom"),
        (lambda b: b.level.setCurrentText("chain"), "edm_color frames, level=chain"),
        (lambda b: b.relative.click(), "edm_color frames, relative=0"),
        (lambda b: b.over.setCurrentIndex(1), "edm_color frames, over=max"),
        (lambda b: b.over.setCurrentIndex(2), "edm_color frames, over=state"),
        (lambda b: b.origin.setCurrentIndex(1), "edm_color frames, origin=last"),
        (lambda b: b.origin.setEditText("3"), "edm_color frames, origin=3"),
        (lambda b: b.origin.setEditText("pept"), "edm_color frames, origin=pept"),
        (lambda b: b.align.setCurrentIndex(2), "edm_color frames, align=superpose"),
        (lambda b: b.palette_.setCurrentText("ocean"), "edm_color frames, palette=ocean"),
        (lambda b: b.palette_.setEditText("white red"), "edm_color frames, palette=white red"),
        (lambda b: b.minimum.setValue(0.5), "edm_color frames, minimum=0.5"),
        (lambda b: b.minimum.setValue(0), "edm_color frames, minimum=0"),
        (lambda b: b.maximum.setValue(3.25), "edm_color frames, maximum=3.25"),
        (lambda b: b.shared.click(), "edm_color frames"),
        (lambda b: b.follow.click(), "edm_color frames, follow=1"),
        (lambda b: (b.follow.click(), b.shared.click()), "edm_color frames, follow=1, shared=0"),
        (lambda b: (b.over.setCurrentIndex(1), b.follow.click()), "edm_color frames, follow=1"),
        (lambda b: b.scene.click(), "edm_color frames, legend=1"),
        (lambda b: b.measure.setCurrentIndex(1), "edm_color frames, measure=lddt"),
        (
            lambda b: (b.level.setCurrentText("atom"), b.align.setCurrentIndex(2), b.measure.setCurrentIndex(1)),
            "edm_color frames, measure=lddt",
        ),
    ],
)
def test_every_control_reaches_the_command(box, cmd, made, dyes, qapp, act, line):
    act(box)
    assert str(box.request) == line
    box.copy.click()
    assert qapp.clipboard().text() == line
    made(box.apply.click)
    given, follows = dyes(), follow.painter("frames") is not None
    cmd.color("green", "frames")
    assert cmd._parser.parse(line)
    assert dyes() == given
    assert follows == ("follow=1" in line)
    assert cmd.get_color_index("green") not in given


def test_lddt_has_neither_level_nor_alignment(box, made):
    box.measure.setCurrentIndex(1)
    assert not any(field.isEnabled() for field in (box.level, box.relative, box.align))
    assert box.origin.isEnabled()
    made(box.apply.click)
    assert box.legend.words.text() == "Mean lDDT of residues"
    assert box.legend.bar.unit == ""
    assert float(box.legend.bar.numbers[-1]) <= 1
    box.measure.setCurrentIndex(0)
    assert all(field.isEnabled() for field in (box.level, box.relative, box.align))


def test_what_is_automatic_can_be_had_again(box):
    box.minimum.setValue(1)
    box.minimum.setValue(box.minimum.minimum())
    assert box.minimum.text() == "automatic"
    assert str(box.request) == "edm_color frames"


def test_the_picker_chooses_whose_colours(box, panel, cmd, qtbot):
    cmd.copy("others", "frames")
    panel.session.look()
    assert [box.object.itemText(i) for i in range(box.object.count())] == ["frames", "others"]
    box.object.setCurrentIndex(1)
    box.object.activated.emit(1)
    assert panel.session.shown == "others"
    assert str(box.request) == "edm_color others"
    cmd.delete("others")
    panel.session.look()
    assert (panel.session.shown, box.object.currentText()) == ("frames", "frames")


def test_without_frames_there_is_nothing_to_colour(panel, loaded):
    box = panel.colours
    assert box.request is box.baking is None
    assert not any(button.isEnabled() for button in (box.apply, box.bake, box.reset, box.copy))
    assert box.cost.text() == "Frames come from Noise or Sampling."


# The way back


def test_undo_restores_the_colours_step_by_step(box, panel, made, snapshot):
    first = snapshot()
    made(box.apply.click)
    second = snapshot()
    box.scene.click()
    box.palette_.setEditText("white red")
    made(box.apply.click)
    third = snapshot()
    box.palette_.setEditText("blue white red")
    made(box.apply.click)
    for before in (third, second, first):
        panel.session.undo()
        assert snapshot() == before
    assert not panel.status.undo.isEnabled()


def test_undo_brings_the_range_of_the_legend_back(box, panel, cmd, made):
    def ramp():
        return cmd.get_session("frames_legend", partial=1)["names"][0][5][3:5]

    box.scene.click()
    box.maximum.setValue(5)
    made(box.apply.click)
    before = ramp()
    box.maximum.setValue(7)
    made(box.apply.click)
    assert ramp() != before
    panel.session.undo()
    assert ramp() == before
    assert box.legend.bar.numbers[-1] == "5.00"


def test_the_colours_before(box, panel, cmd, made, snapshot):
    before = snapshot()
    assert not box.reset.isEnabled()
    made(box.apply.click)
    box.scene.click()
    made(box.apply.click)
    coloured = snapshot()
    assert box.reset.isEnabled()
    made(box.reset.click)
    assert snapshot() == before
    assert box.legend.words.text() == "No colours by displacement yet"
    panel.session.undo()
    assert snapshot() == coloured


def test_the_colours_before_noise_are_those_of_its_input(panel, cmd, loaded, made, atoms):
    cmd.color("orange", loaded)
    panel.noise.frames.setValue(1)
    result = made(panel.noise.apply.click)
    made(panel.colours.reset.click)
    assert set(atoms(result.name, "color")) == {cmd.get_color_index("orange")}


def test_undo_of_other_colours_follows_again(box, panel, cmd, made, qtbot, dyes):
    box.follow.click()
    made(box.apply.click)
    second = dyes()
    box.follow.click()
    made(box.apply.click)
    assert follow.painter("frames") is None
    panel.session.undo()
    assert dyes() == second
    cmd.frame(3)
    qtbot.waitUntil(lambda: dyes() != second, timeout=PATIENCE)
    panel.session.undo()
    assert follow.painter("frames") is None


# Following


@pytest.mark.parametrize("shared", [True, False])
def test_colours_follow_while_the_frames_play(box, panel, cmd, made, qtbot, dyes, shared):
    single = {}
    for state in range(1, 6):
        cmd.frame(state)
        ends = {"minimum": 0, "maximum": 4} if shared else {}
        edm_color("frames", level="atom", over="state", **ends)
        single[state] = dyes()
    box.level.setCurrentText("atom")
    if shared:
        box.minimum.setValue(0)
        box.maximum.setValue(4)
    else:
        box.shared.click()
    box.follow.click()
    made(box.apply.click)
    seen = set()

    def look():
        state = cmd.get_state()
        if dyes() == single[state]:
            seen.add(state)
        return seen == set(single)

    panel.playback.fps.setValue(8)
    panel.playback.play.click()
    qtbot.waitUntil(look, timeout=PATIENCE)
    panel.playback.play.click()
    assert not panel.playback.playing


def test_the_legend_tells_each_frames_own_range(box, cmd, made, qtbot):
    box.shared.click()
    box.follow.click()
    made(box.apply.click)
    assert "this frame's own range" in box.legend.words.text()
    before = box.legend.bar.numbers
    cmd.frame(4)
    qtbot.waitUntil(lambda: box.legend.bar.numbers != before, timeout=PATIENCE)


def test_lddt_follows_the_frame(box, cmd, made, qtbot, dyes):
    single = {}
    for state in (2, 4):
        cmd.frame(state)
        edm_color("frames", measure="lddt", over="state", minimum=0, maximum=1)
        single[state] = dyes()
    assert single[2] != single[4]
    box.measure.setCurrentIndex(1)
    box.minimum.setValue(0)
    box.maximum.setValue(1)
    box.follow.click()
    made(box.apply.click)
    for state in (2, 4):
        cmd.frame(state)
        qtbot.waitUntil(lambda state=state: dyes() == single[state], timeout=PATIENCE)


def test_large_objects_are_baked_and_not_followed(box, cmd, panel, monkeypatch, made):
    monkeypatch.setattr(follow, "LIMIT", 50)
    box.follow.click()
    panel.session.shown_changed.emit()
    assert not box.follow.isEnabled()
    assert box.cost.text().startswith("Colours follow the frame up to 50 atoms: bake a copy instead.")
    assert str(box.request) == "edm_color frames"


# Baking


def test_bake_makes_a_copy_and_leaves_the_object(box, panel, cmd, made, dyes, atoms):
    states, count = cmd.count_states("frames"), cmd.count_atoms("frames")
    assert f"5 states × {count} atoms: about 0 MB" in box.cost.text()
    assert str(box.baking) == "edm_color frames, bake=1"
    before = dyes()
    box.palette_.setEditText("white red")
    box.over.setCurrentIndex(1)
    result = made(box.bake.click)
    assert str(box.baking) == "edm_color frames, palette=white red, bake=1"
    assert result.names == ("frames_baked",)
    assert dyes() == before
    assert cmd.count_atoms("frames_baked") == states * count
    assert cmd.get_names("objects", enabled_only=1) == ["pept", "frames_baked"]
    (again,) = edm_color("frames", bake=1, palette="white red").names
    assert dyes("frames_baked") == dyes(again)


def test_a_baked_copy_tells_each_states_own_range(box, panel, cmd, made, qtbot):
    box.scene.click()
    box.shared.click()
    assert str(box.baking) == "edm_color frames, shared=0, bake=1"
    made(box.bake.click)
    panel.session.show("frames_baked")
    ranges = set()
    for state in (2, 3, 4):
        cmd.frame(state)
        box._explain()
        ranges.add(box.legend.bar.numbers)
    assert len(ranges) == 3


def test_a_baked_copy_takes_the_place_of_object_and_legend(box, panel, cmd, made):
    box.scene.click()
    made(box.apply.click)
    made(box.bake.click)
    baked = {"pept", "frames_baked", "frames_baked_legend", "frames_baked_legend_title"}
    assert set(cmd.get_names("objects", enabled_only=1)) == baked
    panel.session.undo()
    assert set(cmd.get_names("objects", enabled_only=1)) == {"pept", "frames", "frames_legend", "frames_legend_title"}


def test_undo_removes_the_baked_copy(box, panel, cmd, made, snapshot):
    before = snapshot()
    box.scene.click()
    made(box.bake.click)
    assert {"frames_baked", "frames_baked_legend"} <= set(cmd.get_names("all"))
    panel.session.undo()
    assert snapshot() == before


def test_a_cancelled_bake_leaves_nothing(box, panel, cmd, qtbot, snapshot, monkeypatch):
    before, paint, seen = snapshot(), paint_state, []

    def click_meanwhile(cmd, name, *rest):
        paint(cmd, name, *rest)
        seen.append(cmd.get_type(name))
        panel.status.cancel.click()

    monkeypatch.setattr(colouring, "paint_state", click_meanwhile)
    box.bake.click()
    qtbot.waitUntil(lambda: not panel.session.runner.busy, timeout=PATIENCE)
    assert seen == ["object:molecule"]
    assert snapshot() == before
    assert panel.status.message.text() == "cancelled: nothing was made"


# What is wrong


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda b: b.palette_.setEditText("puce"), "no palette 'puce': give one of dusk"),
        (lambda b: b.palette_.setEditText("white nocolour"), "PyMOL knows no colour 'nocolour'"),
        (lambda b: (b.minimum.setValue(3), b.maximum.setValue(1)), "the colour range is 3 to 1: give a minimum below"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(box, panel, refused, snapshot, act, sentence):
    before = snapshot()
    act(box)
    said, details = refused(box.apply.click)
    assert said.startswith(sentence)
    assert details == ""
    assert panel.status.message.text() == said
    assert snapshot() == before


def test_an_unknown_palette_turns_amber(box):
    box.palette_.setEditText("white nocolour")
    assert "#f0a830" in box.palette_.styleSheet()
    assert box.palette_.toolTip() == "PyMOL knows no colour 'nocolour'"
    box.palette_.setEditText("white_red")
    assert box.palette_.styleSheet() == ""


def test_a_palette_is_typed_letter_by_letter(box, qtbot):
    box.palette_.lineEdit().selectAll()
    qtbot.keyClicks(box.palette_.lineEdit(), "white grey50 red")
    assert box.palette_.currentText() == "white grey50 red"
    assert str(box.request) == "edm_color frames, palette=white grey50 red"


def test_an_object_deleted_under_the_box(box, cmd, panel, refused):
    cmd.delete("frames")
    sentence, _ = refused(box.apply.click)
    assert sentence.startswith("no molecular object 'frames'")
    panel.session.look()
    assert not box.apply.isEnabled()


# The legend


def test_the_legend_shows_palette_and_numbers(box, made, qtbot):
    box.palette_.setEditText("white red")
    box.minimum.setValue(0.5)
    box.maximum.setValue(2.5)
    made(box.apply.click)
    assert box.legend.words.text() == "RMS displacement, residue in chain"
    assert box.legend.bar.numbers == ("0.50", "1.50", "2.50")
    image = box.legend.bar.grab().toImage()
    middle = image.height() // 4
    ends = [image.pixelColor(x, middle).getRgb()[:3] for x in (0, image.width() - 1)]
    assert np.abs(np.subtract(ends, [(255, 255, 255), (255, 0, 0)])).max() <= 4


def test_the_legend_sees_a_typed_command(box, cmd, qtbot):
    assert cmd._parser.parse("edm_color frames, level=chain, palette=ocean, minimum=0, maximum=9")
    qtbot.waitUntil(lambda: box.legend.words.text() == "RMS displacement, chain", timeout=PATIENCE)
    assert box.legend.bar.anchors == PALETTES["ocean"]


def test_frames_of_noise_have_a_legend_at_once(panel, loaded, made):
    result = made(panel.noise.apply.click)
    low, *_, high = panel.colours.legend.bar.numbers
    assert float(low) == pytest.approx(result.colouring.low, abs=0.01)
    assert float(high) == pytest.approx(result.colouring.high, abs=0.01)


def test_what_is_known_of_an_object_goes_with_it(box, cmd, made):
    made(box.apply.click)
    assert looks.has_before(cmd, "frames")
    cmd.reinitialize()
    assert not looks.has_before(cmd, "frames")
    assert looks.explanation(cmd, "frames") is None


def test_settings_are_there_next_time(box):
    box.level.setCurrentText("atom")
    box.palette_.setEditText("white red")
    box.maximum.setValue(4)
    box.scene.click()
    kept = box.remembered()
    line = str(box.request)
    for act in (
        lambda: box.level.setCurrentText("residue"),
        lambda: box.palette_.setEditText("dusk"),
        lambda: box.maximum.setValue(box.maximum.minimum()),
        box.scene.click,
    ):
        act()
    box.recall(kept)
    assert str(box.request) == line


def test_everything_has_a_tooltip_and_a_name(panel, box):
    from pymol.Qt import QtWidgets

    kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox, QtWidgets.QAbstractSlider)
    for part in (panel.colours, panel.results, panel.playback):
        for kind in kinds:
            for widget in part.findChildren(kind):
                if isinstance(widget, QtWidgets.QScrollBar) or widget.parent().inherits("QAbstractItemView"):
                    continue
                assert widget.toolTip(), widget
                assert widget.accessibleName(), widget
