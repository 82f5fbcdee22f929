"""RMS still to go at each level, step by step: what a sampler does to chains, residues and atoms, and when.

The way is measured on the denoised estimate, where the structure is decided; the noisy sample still carries sigma.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.legible import Legible
from ..base.table import Column, Table
from ..frames.displacement import Measure, mean_squares, nested
from ..noise.sigma import SigmaDistribution
from ..structure.hierarchy import as_read
from ..structure.part import Part, described
from ..structure.structure import Structure
from .freeze_out import crossing, goes_on
from .laying import Laying
from .ranges import possible_ways

_NO_ESTIMATES = "No freeze-out: there are no estimates, and samples carry their noise to the end"

_STATES = 6
"""Most states whose probabilities are printed side by side."""


@dataclass(frozen=True, eq=False, repr=False)
class Run(Legible):
    """What was recorded of a sampling run.

    Attributes
    ----------
    structure
        The reference: its atoms and groups, and the place that the samples are laid on.
    sigmas
        (T,) level at which the denoiser was asked in each recorded step, angstrom.
    steps
        (T,) numbers of the recorded steps, from 1.
    noisy, denoised
        (T, B, N, 3) float32, angstrom: the denoiser's input and output, each trajectory in one frame, its end
        superposed on the reference (``laid`` says how well that is known).
    final
        (B, N, 3) float32, angstrom.
    states
        (T, M) mean posterior probability of each state, where the denoiser knows states.
    partial
        Whether the run was cancelled: ``final`` is what the last step made, at ``last_sigma``.
    last_sigma
        Level that the samples have reached, angstrom.
    asked
        Number of samples that were asked for: more than there are where the run was cancelled among the later ones.
    laid
        How the steps of a recorded run were laid in one frame; None for a run of our own, whose frame is known.
    held
        Where atoms were held: which. All of the run is of those that moved, in the frame that the held ones define.
    """

    structure: Structure
    sigmas: NDArray[np.float64]
    steps: NDArray[np.int64]
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]
    final: NDArray[np.float32]
    states: NDArray[np.float64] | None
    partial: bool
    last_sigma: float
    asked: int
    laid: Laying | None = None
    held: Part | None = None

    @property
    def ended(self) -> str:
        """How the run ended, in words."""
        if not self.partial:
            return "complete"
        if len(self.final) < self.asked:
            return f"cancelled with {len(self.final)} of {self.asked} samples complete"
        return f"cancelled at sigma {self.last_sigma:.3g} A"

    def to_go(self, what: str = "denoised") -> dict[Measure, NDArray[np.float64]]:
        """For each of `nested` (T,): RMS distance per coordinate from the end, angstrom, over groups and samples.

        Where steps were replayed, over the turns by noise as well that a replay cannot see (`freeze_out_range`).
        """
        drawn = self._ways(what)
        return {part: np.sqrt((ways**2).mean(axis=0)) for part, ways in drawn.items()}

    @cached_property
    def _measured(self) -> dict[str, dict[Measure, NDArray[np.float64]]]:
        """What `_ways` has found: drawing takes seconds for a large run."""
        return {}

    def _ways(self, what: str) -> dict[Measure, NDArray[np.float64]]:
        """For each of `nested` (draws, T): what may have been to go; one draw where that is known."""
        if what not in self._measured:
            self._measured[what] = self._measure(what)
        return self._measured[what]

    def _measure(self, what: str) -> dict[Measure, NDArray[np.float64]]:
        frames = {"denoised": self.denoised, "noisy": self.noisy}[what]
        if self.laid is not None and self.laid.turns is not None:
            return possible_ways(frames, self.final, self.structure.hierarchy, self.laid.turns)
        end = torch.from_numpy(self.final).mT
        about = self.held is None
        rows = [_parts(torch.from_numpy(frame).mT - end, self.structure, about) for frame in frames]
        return {part: np.sqrt([[row[part] for row in rows]]) for part in nested(self.structure.hierarchy)}

    def freeze_out(self, what: str = "denoised") -> dict[Measure, float]:
        """For each of `nested` the level, angstrom, below which it stays within a tenth of its way.

        NaN where it never moved, and for a run that was cancelled: nobody knows where its way would have ended.
        """
        if self.partial:
            return dict.fromkeys(nested(self.structure.hierarchy), math.nan)
        return {part: crossing(self.sigmas, way) for part, way in self.to_go(what).items()}

    def freeze_out_range(self, what: str = "denoised") -> dict[Measure, tuple[float, float]]:
        """For each of `nested` the levels, angstrom, between which freeze-out lies in 95 of 100 runs like this one.

        One level where the frame of the steps is known: in runs of our own, and in traces whose motion was recorded. A
        range where steps were replayed (`edmnoise.trajectories.ranges`). NaN where they were superposed, for the trace
        cannot say, and where `freeze_out` is.
        """
        unknown = self.laid is not None and self.laid.how == "superposition"
        if self.partial or unknown:
            return dict.fromkeys(nested(self.structure.hierarchy), (math.nan, math.nan))
        return {part: _range([crossing(self.sigmas, way) for way in ways]) for part, ways in self._ways(what).items()}

    def table(self, distribution: SigmaDistribution) -> Table:
        """One row a recorded step."""
        hierarchy = self.structure.hierarchy
        columns = [Column("step", self.steps.tolist())]
        if self._has_levels:
            columns += [
                Column("sigma", self.sigmas.tolist(), "A", decimals=4),
                Column("z", distribution.z(self.sigmas).tolist(), decimals=2),
            ]
        kinds = [what for what in ("denoised", "noisy") if not np.isnan(getattr(self, what)[0, 0, 0, 0])]
        ways = {what: self.to_go(what) for what in kinds}
        for what, way in ways.items():
            columns += [
                Column(
                    f"{what} {part.label(hierarchy)}", way[part].tolist(), "A", help="RMS still to go per coordinate"
                )
                for part in as_read(nested(hierarchy))
            ]
        if self.states is not None:
            columns += [
                Column(f"state {number}", share.tolist(), help="mean posterior probability")
                for number, share in enumerate(self.states.T, 1)
            ]
        note = self._note(ways["denoised"]) if "denoised" in ways else _NO_ESTIMATES
        if self.partial:
            note = "No freeze-out: the run was cancelled, and what is to go is counted from where it stopped"
        about = described(self.held or self.structure)
        title = f"{len(self.final)} sample{'' if len(self.final) == 1 else 's'}, {self.ended}: {about}"
        return Table(title, tuple(columns), {"partial": self.partial}, (note,))

    def summary(self, distribution: SigmaDistribution) -> Table:
        """The same to be printed: of many states the likeliest alone."""
        whole = self.table(distribution)
        if self.states is None or self.states.shape[1] <= _STATES:
            return whole
        count = self.states.shape[1]
        likeliest = Column("likeliest state", (self.states.argmax(axis=1) + 1).tolist())
        probability = Column("its probability", self.states.max(axis=1).tolist(), help="mean over the samples")
        notes = (*whole.notes, f"Probabilities of all {count} states are columns of the whole table, as in files.")
        return replace(whole, columns=(*whole.columns[:-count], likeliest, probability), notes=notes)

    @property
    def _has_levels(self) -> bool:
        """Files of other programs do not tell them."""
        return bool(np.isfinite(self.sigmas).all())

    def _note(self, ways: Mapping[Measure, NDArray[np.float64]]) -> str:
        """Where each part freezes out: at which level, or, where nobody knows them, at which step."""
        at, digits = (self.sigmas, ".3g") if self._has_levels else (self.steps, ".0f")
        found = {part: crossing(at, way) for part, way in ways.items()}
        unit, name = (" A", "sigma") if self._has_levels else ("", "step")
        # Of a recorded run only some steps may be there.
        past = "below " if self._has_levels else "after "
        where = {
            part: f"{past if goes_on(ways[part]) else ''}{place:{digits}}{unit}"
            for part, place in found.items()
            if place > 0
        }
        if not where:
            return "No part freezes out: nothing had a way to go"
        said = ", ".join(f"{part.label(self.structure.hierarchy)} {place}" for part, place in as_read(where.items()))
        return f"90 % of the way is done at {name}: {said}"


def _parts(difference: Tensor, structure: Structure, about_centre: bool) -> dict[Measure, float]:
    """Mean square of each part of (B, 3, N) differences, about the centre of all atoms or as they are."""
    if about_centre:
        difference = difference - difference.mean(dim=2, keepdim=True)
    squares = mean_squares(difference, structure.hierarchy, nested(structure.hierarchy))
    return {part: float(values.mean()) for part, values in squares.items()}


def _range(levels: Sequence[float]) -> tuple[float, float]:
    """Between which levels 95 of 100 lie."""
    low, high = np.quantile(levels, [0.025, 0.975])
    return float(low), float(high)
