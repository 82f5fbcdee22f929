"""The Design tab: noise from what is wanted, weights from a click, scramble points that follow."""

import math

import pytest

from edmnoise.noise.design.triangle import place, weights_at
from edmnoise.noise.weights import PRESETS, Weights, parse_weights
from edmnoise_pymol import edm_design, edm_scramble, edm_triangle

PATIENCE = 60_000
NOTHING = "Say how far each level shall move, and press Design to get the noise that does it"


@pytest.fixture
def tab(panel):
    panel.tabs.setCurrentWidget(panel.design)
    return panel.design


@pytest.fixture
def click(qtbot):
    """A click of the left button on a widget."""

    def on(widget, pos=None):
        from pymol.Qt import QtCore

        place = {} if pos is None else {"pos": pos}
        qtbot.mouseClick(widget, QtCore.Qt.MouseButton.LeftButton, **place)

    return on


@pytest.fixture
def mapped(tab, loaded, qtbot):
    """The triangle, drawn for what is chosen above it."""

    def wait(measure="displacement", level="residue"):
        tab.map["measure"].setCurrentIndex(tab.map["measure"].findData(measure))
        tab.map["level"].setCurrentIndex(tab.map["level"].findData(level))
        chart = tab.triangle

        def there():
            shown = chart._map is not None and chart._map.made.measure
            return chart.full and not chart._soon.isActive() and (shown.name, shown.level) == (measure, level)

        qtbot.waitUntil(there, timeout=PATIENCE)
        return chart

    return wait


@pytest.fixture
def at(click, qtbot):
    """A click on a place of the triangle: gives the place that the plot heard of."""

    def clicked(chart, x, y):
        with qtbot.waitSignal(chart.canvas.clicked, timeout=PATIENCE) as signal:
            click(chart.canvas.viewport(), chart.canvas.where(x, y))
        return signal.args

    return clicked


def words(label):
    from pymol.Qt import QtGui

    text = QtGui.QTextDocument()
    text.setHtml(label.text())
    return text.toPlainText()


def aim(tab, chain="", residue="", atom=""):
    tab.targets.recall({"chain": chain, "residue": residue, "atom": atom})


# Design


def test_designed_noise_reaches_the_noise_tab(panel, tab, cmd, loaded, made, click, capsys):
    aim(tab, "10", "3.8", "1.4")
    result = made(lambda: click(tab.design))
    assert result.design.parts == pytest.approx((1.4, 3.8, 10), rel=1e-3)
    click(tab.use)
    edm_design(loaded, chain=10, residue=3.8, atom=1.4, quiet=0, _self=cmd)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(" edm_design:"))
    said = dict(part.split("=") for part in line.removeprefix(" edm_design: ").split(", "))
    assert panel.noise.request.options == said
    assert str(panel.noise.request) == f"edm_noise {loaded}, sigma={said['sigma']}, weights={said['weights']}"


def test_what_it_found_is_shown_beside_other_weights(tab, loaded, made, click, panel):
    made(lambda: click(tab.design))
    shown = words(tab.found)
    assert shown.startswith("Designed: σ 6.229 Å")
    assert all(weight in shown for weight in ("0.8578", "0.1229", "0.01936"))
    for name in ("wanted", "designed", "flat", "current", "rebalanced"):
        assert name in shown
    assert "2.19" in shown  # 3.8 in space, per coordinate
    assert "σ 6.229 Å" in panel.status.message.text()
    assert "sigma 6.229 Å lies at z = 0.17 of alphafold3" in shown


def test_designed_twice_the_noise_tab_still_says_sigma(panel, tab, loaded, made, click):
    made(lambda: click(tab.design))
    click(tab.use)
    panel.noise.level.z.setValue(panel.noise.level.z.value() + 1e-3)
    click(tab.use)
    assert panel.noise.level.options == {"sigma": "6.229"}


def test_a_level_without_a_wish(tab, loaded, made, click):
    aim(tab, residue="2")
    result = made(lambda: click(tab.design))
    assert result.design.targets == (None, 2.0, None)
    assert tab.targets["chain"].text() == "none"
    assert str(tab.request) == "edm_design toxin, residue=2"


def test_the_copied_line_designs_the_same(panel, tab, cmd, loaded, made, click, typed, qapp):
    panel.noise.level.distribution.setCurrentText("wide")
    aim(tab, "8", "3", "1")
    tab.targets["z"].setValue(0.5)
    result = made(lambda: click(tab.design))
    click(tab.copy)
    line = qapp.clipboard().text()
    assert line == "edm_design toxin, chain=8, residue=3, atom=1, z=0.5, distribution=wide"
    typed(line)
    again = edm_design("toxin", 8, 3, 1, 0.5, distribution="wide", _self=cmd)
    assert str(again.table) == str(result.table)


def test_targets_that_no_weights_reach_are_one_sentence(panel, tab, loaded, refused, click):
    aim(tab, chain="0.1", residue="1", atom="5")
    sentence, details = refused(lambda: click(tab.design))
    assert sentence.startswith("no weights give chain 0.1 A, residue in chain 1 A, atom in residue 5 A")
    assert details == ""
    assert panel.status.message.text() == sentence
    assert words(tab.found) == NOTHING
    assert not tab.use.isEnabled()


