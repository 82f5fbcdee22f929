"""rbar_g(frame) - rbar_g(reference): how far each atom, residue and chain moved, by itself and within its parent.

All lengths are root mean squares per coordinate (a length in space divided by sqrt 3), in angstrom; centres are plain
means over atoms. Frames are taken a block at a time and only sums are kept, so any number of frames fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..base.threads import alone, mapped
from ..structure.hierarchy import Hierarchy, as_read
from ..structure.levels import as_array, atom_means, spread
from ..structure.structure import Structure
from ..structure.superpose import superpose
from .names import ALIGNMENTS

_TOGETHER = 16
"""Pieces that are measured before their sums are added up."""

_PIECE_ATOMS = 1 << 17
"""Atoms in the frames that are measured at a time: their arrays (1.5 MiB) stay in the cache, and the system need not
find new memory for each (100 frames of 5,684 atoms in one piece take twice as long)."""


@dataclass(frozen=True)
class Measure:
    """One kind of displacement: of a level's centres, absolute or relative to the level above."""

    level: int
    relative: bool

    @property
    def relative_to(self) -> int | None:
        """Level whose centre is subtracted, None for an absolute displacement."""
        return self.level + 1 if self.relative else None

    def label(self, hierarchy: Hierarchy) -> str:
        """As tables write it: "residue" or "residue in chain"."""
        name = hierarchy.names[self.level]
        return f"{name} in {hierarchy.names[self.level + 1]}" if self.relative else name

    def moves(self, hierarchy: Hierarchy) -> NDArray[np.bool_]:
        """(groups,) False where the displacement is 0 by definition: of a group that is alone in the one around it."""
        if not self.relative:
            return np.ones(hierarchy.counts[self.level], dtype=np.bool_)
        around = hierarchy.parents[self.level]
        return np.bincount(around, minlength=hierarchy.counts[self.level + 1])[around] > 1


def nested(hierarchy: Hierarchy) -> tuple[Measure, ...]:
    """The measures of the parts, as `Hierarchy.parts`: squares of their means over atoms add up to the whole."""
    top = hierarchy.depth - 1
    return tuple(Measure(level, level < top) for level in range(hierarchy.depth))


NESTED = (Measure(0, True), Measure(1, True), Measure(2, False))
"""Those of atoms in residues in chains."""


def measures(hierarchy: Hierarchy) -> list[Measure]:
    """All measures in the order of tables: every level absolute, then every level but the top within its parent."""
    levels = as_read(range(hierarchy.depth))
    return [Measure(level, False) for level in levels] + [Measure(level, True) for level in levels[1:]]


@dataclass(frozen=True)
class ReferencePlace:
    """RMS distance per coordinate of the frames' atoms, each in its chain, from the reference and from each other.

    For frames x_k = m + e_k of variance V about a mean m, E |x_j - x_k|^2 = 2 V. From the mean itself they are V away:
    the ratio of the lengths is 1/sqrt 2. From one more draw m + e_0 they are 2 V away, and the ratio is 1.
    """

    distance: float
    among: float

    @property
    def is_one_of_them(self) -> bool:
        """Whether the square of the ratio is nearer to 1, or above it, than to 1/2."""
        return self.among > 0 and self.distance**2 > 0.75 * self.among**2


@dataclass(frozen=True, eq=False, repr=False)
class Displacement(Legible):
    """Mean square displacements per coordinate, angstrom^2, of every group in every frame asked for.

    Attributes
    ----------
    hierarchy
        The groups.
    frames
        Number of frames measured.
    by_frame
        For each measure (S,): mean over the groups, in each frame.
    by_group
        For each measure (groups,): mean over the frames.
    largest
        For each measure (groups,): largest over the frames.
    align
        What was removed from each frame: "none", "center" or "superpose".
    ambiguous
        Frames whose best rotation was not unique.
    reference
        Where the reference lies among the frames, if that was asked for and there are two or more.
    """

    hierarchy: Hierarchy
    frames: int
    by_frame: dict[Measure, NDArray[np.float64]]
    by_group: dict[Measure, NDArray[np.float64]]
    largest: dict[Measure, NDArray[np.float64]]
    align: str
    ambiguous: int
    reference: ReferencePlace | None = None

    def rms(self, measure: Measure) -> float:
        """RMS over groups and frames, angstrom."""
        return math.sqrt(float(self.by_frame[measure].mean()))

    def part(self, measure: Measure) -> float:
        """RMS over frames and ATOMS (each group weighed by its atoms), angstrom: the parts whose squares add up."""
        share = self.hierarchy.sizes(measure.level) / self.hierarchy.counts[0]
        return math.sqrt(float(self.by_group[measure] @ share))

    @property
    def removed(self) -> str:
        """What was removed from each frame, as titles say it behind the number of frames."""
        return {"none": "", "center": ", centred", "superpose": ", superposed"}[self.align]

    @property
    def table(self) -> Table:
        """RMS of each measure; `edmnoise.study.levels.level_table` sets what is expected beside it."""
        measures = list(self.by_frame)
        columns = (
            Column("displacement", [measure.label(self.hierarchy) for measure in measures]),
            Column("measured", [self.rms(measure) for measure in measures], "A", help="RMS per coordinate"),
        )
        return Table(f"{self.frames} frame{'' if self.frames == 1 else 's'}{self.removed}", columns)

    @property
    def ratio(self) -> float:
        """RMS of residue centres over RMS of atoms, both absolute (level 1 over level 0); NaN when nothing moved."""
        atom = self.rms(Measure(0, False))
        return self.rms(Measure(1, False)) / atom if atom > 0 else math.nan


