"""A DCD file that grows frame by frame and reads back at any moment.

``edmnoise.structure.files.dcd`` writes the same header: what listens cannot import it.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_FRAMES_AT = 8
"""Where the number of frames stands in the file."""


def append(path: str, frames: int, frame: NDArray[np.float32]) -> None:
    """Add (N, 3) coordinates to a file of so many frames; the number in its header comes after what it counts."""
    record, header = _record(frame), _header(1, len(frame))
    if frames == 0:
        with open(path, "xb") as handle:
            handle.write(header)
            handle.write(record.data)
        return
    with open(path, "r+b") as handle:
        handle.seek(len(header) + frames * record.nbytes)
        handle.write(record.data)
        handle.seek(_FRAMES_AT)
        handle.write(struct.pack("<i", frames + 1))


def whole(frames: NDArray[np.float32]) -> bytes:
    """The file of all of (B, N, 3) frames."""
    return _header(*frames.shape[:2]) + b"".join(_record(frame).tobytes() for frame in frames)


def _header(frames: int, atoms: int) -> bytes:
    control = np.zeros(20, "<i4")
    control[[0, 1, 2, 19]] = frames, 1, 1, 24
    return b"".join(
        (
            struct.pack("<i4s80si", 84, b"CORD", control.tobytes(), 84),
            struct.pack("<ii80si", 84, 1, b"edmnoise".ljust(80), 84),
            struct.pack("<iii", 4, atoms, 4),
        )
    )


def _record(frame: NDArray[np.float32]) -> NDArray[np.void]:
    """The three Fortran records of a frame."""
    atoms = len(frame)
    record = np.empty(3, [("before", "<i4"), ("values", "<f4", (atoms,)), ("after", "<i4")])
    record["before"] = record["after"] = 4 * atoms
    record["values"] = frame.T
    return record
