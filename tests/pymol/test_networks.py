"""denoiser= takes a user's own network in a real PyMOL: what it says is sampled, and what is wrong is one line."""

import sys

import numpy as np
import pytest
import torch

from edmnoise.base.trust import trusted
from edmnoise.diffusion.denoisers.programs import write_program
from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.train import Trainer, Training
from edmnoise_pymol import edm_compare, edm_judge, edm_sample

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own insides when it exports

RUN = "steps=8, sigma_max=50, sigma_min=0.01, augment=0"  # the network knows its state as it is turned
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

def build(structure):
    return OneState(structure)

def scaled(structure):
    '''Its residual, for EDM's own coefficients of sigma_data 5.'''
    state = OneState(structure)
    def residual(x, sigma):
        root = (sigma**2 + 25).sqrt()[:, None, None]
        noisy = x * root
        level = sigma[:, None, None]
        return (state(noisy, sigma) - 25 / root**2 * noisy) * root / (5 * level)
    return residual

def failing(structure):
    state = OneState(structure)
    def network(x, sigma):
        return state(x, sigma) / ((sigma < 0.06) | (sigma > 1) | (sigma < -1))[:, None, None]
    return network

def raising(structure):
    state = OneState(structure)
    def network(x, sigma):
        if 0.06 < sigma[0] < 1:
            raise RuntimeError("out of memory")
        return state(x, sigma)
    return network

def broken(structure):
    return lambda x, sigma: x[:, :2]
"""


@pytest.fixture
def made(cmd, tmp_path, monkeypatch, structure_of):
    """A peptide, a module that builds networks of it, and a program and a checkpoint in the current folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "one_state", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one_state.py").write_text(MODULE)
    cmd.fab("AGSDF", "made")
    structure = structure_of("made")
    import one_state

    example = {"x": torch.randn(2, structure.n_atoms, 3), "sigma": torch.ones(2)}
    shapes = {name: {0: torch.export.Dim("batch")} for name in example}
    program = torch.export.export(one_state.build(structure), (), example, dynamic_shapes=shapes)
    write_program("net.pt2", program, structure)
    return structure


def ends(result):
    """The final samples about their centres."""
    return result.run.final - result.run.final.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "network",
    [
        "denoiser=one_state:build",
        "denoiser=one_state:scaled, gives=residual, data_scales=5",
        "denoiser=net.pt2, trust=1",
    ],
)
def test_it_samples_what_the_network_says(made, cmd, typed, coords, network):
    said = typed(f"edm_sample made, {RUN}, {network}")
    assert "turning error" in said
    assert "mirror error" in said
    ours = coords("made")
    found = coords("made_sample", cmd.count_states("made_sample"))
    assert np.abs(found - ours).max() < 0.002


def test_a_program_is_trusted_once(made, typed, refusal):
    line = f"edm_sample made, {RUN}, denoiser=net.pt2"
    assert "give trust=1 once (SHA-256 " in refusal(line)
    typed(f"{line}, trust=1")
    assert len(trusted()) == 1
    typed(line)


def test_a_checkpoint_of_our_own(made, typed, refusal):
    training = Trainer(Ensemble(made, np.stack([made.coordinates, -made.coordinates])), Training(steps=2, batch=2))
    for _ in training.run():
        pass
    training.save("net.safetensors")
    result = edm_sample("made", denoiser="net.safetensors", steps=3)
    assert np.isfinite(ends(result)).all()
    assert "net.safetensors: trained for 2 steps with the noise flat and the rule finite" in result.notes
    assert "is a checkpoint, which knows" in refusal(
        "edm_sample made, denoiser=net.safetensors, gives=residual, data_scales=5"
    )


def test_compared_beside_each_other(made):
    result = edm_compare("made", weights="flat", sampler="euler | heun", steps=4, denoiser="one_state:build")
    assert sum("turning error" in note for note in result.notes) == 1
    assert len(result.table) == 2


def test_denoisers_beside_each_other_and_what_their_samples_are_worth(made, typed, tmp_path):
    """Each as it is alone, and judged as edm_judge does."""
    scaled = "one_state:scaled gives=residual data_scales=5"
    line = f"edm_compare made, flat, heun, steps=8, samples=3, denoiser=states | one_state:build | {scaled}"
    result = edm_compare("made", "flat", "heun", 8, 3, denoiser=f"states | one_state:build | {scaled}")
    assert result.table["denoiser"] == ["states", "one_state:build", scaled]
    alone = edm_compare("made", "flat", "heun", 8, 3, denoiser="one_state:build")
    assert "denoiser" not in alone.table.rows()[0]
    rows = [{k: v for k, v in row.items() if k != "denoiser"} for row in result.table.rows()]
    assert rows[1] == alone.table.rows()[0]
    judged = edm_compare("made", "flat", "heun", 8, 3, denoiser=f"states | one_state:build | {scaled}", by="samples")
    expected = edm_judge("made", denoiser=f"states | one_state:build | {scaled}", sampler="heun", steps=8, samples=3)
    for column in judged.table.columns:  # laid elsewhere: float32 rounds
        wanted = expected.table[column.name]
        assert list(column.values) == (
            wanted if column.name == "samples" else pytest.approx(wanted, rel=1e-3, abs=1e-4)
        )
    said = typed(f"{line}, by=samples, file={tmp_path}/judged.csv")
    assert str(judged.printed) in said
    assert (tmp_path / "judged.csv").read_text() == judged.table.to_csv()
    typed(f"{line}, file={tmp_path}/compared.png")


def test_a_network_itself_from_python(made):
    import one_state

    result = edm_sample("made", denoiser=one_state.build(made), steps=8, sigma_max=50, sigma_min=0.01, augment=0)
    assert any(note.startswith("OneState: turning error") for note in result.notes)
    by_name = edm_sample("made", denoiser="one_state:build", steps=8, sigma_max=50, sigma_min=0.01, augment=0)
    np.testing.assert_array_equal(ends(result), ends(by_name))


@pytest.mark.parametrize("command", ["edm_sample", "edm_compare"])
@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("nosuch", "denoiser is 'nosuch': give one of states, translation, fixed, kabsch, or a .pt2 file"),
        ("nosuch.pt2", "cannot read the network nosuch.pt2: No such file or directory"),
        ("nosuch:build", "there is no such module on Python's path"),
        ("one_state:nosuch", "one_state has no function nosuch"),
        ("one_state:broken", "of the shape (2, 2, 3)"),
        ("one_state.py", "one_state.py is no network"),
        ("one_state:failing, steps=40", "NaN or infinite"),
        ("one_state:raising, steps=40", "RuntimeError, out of memory"),
        ("one_state:build, state_weights=1", "of exact denoisers"),
        ("one_state:scaled, gives=residual", "a residual needs the data_scales"),
        ("one_state:build, gives=noise", "gives is 'noise': give one of denoised, residual"),
        ("one_state:build, rule=finite", "give gives=residual too, or no rule"),
        ("states, rule=finite", "give gives=residual too, or no rule"),
        ("states, gives=residual", "are of networks, and states is exact"),
    ],
)
def test_wrong_input_is_one_line(made, refusal, command, network, sentence):
    assert sentence in refusal(f"{command} made, denoiser={network}")
