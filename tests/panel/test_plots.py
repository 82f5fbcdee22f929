"""The plots: what they draw is what is measured, a click in one moves PyMOL, and PyMOL moves them."""

import csv
import math

import pytest

from edmnoise.structure.hierarchy import as_read
from edmnoise_pymol.commands.request import Request

PATIENCE = 60_000


@pytest.fixture
def plots(panel):
    panel.shelf.open()
    return panel.plots


@pytest.fixture
def drawn(plots, qtbot):
    """Choose a plot by its button, and wait until it has something to show."""

    def wait(name):
        from pymol.Qt import QtCore

        qtbot.mouseClick(plots.buttons[name], QtCore.Qt.MouseButton.LeftButton)
        chart = plots.charts[name]
        assert plots.chart is chart
        qtbot.waitUntil(lambda: chart.full and not chart._soon.isActive(), timeout=PATIENCE)
        return chart

    return wait


@pytest.fixture
def click(qtbot):
    """A click of the left button at a place of a plot's axes."""

    def at(chart, x, y):
        from pymol.Qt import QtCore

        canvas = chart.canvas
        with qtbot.waitSignal(canvas.clicked, timeout=PATIENCE) as signal:
            qtbot.mouseClick(canvas.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=canvas.where(x, y))
        across, up = signal.args
        (low, high), (bottom, top) = canvas.box.viewRange()
        assert across == pytest.approx(x, abs=(high - low) / 100)
        assert up == pytest.approx(y, abs=(top - bottom) / 20)

    return at


@pytest.fixture
def hover(qtbot, qapp):
    """The mouse over a place of a plot's axes: what is read below it."""

    def at(chart, x, y):
        from pymol.Qt import QtCore, QtGui

        view = chart.canvas.viewport()
        here = QtCore.QPointF(chart.canvas.where(x, y))
        button = QtCore.Qt.MouseButton.NoButton
        move = QtGui.QMouseEvent(
            QtCore.QEvent.Type.MouseMove,
            here,
            QtCore.QPointF(view.mapToGlobal(here.toPoint())),
            button,
            button,
            QtCore.Qt.KeyboardModifier.NoModifier,
        )
        with qtbot.waitSignal(chart.canvas.hovered, timeout=PATIENCE):
            qapp.sendEvent(view, move)
        return words(chart)

    return at


def words(chart):
    """The read-out without its colours."""
    from pymol.Qt import QtGui

    text = QtGui.QTextDocument()
    text.setHtml(chart.readout.text())
    return text.toPlainText()


@pytest.fixture
def noised(panel, loaded, made, drawn):
    """Frames of 1TII at a z, and the plot of levels that shows them."""

    def make(z, frames=3):
        panel.noise.level.z.setValue(z)
        panel.noise.frames.setValue(frames)
        return made(panel.noise.apply.click)

    return make


@pytest.fixture
def sampled(panel, cmd, loaded, made):
    """A short trajectory."""

    def make(**options):
        texts = {"steps": "8", "sigma_max": "200", "sigma_min": "0.01", **options}
        request = Request("edm_sample", "toxin and chain D+E", texts)
        return made(lambda: panel.session.run(request, "samples", lambda r: panel.session.show(r.names[0])))

    return make


def test_each_plot_says_what_to_do_while_there_is_nothing(panel, plots, cmd, qtbot):
    sentences = {
        "levels": "Load a structure to see how far noise moves its chains, residues and atoms",
        "sequence": "Make frames with Apply to see how far each residue moved",
        "freeze_out": "Run a sampler to see when chains, residues and atoms freeze out",
    }
    for name, sentence in sentences.items():
        plots.buttons[name].click()
        chart = plots.charts[name]
        qtbot.waitUntil(lambda chart=chart, sentence=sentence: chart.message.text() == sentence, timeout=PATIENCE)
        assert chart.message.isVisible()
        assert not chart.readout.isVisible()
        assert not plots.fit.isEnabled()
        assert not plots.export.isEnabled()


