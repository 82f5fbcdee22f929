"""Runs the sampling loops of other programs, plainly and recorded, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from edmnoise.trajectories.trace import Trace, open_trace

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / ".programs"
EXAMPLES = HERE.parents[1] / "examples"
sys.path.insert(0, str(HERE))  # checks.py, which these tests share


class Followed:
    """A trace read by hand: what its lines say became of each sample between its calls, and what Euler steps make."""

    def __init__(self, trace):
        self.trace, self.samples = trace, range(trace.samples)
        lines = [json.loads(line) for line in (Path(trace.path) / "calls.jsonl").read_text().splitlines()]
        self.calls, self.closing = lines[:-1], lines[-1]
        assert self.closing.pop("ended")
        last = self.closing.get("from", list(self.samples))
        self.lines = [
            [_of(line, sample) for line in self.calls if sample in line["samples"]] for sample in self.samples
        ]
        self.ends = [_row(self.closing, row) for row in range(len(last))]
        read = {kind: [trace.frames(kind, sample).astype(float) for sample in self.samples] for kind in trace.kinds}
        self.x, self.x0 = read["noisy"], read["denoised"]

    def steps(self):
        """How many calls each sample had."""
        return [len(lines) for lines in self.lines]

    def made(self, behind, sample, step, target, step_scale):
        """(N, 3) what a step made of a sample, centred, as the next line says that it was aligned and turned."""
        origin = behind.get("from", sample)
        x, x0 = (_centred(frames[origin][step]) for frames in (self.x, self.x0))
        x = x @ behind.get("aligned", np.eye(3))
        sigma = self.lines[sample][step]["sigma"]
        return (x + step_scale * (target - sigma) / sigma * (x - x0)) @ behind["turned"]

    def noise(self, schedule, step_scale):
        """For each step but the first (samples, N, 3): what x has beside what the step before made of it."""
        for step in range(len(schedule) - 2):
            yield np.array(
                [
                    _centred(self.x[sample][step + 1])
                    - self.made(self.lines[sample][step + 1], sample, step, schedule[step + 1], step_scale)
                    for sample in self.samples
                ]
            )

    def end(self, row, step_scale):
        """(N, 3) a sample's end, centred, made of its last call alone; the target is 0."""
        behind = self.ends[row]
        origin = behind.get("from", row)
        return self.made(behind, origin, len(self.lines[origin]) - 1, 0.0, step_scale)


def _of(line, sample):
    return {"sigma": line["sigma"]} | _row(line, line["samples"].index(sample))


def _row(line, row):
    found = {key: line[key][row] for key in ("turned", "aligned", "guided", "from") if key in line}
    return found | {key: np.reshape(found[key], (3, 3)) for key in ("turned", "aligned") if key in found}


def _centred(x):
    return x - x.mean(axis=0)


class Pair(NamedTuple):
    """What a driver saved and printed without a recorder and with one, and the folder of runs that was recorded."""

    plain: dict[str, Any]
    recorded: dict[str, Any]
    printed: tuple[bytes, bytes]
    folder: Path
    said: str

    @property
    def traces(self) -> list[Trace]:
        runs = sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())
        return [open_trace(self.folder / str(run)) for run in runs]

    @property
    def followed(self) -> list[Followed]:
        return [Followed(trace) for trace in self.traces]

    def assert_untouched(self):
        """Results are equal to the bit, and so is what was printed."""
        assert self.plain.keys() == self.recorded.keys()
        for name, values in self.plain.items():
            assert values.dtype == self.recorded[name].dtype
            assert values.tobytes() == self.recorded[name].tobytes(), name
        assert self.printed[0] == self.printed[1]


def _begun(command, program, folder):
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = [PROGRAMS / program, PROGRAMS / "common", EXAMPLES, *others]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


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
        listened = [sys.executable, "-m", "edmnoise", "record", "--out", "out", *record, "--"]
        # At the same time, each on a core of its own.
        running = [
            _begun([*command, "plain.npz", *options], program, folder),
            _begun([*listened, *command, "recorded.npz", *options], program, folder),
        ]
        printed, said = zip(*(process.communicate() for process in running), strict=True)
        assert [process.returncode for process in running] == [0, 0], b"\n".join(said).decode()
        saved = [_saved(folder / name) for name in ("plain.npz", "recorded.npz")]
        return Pair(*saved, printed, folder / "out", said[1].decode())

    return drive


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """``written("boltzgen", "write_boltzgen.py")``: a folder with what a driver had the program write, and ``said``."""
    if not (PROGRAMS / "installed").exists():
        pytest.fail("the programs are not installed: make .programs/installed")

    def write(program, driver, *options):
        folder = tmp_path_factory.mktemp(program)
        made = _begun([sys.executable, str(HERE / driver), str(folder), *map(str, options)], program, folder)
        printed, said = made.communicate()
        assert made.returncode == 0, said.decode()
        (folder / "said").write_bytes(printed)
        return folder

    return write
