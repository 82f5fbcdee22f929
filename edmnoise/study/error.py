"""E |D(x, sigma) - y|^2 over sigma, part by part, of any denoisers side by side, and how far each is from the optimum.

y is centred, x = y + sigma n is centred too, and the common shift of D is taken off: nothing is said of where the whole
lies. Held atoms say it: where there are any, y, x and D are those of the moved atoms, as they lie. Errors are split by
plain means into chain, residue in chain and atom in residue. With D* = E[y | x] the optimum of what the y are drawn
from, every other D has

    E |D - y|^2 = E |D* - y|^2 + E |D - D*|^2,

in each part, since D* - y has the mean 0 given x. The last term is the excess; it is measured as a
distance, which scatters less than the difference of two errors. Where the y are held out, the exact denoiser of the
*known* states is no optimum, and other denoisers may err less than it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import coordinates
from ..base.errors import EdmNoiseError
from ..base.seeds import check_seed, reseed
from ..noise.covariance import Covariance
from ..noise.sigma import check_sigma
from ..noise.theory.scales import split
from ..structure.hierarchy import Hierarchy, check_levels
from .candidates import EXACT, FLUCTUATING, Candidate
from .error_study import ErrorStudy
from .targets import HeldTargets, Targets

ASKED = 5
"""Stream of random numbers of the draws; see `edmnoise.base.seeds`."""

_COORDINATES = 1 << 20
"""Most coordinates in the draws that are denoised together."""

_MOST = 64
"""Most draws that are denoised together."""


def denoising_error(
    candidates: Sequence[Candidate],
    targets: Targets | HeldTargets,
    covariance: Covariance,
    hierarchy: Hierarchy,
    sigmas: Sequence[float],
    draws: int = 200,
    seed: int = 0,
    reference: str | None = None,
    progress: Callable[[int, int], object] | None = None,
    device: torch.device | str = "cpu",
) -> ErrorStudy:
    """Measure what denoisers err by, on the same draws.

    Parameters
    ----------
    candidates
        Denoisers, of different names.
    targets
        What the noise is added to; where atoms are held, all is of the moved ones, and nothing is centred.
    covariance
        K of the noise.
    hierarchy
        Atoms in residues in chains.
    sigmas
        Noise levels, angstrom; each has draws of its own.
    draws
        At each level, two or more.
    seed
        The same seed gives the same draws, whatever the candidates are.
    reference
        Name of the candidate that the others are compared with; where not given that of `references` which is exact
        for targets like these, with or without motion, and without it there is no comparison. It is the optimum where
        the targets are what it knows, and only there.
    progress
        Told of the draws that are done and of how many there are; what it raises ends the work.
    device
        Where the denoisers are.

    Raises
    ------
    EdmNoiseError
        For too few draws, no candidates, two of one name, no such reference, groups or atoms that do not fit, and for
        an estimate of another shape, or that is not finite (naming the candidate and the level).
    """
    levels = [check_sigma(sigma) for sigma in sigmas]
    _check_asked(candidates, hierarchy, targets, covariance, levels, draws)
    check_seed(seed)
    names = [candidate.name for candidate in candidates]
    usual = EXACT if targets.fluctuations is None else FLUCTUATING
    against = usual if reference is None and usual in names else reference
    if against is not None and against not in names:
        raise EdmNoiseError(f"no candidate {against!r} to compare with: the candidates are {', '.join(names)}")
    squares = np.empty((len(candidates), len(levels), hierarchy.depth, draws))
    apart = np.full_like(squares, np.nan)
    for level, sigma in enumerate(levels):
        for some in _pieces(draws, covariance.atoms):
            y, x = _drawn(
                targets, covariance, sigma, range(level * draws + some.start, level * draws + some.stop), seed
            )
            given = x.to(device)
            estimates = [_about_centre(_estimate(candidate, given, sigma), targets) for candidate in candidates]
            for which, estimate in enumerate(estimates):
                squares[which, level, :, some] = _part_squares(estimate - y, hierarchy)
                if against is not None:
                    apart[which, level, :, some] = _part_squares(estimate - estimates[names.index(against)], hierarchy)
            if progress is not None:
                progress(level * draws + some.stop, len(levels) * draws)
    size = float(targets.states.square().mean().sqrt())
    labels = tuple((candidate.name, candidate.knows) for candidate in candidates)
    return ErrorStudy(hierarchy, labels, tuple(levels), targets.name, against, size, squares, apart, seed, targets.part)


def _check_asked(
    candidates: Sequence[Candidate],
    hierarchy: Hierarchy,
    targets: Targets | HeldTargets,
    covariance: Covariance,
    sigmas: Sequence[float],
    draws: int,
) -> None:
    check_levels(hierarchy)
    if not candidates or not sigmas:
        raise EdmNoiseError("no candidates or no noise levels given: give at least one of each")
    names = [candidate.name for candidate in candidates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise EdmNoiseError(f"{names.count(twice)} candidates are called {twice!r}: give each a name of its own")
    if draws < 2:
        raise EdmNoiseError(f"draws is {draws}: give 2 or more, whose scatter says how sure their mean is")
    counts = {hierarchy.counts[0], targets.states.shape[2], covariance.atoms}
    if len(counts) > 1:
        raise EdmNoiseError(
            f"groups, states and noise are of {hierarchy.counts[0]}, {targets.states.shape[2]} and {covariance.atoms} "
            "atoms: give those of one structure"
        )


def _pieces(draws: int, atoms: int) -> Iterator[slice]:
    size = max(1, min(_MOST, _COORDINATES // (3 * atoms)))
    for start in range(0, draws, size):
        yield slice(start, min(start + size, draws))


def _drawn(
    targets: Targets | HeldTargets, covariance: Covariance, sigma: float, numbers: range, seed: int
) -> tuple[Tensor, Tensor]:
    """Clean (B, 3, N) float64 and noised float32 coordinates: draw k depends on the seed and k alone."""
    clean = torch.empty(len(numbers), 3, covariance.atoms, dtype=torch.float64)
    noise = torch.empty_like(clean, dtype=torch.float32)
    generator = torch.Generator()
    for row, number in enumerate(numbers):
        reseed(generator, seed, number, ASKED)
        clean[row] = targets.draw(1, generator, torch.float64)[0]
        covariance.draw(noise[row], generator)
    noisy = clean + sigma * noise.double()
    return clean, _about_centre(noisy, targets).float()


def _about_centre(x: Tensor, targets: Targets | HeldTargets) -> Tensor:
    """Coordinates about their mean; as they lie where atoms are held."""
    return x - x.mean(dim=2, keepdim=True) if targets.part is None else x


def _estimate(candidate: Candidate, x: Tensor, sigma: float) -> Tensor:
    """(B, 3, N) float64."""
    with torch.no_grad():
        atoms = candidate.denoiser.denoise(x.clone(), sigma).atoms.double().cpu()
    return coordinates(f"{candidate.name} at {sigma:g} A", atoms, tuple(x.shape))


def _part_squares(apart: Tensor, hierarchy: Hierarchy) -> NDArray[np.float64]:
    """(L, B): mean square over atoms and axes of each part of (B, 3, N), finest first."""
    return torch.stack([part.square().mean(dim=(1, 2)) for part in split(apart, hierarchy)]).numpy()
