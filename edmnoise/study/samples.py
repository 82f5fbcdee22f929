"""What samples are worth: which state each is, how near, whether it is the mirror image, and what chemistry is left.

The RMSD of sample x is the smallest to any state after superposition by proper rotations alone. It is a mirror image
where -x is nearer to some state than x is to any: bonds, distances and lDDT cannot tell the two apart. Its state is the
one that x, or -x, is nearest to; against it lDDT, bonds, chirality and clashes are measured, as in
`edmnoise.frames.damage`.

Where atoms are held, states are laid on these, nothing else is superposed, and the moved atoms are counted, with what
joins them to the others. They have no mirror image: the held ones say which of the two it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.probabilities import probabilities
from ..base.table import Column, Table
from ..diffusion.denoisers.denoiser import Denoiser
from ..diffusion.denoisers.held import laid_states
from ..diffusion.samplers.sampler import Sampler, sample
from ..diffusion.samplers.schedule import Schedule
from ..frames.damage import Damage, Native, measure_damage
from ..frames.damage_measures import BOND_LENGTHS, BROKEN, CLASHES, FLIPPED, LDDT, RMSD, DamageMeasure
from ..noise.covariance import Covariance
from ..structure.bonds import find_bonds
from ..structure.levels import as_array
from ..structure.part import Part, described, moving, whole_of
from ..structure.structure import Structure
from ..structure.superpose import superpose

JUDGED = (LDDT, BOND_LENGTHS, BROKEN, FLIPPED, CLASHES)
"""Measures of each sample against its state, beside the RMSD."""

_COORDINATES = 1 << 22
"""Coordinates of the samples that are made together."""


@dataclass(frozen=True, eq=False, repr=False)
class Judged(Legible):
    """One set of samples.

    Attributes
    ----------
    state
        (S,) the state, from 0, that each is nearest to, or its mirror image where it is one.
    rmsd
        (S,) to the nearest state, of all atoms after superposition without reflections, or of the moved ones as they
        lie, angstrom.
    mirrored
        (S,) whether its mirror image is nearer to a state; never where atoms are held.
    measures
        (S,) for each of `JUDGED`; NaN where the structure has nothing that the measure could count.
    """

    state: NDArray[np.int64]
    rmsd: NDArray[np.float64]
    mirrored: NDArray[np.bool_]
    measures: dict[DamageMeasure, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.state)


@dataclass(frozen=True, eq=False, repr=False)
class SamplesStudy(Legible):
    """Sets of samples side by side.

    Attributes
    ----------
    structure
        Atoms and groups; which move, where others are held.
    probabilities
        (M,) of the states.
    sets
        Each set by its name, in the order of tables.
    themselves
        `CLASHES` of the states, weighted by their probabilities.
    """

    structure: Structure | Part
    probabilities: NDArray[np.float64]
    sets: dict[str, Judged]
    themselves: float

    @property
    def held(self) -> bool:
        """Whether some atoms are."""
        return isinstance(self.structure, Part)

    def table(self) -> Table:
        """A row for each set: means over its samples, and their standard errors."""
        rows = list(self.sets.values())
        columns = self._named()
        columns += with_error(RMSD.name, [mean_error(row.rmsd) for row in rows], RMSD.unit, 3, "to the nearest state")
        if not self.held:
            mirrored = [share_error(int(row.mirrored.sum()), len(row)) for row in rows]
            columns += with_error("mirror images", mirrored, "", 3, "share whose mirror image is nearer to a state")
        for measure in JUDGED:
            means = [mean_error(row.measures[measure]) for row in rows]
            columns += with_error(measure.name, means, measure.unit, measure.decimals, measure.help)
        return self._table(columns)

    def summary(self) -> Table:
        """The table without its standard errors but those of RMSD and mirror images."""
        table = self.table()
        kept = {f"{name}, error" for name in (RMSD.name, "mirror images")}
        columns = [c for c in table.columns if not c.name.endswith(", error") or c.name in kept]
        return self._table(columns)

    def _shown(self) -> Table:
        return self.summary()

    def by_state(self) -> Table:
        """A row for each state of each set: how many samples are of it, and how many should be."""
        count = len(self.probabilities)
        found = [np.bincount(row.state, minlength=count) for row in self.sets.values()]
        shares = [
            share_error(int(n), len(row)) for row, each in zip(self.sets.values(), found, strict=True) for n in each
        ]
        expected = self.probabilities.tolist() * len(self.sets)
        sizes = [len(row) for row in self.sets.values() for _ in range(count)]
        off = [_deviation(*one) for one in zip((share for share, _ in shares), expected, sizes, strict=True)]
        columns = [
            Column("samples", [name for name in self.sets for _ in range(count)]),
            Column("state", list(range(1, count + 1)) * len(self.sets)),
            Column("probability", expected, help="of the state in the data"),
            *with_error("share", shares, "", 3, "of the samples: nearest to it, or to its mirror image"),
            Column("off by", off, "binomial errors", 1, "of as many samples drawn with the state's probability"),
        ]
        return self._table(columns, notes=())

    def _named(self) -> list[Column]:
        return [
            Column("samples", list(self.sets)),
            Column("number", [len(row) for row in self.sets.values()]),
        ]

    def _table(self, columns: Sequence[Column], notes: tuple[str, ...] | None = None) -> Table:
        states = len(self.probabilities)
        about = described(self.structure)
        title = f"samples of {states} state{'' if states == 1 else 's'}: {about}"
        own = "no clashes" if math.isnan(self.themselves) else f"clashes {self.themselves:.{CLASHES.decimals}f}"
        free = (
            "RMSD to the nearest state, superposed without reflections; the other measures against that state.",
            "Mirror images: nearer to a state when reflected, which no other measure but flipped centres tells.",
        )
        among = (
            "RMSD of the moved atoms to the nearest state, which lies on the held ones; against that state the other",
            "measures, of what has a moved atom.",
        )
        usual = (*(among if self.held else free), f"Of the states themselves: {own} per 1,000 heavy atoms.")
        meta = {"states": states, "structure": about}
        return Table(title, tuple(columns), meta, usual if notes is None else notes)


def judge_samples(
    structure: Structure | Part,
    states: CoordinatesLike,
    samples: Mapping[str, CoordinatesLike],
    weights: Sequence[float] | None = None,
    gauge: str = "rotation",
) -> SamplesStudy:
    """Judge sets of samples, say those of a network beside those of the exact sampler; work grows as their number.

    Parameters
    ----------
    structure
        Atoms, groups and bonds; which move, where others are held.
    states
        (M, N, 3) what the data are, angstrom.
    samples
        Name -> (S, N, 3), angstrom, lying anywhere; of the moved atoms, as they lie, where others are held.
    weights
        (M,) probabilities of the states up to a factor; equal when not given.
    gauge
        How states are laid on held atoms, as in `edmnoise.diffusion.denoisers.held.laid_states`.

    Raises
    ------
    EdmNoiseError
        For no sets, a set without samples, a wrong shape, coordinates that are not finite, and probabilities that are
        none.
    """
    given = coordinates("states", states, ("states", structure.n_atoms, 3)).float().cpu()
    if not samples or len(given) == 0:
        raise EdmNoiseError("no states or no samples: give at least one of each")
    shares = probabilities(weights, len(given))
    part = structure if isinstance(structure, Part) else None
    if part is not None:
        laid, _ = laid_states(part, given.mT, gauge)
        given = torch.from_numpy(part.filled(laid[:, :, torch.from_numpy(part.moved)].mT.numpy()))
    natives = _Natives(whole_of(structure), given, None if part is None else part.mask)
    sets = {}
    for name, frames in samples.items():
        x = coordinates(f"samples of {name}", frames, ("samples", moving(structure).n_atoms, 3)).float().cpu()
        if len(x) == 0:
            raise EdmNoiseError(f"no samples of {name}: give at least one")
        sets[name] = _judged(x, given, natives) if part is None else _judged_in_place(x, part, given, natives)
    own = [float(natives.measured(m, state[None].numpy()).mean(CLASHES)) for m, state in enumerate(given)]
    return SamplesStudy(structure, shares, sets, float(shares @ np.array(own)))


def final_samples(
    denoiser: Denoiser,
    covariance: Covariance,
    schedule: Schedule,
    sampler: Sampler,
    count: int | range,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Callable[[float], object] | None = None,
    start: CoordinatesLike | None = None,
) -> NDArray[np.float32]:
    """The ends (S, N, 3) of sampling, angstrom, some at a time; errors as of `sample`.

    Sample k starts from the same noise whatever the denoiser is, so that two of them are compared in pairs; ``count``
    is how many, or their numbers. ``progress`` is told of the share that is done; what it raises ends the work. All
    begin at ``start`` (N, 3), angstrom, with noise of the schedule's first level, where it is given.
    """
    asked = range(count) if isinstance(count, int) else count
    begin = None if start is None else coordinates("start", start, (covariance.atoms, 3)).T
    size = max(1, min(64, _COORDINATES // (3 * covariance.atoms)))
    ends = []
    for first in range(0, max(len(asked), 1), size):
        numbers = asked[first : first + size]
        at = None if begin is None else begin.expand(len(numbers), -1, -1)
        for last in sample(denoiser, covariance, schedule, sampler, numbers, seed, start=at, device=device):
            if progress is not None:
                progress((first + len(numbers) * last.number / last.steps) / max(len(asked), 1))
        ends.append(as_array(last.x).transpose(0, 2, 1))
    return np.ascontiguousarray(np.concatenate(ends), dtype=np.float32)


def share_error(count: int, of: int) -> tuple[float, float]:
    """A share and its binomial standard error, which for none or all of the samples is not 0.

    That of Wilson's interval at one standard deviation (J. Am. Stat. Assoc. 22, 209 (1927)): sqrt(p (1 - p) / n + 1 / 4
    n^2) / (1 + 1 / n).
    """
    share = count / of
    return share, math.sqrt(share * (1 - share) / of + 1 / (4 * of**2)) / (1 + 1 / of)


class _Natives:
    """What there is to be kept of each state, found when a sample of it is there."""

    def __init__(self, structure: Structure, states: Tensor, among: NDArray[np.bool_] | None) -> None:
        self._structure, self._states, self._among = structure, states, among
        self._bonds = find_bonds(structure)
        self._found: dict[int, Native] = {}

    def measured(self, state: int, frames: NDArray[np.float32]) -> Damage:
        """Measures of frames (s, N, 3) against a state."""
        if state not in self._found:
            of_state = replace(self._structure, coordinates=self._states[state].numpy().copy())
            self._found[state] = Native.of(of_state, self._bonds, self._among)
        return measure_damage(self._found[state], frames)

    def each(self, frames: NDArray[np.float32], nearest: NDArray[np.int64]) -> dict[DamageMeasure, NDArray[np.float64]]:
        """`JUDGED` of frames (S, N, 3), each against its state."""
        measures = {measure: np.empty(len(frames)) for measure in JUDGED}
        for state in np.unique(nearest).tolist():
            mine = nearest == state
            damage = self.measured(state, frames[mine])
            for measure, values in measures.items():
                values[mine] = damage.by_frame[measure]
        return measures


def _judged(x: Tensor, states: Tensor, natives: _Natives) -> Judged:
    # Centred first: float32 has its digits to spare for the shape of samples that lie far from the origin.
    x = x - x.double().mean(dim=1, keepdim=True).float()
    as_is, reflected = (
        np.stack([as_array(superpose(sign * x.mT, state.T).rmsd) for state in states], axis=1) for sign in (1, -1)
    )
    nearest = cast("NDArray[np.int64]", np.minimum(as_is, reflected).argmin(axis=1))
    rmsd = as_is.min(axis=1)
    return Judged(nearest, rmsd, reflected.min(axis=1) < rmsd, natives.each(x.numpy(), nearest))


def _judged_in_place(x: Tensor, part: Part, states: Tensor, natives: _Natives) -> Judged:
    """Of the moved atoms (S, m, 3), among the held ones that (M, N, 3) states have too."""
    frames = x.numpy()
    apart = np.stack([apart_in_place(frames, state[part.moved].numpy()) for state in states], axis=1)
    nearest = cast("NDArray[np.int64]", apart.argmin(axis=1))
    judged = natives.each(part.filled(frames), nearest)
    return Judged(nearest, apart.min(axis=1), np.zeros(len(x), dtype=np.bool_), judged)


def apart_in_place(frames: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float64]:
    """(S,) RMSD in space of frames (S, n, 3) from places (n, 3), nothing superposed, angstrom."""
    squares = np.square(frames - places, dtype=np.float64).sum(axis=2)
    found: NDArray[np.float64] = np.sqrt(squares.mean(axis=1))
    return found


def _deviation(share: float, expected: float, of: int) -> float:
    """By how many binomial standard errors a share is off; NaN where none is expected to be anywhere else."""
    error = math.sqrt(expected * (1 - expected) / of)
    return (share - expected) / error if error > 0 else math.nan


def mean_error(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean over the samples and its standard error; NaN for one sample."""
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return float(values.mean()), error


def with_error(name: str, pairs: Sequence[tuple[float, float]], unit: str, decimals: int, help_: str) -> list[Column]:
    means, errors = zip(*pairs, strict=True)
    return [
        Column(name, list(means), unit, decimals, help_),
        Column(f"{name}, error", list(errors), unit, decimals + 1, "standard error"),
    ]
