"""y: what noise is added to and denoisers are to find again: states, turned at random, or given held atoms in place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike
from ..base.rotations import haar_rotations
from ..diffusion.denoisers.elastic_network import ElasticNetwork
from ..diffusion.denoisers.held_draws import held_draws
from ..learning.mixture import Fluctuations as Motion
from ..learning.mixture import Mixture
from ..noise.processes.nested import NestedCovariance
from ..structure.part import Part


class Targets(Mixture):
    """What is to be found again: a state by its probability, with its own motion, turned at random; centred.

    Parameters
    ----------
    states
        (M, 3, N) coordinates, angstrom: those that the denoisers know, or held-out ones.
    name
        What they are called in tables: "states 1-3 of m".
    weights, fluctuations
        As in `Mixture`.
    turned
        Whether any turn is as likely as another: so it is for the gauge "rotation" of a `StatesDenoiser`.
    """

    def __init__(
        self,
        states: CoordinatesLike,
        name: str = "the states",
        weights: Sequence[float] | Tensor | None = None,
        fluctuations: Motion | None = None,
        turned: bool = True,
    ) -> None:
        super().__init__(states, weights, fluctuations)
        self.name, self.turned = name, turned

    part: Part | None = None
    """No atoms are held."""

    def __repr__(self) -> str:
        return f"Targets({len(self.states)} of {self.name})"

    def draw(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw (count, 3, N), centred."""
        y = super().draw(count, generator, dtype)
        return haar_rotations(count, generator).to(dtype) @ y if self.turned else y


class HeldTargets:
    """What moved atoms may be, given the held ones in their places: never centred, never turned.

    Parameters
    ----------
    part
        Which atoms move, and where the others are held.
    states
        (M, 3, N) coordinates of all atoms, angstrom, lying anywhere.
    name, weights
        As in `Targets`.
    fluctuations, gauge
        As in `edmnoise.diffusion.denoisers.held.held_states`, whose denoiser is the optimum for these.
    """

    def __init__(
        self,
        part: Part,
        states: CoordinatesLike,
        name: str = "the states",
        weights: Sequence[float] | None = None,
        fluctuations: NestedCovariance | ElasticNetwork | None = None,
        gauge: str = "rotation",
    ) -> None:
        self.part, self.name, self.fluctuations = part, name, fluctuations
        self._law = held_draws(part, states, fluctuations, weights, gauge)

    def __repr__(self) -> str:
        return f"HeldTargets({len(self.states)} of {self.name}, {self.part})"

    @property
    def states(self) -> Tensor:
        """(M, 3, m) float64: the moved atoms of the states, angstrom."""
        return self._law.states

    def draw(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw (count, 3, m)."""
        return torch.stack([self._law.draw(generator) for _ in range(count)]).to(dtype)
