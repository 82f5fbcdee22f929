"""python -m edmnoise sweep study.toml: many structures, many settings, one table; record: what a model really does.

version: what a report of a mistake needs.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from . import __version__
from .base.errors import EdmNoiseError
from .base.versions import versions
from .sweep.keys import KEYS
from .sweep.pools import Pool, dask_pool, local_pool
from .sweep.run import Progress
from .sweep.settings import read_settings
from .sweep.sweep import Swept, sweep
from .trajectories.command import record_command
from .trajectories.listening.folder import KEPT

REFUSED, FAILED, INTERRUPTED = 1, 3, 130
"""Exit codes: nothing or not all could be done; all was done and some tasks have no numbers; Ctrl-C."""

_RETURN, _CLEAR = "\r", "\x1b[K"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    own, command = _parted(list(sys.argv[1:] if arguments is None else arguments))
    parser = _parser()
    given, other = parser.parse_known_args(own)
    if other:
        hint = ": put the command after --, as in record --out run.trace -- program" if own[0] == "record" else ""
        parser.error(f"unrecognized arguments: {' '.join(other)}{hint}")
    given.command = command
    try:
        return int(given.run(given))
    except EdmNoiseError as error:
        print(f"edmnoise: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nedmnoise: interrupted; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED


def _parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is ours, and the command after --, of which nothing is to be understood."""
    if arguments[:1] != ["record"] or "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m edmnoise", description="Noise on biomolecules.")
    parser.add_argument("--version", action="version", version=f"edmnoise {__version__}")
    commands = parser.add_subparsers(title="commands", required=True)
    keys = "\n".join(
        textwrap.fill(f"  {name:13} {key.help}", 79, subsequent_indent=" " * 16) for name, key in KEYS.items()
    )
    sweep = commands.add_parser(
        "sweep",
        help="run a study over many structures",
        description="Run a study over many structures; the same command goes on with one that was interrupted.",
        epilog=f"keys of the study:\n{keys}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sweep.set_defaults(run=_sweep)
    sweep.add_argument("study", help="TOML file")
    sweep.add_argument("--out", metavar="FOLDER", help="folder of results (default: the study's name without .toml)")
    sweep.add_argument("--processes", type=int, metavar="N", help="processes on this machine (default: one a core)")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="Dask scheduler, tcp://host:port, in place of processes")
    sweep.add_argument(
        "--every",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how often progress is told where it is not told to a terminal (default: %(default)g)",
    )
    record = commands.add_parser(
        "record",
        help="run a command and record what its model does",
        usage="%(prog)s [options] -- command ...",
        description="Run a command unchanged, in its own environment, and record every denoiser call of the programs "
        "that are known. Its exit code is the command's.",
    )
    record.set_defaults(run=_record)
    record.add_argument("--out", default="run.trace", metavar="FOLDER", help="new folder (default: %(default)s)")
    record.add_argument(
        "--keep", default="both", choices=tuple(KEPT), help="x0: estimates alone (default: %(default)s)"
    )
    record.add_argument(
        "--every", type=int, default=1, metavar="K", help="keep the calls 1, 1 + K, 1 + 2 K, ... (default: %(default)s)"
    )
    record.add_argument(
        "--program", action="append", default=[], metavar="FILE", help="description of a program of your own, as JSON"
    )
    version = commands.add_parser("version", help="print the versions that a report of a mistake needs")
    version.set_defaults(run=_version)
    return parser


def _version(given: argparse.Namespace) -> int:
    print(versions())
    return 0


def _record(given: argparse.Namespace) -> int:
    return record_command(given.command, given.out, given.keep, given.every, given.program)


def _sweep(given: argparse.Namespace) -> int:
    settings = read_settings(given.study)
    file = Path(given.study).expanduser()
    folder = given.out or (file.with_suffix("") if file.suffix else f"{file}_sweep")
    if given.scheduler and given.processes is not None:
        raise EdmNoiseError("--processes and --scheduler are both given: give one of them")
    pool: AbstractContextManager[Pool] = dask_pool(given.scheduler) if given.scheduler else local_pool(given.processes)
    steps = sweep(settings, folder, pool)
    teller = _Teller(given.every)
    try:
        while True:
            teller.tell(next(steps))
    except StopIteration as end:
        done: Swept = end.value
    finally:
        teller.end()
    print(done.lines[0])
    for line in done.lines[1:]:
        print(f"edmnoise: {line}", file=sys.stderr)
    if done.again:
        print(f"edmnoise: the same command tries {done.again:,} of these again", file=sys.stderr)
    print(*done.files, sep="\n")
    return FAILED if done.failed else 0


class _Teller:
    """Progress on stderr: one line that is written over in a terminal, a new line from time to time elsewhere."""

    def __init__(self, every: float) -> None:
        self.terminal = sys.stderr.isatty()
        self.every = 0.1 if self.terminal else every
        self.told = -float("inf")
        self.last = ""

    def tell(self, progress: Progress) -> None:
        if time.monotonic() - self.told < self.every and progress.done < progress.total:
            return
        share = f"{progress.done:,} of {progress.total:,} tasks"
        failed = f", {progress.failed:,} without numbers" if progress.failed else ""
        left = "" if progress.left is None else f", {_time(progress.left)} left"
        workers = "" if progress.workers else ", no workers yet"
        line = f"{share}{failed}{left}{workers}"
        if line == self.last:
            return
        self.told, self.last = time.monotonic(), line
        text = f"{_RETURN}{line}{_CLEAR}" if self.terminal else f"{line}\n"
        print(text, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.terminal and self.last:
            print(file=sys.stderr)


def _time(seconds: float) -> str:
    """Hours, minutes, seconds: "2 h 5 min", "3 min 20 s", "7 s"."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


if __name__ == "__main__":
    sys.exit(main())
