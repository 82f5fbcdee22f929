"""A trace: the folder that holds every denoiser call of a real run, read step by step without loading it.

``docs/traces.rst`` describes the folder. `edmnoise.trajectories.listening` writes it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError, one_of
from ..base.legible import Legible
from ..structure.files.dcd import mapped_frames
from ..structure.structure import Structure
from .lines import NO_MOTION, Call, Motion, read_calls
from .listening.folder import CALLS, FINAL, FORMAT, KEPT, RUN, VERSION, frames_file
from .naming import named_rows, named_structure

KINDS = KEPT["both"]
"""Kinds of frames that a trace may hold."""


@dataclass(frozen=True, eq=False, repr=False)
class Link(Legible):
    """A recorded step on the way to one end of the run, and what was recorded of the motion after it.

    Attributes
    ----------
    step
        Its number, from 1.
    sample
        Number of the sample, from 0, that the way went through in this step.
    row
        Which of the sample's frames it is.
    sigma
        Level that the denoiser was told, angstrom.
    turned, aligned, guided
        Of this way, up to its next recorded step or its end, as in `Motion`; None and NaN where it was not recorded.
    """

    step: int
    sample: int
    row: int
    sigma: float
    turned: NDArray[np.float64] | None
    aligned: NDArray[np.float64] | None
    guided: float


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Legible):
    """What a recorded run holds; coordinates stay in their files until they are asked for.

    Attributes
    ----------
    path
        The folder.
    info
        What ``run.json`` says: format and version; program, command, seed, settings and names where they are known.
    calls
        In the order in which they were made; those of which every frame is there.
    samples
        How many were recorded.
    kinds
        What was kept: "noisy", "denoised" or both.
    ended
        Whether the run said that it had ended; False where it was killed, or still goes on.
    final
        (ends, N, 3) float32, angstrom: the sampler's result, where it was recorded.
    steps, sigmas
        (S,) numbers of the recorded steps that every sample has, and their levels in sample 0, angstrom.
    """

    path: str
    info: Mapping[str, Any]
    calls: tuple[Call, ...]
    atoms: int
    """N."""
    samples: int
    kinds: tuple[str, ...]
    ended: bool
    final: NDArray[np.float32] | None
    read: Callable[[str, int], NDArray[np.float32]] = field(repr=False)
    """Kind, sample -> (F, N, 3): all of its frames, in the order of its calls; mapped from a file, or in memory."""
    structure: Structure | None = None
    """Its atoms by name, where they were recorded or stand in the file."""
    rows: NDArray[np.int64] | None = None
    """Which of the N atoms those of the structure are, where a model pads them; None where they are all."""
    closing: Motion = field(default=NO_MOTION, repr=False)
    """What moved the samples after their last call."""

    # Described above: Sphinx takes descriptions here and `steps` of other classes for each other.
    @property
    def steps(self) -> NDArray[np.int64]:
        return self.steps_of(range(self.samples))

    @property
    def ends(self) -> int:
        """Number of samples that the run gave back: fewer than were recorded where it chose among them."""
        chosen = self.closing.continues
        return self.samples if chosen is None else len(chosen)

    @property
    def sigmas(self) -> NDArray[np.float64]:
        levels = {call.step: call.sigma for call in self._made[0]}
        return np.array([levels[step] for step in self.steps.tolist()])

    def frames(
        self, kind: str, sample: int, steps: Sequence[int] | NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """(S, N, 3) float32, angstrom: what the denoiser was given ("noisy") or gave ("denoised").

        Parameters
        ----------
        kind
            One of `kinds`.
        sample
            Number of the sample, from 0.
        steps
            Numbers of steps; `steps` when not given.

        Raises
        ------
        EdmNoiseError
            A kind that was not kept, a sample or a step that is not there.
        """
        if kind not in self.kinds:
            raise EdmNoiseError(f"{self.path} holds no {kind} frames: give {one_of(self.kinds)}")
        self._check_sample(sample)
        rows = self._rows(sample, self.steps if steps is None else steps)
        frames = self.read(kind, sample)
        # One after the other they stay in the file.
        in_a_row = len(rows) > 0 and rows == list(range(rows[0], rows[0] + len(rows)))
        return frames[rows[0] : rows[0] + len(rows)] if in_a_row else frames[rows]

    def steps_of(self, samples: Sequence[int]) -> NDArray[np.int64]:
        """(S,) numbers of the recorded steps that each of some samples has."""
        steps = set.intersection(*(set(self._steps[sample]) for sample in samples))
        return np.array(sorted(steps), dtype=np.int64)

    def way(self, end: int) -> tuple[Link, ...]:
        """The recorded steps that lead to an end of the run, the first one first: those of the samples it continues.

        Parameters
        ----------
        end
            Its number, from 0.

        Raises
        ------
        EdmNoiseError
            No such end.
        """
        if not 0 <= end < self.ends:
            raise EdmNoiseError(f"{self.path} has no sample {end}: give a number from 0 to {self.ends - 1}")
        way: list[Link] = []
        motion, row, sample, step = self.closing, end, _before(self.closing, end, end), math.inf
        while (made := self._last_before(sample, step)) is not None:
            step, frame, call = made
            way.append(
                Link(
                    step=call.step,
                    sample=sample,
                    row=frame,
                    sigma=call.sigma,
                    turned=None if motion.turned is None else motion.turned[row],
                    aligned=None if motion.aligned is None else motion.aligned[row],
                    guided=math.nan if motion.guided is None else float(motion.guided[row]),
                )
            )
            motion, row = call.motion, call.samples.index(sample)
            sample = _before(motion, row, sample)
        return tuple(way[::-1])

    def _last_before(self, sample: int, step: float) -> tuple[int, int, Call] | None:
        """The last call of a sample before a step: its step, which of the sample's frames it has, and the call."""
        if sample >= self.samples:
            return None
        steps = self._steps[sample]
        place = bisect_left(steps, step) - 1
        return None if place < 0 else (steps[place], place, self._made[sample][place])

    @cached_property
    def _made(self) -> list[list[Call]]:
        """For each sample its calls."""
        found: list[list[Call]] = [[] for _ in range(self.samples)]
        for call in self.calls:
            for sample in call.samples:
                found[sample].append(call)
        return found

    @cached_property
    def _steps(self) -> list[list[int]]:
        return [[call.step for call in made] for made in self._made]

    def _rows(self, sample: int, steps: Sequence[int] | NDArray[np.int64]) -> list[int]:
        rows = {step: row for row, step in enumerate(self._steps[sample])}
        missing = [int(step) for step in steps if int(step) not in rows]
        if missing:
            raise EdmNoiseError(
                f"sample {sample} of {self.path} has no step {missing[0]}: "
                f"it has {len(rows)}, from {min(rows)} to {max(rows)}"
            )
        return [rows[int(step)] for step in steps]

    def _check_sample(self, sample: int) -> None:
        if not 0 <= sample < self.samples:
            raise EdmNoiseError(f"{self.path} has no sample {sample}: give a number from 0 to {self.samples - 1}")


