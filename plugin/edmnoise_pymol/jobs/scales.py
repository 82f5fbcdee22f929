"""What colours stand for: a value for each group of atoms, the words for it, and its range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.frames.displacement import Measure
from edmnoise.frames.lddt import LocalPairs, lddt_scores
from edmnoise.frames.shading import values_of
from edmnoise.structure.part import Part, moving
from edmnoise.structure.structure import Structure

from .ensemble import Ensemble


class Scale(Protocol):
    """What is measured of an ensemble."""

    @property
    def found(self) -> Ensemble: ...

    @property
    def groups(self) -> NDArray[np.int64]:
        """(N,) the group of each measured atom."""

    @property
    def own(self) -> float:
        """What the reference itself has."""

    @property
    def unit(self) -> str: ...

    @property
    def left_out(self) -> str:
        """What has no value and is grey, as a sentence says it; "" for nothing."""

    def values(self, frames: Iterable[NDArray[np.float32]], over: str) -> NDArray[np.float64]:
        """(groups,) the mean over frames (s, N, 3), or for "max" what is farthest from the reference; NaN is grey."""

    def label(self, over: str) -> str:
        """What is shown, with a comma behind it."""


@dataclass(frozen=True, eq=False, repr=False)
class Moved(Legible):
    """Displacement, angstrom, RMS per coordinate."""

    found: Ensemble
    measure: Measure
    own = 0.0
    unit = "A"

    @classmethod
    def of(cls, found: Ensemble, level: str, relative: bool) -> Moved:
        """Of a level by its name, relative to the one above where that is asked for and there is one."""
        hierarchy = found.structure.hierarchy
        number = hierarchy.level(level)
        return cls(found, Measure(number, relative and number + 1 < hierarchy.depth))

    @property
    def groups(self) -> NDArray[np.int64]:
        return self.found.structure.hierarchy.ancestors(0, self.measure.level)

    @property
    def left_out(self) -> str:
        return left_out(self.measure, self.found.part or self.found.structure)

    def values(self, frames: Iterable[NDArray[np.float32]], over: str) -> NDArray[np.float64]:
        return values_of(self.found.measure(frames, [self.measure]), self.measure, over)

    def label(self, over: str) -> str:
        return label_of(self.measure, self.found.structure, over, self.found)


@dataclass(frozen=True, eq=False, repr=False)
class Kept(Legible):
    """lDDT of each residue, 0 to 1. Where atoms were held, they count."""

    found: Ensemble
    local: LocalPairs
    own = 1.0
    unit = ""

    @classmethod
    def of(cls, found: Ensemble) -> Kept:
        """Of the pairs that the reference has; errors as of `LocalPairs.of`."""
        return cls(found, LocalPairs.of(found.structure))

    @property
    def groups(self) -> NDArray[np.int64]:
        return self.found.structure.hierarchy.ancestors(0, 1)

    @property
    def left_out(self) -> str:
        alone = int(np.count_nonzero(self.local.numbers == 0))
        return f"{alone:,} residue{'' if alone == 1 else 's'} without neighbours: grey" if alone else ""

    def values(self, frames: Iterable[NDArray[np.float32]], over: str) -> NDArray[np.float64]:
        one = np.zeros(1, dtype=np.int64)
        points = (np.ascontiguousarray(frame.transpose(1, 2, 0)) for frame in frames)
        found = np.stack([lddt_scores(self.local, each, one)[1][:, 0] for each in points])
        return np.asarray(found.min(axis=0) if over == "max" else found.mean(axis=0))

    def label(self, over: str) -> str:
        kind = {"mean": "mean", "max": "lowest", "state": "present"}[over]
        return f"{kind} lDDT of residues{_start(self.found)},"


def check_kept(level: str, align: str) -> None:
    """EdmNoiseError for what has no meaning with lDDT, which is of residues and superposes nothing."""
    for name, given, plain in (("level", level, "residue"), ("align", align, "none")):
        if given != plain:
            raise EdmNoiseError(
                f"{name} is {given!r} with measure=lddt, which is of residues and aligns nothing: leave {name} out"
            )


def left_out(measure: Measure, structure: Structure | Part) -> str:
    """What is grey, as a sentence says it; "" for nothing."""
    hierarchy = moving(structure).hierarchy
    still = int(np.count_nonzero(~measure.moves(hierarchy)))
    said = [f"{len(structure.held):,} held atoms"] if isinstance(structure, Part) else []
    if still:
        one, around = hierarchy.names[measure.level], hierarchy.names[measure.level + 1]
        said.append(f"{still:,} {one}{'' if still == 1 else 's'} alone in {'its' if still == 1 else 'their'} {around}")
    return f"{', '.join(said)}: grey" if said else ""


def label_of(measure: Measure, structure: Structure, over: str, found: Ensemble | None = None) -> str:
    kind = {"mean": "RMS", "max": "largest", "state": "present"}[over]
    start = removed = ""
    if found is not None:
        start = _start(found)
        removed = {"none": "", "center": " after centring", "superpose": " after superposition"}[found.align]
    return f"{kind} displacement{start}{removed}, {measure.label(structure.hierarchy)},"


def _start(found: Ensemble) -> str:
    """What states are measured from, where that is not the first."""
    origin = found.origin.removesuffix(f" of {found.object}")
    return "" if origin == "state 1" else f" from {origin}"