def test_without_pyqtgraph_there_is_a_sentence(panel, plots, loaded, qtbot, monkeypatch):
    monkeypatch.setattr("edmnoise_pymol.panel.plots.chart.find_spec", lambda name: None)
    plots.choose("sequence")
    qtbot.waitUntil(lambda: "pip install pyqtgraph" in plots.chart.message.text(), timeout=PATIENCE)


def test_a_mistake_of_ours_in_a_display_is_shown_with_its_details(panel, plots, loaded, refused, monkeypatch):
    def wrong(*_):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("edmnoise_pymol.jobs.plots.measured.measured", wrong)
    plots.choose("sequence")
    sentence, details = refused(panel.noise.apply.click)
    assert sentence == "ZeroDivisionError: of ours"
    assert "Traceback" in details
    assert "in wrong" in details


# Levels


def test_before_any_frames_the_closed_form_follows_weights_and_slider(panel, plots, loaded, drawn, qtbot):
    chart = drawn("levels")
    assert chart._of.points == ()
    flat = [line.slope for line in chart._of.lines]
    panel.noise.weights.set_weights("1 0 0")
    qtbot.waitUntil(lambda: chart._of.lines[0].slope == pytest.approx(1), timeout=PATIENCE)
    panel.noise.weights.set_weights("flat")
    qtbot.waitUntil(lambda: [line.slope for line in chart._of.lines] == flat, timeout=PATIENCE)
    panel.noise.level.slider.setValue(-150)
    assert chart._now.value() == pytest.approx(-1.5)
    sigma = panel.noise.level.value
    assert words(chart).startswith(f"z -1.50, σ {sigma:.3g} Å: expected ")
    assert f"{flat[2] * sigma:.3g} Å" in words(chart)


def test_all_weights_zero_is_a_sentence(panel, plots, loaded, drawn, qtbot):
    chart = drawn("levels")
    for level in ("chain", "residue", "atom"):
        panel.noise.weights.spins[level].setValue(0)
    qtbot.waitUntil(lambda: "not all zero" in chart.message.text(), timeout=PATIENCE)
    panel.noise.weights.set_weights("current")
    qtbot.waitUntil(lambda: chart.full, timeout=PATIENCE)


def test_a_click_sets_the_slider_where_there_are_no_frames(panel, plots, loaded, drawn, click):
    click(drawn("levels"), 1.5, 0)
    assert panel.noise.level.z.value() == pytest.approx(1.5, abs=0.05)
    assert panel.noise.level.slider.value() == pytest.approx(150, abs=5)


def test_measured_points_stand_where_the_table_says(panel, plots, noised, drawn, qtbot, hover):
    panel.noise.weights.set_weights("rebalanced")
    first, second = noised(-1), noised(1)
    chart = drawn("levels")
    qtbot.waitUntil(lambda: len(chart._of.points) == 2 and chart._of.points[0].object == second.name, timeout=PATIENCE)
    for point, result in zip(chart._of.points, (second, first), strict=True):
        for line, value in zip(chart._of.lines, point.measured, strict=True):
            row = result.table["displacement"].index(line.label)
            assert value == pytest.approx(result.table["measured"][row], rel=1e-6)
            assert line.slope * point.sigma == pytest.approx(result.table["expected"][row])
    said = hover(chart, -1, math.log10(chart._of.points[1].measured[0]))
    assert said.startswith(f"{first.name}: {chart._of.points[1].measured[0]:.3g} ± ")
    assert float(hover(chart, -3, 0).split()[1].rstrip(",")) == pytest.approx(-3, abs=0.05)


