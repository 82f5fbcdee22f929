"""What a file says of its atoms, before anything is left out: records of one model after another."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.legible import Legible
from ..atoms import Atoms

Text = NDArray[np.str_]


@dataclass(frozen=True, eq=False, repr=False)
class Records(Legible):
    """The atom records of one model in the order of the file, arrays of one length."""

    atoms: Atoms
    altloc: Text  # "" for none


class RecordSource(ABC):
    """A file that has been taken apart; models are counted from 0 in the order of the file.

    Parameters
    ----------
    model
        (L,) model of each record, 0, 1, 2, ..., in ascending order.
    """

    def __init__(self, model: NDArray[np.int64]) -> None:
        self.sizes = np.bincount(model)
        self.stops = np.cumsum(self.sizes)

    def span(self, model: int) -> slice:
        """The records of a model."""
        return slice(int(self.stops[model] - self.sizes[model]), int(self.stops[model]))

    @abstractmethod
    def records(self, model: int) -> Records:
        """What the file says of a model's atoms."""

    @abstractmethod
    def bonds(self, records: Records) -> NDArray[np.int64]:
        """(B, 3) which of the first model's records the file says are bonded, and the order of the bond."""

    @abstractmethod
    def coordinates(self, records: slice) -> NDArray[np.float64]:
        """(n, 3) angstrom, NaN where the file gives none; EdmNoiseError where it gives what is no finite number."""

    @abstractmethod
    def other(self, model: int) -> int | None:
        """The first record of a model that names another atom than model 0, which has the same size, does."""


def residue_number(said: str) -> str:
    """A residue number without leading zeros or plus sign, 0 for none."""
    found = re.fullmatch(r"([+-]?\d+)(.*)", said)
    return f"{int(found[1])}{found[2]}" if found else said or "0"


def each(values: Iterable[Hashable], convert: Callable[[Any], str]) -> Text:
    """``convert`` of every value, called once for each distinct one."""
    values = list(values)
    table = {value: convert(value) for value in set(values)}
    return np.array([table[value] for value in values], dtype=np.str_)


def distinct_bonds(pairs: Iterable[tuple[int, int, int]]) -> NDArray[np.int64]:
    """(B, 3) bonds, the lower record first, each once with the highest order that is said."""
    orders: dict[tuple[int, int], int] = {}
    for one, other, order in pairs:
        key = (min(one, other), max(one, other))
        orders[key] = max(order, orders.get(key, 0))
    rows = [(*key, order) for key, order in sorted(orders.items()) if key[0] != key[1]]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
