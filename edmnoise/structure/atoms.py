"""What a file says of each atom, in arrays of one length in the order of the coordinates."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .components import component_of
from .hierarchy import Index

T = TypeVar("T")

WATER_NAMES = frozenset("HOH WAT DOD H2O SOL TIP TIP2 TIP3 TIP4 TIP5 TP3 T3P T4P SPC".split())
"""Residue names of water."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """What a file says of each atom: arrays of one length N, in the order of the coordinates.

    ``number`` is the residue number with its insertion code, as text ("42", "42A"); ``hetero`` marks HETATM;
    ``b_factor`` is in angstrom^2, or what a program put there; ``charge`` is the formal charge; ``secondary`` is "H" in
    helices, "S" in strands and "" elsewhere, None of a file that names none.
    """

    name: NDArray[np.str_]
    element: NDArray[np.str_]
    residue_name: NDArray[np.str_]
    number: NDArray[np.str_]
    chain: NDArray[np.str_]
    segment: NDArray[np.str_]
    hetero: NDArray[np.bool_]
    occupancy: NDArray[np.float64]
    b_factor: NDArray[np.float64]
    charge: NDArray[np.int64]
    secondary: NDArray[np.str_] | None = None

    @classmethod
    def make(
        cls,
        name: ArrayLike,
        element: ArrayLike,
        residue_name: ArrayLike,
        number: ArrayLike,
        chain: ArrayLike,
        segment: ArrayLike,
        hetero: ArrayLike,
        occupancy: ArrayLike = 1.0,
        b_factor: ArrayLike = 0.0,
        charge: ArrayLike = 0,
    ) -> Atoms:
        """From any sequences: text becomes str arrays, residue numbers may be integers, and one value may be all's."""

        def text(column: ArrayLike) -> NDArray[np.str_]:
            return np.asarray(column).astype(np.str_)

        def numbers(column: ArrayLike, dtype: type) -> NDArray[Any]:
            return np.array(np.broadcast_to(np.asarray(column, dtype=dtype), np.shape(name)))

        identity = text(name), text(element), text(residue_name), text(number), text(chain), text(segment)
        facts = numbers(occupancy, np.float64), numbers(b_factor, np.float64), numbers(charge, np.int64)
        return cls(*identity, np.asarray(hetero, dtype=np.bool_), *facts)

    def __len__(self) -> int:
        return len(self.name)

    def __repr__(self) -> str:
        return f"Atoms({len(self):,})"

    def take(self, index: NDArray[np.generic]) -> Atoms:
        """The atoms at ``index`` (integers or a mask)."""

        def taken(column: Any) -> Any:
            return None if column is None else column[index]

        return Atoms(*(taken(getattr(self, column.name)) for column in fields(self)))

    @cached_property
    def is_hydrogen(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is hydrogen or deuterium."""
        return self.of_element({"H": True, "D": True}, False)

    @cached_property
    def in_component(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is in a residue that polymers are made of (`edmnoise.structure.components`)."""
        kinds, kind = distinct(self.residue_name)
        return np.array([component_of(name) is not None for name in kinds], dtype=np.bool_)[kind]

    @cached_property
    def is_water(self) -> NDArray[np.bool_]:
        """(N,) whether an atom is in water."""
        kinds, kind = distinct(self.residue_name)
        return np.array([name in WATER_NAMES for name in kinds], dtype=np.bool_)[kind]

    def of_element(self, table: dict[str, T], otherwise: T) -> NDArray[Any]:
        """(N,) what a table holds for each atom's element, spelled in capitals."""
        kinds, kind = distinct(self.element)
        return np.array([table.get(said.strip().upper(), otherwise) for said in kinds])[kind]

    def label(self, atom: int) -> str:
        """One atom as PyMOL writes it: /segment/chain/residue`number/name."""
        residue = f"{self.residue_name[atom]}`{self.number[atom]}"
        return f"/{self.segment[atom]}/{self.chain[atom]}/{residue}/{self.name[atom]}"


def distinct(texts: NDArray[np.str_]) -> tuple[list[str], Index]:
    """The different texts in the order in which they appear, and which of them each one is (N,)."""
    numbers: dict[str, int] = {}
    index = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts.tolist()), np.int64, len(texts))
    return list(numbers), index