def test_nothing_wanted(tab, loaded, refused, click):
    aim(tab)
    assert refused(lambda: click(tab.design))[0].startswith("nothing to design for: give one or more of chain")


def test_other_targets_and_other_atoms_make_a_design_stale(panel, tab, loaded, made, click):
    made(lambda: click(tab.design))
    assert tab.use.isEnabled()
    tab.targets["residue"].setValue(3)
    assert not tab.use.isEnabled()
    assert words(tab.found) == NOTHING
    made(lambda: click(tab.design))
    panel.pickers.selection.setText("chain D")
    panel.pickers.read()
    assert not tab.use.isEnabled()


def test_one_chain_is_told_what_its_part_is_worth(panel, tab, loaded, made, click):
    panel.pickers.selection.setText("chain D")
    panel.pickers.read()
    made(lambda: click(tab.design))
    assert "One chain: after centring its part is worth nothing, 10 Å become 0" in words(tab.found)


# The triangle


@pytest.mark.parametrize("shares", [(0.2, 0.2, 0.6), (0.5, 0.35, 0.15), (0.05, 0.6, 0.35)])
def test_a_click_sets_the_weights_of_the_place(panel, mapped, at, shares):
    chart = mapped()
    weights = weights_at(*at(chart, *place(Weights.of(*shares))))
    assert panel.noise.weights.weights.by_level == pytest.approx(weights.by_level, abs=2e-3)
    assert panel.noise.weights.weights.by_level == pytest.approx(shares[::-1], abs=0.02)
    assert panel.noise.weights.text in panel.status.message.text()


def test_a_click_on_a_preset_takes_it_by_its_name(panel, mapped, at):
    chart = mapped()
    for name in PRESETS:
        at(chart, *place(Weights.named(name)))
        assert panel.noise.weights.text == name
    assert panel.noise.request.options["weights"] == "balanced-residue"


def test_a_click_beside_the_triangle_sets_nothing(panel, mapped, at):
    chart = mapped()
    panel.noise.weights.set_weights("2 3 4")
    at(chart, 0.1, 0.6)
    assert panel.noise.weights.text == "2 3 4"


def test_the_ring_follows_the_weights(panel, mapped):
    chart = mapped("share")
    for text in ("rebalanced", "5 1 2"):
        panel.noise.weights.set_weights(text)
        expected = place(parse_weights(text))
        for ring in chart._rings:
            (x,), (y,) = ring.getData()
            assert (x, y) == pytest.approx(tuple(expected))
    assert "0.62" in words(chart.readout)


@pytest.mark.parametrize(
    ("measure", "unit"), [("displacement", " σ"), ("ratio", ""), ("scramble", "z "), ("share", " %")]
)
def test_the_read_out_says_what_edm_triangle_says(cmd, mapped, measure, unit):
    chart = mapped(measure)
    table = edm_triangle("toxin", measure, _self=cmd).table
    for name, value in zip(table["weights"], table["value"], strict=True):
        said = words_of(chart.read(*chart._map.marks[name]))
        assert said.startswith(name)
        assert unit in said.rpartition(": ")[2]
        number = float(said.rpartition(": ")[2].removeprefix("z ").split()[0])
        assert number == pytest.approx(value, rel=6e-3, abs=6e-2 if measure == "share" else 6e-3)


def words_of(rich):
    from pymol.Qt import QtGui

    text = QtGui.QTextDocument()
    text.setHtml(rich)
    return text.toPlainText()


