"""calls.jsonl read line by line: which call of which samples, at which level, and what moved them before it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible

_ORTHOGONAL = 1e-3
"""Largest entry of R R^T - 1 of what still counts as a rotation: programs make theirs in float32 and bfloat16."""


@dataclass(frozen=True, eq=False, repr=False)
class Motion(Legible):
    """What happened to B samples between a kept call and the one before it; None where it was not recorded.

    Attributes
    ----------
    turned
        (B, 3, 3) float64: how each sample was turned as a whole after the estimate before, x' = x T for rows x.
    aligned
        (B, 3, 3) float64: how the noisy coordinates of the call before were turned onto their estimate.
    guided
        (B,) RMS distance of an atom, angstrom, between the estimate before and the one that the loop went on with; NaN
        where it is not known.
    continues
        (B,) number of the sample, from 0, that each one continues: particles are resampled.
    """

    turned: NDArray[np.float64] | None = None
    aligned: NDArray[np.float64] | None = None
    guided: NDArray[np.float64] | None = None
    continues: tuple[int, ...] | None = None


NO_MOTION = Motion()


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
    motion
        What moved its samples since their call before.
    """

    number: int
    step: int
    samples: tuple[int, ...]
    sigma: float
    motion: Motion = field(default=NO_MOTION, compare=False)


@dataclass(frozen=True, eq=False, repr=False)
class Calls(Legible):
    """What the whole lines of a calls.jsonl say.

    Attributes
    ----------
    calls
        In the order in which they were made; those of which every frame is there.
    ended
        Whether the run said that it had ended.
    closing
        What happened to all samples after their last call.
    """

    calls: tuple[Call, ...]
    ended: bool
    closing: Motion


def read_calls(path: str, frames_of: Callable[[int], int]) -> Calls:
    """Read the file up to the first line that is torn, says nothing, or whose frames are not there.

    Parameters
    ----------
    path
        It need not exist.
    frames_of
        Sample -> number of its frames that are there.
    """
    calls: list[Call] = []
    read: Counter[int] = Counter()
    there: dict[int, int] = {}
    for line in _lines(path):
        if isinstance(line, dict) and line.get("ended") is True:
            return Calls(tuple(calls), True, _closing(line, len(read)))
        call = _call(line)
        if call is None:
            break
        read.update(call.samples)
        for sample in call.samples:
            if sample not in there:
                there[sample] = frames_of(sample)
        if any(read[sample] > there[sample] for sample in call.samples):
            break
        calls.append(call)
    return Calls(tuple(calls), False, NO_MOTION)


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
        number, step, sigma = int(line["call"]), int(line["step"]), float(line["sigma"])
    except (KeyError, TypeError, ValueError):
        return None
    if not samples or min(samples) < 0:
        return None
    return Call(number, step, samples, sigma, _motion(line, len(samples)))


def _closing(line: dict[str, Any], samples: int) -> Motion:
    """Of the samples that the run gave back: it says what they continue where they are fewer than were recorded."""
    given = line.get("from")
    return _motion(line, len(given) if isinstance(given, list) else samples)


def _motion(line: dict[str, Any], rows: int) -> Motion:
    """A value that is malformed is as if it were not there."""
    found = Motion(
        turned=_rotations(line.get("turned"), rows),
        aligned=_rotations(line.get("aligned"), rows),
        guided=_numbers(line.get("guided"), (rows,)),
        continues=_samples(line.get("from"), rows),
    )
    return NO_MOTION if all(value is None for value in vars(found).values()) else found


def _numbers(value: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    if value is None:
        return None
    try:
        return np.array(value, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError):
        return None


def _rotations(value: Any, rows: int) -> NDArray[np.float64] | None:
    turns = _numbers(value, (rows, 3, 3))
    if turns is None or not np.isfinite(turns).all():
        return None
    proper = (np.linalg.det(turns) > 0).all()
    orthogonal = (abs(turns @ turns.swapaxes(1, 2) - np.eye(3)) < _ORTHOGONAL).all()
    return turns if proper and orthogonal else None


def _samples(value: Any, rows: int) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) != rows:
        return None
    return tuple(value) if all(type(sample) is int and sample >= 0 for sample in value) else None
