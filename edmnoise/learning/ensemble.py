"""The data that a network learns: states of a structure, drawn with their motion, and those that are held out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.probabilities import probabilities
from ..diffusion.denoisers.denoiser import Denoised
from ..diffusion.denoisers.elastic_network import ElasticNetwork
from ..diffusion.denoisers.states import StatesDenoiser
from ..noise.covariance import Covariance
from ..noise.processes.nested import NestedCovariance
from ..noise.theory.scales import Scales, measured_scales
from ..structure.hierarchy import Hierarchy, check_three
from ..structure.levels import as_array
from ..structure.structure import Structure
from .mixture import Fluctuations, Mixture, centred

_ROWS = 256
"""Groups whose motion is asked for at a time."""


class Ensemble(Mixture):
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
        For groups of another depth than three, states that do not fit or are not finite, weights that are none,
        numbers of states that are not there, and a single state without fluctuations, which leaves nothing to learn.
    """

    fluctuations: NestedCovariance | ElasticNetwork | None

    def __init__(
        self,
        structure: Structure,
        states: CoordinatesLike,
        weights: Sequence[float] | None = None,
        fluctuations: NestedCovariance | ElasticNetwork | None = None,
        held_out: Sequence[int] = (),
    ) -> None:
        check_three(structure.hierarchy)
        given = coordinates("states", states, ("states", structure.n_atoms, 3)).mT
        kept = _kept(len(given), held_out)
        shares = torch.from_numpy(probabilities(weights, len(given)))
        if not shares[kept].sum() > 0:
            raise EdmNoiseError("the states that are not held out have no weight: hold out others")
        super().__init__(given[kept], shares[kept], fluctuations)
        self.structure, self.held_out = structure, centred(given[~kept])
        """Atoms and groups; and (M, 3, N) float64, centred: the states that are kept back."""
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


def part_variances(fluctuations: Fluctuations, hierarchy: Hierarchy) -> tuple[float, ...]:
    """Mean square over atoms of each part of N(0, C), about the mean of all atoms, angstrom^2: traces of C, exact.

    Of nested groups in O(N); of an elastic network by a solve for each node, some at a time.
    """
    traces = [_trace(fluctuations, hierarchy, level) for level in range(hierarchy.depth + 1)]
    parts = [(a - b) / hierarchy.counts[0] for a, b in pairwise(traces)]
    return (*parts[:-1], parts[-1] if hierarchy.counts[-1] > 1 else 0.0)  # and not what rounding leaves


def _trace(fluctuations: Fluctuations, hierarchy: Hierarchy, level: int) -> float:
    """tr P C for P that gives each atom the mean over its group of a level; the level above all is the whole."""
    whole = level == hierarchy.depth
    group = np.zeros(hierarchy.counts[0], dtype=np.int64) if whole else hierarchy.ancestors(0, level)
    sizes = np.bincount(group)
    if isinstance(fluctuations, NestedCovariance):
        return _nested_trace(fluctuations, group, sizes)
    if isinstance(fluctuations, ElasticNetwork) and level == 0:
        return float(fluctuations.variances().sum())
    total = 0.0
    for first in range(0, len(sizes), _ROWS):
        chosen = torch.arange(first, min(first + _ROWS, len(sizes)))
        rows = (torch.from_numpy(group) == chosen[:, None]).double()
        total += float(((rows * fluctuations.multiply(rows)).sum(dim=1) / rows.sum(dim=1)).sum())
    return total


def _nested_trace(fluctuations: NestedCovariance, group: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """A group g of n atoms adds w_g 1_g^T P 1_g: n w_g where P does not reach beyond it, else n^2 w_g / n_P."""
    total, hierarchy = 0.0, fluctuations.hierarchy
    for level, variance in enumerate(fluctuations.variances):
        own = hierarchy.sizes(level).astype(np.float64)
        around = np.zeros(len(own))
        around[hierarchy.ancestors(0, level)] = sizes[group]  # the larger of two nested groups holds the other
        total += float(np.sum(as_array(variance.detach().cpu()) * own * np.minimum(1.0, own / around)))
    return total


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
