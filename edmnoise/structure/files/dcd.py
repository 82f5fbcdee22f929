"""DCD: three Fortran records a frame (x of all atoms, y, z), float32, behind a header of 196 bytes."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError

_CHARMM_VERSION = 24
"""Says that coordinates are float32 and that the control words mean what CHARMM takes them to mean."""

_HEADER = 196
"""Bytes before the first frame, as `DcdWriter` has them: three records."""

_COUNT = 8
"""Where the number of frames stands in the header."""

_LONGEST_HEADER = 1 << 16
"""Bytes in which a header is looked for; programs write up to some dozens of titles, 80 each."""


class DcdWriter:
    """Writes frames of one number of atoms, without a unit cell, a block at a time.

    Parameters
    ----------
    handle
        Open for writing.
    frames, atoms
        How many there will be: the header says so before they come. Where that is not known, `say_how_many` does.
    """

    def __init__(self, handle: BinaryIO, frames: int, atoms: int) -> None:
        self._handle, self._missing, self._atoms = handle, frames, atoms
        self._announced = frames
        self._record = _record(atoms)
        control = np.zeros(20, "<i4")
        control[[0, 1, 2, 19]] = frames, 1, 1, _CHARMM_VERSION
        handle.write(struct.pack("<i4s80si", 84, b"CORD", control.tobytes(), 84))
        handle.write(struct.pack("<ii80si", 84, 1, b"edmnoise".ljust(80), 84))
        handle.write(struct.pack("<iii", 4, atoms, 4))

    def write(self, block: NDArray[np.float32]) -> None:
        """Add (s, N, 3) float32 coordinates, angstrom."""
        if block.shape[1:] != (self._atoms, 3):
            raise EdmNoiseError(f"frames have the shape {block.shape}: give (frames, {self._atoms}, 3)")
        records = np.empty((len(block), 3), self._record)
        records["before"] = records["after"] = 4 * self._atoms
        records["values"] = block.transpose(0, 2, 1)
        self._handle.write(records.data)
        self._missing -= len(block)

    def check_complete(self) -> None:
        """Raise EdmNoiseError unless as many frames came as the header says."""
        if self._missing:
            raise EdmNoiseError(f"{self._missing} frames fewer came than were announced")

    def say_how_many(self) -> None:
        """Write the number of frames that came into the header."""
        self._handle.seek(_COUNT)
        self._handle.write(struct.pack("<i", self._announced - self._missing))
        self._handle.seek(0, os.SEEK_END)


def mapped_frames(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """(S, N, 3) float32, angstrom: the frames of a DCD file, left in the file.

    They are read where they are looked at; the file counts, not its header, and a torn frame at its end is left out.
    Unit cells are passed over.

    Raises
    ------
    EdmNoiseError
        A file that cannot be read, is no DCD file, or has fixed atoms or the other byte order.
    """
    try:
        with open(path, "rb") as handle:
            head, size = handle.read(_LONGEST_HEADER), os.fstat(handle.fileno()).st_size
    except OSError as error:
        raise EdmNoiseError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from error
    begin, frame = _layout(os.fspath(path), head)
    frames = (size - begin) // frame.itemsize
    if frames == 0:  # nothing cannot be mapped
        return np.empty((0, frame["xyz"].base["values"].shape[0], 3), np.float32)
    records = np.memmap(path, frame, "r", begin, (frames,)).view(np.ndarray)["xyz"]
    if (records["before"][0] != records["values"].itemsize * records["values"].shape[-1]).any():
        raise EdmNoiseError(f"{os.fspath(path)} is a DCD file whose frames are not what its header says")
    return records["values"].transpose(0, 2, 1)


def _layout(path: str, head: bytes) -> tuple[int, np.dtype]:
    """Bytes before the first frame, and how a frame is laid out."""
    if len(head) < _HEADER or head[:8] != struct.pack("<i4s", 84, b"CORD"):
        raise EdmNoiseError(f"{path} is no DCD file of little-endian numbers")
    control = np.frombuffer(head, "<i4", 20, offset=8)
    (title,) = struct.unpack_from("<i", head, 92)
    begin = 92 + 8 + title + 12  # behind the titles there is the number of atoms, a record of its own
    if title < 4 or begin > len(head) or head[begin - 12 : begin - 8] != head[begin - 4 : begin]:
        raise EdmNoiseError(f"{path} is a DCD file whose header is torn, or longer than {_LONGEST_HEADER:,} bytes")
    if control[8] or control[11]:
        raise EdmNoiseError(f"{path} is a DCD file with fixed atoms or a fourth dimension")
    cell = [("cell", "V56")] if control[10] else []
    return begin, np.dtype([*cell, ("xyz", _record(*struct.unpack_from("<i", head, begin - 8)), (3,))])


def _record(atoms: int) -> np.dtype:
    return np.dtype([("before", "<i4"), ("values", "<f4", (atoms,)), ("after", "<i4")])
