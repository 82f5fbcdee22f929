"""A trace of frames that are in memory, or mapped; and files that belong together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.structure import Structure
from ...structure.superpose import superpose
from ..lines import NO_MOTION, Call, Motion
from ..trace import KINDS, Trace
from .levels import Wanted


class Asked(NamedTuple):
    """What was given beside a file, as in `edmnoise.trajectories.files.read_trajectory`."""

    schedule: Wanted
    kind: str | None
    structure: Structure | None


def pair(path: str, noisy: str, denoised: str, kind: str | None) -> dict[str, str]:
    """{kind: file} of a file and of the one beside it whose name has the other word; of one kind where it is asked for.

    Empty where the name has neither word.
    """
    folder, name = os.path.split(path)
    words = {"denoised": denoised, "noisy": noisy}  # that of samples may end that of estimates
    word = next((word for word in words.values() if word in name), None)
    if word is None:
        return {}
    before, _, behind = name.rpartition(word)
    found = {kind: os.path.join(folder, before + word + behind) for kind, word in words.items()}
    there = {one: file for one, file in found.items() if kind in (None, one) and os.path.isfile(file)}
    if not there:
        raise EdmNoiseError(f"beside {path} there is no {kind} trajectory: leave kind out")
    return there


def check_pair(path: str, frames: Mapping[str, NDArray[np.float32]], more: int = 0) -> None:
    """Refuse two files of other atoms or steps; of samples there may be ``more`` frames than of estimates."""
    if len(frames) < 2:
        return
    steps, atoms, _ = frames["denoised"].shape
    others, other_atoms, _ = frames["noisy"].shape
    if (others, other_atoms) != (steps + more, atoms):
        raise EdmNoiseError(
            f"{path} and the file beside it are of other runs: {others:,} noisy frames of {other_atoms:,} atoms and "
            f"{steps:,} denoised of {atoms:,}, where {steps + more:,} noisy ones would be; open one of them by kind"
        )


def laid_on(frames: NDArray[np.float32], targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, N, 3) each frame superposed on its target."""
    moved = torch.from_numpy(np.ascontiguousarray(frames)).mT.contiguous()
    superpose(moved, torch.from_numpy(np.ascontiguousarray(targets)).mT, out=moved)
    return moved.mT.contiguous().numpy()


def largest_turn(frames: NDArray[np.float32]) -> float:
    """By how many degrees (S, N, 3) frames are turned from one to the next at most."""
    places = torch.from_numpy(np.ascontiguousarray(frames)).mT.contiguous()
    turns = superpose(places[1:], places[:-1]).rotation.double()
    cosines = (turns.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    return float(torch.rad2deg(torch.arccos(cosines.clamp(-1, 1))).max())


def made_trace(
    path: str,
    program: str,
    frames: Mapping[str, Sequence[NDArray[np.float32]]],
    levels: NDArray[np.float64],
    sigma: str,
    repairs: Sequence[str],
    final: NDArray[np.float32] | None = None,
    structure: Structure | None = None,
    steps: Sequence[int] | None = None,
    between: bool = False,
    still: bool = False,
) -> Trace:
    """A run that has ended, of one level for all samples in each step.

    Parameters
    ----------
    frames
        {kind: for each sample (S, N, 3)}, angstrom, noise first.
    levels
        (S,) angstrom; NaN where nobody knows.
    sigma
        How the levels were found, in words.
    repairs
        What was put right, a sentence each.
    final
        (B, N, 3) the end of each sample, where it is known.
    structure
        N atoms.
    steps
        (S,) numbers of the steps; from 1 when not given.
    between
        Whether noisy frames are samples between steps, and not what the denoiser was given.
    still
        Whether nothing turned the samples, so that all frames lie in one frame.
    """
    kinds = tuple(kind for kind in KINDS if kind in frames)
    samples, atoms = len(frames[kinds[0]]), frames[kinds[0]][0].shape[1]
    if structure is not None and structure.n_atoms != atoms:
        raise EdmNoiseError(
            f"the structure has {structure.n_atoms:,} atoms and {path} {atoms:,}: give one of the same atoms"
        )
    info: dict[str, Any] = {"program": program, "kinds": kinds, "sigma": sigma, "repairs": list(repairs)}
    info |= {"between_steps": True} if between else {}
    every = tuple(range(samples))
    motion = Motion(turned=np.tile(np.eye(3), (samples, 1, 1))) if still else NO_MOTION
    numbers = range(1, len(levels) + 1) if steps is None else steps
    return Trace(
        path=path,
        info=info,
        calls=tuple(
            Call(call, step, every, level, motion)
            for call, (step, level) in enumerate(zip(numbers, levels.tolist(), strict=True), 1)
        ),
        atoms=atoms,
        samples=samples,
        kinds=kinds,
        ended=True,
        final=final,
        read=lambda kind, sample: frames[kind][sample],
        structure=structure,
        closing=motion,
    )
