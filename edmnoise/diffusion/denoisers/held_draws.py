"""y_m ~ p(y_m | y_f): clean places of the moved atoms, drawn from what `held` expects them to be given the held ones.

States that keep still lie on the held atoms, and so do those about which an elastic network fluctuates. Of states that
fluctuate with C, a state, its rotation R and its place t are drawn as the held atoms leave them, whose law is
N(R y_f + t, C_ff). With u ~ N(0, C) and z = R y + t + u for all atoms, a draw given x_f is then

    y_m = z_m + C_mf C_ff^-1 (x_f - z_f)

(Journel and Huijbregts, Mining Geostatistics, 1978, VII.C: conditioning by kriging). R follows a matrix Fisher
distribution, which as one of quaternions is a Bingham distribution: drawn by rejection from an angular central Gaussian
(Kent, Ganeiber, Mardia, J. Comput. Graph. Stat. 27, 291 (2018), section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.probabilities import probabilities
from ...base.rotations import quaternion_to_matrix
from ...noise.processes.nested import NestedCovariance
from ...structure.best_rotation import proper_svd
from ...structure.levels import as_array
from ...structure.part import Part
from .elastic_network import ElasticNetwork
from .held import laid_states
from .held_motion import HeldMotion
from .states import StatesDenoiser


class HeldDraws(Protocol):
    """What moved atoms may be, given the held ones.

    Attributes
    ----------
    states
        (M, 3, m) float64: the moved atoms of the states, angstrom.
    """

    states: Tensor

    def draw(self, generator: torch.Generator) -> Tensor:
        """(3, m) float64, angstrom."""


def held_draws(
    part: Part,
    states: CoordinatesLike,
    motion: NestedCovariance | ElasticNetwork | None,
    weights: Sequence[float] | None = None,
    gauge: str = "rotation",
) -> HeldDraws:
    """What the denoiser of `edmnoise.diffusion.denoisers.held.held_states` with the same arguments takes for clean."""
    if isinstance(motion, NestedCovariance):
        return _Conditioned(part, states, motion, weights, gauge)
    return _Laid(part, states, motion, weights, gauge)


class _Laid:
    """States that lie on the held atoms, with the motion of those nodes of a network that hold none of these."""

    def __init__(
        self,
        part: Part,
        states: CoordinatesLike,
        network: ElasticNetwork | None,
        weights: Sequence[float] | None,
        gauge: str,
    ) -> None:
        laid, _ = laid_states(part, states, gauge)
        self.states = laid[:, :, torch.from_numpy(part.moved)].double().cpu()
        self._weights = torch.from_numpy(probabilities(weights, len(laid)))
        self._motion = HeldMotion.of_network(network, part) if network else None

    def draw(self, generator: torch.Generator) -> Tensor:
        clean = self.states[_chosen(self._weights, generator)].clone()
        return clean if self._motion is None else clean + self._motion.draw(torch.empty_like(clean), generator)


class _Conditioned:
    """States that fluctuate with C of nested groups."""

    def __init__(
        self,
        part: Part,
        states: CoordinatesLike,
        motion: NestedCovariance,
        weights: Sequence[float] | None,
        gauge: str,
    ) -> None:
        whole = coordinates("states", states, ("states", 3, part.whole.n_atoms)).double().cpu()
        self._moved, self._held = torch.from_numpy(part.moved), torch.from_numpy(part.held)
        self.states = whole[:, :, self._moved]
        self._motion, self._near = motion, motion.restricted(part.held)
        self._places = torch.tensor(part.whole.coordinates.T[:, part.held]).double()
        known = StatesDenoiser(whole[:, :, self._held], self._near, weights, gauge)
        self._weights = known.state_probabilities(self._places[None], 1.0)[0]
        self._gauge = gauge
        self._centre = self._places.new_zeros(3) if gauge == "fixed" else self._near.gls_mean(self._places)
        own = 0.0 if gauge == "fixed" else self._near.gls_mean(whole[:, :, self._held])[..., None]
        self._about = whole - own

    def draw(self, generator: torch.Generator) -> Tensor:
        lying = self._lying(self._about[_chosen(self._weights, generator)], generator)
        lying = lying + self._motion.draw(torch.empty_like(lying), generator)
        pull = torch.zeros_like(lying)
        pull[:, self._held] = self._near.solve(self._places - lying[:, self._held])
        return (lying + self._motion.multiply(pull))[:, self._moved]

    def _lying(self, state: Tensor, generator: torch.Generator) -> Tensor:
        """A state (3, N) about its centre, turned and shifted as the held atoms leave it."""
        if self._gauge == "fixed":
            return state
        if self._gauge == "rotation":
            there = self._places - self._centre[:, None]
            state = drawn_rotation(there @ self._near.solve(state[:, self._held]).T, generator) @ state
        spread = torch.randn(3, generator=generator, dtype=torch.float64) / self._near.precision().sqrt()
        return state + (self._centre + spread)[:, None]


def _chosen(weights: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(weights, 1, generator=generator))


def drawn_rotation(f: Tensor, generator: torch.Generator) -> Tensor:
    """Draw R (3, 3), proper, with density c(F)^-1 exp tr F^T R; float64."""
    u, s, vh = proper_svd(f.double())
    tight = np.concatenate([[0.0], 2 * np.maximum(as_array(s.sum() - s), 0.0)])  # exp -(tight . q^2) of quaternions q
    b = brentq(lambda b: float((1 / (b + 2 * tight)).sum()) - 1, 1.0, 4.0)
    widths = torch.from_numpy(1 / np.sqrt(1 + 2 * tight / b))
    most = 2 * math.log(4 / b) - (4 - b) / 2
    while True:
        q = widths * torch.randn(4, generator=generator, dtype=torch.float64)
        x = float(tight @ as_array(q.square() / q.square().sum()))
        if math.log(1 - float(torch.rand(1, generator=generator))) < 2 * math.log1p(2 * x / b) - x - most:
            return u @ quaternion_to_matrix(q) @ vh
