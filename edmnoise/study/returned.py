"""Samples against the state that they left: nearest state, RMSD, lDDT, each part's way, and what these are anyway."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.seeds import reseed
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.denoisers.held import ConditionedStates, laid_states
from ..diffusion.denoisers.states import StatesDenoiser
from ..diffusion.samplers.sampler import SAMPLING
from ..diffusion.two_states import state_distance
from ..frames.displacement import Measure, measure_displacement, nested
from ..frames.lddt import LocalPairs, lddt_scores
from ..noise.covariance import Covariance
from ..structure.levels import as_array
from ..structure.part import Part, moving
from ..structure.structure import Structure
from ..structure.superpose import superpose
from .samples import apart_in_place

_POSTERIORS = 64
"""Samples whose posterior is asked for together."""


@dataclass(frozen=True, eq=False, repr=False)
class Returned(Legible):
    """Samples that left a state at one level, measured against it.

    Attributes
    ----------
    nearest
        (S,) state, from 0, that each is nearest to.
    rmsd, lddt
        (S,) to the state that was left: RMSD of all atoms after superposition, angstrom. Of the moved atoms as they lie
        where others are held, and lDDT of the pairs that have one of them.
    squares
        For each of `nested` (S,): mean square displacement per coordinate from that state, superposed or among the held
        atoms, angstrom^2.
    posterior
        Mean posterior probability of that state where the samples began, which is what a sampler with fresh noise at
        all levels is expected to return; NaN where the denoiser knows no states.
    """

    nearest: NDArray[np.int64]
    rmsd: NDArray[np.float64]
    lddt: NDArray[np.float64]
    squares: dict[Measure, NDArray[np.float64]]
    posterior: float = math.nan


Places = NDArray[np.float32]
"""(..., n, 3) of the atoms that move, angstrom."""


@dataclass(frozen=True, eq=False, repr=False)
class Way(Legible):
    """A state that is left: its number, itself with its held atoms, what samples of it are told apart by, and the
    denoiser."""

    number: int
    state: Structure | Part
    states: torch.Tensor
    denoiser: Denoiser

    @property
    def start(self) -> Places:
        return moving(self.state).coordinates

    @property
    def centre(self) -> Places | None:
        """Where samples without a start begin; None for the origin."""
        if isinstance(self.state, Structure):
            return None
        return np.tile(self.state.centre.astype(np.float32), (len(self.state.moved), 1))

    def local(self) -> LocalPairs:
        """What lDDT counts: tens of MB for a large molecule."""
        if isinstance(self.state, Structure):
            return LocalPairs.of(self.state)
        return LocalPairs.of(self.state.whole, among=self.state.mask)


def ways_of(
    structure: Structure | Part,
    given: torch.Tensor,
    denoiser: Denoiser | Sequence[Denoiser],
    numbers: Sequence[int],
    gauge: str,
) -> list[Way]:
    """The states of some numbers, as `edmnoise.study.round_trip.round_trips` is given them."""
    places = [given[number].numpy().copy() for number in numbers]
    if isinstance(structure, Structure):
        if isinstance(denoiser, Sequence):
            raise EdmNoiseError("several denoisers are given, and no atoms are held: give one")
        kept = [replace(structure, coordinates=each) for each in places]
        return [Way(number, state, given, denoiser) for number, state in zip(numbers, kept, strict=True)]
    if not isinstance(denoiser, Sequence) or len(denoiser) != len(numbers):
        raise EdmNoiseError(f"{len(numbers)} states are left with their held atoms: give a denoiser for each")
    ways = []
    for number, each, model in zip(numbers, places, denoiser, strict=True):
        part = structure.at(each)
        laid, _ = laid_states(part, given.mT, gauge)
        moved = laid[:, :, torch.from_numpy(part.moved)].mT.contiguous()
        ways.append(Way(number, part, moved, model))
    return ways


def measure_return(
    frames: NDArray[np.float32], state: Structure | Part, states: torch.Tensor, local: LocalPairs
) -> Returned:
    """Samples (S, n, 3) of what moves against the state that they left, and which of (M, n, 3) states each is nearest
    to."""
    if isinstance(state, Part):
        return _among_held(frames, state, states, local)
    x = torch.from_numpy(frames - frames.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32))
    to_each = np.stack([as_array(superpose(x.mT, other.T).rmsd) for other in states], axis=1)
    lddt = _lddt(local, x.numpy())
    rmsd = as_array(superpose(x.mT, torch.from_numpy(state.coordinates.T.copy())).rmsd)
    moved = measure_displacement(state, [x.numpy()], "superpose", nested(state.hierarchy))
    return Returned(to_each.argmin(axis=1).astype(np.int64), rmsd, lddt, moved.by_frame)


def _among_held(frames: NDArray[np.float32], part: Part, states: torch.Tensor, local: LocalPairs) -> Returned:
    own = part.structure
    to_each = np.stack([apart_in_place(frames, other.numpy()) for other in states], axis=1)
    moved = measure_displacement(own, [frames], "none", nested(own.hierarchy))
    return Returned(
        to_each.argmin(axis=1).astype(np.int64),
        apart_in_place(frames, own.coordinates),
        _lddt(local, part.filled(frames)),
        moved.by_frame,
    )


def _lddt(local: LocalPairs, frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """(S,) of frames (S, N, 3)."""
    points = np.ascontiguousarray(frames.transpose(1, 2, 0))
    return lddt_scores(local, points, np.zeros(len(frames), dtype=np.int64))[0]


def mean_posterior(
    denoiser: Denoiser,
    covariance: Covariance,
    start: NDArray[np.float32],
    state: int,
    sigma: float,
    numbers: range,
    seed: int,
    device: torch.device | str,
) -> float:
    """Mean posterior probability of the state that samples left, at the very places where they begin."""
    if not isinstance(denoiser, StatesDenoiser | ConditionedStates) or state >= len(denoiser.states):
        return math.nan
    found = []
    for first in range(0, len(numbers), _POSTERIORS):
        rows = [reseed(torch.Generator(device), seed, number, SAMPLING) for number in numbers[first:][:_POSTERIORS]]
        x = torch.empty(len(rows), 3, covariance.atoms, device=device)
        for out, generator in zip(x, rows, strict=True):
            covariance.draw(out, generator)
        x = x.mul_(sigma) + torch.from_numpy(start.T.copy()).to(x)
        found.append(denoiser.state_probabilities(x, sigma)[:, state])
    return float(torch.cat(found).mean())


def without_start(
    denoiser: Denoiser, number: int, state: Structure | Part, whole: Returned, states: torch.Tensor
) -> tuple[float, dict[Measure, float]]:
    """Share of a state and mean squares from it where nothing is known of a start but the held atoms."""
    share = float((whole.nearest == number).mean())
    squares = {part: float(values.mean()) for part, values in whole.squares.items()}
    if isinstance(denoiser, StatesDenoiser) and len(denoiser.states) == len(states):
        weights = denoiser.log_weights.exp().cpu().numpy()
        share = float(weights[number])
        if denoiser.fluctuations is None:
            own, align = moving(state), "none" if isinstance(state, Part) else "superpose"
            moved = measure_displacement(own, states.numpy(), align, nested(own.hierarchy))
            squares = {part: float(weights @ values) for part, values in moved.by_frame.items()}
    return share, squares


def two_states(denoiser: Denoiser, covariance: Covariance) -> tuple[float, float]:
    """Their distance and the first one's probability, where the closed form holds; NaN otherwise."""
    if not isinstance(denoiser, StatesDenoiser) or len(denoiser.states) != 2 or denoiser.fluctuations is not None:
        return math.nan, math.nan
    share = float(denoiser.log_weights[0].exp())
    if not 0 < share < 1:
        return math.nan, math.nan
    one, other = denoiser.states.cpu()
    return state_distance(one, other, covariance, denoiser.gauge), share
