"""y = y_m + u, m ~ pi, u ~ N(0, C): the data that a network learns, centred; without C the states themselves."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..diffusion.denoisers.denoiser import Denoised
from ..diffusion.denoisers.elastic_network import ElasticNetwork
from ..diffusion.denoisers.states import StatesDenoiser
from ..noise.covariance import Covariance
from ..noise.processes.nested import NestedCovariance
from ..noise.theory.scales import Scales, measured_scales
from ..structure.hierarchy import Hierarchy
from ..structure.structure import Structure

_DENSE = 2_000
"""Atoms up to which an elastic network draws through a root of its covariance, (N, N): .5 ms for 48 rows of 195."""


class Fluctuations(Protocol):
    """What states do about their places: `NestedCovariance`, or `ElasticNetwork`."""

    def multiply(self, x: Tensor) -> Tensor:
        """C x, (..., N)."""

    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C)."""


class Ensemble:
    """States of one structure to learn from, and states that are kept back.

    Parameters
    ----------
    structure
        Atoms and groups.
    states
        (M, N, 3) coordinates, angstrom; each is moved to its own plain mean.
    weights
        (M,) probabilities up to a factor; equal when not given.
    fluctuations
        Each state's own, drawn afresh whenever one is; none when not given.
    held_out
        Numbers of states, from 0, that are no part of the training data; they are in `held_out`.

    Raises
    ------
    EdmNoiseError
        For states that do not fit or are not finite, weights that are none, numbers of states that are not there, and
        a single state without fluctuations, which leaves nothing to learn.
    """

    def __init__(
        self,
        structure: Structure,
        states: CoordinatesLike,
        weights: Sequence[float] | None = None,
        fluctuations: NestedCovariance | ElasticNetwork | None = None,
        held_out: Sequence[int] = (),
    ) -> None:
        given = coordinates("states", states, ("states", structure.n_atoms, 3)).detach().cpu().double().mT
        given = given - given.mean(dim=2, keepdim=True)
        kept = _kept(len(given), held_out)
        self.structure, self.fluctuations = structure, fluctuations
        self.states, self.held_out = given[kept], given[~kept]
        """(M, 3, N) float64, centred: those of the training, and those that are kept back."""
        self.weights = _weights(weights, len(given))[kept]
        if not self.weights.sum() > 0:
            raise EdmNoiseError("the states that are not held out have no weight: hold out others")
        self.weights = self.weights / self.weights.sum()
        if fluctuations is None and len(self.states) < 2:
            raise EdmNoiseError("one state without fluctuations: give several states, or fluctuations")

    def __repr__(self) -> str:
        held = f", {len(self.held_out)} held out" if len(self.held_out) else ""
        own = "" if self.fluctuations is None else f", fluctuations {self.fluctuations}"
        return f"Ensemble({len(self.states)} states of {self.structure.n_atoms:,} atoms{held}{own})"

    @cached_property
    def scales(self) -> Scales:
        """Data scale of each part over all training data: its states by their weights, and their fluctuations."""
        found = measured_scales(self.structure, self.states.mT, self.weights)
        if self.fluctuations is None:
            return found
        own = part_variances(self.fluctuations, self.structure.hierarchy)
        atom, residue, chain = (math.sqrt(a**2 + b) for a, b in zip(found.by_level, own, strict=True))
        return Scales(atom=atom, residue=residue, chain=chain)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw (count, 3, N) float32 centred training data."""
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        found = self.states[chosen].float()
        if self.fluctuations is None:
            return found
        found += self._moved(torch.empty_like(found), generator)
        return found - found.mean(dim=2, keepdim=True)

    def exact(self, covariance: Covariance) -> Centred:
        """The best denoiser of the training data under noise of this covariance, its estimate centred."""
        states = StatesDenoiser(
            self.states, covariance, self.weights.tolist(), "rotation", self.fluctuations, self.structure.hierarchy
        )
        return Centred(states)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the data are made of: equal ones are the same data to the bit."""
        found = hashlib.sha256()
        for values in (self.states, self.weights):
            found.update(values.numpy().tobytes())
        if self.fluctuations is not None:
            probe = torch.empty(3, self.structure.n_atoms)
            found.update(self._moved(probe, torch.Generator().manual_seed(0)).numpy().tobytes())
        return found.hexdigest()

    def _moved(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``out`` (..., N) with N(0, C)."""
        assert self.fluctuations is not None
        if self._root is None:
            return self.fluctuations.draw(out, generator)
        return out.copy_(torch.randn(out.shape, generator=generator) @ self._root)

    @cached_property
    def _root(self) -> Tensor | None:
        """(N, N) float32 symmetric root of C, where that is the quicker way."""
        atoms = self.structure.n_atoms
        if isinstance(self.fluctuations, NestedCovariance) or atoms > _DENSE or self.fluctuations is None:
            return None
        values, axes = torch.linalg.eigh(self.fluctuations.multiply(torch.eye(atoms, dtype=torch.float64)))
        return ((axes * values.clamp(min=0).sqrt()) @ axes.T).float()


class Centred:
    """A denoiser whose estimates are moved to the mean of what it was given: how networks are compared with it."""

    def __init__(self, denoiser: StatesDenoiser) -> None:
        self.denoiser = denoiser

    def __repr__(self) -> str:
        return f"Centred({self.denoiser})"

    def denoise(self, x: Tensor, sigma: float) -> Denoised:
        """As `Denoiser`; all centres are moved along."""
        found = self.denoiser.denoise(x, sigma)
        shift = x.mean(dim=2, keepdim=True) - found.atoms.mean(dim=2, keepdim=True)
        assert found.residues is not None
        assert found.chains is not None
        return Denoised(found.atoms + shift, found.residues + shift, found.chains + shift)


def part_variances(fluctuations: Fluctuations, hierarchy: Hierarchy) -> tuple[float, float, float]:
    """Mean square over atoms of each part of N(0, C), about the mean of all atoms, angstrom^2: traces of C, exact."""
    whole = torch.zeros(1, hierarchy.counts[0], dtype=torch.float64) + 1
    traces = [_trace(fluctuations, torch.eye(hierarchy.counts[0], dtype=torch.float64))]
    for level in (1, 2):
        group = torch.from_numpy(hierarchy.ancestors(0, level))
        traces.append(_trace(fluctuations, torch.nn.functional.one_hot(group).T.double()))
    traces.append(_trace(fluctuations, whole))
    atom, residue, chain = ((a - b) / hierarchy.counts[0] for a, b in pairwise(traces))
    return atom, residue, chain if hierarchy.counts[2] > 1 else 0.0  # and not what rounding leaves


def _trace(fluctuations: Fluctuations, rows: Tensor) -> float:
    """tr P C for the projection P onto indicator rows."""
    return sum(
        float(((part * fluctuations.multiply(part)).sum(dim=1) / part.sum(dim=1)).sum()) for part in rows.split(256)
    )


def _kept(count: int, held_out: Sequence[int]) -> Tensor:
    """(M,) which states are trained on."""
    kept = torch.ones(count, dtype=torch.bool)
    for number in held_out:
        if not 0 <= number < count:
            raise EdmNoiseError(f"state {number} cannot be held out: the states are 0 to {count - 1}")
        kept[number] = False
    if not kept.any():
        raise EdmNoiseError(f"all {count} states are held out: leave some to learn from")
    return kept


def _weights(weights: Sequence[float] | None, count: int) -> Tensor:
    given = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (count,) or not (np.isfinite(given).all() and given.min() >= 0 and given.sum() > 0):
        raise EdmNoiseError(f"weights are {list(given)}: give {count} finite numbers, none negative, not all zero")
    return torch.from_numpy(np.ascontiguousarray(given / given.sum()))
