"""Coordinates of every model of a PDB or mmCIF file at once, and names of the atoms from one of them.

`edmnoise.structure.files` reads what a file says of its atoms; of hundreds of models only coordinates are wanted. PDB
columns may overrun here: a sample in noise lies kilometres apart, and programs print it all the same.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.files.mmcif import MmcifSource
from ...structure.files.pdb import PdbSource
from ...structure.files.reading import SOURCES
from ...structure.files.records import RecordSource
from ...structure.structure import Structure

_LINES = 100_000
"""Lines that are taken apart together: their columns fit in a cache better than those of a file."""

_NUMBER = re.compile(rb"-?\d+\.\d{3}")

_X, _END = 30, 54
"""Bytes of a PDB line that hold x, y and z, eight each."""

_LONGEST = 16
"""Bytes of a number in an mmCIF file."""


@dataclass(frozen=True, eq=False, repr=False)
class Models(Legible):
    """The models of a file, in its order.

    Attributes
    ----------
    frames
        (S, N, 3) float32, angstrom.
    overrun
        Number of lines whose coordinates did not fit their columns.
    renamed
        Whether the first and the last model name their atoms differently.
    """

    frames: NDArray[np.float32]
    overrun: int
    renamed: bool
    named: Callable[[int], tuple[RecordSource, int]] = field(repr=False)
    """Number of a model from 0 -> what a file says of its atoms, and which model of that file it is."""

    def structure(self, model: int) -> Structure:
        """The atoms as a model names them, at its coordinates; -1 for the last."""
        source, number = self.named(range(len(self.frames))[model])
        records = source.records(number)
        return Structure.from_atoms(self.frames[model], records.atoms, bonds=source.bonds(records))


def read_models(path: str) -> Models:
    """All models of a PDB or mmCIF file, which must hold equally many atoms.

    Raises
    ------
    EdmNoiseError
        A file that cannot be read or holds no atoms, models of other sizes (which), a coordinate that is no number.
    """
    stem, ending = os.path.splitext(path.lower())
    packed = ending == ".gz"
    try:
        with gzip.open(path) if packed else open(path, "rb") as handle:
            data = handle.read()
        pdb = SOURCES[os.path.splitext(stem)[1] if packed else ending] is PdbSource
        return _pdb(data) if pdb else _mmcif(data)
    except (OSError, EOFError, zlib.error, EdmNoiseError) as error:
        raise EdmNoiseError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _pdb(data: bytes) -> Models:
    # Blanks behind the last line: columns of a short one are looked up as well.
    text = np.frombuffer(data + b"\n" + b" " * 80, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(text[:-80] == ord("\n")) + 1])
    words = text[starts[:, None] + np.arange(6)].view("S6")[:, 0]
    is_atom = (words == b"ATOM  ") | (words == b"HETATM")
    parts = (words == b"MODEL ") | (words.astype("S3") == b"END")  # some programs part models by END or ENDMDL alone
    atoms, sizes = starts[is_atom], _sizes(np.cumsum(parts)[is_atom])
    frames = np.empty((len(atoms), 3), np.float32)
    overrun = 0
    for first in range(0, len(atoms), _LINES):
        block = slice(first, first + _LINES)
        frames[block], wide = _places(text, atoms[block], data)
        overrun += wide
    models = atoms.reshape(len(sizes), -1)
    conect = starts[words == b"CONECT"]

    def alone(model: int) -> bytes:
        begins = models[model, 0]
        ends = models[model + 1, 0] if model + 1 < len(models) else len(data)
        own = conect[(conect > begins) & (conect < ends)]
        lines = [_within(_line(data, at)) for at in models[model].tolist()]
        return b"\n".join(lines + [_line(data, at) for at in (own if len(own) else conect).tolist()])

    named = text[models[[0, -1]][..., None] + np.arange(12, 27)]
    renamed = bool((named[0] != named[1]).any())
    return Models(frames.reshape(len(sizes), -1, 3), overrun, renamed, lambda model: (PdbSource(alone(model)), 0))


def _sizes(parted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(S,) atoms of each model, equally many, of a number for each atom that changes from model to model."""
    if not len(parted):
        raise EdmNoiseError("there are no atoms in it")
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(parted)) + 1])
    sizes = np.diff(np.append(firsts, len(parted)))
    other = np.flatnonzero(sizes != sizes[0])
    if len(other):
        raise EdmNoiseError(
            f"model {other[0] + 1} holds {sizes[other[0]]:,} atoms and model 1 {sizes[0]:,}: "
            "a trajectory has the same atoms in all of its models"
        )
    return sizes


def _places(text: NDArray[np.uint8], lines: NDArray[np.int64], data: bytes) -> tuple[NDArray[np.float64], int]:
    """(n, 3) coordinates of PDB lines that begin at ``lines``, and how many of these overrun their columns."""
    columns = text[lines[:, None] + np.arange(_X, _END)]
    points = columns == ord(".")
    usual = points[:, [4, 12, 20]].all(axis=1) & (points.sum(axis=1) == 3)
    values = np.empty((len(lines), 3))
    try:
        values[usual] = columns[usual].view("S8").astype(np.float64)
    except ValueError:
        usual[:] = False  # one of them is no number: each is looked at
    other = np.flatnonzero(~usual)
    wide = 0
    for row in other.tolist():
        line = _line(data, lines[row])
        values[row], overran = _apart(line)
        wide += overran
    return values, wide


