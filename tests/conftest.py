"""What tests of several rooms need: PyMOL in this process, and the structures that come with it."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure
from edmnoise.trajectories.listening.recorder import Recorder
from edmnoise.trajectories.recording import record as recording
from edmnoise.trajectories.run import Run
from edmnoise.trajectories.sampling import record

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for the processes that tests start

IDENTITY = "(segi, chain, resi, resn, name, alt, ID)"
PROPERTIES = (
    "(index, ID, rank, segi, chain, resi, resn, name, alt, elem, type, b, q, vdw, color, reps, flags, ss, label, "
    "formal_charge, partial_charge, cartoon, protons, valence, s.sphere_scale)"
)


def pytest_ignore_collect(collection_path, config):
    """Runs of their own: tests/panel, for PyMOL's window cannot start where PyMOL runs as a library already, and
    tests/programs, which needs other programs installed.
    """
    name = collection_path.name
    if name in ("panel", "programs") and not any(name in Path(given).parts for given in config.args):
        return True
    return None


@pytest.fixture(scope="session", autouse=True)
def _global_instance():
    """PyMOL's global instance starts when it is first used, and not at all once a pymol2 instance has come and gone."""
    from pymol import cmd

    cmd.get_names()


@pytest.fixture(scope="session")
def pymol_data():
    """The folder of PyMOL's own data, with real structures in demo/ and tut/."""
    import pymol

    return Path(os.environ.get("PYMOL_DATA") or Path(pymol.__file__).parent / "data")


@pytest.fixture
def cmd():
    """PyMOL's commands in library mode, with nothing loaded and every setting at its default."""
    from pymol import cmd

    cmd.reinitialize()
    yield cmd
    cmd.reinitialize()


@pytest.fixture(scope="session")
def toxin(pymol_data):
    """1TII without its water: 7 chains, 712 residues, 5,469 atoms."""
    return read_structure(pymol_data / "demo" / "1tii.pdb")


@pytest.fixture(scope="session")
def fragment(toxin):
    """Residues 4 to 35 of 1TII's chain A: 32 residues, 253 atoms, the size of the published experiment."""
    number = toxin.atoms.number.astype(int)
    chosen = (toxin.atoms.chain == "A") & (number >= 4) & (number <= 35)
    return Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))


class Traced(NamedTuple):
    """A run of the library's own sampler, the folder that the recorder made of it, and what a program would write."""

    run: Run
    folder: Path
    trace: Path
    file: Path

    def into(self, folder):
        """The same in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def traced(toxin, tmp_path_factory):
    """Three samples of residues 1 to 20 of the subunits D and E of 1TII, turned at each step, in 12 steps.

    Two atoms at (0, 0, 0) pad them. The output file holds sample 2, the atoms alone.
    """
    chosen = np.isin(toxin.atoms.chain, ["D", "E"]) & (toxin.atoms.number.astype(int) <= 20)
    structure = Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))
    covariance = NoiseChoice.of(Weights.of(0, 0, 1)).on(structure).covariance
    model = DenoiserChoice("states", None, [0, 0.3, 0.2]).build(
        structure, structure.coordinates[None].copy(), covariance
    )
    folder = tmp_path_factory.mktemp("traced")
    recorder = Recorder(folder / "run.trace", info={"program": "toy"})

    def padded(x, sigma):
        return torch.nn.functional.pad(model.denoise(x[..., :-2], sigma).atoms, (0, 2))

    listened = recorder.wrap(padded, "x", "sigma")

    class Listened:
        def denoise(self, x, sigma):
            return Denoised(listened(torch.nn.functional.pad(x, (0, 2)), sigma)[..., :-2])

    sampler = Sampler("euler", center=True, rotate=True)
    making = record(structure, Listened(), covariance, karras(12, 0.01, 100.0), sampler, samples=3, seed=4)
    while True:
        try:
            next(making)
        except StopIteration as end:
            run = end.value
            break
    recorder.final(np.pad(run.final, [(0, 0), (0, 2), (0, 0)]))
    recorder.close(ended=True)
    file = folder / "complex_model_0.cif"
    write_frames(file, structure, run.final[1:2])
    return Traced(run, folder, folder / "run.trace", file)


@pytest.fixture(scope="session")
def three_chains(toxin):
    """Residues 66 to 75 of 1TII's chains D, E and F: 3 chains, 30 residues, 195 atoms."""
    numbers = [str(number) for number in range(66, 76)]
    keep = np.isin(toxin.atoms.chain, ["D", "E", "F"]) & np.isin(toxin.atoms.number, numbers)
    return Structure.from_atoms(toxin.coordinates[keep], toxin.atoms.take(keep))


