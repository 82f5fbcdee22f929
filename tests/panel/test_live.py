"""What moves live is alone in the picture, made of the atoms that are chosen, and described beside it; its end hides
nothing."""

import numpy as np
import pytest

from edmnoise.noise.process import PROCESSES, NamedProcess
from edmnoise.noise.processes.multiscale import MultiscaleNoise

PATIENCE = 60_000


@pytest.fixture
def go_live(panel, loaded, qtbot):
    """Press Live and wait for the copy."""

    def press():
        panel.noise.live.click()
        qtbot.waitUntil(lambda: panel.session.live is not None, timeout=PATIENCE)
        return panel.session.live

    return press


@pytest.fixture
def anew(panel, qtbot):
    """Do something, and wait for the copy that follows the one that is live."""

    def wait(act):
        before = panel.session.live
        act()
        qtbot.waitUntil(lambda: panel.session.live not in (None, before), timeout=PATIENCE)
        return panel.session.live

    return wait


def shown(cmd):
    return cmd.get_names("objects", enabled_only=1)


def test_it_is_alone_in_the_picture_and_gives_it_back(panel, cmd, loaded, made, go_live):
    result = made(panel.noise.apply.click)
    assert shown(cmd) == [result.name]
    live = go_live()
    assert shown(cmd) == [live.name]
    panel.noise.live.click()
    assert shown(cmd) == [result.name]
    assert cmd.get_names("objects") == [loaded, result.name]


@pytest.mark.parametrize(
    ("act", "atoms"),
    [
        (lambda p: p.pickers.selection.setText("chain A and resi 4-35"), "toxin and chain A and resi 4-35"),
        (lambda p: p.pickers.solvent.setChecked(True), "toxin"),
        (lambda p: p.pickers.hydrogens.setChecked(False), "toxin and not solvent and not hydrogens"),
    ],
)
def test_the_chosen_atoms_are_live_at_once(panel, cmd, loaded, go_live, anew, act, atoms):
    cmd.h_add("toxin and chain D and resi 1-5")
    panel.session.look()
    go_live()
    live = anew(lambda: act(panel))
    assert live.name == "toxin_live"
    assert shown(cmd) == ["toxin_live"]
    assert cmd.count_atoms("toxin_live") == cmd.count_atoms(atoms)


def test_the_chosen_state_is_live_at_once(panel, cmd, loaded, go_live, anew, coords):
    cmd.create(loaded, loaded, 1, 2)
    cmd.translate([5, 0, 0], loaded, 2, camera=0)
    panel.session.look()
    go_live()
    live = anew(lambda: panel.pickers.state.setValue(2))
    assert np.allclose(live.structure.coordinates, coords("toxin and not solvent", 2))


def test_words_that_cannot_be_read_leave_it_as_it_is(panel, cmd, go_live, qtbot):
    live = go_live()
    panel.pickers.selection.setText("chain (")
    qtbot.waitUntil(lambda: panel.session.input is None, timeout=PATIENCE)
    assert panel.session.live is live
    assert shown(cmd) == [live.name]


def test_another_object_is_live_instead(panel, cmd, go_live, anew):
    cmd.create("other", "toxin and chain A")
    panel.session.look()
    go_live()
    live = anew(lambda: panel.pickers.choose("other"))
    assert live.name == "other_live"
    assert shown(cmd) == ["toxin", "other_live"]
    panel.noise.live.click()
    assert shown(cmd) == ["toxin", "other"]


def test_it_is_not_offered_as_input(panel, cmd, go_live):
    go_live()
    offered = [panel.pickers.object.itemText(row) for row in range(panel.pickers.object.count())]
    assert offered == ["toxin"]


