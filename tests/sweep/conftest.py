"""Small structures and studies of them, for sweeps."""

import os
import sys
import warnings
from concurrent.futures import Executor, Future

import numpy as np
import pytest
import torch
from torch import nn

from edmnoise.diffusion.denoisers.programs import write_program
from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.train import Trainer, Training
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.structure.structure import Structure
from edmnoise.sweep.pools import GivenPool
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.sweep import sweep

STUDY = """
structures = "*.pdb"
measures = ["levels", "freeze_out"]
weights = ["flat", "current", [1, 4, 4]]
z = [-1, 0, 1]
seeds = [0, 1]
draws = 2
samplers = [{ name = "heun", steps = 4 }]
"""
"""24 tasks a structure."""

NETWORKS = """
structures = "s*.pdb"
measures = "freeze_out"
seeds = [0, 1, 2]
samplers = [{ name = "heun", steps = 4, sigma_max = 40 }]
denoisers = [
    "states",
    "nets/own.safetensors",
    { name = "shrinking:make", gives = "residual", data_scales = [8] },
    { name = "nets/theirs.pt2", trust = true },
]
"""
MODULE = """
from pathlib import Path

def make(structure):
    def network(x, sigma):
        return x / (1 + sigma[:, None, None])
    return network

def reading(structure):
    factor = float(Path(__file__).with_name("factor.txt").read_text())
    return lambda x, sigma: x / (1 + factor * sigma[:, None, None])
"""


class Here(Executor):
    """Runs what it is given at once, in this thread."""

    def submit(self, call, /, *arguments, **options):
        future = Future()
        future.set_result(call(*arguments, **options))
        return future


class HerePool(GivenPool):
    """What a sweep asks for: a pool to enter."""

    def __init__(self):
        super().__init__(Here(), 1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def chain_of(residues, seed):
    """A chain of glycines at random places, four atoms each."""
    coordinates = np.random.default_rng(seed).normal(scale=8, size=(4 * residues, 3))
    names = ["N", "CA", "C", "O"] * residues
    number = np.repeat(np.arange(1, residues + 1), 4)
    count = len(names)
    columns = names, [name[0] for name in names], ["GLY"] * count, number, ["A"] * count, [""] * count, [False] * count
    return Structure.from_atoms(coordinates, Atoms.make(*columns))


@pytest.fixture(scope="session")
def study_of():
    """Write structures s0.pdb, s1.pdb (two models), ... and study.toml into a folder; gives the file."""

    def write(folder, count=3, text=STUDY):
        folder.mkdir(exist_ok=True)
        for number in range(count):
            structure = chain_of(5 + number, number)
            models = [structure.coordinates]
            if number == 1:
                models.append(chain_of(5 + number, 99).coordinates)
            write_frames(folder / f"s{number}.pdb", structure, models)
        (folder / "study.toml").write_text(text)
        return folder / "study.toml"

    return write


@pytest.fixture
def swept(monkeypatch):
    """Run a study to its end in this process; gives the result. Figures take a second, so they are left out."""

    def run(study, out, pool=None, report=False):
        with monkeypatch.context() as patched:
            if not report:
                patched.setattr(f"{sweep.__module__}.write_report", lambda *_: None)
            steps = sweep(read_settings(study), out, pool or HerePool())
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return end.value

    return run


@pytest.fixture
def results_of():
    """The bytes of every table in a folder of results."""
    return lambda folder: {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix == ".csv"}


class Shrinking(nn.Module):
    def forward(self, x, sigma):
        return x / (1 + sigma[:, None, None] ** 2 / 64)


@pytest.fixture(scope="session")
def trained():
    """Write the checkpoint of a training of one step."""

    def train(structure, path, seed=0):
        states = np.stack([structure.coordinates, structure.coordinates[::-1]])
        trainer = Trainer(Ensemble(structure, states), Training(steps=1, batch=2, seed=seed))
        for _ in trainer.run(path):
            pass

    return train


@pytest.fixture(scope="session")
def exported(tmp_path_factory, study_of):
    """The bytes of a .pt2 of s0.pdb's atoms."""
    folder = tmp_path_factory.mktemp("program")
    structure = read_structure(study_of(folder, count=1).parent / "s0.pdb")
    batch = {0: torch.export.Dim("batch")}
    example = torch.randn(2, structure.n_atoms, 3), torch.ones(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own insides when it exports
        made = torch.export.export(Shrinking(), example, dynamic_shapes={"x": batch, "sigma": batch})
        write_program(folder / "net.pt2", made, structure)
    return (folder / "net.pt2").read_bytes()


@pytest.fixture
def networks(tmp_path, study_of, exported, trained, monkeypatch):
    """A study of two structures, one of one model, and networks of its atoms; what the function makes fits both.

    Nobody's real list of trusted programs is read or written.
    """
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    file = study_of(tmp_path / "in", count=2, text=NETWORKS)
    (file.parent / "nets").mkdir()
    (file.parent / "nets" / "theirs.pt2").write_bytes(exported)
    trained(read_structure(file.parent / "s0.pdb"), file.parent / "nets" / "own.safetensors")
    (file.parent / "shrinking.py").write_text(MODULE)
    monkeypatch.syspath_prepend(file.parent)
    monkeypatch.setenv("PYTHONPATH", str(file.parent), prepend=os.pathsep)
    monkeypatch.delitem(sys.modules, "shrinking", raising=False)
    return file
