"""y = y_m + u, m ~ pi, u ~ N(0, C): states with their own motion, drawn at random, centred by the plain mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.probabilities import probabilities
from ..noise.processes.nested import NestedCovariance

_DENSE = 2_000
"""Atoms up to which an elastic network draws through a root of its covariance, (N, N): .5 ms for 48 rows of 195."""


class Fluctuations(Protocol):
    """What states do about their places: `NestedCovariance`, or `ElasticNetwork`."""

    def multiply(self, x: Tensor) -> Tensor:
        """C x, (..., N)."""

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C)."""


def centred(states: CoordinatesLike) -> Tensor:
    """(M, 3, N) float64, each state about its plain mean; EdmNoiseError for what is not finite."""
    given = coordinates("states", states, ("states", 3, "atoms")).detach().cpu().double()
    return given - given.mean(dim=2, keepdim=True)


class Mixture:
    """What is drawn: a state by its probability, with motion of its own.

    Parameters
    ----------
    states
        (M, 3, N) coordinates, angstrom; each is moved to its own plain mean.
    weights
        (M,) probabilities up to a factor; equal when not given.
    fluctuations
        Of each state, drawn afresh whenever one is; none when not given.

    Raises
    ------
    EdmNoiseError
        For states that are not finite, and weights that are no probabilities.
    """

    def __init__(
        self,
        states: CoordinatesLike,
        weights: Sequence[float] | Tensor | None = None,
        fluctuations: Fluctuations | None = None,
    ) -> None:
        self.states = centred(states)
        """(M, 3, N) float64, centred."""
        self.weights = torch.from_numpy(probabilities(weights, len(self.states)))
        """(M,) float64 probabilities."""
        self.fluctuations = fluctuations

    def draw(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw (count, 3, N), centred."""
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        found = self.states[chosen].to(dtype)
        if self.fluctuations is None:
            return found
        found += self._moved(torch.empty_like(found), generator)
        return found - found.mean(dim=2, keepdim=True)

    def _moved(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C)."""
        assert self.fluctuations is not None
        if self._root is None:
            return self.fluctuations.draw(out, generator)
        return out.copy_(torch.randn(out.shape, generator=generator) @ self._root)

    @cached_property
    def _root(self) -> Tensor | None:
        """(N, N) float32 symmetric root of C, where that is the quicker way."""
        atoms = self.states.shape[2]
        if isinstance(self.fluctuations, NestedCovariance) or atoms > _DENSE or self.fluctuations is None:
            return None
        values, axes = torch.linalg.eigh(self.fluctuations.multiply(torch.eye(atoms, dtype=torch.float64)))
        return ((axes * values.clamp(min=0).sqrt()) @ axes.T).float()
