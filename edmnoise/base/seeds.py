"""generator(seed, stream, frame): frame k depends on the seed, the stream and k, and on nothing else.

Drawing frames in other chunks, in another order, on other threads or alone gives the same numbers, because no
two frames share a generator and the global one is never touched.

"The same" is to the byte on one machine. torch draws normal numbers in float32 with the vector instructions that the
processor has: between kinds of processor they agree to five digits of sigma (2e-6 sigma was seen), as do tables made
of them. Normal numbers in float64 take six times as long and are not the same everywhere either: the C library's
logarithm and cosine depend on the processor too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import EdmNoiseError

if TYPE_CHECKING:
    import torch

_MASK = 0xFFFFFFFF

NOISE = 0
"""Stream of the forward noise. Whoever needs random numbers for another purpose takes another stream."""


def _mix(x: int) -> int:
    """Scatter 32 bits one-to-one (xor-shifts and odd multipliers are invertible, hence so is their chain)."""
    x &= _MASK
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & _MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & _MASK
    return x ^ (x >> 16)


def frame_seed(seed: int, frame: int, stream: int = NOISE) -> int:
    """32-bit state for one frame: distinct for the first 2**32 frames of a seed and stream.

    torch's CPU generator keeps only 32 bits of what it is seeded with, so random 64-bit seeds would make two
    frames of a long run equal by accident (1 % for 9,000 frames); a one-to-one map of the frame number cannot.
    """
    return _mix(_key(seed, stream) + frame)


@lru_cache(maxsize=64)
def _key(seed: int, stream: int) -> int:
    return _mix(_mix(seed & _MASK) ^ _mix((seed >> 32) + 0x9E3779B9) ^ _mix(0x85EBCA6B * (stream + 1)))


def check_seed(seed: int) -> int:
    """Return the seed if it is a whole number in 0 ... 2**63 - 1, else raise EdmNoiseError."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise EdmNoiseError(f"seed is {seed!r}: give a whole number from 0 to 2**63 - 1")
    return seed


def reseed(generator: torch.Generator, seed: int, frame: int, stream: int = NOISE) -> torch.Generator:
    """Put ``generator`` at the start of one frame's numbers and return it."""
    return generator.manual_seed(frame_seed(seed, frame, stream))
