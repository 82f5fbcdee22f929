"""DCD: three Fortran records a frame (x of all atoms, y, z), float32, behind a header of 276 bytes."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError

_CHARMM_VERSION = 24
"""Says that coordinates are float32 and that the control words mean what CHARMM takes them to mean."""


class DcdWriter:
    """Writes frames of one number of atoms, without a unit cell, a block at a time.

    Parameters
    ----------
    handle
        Open for writing.
    frames, atoms
        How many there will be: the header says so before they come.
    """

    def __init__(self, handle: BinaryIO, frames: int, atoms: int) -> None:
        self._handle, self._missing, self._atoms = handle, frames, atoms
        self._record = np.dtype([("before", "<i4"), ("values", "<f4", (atoms,)), ("after", "<i4")])
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