@pytest.fixture(scope="session")
def two_states(three_chains):
    """The exact denoiser of two states: the three chains, and these with chain F turned by 40 degrees, moved by 5 A."""
    x = three_chains.coordinates.T.astype(np.float64)
    third = three_chains.atoms.chain == "F"
    angle = np.radians(40)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    centre = x[:, third].mean(axis=1, keepdims=True)
    other = x.copy()
    other[:, third] = turn @ (x[:, third] - centre) + centre + [[5], [0], [0]]
    covariance = NestedCovariance(three_chains.hierarchy, {"atom": 1.0, "residue": 0.0, "chain": 0.0})
    return StatesDenoiser(torch.tensor(np.stack([x, other]), dtype=torch.float32), covariance)


@pytest.fixture(scope="session")
def record_run():
    """Record our own sampler as a program's: gives its rotation of each sample up to each step (T, B, 3, 3)."""

    def make(model, path, schedule, sampler, samples=2, seed=0, covariance=None, info=None):
        turns = []
        options = {"x": "x", "sigma": "sigma", "out": "atoms", "path": path, "info": info}
        with recording(model, "denoise", **options) as recorder:
            for step in sample(model, covariance or model.covariance, schedule, sampler, samples, seed):
                turns.append(step.frame.rotation.clone())
                end = step.x
            recorder.final(end)
        return np.stack(turns)

    return make


@pytest.fixture(scope="session")
def nesting():
    """Make groups within groups: `depth` levels, unequal groups, the atoms of a group scattered over the file."""

    def make(seed, depth, largest=4):
        rng = np.random.default_rng(seed)
        labels = [np.arange(rng.integers(1, largest + 1))]
        for _ in range(depth - 1):
            members = rng.integers(1, largest + 1, size=len(labels[-1]))
            labels = [np.repeat(label, members) for label in labels]
            labels.append(np.arange(len(labels[-1])))
        order = rng.permutation(len(labels[-1]))
        names = ("atom", "residue", "chain", "copy", "cell")[:depth]
        return Hierarchy.from_labels(names, [label[order] for label in reversed(labels[:-1])])

    return make


@pytest.fixture(scope="session")
def mda():
    """A file of MDAnalysisTests by its name."""
    from importlib.util import find_spec

    folder = Path(find_spec("MDAnalysisTests").origin).parent / "data"
    return lambda name: str(folder / name)


@pytest.fixture
def atoms(cmd):
    """What the atoms of a selection are, in PyMOL's order."""

    def read(selection, facts=IDENTITY):
        found = []
        cmd.iterate(selection, f"found.append({facts})", space={"found": found})
        return found

    return read


@pytest.fixture(scope="session")
def coords():
    """(N, 3) float32, what cmd.get_coords gives, which fails on pip's PyMOL 3.2.0.2 with NumPy 2."""

    def read(selection, state=1):
        from pymol import cmd

        return np.array(cmd.get_model(selection, state).get_coord_list(), dtype=np.float32)

    return read


@pytest.fixture(scope="session")
def coordset():
    """(N, 3) float32, or None: cmd.get_coordset of an object that has its coordinates in the order of its atoms."""

    def read(name, state=1):
        from pymol import cmd

        rows = []
        cmd.iterate_state(state, f"%{name}", "row((x, y, z))", space={"row": rows.append})
        return np.array(rows, dtype=np.float32) if rows else None

    return read


