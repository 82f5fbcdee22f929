"""How the steps of a run were laid in one frame, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible

WAYS = ("motion", "replay", "superposition")
"""From the best to the worst: the recorded motion of each step, each step replayed and fitted onto the next one, each
estimate superposed on the end."""


@dataclass(frozen=True, eq=False, repr=False)
class Laying(Legible):
    """How the steps of a run were laid in one frame.

    Attributes
    ----------
    how
        One of `WAYS`.
    turns
        (T, B, 3, 3) rad^2, where steps were replayed: covariance of the small turn that noise made of each sample
        between a recorded step and the one after it (of the last one, and the end), independent from step to step.
    """

    how: str
    turns: NDArray[np.float64] | None = None

    @property
    def turn_error(self) -> NDArray[np.float64] | None:
        """(T,) by how much each step may lie turned against the end, rad RMS about an axis: by replay alone."""
        if self.turns is None:
            return None
        to_end = np.cumsum(self.turns[::-1], axis=0)[::-1]
        return np.sqrt(np.trace(to_end, axis1=2, axis2=3).mean(axis=1) / 3)

    def __str__(self) -> str:
        error = self.turn_error
        if self.how == "motion":
            return "steps lie in one frame by their recorded motion"
        if error is None:
            return (
                "steps are laid on the end of each sample by superposition: what it turned as a whole is not counted "
                "as to go, and how much that was a trace cannot say"
            )
        return (
            "steps are laid in one frame by replaying each of them, which cannot see what noise turned as a whole, "
            f"{np.degrees(error[0]):.2g} degrees RMS about each axis by the end: what is to go counts that on average"
        )
