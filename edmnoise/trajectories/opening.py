"""Which of the runs in a folder ended in a structure, and which atom is which; what each run in it is."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..structure.structure import Structure
from .files import read_trajectory
from .matching import PLACE_TOLERANCE, Match, match_atoms
from .trace import Trace, open_trace, runs_of


@dataclass(frozen=True, eq=False, repr=False)
class Fitted(Legible):
    """A trace, and which of its atoms a structure names.

    Attributes
    ----------
    structure
        The one that was given, or the names that were recorded.
    run, runs
        Number of the run in its folder, from 1, and how many there are.
    """

    trace: Trace
    structure: Structure
    match: Match
    run: int
    runs: int


@dataclass(frozen=True, repr=False)
class Listed(Legible):
    """A run as a list shows it.

    Attributes
    ----------
    number
        From 1.
    name
        Of the input, where it is known.
    program, version
        Where they are known.
    samples, steps, atoms
        How many; 0 where it cannot be opened.
    kinds
        What was kept.
    ended
        Whether the run said so.
    named
        Whether names of its atoms were recorded.
    fault
        Why it cannot be opened, "" where it can.
    """

    number: int
    name: str
    program: str
    version: str
    samples: int
    steps: int
    atoms: int
    kinds: tuple[str, ...]
    ended: bool
    named: bool
    fault: str

    def __str__(self) -> str:
        if self.fault:
            return f"{self.number} cannot be opened"
        what = f"{self.samples} sample{'' if self.samples == 1 else 's'} of {self.atoms:,} atoms"
        return f"{self.number} {self.name} ({what})" if self.name else f"{self.number} ({what})"


def list_runs(path: str | os.PathLike[str]) -> tuple[Listed, ...]:
    """The runs of a folder or file, those that cannot be opened among them.

    Raises
    ------
    EdmNoiseError
        Where a single one is there, and cannot be opened.
    """
    numbers = _numbers(path)
    if len(numbers) == 1:
        return (_listed(numbers[0], open_trace(path)),)
    return tuple(_listed_or_not(path, number) for number in numbers)


def _numbers(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """Of the runs in a folder, by which they are chosen; 1 for a trace or a file."""
    folders = () if os.path.isfile(path) else runs_of(path)
    return tuple(int(os.path.basename(folder)) for folder in folders) if len(folders) > 1 else (1,)


def runs_table(runs: Sequence[Listed]) -> Table:
    """One row a run."""
    return Table(
        f"{len(runs)} run{'' if len(runs) == 1 else 's'}",
        (
            Column("run", [run.number for run in runs]),
            Column("input", [run.name or None for run in runs]),
            Column("program", [" ".join(filter(None, (run.program, run.version))) or None for run in runs]),
            Column("samples", [run.samples or None for run in runs]),
            Column("steps", [run.steps or None for run in runs], help="recorded ones that all samples have"),
            Column("atoms", [run.atoms or None for run in runs]),
            Column("end", [run.fault or ("ended" if run.ended else "not ended") for run in runs]),
            Column("kept", [", ".join(run.kinds) or None for run in runs], help="kinds of frames"),
        ),
    )


def fitting_trace(
    path: str | os.PathLike[str],
    structure: Structure | None = None,
    run: int | None = None,
    schedule: Sequence[float] | str | None = None,
    kind: str | None = None,
) -> Fitted:
    """Open the run that ended in a structure, or the one that is asked for.

    Parameters
    ----------
    path
        A trace, a folder of runs, or another program's file.
    structure
        Names the atoms; None for the names that were recorded.
    run
        Number of a run in its folder, from 1; all of several are tried when not given.
    schedule, kind
        Levels and kind of frames of another program's file that does not say them, as
        `edmnoise.trajectories.files.read_trajectory` takes them.

    Raises
    ------
    EdmNoiseError
        What cannot be opened, a structure that none of the runs ended in, several runs and neither of both, names that
        were not recorded.
    """
    numbers = _numbers(path)
    if schedule is not None or kind is not None:
        if os.path.isdir(path):
            raise EdmNoiseError(
                f"schedule and kind are for other programs' files: {path} is a folder, whose trace says them itself"
            )
        trace = read_trajectory(path, schedule, kind, structure)
    elif run is None and len(numbers) > 1:
        return _best(path, structure, numbers)
    else:
        trace = open_trace(path, run)
    return _named(trace, structure, run or numbers[0], len(numbers))


def like(path: str | os.PathLike[str], run: int | None, other: Fitted) -> Fitted | None:
    """Another run of the same atoms as one that was matched, which ended elsewhere; None where it has others.

    They are the same where there are as many, and where they were named alike if both were named.

    Raises
    ------
    EdmNoiseError
        What cannot be opened, several runs and none chosen.
    """
    trace = open_trace(path, run)
    names = [one.info.get("names") for one in (trace, other.trace)]
    if trace.atoms != other.trace.atoms or (None not in names and names[0] != names[1]):
        return None
    numbers = _numbers(path)
    match = Match(other.match.rows, 0, "likeness", math.nan)
    return Fitted(trace, other.structure, match, run or numbers[0], len(numbers))


def _best(path: str | os.PathLike[str], structure: Structure | None, numbers: Sequence[int]) -> Fitted:
    """The run whose end is nearest to the structure."""
    if structure is None:
        raise EdmNoiseError(f"{_all(path)}: choose one by run, or give a structure that one of them ended in")
    found: list[Fitted] = []
    for number in numbers:
        try:
            fitted = _named(open_trace(path, number), structure, number, len(numbers))
        except EdmNoiseError:
            continue
        if fitted.match.farthest <= PLACE_TOLERANCE:  # as a file of this run lies, but for rounding
            return fitted
        found.append(fitted)
    proven = [fitted for fitted in found if not math.isnan(fitted.match.farthest)]
    if proven:
        return min(proven, key=lambda fitted: fitted.match.farthest)
    if len(found) == 1:
        return found[0]
    if found:
        unproven = ", ".join(str(fitted.run) for fitted in found)
        raise EdmNoiseError(
            f"the runs {unproven} of {path} have as many atoms as the structure, and no end that would tell them "
            "apart: choose one by run"
        )
    raise EdmNoiseError(
        f"the structure's {structure.n_atoms:,} atoms are those of none of the runs: {_all(path)}; give the structure "
        "file that one of them wrote"
    )


def _named(trace: Trace, structure: Structure | None, run: int, runs: int) -> Fitted:
    given = trace.structure if structure is None else structure
    if given is None:
        raise EdmNoiseError(
            f"{trace.path} holds no names of its atoms: give a structure, best the file that this run wrote"
        )
    return Fitted(trace, given, _matched(given, trace, structure is None), run, runs)


def _matched(given: Structure, trace: Trace, recorded: bool) -> Match:
    """Which atom is which; in their order, unproven, where the trace does not hold the end of the run."""
    if recorded:
        return Match(np.arange(trace.atoms) if trace.rows is None else trace.rows, 0, "name", 0.0)
    if trace.final is not None:
        return match_atoms(given, trace.final)
    if given.n_atoms != trace.atoms:
        raise EdmNoiseError(
            f"the structure has {given.n_atoms:,} atoms and the trace {trace.atoms:,}: the end of the run was not "
            "recorded, by which they could be told apart"
        )
    return Match(np.arange(given.n_atoms), 0, "order", math.nan)


def _all(path: str | os.PathLike[str]) -> str:
    """A folder of runs in words, the first of them one by one."""
    listed = list_runs(path)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"{path} holds {len(listed)} runs: {', '.join(map(str, listed[:_SHOWN]))}{more}"


_SHOWN = 12
"""Runs that a sentence lists."""


def _listed_or_not(path: str | os.PathLike[str], number: int) -> Listed:
    try:
        return _listed(number, open_trace(path, number))
    except EdmNoiseError as error:
        return Listed(number, "", "", "", 0, 0, 0, (), False, False, str(error))


def _listed(number: int, trace: Trace) -> Listed:
    name, program, version = (_word(trace.info.get(what)) for what in ("name", "program", _VERSION))
    return Listed(
        number=number,
        name=name,
        program=program,
        version=version,
        samples=trace.ends,
        steps=len(steps_to(trace, range(trace.ends))),
        atoms=trace.atoms,
        kinds=trace.kinds,
        ended=trace.ended,
        named=trace.structure is not None,
        fault="",
    )


def steps_to(trace: Trace, samples: Sequence[int]) -> NDArray[np.int64]:
    """(S,) numbers of the recorded steps that led to each of some samples, from 0, as the run gave them back."""
    ways = ({link.step for link in trace.way(sample)} for sample in samples)
    return np.array(sorted(set.intersection(*ways)), dtype=np.int64)


def program_of(trace: Trace) -> str:
    """Program and version that a run was recorded of, as far as they are known."""
    return " ".join(filter(None, (_word(trace.info.get(what)) for what in ("program", _VERSION))))


_VERSION = "program_version"


def _word(value: object) -> str:
    return "" if value is None else str(value)
