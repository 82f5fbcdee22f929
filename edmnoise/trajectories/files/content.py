"""What frames tell of themselves: which end is noise, and whether they are noisy samples or estimates.

Atoms that follow each other in a file are neighbours in a structure and strangers in noise.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...structure.superpose import move, superpose

_WIDER = 1.5
"""Where one end of a trajectory of estimates spreads over so many times the other, it is the structure."""

_WHITE = 0.5
"""Share of what strangers are apart from which on neighbours are noise; of a structure it is below .1."""

_WHITER = 0.1
"""The same where residues are moved as rigid bodies, so that one step in three or four is a stranger's."""


def spread(frame: NDArray[np.floating]) -> float:
    """RMS distance per coordinate from the centre, angstrom, of (N, 3)."""
    return float(np.sqrt(np.mean((frame - frame.mean(axis=0, dtype=np.float64)) ** 2)))


def whiteness(frame: NDArray[np.floating]) -> float:
    """Mean square distance of atoms that follow each other over that of any two: 1 for noise, (N, 3) -> a number."""
    steps = np.diff(frame.astype(np.float64), axis=0)
    return float(np.mean(steps**2)) / (2 * spread(frame) ** 2 or 1.0)


def are_noisy(frame: NDArray[np.floating]) -> bool:
    """Whether the frame at the noise end of a trajectory is that of a sample, and no estimate."""
    return whiteness(frame) > _WHITE


def noise_first(frames: NDArray[np.floating]) -> tuple[bool, str]:
    """Whether (S, N, 3) frames begin with noise, and by what that was told.

    By neighbours first: noise may spread less than a structure (that of RFdiffusion does, 4 A) or more.
    """
    first, last = whiteness(frames[0]), whiteness(frames[-1])
    widths = spread(frames[0]), spread(frames[-1])
    said = f"the first frame spreads over {widths[0]:.4g} A, the last over {widths[1]:.4g} A"
    if max(first, last) > _WHITER and max(first, last) > 2 * min(first, last):
        return first > last, f"{said}, and atoms of the {'first' if first > last else 'last'} have no neighbours"
    if max(widths) > _WIDER * min(widths):
        # An estimate is a mean over all that may come of it: over turns as well, which leaves a point.
        return widths[0] < widths[1], f"{said}, as estimates do that are not decided yet"
    # They settle: they change most where there is most noise. How a program turns them in between says nothing.
    begin, end = (_changed(frames[one], frames[other]) for one, other in ((1, 0), (-1, -2)))
    return begin >= end, f"superposed, the first two frames differ by {begin:.3g} A, the last two by {end:.3g} A"


def _changed(frame: NDArray[np.floating], before: NDArray[np.floating]) -> float:
    """RMS distance per coordinate, angstrom, of (N, 3) from another after superposition."""
    moved, target = (torch.tensor(np.array(one, dtype=np.float64)).T for one in (frame, before))
    fit = superpose(moved[None], target)
    return float((move(fit, moved[None])[0] - target).square().mean().sqrt())
