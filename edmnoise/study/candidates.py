"""Denoisers set beside each other: the exact ones of known states, doing nothing, and any other by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..diffusion.denoisers.denoiser import Denoised, Denoiser
from ..diffusion.denoisers.elastic_network import ElasticNetwork
from ..diffusion.denoisers.held import held_states
from ..diffusion.denoisers.states import StatesDenoiser
from ..diffusion.precondition import level_variances
from ..noise.covariance import Covariance
from ..noise.processes.nested import NestedCovariance
from ..noise.theory.scales import split
from ..structure.hierarchy import Hierarchy, check_levels
from ..structure.part import Part
from ..structure.superpose import superpose

EXACT, FLUCTUATING, NOTHING = "exact", "exact, fluctuating", "doing nothing"
"""Names of `references`."""


@dataclass(frozen=True, eq=False, repr=False)
class Candidate(Legible):
    """A denoiser as it is set beside others.

    Parameters
    ----------
    name
        Of its curve.
    denoiser
        The model.
    knows
        Which states it has been given: "states 1-3 of m", "nothing".
    """

    name: str
    denoiser: Denoiser
    knows: str = ""

    @property
    def label(self) -> str:
        """Name and what it knows, as curves are labelled."""
        return f"{self.name} ({self.knows})" if self.knows else self.name


class DoingNothing:
    """D = x, whose error is the noise."""

    def denoise(self, x: Tensor, sigma: float) -> Denoised:
        """What was given."""
        return Denoised(x)

    def __repr__(self) -> str:
        return "DoingNothing()"


def references(
    hierarchy: Hierarchy,
    states: CoordinatesLike,
    covariance: Covariance,
    knows: str,
    weights: Sequence[float] | None = None,
    fluctuations: NestedCovariance | ElasticNetwork | None = None,
    gauge: str = "rotation",
    part: Part | None = None,
) -> list[Candidate]:
    """What a denoiser is set beside: the exact one of the states, the exact one with fluctuations, and doing nothing.

    Parameters
    ----------
    states
        (M, 3, N) angstrom: the known ones.
    covariance
        K of the noise, of the moved atoms where some are held.
    knows
        What these states are called.
    weights, gauge
        As in `StatesDenoiser`.
    fluctuations
        Of each state; when not given, `fitted_fluctuations`, and without them where there is but one state, or noise
        of no nested groups.
    part
        Which atoms move, where the others are held: the denoisers are of these, given the held ones in place. States,
        groups and fluctuations are those of all atoms in any case.
    """

    def exact(own: NestedCovariance | ElasticNetwork | None) -> Denoiser:
        if part is not None:
            return held_states(part, states, covariance, own, weights, gauge)
        return StatesDenoiser(states, covariance, weights, gauge, own, hierarchy)

    found = [Candidate(EXACT, exact(None), knows)]
    several = len(coordinates("states", states, ("states", 3, hierarchy.counts[0]))) > 1
    if fluctuations is None and several and isinstance(covariance, NestedCovariance):
        fluctuations = fitted_fluctuations(hierarchy, states)
        if part is not None and not fluctuations.variances[0].any():  # the states are all alike: nothing moves
            fluctuations = None
    if fluctuations is not None:
        found.append(Candidate(FLUCTUATING, exact(fluctuations), knows))
    return [*found, Candidate(NOTHING, DoingNothing(), "nothing")]


def fitted_fluctuations(hierarchy: Hierarchy, states: CoordinatesLike) -> NestedCovariance:
    """Fluctuations of every state such that each of them is what the others would expect.

    Parameters
    ----------
    states
        (M, 3, N) angstrom, two or more.

    Returns
    -------
    NestedCovariance
        C, angstrom^2: level variances whose parts have the mean squares of the way from each state to the nearest
        other one, superposed. It is the likeliest C when each state is left out in turn and the nearest one alone
        counts, which in hundreds of dimensions is no approximation.

    Raises
    ------
    EdmNoiseError
        For a single state, and for groups of other levels.
    """
    check_levels(hierarchy)
    y = coordinates("states", states, ("states", 3, hierarchy.counts[0])).double().cpu()
    if len(y) < 2:
        raise EdmNoiseError("1 state: fluctuations are fitted to two states or more, give them or more states")
    squares = np.zeros(hierarchy.depth)
    for number, state in enumerate(y):
        others = torch.cat([y[:number], y[number + 1 :]])
        moved = torch.empty_like(others)
        nearest = int(superpose(others, state, out=moved).rmsd.argmin())
        apart = moved[nearest] - state
        squares += [float(part.square().mean()) for part in split(apart - apart.mean(1, keepdim=True), hierarchy)]
    return NestedCovariance(hierarchy, level_variances(hierarchy, squares / len(y)))
