"""What a person meets first: controls in sight, room for the molecule, nothing that changes under the wheel."""

import pytest

from edmnoise_pymol.panel import open_panel

PATIENCE = 60_000
SIZES = [(860, 726), (1280, 720)]
"""PyMOL's own window, and a small screen."""


@pytest.fixture(params=SIZES, ids="{0[0]}".format)
def sized(request, window, cmd, qtbot, settings):
    """PyMOL's window in a size that people have, the panel in it for the first time."""
    before = window.size()
    window.resize(*request.param)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == request.param, timeout=PATIENCE)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
    dock = open_panel(cmd)
    dock.panel.session.look()
    yield dock
    dock.close()
    window.resize(before)


def seen(widget, panel):
    """Whether all of a widget is where it can be seen."""
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


def first_controls(panel):
    noise = panel.noise
    return noise.level.slider, noise.level.z, noise.level.sigma, noise.live, noise.apply


def test_z_live_and_apply_are_in_sight_and_the_molecule_keeps_half_of_the_window(sized, window, qtbot):
    panel, view = sized.panel, window.pymolwidget
    qtbot.waitUntil(lambda: all(seen(widget, panel) for widget in first_controls(panel)), timeout=PATIENCE)
    assert 2 * view.width() * view.height() >= window.width() * window.height()
    assert 2 * view.width() >= window.width()
    assert not panel.shelf.opened