def _before(motion: Motion, row: int, sample: int) -> int:
    """The sample that a sample continues."""
    return sample if motion.continues is None else motion.continues[row]


def open_trace(path: str | os.PathLike[str], run: int | None = None) -> Trace:
    """Open a folder that a recorder has written or still writes, or a file of another program.

    Lines and frames that are not whole are left out.

    Parameters
    ----------
    path
        A trace, a folder of them, or a trajectory (`edmnoise.trajectories.files.read_trajectory`).
    run
        Which one of a folder of runs, by its number; needed where there are several.

    Raises
    ------
    EdmNoiseError
        Nothing there, another folder than a trace, one of a newer version or one without calls; several runs and none
        chosen, or one that is not there.
    """
    given = os.path.expanduser(os.fspath(path))
    if os.path.isfile(given):
        if run is not None:
            raise EdmNoiseError(f"run is {run}, and {given} is a file: leave run out")
        from .files import read_trajectory  # it makes traces of files

        return read_trajectory(given)
    folder = _chosen(given, run)
    info = _info(folder)
    kinds = tuple(info["kinds"])

    def read(kind: str, sample: int) -> NDArray[np.float32]:
        return mapped_frames(os.path.join(folder, frames_file(kind, sample)))

    def frames_of(sample: int) -> int:
        return min(_frames_in(os.path.join(folder, frames_file(kind, sample))) for kind in kinds)

    def lost(call: Call) -> str:
        """What a call's frames should be in, and are not."""
        files = (frames_file(kind, sample) for sample in call.samples for kind in kinds)
        name = next(name for name in files if not _frames_in(os.path.join(folder, name)))
        there = os.path.exists(os.path.join(folder, name))
        return f"{name} is {'not whole' if there else 'not there'}"

    found = read_calls(os.path.join(folder, CALLS), frames_of)
    if not found.calls:
        told = read_calls(os.path.join(folder, CALLS), lambda _: sys.maxsize).calls
        if told:
            raise EdmNoiseError(
                f"{folder} tells of {len(told):,} call{'' if len(told) == 1 else 's'} and lacks their frames: "
                f"{lost(told[0])}"
            )
        raise EdmNoiseError(f"{folder} holds no calls: the denoiser was not called, or not yet")
    samples = 1 + max(max(call.samples) for call in found.calls)
    atoms = read(kinds[0], found.calls[0].samples[0]).shape[1]
    ends = samples if found.closing.continues is None else len(found.closing.continues)
    final = _final(folder, ends, atoms)
    rows = named_rows(info.get("names"), atoms)
    coordinates = read(kinds[-1], 0)[-1] if final is None else final[0]
    return Trace(
        path=folder,
        info=info,
        calls=found.calls,
        atoms=atoms,
        samples=samples,
        kinds=kinds,
        ended=found.ended,
        final=final,
        read=read,
        structure=named_structure(info.get("names"), coordinates, rows),
        rows=rows,
        closing=found.closing,
    )


