"""What an import of ours takes, in new processes, and no torch in it: the face's over bare Python, the plugin's over
PyMOL's own."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from .harness import Result, show

REPEATS = 9
FACE, PLUGIN = 10.0, 20.0
"""Milliseconds: starts that are this much longer are not felt."""

_SCRIPT = """
import json, sys, time
start = time.perf_counter()
{before}
middle = time.perf_counter()
import {ours}
end = time.perf_counter()
print(json.dumps([middle - start, end - middle, sorted({heavy} & set(sys.modules))]))
"""


def run() -> list[Result]:
    """Each import beside what it comes on top of; the target is the limit as a share of that."""
    start = "import subprocess; subprocess.run([sys.executable, '-c', ''], check=True)"
    pymol = "import pymol; from pymol import cmd"
    return [
        _timed("edmnoise", start, "a bare Python", {"torch", "numpy", "scipy"}, FACE),
        _timed("edmnoise_pymol", pymol, "import pymol", {"torch", "scipy", "PyQt5"}, PLUGIN),
    ]


def _timed(ours: str, before: str, named: str, heavy: set[str], limit: float) -> Result:
    script = _SCRIPT.format(before=before, ours=ours, heavy=heavy)
    times = []
    for _ in range(REPEATS + 1):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        *taken, brought = json.loads(done.stdout)
        if brought:
            raise AssertionError(f"importing {ours} imports {', '.join(brought)}")
        times.append(taken)
    bare, added = (1e3 * median(column) for column in zip(*times[1:], strict=True))
    return Result(f"import {ours} (at most {limit:g} ms); {named}", added, bare, limit / bare, "at_most")


if __name__ == "__main__":
    print(show(run()))
