"""A trace: the folder that holds every denoiser call of a real run, read step by step without loading it.

``docs/traces.rst`` describes the folder. `edmnoise.trajectories.recorder` writes it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError, one_of
from ..base.legible import Legible
from ..base.memory import check_frames_fit
from ..structure.files.dcd import mapped_frames
from ..structure.hierarchy import check_three
from ..structure.structure import Structure
from ..structure.superpose import move, superpose
from .recorder import CALLS, FINAL, FORMAT, KEPT, RUN, VERSION, frames_file
from .run import Run

KINDS = KEPT["both"]
"""Kinds of frames that a trace may hold."""

_ENDED = {"ended": True}
"""The line of a run that has ended as it should."""


@dataclass(frozen=True, repr=False)
class Call(Legible):
    """One call of the denoiser.

    Attributes
    ----------
    number
        Which call of the run, from 1.
    step
        Which call of its samples, from 1.
    samples
        Numbers of the samples that it was made for, from 0.
    sigma
        Level that the denoiser was told, angstrom.
    """

    number: int
    step: int
    samples: tuple[int, ...]
    sigma: float


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
        How many.
    kinds
        What was kept: "noisy", "denoised" or both.
    ended
        Whether the run said that it had ended; False where it was killed, or still goes on.
    final
        (samples, N, 3) float32, angstrom: the sampler's result, where it was recorded.
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
    """Its N atoms by name, where they were recorded or stand in the file."""

    # Described above: Sphinx takes descriptions here and `steps` of other classes for each other.
    @property
    def steps(self) -> NDArray[np.int64]:
        return self.steps_of(range(self.samples))

    @property
    def sigmas(self) -> NDArray[np.float64]:
        return np.array([self._levels[0][step] for step in self.steps.tolist()])

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

    @cached_property
    def _levels(self) -> list[dict[int, float]]:
        """For each sample {step: level}, in the order of its frames."""
        found: list[dict[int, float]] = [{} for _ in range(self.samples)]
        for call in self.calls:
            for sample in call.samples:
                found[sample][call.step] = call.sigma
        return found

    def steps_of(self, samples: Sequence[int]) -> NDArray[np.int64]:
        """(S,) numbers of the recorded steps that each of some samples has."""
        steps = set.intersection(*(set(self._levels[sample]) for sample in samples))
        return np.array(sorted(steps), dtype=np.int64)

    def _rows(self, sample: int, steps: Sequence[int] | NDArray[np.int64]) -> list[int]:
        rows = {step: row for row, step in enumerate(self._levels[sample])}
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


def runs_of(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The trace folders in a folder of runs, in their order; the folder itself where it is a trace."""
    folder = os.path.expanduser(os.fspath(path))
    if not os.path.isdir(folder) or os.path.exists(os.path.join(folder, RUN)):
        return (folder,)
    inside = sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
    found = [os.path.join(folder, name) for name in inside]
    return tuple(one for one in found if os.path.exists(os.path.join(one, RUN))) or (folder,)


def open_trace(path: str | os.PathLike[str], run: int | None = None) -> Trace:
    """Open a folder that a recorder has written or still writes; lines and frames that are not whole are left out.

    Raises
    ------
    EdmNoiseError
        No such folder, another folder than a trace, one of a newer version, or one without calls.
    """
    folders = runs_of(path)
    if run is None and len(folders) > 1:
        raise EdmNoiseError(f"{path} holds {len(folders)} runs: give run, a number from 1 to {len(folders)}")
    if run is not None and not 1 <= run <= len(folders):
        raise EdmNoiseError(f"run is {run}: {path} holds {len(folders)}, from 1")
    folder = folders[(run or 1) - 1]
    info = _info(folder)
    kinds = tuple(info["kinds"])
    calls, ended = _calls(folder, kinds)
    if not calls:
        raise EdmNoiseError(f"{folder} holds no calls: the denoiser was not called, or not yet")
    samples = 1 + max(max(call.samples) for call in calls)
    atoms = mapped_frames(os.path.join(folder, frames_file(kinds[0], calls[0].samples[0]))).shape[1]

    def read(kind: str, sample: int) -> NDArray[np.float32]:
        return mapped_frames(os.path.join(folder, frames_file(kind, sample)))

    return Trace(
        path=folder,
        info=info,
        calls=tuple(calls),
        atoms=atoms,
        samples=samples,
        kinds=kinds,
        ended=ended,
        final=_final(folder, samples, atoms),
        read=read,
    )


def _info(folder: str) -> dict[str, Any]:
    if not os.path.isdir(folder):
        raise EdmNoiseError(f"there is no folder {folder}: give that of a trace")
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


def _calls(folder: str, kinds: Sequence[str]) -> tuple[list[Call], bool]:
    """Calls of which every frame is there, and whether the run said that it had ended."""
    calls: list[Call] = []
    read: Counter[int] = Counter()
    there: dict[int, int] = {}
    for line in _lines(os.path.join(folder, CALLS)):
        if line == _ENDED:
            return calls, True
        call = _call(line)
        if call is None:
            break
        read.update(call.samples)
        for sample in call.samples:
            if sample not in there:
                there[sample] = min(_frames_in(os.path.join(folder, frames_file(kind, sample))) for kind in kinds)
        if any(read[sample] > there[sample] for sample in call.samples):
            break
        calls.append(call)
    return calls, False


