"""A trace as a run: its steps in one frame, on a structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError, one_of
from ..base.memory import check_frames_fit
from ..structure.hierarchy import check_levels
from ..structure.structure import Structure
from ..structure.superpose import superpose
from .laying import WAYS, Laying
from .run import Run
from .trace import Link, Trace
from .turns import Turns, recorded_turns, replayed_turns, superposed_turns


def run_of(
    trace: Trace,
    structure: Structure | None = None,
    samples: Sequence[int] | None = None,
    steps: Sequence[int] | None = None,
    rows: NDArray[np.int64] | None = None,
    lay: str | None = None,
) -> Run:
    """The run, its steps in one frame with the end of each sample, and the ends on the structure.

    Samplers of structure predictors turn and shift the samples at each step. How that is taken back:

    "motion"
        By the turns that were recorded, put together from the end backwards: exact.
    "replay"
        Each step is made once more from x and the estimate, and fitted onto what came (`replayed_turns`). What noise
        turns as a whole is lost with that. Its size is known: it is counted on average, and has a range
        (`Run.freeze_out_range`). Noise is taken to be independent from atom to atom, as it is in published samplers.
    "superposition"
        Each estimate is superposed on its end. What the whole turned by itself is lost with that: what is to go, and
        freeze-out, are those of the shape alone, and how far they are from those of one frame the trace cannot say.

    In all of them each estimate is centred on its end, and x goes along: levels are measured about the centre.

    Parameters
    ----------
    structure
        In three levels; ``trace.structure`` when not given.
    samples, steps
        Their numbers, samples from 0 as the run gave them back; all of them and the steps that they have in common when
        not given. A sample that continues another one is followed back through it.
    rows
        (N,) which atom of the trace each atom of the structure is (`edmnoise.trajectories.matching`), for models pad
        their atoms; when not given those of ``trace.structure``, or all in their order.
    lay
        "motion", "replay" or "superposition"; the first of them that the trace allows when not given.

    Returns
    -------
    Run
        Its end is ``trace.final``, or where there is none the last estimate of each sample; partial where the run did
        not say that it had ended. What was not kept is NaN, and so are levels that nobody knows.

    Raises
    ------
    EdmNoiseError
        No structure, another number of atoms, samples or steps that are not there, samples of
        different levels, groups of another depth than three, a way to lay that the trace does not allow, a record that
        does not fit in memory.
    """
    structure, rows = _named(trace, structure, rows)
    numbers = list(range(trace.ends) if samples is None else samples)
    if not numbers:
        raise EdmNoiseError("no samples are chosen: give at least one")
    ways = [trace.way(number) for number in numbers]
    chosen = _chosen_steps(trace, ways, steps)
    sigmas = np.array([link.sigma for link in chosen[0]])
    check_frames_fit(len(ways), len(rows) * 12 * (2 * len(sigmas) + 4), what="samples with their recorded steps")
    frames = {kind: _read(trace, kind, chosen, rows) for kind in trace.kinds}
    # Some programs write samples alone.
    leading = frames["denoised" if "denoised" in frames else "noisy"]
    ends = leading[-1] if trace.final is None else trace.final[numbers][:, rows]
    turns = _turns(trace, numbers, chosen, rows, leading, ends, lay)
    place = _Place.of(ends, structure)
    final = place.put(ends, ends, np.eye(3))
    for k in range(len(sigmas)):
        estimate = leading[k]
        if "noisy" in frames and leading is not frames["noisy"]:
            x = frames["noisy"][k]
            by, turn = (estimate, turns.to_end[k]) if turns.of_x is None else (x, turns.of_x[k] @ turns.to_end[k])
            x[:] = place.put(x, by, turn)
        estimate[:] = place.put(estimate, estimate, turns.to_end[k])
    return Run(
        structure=structure,
        sigmas=sigmas,
        steps=np.array([link.step for link in chosen[0]], dtype=np.int64),
        noisy=frames["noisy"] if "noisy" in frames else np.full_like(leading, np.nan),
        denoised=frames["denoised"] if "denoised" in frames else np.full_like(leading, np.nan),
        final=final,
        states=None,
        partial=not trace.ended,
        last_sigma=0.0 if trace.ended else float(sigmas[-1]),
        asked=len(ways),
        laid=Laying(turns.how, None if turns.spread is None else place.turn.swapaxes(1, 2) @ turns.spread @ place.turn),
    )


class _Place(NamedTuple):
    """Where ends lie on a structure: their turns (B, 3, 3), of rows, and where their centres come to (B, 1, 3)."""

    turn: NDArray[np.float64]
    centre: NDArray[np.float64]

    @classmethod
    def of(cls, ends: NDArray[np.float32], structure: Structure) -> _Place:
        fit = superpose(torch.tensor(ends).mT, torch.tensor(structure.coordinates.T))
        turn = fit.rotation.mT.numpy()
        return cls(turn, _centre(ends).swapaxes(1, 2) @ turn + fit.translation[:, None].numpy())

    def put(
        self, frames: NDArray[np.float32], by: NDArray[np.float32], turns: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """(B, N, 3) frames, turned to their ends and then with these, so that the centre of ``by`` is the ends' own."""
        turn = np.swapaxes(turns @ self.turn, 1, 2).astype(np.float32)
        moved = turn @ (frames.swapaxes(1, 2) - _centre(by))
        moved += self.centre.swapaxes(1, 2).astype(np.float32)
        return moved.swapaxes(1, 2)


