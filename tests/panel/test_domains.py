"""An input with domains has four weights in the panel, one without has three: what is shown is what is run."""

import pytest

from edmnoise_pymol import edm_domains


@pytest.fixture
def domains(cmd, loaded, panel, qtbot):
    """The loaded object with two domains, as the panel has seen it."""
    cmd.remove("not (chain A and resi 1-80)")
    edm_domains(loaded, "A:1-40 | rest")
    qtbot.waitUntil(lambda: panel.session.input is not None and panel.session.input.domains > 0)
    return loaded


def shown(widget):
    return widget.isVisibleTo(widget.window())


def test_three_weights_without_domains(panel, loaded):
    weights = panel.noise.weights
    assert not shown(weights.spins["domain"])
    assert not shown(weights.sliders["domain"])
    weights.spins["domain"].setValue(3)  # left from another object
    assert weights.text == "flat"
    assert len(weights.weights.by_name) == 3


def test_the_fourth_weight_is_made_and_measured(panel, cmd, domains, made):
    weights = panel.noise.weights
    assert shown(weights.spins["domain"])
    assert "2 domains" in panel.session.input.census
    for level, value in {"chain": 4, "domain": 3, "residue": 2, "atom": 1}.items():
        weights.spins[level].setValue(value)
    assert weights.text == "4 3 2 1"
    panel.noise.level.z.setValue(-1)
    panel.noise.frames.setValue(4)
    assert str(panel.noise.request) == f"edm_noise {domains}, z=-1, weights=4 3 2 1, frames=4"
    result = made(panel.noise.apply.click)
    assert list(result.provenance.noise.weights.by_name) == ["chain", "domain", "residue", "atom"]
    assert "domain in chain" in result.table["displacement"]
    assert panel.noise.weights.bar.shares["domain"] == pytest.approx(0.3)


def test_presets_have_no_share_of_domains(panel, domains):
    panel.noise.weights.set_weights("4 3 2 1")
    panel.noise.weights.set_weights("rebalanced")
    assert panel.noise.weights.text == "rebalanced"
    assert panel.noise.weights.spins["domain"].value() == 0


def test_domains_that_go_take_their_weight_along(panel, cmd, domains, qtbot):
    panel.noise.weights.set_weights("4 3 2 1")
    edm_domains(domains, "none")
    qtbot.waitUntil(lambda: panel.session.input is not None and panel.session.input.domains == 0)
    assert panel.noise.weights.text == "4 2 1"
    assert not shown(panel.noise.weights.spins["domain"])


def test_live_moves_domains(panel, cmd, domains, qtbot, coords):
    panel.noise.weights.set_weights("0 1 0 0")
    panel.noise.live.click()
    qtbot.waitUntil(lambda: panel.session.live is not None, timeout=60_000)
    moved = coords(f"{domains}_live") - coords(domains)
    own = coords(f"{domains}_live and resi 1-40") - coords(f"{domains} and resi 1-40")
    assert abs(own - own[0]).max() < 1e-4  # one shift for the domain
    assert abs(moved - moved[0]).max() > 0.1  # and another for the other one
    panel.noise.close_live()


def test_a_design_has_a_target_for_domains(panel, cmd, domains, made):
    panel.tabs.setCurrentWidget(panel.design)
    targets = panel.design.targets
    for level, value in {"chain": 0, "domain": 2, "residue": 1.5, "atom": 1}.items():
        targets[level].setValue(value)
    assert str(panel.design.request) == f"edm_design {domains}, residue=1.5, atom=1, domain=2"
    result = made(panel.design.design.click)
    assert result.design.parts[2] == pytest.approx(2, rel=1e-3)
    assert "domain" in panel.design.found.text()
    panel.design.use.click()
    assert len(panel.noise.weights.text.split()) == 4


def test_colours_offer_domains_where_there_are_any(panel, cmd, domains, made):
    made(panel.noise.apply.click)
    level = panel.colours.level
    assert level.model().item(level.findText("domain")).isEnabled()
    level.setCurrentText("domain")
    colouring = made(panel.colours.apply.click)
    assert "domain in chain" in str(colouring)