def _line(data: bytes, start: int) -> bytes:
    end = data.find(b"\n", start)
    return data[start : end if end >= 0 else len(data)].rstrip(b"\r")


def _apart(line: bytes) -> tuple[Sequence[float], bool]:
    """x, y, z of an unusual line, split behind three decimals each, and whether they leave their columns."""
    found = list(_NUMBER.finditer(line, _X))[:3]
    if len(found) == 3 and not line[_X : found[-1].end()].translate(None, b" -.0123456789"):
        inside = all(_X + 8 * axis <= at.start() and at.end() <= _X + 8 + 8 * axis for axis, at in enumerate(found))
        return [float(at[0]) for at in found], not inside
    try:
        values = [float(line[at : at + 8]) for at in range(_X, _END, 8)]
    except ValueError:
        values = [np.nan]
    if not np.isfinite(values).all():
        raise EdmNoiseError(f"columns 31 to 54 of {line.decode('latin-1').rstrip()!r} are no coordinates")
    return values, False


def _within(line: bytes) -> bytes:
    """A line whose coordinates are 0, so that what stands behind them stands in its columns."""
    found = list(_NUMBER.finditer(line, _X))[:3]
    behind = max(_END, found[-1].end()) if len(found) == 3 else _END
    return line[:_X] + b"   0.000" * 3 + line[behind:]


def _mmcif(data: bytes) -> Models:
    """By the rows of the loop where each is a line, else as structures are read."""
    return _by_rows(data) or _by_records(data)


def _by_records(data: bytes) -> Models:
    source = MmcifSource(data)
    parted = np.repeat(np.arange(len(source.sizes)), source.sizes)
    sizes = _sizes(parted)
    places = source.coordinates(slice(0, len(parted)))
    if not np.isfinite(places).all():
        raise EdmNoiseError("an atom has no coordinates: a trajectory has them for all")
    renamed = source.other(len(sizes) - 1) is not None
    return Models(places.astype(np.float32).reshape(len(sizes), -1, 3), 0, renamed, lambda model: (source, model))


def _by_rows(data: bytes) -> Models | None:
    """None where a row is not one line of as many words as there are columns, or models are not in a row."""
    head = re.search(rb"^loop_\s+((?:_atom_site\.\S+\s+)+)", data, re.MULTILINE)
    if head is None or data.count(b"_atom_site.Cartn_x") != 1:
        return None
    tags = [tag.decode("latin-1") for tag in head[1].split()]
    wanted = [f"_atom_site.{name}" for name in ("Cartn_x", "Cartn_y", "Cartn_z", "pdbx_PDB_model_num")]
    if not set(wanted) <= set(tags):
        return None
    stop = re.compile(rb"^(?:[#_;]|loop_|data_)", re.MULTILINE).search(data, head.end())
    end = stop.start() if stop else len(data)
    text = np.frombuffer(data[head.end() : end].rstrip() + b"\n" + b" " * _LONGEST, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(text == ord("\n")) + 1])
    numbers = []
    for first in range(0, len(starts) - 1, _LINES):
        bounds = starts[first : first + _LINES + 1]
        words = _words(text, bounds, len(tags))
        if words is None:
            return None
        numbers.append(_numbers(text, words[:, [tags.index(tag) for tag in wanted]]))
    if not numbers or any(block is None for block in numbers):
        return None
    table = np.concatenate([block for block in numbers if block is not None])
    if (np.diff(table[:, 3]) < 0).any():
        return None
    sizes = _sizes(table[:, 3])
    rows = starts[:-1].reshape(len(sizes), -1) + head.end()
    ends = [*rows[1:, 0].tolist(), end]

    def alone(model: int) -> bytes:
        return data[: head.end()] + data[rows[model, 0] : ends[model]] + data[end:]

    frames = table[:, :3].astype(np.float32).reshape(len(sizes), -1, 3)
    return Models(frames, 0, False, lambda model: (MmcifSource(alone(model)), 0))


def _words(text: NDArray[np.uint8], lines: NDArray[np.int64], columns: int) -> NDArray[np.int64] | None:
    """(n, columns) where each word of the lines begins; None where a line has not as many."""
    part = text[lines[0] : lines[-1]]
    blank = (part == ord(" ")) | (part == ord("\n")) | (part == ord("\t")) | (part == ord("\r"))
    words = np.flatnonzero(~blank & np.concatenate([[True], blank[:-1]])) + lines[0]
    if len(words) != columns * (len(lines) - 1):
        return None
    table = words.reshape(-1, columns)
    inside = (table[:, 0] >= lines[:-1]) & (table[:, -1] < lines[1:])
    return table if inside.all() else None


def _numbers(text: NDArray[np.uint8], words: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """What the words say; None where one is no finite number."""
    letters = text[words[..., None] + np.arange(_LONGEST)]
    letters[np.maximum.accumulate(letters <= ord(" "), axis=-1)] = 0
    try:
        values = letters.view(f"S{_LONGEST}")[..., 0].astype(np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
