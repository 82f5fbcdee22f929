"""Sweeps in processes of their own, killed: whatever is killed and whenever, the tables come out the same."""

import os
import random
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.sweep import pools
from edmnoise.sweep.journal import NAME
from edmnoise.sweep.pools import dask_pool

ONE_BY_ONE = """
import sys
from edmnoise.sweep import report, run, sweep
run.BATCH_SECONDS = 0  # as many moments as there are tasks
sweep.write_report = lambda *_: None
from edmnoise.__main__ import main
if __name__ == "__main__":
    sys.exit(main(["sweep", *sys.argv[1:]]))
"""
TASKS = 288
WAIT = 60
"""Seconds that a process may take to end: a net."""


@pytest.fixture(scope="module")
def study(tmp_path_factory, study_of):
    return study_of(tmp_path_factory.mktemp("killed") / "in", count=TASKS // 24)


@pytest.fixture
def whole(study, swept, tmp_path, results_of):
    """The bytes of the tables of a run that nothing disturbed, in this process."""
    return results_of(swept(study, tmp_path / "whole").folder)


@contextmanager
def started(*command):
    """A process and its lines; killed where it is not over at the end."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.stderr.close()
        process.wait(WAIT)


def sweeping(study, out, *more):
    return started("-c", ONE_BY_ONE, study, "--out", out, "--every", "0", *more)


def lines_until(process, pattern):
    """Read what a process says up to a line that fits."""
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"{pattern} was not said:\n{''.join(said)}")


def finish(process):
    said = process.stderr.read()
    assert process.wait(WAIT) == 0, said


def done_in(folder):
    path = folder / NAME
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def test_killed_at_ten_random_moments_a_sweep_gives_the_same_tables(study, whole, swept, results_of, tmp_path):
    """One or two processes; a kill comes after a random number of further tasks, or before the first."""
    rng, out, before = random.Random(7), tmp_path / "out", 0
    for number in range(10):
        with sweeping(study, out, "--processes", 2 if number % 3 == 2 else 1) as process:
            wanted = before + rng.choice([0, 0, 1, 2, 3, 5, 8])
            while int(lines_until(process, rf"^(\d+) of {TASKS} tasks")[1]) < wanted:
                pass
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT)
        assert done_in(out) >= wanted  # what was told is kept
        before = done_in(out)
    assert 10 < before < TASKS
    swept(study, out)
    assert done_in(out) == TASKS  # nothing twice
    assert results_of(out) == whole


def test_a_killed_sweep_leaves_no_worker_behind(study, tmp_path):
    with sweeping(study, tmp_path / "out", "--processes", 2) as process:
        lines_until(process, rf"^[1-9]\d* of {TASKS} tasks")
        process.send_signal(signal.SIGKILL)
        # The pipe of its messages is at its end when no process that inherited it is left.
        process.stderr.read()


def test_a_killed_sweep_of_networks_goes_on(networks, swept, results_of, tmp_path):
    whole = results_of(swept(networks, tmp_path / "whole").folder)
    with sweeping(networks, tmp_path / "out", "--processes", 1) as process:
        lines_until(process, r"^([4-9]|1\d) of 24 tasks")
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT)
    assert 4 <= done_in(tmp_path / "out") < 24
    swept(networks, tmp_path / "out")
    assert done_in(tmp_path / "out") == 24
    assert results_of(tmp_path / "out") == whole


def test_ctrl_c_ends_a_sweep_in_one_line(study, tmp_path):
    with sweeping(study, tmp_path / "out", "--processes", 1) as process:
        lines_until(process, rf"^[1-9]\d* of {TASKS} tasks")
        process.send_signal(signal.SIGINT)
        *_, last = [line for line in process.stderr if " tasks, " not in line]
        assert last == "edmnoise: interrupted; what is done is kept, and the same command goes on from there\n"
        assert process.wait(WAIT) == 130


@contextmanager
def scheduler():
    """A Dask scheduler and its address."""
    with started("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard") as made:
        yield made, lines_until(made, r"Scheduler at: +(tcp://\S+)")[1]


@contextmanager
def worker(address):
    command = "-m", "distributed.cli.dask_worker", address, "--nthreads", 1, "--no-nanny", "--no-dashboard"
    with started(*command) as made:
        yield made


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two workers, of which the first test below kills one worker and the second the scheduler."""
    pytest.importorskip("distributed")
    with scheduler() as (made, address), worker(address) as first, worker(address) as second:
        for each in (first, second):
            lines_until(each, r"Registered to: +tcp")
        yield made, address, second


def test_a_cluster_gives_the_same_tables_while_a_worker_is_killed(cluster, study, whole, results_of, tmp_path):
    _, address, worker = cluster
    with sweeping(study, tmp_path / "out", "--scheduler", address) as process:
        lines_until(process, rf"^([2-9]|\d\d+) of {TASKS} tasks")
        worker.send_signal(signal.SIGKILL)
        finish(process)
    assert results_of(tmp_path / "out") == whole
    assert done_in(tmp_path / "out") == TASKS


def test_a_scheduler_that_goes_away_costs_nothing_that_is_done(cluster, study, whole, swept, results_of, tmp_path):
    made, address, _ = cluster
    with sweeping(study, tmp_path / "out", "--scheduler", address) as process:
        lines_until(process, rf"^([2-9]|\d\d+) of {TASKS} tasks")
        made.send_signal(signal.SIGKILL)
        *_, last = [line for line in process.stderr if " tasks, " not in line]
        assert process.wait(WAIT) == 1
    sentence = rf"edmnoise: the scheduler at .* does not answer any more \((\d+) of {TASKS} tasks are kept: the same"
    assert int(re.match(sentence, last)[1]) == done_in(tmp_path / "out") >= 2
    swept(study, tmp_path / "out")
    assert results_of(tmp_path / "out") == whole


def test_a_scheduler_that_is_not_there(study, swept, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 0.2)
    sentence = rf"no Dask scheduler answers at tcp://127.0.0.1:9: start one .* \(0 of {TASKS} tasks are kept"
    with pytest.raises(EdmNoiseError, match=sentence):
        swept(study, tmp_path / "out", dask_pool("tcp://127.0.0.1:9"))
    with pytest.raises(EdmNoiseError, match="no Dask scheduler answers at nowhere"):
        swept(study, tmp_path / "out", dask_pool("nowhere"))
