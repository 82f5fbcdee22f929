"""A layout makes the bytes of a model once, one row per line; for each further model it writes new digits."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ..structure import Structure

Bytes = NDArray[np.uint8]
Text = NDArray[np.str_]
Content = bytes | memoryview

RESIDUE_NUMBER = re.compile(r"(-?\d+)([^\d\s]?)")
"""A residue number: an integer and at most one character of insertion code."""

COLUMNS = {
    "atom name": "name",
    "element": "element",
    "residue name": "residue_name",
    "residue number": "number",
    "chain": "chain",
    "segment": "segment",
}
"""What a message calls the columns of `Atoms`."""


class Layout(ABC):
    """One kind of file for the atoms of one structure.

    Parameters
    ----------
    path
        Name of the file, for messages and for the name inside an mmCIF file.
    rows
        The N atoms as they are to be written.
    polymer
        (N,) which of them belong to a polymer.
    remarks
        Lines of text on where the models come from.

    Raises
    ------
    EdmNoiseError
        If this kind of file cannot hold the atoms.
    """

    kind: str
    advice: str
    lowest: int  # coordinates, thousandths of an angstrom
    highest: int
    head: bytes = b""
    tail: bytes = b""

    def __init__(
        self, path: str | os.PathLike[str], rows: Structure, polymer: NDArray[np.bool_], remarks: Sequence[str] = ()
    ) -> None:
        self.path, self.rows, self.polymer = os.fspath(path), rows, polymer
        for what, column in COLUMNS.items():
            for text in sorted(set(getattr(rows.atoms, column).tolist())):
                if not (text.isascii() and (text.isprintable() or not text)):
                    raise self.refusal(column, text, f"the {what} {text!r}", "ASCII characters", "rename it")
        numbers = {text: RESIDUE_NUMBER.fullmatch(text) for text in set(rows.atoms.number.tolist())}
        for text, found in numbers.items():
            if found is None:
                limit = "integers with at most one character of insertion code"
                raise self.refusal("number", text, f"the residue number {text!r}", limit, "renumber it")
        self.numbers = {text: (found[1], found[2]) for text, found in numbers.items() if found}

    @abstractmethod
    def model(self, number: int | None, xyz: NDArray[np.float64]) -> Iterable[Content]:
        """The bytes of a model at coordinates (N, 3); without a number it is the only one."""

    def refusal(self, column: str, text: str, what: str, limit: str, advice: str = "") -> EdmNoiseError:
        """The error for a text that stands in a column of the atoms."""
        atom = int(np.argmax(getattr(self.rows.atoms, column) == text))
        return self.too_much(f"{what} at {self.rows.label(atom)}", limit, advice)

    def too_much(self, what: str, limit: str, advice: str = "") -> EdmNoiseError:
        """The error for something beyond a limit of this kind of file."""
        advice = advice or self.advice
        return EdmNoiseError(f"cannot write {self.path} with {what}: {self.kind} holds {limit}; {advice}")

    def in_thousandths(self, number: int | None, xyz: NDArray[np.float64]) -> NDArray[np.int64]:
        """Coordinates in thousandths of an angstrom, after a check that they fit their columns."""
        scaled = np.rint(xyz * 1_000)
        if scaled.min() < self.lowest or scaled.max() > self.highest:
            atom, axis = np.argwhere((scaled < self.lowest) | (scaled > self.highest))[0].tolist()
            what = f"a coordinate of {xyz[atom, axis]:.3f} A in model {number or 1} at {self.rows.label(atom)}"
            raise self.too_much(what, f"{self.lowest / 1_000:.3f} to {self.highest / 1_000:.3f} A")
        whole: NDArray[np.int64] = scaled.astype(np.int64)
        return whole


def decimals(values: NDArray[np.float64], width: int | None = None) -> Text:
    """(N,) numbers with two decimals, or with as many fewer as ``width`` characters ask for."""

    def text(value: float) -> str:
        said = f"{value:.2f}"
        fits = (said, f"{value:.1f}", f"{value:.0f}")
        return next((one for one in fits if width is None or len(one) <= width), said)

    kinds, kind = np.unique(values, return_inverse=True)
    return np.array([text(value) for value in kinds.tolist()])[kind.reshape(-1)]


def characters(texts: Iterable[str], width: int | None = None) -> Bytes:
    """(N, width) ASCII codes of texts, spaces behind them; the longest text's width if none is given."""
    array = np.asarray(texts if isinstance(texts, np.ndarray) else list(texts), dtype=np.str_)
    array = array.astype(np.bytes_ if width is None else f"S{width}")
    table = array.view(np.uint8).reshape(len(array), array.dtype.itemsize)
    return np.where(table == 0, np.uint8(ord(" ")), table)