def test_a_click_goes_to_the_frames_that_are_nearest(panel, plots, cmd, noised, drawn, click, qtbot):
    low, high = noised(-1).name, noised(1, frames=5).name
    chart = drawn("levels")
    qtbot.waitUntil(lambda: len(chart._of.points) == 2, timeout=PATIENCE)
    cmd.frame(3)
    click(chart, -2.5, -1)
    assert panel.session.shown == low
    assert cmd.get_frame() == 3
    assert low in cmd.get_names("objects", enabled_only=1)
    assert high not in cmd.get_names("objects", enabled_only=1)
    qtbot.waitUntil(lambda: chart._of.points[0].object == low, timeout=PATIENCE)
    cmd.frame(1)
    click(chart, 3, 1)
    assert panel.session.shown == high
    assert cmd.get_frame() == 2


def test_wheel_and_fit(panel, plots, loaded, drawn, qtbot, qapp):
    from pymol.Qt import QtCore, QtGui

    chart = drawn("levels")
    box, view = chart.canvas.box, chart.canvas.viewport()
    before = box.viewRange()
    here = QtCore.QPointF(chart.canvas.where(0, 0))
    wheel = QtGui.QWheelEvent(
        here,
        QtCore.QPointF(view.mapToGlobal(here.toPoint())),
        QtCore.QPoint(),
        QtCore.QPoint(0, 240),
        QtCore.Qt.MouseButton.NoButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    qapp.sendEvent(view, wheel)
    zoomed = box.viewRange()
    assert before[0][0] < zoomed[0][0] < zoomed[0][1] < before[0][1]
    panel.noise.weights.set_weights("current")  # what is drawn again stays as the user has it
    qtbot.waitUntil(lambda: chart._of.about == "weights current, not made yet", timeout=PATIENCE)
    assert box.viewRange() == zoomed
    qtbot.mouseClick(plots.fit, QtCore.Qt.MouseButton.LeftButton)
    assert box.viewRange()[0] == pytest.approx(before[0])


# Sequence


def test_a_click_selects_the_residue_and_zooms_to_it(panel, plots, cmd, noised, drawn, click, hover, qtbot):
    name = noised(-1).name
    chart = drawn("sequence")
    at = next(k for k, r in enumerate(chart._of.residues) if (r.chain, r.number) == ("E", "40"))
    view = cmd.get_view()
    click(chart, chart._of.place[at], chart._of.mean[at])
    (chosen,) = chart._picked
    residue = chart._of.residues[chosen]
    assert abs(chosen - at) <= 2  # a residue is narrower than a pixel
    assert cmd.index("sele") == cmd.index(f"{name} and chain {residue.chain} and resi {residue.number}")
    qtbot.waitUntil(lambda: cmd.get_view() != view, timeout=PATIENCE)
    mean, wanted = chart._of.mean[chosen], chart._of.expected[chosen]
    said = f"{residue.chain} {residue.name} {residue.number}: {mean:.2f} Å, expected {wanted:.2f}"
    assert words(chart).startswith(said)
    assert hover(chart, chart._of.place[chosen], 0.5 * mean).startswith(residue.chain)


def test_what_is_picked_in_pymol_is_marked(panel, plots, cmd, noised, drawn, qtbot):
    noised(-1)
    chart = drawn("sequence")
    qtbot.waitUntil(lambda: chart._state == 2, timeout=PATIENCE)
    cmd.select("sele", "toxin and chain A and resi 20+50 and name CA")
    qtbot.waitUntil(lambda: len(chart._picked) == 2, timeout=PATIENCE)
    assert [chart._of.residues[k].number for k in chart._picked] == ["20", "50"]
    assert words(chart) == "2 residues selected"
    cmd.deselect()
    cmd.delete("sele")
    qtbot.waitUntil(lambda: chart._picked == [], timeout=PATIENCE)


def test_the_frame_in_pymol_is_this_frame(panel, plots, cmd, noised, drawn, qtbot):
    noised(-1, frames=2)
    chart = drawn("sequence")
    each = []
    for state in (2, 3):
        cmd.frame(state)
        qtbot.waitUntil(lambda state=state: chart._state == state, timeout=PATIENCE)
        each.append(chart._now)
    mean = [math.sqrt((a * a + b * b) / 2) for a, b in zip(*each, strict=True)]
    assert mean == pytest.approx(chart._of.mean, rel=1e-5)
    cmd.frame(1)
    qtbot.waitUntil(lambda: chart._state == 1 and chart._now == (), timeout=PATIENCE)


def test_any_object_of_several_states_is_measured(panel, plots, cmd, drawn, mda, qtbot):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    chart = drawn("sequence")
    assert (chart._of.object, chart._of.frames, chart._of.expected) == ("nmr", 23, ())
    cmd.create("ragged", "nmr", 1, 1)
    cmd.create("ragged", "nmr and resi 1-5", 2, 2)
    panel.session.look()
    panel.session.show("ragged")
    qtbot.waitUntil(lambda: "of ragged state 1 are not in ragged state 2" in chart.message.text(), timeout=PATIENCE)


def test_a_deleted_object_is_let_go(panel, plots, cmd, noised, drawn, qtbot):
    name = noised(-1).name
    chart = drawn("sequence")
    drawn("levels")
    cmd.delete(name)
    qtbot.waitUntil(lambda: plots.levels._of.points == (), timeout=PATIENCE)
    plots.choose("sequence")
    qtbot.waitUntil(lambda: chart.message.text().startswith("Make frames"), timeout=PATIENCE)
    assert chart._shown.measured is None


# Freeze-out


def test_a_click_goes_to_the_step(panel, plots, cmd, sampled, drawn, click, hover, qtbot):
    result = sampled()
    chart = drawn("freeze_out")
    frozen = as_read(result.run.freeze_out().values())
    assert [way.frozen for way in chart._of.ways] == pytest.approx(list(frozen), nan_ok=True)
    for step in (1, 5):
        sigma = chart._of.sigmas[step]
        click(chart, math.log10(sigma), -1)
        assert cmd.get_frame() == step + 2
        assert f"sigma={sigma:.6g} " in cmd.get_title(result.names[0], cmd.get_frame())
        assert chart._now.value() == pytest.approx(math.log10(sigma))
        assert hover(chart, math.log10(sigma), -1).startswith(f"step {step + 1}, σ ")
    (left, right), _ = chart.canvas.box.viewRange()
    assert chart.canvas.where(left, 0).x() > chart.canvas.where(right, 0).x()  # sigma falls to the right


def test_samples_without_their_steps(panel, plots, cmd, sampled, drawn, click, qtbot):
    sampled(trajectory="0", samples="2")
    chart = drawn("freeze_out")
    cmd.frame(2)
    with qtbot.waitSignal(panel.session.said, timeout=PATIENCE) as said:
        click(chart, math.log10(chart._of.sigmas[3]), -1)
    assert said.args[0].endswith("holds the ends of the samples, not their steps")
    assert cmd.get_frame() == 2


def test_undo_lets_the_run_go(panel, plots, sampled, drawn, qtbot):
    sampled()
    chart = drawn("freeze_out")
    panel.status.undo.click()
    qtbot.waitUntil(lambda: not chart.full, timeout=PATIENCE)
    assert chart._result is None
    assert chart._curves is None


# Files, settings, colours


@pytest.mark.parametrize("name", ["levels", "sequence", "freeze_out"])
def test_export(panel, plots, cmd, noised, sampled, drawn, tmp_path, name, qtbot):
    if name == "freeze_out":
        sampled()
    else:
        noised(-1)
    chart = drawn(name)
    asked = []
    for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("csv", b"")):
        path = tmp_path / f"plot.{ending}"
        plots.ask_path = lambda *words, path=path: asked.append(words) or str(path.with_suffix(""))
        action = next(a for a in plots.export.menu().actions() if ending in a.text())
        with qtbot.waitSignal(panel.session.said, timeout=PATIENCE):
            action.trigger()
        assert path.read_bytes().startswith(start)
        assert asked[-1][1].startswith(panel.session.shown)
    with open(tmp_path / "plot.csv", newline="") as handle:
        rows = list(csv.reader(handle))
    assert any(heading.endswith("(A)") for heading in rows[0])
    assert len(rows) - 1 == len(chart.table())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["plot.csv", "plot.png", "plot.svg"]


