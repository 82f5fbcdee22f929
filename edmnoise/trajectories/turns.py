"""By which rotation each step of a recorded run is brought to the frame of its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..structure.superpose import superpose
from .replaying import aligns, can_be_replayed, in_pairs, replayed_steps
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


_ELSEWHERE = 0.1
"""Turn of the last estimate against the end, rad, above which the end lies in another frame than the sampler's."""


def recorded_turns(trace: Trace, numbers: Sequence[int], steps: Sequence[int], rows: NDArray[np.int64]) -> Turns | None:
    """The motion that was recorded, put together from the end backwards; None where a step lacks it.

    With T the turn after an estimate and A that of x onto its estimate, x0_k comes to the end by
    T_k A_(k+1) T_(k+1) A_(k+2) ..., and x_k by A_k before that: `Link` holds both of its step. An end that was turned
    after the run, as where a result was laid on something, is where its last estimate is best laid on it.

    Parameters
    ----------
    rows
        (N,) the atoms by which the last estimate is laid.
    """
    ways = [trace.way(number) for number in numbers]
    # Without an end of its own a way ends with its last estimate, and nothing can have turned that.
    needed = (link for way in ways for link in (way if trace.final is not None else way[:-1]))
    if any(link.turned is None for link in needed):
        return None
    ways = [_closed(trace, number, way, rows) for number, way in zip(numbers, ways, strict=True)]
    to_end = np.stack([_composed(way, steps) for way in ways], axis=1)
    if all(link.aligned is None for way in ways for link in way):
        return Turns("motion", to_end)
    aligned = [{link.step: _or_still(link.aligned) for link in way} for way in ways]
    return Turns("motion", to_end, np.array([[way[step] for way in aligned] for step in steps]))


def _closed(trace: Trace, number: int, way: tuple[Link, ...], rows: NDArray[np.int64]) -> tuple[Link, ...]:
    """The way, its last turn that of its last estimate onto the end, where the end lies elsewhere."""
    last = way[-1]
    if trace.final is None or last.turned is None:
        return way
    estimate = trace.read("denoised", last.sample)[last.row][rows]
    fit = superpose(torch.tensor(estimate.T[None]), torch.tensor(trace.final[number][rows].T))
    turn = fit.rotation[0].mT.numpy()
    # The trace of a rotation is 1 + 2 cos of its angle.
    near = np.trace(turn.T @ last.turned) > 1 + 2 * np.cos(_ELSEWHERE)
    return way if near or not bool(fit.valid[0]) else (*way[:-1], replace(last, turned=turn))


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
    """Each step replayed and fitted onto what came next (`edmnoise.trajectories.replaying`), from the end backwards.

    None where x or the estimate of a step was not kept, or most steps are no Euler steps.

    Parameters
    ----------
    rows
        (N,) the atoms that the structure has; those of ``trace.rows`` are fitted where it says which are real.
    """
    if not can_be_replayed(trace, numbers) or in_pairs(trace, numbers[0]):
        return None
    fitted = rows if trace.rows is None else trace.rows
    made = list(replayed_steps(trace, numbers, fitted, aligns(trace)))
    if sum(step.fit is not None and bool(step.fit.strays.any()) for step in made) > len(made) / 2:
        return None
    to_end = np.tile(np.eye(3), (len(numbers), 1, 1))
    spread, found = np.zeros_like(to_end), {}
    for step in reversed(made):
        if step.fit is not None:
            # A small turn w of rows in the frame of the next x is w R once R has brought them to the end.
            spread = spread + to_end.swapaxes(1, 2) @ step.fit.spread @ to_end
            to_end = step.fit.turn @ to_end
        found[step.links[0].step] = (to_end, step.onto, spread)
        if step.onto is not None:
            to_end = step.onto @ to_end
    chosen = [found[step] for step in steps]
    turns, onto, spreads = zip(*chosen, strict=True)
    between = np.diff(np.stack(spreads)[::-1], axis=0, prepend=0)[::-1]
    return Turns("replay", np.stack(turns), None if onto[0] is None else np.stack(onto), between)


def superposed_turns(denoised: NDArray[np.float32], ends: NDArray[np.float32]) -> Turns:
    """Of (T, B, N, 3) estimates, each superposed on its end (B, N, 3)."""
    target = torch.tensor(ends).mT
    fits = [superpose(torch.from_numpy(estimate).mT, target).rotation.mT.numpy() for estimate in denoised]
    return Turns("superposition", np.stack(fits))
