"""Runs the sampling loops of other programs, plainly and recorded, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from edmnoise.trajectories.trace import Trace, open_trace, runs_of

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / ".programs"


class Pair(NamedTuple):
    """What a driver saved and printed without a recorder and with one, and the folder of runs that was recorded."""

    plain: dict[str, Any]
    recorded: dict[str, Any]
    printed: tuple[bytes, bytes]
    folder: Path
    said: str

    @property
    def traces(self) -> list[Trace]:
        return [open_trace(path) for path in runs_of(self.folder)]

    def assert_untouched(self):
        """Results are equal to the bit, and so is what was printed."""
        assert self.plain.keys() == self.recorded.keys()
        for name, values in self.plain.items():
            assert values.dtype == self.recorded[name].dtype
            assert values.tobytes() == self.recorded[name].tobytes(), name
        assert self.printed[0] == self.printed[1]


def _run(command, program, folder):
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (PROGRAMS / program, PROGRAMS / "common")))}
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done


def _saved(path):
    with np.load(path) as held:
        return dict(held)


@pytest.fixture(scope="session")
def driven(tmp_path_factory):
    """``driven("boltz", "drive_boltz.py", "--samples", 3)``: the driver run twice, the second time recorded."""
    if not (PROGRAMS / "installed").exists():
        pytest.fail("the programs are not installed: make .programs/installed")

    def drive(program, driver, *options, record=()):
        folder = tmp_path_factory.mktemp(program)
        command = [sys.executable, str(HERE / driver)]
        options = [str(option) for option in options]
        plain = _run([*command, "plain.npz", *options], program, folder)
        listened = [sys.executable, "-m", "edmnoise", "record", "--out", "out", *record, "--"]
        # Programs are started in another folder than the tests': edmnoise is found where it is installed.
        recorded = _run([*listened, *command, "recorded.npz", *options], program, folder)
        return Pair(
            _saved(folder / "plain.npz"),
            _saved(folder / "recorded.npz"),
            (plain.stdout, recorded.stdout),
            folder / "out",
            recorded.stderr.decode(),
        )

    return drive


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """``written("boltzgen", "write_boltzgen.py")``: a folder with what a driver had the program write."""
    if not (PROGRAMS / "installed").exists():
        pytest.fail("the programs are not installed: make .programs/installed")

    def write(program, driver, *options):
        folder = tmp_path_factory.mktemp(program)
        _run([sys.executable, str(HERE / driver), str(folder), *map(str, options)], program, folder)
        return folder

    return write