@pytest.mark.parametrize("gone", ["toxin_live", "toxin"])
def test_its_end_hides_nothing_and_is_told(panel, cmd, go_live, qtbot, gone):
    go_live()
    cmd.delete(gone)
    qtbot.waitUntil(lambda: panel.session.live is None, timeout=PATIENCE)
    assert cmd.get_names("objects") == [name for name in ("toxin",) if name != gone]
    assert shown(cmd) == cmd.get_names("objects")
    assert not panel.noise.live.isChecked()
    assert panel.status.message.text() == f"live has ended: {gone} is gone"


def test_a_renamed_source_is_followed(panel, cmd, go_live, anew):
    go_live()
    live = anew(lambda: cmd.set_name("toxin", "poison"))
    assert live.name == "poison_live"
    assert panel.status.message.text() == "live: poison_live shows frame 1 of seed 0"
    panel.noise.live.click()
    assert cmd.get_names("objects") == shown(cmd) == ["poison"]
    assert panel.status.message.text() == "ready"


def test_a_renamed_copy_is_the_users(panel, cmd, go_live, qtbot):
    go_live()
    cmd.set_name("toxin_live", "mine")
    qtbot.waitUntil(lambda: panel.session.live is None, timeout=PATIENCE)
    assert sorted(shown(cmd)) == ["mine", "toxin"]
    assert panel.status.message.text() == "live has ended: toxin_live is mine now, and yours"


def test_what_it_hid_may_go_or_get_another_name(panel, cmd, loaded, made, go_live):
    result = made(panel.noise.apply.click)
    go_live()
    cmd.set_name(result.name, "frames")
    panel.session.look()
    panel.noise.live.click()
    assert shown(cmd) == ["frames"]
    go_live()
    cmd.delete("frames")
    panel.session.look()
    panel.noise.live.click()
    assert shown(cmd) == ["toxin"]


def test_undo_in_the_meantime_brings_nothing_in_front(panel, cmd, loaded, made, go_live):
    made(panel.noise.apply.click)
    live = go_live()
    panel.session.undo()
    assert shown(cmd) == [live.name]
    panel.noise.live.click()
    assert shown(cmd) == ["toxin"]


def test_undo_goes_back_to_the_frame_that_was_shown(panel, cmd, loaded, made):
    for state in (2, 3, 4):
        cmd.create(loaded, loaded, 1, state)
    cmd.frame(3)
    panel.session.look()
    made(panel.noise.apply.click)
    assert cmd.get_frame() == 2
    panel.status.undo.click()
    assert cmd.get_frame() == 3
    assert shown(cmd) == [loaded]


def test_undo_knows_what_it_made_by_its_new_name(panel, cmd, loaded, made):
    result = made(panel.noise.apply.click)
    cmd.set_name(result.name, "mine")
    panel.session.look()
    assert panel.session.shown == "mine"
    panel.status.undo.click()
    assert cmd.get_names("objects") == [loaded]


def test_news_of_what_is_gone_are_none(panel, cmd, loaded, made):
    result = made(panel.noise.apply.click)
    assert panel.status.message.text() == f"{result.name}: reference and 10 frames"
    cmd.delete(result.name)
    panel.session.look()
    assert panel.status.message.text() == "ready"


def levels_point(panel):
    (point,) = [p for p in panel.plots.levels._levels.points if p.object == panel.session.live.name]
    return point


