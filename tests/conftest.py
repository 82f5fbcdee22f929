"""What tests of several rooms need: PyMOL in this process, and the structures that come with it."""

import os
from pathlib import Path

import numpy as np
import pytest

from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure


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
