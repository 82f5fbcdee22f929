"""A denoiser by name, as people write it -> the model: the one place that knows which there are and what each needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...noise.covariance import Covariance
from ...noise.processes.nested import NestedCovariance
from ...structure.structure import Structure
from ..names import DENOISERS
from .denoiser import Denoiser
from .elastic_network import ElasticNetwork
from .states import Fluctuations, StatesDenoiser

_GAUGES = {"states": "rotation"}
"""How the states of a denoiser may lie in space, where that is not its name."""


@dataclass(frozen=True, repr=False)
class DenoiserChoice(Legible):
    """A denoiser and what of it is chosen.

    Parameters
    ----------
    name
        A name from `edmnoise.diffusion.names.DENOISERS`.
    state_weights
        Probability of each state, up to a factor; equal where not given.
    fluctuations
        Standard deviations (chain, residue, atom) per coordinate of each state's own motion, angstrom; or "network"
        for the elastic network of the first state's residue contacts; none where not given.

    Raises
    ------
    EdmNoiseError
        For a name that is not known, or numbers that are no probabilities or no lengths.
    """

    name: str = "states"
    state_weights: Sequence[float] | None = None
    fluctuations: Sequence[float] | str | None = None

    def __post_init__(self) -> None:
        if self.name not in DENOISERS:
            raise EdmNoiseError(f"no denoiser {self.name!r}: the known ones are {', '.join(DENOISERS)}")
        weights, own = self.state_weights, self.fluctuations
        if weights is not None and not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            raise EdmNoiseError(f"state_weights are {list(weights)}: give numbers, none negative, not all zero")
        if isinstance(own, str):
            if own != "network":
                raise EdmNoiseError(f"fluctuations are {own!r}: give network, or three numbers in angstrom")
        elif own is not None and not (len(own) == 3 and min(own) >= 0 and 0 < own[2] < math.inf):
            raise EdmNoiseError(
                f"fluctuations are {list(own)}: give three numbers in angstrom (chain residue atom), "
                "none negative, the last above 0"
            )

    def check(self, states: int, of: str = "") -> None:
        """Raise EdmNoiseError where there are not as many probabilities as states (of an object that is named)."""
        given = self.state_weights
        if given is not None and len(given) != states:
            raise EdmNoiseError(
                f"state_weights are {len(given)} numbers for {states} state{'' if states == 1 else 's'}"
                f"{' of ' if of else ''}{of}: "
                + (f"give {states} numbers" if states > 1 else "choosing needs several states, or several objects")
            )

    def build(
        self, structure: Structure, states: NDArray[np.float32], covariance: Covariance, device: str = "cpu"
    ) -> Denoiser:
        """The model: seconds for an elastic network.

        Parameters
        ----------
        structure
            Groups, and the first state.
        states
            (M, N, 3) what the data are, angstrom.
        covariance
            K of the noise.
        """
        self.check(len(states))
        return StatesDenoiser(
            torch.from_numpy(np.ascontiguousarray(states)).mT.to(device),
            covariance,
            self.state_weights,
            _GAUGES.get(self.name, self.name),
            self._motion(structure),
            structure.hierarchy,
        )

    def _motion(self, structure: Structure) -> Fluctuations | None:
        """Covariance of each state's own motion."""
        if self.fluctuations is None:
            return None
        if isinstance(self.fluctuations, str):
            return ElasticNetwork.from_structure(structure)
        chain, residue, atom = self.fluctuations
        return NestedCovariance(structure.hierarchy, {"chain": chain**2, "residue": residue**2, "atom": atom**2})
