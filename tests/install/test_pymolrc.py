"""`python -m edmnoise_pymol install` adds a line to the file that PyMOL runs first; uninstall removes it."""

import os
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edmnoise_pymol.install import LINE, with_line, without_line

PIECES = st.binary(max_size=8) | st.sampled_from([b"\n", b"\r\n", b"import os\n"])
TEXTS = st.lists(PIECES, max_size=6).map(b"".join)
INSTALL = ("-m", "edmnoise_pymol", "install")
UNINSTALL = ("-m", "edmnoise_pymol", "uninstall")
STATUS = ("-m", "edmnoise_pymol", "status")


@given(TEXTS)
@example(b"import os")
@example(b"a\r\nb")
def test_removing_the_line_restores_every_byte(text):
    assert without_line(with_line(text)) == text


@given(TEXTS)
def test_the_line_is_the_last_one_and_is_added_once(text):
    added = with_line(text)
    assert added.startswith(text)
    assert added.splitlines()[-1] == LINE
    assert with_line(added) == added


def test_a_pymol_elsewhere_starts_it_with_the_line_and_only_with_the_line(make_machine, wheel):
    machine = make_machine(elsewhere=True)
    machine.pip("install", "--no-index", wheel)
    assert "EDM noise" not in machine.pymol()["menu"]

    assert machine.run(*INSTALL) == f"Added to {machine.home}/.pymolrc.py: {LINE.decode()}\n"
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert "edm_noise" in seen["commands"]
    assert seen["heavy"] == []

    assert machine.run(*UNINSTALL) == f"Removed from {machine.home}/.pymolrc.py: {LINE.decode()}\n"
    assert not any(machine.home.glob(".pymolrc*"))
    assert "EDM noise" not in machine.pymol()["menu"]


def test_where_pymol_finds_it_the_line_serves_pymol_c_and_makes_no_second_entry(machine, wheel):
    machine.pip("install", "--no-index", wheel)
    assert machine.pymol("-c")["commands"] == []  # PyMOL loads no plugins without a window
    machine.run(*INSTALL)
    seen = machine.pymol("-c")
    assert "edm_noise" in seen["commands"]
    assert "Error" not in seen["output"]
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert sorted(seen["entries"]) == sorted(set(seen["entries"]))

    machine.pip("uninstall", "--yes", "edmnoise")
    seen = machine.pymol("-c")  # another PyMOL of the account, that has no edmnoise
    assert seen["commands"] == []
    assert "Error" not in seen["output"]


EXISTING = [".pymolrc", ".pymolrc.pml", "pymolrc", "pymolrc.py", ".config/pymol/pymolrc"]


@pytest.mark.parametrize("file", EXISTING)
def test_what_pymol_ran_at_start_it_still_runs(account, file):
    theirs = account.home / file
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_bytes(b"# theirs")
    account.run(*INSTALL)
    (ours,) = (path for path in account.home.rglob("*pymolrc.py") if LINE in path.read_bytes())
    active = {line.strip() for line in account.run("-m", "pymol", "--help").splitlines()}
    assert {str(theirs), str(ours)} <= active
    account.run(*UNINSTALL)
    assert [path for path in account.home.rglob("*pymolrc*") if path.is_file()] == [theirs]
    assert theirs.read_bytes() == b"# theirs"


def test_a_link_stays_a_link_and_the_file_keeps_its_mode(account):
    real = account.home / "dotfiles.py"
    real.write_bytes(b"import os\n")
    real.chmod(0o600)
    link = account.home / ".pymolrc.py"
    link.symlink_to(real)
    account.run(*INSTALL)
    assert link.is_symlink()
    assert real.read_bytes() == b"import os\n" + LINE + b"\n"
    assert real.stat().st_mode & 0o777 == 0o600


def test_twice_is_once_and_status_tells(account):
    file = account.home / ".pymolrc.py"
    assert account.run(*STATUS).startswith(f"{file} does not start edmnoise; ")
    account.run(*INSTALL)
    once = file.read_bytes()
    assert account.run(*INSTALL) == f"{file} starts edmnoise already.\n"
    assert file.read_bytes() == once
    assert account.run(*STATUS).startswith(f"{file} starts edmnoise; ")
    account.run(*UNINSTALL)
    assert account.run(*UNINSTALL) == f"{file} does not start edmnoise: nothing to remove.\n"


def test_a_file_that_cannot_be_written_is_told_in_one_line(account):
    (account.home / ".pymolrc.py").mkdir()
    command = [account.python, *INSTALL]
    done = subprocess.run(command, env=account.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"edmnoise: {os.strerror(21)}: {account.home}/.pymolrc.py\n"
