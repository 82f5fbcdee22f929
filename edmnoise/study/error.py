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

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.seeds import check_seed, reseed
from ..base.table import Column, Table
from ..diffusion.denoisers.denoiser import Denoised, Denoiser
from ..diffusion.denoisers.elastic_network import ElasticNetwork
from ..diffusion.denoisers.held import held_states
from ..diffusion.denoisers.states import StatesDenoiser
from ..diffusion.precondition import level_variances
from ..noise.covariance import Covariance
from ..noise.processes.nested import NestedCovariance
from ..noise.sigma import check_sigma
from ..noise.theory.scales import split
from ..structure.hierarchy import Hierarchy, as_read, check_levels
from ..structure.part import Part, described
from ..structure.structure import describe
from ..structure.superpose import superpose
from .targets import HeldTargets, Targets

ASKED = 5
"""Stream of random numbers of the draws; see `edmnoise.base.seeds`."""

_COORDINATES = 1 << 20
"""Most coordinates in the draws that are denoised together."""

_MOST = 64
"""Most draws that are denoised together."""

_ROUNDING = 4 * torch.finfo(torch.float32).eps
"""A reference that errs by less than this share of the data's size errs by rounding: nothing is a multiple of it."""

_OVER = "mean square error over the reference's"


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


EXACT, FLUCTUATING, NOTHING = "exact", "exact, fluctuating", "doing nothing"
"""Names of `references`."""


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


def moving_parts(hierarchy: Hierarchy, held: bool = False) -> list[int]:
    """Parts that there are, coarsest first: a single chain has no place among others, but one among held atoms."""
    there = (*hierarchy.counts, 0 if held else 1)
    return [part for part in as_read(range(hierarchy.depth)) if there[part] > there[part + 1]]


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


