"""x = y_m + sigma L z, sampled back: does it come back to state m? Over sigma, with RMSD, lDDT and each level's way.

A sample has come back where the state that it left is the nearest, by RMSD after superposition without reflections. The
level of no return of a state is where the share of samples that come back has gone half of its way, from 1 to the
state's share in the data. That of chains, residues in chains and atoms in residues is where their mean square
displacement from the state has reached half of what it is without a start. Both are those of samples of the whole
schedule, unless the denoiser knows the states, and for displacements that these keep still. With two
states all of these are one level, for a sample is of the one or the other with all of its parts; between many states,
and for networks, parts that are decided at lower noise have lower ones. A part that moves by itself with the standard
deviation s, and has the noise nu sigma, has its own at nu sigma = s without fresh noise, where the sampler scales the
noise to the data, and at nu sigma = s sqrt(sqrt 2 - 1) = .64 s with fresh noise at every level.

Where atoms are held, they lie where the state that is left has them; the moved ones are noised, sampled given these and
measured as they lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.seeds import check_seed
from ..base.table import Column, Table
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.samplers.sampler import Sampler
from ..diffusion.samplers.schedule import Schedule
from ..diffusion.two_states import KINDS, no_return, return_probability
from ..frames.displacement import Measure, nested
from ..noise.covariance import Covariance
from ..noise.sigma import SigmaDistribution
from ..structure.hierarchy import Hierarchy, as_read, check_levels
from ..structure.part import Part, described, moving
from ..structure.structure import Structure
from .returned import (
    Places,
    Returned,
    Way,
    mean_posterior,
    measure_return,
    two_states,
    ways_of,
    without_start,
)
from .samples import final_samples, mean_error, share_error, with_error

_STILL = 1e-6
"""Mean square displacement, angstrom^2, that is only rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class RoundTrips(Legible):
    """Samples that left states at several levels, and samples of the whole schedule.

    Attributes
    ----------
    structure
        Atoms and groups; which move, where others are held.
    states
        How many are known.
    left
        Which of them were left, from 0.
    sigmas
        Rising, angstrom.
    trips
        For each state that was left: its samples at each level.
    whole
        For each of these: samples of the whole schedule, measured against it.
    without
        For each of these: its share, and the mean squares of `nested` from it, without a start.
    pairs
        For each of these: d of `edmnoise.diffusion.two_states`, angstrom, and the probability of the first state, where
        there are two without fluctuations that the denoiser knows exactly; NaN otherwise. They are the same for all,
        but for how two states lie on the held atoms of the one that is left.
    samples, seed
        As given.
    """

    structure: Structure | Part
    states: int
    left: tuple[int, ...]
    sigmas: tuple[float, ...]
    trips: tuple[tuple[Returned, ...], ...]
    whole: tuple[Returned, ...]
    without: tuple[tuple[float, dict[Measure, float]], ...]
    pairs: tuple[tuple[float, float], ...]
    samples: int
    seed: int

    def __repr__(self) -> str:
        of = f"{len(self.left)} of {self.states} state{'' if self.states == 1 else 's'}"
        levels = ", ".join(f"{sigma:.3g}" for sigma in self.sigmas[:6]) + (" ..." if len(self.sigmas) > 6 else "")
        return f"RoundTrips({of} from {levels} A, {self.samples} samples each)"

    @property
    def known(self) -> bool:
        """Whether there are closed forms."""
        return math.isfinite(self.pairs[0][0])

    @property
    def hierarchy(self) -> Hierarchy:
        """Of the atoms that move."""
        return moving(self.structure).hierarchy

    def returned(self, number: int) -> NDArray[np.float64]:
        """(T,) share of the samples that came back to the n-th of the left states; NaN with one state."""
        if self.states == 1:
            return np.full(len(self.sigmas), np.nan)
        return np.array([float((trip.nearest == self.left[number]).mean()) for trip in self.trips[number]])

    def expected(self, number: int, kind: str, sigma: float) -> float:
        """What the closed form says of the n-th of the left states; NaN where there is none."""
        if not self.known:
            return math.nan
        return return_probability(self.pairs[number][0], sigma, self._share(number), kind)

    def no_return(self, number: int) -> dict[str, float]:
        """The closed forms of the level of no return of the n-th of the left states, angstrom; where there are any."""
        if not self.known:
            return {}
        return {kind: no_return(self.pairs[number][0], self._share(number), kind) for kind in KINDS}

    def level_of_no_return(self, number: int) -> dict[str, float]:
        """For the n-th of the left states: the level, angstrom, of the state and of each part that moves.

        0 where it lies below all levels, infinite where it lies above, NaN where nothing moves.
        """
        found = {}
        share, squares = self.without[number]
        if self.states > 1:
            found["state"] = _half(self.sigmas, (1 - self.returned(number)) / (1 - share) if share < 1 else None)
        for part in as_read(nested(self.hierarchy)):
            most = squares[part]
            way = np.array([trip.squares[part].mean() for trip in self.trips[number]])
            found[part.label(self.hierarchy)] = _half(self.sigmas, way / most if most > _STILL else None)
        return found

    def table(self, distribution: SigmaDistribution) -> Table:
        """A row for each level of each left state, and one for the whole schedule: means and their standard errors."""
        return self._table(distribution, self._columns(distribution))

    def summary(self, distribution: SigmaDistribution) -> Table:
        """The table without its standard errors but that of the return."""
        columns = self._columns(distribution)
        kept = [c for c in columns if not c.name.endswith(", error") or c.name == "return, error"]
        return self._table(distribution, kept)

    def _said(self) -> list[str]:
        """The levels of no return, a sentence for each state that was left."""
        said = []
        for number, state in enumerate(self.left):
            found = self.level_of_no_return(number).items()
            levels = ", ".join(f"{name} {_level(level)}" for name, level in found if not math.isnan(level))
            of = f" of state {state + 1}" if self.states > 1 else ""
            closed = ", ".join(f"{kind} {_level(level)}" for kind, level in self.no_return(number).items())
            exact = f"; by closed form {closed}" if closed else ""
            said.append(f"Level of no return{of}: {levels or 'none, nothing moves'}{exact}")
        return said

    def _share(self, number: int) -> float:
        share = self.pairs[number][1]
        return share if self.left[number] == 0 else 1 - share

    def _columns(self, distribution: SigmaDistribution) -> list[Column]:
        rows = [
            (number, sigma, trip)
            for number in range(len(self.left))
            for sigma, trip in zip((*self.sigmas, math.nan), (*self.trips[number], self.whole[number]), strict=True)
        ]
        levels = [sigma for _, sigma, _ in rows]
        columns = [
            Column("left", [self.left[number] + 1 for number, _, _ in rows], help="state that the samples left"),
            Column("sigma", levels, "A", help="to which it was noised; none: samples of the whole schedule"),
            Column("z", [distribution.z(s) if s > 0 else math.nan for s in levels], decimals=2),
        ]
        if self.states > 1:
            back = [share_error(int((t.nearest == self.left[n]).sum()), len(t.nearest)) for n, _, t in rows]
            columns += with_error("return", back, "", 3, "share of the samples that came back")
        if np.isfinite([trip.posterior for _, _, trip in rows]).any() and self.states > 1:
            posterior = [trip.posterior for _, _, trip in rows]
            columns.append(Column("posterior", posterior, help="of the state where the samples began"))
        for kind in KINDS if self.known else ():
            values = [self.expected(n, kind, s) if s > 0 else self._share(n) for n, s, _ in rows]
            columns.append(Column(kind, values, help="closed form"))
        columns += with_error(
            "RMSD", [mean_error(trip.rmsd) for *_, trip in rows], "A", 3, "to the state that was left"
        )
        columns += with_error("lDDT", [mean_error(trip.lddt) for *_, trip in rows], "", 3, "to the state that was left")
        for part in as_read(nested(self.hierarchy)):
            values = [math.sqrt(float(trip.squares[part].mean())) for *_, trip in rows]
            columns.append(Column(part.label(self.hierarchy), values, "A", help="RMS per coordinate"))
        return columns

    def _table(self, distribution: SigmaDistribution, columns: Sequence[Column]) -> Table:
        states = f"{self.states} state{'' if self.states == 1 else 's'}"
        title = f"{self.samples} samples a row, noised and sampled back, {states}: {described(self.structure)}"
        found = {
            str(state + 1): {
                name: level if math.isfinite(level) else None
                for name, level in (self.level_of_no_return(n) | self.no_return(n)).items()
            }
            for n, state in enumerate(self.left)
        }
        meta = {
            "samples": self.samples,
            "seed": self.seed,
            "states": self.states,
            "distribution": distribution.name,
            "no_return": found,
        }
        notes = ("Without a sigma: samples of the whole schedule.", *self._said())
        return Table(title, tuple(columns), meta, notes)