def _centre(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """(B, 3, 1); the origin for a frame that is not finite, which has none."""
    centre = frames.swapaxes(1, 2).mean(axis=2, keepdims=True)
    return np.nan_to_num(centre, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _named(
    trace: Trace, structure: Structure | None, rows: NDArray[np.int64] | None
) -> tuple[Structure, NDArray[np.int64]]:
    if structure is None:
        structure, rows = trace.structure, trace.rows
        if structure is None:
            raise EdmNoiseError(f"{trace.path} does not name its atoms: give a structure that does")
    check_levels(structure.hierarchy)
    held = np.arange(trace.atoms) if rows is None else rows
    if structure.n_atoms != len(held):
        raise EdmNoiseError(f"the structure has {structure.n_atoms:,} atoms and {trace.path} {len(held):,}")
    return structure, held


def _chosen_steps(trace: Trace, ways: Sequence[tuple[Link, ...]], steps: Sequence[int] | None) -> list[list[Link]]:
    """Of each way the same steps, those that were asked for."""
    found = [{link.step: link for link in way} for way in ways]
    numbers = sorted(set.intersection(*map(set, found)) if steps is None else {int(step) for step in steps})
    if not numbers:
        raise EdmNoiseError("no steps are chosen: give at least one that every sample has")
    for way in found:
        missing = [step for step in numbers if step not in way]
        if missing:
            raise EdmNoiseError(
                f"{trace.path} has no step {missing[0]}: it has {len(way)}, from {min(way)} to {max(way)}"
            )
    chosen = [[way[step] for step in numbers] for way in found]
    levels = np.array([[link.sigma for link in way] for way in chosen])
    others = int((~np.isclose(levels, levels[0], rtol=0, atol=0, equal_nan=True)).any(axis=1).sum())
    if others:
        raise EdmNoiseError(
            f"{others} of {len(ways)} samples of {trace.path} have other levels than the first: choose those of one run"
        )
    return chosen


def _read(trace: Trace, kind: str, chosen: Sequence[Sequence[Link]], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(T, B, N, 3) the frames of the steps, each way through the samples that it went through.

    In memory x of all atoms comes before y and z, as in the files: all that follows is twice as fast so.
    """
    files = {sample: trace.read(kind, sample) for sample in {link.sample for way in chosen for link in way}}
    frames = np.empty((len(chosen[0]), len(chosen), 3, len(rows)), np.float32)
    all_of_them = np.array_equal(rows, np.arange(trace.atoms))
    for number, way in enumerate(chosen):
        for k, link in enumerate(way):
            axes = files[link.sample][link.row].T
            if all_of_them:
                frames[k, number] = axes
            else:
                np.take(axes, rows, axis=1, out=frames[k, number], mode="clip")  # else the out is buffered
    return frames.swapaxes(2, 3)


def _turns(
    trace: Trace,
    numbers: Sequence[int],
    chosen: Sequence[Sequence[Link]],
    rows: NDArray[np.int64],
    denoised: NDArray[np.float32],
    ends: NDArray[np.float32],
    lay: str | None,
) -> Turns:
    """By the way that was asked for, or the first that the trace allows."""
    if lay not in (None, *WAYS):
        raise EdmNoiseError(f"lay is {lay!r}: give {one_of(WAYS)}")
    steps = [link.step for link in chosen[0]]
    if lay in (None, "motion") and (turns := recorded_turns(trace, numbers, steps, rows)) is not None:
        return turns
    if lay == "motion":
        raise EdmNoiseError(f"the motion of all steps of {trace.path} was not recorded: give replay or superposition")
    if lay in (None, "replay"):
        try:
            turns = replayed_turns(trace, numbers, steps, rows)
        except EdmNoiseError:  # a run that ended in NaN can still be looked at
            if lay is not None:
                raise
            turns = None
        if turns is not None:
            return turns
    if lay == "replay":
        raise EdmNoiseError(
            f"{trace.path} cannot be replayed, which needs x and the estimate of every step of Euler's method: give "
            "superposition"
        )
    return superposed_turns(denoised, ends)
