"""What a frame has kept of the structure that it was made from: distances, fold, bonds, chirality, space.

Each measure has its definition in a module of its own: `lddt`, `geometry`, `clashes`. What can be found on the
reference is found once (`Native.of`); frames are then taken some at a time, and work and memory grow as the number of
atoms does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, check_shape, float_array
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..base.threads import mapped
from ..structure.bonds import find_bonds
from ..structure.levels import as_array
from ..structure.structure import Structure
from ..structure.superpose import superpose
from .clashes import Clashes, clash_score, count_clashes
from .damage_measures import (
    BOND_LENGTHS,
    BROKEN,
    CLASHES,
    CONTACTS,
    FLIPPED,
    GYRATION,
    LDDT,
    MEASURES,
    RMSD,
    DamageMeasure,
)
from .displacement import blocks_of
from .geometry import (
    Bonds,
    Centres,
    bond_damage,
    centres_flipped,
    contact_pairs,
    contacts_kept,
    find_centres,
    gyration_radius,
)
from .lddt import LocalPairs, lddt_scores
from .pairs import Among, Pairs, Points, touching

_MOST_FRAMES = 32
"""Frames that are measured together. An atom's coordinates in all of them are 384 bytes; more gain nothing."""

_MOST_SETS = 8
"""Most sets of frames that are measured together: each takes memory for every pair of neighbouring residues."""

_PIECE_ATOMS = 1 << 20
"""Most atoms in the frames that are measured together: some seconds, after which they are told of."""


@dataclass(frozen=True, eq=False, repr=False)
class Native:
    """What there is to be destroyed: pairs, bonds and centres of a structure, found once."""

    structure: Structure
    local: LocalPairs
    contacts: Pairs
    bonds: Bonds
    centres: Centres
    clashes: Clashes

    @classmethod
    def of(cls, structure: Structure, bonds: NDArray[np.int64] | None = None, among: Among | None = None) -> Native:
        """Find them on a structure's own coordinates.

        Parameters
        ----------
        bonds
            (B, 2) atoms, where they are known: several states of the same atoms have the bonds of one.
        among
            (N,) the atoms that are counted, with what joins them to others; all where not given. The RMSD and the
            radius of gyration are those of all atoms in any case.

        Raises
        ------
        EdmNoiseError
            Where the pairs do not fit in memory.
        """
        if bonds is None:
            bonds = find_bonds(structure)
        return cls(
            structure,
            LocalPairs.of(structure, among=among),
            contact_pairs(structure, bonds, among=among),
            Bonds.of(structure, touching(bonds, among)),
            find_centres(structure, bonds, among),
            Clashes.of(structure, bonds, among),
        )

    def __repr__(self) -> str:
        counts = (
            (len(self.local), "local distances"),
            (len(self.contacts), "contacts"),
            (len(self.bonds.pairs), "bonds"),
            (len(self.centres), "tetrahedral centres"),
        )
        return f"Native({', '.join(f'{count:,} {name}' for count, name in counts)})"


@dataclass(frozen=True, eq=False, repr=False)
class Damage(Legible):
    """Every measure of every frame.

    Attributes
    ----------
    by_frame
        For each measure (S,); NaN where the structure has nothing that the measure could count.
    lddt_by_residue
        (R,) mean over the frames of each residue's lDDT; NaN for a residue without neighbours.
    """

    by_frame: dict[DamageMeasure, NDArray[np.float64]]
    lddt_by_residue: NDArray[np.float64]

    @property
    def table(self) -> Table:
        """Each measure: its mean over the frames, the standard error of that, and its unit."""
        measures = list(self.by_frame)
        frames = len(self.by_frame[measures[0]])
        columns = (
            Column("measure", [measure.name for measure in measures]),
            Column("mean", [self.mean(measure) for measure in measures]),
            Column("error", [self.error(measure) for measure in measures], help="standard error of the mean"),
            Column("unit", [measure.unit for measure in measures]),
        )
        return Table(f"{frames} frame{'' if frames == 1 else 's'}", columns)

    def mean(self, measure: DamageMeasure) -> float:
        """Mean over the frames."""
        return float(self.by_frame[measure].mean())

    def error(self, measure: DamageMeasure) -> float:
        """Standard error of the mean over the frames: their standard deviation / sqrt(S); NaN for one frame."""
        values = self.by_frame[measure]
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def measure_damage(reference: Structure | Native, frames: CoordinatesLike | Iterable[CoordinatesLike]) -> Damage:
    """Measure what frames have kept of a structure.

    Parameters
    ----------
    reference
        The structure, or what `Native.of` found on it, which saves finding it again for other frames.
    frames
        (S, N, 3) coordinates, angstrom: an array or a tensor of all, or an iterable of such, some frames at a time.

    Raises
    ------
    EdmNoiseError
        For a wrong shape, no frames, or coordinates that are not finite (naming the frame).

    Examples
    --------
    >>> from edmnoise.structure.atoms import Atoms
    >>> atoms = Atoms.make(["CA", "CA"], ["C", "C"], ["GLY", "GLY"], [1, 2], ["A", "A"], ["", ""], [False] * 2)
    >>> pair = Structure.from_atoms([[0, 0, 0], [3.8, 0, 0]], atoms)
    >>> moved = np.array([[[0, 0, 0], [5.3, 0, 0]]], np.float32)
    >>> measure_damage(pair, moved).mean(LDDT)  # off by 1.5 A: within two of the four thresholds
    0.5
    """
    native = reference if isinstance(reference, Native) else Native.of(reference)
    (damage,) = measure_sets(native, [blocks_of(frames)])
    return damage


