"""A file is either the new one or the old one, byte for byte, and nothing lies beside it."""

import errno
import os
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.files import check_target, replacing

OLD = b"the file that was there before"


def content(folder):
    """Every file of a folder with its bytes."""
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


@contextmanager
def ordinary_user():
    """Without the superuser's right to write everywhere, where the tests run as one."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextmanager
def files_of_at_most(size):
    """The system refuses to let a file grow beyond a size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def open_folder():
    """A folder that every user of this machine may write in."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)
        os.chmod(folder, 0o777)


def test_new_file(tmp_path):
    with replacing(tmp_path / "new") as handle:
        handle.write(b"one ")
        handle.write(b"two")
        assert not (tmp_path / "new").exists()
    assert content(tmp_path) == {"new": b"one two"}


def test_old_file_is_there_until_the_block_ends(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(OLD)
    with replacing(str(path)) as handle:
        handle.write(b"new")
        handle.flush()
        assert path.read_bytes() == OLD
    assert content(tmp_path) == {"old": b"new"}


@pytest.mark.parametrize("error", [KeyError("x"), EdmNoiseError("x"), KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("there", [True, False])
def test_an_error_leaves_everything_as_it_was(tmp_path, error, there):
    path = tmp_path / "old"
    if there:
        path.write_bytes(OLD)
    before = content(tmp_path)
    with pytest.raises(type(error)) as caught, replacing(path) as handle:  # noqa: PT012
        handle.write(b"half")
        raise error
    assert caught.value is error
    assert content(tmp_path) == before


def test_a_full_disk(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(OLD)
    with files_of_at_most(1 << 16), pytest.raises(EdmNoiseError) as caught, replacing(path) as handle:
        handle.write(b"x" * (1 << 18))
    assert str(caught.value) == f"cannot write {path}: {os.strerror(errno.EFBIG)}"
    assert content(tmp_path) == {"old": OLD}


def test_a_full_disk_that_shows_when_the_file_is_closed(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(OLD)
    with files_of_at_most(10), pytest.raises(EdmNoiseError, match=os.strerror(errno.EFBIG)), replacing(path) as handle:
        handle.write(b"x" * 20)  # fits the buffer
    assert content(tmp_path) == {"old": OLD}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/new", "there is no folder {}/missing"),
        ("file/new", "there is no folder {}/file"),
        ("folder", "it is a folder, give a file name"),
        ("", "it is a folder, give a file name"),
        ("x" * 300, os.strerror(errno.ENAMETOOLONG)),
    ],
)
def test_places_where_no_file_can_be(tmp_path, name, reason):
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "folder").mkdir()
    reached = []
    with pytest.raises(EdmNoiseError) as caught, replacing(tmp_path / name):
        reached.append(name)
    assert str(caught.value) == f"cannot write {tmp_path / name}: {reason.format(tmp_path)}"
    if len(name) < 300:  # which the file system alone can tell
        with pytest.raises(EdmNoiseError) as told:
            check_target(tmp_path / name)
        assert str(told.value) == str(caught.value)
    assert reached == []
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == OLD


def test_a_folder_that_may_not_be_written(open_folder):
    path = open_folder / "old"
    path.write_bytes(OLD)
    with ordinary_user(), replacing(open_folder / "possible") as handle:
        handle.write(b"new")
    open_folder.chmod(0o555)
    for name in ("old", "new"):
        with (
            ordinary_user(),
            pytest.raises(EdmNoiseError, match=rf"^cannot write {open_folder / name}: "),
            replacing(open_folder / name) as handle,
        ):
            handle.write(b"new")
    assert content(open_folder) == {"old": OLD, "possible": b"new"}


def test_a_file_that_may_not_be_written(open_folder):
    path = open_folder / "old"
    path.write_bytes(OLD)
    path.chmod(0o444)
    with (
        ordinary_user(),
        pytest.raises(EdmNoiseError, match=rf"^cannot write {path}: the file is write-protected$"),
        replacing(path) as handle,
    ):
        handle.write(b"new")
    assert content(open_folder) == {"old": OLD}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_old_files_mode_is_kept(tmp_path, mode):
    path = tmp_path / "old"
    path.write_bytes(OLD)
    path.chmod(mode)
    with replacing(path) as handle:
        handle.write(b"new")
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_open_gives(tmp_path, mask):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "ours") as handle:
            handle.write(b"new")
        (tmp_path / "plain").write_bytes(b"new")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "there" / "target")
    with replacing(tmp_path / "link") as handle:
        handle.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "there") == {"target": b"new"}
    assert sorted(os.listdir(tmp_path)) == ["link", "there"]


def test_home_and_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with replacing("~/at home") as handle:
        handle.write(b"1")
    monkeypatch.chdir(tmp_path)
    with replacing("here") as handle:
        handle.write(b"2")
    assert content(tmp_path) == {"at home": b"1", "here": b"2"}


def test_the_message_names_the_path_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EdmNoiseError, match=r"^cannot write \./missing/x: "), replacing("./missing/x"):
        pass
