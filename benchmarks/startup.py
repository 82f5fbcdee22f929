"""What the plugin adds to PyMOL's start: its import, in new processes, and no torch in it."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from .harness import Result, show

REPEATS = 9
LIMIT = 30.0
"""Milliseconds: a start that is this much longer is not felt."""

_SCRIPT = """
import json, sys, time
start = time.perf_counter()
import pymol
from pymol import cmd
middle = time.perf_counter()
import edmnoise_pymol
end = time.perf_counter()
print(json.dumps([middle - start, end - middle, sorted({"torch", "scipy", "PyQt5"} & set(sys.modules))]))
"""


def run() -> list[Result]:
    """PyMOL's own import beside the plugin's behind it; the target is the limit as a share of PyMOL's."""
    times = []
    for _ in range(REPEATS + 1):
        done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
        *taken, heavy = json.loads(done.stdout)
        if heavy:
            raise AssertionError(f"importing edmnoise_pymol imports {', '.join(heavy)}")
        times.append(taken)
    bare, plugin = (1e3 * median(column) for column in zip(*times[1:], strict=True))
    job = f"import edmnoise_pymol (at most {LIMIT:g} ms); import pymol"
    return [Result(job, plugin, bare, LIMIT / bare, "at_most")]


if __name__ == "__main__":
    print(show(run()))