def test_hovering_reads_weights_and_value(mapped, qtbot, qapp):
    from pymol.Qt import QtCore, QtGui

    chart = mapped("share")
    view = chart.canvas.viewport()
    here = QtCore.QPointF(chart.canvas.where(*place(Weights.of(0.3, 0.4, 0.3))))
    none = QtCore.Qt.MouseButton.NoButton
    move = QtGui.QMouseEvent(
        QtCore.QEvent.Type.MouseMove,
        here,
        QtCore.QPointF(view.mapToGlobal(here.toPoint())),
        none,
        none,
        QtCore.Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(chart.canvas.hovered, timeout=PATIENCE) as signal:
        qapp.sendEvent(view, move)
    atom, residue, chain = weights_at(*signal.args).by_level
    found = words(chart.readout)
    assert found.startswith(f"chain {chain:.2f}, residue {residue:.2f}, atom {atom:.2f}: ")
    assert found.endswith(" %")


def test_labels_lie_within_the_picture_and_not_on_each_other(mapped):
    chart = mapped()
    rects = {name: label.mapRectToScene(label.boundingRect()) for name, label in chart._labels.items()}
    assert len(rects) == len(PRESETS) + 1
    scene = chart.canvas.sceneRect()
    for name, rect in rects.items():
        assert scene.left() <= rect.left(), name
        assert rect.right() <= scene.right(), name
        for other, box in rects.items():
            both = rect.intersected(box)
            assert other == name or both.width() * both.height() < 40, (name, other)


def test_one_chain_has_no_chain_to_map(panel, mapped, tab, qtbot):
    mapped()
    panel.pickers.selection.setText("chain D")
    panel.pickers.read()
    tab.map["level"].setCurrentIndex(tab.map["level"].findData("chain"))
    qtbot.waitUntil(lambda: "map another level" in tab.triangle.message.text(), timeout=PATIENCE)
    assert not tab.triangle.full
    tab.map["level"].setCurrentIndex(tab.map["level"].findData("atom"))
    qtbot.waitUntil(lambda: tab.triangle.full, timeout=PATIENCE)


def test_the_map_as_a_command(panel, tab, loaded, click, qapp):
    panel.noise.level.distribution.setCurrentText("wide")
    click(tab.copy_map)
    assert qapp.clipboard().text() == "edm_triangle toxin"
    tab.map.recall({"measure": "share", "level": "atom"})
    click(tab.copy_map)
    assert qapp.clipboard().text() == "edm_triangle toxin, measure=share, level=atom, distribution=wide"
    tab.map.recall({"measure": "ratio"})
    assert not tab.map["level"].isEnabled()
    click(tab.copy_map)
    assert qapp.clipboard().text() == "edm_triangle toxin, measure=ratio"


# Scramble points


def test_scramble_points_follow_the_noise_tab(panel, tab, cmd, loaded, qtbot, click, qapp):
    for weights, distribution in (("current", "alphafold3"), ("2 3 4", "wide")):
        panel.noise.weights.set_weights(weights)
        panel.noise.level.distribution.setCurrentText(distribution)
        table = edm_scramble("toxin", weights, distribution, _self=cmd)
        expected = [f"{share:.1f}" for share in table["beyond"]]
        qtbot.waitUntil(lambda e=expected: all(x in words(tab.scramble) for x in e), timeout=PATIENCE)
        assert words(tab.scramble).startswith(f"{weights} weights, {distribution}")
        for z in table["z"]:
            assert f"{z:.2f}" in words(tab.scramble)
        click(tab.copy_scramble)
        assert qapp.clipboard().text() == f"edm_scramble toxin, weights={weights}, distribution={distribution}"


def test_a_level_that_never_gets_so_far(panel, tab, loaded, qtbot):
    panel.noise.weights.set_weights("1 0 0")
    qtbot.waitUntil(lambda: "never" in words(tab.scramble), timeout=PATIENCE)
    assert "nan" not in words(tab.scramble)


# The rest of a tab


def test_without_a_structure_each_part_says_what_to_do(panel, tab, qtbot):
    empty = "Load a structure to see what weights of chain, residue and atom do to it"
    qtbot.waitUntil(lambda: tab.triangle.message.text() == empty, timeout=PATIENCE)
    assert words(tab.found) == NOTHING
    assert words(tab.scramble) == "Load a structure to see at which noise its chains, residues and atoms are scrambled"
    for button in (tab.design, tab.use, tab.copy, tab.copy_map, tab.copy_scramble):
        assert not button.isEnabled()


def test_all_three_weights_0_are_told(panel, mapped, tab, qtbot):
    chart = mapped()
    panel.noise.weights.set_weights("flat")
    panel.noise.weights.spins["atom"].setValue(0)
    qtbot.waitUntil(lambda: "none negative, not all zero" in words(tab.scramble), timeout=PATIENCE)
    assert words(chart.readout) == "All three weights are 0"
    panel.noise.weights.set_weights("flat")
    qtbot.waitUntil(lambda: words(tab.scramble).startswith("flat"), timeout=PATIENCE)


def test_settings_are_remembered(tab):
    given = {
        "chain": "",
        "residue": "2.5",
        "atom": "1.25",
        "domain": "",
        "z": "-1",
        "measure": "scramble",
        "level": "atom",
    }
    folds = {"targets_fold": "0", "triangle_fold": "1", "scramble_fold": "0"}
    tab.recall({**given, **folds})
    assert tab.remembered() == {**given, **folds}


def test_every_control_has_a_name_and_a_tip(tab):
    from pymol.Qt import QtWidgets

    kinds = (QtWidgets.QAbstractButton, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox)
    controls = [w for w in tab.findChildren(QtWidgets.QWidget) if isinstance(w, kinds)]
    assert len(controls) > 10
    for control in controls:
        assert control.toolTip(), control
        assert control.accessibleName() or control.text(), control


def test_narrow_it_is_not_cut_off(panel, tab, loaded, made, click, mapped):
    made(lambda: click(tab.design))
    mapped("share")
    assert tab.minimumSizeHint().width() <= 340
    assert math.isfinite(tab.triangle.canvas.where(1, 0).x())


def test_a_tab_is_as_high_as_it_needs(panel, tab, loaded, qtbot):
    tall = panel.tabs.sizeHint().height()
    panel.tabs.setCurrentWidget(panel.noise)
    assert panel.tabs.sizeHint().height() < tall