def measure_sets(
    native: Native, sets: Iterable[Iterable[CoordinatesLike]], measured: Callable[[int], object] = lambda frames: None
) -> Iterator[Damage]:
    """The same for several sets of frames: five frames at a time take twice as long as 32, so sets are put together.

    Parameters
    ----------
    sets
        Blocks of frames (s, N, 3) for each set.
    measured
        Told of the number of frames that have been measured, some at a time; what it raises ends the work.

    Yields
    ------
    Damage
        One for each set, in order.
    """
    reference = torch.from_numpy(native.structure.coordinates.T.copy())
    open_sets: dict[int, list[_Part]] = {}
    for frames, of_set in _pieces(sets, native.structure.n_atoms):
        numbers, where = np.unique(of_set, return_inverse=True)
        points = np.ascontiguousarray(frames.transpose(1, 2, 0))
        by_frame, by_residue = _measured(native, reference, points, where)
        for column, number in enumerate(numbers.tolist()):
            mine = of_set == number
            part = _Part({m: values[mine] for m, values in by_frame.items()}, by_residue[:, column], int(mine.sum()))
            open_sets.setdefault(number, []).append(part)
        measured(len(frames))
        for number in sorted(open_sets)[:-1]:
            yield _joined(open_sets.pop(number))
    for number in sorted(open_sets):
        yield _joined(open_sets[number])


@dataclass(frozen=True, eq=False)
class _Part:
    """Frames of one set that were measured together; ``by_residue`` (R,) is their sum."""

    by_frame: dict[DamageMeasure, NDArray[np.float64]]
    by_residue: NDArray[np.float64]
    frames: int


def _joined(parts: list[_Part]) -> Damage:
    by_frame = {m: np.concatenate([part.by_frame[m] for part in parts]) for m in MEASURES}
    by_residue = np.sum([part.by_residue for part in parts], axis=0) / sum(part.frames for part in parts)
    return Damage(by_frame, by_residue)


def _measured(
    native: Native, reference: Tensor, points: Points, sets: NDArray[np.int64]
) -> tuple[dict[DamageMeasure, NDArray[np.float64]], NDArray[np.float64]]:
    """Every measure of every frame (N, 3, S), and lDDT of each residue summed over the frames of each set (R, sets)."""
    lddt, by_residue = lddt_scores(native.local, points, sets)
    jobs: list[Callable[[], Any]] = [
        lambda: (as_array(superpose(torch.from_numpy(points).permute(2, 1, 0), reference).rmsd),),
        *(partial(measure, native, points) for _, measure in _MEASURED),
        *(partial(count_clashes, native.clashes, points[..., frame]) for frame in range(points.shape[2])),
    ]
    (rmsd,), *made = mapped(lambda job: job(), jobs)
    several, clashing = made[: len(_MEASURED)], made[len(_MEASURED) :]
    by_frame = {LDDT: lddt, RMSD: rmsd, CLASHES: clash_score(native.clashes, np.array(clashing))}
    for (measures, _), values in zip(_MEASURED, several, strict=True):
        by_frame |= dict(zip(measures, values, strict=True))
    return by_frame, by_residue


_MEASURED: tuple[tuple[tuple[DamageMeasure, ...], Callable[[Native, Points], tuple[NDArray[np.float64], ...]]], ...] = (
    ((CONTACTS,), lambda native, points: (contacts_kept(native.contacts, points),)),
    ((BOND_LENGTHS, BROKEN), lambda native, points: bond_damage(native.bonds, points)),
    ((FLIPPED,), lambda native, points: (centres_flipped(native.centres, points),)),
    ((GYRATION,), lambda native, points: (gyration_radius(points),)),
)
"""Measures, and what gives (S,) of each, of what was found on the reference and of points (N, 3, S). Those that are not
listed are measured for residues as well, between frames and a common reference, or a frame at a time."""


def _pieces(
    sets: Iterable[Iterable[CoordinatesLike]], atoms: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The frames (s, N, 3) some at a time, and which set each is of (s,).

    EdmNoiseError for a set without frames, a wrong shape, or coordinates that are not finite.
    """
    size = max(1, min(_MOST_FRAMES, _PIECE_ATOMS // atoms))
    held: list[NDArray[np.float32]] = []
    of_set: list[int] = []

    def piece() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        made = np.stack(held), np.array(of_set)
        held.clear()
        of_set.clear()
        return made

    for number, blocks in enumerate(sets):
        done = 0
        for block in blocks:
            frames = _checked(block, atoms, done)
            for frame in frames:
                held.append(np.array(frame))  # the caller may make the next block in the same place
                of_set.append(number)
                if len(held) == size:
                    yield piece()
            done += len(frames)
        if done == 0:
            raise EdmNoiseError("no frames to measure: give at least one")
        if held and number - of_set[0] == _MOST_SETS - 1:
            yield piece()
    if held:
        yield piece()


def _checked(block: CoordinatesLike, atoms: int, done: int) -> NDArray[np.float32]:
    frames = float_array("frames", block).astype(np.float32, copy=False)
    check_shape("frames", frames.shape, ("frames", atoms, 3))
    bad = np.flatnonzero(~np.isfinite(frames).all(axis=(1, 2)))
    if bad.size:
        raise EdmNoiseError(f"frame {done + int(bad[0]) + 1} holds NaN or infinite coordinates: remove it")
    return frames
