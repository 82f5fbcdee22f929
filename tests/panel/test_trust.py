"""Networks in the Sampling tab: typed or chosen as a file; a program is asked about in a window before it runs."""

import hashlib
import sys

import numpy as np
import pytest
import torch

from edmnoise.base.trust import trusted
from edmnoise.diffusion.denoisers.programs import write_program
from edmnoise_pymol.panel import open_panel
from edmnoise_pymol.panel.trust import TrustDialog
from edmnoise_pymol.panel.window import Dock

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own insides when it exports
PATIENCE = 60_000
MODULE = """
import torch
from torch import nn

class OneState(nn.Module):
    '''The posterior mean of one state, as it is turned: that state.'''

    def __init__(self, structure):
        super().__init__()
        y = torch.tensor(structure.coordinates)
        self.register_buffer("y", y - y.mean(0))

    def forward(self, x, sigma):
        keep = 1e-6 / (1e-6 + sigma**2)
        return self.y + keep[:, None, None] * (x - self.y)
"""


@pytest.fixture
def program(cmd, tmp_path, monkeypatch, structure_of):
    """A peptide "made", and a program of its atoms in a folder with a space in its name; nothing is trusted."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "known_state", raising=False)
    (tmp_path / "known_state.py").write_text(MODULE)
    cmd.fab("AGS", "made")
    structure = structure_of("made")
    import known_state

    example = {"x": torch.randn(2, structure.n_atoms, 3), "sigma": torch.ones(2)}
    shapes = {name: {0: torch.export.Dim("batch")} for name in example}
    exported = torch.export.export(known_state.OneState(structure), (), example, dynamic_shapes=shapes)
    (tmp_path / "my nets").mkdir()
    path = tmp_path / "my nets" / "net.pt2"
    write_program(path, exported, structure)
    return str(path)


@pytest.fixture
def sampling(cmd, panel):
    """The tab, shown, a short run set up."""
    panel.session.look()
    panel.tabs.setCurrentWidget(panel.sampling)
    panel.sampling.form["steps"].setValue(4)
    return panel.sampling


@pytest.fixture
def asked(panel, qtbot):
    """Do something that a program is asked about for: gives the window."""

    def wait(action):
        action()
        qtbot.waitUntil(lambda: bool(panel.findChildren(TrustDialog)), timeout=PATIENCE)
        (dialog,) = panel.findChildren(TrustDialog)
        return dialog

    return wait


def all_gone(panel):
    return not panel.findChildren(TrustDialog) and not panel.session.runner.busy


NETWORKS = {
    "denoiser=mine.nets:build": {"denoiser": "mine.nets:build"},
    "denoiser=mine:build, gives=residual, data_scales=16": {
        "denoiser": "mine:build",
        "gives": "residual",
        "data_scales": "16",
    },
    "denoiser=mine:build, gives=residual, rule=finite, data_scales=9 3 1": {
        "denoiser": "mine:build",
        "gives": "residual",
        "rule": "finite",
        "data_scales": "9 3 1",
    },
    "denoiser=net.safetensors": {"denoiser": "net.safetensors", "gives": "residual", "data_scales": "16"},
    'denoiser="my nets/net.pt2"': {"denoiser": "my nets/net.pt2", "state_weights": "1 2", "data_scales": "16"},
    "denoiser=kabsch": {"denoiser": "kabsch", "gives": "residual"},
}


@pytest.mark.parametrize("line", NETWORKS)
def test_networks_are_typed_and_what_is_not_theirs_is_left_out(program, sampling, line):
    sampling.form.recall(NETWORKS[line])
    sampling.fields.parts.recall({"motion": "network" if "kabsch" not in line else ""})
    assert str(sampling.request) == f"edm_sample made, {line}, steps=4"
    assert sampling.form["gives"].isVisible() == ("kabsch" not in line and "safetensors" not in line)
    assert sampling.form["data_scales"].isVisible() == ("gives" in line)
    assert ("a network has learned its own" in sampling.form["state_weights"].toolTip()) == ("kabsch" not in line)


def test_a_file_is_chosen_in_a_window_that_waits_for_nothing(program, sampling, qtbot):
    from pymol.Qt import QtWidgets

    button = sampling.fields.network.file
    button.click()
    (dialog,) = button.findChildren(QtWidgets.QFileDialog)
    assert not dialog.isModal()
    dialog.fileSelected.emit(program)
    dialog.close()
    qtbot.waitUntil(lambda: not button.findChildren(QtWidgets.QFileDialog), timeout=PATIENCE)
    assert sampling.request.options["denoiser"] == f'"{program}"'


def test_it_fits_a_narrow_panel(program, sampling):
    sampling.form.recall({"denoiser": program, "gives": "residual"})
    sampling.more.unfold()
    assert sampling.minimumSizeHint().width() <= 239


def test_what_is_refused_does_not_run_and_changes_nothing(program, sampling, panel, asked, refused, snapshot, qtbot):
    sampling.fields.network.choose(program)
    before = snapshot()
    dialog = asked(sampling.run.click)
    assert not dialog.isModal()
    assert dialog.path.text() == program
    with open(program, "rb") as handle:
        digest = hashlib.sha256(handle.read()).hexdigest()
    assert dialog.digest.text() == f"SHA-256: {digest}"
    sentence, details = refused(dialog.refuse.click)
    assert sentence == f"{program} is a program that you do not trust: nothing of it was run (SHA-256 {digest})"
    assert details == ""
    assert snapshot() == before
    assert trusted() == {}
    qtbot.waitUntil(lambda: all_gone(panel), timeout=PATIENCE)


def test_a_window_that_is_closed_says_no(program, sampling, asked, refused):
    sampling.fields.network.choose(program)
    dialog = asked(sampling.run.click)
    assert "do not trust" in refused(dialog.close)[0]


def test_what_is_trusted_runs_and_is_not_asked_about_again(
    program, sampling, panel, asked, made, coords, cmd, typed, frames_of, qapp
):
    sampling.fields.network.choose(program)
    sampling.form.recall({"steps": "8", "sigma_max": "50", "sigma_min": "0.01", "augment": "0"})
    sampling.copy.click()
    line = qapp.clipboard().text()
    dialog = asked(sampling.run.click)
    assert cmd.get_names("objects") == ["made"]
    (name,) = made(dialog.trust.click).names
    assert list(trusted().values()) == [program]
    assert np.abs(coords(name, cmd.count_states(name)) - coords("made")).max() < 0.002
    again = made(sampling.run.click).names[0]
    assert frames_of(again).tobytes() == frames_of(name).tobytes()
    typed(f"{line}, name=typed")
    assert frames_of("typed").tobytes() == frames_of(name).tobytes()


def test_cancelled_while_it_is_asked(program, sampling, panel, asked, qtbot, cmd):
    sampling.fields.network.choose(program)
    asked(sampling.run.click)
    with qtbot.waitSignal(panel.session.said, timeout=PATIENCE, check_params_cb=lambda w: w.startswith("cancelled")):
        panel.status.cancel.click()
    qtbot.waitUntil(lambda: all_gone(panel), timeout=PATIENCE)
    assert cmd.get_names("objects") == ["made"]
    assert trusted() == {}


def test_the_panel_is_closed_while_it_is_asked(program, window, cmd, qtbot, settings):
    dock = open_panel(cmd)
    dock.panel.session.look()
    tab = dock.panel.sampling
    tab.fields.network.choose(program)
    tab.run.click()
    qtbot.waitUntil(lambda: bool(dock.panel.findChildren(TrustDialog)), timeout=PATIENCE)
    dock.close()
    qtbot.waitUntil(lambda: not window.findChildren(Dock), timeout=PATIENCE)
    assert cmd.get_names("objects") == ["made"]
    assert trusted() == {}
