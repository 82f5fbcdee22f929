"""What a long typed command says meanwhile in a terminal, and how Ctrl-C ends it: real processes of PyMOL."""

import os
import re
import signal
import subprocess
import sys

import pytest

from edmnoise.base.units import duration
from edmnoise_pymol import edm_color, edm_levels, edm_noise, edm_save, edm_table
from edmnoise_pymol.job import Cancelled, Watch, run_inline

LISTEN = "/import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""A job in the background ignores Ctrl-C."""
START = LISTEN + "import edmnoise_pymol\nload $PYMOL_DATA/demo/1tii.pdb, toxin\n"


@pytest.fixture
def pymol(tmp_path):
    """Start PyMOL without a window on some lines, in an empty folder."""

    def start(lines):
        (tmp_path / "work.pml").write_text(START + lines)
        command = [sys.executable, "-u", "-m", "pymol", "-cq", "work.pml"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)

    return start


def test_torch_is_announced_before_it_is_loaded_and_once(pymol):
    with pymol("edm_schedule steps=2\nedm_noise toxin and chain D, frames=2\n") as process:
        said = process.communicate(timeout=200)[0]
    assert said.count("loading torch") == 1
    assert said.index(" edm_schedule: loading torch, once ...") < said.index("frames at sigma")


def test_torch_is_not_announced_where_nobody_reads(pymol):
    script = "/from edmnoise_pymol import edm_schedule; edm_schedule(steps=2); print('done', 'torch' in sys.modules)\n"
    with pymol("/import sys\n" + script) as process:
        said = process.communicate(timeout=200)[0]
    assert "done True" in said
    assert "loading" not in said


@pytest.mark.parametrize("line", ["edm_damage toxin, draws=100000", "edm_table toxin, draws=1000000"])
def test_progress_is_printed_and_ctrl_c_ends_it(pymol, line):
    with pymol(f"{line}\nprint('names', cmd.get_names())\n") as process:
        for said in process.stdout:
            if "Ctrl-C ends it" in said:
                process.send_signal(signal.SIGINT)
                break
        rest = process.communicate(timeout=200)[0]
    command = line.split()[0]
    assert re.fullmatch(rf" {command}: frame [\d,]+ of [\d,]+, about [\d.]+ (s|min|h) left; Ctrl-C ends it\n", said)
    assert " Error: cancelled: nothing was made\n" in rest
    assert "names ['toxin']" in rest


def test_a_table_can_be_cancelled(cmd):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_table.job("pept", z="0 1", weights="flat | current", draws=5, _self=cmd, quiet=1), watch)
    assert told == [(n / 20, f"frame {n} of 20") for n in (5, 10, 15, 20)]
    watch = Watch(lambda share, words: watch.cancel())
    with pytest.raises(Cancelled):
        run_inline(edm_table.job("pept", _self=cmd, quiet=1), watch)


@pytest.mark.parametrize("command", [edm_levels, edm_color])
def test_states_that_are_measured_are_counted(cmd, snapshot, command):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, name="made")
    told, before = [], snapshot()
    with pytest.raises(Cancelled):
        run_inline(command.job("made", _self=cmd, quiet=1), (watch := Watch(lambda *_: watch.cancel())))
    assert snapshot() == before
    run_inline(command.job("made", _self=cmd, quiet=1), Watch(lambda share, words: told.append(words)))
    assert told == [f"state {number} of 3" for number in (1, 2, 3)]


def test_models_that_are_written_are_counted_and_a_cancelled_file_is_the_old_one(cmd, tmp_path):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, name="made")
    (path := tmp_path / "made.pdb").write_text("old")
    told = []
    with pytest.raises(Cancelled):
        run_inline(edm_save.job(str(path), "made", _self=cmd, quiet=1), (watch := Watch(lambda *_: watch.cancel())))
    assert [held.read_text() for held in tmp_path.iterdir()] == ["old"]
    run_inline(edm_save.job(str(path), "made", _self=cmd, quiet=1), Watch(lambda share, words: told.append(words)))
    assert told == [f"model {number} of 4" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.4, "9.4 s"), (12.3, "12 s"), (99, "99 s"), (100, "2 min"), (5969, "99 min"), (6000, "1.7 h")],
)
def test_how_long_it_takes_in_words(seconds, words):
    assert duration(seconds) == words