def test_they_stay_in_sight_when_the_lower_part_opens_with_the_first_frames(sized, window, qtbot):
    panel, view = sized.panel, window.pymolwidget
    panel.noise.frames.setValue(2)
    with qtbot.waitSignal(panel.session.made, timeout=PATIENCE):
        panel.noise.apply.click()
    assert panel.shelf.opened
    qtbot.waitUntil(lambda: panel.plots.chart.isVisible(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: all(seen(widget, panel) for widget in first_controls(panel)), timeout=PATIENCE)
    assert 2 * view.width() * view.height() >= window.width() * window.height()


@pytest.mark.parametrize("tab", ["noise", "sampling", "design", "training"])
def test_no_tab_is_wider_than_what_is_seen_of_it(sized, tab, qtbot):
    panel = sized.panel
    panel.shelf.open()
    open_panel(tab=tab)
    area = panel.split.widget(0)
    qtbot.waitUntil(lambda: area.widget().width() <= area.viewport().width(), timeout=PATIENCE)


def test_a_folded_part_opens_by_its_tab_and_stays_folded_when_it_was_folded_by_hand(panel, loaded, made, qtbot):
    from pymol.Qt import QtCore

    bar = panel.views.tabBar()

    def click(tab):
        qtbot.mouseClick(bar, QtCore.Qt.MouseButton.LeftButton, pos=bar.tabRect(tab).center())

    click(1)
    assert panel.shelf.opened
    assert panel.views.currentIndex() == 1
    click(1)
    assert not panel.shelf.opened
    made(panel.noise.apply.click)
    assert not panel.shelf.opened
    click(0)
    assert panel.shelf.opened
    assert panel.plots.isVisible()


def test_what_is_folded_draws_nothing(panel, loaded, qtbot):
    assert not panel.plots.isVisible()
    assert not panel.plots.levels.full


def test_the_wheel_turns_nothing_that_it_passes_over(panel, loaded, made, qtbot, qapp, window):
    from pymol.Qt import QtCore, QtGui, QtWidgets

    from edmnoise_pymol.panel.controls import form

    made(panel.noise.apply.click)

    def wheel(widget):
        middle = QtCore.QPointF(widget.rect().center())
        spot = QtCore.QPointF(widget.mapToGlobal(widget.rect().center()))
        turn = QtCore.QPoint(0, -120)
        buttons, keys = QtCore.Qt.MouseButton.NoButton, QtCore.Qt.KeyboardModifier.NoModifier
        phase = QtCore.Qt.ScrollPhase.NoScrollPhase
        qapp.sendEvent(widget, QtGui.QWheelEvent(middle, spot, turn, turn, buttons, keys, phase, False))

    def held(control):
        return control.value() if isinstance(control, QtWidgets.QAbstractSlider) else form.text_of(control)

    kinds = (QtWidgets.QSlider, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox)
    controls = [control for kind in kinds for control in panel.findChildren(kind)]
    assert len(controls) > 40
    qapp.focusWidget() and qapp.focusWidget().clearFocus()
    before = [held(control) for control in controls]
    for control in controls:
        wheel(control)
    assert [held(control) for control in controls] == before
    window.activateWindow()
    panel.noise.level.slider.setFocus()
    qtbot.waitUntil(panel.noise.level.slider.hasFocus, timeout=PATIENCE)
    wheel(panel.noise.level.slider)
    assert panel.noise.level.slider.value() != 0


def test_a_long_name_widens_nothing(panel, cmd, loaded, made, qtbot, window):
    dock = panel.parent()
    panel.shelf.open()
    narrowest, wide = dock.minimumSizeHint().width(), dock.width()
    name = "a_structure_whose_name_is_longer_than_any_panel_is_wide_" * 3
    cmd.set_name("toxin", name)
    panel.session.look()
    result = made(panel.noise.apply.click)
    assert result.name.startswith(name)
    for view in range(panel.views.count()):
        panel.views.setCurrentIndex(view)
        for tab in range(panel.tabs.count()):
            panel.tabs.setCurrentIndex(tab)
            qtbot.waitUntil(lambda: panel.session._reader.busy is False, timeout=PATIENCE)
            assert dock.minimumSizeHint().width() == narrowest
            assert dock.width() == wide
    message = panel.status.message
    assert message.text() == f"{result.name}: reference and 10 frames"
    assert message.text() in message.toolTip()
    words = super(type(message), message).text()
    assert words.endswith(": reference and 10 frames") or "reference" in words
    assert "…" in words
    assert result.name not in words


def test_sizes_that_were_dragged_are_there_next_time(window, cmd, qtbot, qapp, settings):
    from pymol.Qt import QtCore, QtGui

    from edmnoise_pymol.panel.window import Dock

    def drag(widget, spot, by):
        left, keys, kinds = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier, QtCore.QEvent.Type
        for kind, share in ((kinds.MouseButtonPress, 0), (kinds.MouseMove, 1), (kinds.MouseMove, 2)):
            at = QtCore.QPointF(spot + by * share / 2)
            event = QtGui.QMouseEvent(
                kind, at, at + QtCore.QPointF(widget.mapToGlobal(QtCore.QPoint())), left, left, keys
            )
            qapp.sendEvent(widget, event)
            qapp.processEvents()  # Qt moves the border when it has the time
        qtbot.mouseRelease(widget, left, pos=spot + by)

    dock = open_panel(cmd)
    panel = dock.panel
    panel.shelf.open()
    qtbot.waitUntil(lambda: panel.plots.isVisible() and panel.split.handle(1).isVisible(), timeout=PATIENCE)
    was = dock.width()
    drag(window, QtCore.QPoint(dock.x() - 3, dock.y() + 300), QtCore.QPoint(-60, 0))
    qtbot.waitUntil(lambda: dock.width() > was + 30, timeout=PATIENCE)
    high = panel.shelf.height()
    handle = panel.split.handle(1)
    drag(handle, handle.rect().center(), QtCore.QPoint(0, -80))
    qtbot.waitUntil(lambda: panel.shelf.height() > high, timeout=PATIENCE)
    wide, sizes = dock.width(), panel.split.sizes()
    qtbot.waitUntil(lambda: panel.session.settings.read("sizes").get("width") == str(wide), timeout=PATIENCE)
    dock.close()
    qtbot.waitUntil(lambda: not window.findChildren(Dock), timeout=PATIENCE)
    dock = open_panel(cmd)
    qtbot.waitUntil(lambda: dock.width() == wide, timeout=PATIENCE)
    dock.panel.shelf.open()
    qtbot.waitUntil(lambda: dock.panel.split.sizes() == sizes, timeout=PATIENCE)
    dock.close()
    qtbot.waitUntil(lambda: not window.findChildren(Dock), timeout=PATIENCE)


def test_try_it_ends_with_a_molecule_that_moves_alone_and_whole(cmd, window, qtbot):
    from edmnoise_pymol import menu
    from edmnoise_pymol.scene import ask

    menu.try_it()
    qtbot.waitUntil(lambda: ask.playing(cmd), timeout=PATIENCE)
    (name,) = cmd.get_names("objects", enabled_only=1)
    assert name.endswith("_noise")
    assert cmd.count_states(name) == 21
    view = cmd.get_view()
    cmd.zoom(name, state=0)
    assert cmd.get_view() == pytest.approx(view, abs=1e-3)
    qtbot.waitUntil(lambda: cmd.get_frame() > 3, timeout=PATIENCE)
    first = cmd.get_frame()
    qtbot.waitUntil(lambda: cmd.get_frame() != first, timeout=PATIENCE)
    cmd.mstop()


def test_the_readmes_first_command_ends_so_too(cmd, window, qtbot):
    import re
    from pathlib import Path

    from edmnoise_pymol.scene import ask

    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for line in re.findall(r"^PyMOL> (.*)$", readme, re.MULTILINE):
        cmd.do(line)
    qtbot.waitUntil(lambda: ask.playing(cmd), timeout=PATIENCE)
    assert cmd.get_names("objects", enabled_only=1) == ["1tii_noise"]
    qtbot.waitUntil(lambda: cmd.get_frame() > 3, timeout=PATIENCE)
    cmd.mstop()
