"""The pickers follow PyMOL, count as the commands do, and say why a selection cannot be used."""

import pytest

from edmnoise.structure.structure import describe

PATIENCE = 60_000


@pytest.fixture
def pickers(panel):
    return panel.pickers


@pytest.fixture
def typed_in(pickers, qtbot):
    """Type a selection as a person does, and wait until it was read."""

    def enter(words):
        pickers.selection.clear()
        qtbot.keyClicks(pickers.selection, words)
        qtbot.waitUntil(lambda: not pickers._pause.isActive(), timeout=PATIENCE)
        return pickers.counts.text()

    return enter


def test_the_counts_are_those_of_the_structure(pickers, loaded, toxin):
    assert pickers.counts.text() == describe(toxin.hierarchy) == "7 chains, 712 residues, 5,469 atoms"
    pickers.solvent.click()
    pickers.read()
    assert pickers.counts.text().endswith("5,684 atoms")
    assert pickers._session.input.options == {"solvent": "1"}


def test_hydrogens_in_or_out(pickers, panel, cmd):
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    panel.session.look()
    with_hydrogens = cmd.count_atoms("il2 and not solvent")
    assert pickers.counts.text().endswith(f"{with_hydrogens:,} atoms")
    pickers.hydrogens.click()
    pickers.read()
    assert pickers.counts.text().endswith(f"{cmd.count_atoms('il2 and not solvent and not hydrogens'):,} atoms")
    assert pickers._session.input.options == {"hydrogens": "0"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("chain Z", "holds no atoms"),
        ("nonsense nonsense", "cannot be read"),
        ("resn HOH", "nothing but solvent: keep them with solvent=1"),
        ("chain A or (", ""),
    ],
)
def test_a_bad_selection_turns_amber_with_its_reason(pickers, panel, loaded, typed_in, words, reason):
    said = typed_in(words)
    assert reason in said
    assert said == pickers.selection.toolTip()
    assert "#f0a830" in pickers.selection.styleSheet()
    assert panel.session.input is None
    assert not panel.noise.apply.isEnabled()
    assert typed_in("chain A and resi 4-35") == "1 chain, 32 residues, 253 atoms"
    assert pickers.selection.styleSheet() == ""
    assert panel.noise.apply.isEnabled()


def test_objects_come_and_go(pickers, panel, cmd, loaded):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    panel.session.look()
    assert [pickers.object.itemText(i) for i in range(pickers.object.count())] == ["toxin", "pept"]
    assert pickers.object.currentText() == "toxin"
    cmd.delete("toxin")
    panel.session.look()
    assert pickers.object.currentText() == "pept"
    assert panel.session.input.object == "pept"
    cmd.reinitialize()
    panel.session.look()
    assert pickers.object.count() == 0
    assert panel.session.input is None
    assert pickers.counts.text().startswith("no structure is loaded")


def test_a_renamed_object_stays_chosen(pickers, panel, cmd, loaded):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    panel.session.look()
    cmd.set_name("toxin", "cholera")
    panel.session.look()
    assert pickers.object.currentText() == "cholera"
    assert panel.session.input.selection == "cholera"


def test_atoms_removed_in_pymol_are_counted_anew(pickers, panel, cmd, loaded):
    cmd.remove("toxin and not (chain A and resi 4-35)")
    panel.session.look()
    assert pickers.counts.text() == "1 chain, 32 residues, 253 atoms"


def test_the_state_that_is_shown_and_one_by_number(pickers, panel, cmd, mda):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    panel.session.look()
    assert pickers.state.maximum() == 24
    assert panel.session.input.options == {}
    pickers.state.setValue(3)
    pickers.read()
    assert panel.session.input.options == {"state": "3"}


def test_the_panel_follows_by_itself(panel, cmd, qtbot):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    qtbot.waitUntil(lambda: panel.pickers.object.currentText() == "pept", timeout=PATIENCE)