def test_a_line_in_a_drawing_ends_at_the_axes(qapp):
    """Into the rectangle, along its edge, out, a gap, and through it from corner to corner."""
    from edmnoise_pymol.panel.plots.clip import clipped

    nan = math.nan
    x, y = [-1, 1, 3, nan, 0, 2, 5], [1, 1, 3, nan, 0, 2, 9]
    across, up = clipped(x, y, (0, 2), (0, 2))
    assert across == pytest.approx([0, 1, 2, nan, 0, 2, nan], nan_ok=True)
    assert up == pytest.approx([1, 1, 2, nan, 0, 2, nan], nan_ok=True)
    assert clipped([nan, 5, 6], [1, 1, nan], (0, 2), (0, 2)) == ([], [])


def test_a_file_that_cannot_be_written_and_a_change_of_mind(panel, plots, loaded, drawn, refused, tmp_path):
    drawn("levels")
    plots.ask_path = lambda *_: ""
    plots.save("csv")
    plots.ask_path = lambda *_: str(tmp_path / "nowhere" / "plot.png")
    sentence, details = refused(lambda: plots.save("png"))
    assert sentence.startswith("cannot write")
    assert details == ""


def test_the_plot_that_was_shown_is_shown_again(plots):
    for name in ("freeze_out", "levels", "sequence"):
        plots.choose(name)
        kept = plots.remembered()
        plots.choose("levels")
        plots.recall(kept)
        assert plots.chart is plots.charts[name]
        assert plots.buttons[name].isChecked()
    plots.recall({"plot": "nonsense"})
    assert plots.chart is plots.sequence