@dataclass(frozen=True, eq=False, repr=False)
class ErrorStudy(Legible):
    """Errors of every draw.

    Attributes
    ----------
    hierarchy
        Groups that the parts are of.
    labels
        (K,) name of each candidate and what it knows.
    sigmas
        (S,) noise levels, angstrom.
    of
        What the noise was added to.
    reference
        Name of the candidate that the others are compared with; None for no comparison.
    size
        RMS of the clean coordinates, angstrom: an error far below is rounding.
    squares
        (K, S, L, draws): mean square over atoms and axes of each part of D - y, parts finest first, angstrom^2.
    apart
        The same of D - D* with D* the reference; NaN without one.
    seed
        Of the draws.
    part
        Where atoms were held: which.
    """

    hierarchy: Hierarchy
    labels: tuple[tuple[str, str], ...]
    sigmas: tuple[float, ...]
    of: str
    reference: str | None
    size: float
    squares: NDArray[np.float64]
    apart: NDArray[np.float64]
    seed: int = 0
    part: Part | None = None

    @property
    def draws(self) -> int:
        """At each level."""
        return self.squares.shape[-1]

    @property
    def parts(self) -> list[int]:
        """Those of `moving_parts`."""
        return moving_parts(self.hierarchy, self.part is not None)

    def rms(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Root mean square error (S, L) of a candidate, angstrom, and its standard error."""
        return _rms(self.squares[self._place(name)])

    def total(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Root mean square error (S,) of a candidate in all parts together, angstrom, and its standard error."""
        return _rms(self.squares[self._place(name)].sum(axis=1))

    def excess(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RMS distance (S, L) from the reference, angstrom, and its standard error; NaN without one."""
        return _rms(self.apart[self._place(name)])

    def ratio(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean square error (S, L) over that of the reference, and its standard error, of paired draws.

        NaN without a reference, and where that errs by rounding alone.
        """
        if self.reference is None:
            none = np.full(self.squares.shape[1:3], np.nan)
            return none, none
        own, least = self.squares[self._place(name)], self.squares[self._place(self.reference)]
        mean = least.mean(axis=-1)
        mean[mean < (_ROUNDING * self.size) ** 2] = np.nan
        ratio = own.mean(axis=-1) / mean
        # To first order the ratio moves by (a - ratio b) / mean b: what both share of a draw's difficulty drops out.
        scatter = (own - ratio[..., None] * least).std(axis=-1, ddof=1) / math.sqrt(self.draws)
        return ratio, scatter / mean

    def table(self) -> Table:
        """A row for each candidate at each level: errors, ratios and distances, with standard errors."""
        columns = self._settings()
        for part in self.parts:
            for label, unit, measure, help_ in (
                ("{}", "A", self.rms, "RMS error per coordinate"),
                (f"{{}} over {self.reference}", "", self.ratio, _OVER),
                (f"{{}} from {self.reference}", "A", self.excess, "RMS distance of the two estimates"),
            ):
                if self.reference is None and measure != self.rms:
                    continue
                name = label.format(self.hierarchy.parts[part])
                means, errors = self._column(measure, part)
                columns.append(Column(name, means, unit, 4 if unit else 3, help_))
                columns.append(Column(f"{name}, error", errors, unit, 4 if unit else 3, "standard error"))
        totals, errors = self._totals()
        columns.append(Column("all parts", totals, "A", 4, "RMS error per coordinate"))
        columns.append(Column("all parts, error", errors, "A", 4, "standard error"))
        return self._table(columns)

    def summary(self) -> Table:
        """The table without standard errors and distances, which fits on a screen."""
        columns = self._settings()
        for part in self.parts:
            columns.append(
                Column(self.hierarchy.parts[part], self._column(self.rms, part)[0], "A", 4, "RMS error per coordinate")
            )
            if self.reference is not None:
                ratios = self._column(self.ratio, part)[0]
                columns.append(Column(f"{self.hierarchy.parts[part]} over {self.reference}", ratios, "", 2, _OVER))
        columns.append(Column("all parts", self._totals()[0], "A", 4, "RMS error per coordinate"))
        return self._table(columns)

    def _shown(self) -> Table:
        return self.summary()

    def _place(self, name: str) -> int:
        names = [label for label, _ in self.labels]
        if name not in names:
            raise EdmNoiseError(f"no candidate {name!r}: the candidates are {', '.join(names)}")
        return names.index(name)

    def _column(
        self, measure: Callable[[str], tuple[NDArray[np.float64], NDArray[np.float64]]], part: int
    ) -> tuple[list[float], list[float]]:
        """Values and errors of one part, levels one after another, all candidates at each."""
        found = [measure(name) for name, _ in self.labels]
        return _by_level([(values[:, part], errors[:, part]) for values, errors in found])

    def _totals(self) -> tuple[list[float], list[float]]:
        return _by_level([self.total(name) for name, _ in self.labels])

    def _settings(self) -> list[Column]:
        count = len(self.labels)
        return [
            Column("sigma", [sigma for sigma in self.sigmas for _ in range(count)], "A"),
            Column("denoiser", [name for name, _ in self.labels] * len(self.sigmas)),
            Column("knows", [knows or "-" for _, knows in self.labels] * len(self.sigmas), help="which states"),
        ]

    def _table(self, columns: list[Column]) -> Table:
        about = describe(self.hierarchy) if self.part is None else described(self.part)
        title = f"denoising error on {self.of}, {self.draws} draws a level, seed {self.seed}: {about}"
        lying = "everything centred" if self.part is None else "of the moved atoms, the held ones clean in their places"
        notes = [f"RMS per coordinate of D - y by part, {lying}; the same draws for all denoisers."]
        if self.reference is not None:
            knows = dict(self.labels)[self.reference]
            named = f"{self.reference} ({knows})" if knows else self.reference
            notes.append(f"Over {self.reference}: mean square error over that of {named}, the optimum of these alone.")
        meta: Mapping[str, object] = {
            "of": self.of,
            "draws": self.draws,
            "seed": self.seed,
            "reference": self.reference,
            "structure": about,
        }
        return Table(title, tuple(columns), meta, tuple(notes))


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


def _by_level(found: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[list[float], list[float]]:
    """Values and errors (S,) of each candidate, levels one after another."""
    values, errors = (np.stack(column, axis=1).ravel().tolist() for column in zip(*found, strict=True))
    return values, errors


def _rms(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root of the mean over draws, and its standard error: that of the mean over twice the root."""
    root = np.sqrt(squares.mean(axis=-1))
    error = squares.std(axis=-1, ddof=1) / math.sqrt(squares.shape[-1])
    return root, np.divide(error, 2 * root, out=np.zeros_like(root), where=root > 0)
