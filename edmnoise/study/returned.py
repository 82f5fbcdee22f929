"""Samples against the state that they left: nearest state, RMSD, lDDT, each part's way, and what these are anyway."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.legible import Legible
from ..base.seeds import reseed
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.denoisers.states import StatesDenoiser
from ..diffusion.samplers.sampler import SAMPLING
from ..diffusion.two_states import state_distance
from ..frames.displacement import Measure, measure_displacement, nested
from ..frames.lddt import LocalPairs, lddt_scores
from ..noise.covariance import Covariance
from ..structure.levels import as_array
from ..structure.structure import Structure
from ..structure.superpose import superpose

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
        (S,) to the state that was left: RMSD of all atoms after superposition, angstrom.
    squares
        For each of `nested` (S,): mean square displacement per coordinate from that state, superposed, angstrom^2.
    posterior
        Mean posterior probability of that state where the samples began, which is what a sampler with fresh noise at
        all levels is expected to return; NaN where the denoiser knows no states.
    """

    nearest: NDArray[np.int64]
    rmsd: NDArray[np.float64]
    lddt: NDArray[np.float64]
    squares: dict[Measure, NDArray[np.float64]]
    posterior: float = math.nan


def measure_return(frames: NDArray[np.float32], state: Structure, states: torch.Tensor, local: LocalPairs) -> Returned:
    """Samples (S, N, 3) against the state that they left, and which of (M, N, 3) states each is nearest to."""
    x = torch.from_numpy(frames - frames.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32))
    to_each = np.stack([as_array(superpose(x.mT, other.T).rmsd) for other in states], axis=1)
    points = np.ascontiguousarray(x.numpy().transpose(1, 2, 0))
    lddt, _ = lddt_scores(local, points, np.zeros(len(x), dtype=np.int64))
    rmsd = as_array(superpose(x.mT, torch.from_numpy(state.coordinates.T.copy())).rmsd)
    moved = measure_displacement(state, [x.numpy()], "superpose", nested(state.hierarchy))
    return Returned(to_each.argmin(axis=1).astype(np.int64), rmsd, lddt, moved.by_frame)


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
    if not isinstance(denoiser, StatesDenoiser) or state >= len(denoiser.states):
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
    denoiser: Denoiser, number: int, state: Structure, whole: Returned, states: torch.Tensor
) -> tuple[float, dict[Measure, float]]:
    """Share of a state and mean squares from it where nothing is known of a start."""
    share = float((whole.nearest == number).mean())
    squares = {part: float(values.mean()) for part, values in whole.squares.items()}
    if isinstance(denoiser, StatesDenoiser) and len(denoiser.states) == len(states):
        weights = denoiser.log_weights.exp().cpu().numpy()
        share = float(weights[number])
        if denoiser.fluctuations is None:
            moved = measure_displacement(state, states.numpy(), "superpose", nested(state.hierarchy))
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