def round_trips(
    structure: Structure | Part,
    states: CoordinatesLike,
    denoiser: Denoiser | Sequence[Denoiser],
    covariance: Covariance,
    schedule: Schedule,
    sampler: Sampler,
    sigmas: Sequence[float],
    samples: int = 64,
    seed: int = 0,
    left: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[float], object] | None = None,
    gauge: str = "rotation",
) -> RoundTrips:
    """Noise states to levels, sample back, and measure what has come back.

    Parameters
    ----------
    structure
        Atoms and groups, in three levels; which of them move, where the others are held. Each state that is left holds
        them where it has them itself, and the others are laid on these.
    states
        (M, N, 3) of all atoms that samples are told apart by, angstrom.
    denoiser, covariance, schedule, sampler, device
        As in `edmnoise.diffusion.samplers.sampler.sample`; the schedule is the whole one, of which each level has its
        rest (`Schedule.below`). Of a part the covariance is that of the moved atoms, and there is a denoiser for each
        state that is left, given the held atoms where that has them; the sampler moves nothing as a whole.
    sigmas
        Levels, angstrom.
    samples
        At each level of each state; each row has numbers of its own.
    left
        Which states are left, from 0; all where not given.
    progress
        Told of the share that is done; what it raises ends the work.
    gauge
        How states are laid on held atoms, as in `edmnoise.diffusion.denoisers.held.laid_states`.

    Raises
    ------
    EdmNoiseError
        For no samples, states or levels, a level that the schedule does not have, a state that is not there, before
        anything is sampled; and as `sample` does.
    """
    check_levels(moving(structure).hierarchy)
    check_seed(seed)
    given = coordinates("states", states, ("states", structure.n_atoms, 3)).float().cpu()
    numbers = list(range(len(given)) if left is None else left)
    wrong = next((number for number in numbers if not 0 <= number < len(given)), None)
    if wrong is not None:
        raise EdmNoiseError(f"state {wrong + 1} is to be left, and there are {len(given)}: give numbers from 1")
    if samples < 2 or not sigmas or not numbers:
        raise EdmNoiseError(f"samples is {samples} and there are {len(sigmas)} levels: give two samples and one level")
    levels = sorted({float(sigma) for sigma in sigmas})
    rests = [schedule.below(sigma) for sigma in levels]
    held = isinstance(structure, Part)
    sampler = sampler.in_place() if held else sampler
    ways = ways_of(structure, given, denoiser, numbers, gauge)
    apart = ways if held else ways[:1]  # without a start only held atoms make a difference
    done, total = 0, len(apart) * schedule.steps + len(ways) * sum(rest.steps for rest in rests)

    def samples_of(way: Way, which: int | range, over: Schedule, start: Places | None) -> Places:
        nonlocal done

        def told(share: float) -> object:
            return None if progress is None else progress((done + share * over.steps) / total)

        made = final_samples(way.denoiser, covariance, over, sampler, which, seed, device, told, start)
        done += over.steps
        return made

    whole = [samples_of(way, samples, schedule, way.centre) for way in apart]
    trips: list[tuple[Returned, ...]] = []
    ends: list[Returned] = []
    row = 1
    for way, anyhow in zip(ways, whole if held else whole * len(ways), strict=True):
        local, made = way.local(), []
        for sigma, rest in zip(levels, rests, strict=True):
            mine, row = range(row * samples, (row + 1) * samples), row + 1
            frames = samples_of(way, mine, rest, way.start)
            sure = mean_posterior(way.denoiser, covariance, way.start, way.number, sigma, mine, seed, device)
            made.append(replace(measure_return(frames, way.state, way.states, local), posterior=sure))
        trips.append(tuple(made))
        ends.append(measure_return(anyhow, way.state, way.states, local))
    return RoundTrips(
        structure=structure,
        states=len(given),
        left=tuple(numbers),
        sigmas=tuple(levels),
        trips=tuple(trips),
        whole=tuple(ends),
        without=tuple(
            without_start(way.denoiser, way.number, way.state, end, way.states)
            for way, end in zip(ways, ends, strict=True)
        ),
        pairs=tuple(two_states(way.denoiser, covariance) for way in ways),
        samples=samples,
        seed=seed,
    )


def _half(sigmas: Sequence[float], way: NDArray[np.float64] | None) -> float:
    """The level above which a way stays beyond a half, by straight lines in log sigma."""
    if way is None:
        return math.nan
    below = np.flatnonzero(way < 0.5)
    if len(below) == 0:
        return 0.0
    last = int(below[-1])
    if last == len(sigmas) - 1:
        return math.inf
    share = (0.5 - way[last]) / (way[last + 1] - way[last])
    return float(sigmas[last] * (sigmas[last + 1] / sigmas[last]) ** share)


def _level(sigma: float) -> str:
    return "above all levels" if math.isinf(sigma) else f"{sigma:.3g} A" if sigma > 0 else "below all levels"