def _lines(path: str) -> Iterator[Any]:
    """Whole lines; a torn one ends them."""
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            if not line.endswith("\n"):
                return
            try:
                yield json.loads(line)
            except ValueError:
                return


def _call(line: Any) -> Call | None:
    """What a line says, None where it is not that of a call."""
    try:
        samples = tuple(int(sample) for sample in line["samples"])
        call = Call(int(line["call"]), int(line["step"]), samples, float(line["sigma"]))
    except (KeyError, TypeError, ValueError):
        return None
    return call if samples and min(samples) >= 0 else None


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


def run_of(
    trace: Trace,
    structure: Structure,
    samples: Sequence[int] | None = None,
    steps: Sequence[int] | None = None,
    rows: NDArray[np.int64] | None = None,
    lay: str | None = None,
) -> Run:
    """The run, each step laid on the end by superposition, and the end on the structure.

    Samplers of structure predictors turn and shift the samples at each step, and a trace does not say how. So each
    estimate is superposed on its end, and x goes along. What the whole turned by itself is lost with that: what is to
    go, and freeze-out, are those of the shape alone (docs/traces.rst measures what that makes of them).

    Parameters
    ----------
    structure
        In three levels.
    samples, steps
        Their numbers; all samples and the steps that they have in common when not given.
    rows
        (N,) which atom of the trace each atom of the structure is (`edmnoise.trajectories.matching`), for models pad
        their atoms; all in their order when not given.

    Returns
    -------
    Run
        Its end is ``trace.final``, or where there is none the last estimate of each sample; partial where the run did
        not say that it had ended. What was not kept (``noisy``) is NaN.

    Raises
    ------
    EdmNoiseError
        Another number of atoms, no denoised frames, samples or steps that are not there, samples of different levels,
        groups of another depth than three, a record that does not fit in memory.
    """
    check_three(structure.hierarchy)
    held = np.arange(trace.atoms) if rows is None else rows
    if structure.n_atoms != len(held):
        raise EdmNoiseError(f"the structure has {structure.n_atoms:,} atoms and {trace.path} {len(held):,}")
    chosen = list(range(trace.samples) if samples is None else samples)
    if not chosen:
        raise EdmNoiseError("no samples are chosen: give at least one")
    for sample in chosen:
        trace._check_sample(sample)
    numbers = trace.steps_of(chosen) if steps is None else np.asarray(steps, dtype=np.int64)
    if not len(numbers):
        raise EdmNoiseError("no steps are chosen: give at least one that every sample has")
    sigmas = _levels_of(trace, chosen, numbers)
    check_frames_fit(len(chosen), len(held) * 12 * (2 * len(numbers) + 4), what="samples with their recorded steps")
    denoised = np.stack([trace.frames("denoised", sample, numbers)[:, held] for sample in chosen], axis=1)
    if "noisy" in trace.kinds:
        noisy = np.stack([trace.frames("noisy", sample, numbers)[:, held] for sample in chosen], axis=1)
    else:
        noisy = np.full_like(denoised, np.nan)
    end = denoised[-1] if trace.final is None else trace.final[chosen][:, held]
    final = _laid(end, end, torch.tensor(structure.coordinates.T))
    target = torch.tensor(final).mT.contiguous()
    for estimate, x in zip(denoised, noisy, strict=True):
        x[:] = _laid(x, estimate, target)
        estimate[:] = _laid(estimate, estimate, target)
    last = 0.0 if trace.ended else float(sigmas[-1])
    return Run(
        structure=structure,
        sigmas=sigmas,
        steps=numbers,
        noisy=noisy,
        denoised=denoised,
        final=final,
        states=None,
        partial=not trace.ended,
        last_sigma=last,
        asked=len(chosen),
        laid=Laying("superposition", 0.0),
    )


@dataclass(frozen=True, repr=False)
class Laying(Legible):
    """STUB"""

    how: str
    error: float

    def __str__(self) -> str:
        return "steps are laid on the end of each sample by superposition: what it turned as a whole is not counted"


def _levels_of(trace: Trace, samples: Sequence[int], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    for sample in samples:
        trace._rows(sample, steps)
    levels = np.array([[trace._levels[sample][step] for step in steps.tolist()] for sample in samples])
    other = np.flatnonzero((levels != levels[0]).any(axis=1))
    if len(other):
        raise EdmNoiseError(
            f"samples {samples[0]} and {samples[other[0]]} of {trace.path} have other levels: choose those of one run"
        )
    return levels[0]


def _laid(frames: NDArray[np.float32], by: NDArray[np.float32], target: torch.Tensor) -> NDArray[np.float32]:
    """(B, N, 3) frames, moved as lays ``by`` on (3, N) or (B, 3, N) targets."""
    fit = superpose(torch.tensor(by).mT, target)
    return move(fit, torch.tensor(frames).mT).mT.contiguous().numpy()