def measure_displacement(
    structure: Structure,
    frames: CoordinatesLike | Iterable[CoordinatesLike],
    align: str = "none",
    only: Sequence[Measure] | None = None,
    place_reference: bool = False,
) -> Displacement:
    """Measure frames against the structure's own coordinates.

    Parameters
    ----------
    structure
        Reference coordinates and groups.
    frames
        (S, N, 3) coordinates, angstrom: an array or a tensor of all, or an iterable of such, some frames at a time.
    align
        "none", "center" (each frame moved so that its mean lies on the reference's) or "superpose" (also turned, by
        least squares over all atoms).
    only
        Measures wanted; all of them by default.
    place_reference
        Whether to find out where the reference lies among the frames.

    Raises
    ------
    EdmNoiseError
        For an unknown alignment, a measure of a level that is not there, a wrong shape, no frames, or coordinates that
        are not finite (naming the frame).
    """
    if align not in ALIGNMENTS:
        raise EdmNoiseError(f"align is {align!r}: give one of {', '.join(ALIGNMENTS)}")
    hierarchy = structure.hierarchy
    every = measures(hierarchy)
    wanted = list(only) if only is not None else every
    if not set(wanted) <= set(every):
        asked = next(measure for measure in wanted if measure not in every)
        raise EdmNoiseError(f"no {asked} in {hierarchy.depth} levels ({', '.join(hierarchy.names)})")
    reference = torch.from_numpy(structure.coordinates.T.copy())
    by_frame: dict[Measure, list[Tensor]] = {measure: [] for measure in wanted}
    total = {m: reference.new_zeros(hierarchy.counts[m.level], dtype=torch.float64) for m in wanted}
    largest = {m: torch.zeros_like(total[m]) for m in wanted}
    count = ambiguous = 0
    scatter = _Scatter(hierarchy) if place_reference else None

    def measured(piece: Tensor) -> tuple[int, Tensor | None, dict[Measure, tuple[Tensor, Tensor, Tensor]]]:
        moved, unsure = _displacements(piece, reference, align)
        squares = mean_squares(moved, hierarchy, wanted)
        over_groups = {m: (s.mean(dim=1, dtype=torch.float64), s.sum(dim=0), s.amax(dim=0)) for m, s in squares.items()}
        return unsure, moved if place_reference else None, over_groups

    for pieces in _pieces(blocks_of(frames), hierarchy.counts[0]):
        for unsure, moved, found in mapped(measured, pieces):
            ambiguous += unsure
            _check([means for means, _, _ in found.values()], count)
            if scatter is not None and moved is not None:
                scatter.add(moved)
            for measure, (means, sums, most) in found.items():
                by_frame[measure].append(means)
                total[measure] += sums
                torch.maximum(largest[measure], most, out=largest[measure])
            count += len(means)
    if count == 0:
        raise EdmNoiseError("no frames to measure: give at least one")
    return Displacement(
        hierarchy=hierarchy,
        frames=count,
        by_frame={m: as_array(torch.cat(parts)) for m, parts in by_frame.items()},
        by_group={m: as_array(squares / count) for m, squares in total.items()},
        largest={m: as_array(squares) for m, squares in largest.items()},
        align=align,
        ambiguous=ambiguous,
        reference=scatter.place() if scatter is not None else None,
    )


