"""x = (x_moved, x_held): the atoms of a structure that move, and those that stay where they lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from .domains import in_range
from .hierarchy import Index
from .structure import Structure, describe


@dataclass(frozen=True, eq=False, repr=False)
class Part(Legible):
    """Some atoms of a structure move; the others are held.

    Parameters
    ----------
    whole
        The structure, whose coordinates the held atoms keep.
    moved
        (m,) int64 indices of the atoms that move, ascending; `Part.of` takes a mask.

    Raises
    ------
    EdmNoiseError
        Where no atom is moved, or none is held.
    """

    whole: Structure
    moved: Index

    def __post_init__(self) -> None:
        atoms = self.whole.n_atoms
        if not 0 < len(self.moved) < atoms:
            which = "all" if len(self.moved) else "none"
            raise EdmNoiseError(f"{which} of the {atoms:,} atoms move: some must move, and some must be held")

    @classmethod
    def of(cls, whole: Structure, moved: ArrayLike) -> Part:
        """From a mask (N,) of the atoms that move."""
        mask = np.asarray(moved, dtype=np.bool_)
        if mask.shape != (whole.n_atoms,):
            raise EdmNoiseError(f"the mask has the shape {mask.shape}: {whole.n_atoms} atoms need ({whole.n_atoms},)")
        return cls(whole, np.flatnonzero(mask))

    @classmethod
    def named(cls, whole: Structure, text: str) -> Part:
        """From residue ranges of the atoms that move, with "|" between them: "A:4-20+30 | B:" (all of chain B).

        EdmNoiseError for a range that does not read so, and where none of the atoms are named, or all.
        """
        mask = np.any([in_range(whole, item.strip(), "move") for item in text.split("|")], axis=0)
        if mask.all() or not mask.any():
            which = "all" if mask.all() else "none"
            raise EdmNoiseError(f"move is {text!r}, which names {which} of the {len(mask):,} atoms: name some of them")
        return cls.of(whole, mask)

    @cached_property
    def held(self) -> Index:
        """(N - m,) the atoms that stay, ascending."""
        return np.flatnonzero(~self.mask)

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """(3,) mean of the held atoms, angstrom: samples of the moved ones begin about it."""
        mean: NDArray[np.float64] = self.whole.coordinates[self.held].mean(axis=0, dtype=np.float64)
        return mean

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(N,) which atoms move."""
        mask = np.zeros(self.whole.n_atoms, dtype=np.bool_)
        mask[self.moved] = True
        return mask

    @cached_property
    def structure(self) -> Structure:
        """The moved atoms alone: a residue, or a chain, is what moves of it."""
        hierarchy, _ = self.whole.hierarchy.restricted(self.moved)  # numbered as a covariance numbers its groups
        return replace(self.whole.take(self.moved), hierarchy=hierarchy)

    def filled(self, moved: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., m, 3) places of the moved atoms -> (..., N, 3) with the held atoms where they lie, bit by bit."""
        frames = np.empty((*moved.shape[:-2], self.whole.n_atoms, 3), dtype=np.float32)
        frames[...] = self.whole.coordinates
        frames[..., self.moved, :] = moved
        return frames

    def at(self, places: NDArray[np.float32]) -> Part:
        """The same atoms where the whole has the places (N, 3), angstrom."""
        return replace(self, whole=replace(self.whole, coordinates=places))

    def ordered(self, whole: Structure, order: Index) -> Part:
        """The same atoms where the structure has them in another order: ``whole`` is it, ``order`` (N,) which atom of
        the old one each of the new one is."""
        return Part.of(whole, self.mask[order])

    @property
    def n_atoms(self) -> int:
        """Number of atoms of the whole."""
        return self.whole.n_atoms

    def __str__(self) -> str:
        count = self.whole.n_atoms
        return f"{len(self.moved):,} of {count:,} atoms move, {count - len(self.moved):,} held"


def moving(structure: Structure | Part) -> Structure:
    """The atoms that move: all of a structure, or those of a part."""
    return structure.structure if isinstance(structure, Part) else structure


def described(structure: Structure | Part) -> str:
    """Counts of what moves, as people read them, and of what is held: "1 chain, 2 residues, 9 atoms; 40 atoms held"."""
    held = f"; {len(structure.held):,} atoms held" if isinstance(structure, Part) else ""
    return describe(moving(structure).hierarchy) + held


def whole_of(structure: Structure | Part) -> Structure:
    """All atoms, those that are held too."""
    return structure.whole if isinstance(structure, Part) else structure
