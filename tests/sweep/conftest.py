"""Small structures and studies of them, for sweeps."""

from concurrent.futures import Executor, Future

import numpy as np
import pytest

from edmnoise.structure.files import write_frames
from edmnoise.structure.structure import Atoms, Structure
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