@pytest.fixture
def places(cmd, coords):
    """{what an atom is: its coordinates} for the atoms of a selection that have coordinates in a state."""

    def read(selection, state=1):
        found = []
        cmd.iterate_state(state, selection, f"found.append({IDENTITY})", space={"found": found})
        where = dict(zip(found, coords(selection, state), strict=True))
        assert len(where) == len(found), "the atoms of a test must be told apart"
        return where

    return read


@pytest.fixture
def structure_of(coords, atoms):
    """The Structure of an object's first state, put together here, without the plugin."""

    def read(name):
        rows = atoms(f"%{name}", "(name, elem, resn, resi, chain, segi, type == 'HETATM', rank)")
        *columns, rank = zip(*rows, strict=True)
        return Structure.from_atoms(coords(f"%{name}", 1), Atoms.make(*columns), rank)

    return read


@pytest.fixture
def frames_of(cmd, coords):
    """(S, N, 3) the states of an object from a given one on, atoms in PyMOL's order."""

    def read(name, first=2):
        return np.stack([coords(f"%{name}", k) for k in range(first, cmd.count_states(f"%{name}") + 1)])

    return read


@pytest.fixture
def shades(cmd, atoms):
    """(N, 3) the atoms' red, green, blue, from 0 to 255."""

    def read(name):
        indices = atoms(f"%{name}", "color")
        tuples = {index: cmd.get_color_tuple(index) for index in set(indices)}
        return np.rint(255 * np.array([tuples[index] for index in indices])).astype(int)

    return read


@pytest.fixture
def snapshot(cmd, atoms, coordset):
    """All that a user could miss in PyMOL, to be compared before and after."""
    from pymol import setting

    def take(leave_out=()):
        kept = [name for name in cmd.get_names("all") if name not in leave_out]
        found = {
            "names": kept,
            "shown": [name for name in cmd.get_names("objects", 1) if name not in leave_out],
            "view": cmd.get_view(),
            "frame": (cmd.get_frame(), cmd.get_state()),
            "settings": {name: cmd.get_setting_tuple(number) for name, number in setting.index_dict.items()},
            "selections": {name: cmd.index(f"%{name}") for name in kept if cmd.get_type(name) == "selection"},
        }
        for name in kept:
            if cmd.get_type(name) == "object:molecule":
                states = range(1, cmd.count_states(f"%{name}") + 1)
                found[name] = {
                    "atoms": atoms(f"%{name}", PROPERTIES),
                    "coordinates": [None if (x := coordset(name, k)) is None else x.tobytes() for k in states],
                    "titles": [cmd.get_title(name, k) for k in states],
                    "matrices": [cmd.get_object_matrix(name, k) for k in states],
                    "settings": [cmd.get_object_settings(name, k) for k in (0, *states)],
                }
        return found

    return take


@pytest.fixture
def typed(cmd, capsys):
    """Run a line as the user types it; gives what was printed. A refused line fails the test."""
    import edmnoise_pymol.jobs.sampling  # and torch with it: a line would say that it is loaded

    edmnoise_pymol.register(cmd)

    def run(line):
        capsys.readouterr()
        accepted = cmd._parser.parse(line)
        said = capsys.readouterr().out
        assert accepted, said
        return said

    return run


@pytest.fixture
def refusal(cmd, capsys, snapshot):
    """Type a line that must be refused: gives the one line that PyMOL prints, after looking that nothing changed."""
    import edmnoise_pymol.jobs.sampling  # and torch with it: a line would say that it is loaded

    edmnoise_pymol.register(cmd)

    def run(line):
        before = snapshot()
        capsys.readouterr()
        assert not cmd._parser.parse(line), f"{line} was not refused"
        said, errors = capsys.readouterr()
        assert snapshot() == before
        assert errors == ""
        assert said.startswith(" Error: ")
        assert said.endswith("\n")
        assert said.count("\n") == 1
        return said.removeprefix(" Error: ").rstrip("\n")

    return run
