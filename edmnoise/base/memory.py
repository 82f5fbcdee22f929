"""bytes needed <= bytes free, asked before anything is made."""

from __future__ import annotations

from .errors import EdmNoiseError

HEADROOM = 0.8
"""Share of the free memory that a result may take: the rest is for PyMOL's own picture and the system."""


def available_bytes() -> int:
    """Memory that can be taken now without swapping, in bytes."""
    import psutil  # slow to import, and needed only once something is made

    return int(psutil.virtual_memory().available)


def check_frames_fit(frames: int, bytes_per_frame: int, available: int | None = None, what: str = "frames") -> None:
    """Raise EdmNoiseError, saying how many frames would fit, when ``frames`` do not.

    Parameters
    ----------
    frames, bytes_per_frame, what
        What is asked for, and what it is called.
    available
        Free memory in bytes; measured when not given.
    """
    free = available_bytes() if available is None else available
    fit = int(free * HEADROOM) // bytes_per_frame
    if frames > fit:
        need = frames * bytes_per_frame / 2**30
        raise EdmNoiseError(
            f"{frames:,} {what} need {need:,.1f} GiB and {free / 2**30:,.1f} GiB are free: at most {fit:,} {what} fit"
        )
