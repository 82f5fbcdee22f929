"""By which rotation each step of a recorded run is brought to the frame of its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..structure.superpose import superpose
from .trace import Link, Trace


class Turns(NamedTuple):
    """Rotations of T steps of B samples, for rows of coordinates: x' = x R.

    Attributes
    ----------
    how
        A name from `edmnoise.trajectories.laying.WAYS`.
    to_end
        (T, B, 3, 3) float64: from the frame of each estimate to that of the end.
    of_x
        (T, B, 3, 3) float64: from the frame of x to that of its estimate, about the centre of either; None where it is
        one frame.
    spread
        As ``turns`` of `edmnoise.trajectories.laying.Laying`, in the frame of the end.
    """

    how: str
    to_end: NDArray[np.float64]
    of_x: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None


def recorded_turns(trace: Trace, numbers: Sequence[int], steps: Sequence[int]) -> Turns | None:
    """The motion that was recorded, put together from the end backwards; None where a step lacks it.

    With T the turn after an estimate and A that of x onto its estimate, x0_k comes to the end by
    T_k A_(k+1) T_(k+1) A_(k+2) ..., and x_k by A_k before that: `Link` holds both of its step.
    """
    ways = [trace.way(number) for number in numbers]
    # Without an end of its own a way ends with its last estimate, and nothing can have turned that.
    needed = (link for way in ways for link in (way if trace.final is not None else way[:-1]))
    if any(link.turned is None for link in needed):
        return None
    to_end = np.stack([_composed(way, steps) for way in ways], axis=1)
    if all(link.aligned is None for way in ways for link in way):
        return Turns("motion", to_end)
    aligned = [{link.step: _or_still(link.aligned) for link in way} for way in ways]
    return Turns("motion", to_end, np.array([[way[step] for way in aligned] for step in steps]))


def _composed(way: Sequence[Link], steps: Sequence[int]) -> NDArray[np.float64]:
    """(T, 3, 3) from each of the steps to the end."""
    to_end, found = np.eye(3), {}
    for link in reversed(way):
        found[link.step] = _or_still(link.turned) @ to_end
        to_end = _or_still(link.aligned) @ found[link.step]
    return np.stack([found[step] for step in steps])


def _or_still(turn: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return np.eye(3) if turn is None else turn


def replayed_turns(trace: Trace, numbers: Sequence[int], steps: Sequence[int], rows: NDArray[np.int64]) -> Turns | None:
    return None


def superposed_turns(denoised: NDArray[np.float32], ends: NDArray[np.float32]) -> Turns:
    """Of (T, B, N, 3) estimates, each superposed on its end (B, N, 3)."""
    target = torch.tensor(ends).mT
    fits = [superpose(torch.from_numpy(estimate).mT, target).rotation.mT.numpy() for estimate in denoised]
    return Turns("superposition", np.stack(fits))
