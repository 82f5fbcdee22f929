"""DCD and XTC files beside their first model: MDAnalysis, mdtraj, PyMOL and this library read back what was written."""

import builtins
import os
import struct
import warnings

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.structure.files.dcd import mapped_frames
from edmnoise.structure.files.xtc import read_xtc

LOSS = {"dcd": 0.0, "xtc": 0.00501}
"""Angstrom, beyond the rounding of float32."""


@pytest.fixture(scope="module", autouse=True)
def _quiet():
    """What these packages warn of when they are imported is about others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import MDAnalysis
        import mdtraj
    return MDAnalysis, mdtraj


def frames_of(structure, count=4, seed=0):
    noise = np.random.default_rng(seed).normal(0, 3, (count, structure.n_atoms, 3))
    noise[0] = 0
    return (structure.coordinates + noise).astype(np.float32)


def by_mdanalysis(folder, ending):
    import MDAnalysis

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = MDAnalysis.Universe(str(folder / "x_first.pdb"), str(folder / f"x.{ending}"))
        places = np.stack([universe.atoms.positions.copy() for _ in universe.trajectory])
    return universe.atoms.names.tolist(), places


def by_mdtraj(folder, ending):
    import mdtraj

    read = mdtraj.load(str(folder / f"x.{ending}"), top=str(folder / "x_first.pdb"))
    return [atom.name for atom in read.topology.atoms], 10 * read.xyz


def by_pymol(folder, ending):
    """From state 1 on, the trajectory is written over the first model; atoms in the order of the file."""
    from pymol import cmd

    found = []
    cmd.load(str(folder / "x_first.pdb"), "mol")
    cmd.load_traj(str(folder / f"x.{ending}"), "mol", 1)
    cmd.iterate("mol", "found.append((rank, name))", space={"found": found})
    places = np.stack([cmd.get_coords("mol", state) for state in range(1, cmd.count_states("mol") + 1)])
    return [name for _, name in sorted(found)], places[:, np.argsort([rank for rank, _ in found])]


@pytest.mark.parametrize("ending", ["dcd", "xtc"])
@pytest.mark.parametrize("read", [by_mdanalysis, by_mdtraj, by_pymol])
def test_other_programs_read_it(cmd, fragment, tmp_path, ending, read):
    frames = frames_of(fragment)
    assert write_frames(tmp_path / f"x.{ending}", fragment, frames) == 4
    assert sorted(os.listdir(tmp_path)) == [f"x.{ending}", "x_first.pdb"]
    names, places = read(tmp_path, ending)
    assert names == fragment.atoms.name.tolist()
    assert places.shape == frames.shape
    assert np.abs(places - frames).max() <= LOSS[ending] + 2e-5


def test_a_dcd_file_is_exact_and_says_how_many_frames(fragment, tmp_path):
    frames, path = frames_of(fragment), tmp_path / "x.dcd"
    write_frames(path, fragment, (frame for frame in frames))  # a generator does not know its length
    np.testing.assert_array_equal(mapped_frames(path), frames)
    assert struct.unpack_from("<i", path.read_bytes(), 8) == (4,)
    np.testing.assert_allclose(read_structure(tmp_path / "x_first.pdb").coordinates, frames[0], atol=5.1e-4)


def test_centres_of_residues(fragment, tmp_path):
    frames = frames_of(fragment)
    write_frames(tmp_path / "x.dcd", fragment, frames, level="residue")
    residue = fragment.residue_of_atoms
    centres = np.stack([frames[:, residue == group].mean(axis=1) for group in range(residue.max() + 1)], axis=1)
    np.testing.assert_allclose(mapped_frames(tmp_path / "x.dcd"), centres, atol=1e-5)
    assert read_structure(tmp_path / "x_first.pdb").atoms.name.tolist() == ["CA"] * len(centres[0])


def test_two_trajectories_share_a_first_model_of_the_same_atoms_alone(fragment, tmp_path):
    frames = frames_of(fragment)
    for ending in ("dcd", "xtc", "dcd"):
        write_frames(tmp_path / f"x.{ending}", fragment, frames)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        EdmNoiseError, match=r"x_first.pdb says what the 253 atoms of .*x.dcd are, and .*x.xtc would have 32: "
    ):
        write_frames(tmp_path / "x.xtc", fragment, frames, level="residue")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "x.dcd").unlink()
    write_frames(tmp_path / "x.xtc", fragment, frames, level="residue")  # its own first model alone


@pytest.mark.parametrize("ending", ["dcd", "xtc"])
def test_old_files_stay_after_an_error(fragment, tmp_path, ending):
    path, frames = tmp_path / f"x.{ending}", frames_of(fragment)
    write_frames(path, fragment, frames)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    frames[3, 0, 0] = np.nan
    with pytest.raises(EdmNoiseError, match="model 4 has NaN"):
        write_frames(path, fragment, frames)
    with pytest.raises(EdmNoiseError, match="no models to write"):
        write_frames(path, fragment, [])
    with pytest.raises(EdmNoiseError, match="there is no folder"):
        write_frames(tmp_path / "nowhere" / f"x.{ending}", fragment, frames)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize("missing", [("mdtraj",), ("mdtraj", "MDAnalysis")])
def test_who_writes_xtc_files(fragment, tmp_path, monkeypatch, missing):
    found = builtins.__import__

    def without(name, *more):
        if name.split(".")[0] in missing:
            raise ImportError(name)
        return found(name, *more)

    frames, path = frames_of(fragment), tmp_path / "x.xtc"
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", without)
        if len(missing) == 1:
            write_frames(path, fragment, frames)
            assert np.abs(read_xtc(str(path)) - frames).max() < 0.00501
        else:
            with pytest.raises(EdmNoiseError, match=r"XTC files need mdtraj or MDAnalysis .*\.dcd needs neither"):
                write_frames(path, fragment, frames)
            assert os.listdir(tmp_path) == []