def test_plots_and_table_are_about_what_moves_not_about_earlier_frames(
    panel, cmd, loaded, made, go_live, qtbot, coords
):
    """Frame 1 of the same draw, measured by PyMOL's and the library's usual ways, is what the plots say of Live."""
    panel.noise.weights.set_weights("current")
    panel.noise.frames.setValue(1)
    result = made(panel.noise.apply.click)
    table = result.table
    panel.noise.weights.set_weights("rebalanced")
    live = go_live()
    shown = panel.plots.levels._shown
    levels = panel.plots.levels
    qtbot.waitUntil(lambda: levels.full and levels._levels.about == "toxin_live, rebalanced", timeout=PATIENCE)
    panel.noise.weights.set_weights("current")
    panel.noise.level.z.setValue(1)
    sigma = panel.noise.level.value
    qtbot.waitUntil(
        lambda: panel.plots.levels._levels.about == "toxin_live, current" and levels_point(panel).sigma == sigma,
        timeout=PATIENCE,
    )
    frame = coords(live.name, 1)
    rows = [table["displacement"].index(line.label) for line in panel.plots.levels._levels.lines]
    expected = [table["measured"][row] * sigma / result.provenance.sigma for row in rows]
    assert levels_point(panel).measured == pytest.approx(expected, rel=1e-4)
    panel.plots.choose("sequence")
    qtbot.waitUntil(lambda: panel.plots.sequence.full, timeout=PATIENCE)
    moved = frame - live.structure.coordinates
    chain, residue = live.structure.hierarchy.ancestors(0, 2), live.structure.hierarchy.ancestors(0, 1)
    first = residue == shown.measured.order[0]
    inside = moved[first].mean(0) - moved[chain == chain[first][0]].mean(0)
    assert shown.measured.mean[0] == pytest.approx(np.sqrt((inside**2).mean()), rel=1e-3)

    panel.views.setCurrentWidget(panel.results)
    qtbot.waitUntil(lambda: panel.results.table is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: f"sigma {sigma:.4g} A" in panel.results.title.text(), timeout=PATIENCE)
    column = panel.results.table["displacement"].index("atom")
    assert panel.results.table["measured"][column] == pytest.approx(np.sqrt((moved**2).mean()), rel=1e-4)
    assert panel.results.request is None
    panel.noise.live.click()
    qtbot.waitUntil(lambda: panel.results.request is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: panel.results.title.text() == table.title, timeout=PATIENCE)


def colours(cmd, name):
    found = []
    cmd.iterate(name, "found.append(color)", space={"found": found})
    return found


def test_live_colours_by_displacement_if_wished(panel, cmd, loaded, go_live):
    cmd.color("red", loaded)
    live = go_live()
    assert colours(cmd, live.name) == colours(cmd, loaded + " and not solvent")
    panel.noise.level.z.setValue(-3)
    panel.noise.shaking.coloured.setChecked(True)
    low = colours(cmd, live.name)
    panel.noise.level.z.setValue(0)
    high = colours(cmd, live.name)
    assert len(set(low)) > 1
    assert low != high
    assert panel.colours.legend.isVisible() == panel.colours.isVisible()
    panel.noise.weights.set_weights("current")
    assert colours(cmd, live.name) != high
    panel.noise.level.z.setValue(-3)
    panel.noise.weights.set_weights("flat")
    assert colours(cmd, live.name) == low
    panel.noise.shaking.coloured.setChecked(False)
    assert colours(cmd, live.name) == colours(cmd, loaded + " and not solvent")
    assert set(colours(cmd, loaded)) == {cmd.get_color_index("red")}


def test_its_colour_is_that_of_the_residues_displacement(panel, cmd, go_live, coords):
    """An oracle of its own: residues' centroids relative to their chain's, on the palette's ends."""
    panel.noise.level.z.setValue(-1)
    panel.noise.shaking.coloured.setChecked(True)
    live = go_live()
    moved = coords(live.name, 1) - live.structure.coordinates
    chain, residue = live.structure.hierarchy.ancestors(0, 2), live.structure.hierarchy.ancestors(0, 1)
    inside = np.array([moved[residue == r].mean(0) for r in range(residue.max() + 1)])
    inside -= np.array([moved[chain == c].mean(0) for c in range(chain.max() + 1)])[chain[live.structure.first_atoms]]
    far = np.sqrt((inside**2).mean(1))
    found = np.array(colours(cmd, live.name))[live.structure.first_atoms]
    order = np.argsort(far)
    red = (found[order] >> 16) & 255
    assert (np.diff(red) >= 0).all()  # in this palette's lower half, red grows with the value
    assert len(set(found.tolist())) > 20


