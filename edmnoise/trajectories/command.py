"""Runs a command unchanged while `listening` hears its processes, and says in one line what was recorded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..base.errors import EdmNoiseError, one_of
from .listening.folder import CALLS, KEPT, RUN
from .listening.hooks import OPTIONS
from .listening.notes import NOTES, SEEN

RECORDING = "recording.json"
"""In the folder of runs: the command and its options."""

NOT_FOUND, NOT_RUN, BY_SIGNAL = 127, 126, 128
"""Exit codes that shells have for a command that is not there, or cannot be run; and what they add to a signal's."""

KEYS: dict[str, tuple[set[str], set[str]]] = {
    "": (
        {"program", "distributions", "module", "sampler", "denoiser"},
        set(
            "when same motion settings seed name names preset align calls_per_step turns read_only files notes".split()
        ),
    ),
    "sampler.": ({"function"}, {"result", "all_steps"}),
    "denoiser.": ({"x", "sigma"}, {"function", "argument", "out", "whole", "rows"}),
    "names.": (
        set(),
        {"atom", "element", "token", "residue", "residue_name", "chain", "mask", "first", "atom_array"},
    ),
}
"""What a spec needs, and what it may have; ``docs/traces.rst`` says what each is."""

_HERE = Path(__file__).parent
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def record_command(
    command: Sequence[str],
    out: str | os.PathLike[str],
    keep: str = "both",
    every: int = 1,
    programs: Sequence[str | os.PathLike[str]] = (),
) -> int:
    """Run a command and record into a folder each run of a program that is known; the command's exit code.

    The command has the same input, output, error and arguments as without; its environment has one variable more, and
    one folder in front of ``PYTHONPATH``. What was recorded, or why nothing was, is one line on the standard error.

    Parameters
    ----------
    out
        A folder that is not there yet, or an empty one; it is not left behind where nothing was recorded.
    keep, every
        As `edmnoise.trajectories.recording.record` has them.
    programs
        More specs, beside those of ``edmnoise/trajectories/programs``; of a module that is known they take the place.

    Raises
    ------
    EdmNoiseError
        No command, a folder that holds something or cannot be made, a spec that is none, another ``keep`` or ``every``.
    """
    if not command:
        raise EdmNoiseError("there is no command: give it after --, as in edmnoise record --out run.trace -- program")
    if keep not in KEPT:
        raise EdmNoiseError(f"keep is {keep!r}: give {one_of(tuple(KEPT))}")
    if every < 1:
        raise EdmNoiseError(f"every is {every}: give a whole number from 1")
    specs = _specs(programs)
    folder = _Folder(out)
    options = {"out": folder.path, "keep": keep, "every": every, "programs": [str(file.resolve()) for file in specs]}
    folder.begin({"command": list(command), "keep": keep, "every": every})
    try:
        code = _run(command, os.environ | {OPTIONS: json.dumps(options), "PYTHONPATH": _path()})
    except OSError as error:
        folder.remove()
        missing = isinstance(error, FileNotFoundError)
        print(f"edmnoise: nothing was recorded: {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND if missing else NOT_RUN
    print(f"edmnoise: {folder.end()}", file=sys.stderr)
    return code


def _specs(programs: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Those that are known, of modules that the given ones do not describe, and the given ones."""
    given = {_checked(file): _module(Path(file)) for file in programs}
    known = sorted((_HERE / "programs").glob("*.json"))
    return [*(file for file in known if _module(file) not in given.values()), *given]


def _module(spec: Path) -> str:
    return str(json.loads(spec.expanduser().read_text(encoding="utf-8"))["module"])


def _checked(file: str | os.PathLike[str]) -> Path:
    """The file, where it is a spec; `listening.hooks` reads it in the program's own Python."""
    path = Path(file).expanduser()
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is no JSON ({error})"
        raise EdmNoiseError(f"{path} cannot be read as the description of a program: {why}") from None
    parts = {"": _part({"": spec}, "")} | {f"{name}.": _part(spec, name) for name in ("sampler", "denoiser", "names")}
    for prefix, part in parts.items():
        needed, known = KEYS[prefix]
        missing, other = sorted(needed - set(part)), sorted(set(part) - needed - known)
        if missing or other:
            what = f"lacks {prefix}{missing[0]}" if missing else f"has {prefix}{other[0]}"
            raise EdmNoiseError(
                f"{path} describes no program: it {what}, and may have {one_of(sorted(needed | known))}"
            )
    denoiser = spec["denoiser"]
    if ("function" in denoiser) == ("argument" in denoiser):
        raise EdmNoiseError(f"{path} describes no program: its denoiser is a function or an argument of the sampler")
    return path


def _part(spec: Any, name: str) -> dict[str, Any]:
    if not isinstance(spec, dict):
        return {}
    part = spec.get(name, {})
    return part if isinstance(part, dict) else {}


def _path() -> str:
    own, given = str(_HERE.resolve() / "listening" / "inside"), os.environ.get("PYTHONPATH")
    return f"{own}{os.pathsep}{given}" if given else own


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code as a shell has it."""
    sys.stdout.flush()
    sys.stderr.flush()
    with _signals() as (children, early):
        child = subprocess.Popen(list(command), env=environment)
        children.append(child)
        for number in early:
            child.send_signal(number)
        code = child.wait()
    return code if code >= 0 else BY_SIGNAL - code


@contextmanager
def _signals() -> Iterator[tuple[list[subprocess.Popen[bytes]], list[int]]]:
    """Ctrl-C goes to the command by itself, and others are handed on: the command says how it ends.

    Yields where the command is to be put, and the signals that came before it was there.
    """
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def hand_on(number: int, frame: Any) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    handlers: dict[int, Any] = {signal.SIGINT: lambda number, frame: None}
    handlers |= {getattr(signal, name): hand_on for name in _FORWARDED if hasattr(signal, name)}
    before = {number: signal.getsignal(number) for number in handlers}
    # What is ignored, as under nohup, is so by the command as well.
    changed = {number: handler for number, handler in handlers.items() if before[number] is not signal.SIG_IGN}
    try:
        for number, handler in changed.items():
            signal.signal(number, handler)
        yield children, early
    finally:
        for number in changed:
            signal.signal(number, before[number])


class _Folder:
    """The folder of runs."""

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.path.expanduser(os.fspath(out)))
        self._shown = os.fspath(out)
        self._own = not os.path.isdir(self.path)
        self._about: dict[str, Any] = {}

    def begin(self, about: dict[str, Any]) -> None:
        self._about = about
        try:
            if self._own:
                os.mkdir(self.path)
            elif os.listdir(self.path):
                raise EdmNoiseError(f"{self._shown} holds something already: give a folder that is new or empty")
            self._write()
        except OSError as error:
            raise EdmNoiseError(f"cannot make the folder {self._shown}: {error.strerror or error}") from None

    def _write(self) -> None:
        Path(self.path, RECORDING).write_text(json.dumps(self._about, indent=1), encoding="utf-8")

    def remove(self) -> None:
        """What is not ours stays."""
        for run in _numbered(self.path):  # which holds no call
            shutil.rmtree(run, ignore_errors=True)
        for name in (RECORDING, NOTES, SEEN):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        if self._own:
            with suppress(OSError):
                os.rmdir(self.path)

    def end(self) -> str:
        """What was recorded, or why nothing was; recording.json takes the notes in."""
        if not os.path.isdir(self.path):
            return f"nothing was recorded: {self._shown} was removed"
        notes = list(_notes(os.path.join(self.path, NOTES)))
        faults = {note["path"]: note["fault"] for note in notes if note["about"] == "run"}
        runs = [run for run in (_Recorded.of(path, faults.get(path, "")) for path in _numbered(self.path)) if run]
        if not any(run.calls for run in runs):
            begun = len(_numbered(self.path))
            why = _why_nothing(notes, os.path.exists(os.path.join(self.path, SEEN)), begun)
            self.remove()
            return f"nothing was recorded: {why}"
        self._about["notes"] = notes
        self._write()
        for name in (NOTES, SEEN):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        silent = sum(note["about"] == "silent" for note in notes)
        unheard = [f"{_plural(silent, 'run')} made no denoiser call that could be heard"] if silent else []
        return "; ".join([_told(runs, self._shown), *unheard, *_warned(notes)[:1]])


def _notes(path: str) -> Iterator[dict[str, Any]]:
    with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            with suppress(ValueError):
                yield json.loads(line)


def _warned(notes: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(note["sentence"] for note in notes if note["about"] == "warned"))


def _numbered(folder: str) -> list[str]:
    """The folders of runs, in their order."""
    return [os.path.join(folder, name) for name in sorted(filter(str.isdigit, os.listdir(folder)), key=int)]


class _Recorded(NamedTuple):
    """What a trace holds, without its coordinates."""

    info: dict[str, Any]
    calls: int
    samples: int
    steps: int
    atoms: int
    ended: bool
    fault: str
    """Why the recording stopped before the run did."""
    size: int

    @classmethod
    def of(cls, folder: str, fault: str) -> _Recorded | None:
        try:
            info = json.loads(Path(folder, RUN).read_text(encoding="utf-8"))
            lines = Path(folder, CALLS).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return None
        calls, ended = [], False
        for line in lines:
            with suppress(ValueError):
                call = json.loads(line)
                ended = ended or "ended" in call
                calls += [call] if "samples" in call else []
        size = 0
        frames = None
        for entry in os.scandir(folder):
            size += entry.stat().st_size
            frames = entry.path if entry.name.startswith("denoised_") else frames
        samples = len({sample for call in calls for sample in call["samples"]})
        steps = len({call["step"] for call in calls})
        return cls(info, len(calls), samples, steps, _atoms(frames), ended, fault, size)


def _atoms(frames: str | None) -> int:
    if frames is None:
        return 0
    with open(frames, "rb") as handle:
        handle.seek(188)
        return int.from_bytes(handle.read(4), "little")


def _why_nothing(notes: list[dict[str, Any]], seen: bool, begun: int) -> str:
    """One clause; begun is the number of runs whose denoiser was called."""
    warned = _warned(notes) + [f"recording stopped: {note['fault']}" for note in notes if note.get("fault")]
    called = sorted({note["program"] for note in notes if note["about"] == "called"})
    imported = sorted({note["program"] for note in notes if note["about"] == "imported"})
    if warned:
        return warned[0]
    if begun:
        return f"the program ended before a call of its {_plural(begun, 'run')} was written"
    if called:
        return f"the sampler of {one_of(called)} was called, its denoiser was not (or torch.compile took both as one)"
    if imported:
        return f"{one_of(imported)} was imported, and its sampler was never called"
    kept_out = "a container, python -I, -E or -S, and Python before 3.10 keep the recorder out"
    if seen:
        return f"no program that is known was imported ({kept_out})"
    return f"no Python of the command could be listened to ({kept_out})"


def _told(runs: list[_Recorded], shown: str) -> str:
    held = [run for run in runs if run.calls]
    programs = Counter(_program(run.info) for run in held)
    samples, steps, atoms = ({getattr(run, name) for run in held} for name in ("samples", "steps", "atoms"))
    size = sum(run.size for run in held)
    counts = f"{_range(samples, 'sample')} of {_range(atoms, 'atom')}, {_range(steps, 'step')}"
    each = " each" if len(held) > 1 else ""
    lines = [f"recorded {_plural(len(held), 'run')} of {', '.join(programs)} in {shown}: {counts}{each}, {_size(size)}"]
    for what, why in (
        ("did not end", ["" for run in held if not run.ended and not run.fault]),
        ("stopped being recorded", [run.fault for run in held if run.fault]),
        ("lost how its samples turn", [run.info["motion_lost"] for run in held if "motion_lost" in run.info]),
    ):
        if why:
            lines.append(f"{_plural(len(why), 'run')} {what}" + f" ({why[0]})" * bool(why[0]))
    return "; ".join(lines)


def _program(info: Mapping[str, Any]) -> str:
    """Its name and version, and whether that one was tried."""
    name, version, tried = info.get("program", "?"), info.get("program_version"), info.get("tried")
    if version is None:
        return f"{name} (of an unknown version)"
    of = f"{info['distribution']} {version}"
    if info.get("read_only"):
        return f"{name} ({of}; hooked by its source, not tried)"
    return f"{name} ({of})" if version == tried else f"{name} ({of}, tried with {tried})"


def _range(numbers: set[int], noun: str) -> str:
    low, high = min(numbers), max(numbers)
    return _plural(low, noun) if low == high else f"{low:,} to {high:,} {noun}s"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _size(count: int) -> str:
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{count / 1e6:.1f} MB"
        if count >= 1e5
        else f"{count / 1e3:.0f} kB"
    )
