"""What DcdWriter writes, other readers read back bit by bit."""

import io
import tempfile
import warnings

import numpy as np
import pytest
from scipy.io import FortranFile

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise_pymol import edm_noise
from edmnoise_pymol.scene.frames import appended_frames

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # mdtraj's own, about pyparsing
    from mdtraj.formats import DCDTrajectoryFile

SHAPES = [(1, 1), (1, 2), (3, 1), (5, 7), (2, 1000)]


def random_frames(frames, atoms):
    rng = np.random.default_rng(frames * atoms)
    values = rng.normal(size=(frames, atoms, 3)) * 10.0 ** rng.integers(-20, 9, size=(frames, atoms, 3))
    return values.astype(np.float32)


def written(path, coordinates, blocks):
    with open(path, "wb") as handle:
        writer = DcdWriter(handle, *coordinates.shape[:2])
        for block in np.array_split(coordinates, blocks):
            writer.write(block)
        writer.check_complete()
    return path


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("blocks", [1, 2])
def test_mdtraj_reads_the_same(tmp_path, shape, blocks):
    coordinates = random_frames(*shape)
    with DCDTrajectoryFile(str(written(tmp_path / "frames.dcd", coordinates, blocks))) as file:
        xyz, lengths, _ = file.read()
    assert np.array_equal(xyz, coordinates)
    assert lengths is None or not lengths.any()  # no unit cell


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_made_of_fortran_records(tmp_path, shape):
    coordinates = random_frames(*shape)
    with FortranFile(written(tmp_path / "frames.dcd", coordinates, 1)) as file:
        kind, *control = file.read_record("S4, 20<i4")[0]
        assert (kind, control[0][0]) == (b"CORD", shape[0])
        assert file.read_record("<i4, S80")[0][0] == 1  # one line of title
        assert file.read_ints("<i4").tolist() == [shape[1]]
        for frame in coordinates:
            for axis in range(3):
                assert np.array_equal(file.read_reals("<f4"), frame[:, axis])


def test_pymol_reads_the_same(cmd, coordset):
    coordinates = random_frames(4, 10)
    cmd.fragment("ala", "drawn")
    cmd.create("ala", "drawn")  # in the order that files of frames have
    first = coordset("ala", 1)
    with appended_frames(cmd, "ala", 4) as append:
        append(coordinates[:3])
        append(coordinates[3:])
    assert cmd.count_states("ala") == 5
    assert np.array_equal(coordset("ala", 1), first)
    for state, frame in enumerate(coordinates, 2):
        assert np.array_equal(coordset("ala", state), frame)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_numbers_of_frames_than_announced(count):
    writer = DcdWriter(io.BytesIO(), 2, 4)
    writer.write(np.zeros((count, 4, 3), np.float32))
    with pytest.raises(EdmNoiseError):
        writer.check_complete()


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 2), (4, 3)])
def test_frames_of_another_shape(shape):
    with pytest.raises(EdmNoiseError, match=r"give \(frames, 4, 3\)"):
        DcdWriter(io.BytesIO(), 2, 4).write(np.zeros(shape, np.float32))


class Interrupted(Exception):
    """Whatever may happen while frames are made."""


@pytest.mark.parametrize("stop", [Interrupted, KeyboardInterrupt])
def test_an_object_whose_frames_do_not_come_is_taken_away(cmd, stop, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cmd.fragment("ala")
    cmd.create("new", "ala")

    def interrupted():
        with appended_frames(cmd, "new", 3) as append:
            append(np.zeros((1, 10, 3), np.float32))
            raise stop

    with pytest.raises(stop):
        interrupted()
    assert cmd.get_names("all") == ["ala"]
    assert list(tmp_path.iterdir()) == []


def test_too_few_frames_take_the_object_away(cmd):
    cmd.fragment("ala")
    with pytest.raises(EdmNoiseError, match="2 frames fewer"), appended_frames(cmd, "ala", 3) as append:
        append(np.zeros((1, 10, 3), np.float32))
    assert cmd.get_names("all") == []


def test_a_folder_that_cannot_be_written_is_named(cmd, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    cmd.fragment("ala")
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    with pytest.raises(cmd._pymol.CmdException) as refused:
        edm_noise("ala", frames=1)
    assert str(file) in refused.value.message
    assert "\n" not in refused.value.message
    assert cmd.get_names("all") == ["ala"]


@pytest.mark.parametrize("state", ["enable", "disable"])
def test_pymols_feedback_is_as_before(cmd, state):
    cmd.fragment("ala")
    cmd.feedback("push")
    cmd.feedback(state, "objectmolecule", "actions")
    with appended_frames(cmd, "ala", 2) as append:
        append(random_frames(2, 10))
    assert cmd._feedback(cmd.fb_module.objectmolecule, cmd.fb_mask.actions) == (state == "enable")
    cmd.feedback("pop")