class _Scatter:
    """Sums over frames that tell how far these are from their reference and from their mean, in each chain."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy, self._top = hierarchy, hierarchy.depth - 1
        self._total: Tensor | float = 0.0
        self._squares, self._frames = 0.0, 0

    def add(self, moved: Tensor) -> None:
        """Take in (s, 3, N) displacements from the reference."""
        centres = atom_means(moved, self._hierarchy, {self._top})[self._top]
        inside = moved - spread(centres.to(moved.dtype), self._hierarchy, self._top, 0)
        self._total = self._total + inside.sum(dim=0, dtype=torch.float64)
        self._squares += float(inside.square().mean(dim=(1, 2), dtype=torch.float64).sum())
        self._frames += len(moved)

    def place(self) -> ReferencePlace | None:
        if self._frames < 2 or not isinstance(self._total, Tensor):
            return None
        distance = self._squares / self._frames
        about_mean = distance - float((self._total / self._frames).square().mean())
        among = 2 * max(about_mean, 0.0) * self._frames / (self._frames - 1)
        return ReferencePlace(math.sqrt(distance), math.sqrt(among))


def blocks_of(frames: CoordinatesLike | Iterable[CoordinatesLike]) -> Iterable[CoordinatesLike]:
    """Frames some at a time, of those that are all in one array, too."""
    return [frames] if isinstance(frames, Tensor | np.ndarray) else iter(frames)  # type: ignore[arg-type]


def _pieces(blocks: Iterable[CoordinatesLike], atoms: int) -> Iterator[list[Tensor]]:
    """The blocks a few frames at a time, and some of these together; EdmNoiseError for a block of a wrong shape."""
    size = max(1, _PIECE_ATOMS // atoms)
    for given in blocks:
        block = coordinates("frames", given, ("frames", atoms, 3), finite=False)  # looked at once they are measured
        pieces = [block[start : start + size] for start in range(0, len(block), size)]
        for start in range(0, len(pieces), _TOGETHER):
            yield pieces[start : start + _TOGETHER]


def _displacements(block: Tensor, reference: Tensor, align: str) -> tuple[Tensor, int]:
    """(s, 3, N) displacements from the reference after the alignment, and how many rotations were ambiguous."""
    moved = _atoms_last(block)
    ambiguous = 0
    if align == "superpose":
        fit = superpose(moved, reference, out=moved)
        ambiguous = int(fit.ambiguous.sum())
    moved -= reference
    if align == "center":
        moved -= moved.mean(dim=2, keepdim=True, dtype=torch.float64).float()
    return moved, ambiguous


def _check(by_frame: list[Tensor], first: int) -> None:
    """Means over all groups (s,) are finite where the coordinates are."""
    finite = torch.isfinite(torch.stack(by_frame)).all(dim=0)
    if not finite.all():
        number = first + int(finite.logical_not().nonzero()[0]) + 1
        raise EdmNoiseError(f"frame {number} holds NaN or infinite coordinates: remove it")


def _atoms_last(block: Tensor) -> Tensor:
    """(s, N, 3) as (s, 3, N), a copy even where the order in memory is right: the caller's frames stay as they are."""
    turned = block.detach().transpose(1, 2)
    if turned.device.type != "cpu":
        return turned.clone(memory_format=torch.contiguous_format)
    return torch.from_numpy(np.array(turned.numpy(), order="C"))  # torch takes three times as long


@alone()
def mean_squares(moved: Tensor, hierarchy: Hierarchy, wanted: Sequence[Measure]) -> dict[Measure, Tensor]:
    """(s, groups) mean over x, y, z of the squared displacement, for each measure."""
    squares = {}
    for measure, vector in vectors_of(moved, hierarchy, wanted):
        x, y, z = vector.unbind(dim=1)
        squares[measure] = torch.mul(x, x).addcmul_(y, y).addcmul_(z, z).div_(3)  # a mean takes three times as long
    return squares


def vectors_of(moved: Tensor, hierarchy: Hierarchy, wanted: Sequence[Measure]) -> Iterator[tuple[Measure, Tensor]]:
    """Each measure with its vectors (s, 3, groups), of (s, 3, N) displacements or coordinates; their sign is free."""
    needed = {m.level for m in wanted} | {m.level + 1 for m in wanted if m.relative}
    means = atom_means(moved, hierarchy, needed)
    for measure in wanted:
        vector = means[measure.level].to(moved.dtype)
        if measure.relative:
            parent = measure.level + 1
            around = spread(means[parent].to(moved.dtype), hierarchy, parent, measure.level)
            vector = around.sub_(vector)
        yield measure, vector
