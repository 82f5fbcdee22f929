"""The Results tab: the command's own table, sorted and copied as numbers, and files that other programs read."""

import csv
import json
import os
import warnings

import gemmi
import numpy as np
import pytest
from matplotlib.image import imread

from edmnoise.frames.damage_measures import MEASURES
from edmnoise.settings.results import SAVED_FILES
from edmnoise_pymol import edm_levels, edm_noise, edm_quality
from edmnoise_pymol.commands.speech import knobs_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own, about pyparsing
    import mdtraj  # noqa: F401

PATIENCE = 60_000

# PyMOL's own, where it traces rays in a window.
pytestmark = pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")


@pytest.fixture
def results(panel, cmd, qtbot):
    """The tab, open, with a peptide's noise measured."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, weights="2 3 2", name="frames")
    cmd.disable("pept")
    panel.session.look()
    panel.views.setCurrentWidget(panel.results)
    qtbot.waitUntil(lambda: panel.results.table is not None, timeout=PATIENCE)
    return panel.results


@pytest.fixture
def choose(results, qtbot):
    """Set a list and wait for the new table."""

    def act(name, index):
        before = results.table
        results.form[name].setCurrentIndex(index)
        qtbot.waitUntil(lambda: results.table is not before, timeout=PATIENCE)
        return results.table

    return act


def form_text(control, word):
    """Choose a word of a list."""
    control.setCurrentIndex(control.findData(word))


def cells(view):
    model = view.model()
    return [[model.index(row, k).data() for k in range(model.columnCount())] for row in range(model.rowCount())]


def heading(model, at):
    from pymol.Qt import QtCore

    return model.headerData(at, QtCore.Qt.Orientation.Horizontal)


def column(view, name):
    heads = [heading(view.model(), k).split("\n")[0] for k in range(view.model().columnCount())]
    return heads.index(name)


@pytest.mark.parametrize(("by", "name"), list(enumerate(["summary", "residue", "atom"])))
@pytest.mark.parametrize(("align", "removed"), list(enumerate(["none", "center", "superpose"])))
def test_the_table_is_that_of_the_command(results, choose, qapp, by, name, align, removed):
    if by:
        choose("by", by)
    if align:
        choose("align", align)
    expected = edm_levels("frames", align=removed, by=name)
    assert results.table.to_csv() == expected.to_csv()
    assert cells(results.view) == [
        [c.cell(v) for c, v in zip(expected.columns, row, strict=True)]
        for row in zip(*(c.values for c in expected.columns), strict=True)
    ]
    options = [f"by={name}"] * (by > 0) + [f"align={removed}"] * (align > 0)
    assert str(results.request) == ", ".join(["edm_levels frames", *options])
    assert results.title.text() == expected.title


def test_measured_from_another_state_or_object_once_its_name_is_written(results, qtbot, qapp):
    for origin in ("3", "pept"):
        results.origin.setEditText(origin)
        before = results.table
        results.origin.lineEdit().editingFinished.emit()
        qtbot.waitUntil(lambda before=before: results.table is not before, timeout=PATIENCE)
        assert str(results.request) == f"edm_levels frames, origin={origin}"
        assert str(results.table) == str(edm_levels("frames", origin=origin))
        assert results.table.meta["origin"].startswith(("state 3 of frames", "pept, state 1"))


def test_a_reference_that_is_one_of_the_frames_is_told_above_the_table(results, qtbot):
    results.origin.setEditText("2")
    results.origin.lineEdit().editingFinished.emit()
    qtbot.waitUntil(lambda: "is as far from the others" in results.title.text(), timeout=PATIENCE)


def test_headings_carry_units_and_meanings(results):
    model, measured = results.view.model(), column(results.view, "measured")
    assert heading(model, measured) == "measured\n(Å)"
    from pymol.Qt import QtCore

    tip = model.headerData(measured, QtCore.Qt.Orientation.Horizontal, QtCore.Qt.ItemDataRole.ToolTipRole)
    assert tip == "measured, in angstrom: RMS per coordinate over groups and frames"


@pytest.mark.parametrize("order", [0, 1])
def test_numbers_are_sorted_as_numbers(results, choose, order):
    from pymol.Qt import QtCore

    table = choose("by", 2)
    how = (QtCore.Qt.SortOrder.AscendingOrder, QtCore.Qt.SortOrder.DescendingOrder)[order]
    for number, kind in enumerate(table.columns):
        results.view.sortByColumn(number, how)
        found = [row[number] for row in cells(results.view)]
        values = [value for value in kind.values if value is not None]
        try:
            values = [float(value) for value in values]
        except ValueError:
            continue
        if np.isnan(values).any():
            continue
        assert [float(text) for text in found] == sorted(
            (float(kind.cell(value)) for value in kind.values), reverse=bool(order)
        )


def test_a_click_on_a_heading_sorts(results, qtbot):
    from pymol.Qt import QtCore

    header, number = results.view.horizontalHeader(), column(results.view, "measured")
    place = QtCore.QPoint(header.sectionViewportPosition(number) + 5, header.height() // 2)
    qtbot.mouseClick(header.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
    found = [float(row[number]) for row in cells(results.view)]
    assert found in (sorted(found), sorted(found, reverse=True))
    assert found != [float(f"{value:.3f}") for value in results.table["measured"]]


def test_what_is_missing_stands_last(results):
    from pymol.Qt import QtCore

    number = column(results.view, "share")
    for how in (QtCore.Qt.SortOrder.AscendingOrder, QtCore.Qt.SortOrder.DescendingOrder):
        results.view.sortByColumn(number, how)
        found = [row[number] for row in cells(results.view)]
        assert found[-2:] == ["-", "-"]
        numbers = [float(text) for text in found[:-2]]
        assert numbers == sorted(numbers, reverse=how == QtCore.Qt.SortOrder.DescendingOrder)


# Copying


def test_the_whole_table_is_copied(results, qapp):
    results.copy_table.click()
    rows = [line.split("\t") for line in qapp.clipboard().text().rstrip("\n").split("\n")]
    assert rows[0] == [column.heading for column in results.table.columns]
    assert rows[1:] == cells(results.view)


def test_chosen_rows_are_copied_by_the_keyboard(results, qtbot, qapp):
    from pymol.Qt import QtCore

    results.view.selectRow(2)
    qtbot.keyClick(results.view, QtCore.Qt.Key.Key_C, QtCore.Qt.KeyboardModifier.ControlModifier)
    rows = [line.split("\t") for line in qapp.clipboard().text().rstrip("\n").split("\n")]
    assert rows[1:] == [cells(results.view)[2]]


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (0, "edm_levels frames, by=residue"),
        (1, "edm_levels frames, by=residue, file=levels.csv"),
        (2, "edm_save frames.pdb, name=frames"),
        (3, "edm_movie frames.png, name=frames, width=64, ray=1"),
        (4, "save session.pse"),
    ],
)
def test_every_action_is_copied_as_a_command(results, choose, cmd, qapp, tmp_path, monkeypatch, number, line):
    choose("by", 1)
    results.width_.setValue(64)
    results.ray.click()
    results.copy.menu().actions()[number].trigger()
    assert qapp.clipboard().text() == line
    monkeypatch.chdir(tmp_path)
    assert cmd._parser.parse(line) is not False
    assert len(os.listdir(tmp_path)) == (0, 1, 1, 4, 1)[number]


# Files


def test_tables_for_other_programs(results, made, tmp_path):
    made(lambda: results.save_table(str(tmp_path / "levels.csv")))
    with open(tmp_path / "levels.csv", newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == [column.heading for column in results.table.columns]
    assert [row[0] for row in rows[1:]] == results.table["displacement"]
    made(lambda: results.save_table(str(tmp_path / "levels.json")))
    assert json.loads((tmp_path / "levels.json").read_text())["title"] == results.table.title


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_frames_for_other_programs(results, made, cmd, tmp_path, ending, coords):
    assert made(lambda: results.save_frames(str(tmp_path / f"frames.{ending}"))) == 4
    read = gemmi.read_structure(str(tmp_path / f"frames.{ending}"))
    assert len(read) == 4
    places = np.array([[atom.atom.pos.tolist() for atom in model.all()] for model in read])
    kept = np.stack([coords("frames", state) for state in range(1, 5)])
    assert np.abs(np.sort(places, axis=1) - np.sort(kept, axis=1)).max() < 6e-4


@pytest.mark.parametrize(("kind", "ending"), [*enumerate(SAVED_FILES)])
def test_the_kind_that_is_chosen_in_the_dialog_is_written(results, made, qtbot, tmp_path, kind, ending):
    from pymol.Qt import QtCore, QtWidgets

    results.ask("frames")
    dialog = results.findChildren(QtWidgets.QFileDialog)[-1]
    kinds = dialog.findChild(QtWidgets.QComboBox, "fileTypeCombo")
    assert kinds.count() == len(SAVED_FILES)
    for _ in range(kind):
        qtbot.keyClick(kinds, QtCore.Qt.Key.Key_Down)
    assert dialog.selectedNameFilter().endswith(f"(*.{ending})")
    dialog.setDirectory(str(tmp_path))
    dialog.findChild(QtWidgets.QLineEdit, "fileNameEdit").setText("frames")
    assert made(dialog.accept) == 4
    assert f"frames.{ending}" in os.listdir(tmp_path)


@pytest.mark.usefixtures("seen")
def test_pictures_of_every_frame(results, made, cmd, tmp_path):
    cmd.frame(3)
    results.width_.setValue(64)
    across, down = cmd.get_viewport()
    files = made(lambda: results.save_pictures(str(tmp_path / "film.png")))
    assert files == [str(tmp_path / f"film_000{k}.png") for k in range(1, 5)]
    pictures = [imread(name) for name in files]
    assert cmd.get_viewport() == (across, down)
    assert {picture.shape[:2] for picture in pictures} == {(round(64 * down / across), 64)}
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert cmd.get_frame() == 3


def test_no_picture_is_drawn_where_that_ends_pymol(results, refused, tmp_path, monkeypatch):
    monkeypatch.setenv("MESA_EXTENSION_OVERRIDE", "-GL_ARB_framebuffer_object")
    sentence, _ = refused(lambda: results.save_pictures(str(tmp_path / "film.png")))
    assert sentence.endswith("use ray=1")


def test_pictures_that_are_there_are_not_replaced_unasked(results, made, refused, tmp_path):
    (tmp_path / "film_0001.png").write_text("mine")
    sentence, details = refused(lambda: results.save_pictures(str(tmp_path / "film.png")))
    assert sentence.endswith("film_0001.png exists: give another name, or overwrite=1 to replace what is there")
    assert details == ""
    assert (tmp_path / "film_0001.png").read_text() == "mine"
    results.overwrite.click()
    results.width_.setValue(32)
    assert len(made(lambda: results.save_pictures(str(tmp_path / "film.png")))) == 4
    assert results.remembered()["overwrite"] == "0"


def test_cancelled_pictures_are_kept_and_said(results, panel, made, tmp_path):
    results.width_.setValue(64)
    panel.session.runner.progressed.connect(lambda *_: panel.status.cancel.click())
    files = made(lambda: results.save_pictures(str(tmp_path / "film.png")))
    assert 1 <= len(files) < 4
    assert sorted(os.listdir(tmp_path)) == [os.path.basename(name) for name in files]
    assert panel.status.message.text().startswith(f"cancelled: {len(files)} of 4 pictures")


def test_a_session_comes_back(results, made, cmd, tmp_path, coords):
    path, before = str(tmp_path / "all.pse"), coords("frames", 3)
    made(lambda: results.save_session(path))
    assert os.listdir(tmp_path) == ["all.pse"]
    assert cmd.get("session_file") == path
    cmd.reinitialize()
    cmd.load(path)
    assert np.array_equal(coords("frames", 3), before)


@pytest.mark.parametrize("path", ["a, b; (c).csv", "with space.csv", "it's.csv"])
def test_names_that_pymols_prompt_would_cut(results, made, cmd, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    made(lambda: results.save_table(path))
    assert os.listdir(tmp_path) == [path]


@pytest.mark.parametrize(
    ("save", "name", "sentence"),
    [
        ("table", "levels.txt", "nothing can be written as 'levels.txt': end the name in .csv or .json for the table"),
        ("table", "nowhere/levels.csv", "cannot write nowhere/levels.csv: there is no folder nowhere"),
        ("frames", "frames.xyz", ""),
        ("frames", "nowhere/frames.pdb", "cannot write nowhere/frames.pdb: there is no folder nowhere"),
        ("pictures", "film.jpg", "pictures cannot be written as 'film.jpg': end the name in .png"),
        ("pictures", "nowhere/film.png", "cannot write nowhere/film.png: there is no folder nowhere"),
        ("session", "all.txt", "a session cannot be written as 'all.txt': end the name in .pse"),
        ("session", "nowhere/all.pse", "cannot write nowhere/all.pse: there is no folder nowhere"),
    ],
)
def test_wrong_names_are_one_sentence(results, refused, snapshot, tmp_path, monkeypatch, save, name, sentence):
    monkeypatch.chdir(tmp_path)
    before = snapshot()
    said, details = refused(lambda: getattr(results, f"save_{save}")(name))
    assert said.startswith(sentence)
    assert details == ""
    assert os.listdir(tmp_path) == []
    assert snapshot() == before


@pytest.mark.parametrize("number", range(4))
def test_the_dialog_does_not_block_and_hands_the_name_on(results, qtbot, made, tmp_path, number):
    from pymol.Qt import QtWidgets

    results.export.menu().actions()[number].trigger()
    (dialog,) = results.findChildren(QtWidgets.QFileDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    ending = ("csv", "pdb", "png", "pse")[number]
    assert dialog.defaultSuffix() == ending
    results.width_.setValue(32)
    made(lambda: dialog.fileSelected.emit(str(tmp_path / f"out.{ending}")))
    dialog.close()
    assert os.listdir(tmp_path)


# Quality


@pytest.fixture
def quality(results, made, qtbot):
    """Its window, with what was measured."""
    from edmnoise_pymol.panel.views.quality import QualityDialog

    study = made(results.quality.click)
    (dialog,) = results.findChildren(QualityDialog)
    qtbot.waitUntil(lambda: dialog.plot.full, timeout=PATIENCE)
    assert not dialog.isModal()
    yield dialog, study
    dialog.close()
    qtbot.waitUntil(lambda: not results.findChildren(QualityDialog), timeout=PATIENCE)


def test_quality_is_that_of_the_command_by_every_field(quality, made, cmd, qapp):
    """By measure, state and residue at once; from another reference once it is measured."""
    dialog, study = quality
    assert set(dialog.form.remembered()) == set(knobs_of(edm_quality)) - {"name", "file"}
    for number, by in enumerate(("summary", "state", "residue")):
        dialog.by.setCurrentIndex(number)
        assert cells(dialog.view) == [
            [c.cell(v) for c, v in zip(study.table(by).columns, row, strict=True)]
            for row in zip(*(c.values for c in study.table(by).columns), strict=True)
        ]
    assert str(study.table()) == str(edm_quality("frames").table())
    dialog.form["origin"].setEditText("last")
    dialog.form["hydrogens"].setChecked(False)
    dialog.form["solvent"].setCurrentIndex(1)
    dialog.form["common"].setChecked(True)
    assert dialog.title.text() == "Measured with other settings than these: press Measure"
    dialog.copy.click()
    line = "edm_quality frames, by=residue, origin=last, hydrogens=0, solvent=1, common=1"
    assert qapp.clipboard().text() == line
    again = made(dialog.again.click)
    found = edm_quality("frames", origin="last", hydrogens=0, solvent=1, common=1)
    assert str(again.table("state")) == str(found.table("state"))
    assert dialog.title.text().startswith(found.table("residue").title)
    assert "Measured from state 4 of frames" in dialog.title.text()


def test_quality_is_plotted_over_the_states(quality, panel, cmd, qtbot):
    """Each measure, with what the reference has itself; a click goes to the state."""
    dialog, study = quality
    plot = dialog.plot
    for measure in MEASURES:
        with qtbot.waitSignal(plot.drawn, timeout=PATIENCE):
            dialog.measure.setCurrentIndex((dialog.measure.findData(measure.name) + 1) % len(MEASURES))
    with qtbot.waitSignal(plot.drawn, timeout=PATIENCE):
        form_text(dialog.measure, "clashes")
    assert plot.canvas._entries[0][2] == "the reference itself"
    assert plot.read(3.2, 0).startswith(f"state 3: lDDT {study.by_state[MEASURES[0]][1]:.3f}, RMSD ")
    plot.click(3.8, 0)
    assert cmd.get_frame() == 4
    assert plot.summary().startswith("state 4: lDDT ")


def test_quality_is_written_as_table_and_figure(quality, made, qtbot, tmp_path):
    from pymol.Qt import QtWidgets

    dialog, study = quality
    form_text(dialog.by, "state")
    for number, ending in enumerate(("csv", "png")):
        dialog.export.menu().actions()[number].trigger()
        asked = dialog.findChildren(QtWidgets.QFileDialog)[-1]
        assert asked.defaultSuffix() == ending
        made(lambda asked=asked, ending=ending: asked.fileSelected.emit(str(tmp_path / f"quality.{ending}")))
        asked.close()
    assert (tmp_path / "quality.csv").read_text() == study.table("state").to_csv()
    assert imread(tmp_path / "quality.png").shape[0] > 300


def test_quality_that_cannot_be_measured_says_why(quality, panel, refused, cmd, results):
    dialog, _ = quality
    dialog.form["origin"].setEditText("nosuch")
    sentence, details = refused(dialog.again.click)
    assert dialog.title.text() == sentence
    assert "nosuch" in sentence
    assert details == ""
    cmd.set_name("frames", "renamed")
    panel.session.look()
    assert dialog.request.subject == "renamed"
    assert dialog.windowTitle() == "EDM noise: quality of renamed"


# What happens around it


def test_the_table_follows_the_shown_object(results, panel, cmd, qtbot):
    edm_noise("pept", frames=2, name="others", z=2)
    panel.session.look()
    before = results.table
    panel.session.show("others")
    qtbot.waitUntil(lambda: results.table is not before, timeout=PATIENCE)
    assert results.table.meta["frames"] == 2
    cmd.reinitialize()
    panel.session.look()
    assert results.table is None
    assert results.title.text().startswith("Make frames first")
    assert not results.copy_table.isEnabled()


def test_what_cannot_be_measured_says_why(results, panel, cmd, qtbot):
    cmd.delete("frames")
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "odd", state=1)
    cmd.create("odd", "odd and resi 1-3", 1, 2)
    panel.session.look()
    qtbot.waitUntil(lambda: "states need the same atoms" in results.title.text(), timeout=PATIENCE)
    assert results.table is None
    assert cells(results.view) == []


def test_nothing_is_measured_while_nobody_looks(results, panel, cmd):
    panel.views.setCurrentWidget(panel.colours)
    before = results.table
    edm_noise("pept", frames=2, name="others")
    panel.session.look()
    panel.session.show("others")
    assert results.table is before
    assert results._measured != results._wanted


def test_settings_are_there_next_time(results):
    results.by.setCurrentIndex(2)
    results.align.setCurrentIndex(1)
    results.width_.setValue(640)
    kept = results.remembered()
    results.recall({"by": "summary", "align": "none", "width": ""})
    assert str(results.request) == "edm_levels frames"
    results.recall(kept)
    assert str(results.request) == "edm_levels frames, by=atom, align=center"
    assert results.width_.value() == 640