def runs_of(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The traces in a folder of runs, by number; a trace is its own only one.

    Raises
    ------
    EdmNoiseError
        No such folder, or one that holds none.
    """
    folder = os.path.expanduser(os.fspath(path))
    if not os.path.isdir(folder):
        raise EdmNoiseError(f"there is no folder or file {folder}: give that of a trace")
    if os.path.exists(os.path.join(folder, RUN)):
        return (folder,)
    numbers = sorted(int(name) for name in os.listdir(folder) if name.isdecimal())
    runs = tuple(os.path.join(folder, str(number)) for number in numbers)
    runs = tuple(run for run in runs if os.path.exists(os.path.join(run, RUN)))
    if not runs:
        raise EdmNoiseError(f"{folder} is no trace: it holds no {RUN} that says so, and no runs")
    return runs


def _chosen(path: str, run: int | None) -> str:
    runs = runs_of(path)
    if runs == (path,):
        if run not in (None, 1):
            raise EdmNoiseError(f"run is {run}, and {path} is one trace: leave run out")
        return path
    numbers = [int(os.path.basename(found)) for found in runs]
    several = f"{len(runs)} runs, from {numbers[0]} to {numbers[-1]}"
    there = f"{path} holds {several if len(runs) > 1 else f'one run, {numbers[0]}'}"
    if run is None and len(runs) > 1:
        raise EdmNoiseError(f"{there}: say which one, as in run={numbers[0]}")
    if run is not None and run not in numbers:
        raise EdmNoiseError(f"run is {run}, and {there}")
    return runs[0] if run is None else runs[numbers.index(run)]


def _info(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, RUN), encoding="utf-8") as handle:
            info: dict[str, Any] = json.load(handle)
        known = info["format"] == FORMAT
        version = int(info["version"])
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise EdmNoiseError(f"{folder} is no trace: it holds no {RUN} that says so")
    if version > VERSION:
        raise EdmNoiseError(
            f"{folder} is a trace of version {version}, and this edmnoise reads up to {VERSION}: use a newer one"
        )
    kinds = info.get("kinds")
    if not (isinstance(kinds, list) and kinds and all(kind in KINDS for kind in kinds)):
        raise EdmNoiseError(f"{folder} says that it holds {kinds!r}: {one_of(KINDS)} was expected")
    return info


def _frames_in(path: str) -> int:
    try:
        return len(mapped_frames(path))
    except EdmNoiseError:  # not there, or torn within its header
        return 0


def _final(folder: str, samples: int, atoms: int) -> NDArray[np.float32] | None:
    path = os.path.join(folder, FINAL)
    if not os.path.exists(path):
        return None
    frames = mapped_frames(path)
    return frames if frames.shape == (samples, atoms, 3) else None
