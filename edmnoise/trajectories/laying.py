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
        (T, B, 3, 3) rad^2, where it is known: covariance of the small rotation by which each step may be off against
        the recorded one after it (the last against the end), independent from step to step.
    """

    how: str
    turns: NDArray[np.float64] | None = None

    @property
    def turn_error(self) -> NDArray[np.float64] | None:
        """(T,) by how much a step may be turned against the end, rad RMS about an axis; None where nobody knows."""
        if self.turns is None:
            return None
        return np.sqrt(np.trace(self._of_the_end, axis1=2, axis2=3).mean(axis=1) / 3)

    @property
    def _of_the_end(self) -> NDArray[np.float64]:
        """(T, B, 3, 3) covariances of the rotation of each step against the end."""
        assert self.turns is not None
        return np.cumsum(self.turns[::-1], axis=0)[::-1]

    def __str__(self) -> str:
        error = self.turn_error
        if self.how == "motion":
            return "steps lie in one frame by their recorded motion"
        if error is None:
            return (
                "steps are laid on the end of each sample by superposition: what it turned as a whole is not counted "
                "as to go, and the error of that is not known from a trace"
            )
        return (
            "steps are laid in one frame by replaying each and fitting it onto the next: the first step may be turned "
            f"by {np.degrees(error[0]):.2g} degrees RMS about each axis"
        )