def test_ribbon_is_offered_where_the_cartoon_is_what_is_slow(panel, cmd, loaded, made, go_live, monkeypatch):
    from edmnoise_pymol.panel.tabs import ribbon

    cmd.show_as("cartoon", loaded)
    go_live()
    assert not panel.status.offer.isVisible()
    panel.noise.live.click()
    monkeypatch.setattr(ribbon, "MANY", 1_000)
    live = go_live()
    assert panel.status.message.text().startswith(f"{live.name}: PyMOL builds the cartoon of 5,")
    assert panel.status.offer.isVisible()
    panel.status.offer.click()
    assert cmd.count_atoms(f"{live.name} and rep ribbon") > 5_000
    assert cmd.count_atoms(f"{live.name} and rep cartoon") == 0
    assert cmd.count_atoms(f"{loaded} and rep ribbon") == 0
    assert panel.status.message.text() == f"{live.name} is drawn as ribbon"
    assert not panel.status.offer.isVisible()
    result = made(panel.noise.apply.click)
    assert panel.status.message.text().startswith(f"{result.name}: PyMOL builds the cartoon of 5,")


class Mirrored(MultiscaleNoise):
    """The same law from the opposite numbers."""

    def frames(self, *given):
        return -super().frames(*given)


def test_another_process_moves_it_at_once(panel, cmd, go_live, coords, monkeypatch):
    """Its name is typed letter by letter: what is no process yet leaves it as it is."""
    live, process = go_live(), panel.noise.process
    rest, first = live.structure.coordinates, coords(live.name)
    assert np.abs(first - rest).max() > 1
    monkeypatch.setitem(
        PROCESSES, "mirrored", NamedProcess(f"{__name__}:Mirrored", "the opposite numbers", weighted=True)
    )
    process.setEditText("mirr")
    np.testing.assert_array_equal(coords(live.name), first)
    process.setEditText("mirrored")
    np.testing.assert_allclose(coords(live.name) - rest, rest - first, atol=2e-5)
    assert str(panel.noise.request).endswith("process=mirrored")
    process.setEditText("mirrored slope=2")
    np.testing.assert_allclose(coords(live.name) - rest, rest - first, atol=2e-5)
    process.setEditText("multiscale")
    np.testing.assert_array_equal(coords(live.name), first)


def test_atoms_that_stay(panel, cmd, loaded, made, go_live, anew, coords, atoms, frames_of, qtbot):
    """What is named moves as it would, the rest keeps its place; plots and table are of what moves; Apply makes it."""
    from pymol.Qt import QtCore

    move = panel.noise.move
    before = go_live()
    whole = coords(before.name)
    move.setText("chain A")
    assert panel.session.live is before  # while it is being typed
    live = anew(lambda: qtbot.keyClick(move, QtCore.Qt.Key.Key_Return))
    now, rest = coords(live.name), coords(f"{loaded} and not solvent")
    mask = np.array(atoms(f"%{live.name}", "chain")) == "A"
    assert np.array_equal(now[~mask], rest[~mask])
    np.testing.assert_allclose(now[mask], whole[mask], atol=2e-5)
    panel.noise.level.slider.setValue(-100)
    assert not np.array_equal(coords(live.name)[mask], now[mask])
    assert np.array_equal(coords(live.name)[~mask], rest[~mask])
    result = made(panel.noise.apply.click)
    assert np.array_equal(frames_of(result.name)[0][~mask], rest[~mask])
    assert result.provenance.moved == mask.sum()


def test_atoms_that_are_not_there_end_it_in_one_sentence(panel, cmd, loaded, go_live, refused, qtbot):
    from pymol.Qt import QtCore

    go_live()
    panel.noise.move.setText("chain Z")
    sentence, details = refused(lambda: qtbot.keyClick(panel.noise.move, QtCore.Qt.Key.Key_Return))
    assert sentence.startswith("move is 'chain Z', which names none of the ")
    assert details == ""
    assert not panel.noise.live.isChecked()
    assert cmd.get_names("objects") == [loaded]
    assert shown(cmd) == [loaded]