def test_colours_are_the_widgets_own(panel, plots, loaded, drawn, qtbot):
    from pymol.Qt import QtGui

    chart = drawn("levels")
    dark = QtGui.QPalette(chart.canvas.palette())
    dark.setColor(QtGui.QPalette.ColorRole.Base, QtGui.QColor("#202020"))
    dark.setColor(QtGui.QPalette.ColorRole.Text, QtGui.QColor("#e0e0e0"))
    light = chart.canvas.ink("#3f51b5").lightness()
    with qtbot.waitSignal(chart.canvas.recoloured, timeout=PATIENCE):
        chart.canvas.setPalette(dark)  # PyMOL's style sheet keeps a parent's from its children
    assert chart.canvas.backgroundBrush().color().name() == "#202020"
    assert chart.canvas.plot.getAxis("left").textPen().color().name() == "#e0e0e0"
    assert chart.canvas.ink("#3f51b5").lightness() > light


@pytest.mark.parametrize("width", [360, 700])
def test_nothing_is_cut_off(panel, plots, noised, drawn, qtbot, width):
    noised(0)
    for name in ("levels", "sequence"):
        chart = drawn(name)
        plots.setFixedWidth(width)
        canvas = chart.canvas
        qtbot.waitUntil(lambda canvas=canvas: canvas.viewport().width() < width, timeout=PATIENCE)
        qtbot.waitUntil(
            lambda canvas=canvas: canvas.ci.geometry().width() <= canvas.viewport().width(), timeout=PATIENCE
        )
        legend = canvas._legend.itemRect()
        assert legend.width() <= canvas.viewport().width()
        assert legend.height() <= canvas._legend.geometry().height() + 1
        assert canvas._legend.geometry().bottom() <= canvas.plot.geometry().top() + 1
        assert canvas.box.sceneBoundingRect().height() > 60
