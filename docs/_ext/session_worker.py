"""The process behind a page: runs what stands in each line of its input, and answers with what that printed.

PyMOL prints from Python and from C: what is kept is all that reaches the two standard files of the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any


def printed_by(work: Callable[[], bool]) -> dict[str, Any]:
    """All that is printed meanwhile, whoever prints it, and what the work returns."""
    saved = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as kept:
        for number in (1, 2):
            os.dup2(kept.fileno(), number)
        try:
            ok = work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in enumerate(saved, 1):
                os.dup2(descriptor, number)
                os.close(descriptor)
        kept.seek(0)
        return {"ok": ok, "output": kept.read().decode("utf-8", "replace")}


def pymol_lines() -> Callable[[str], bool]:
    """A function that runs a line as typed in PyMOL, and tells whether it went well."""
    from pymol import cmd

    cmd.reinitialize()  # the first call starts PyMOL
    import edmnoise_pymol  # noqa: F401  (registers the commands)

    return lambda line: bool(cmd._parser.parse(line))


def shell_line(line: str) -> bool:
    """Run a line by the shell."""
    return subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, timeout=300, check=False).returncode == 0


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run: dict[str, Callable[[str], bool]] = {"shell": shell_line}
    for request in iter(sys.stdin.readline, ""):
        step: dict[str, Any] = json.loads(request)
        if step["kind"] not in run:
            run[step["kind"]] = pymol_lines()
        done = [printed_by(partial(run[step["kind"]], line)) for line in step["lines"]]
        answers.write(json.dumps(done) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
