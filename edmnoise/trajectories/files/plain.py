"""Any trajectory: DCD, XTC, and models in a PDB or mmCIF file, of a program that is not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.files.dcd import mapped_frames
from ...structure.files.reading import SOURCES
from ...structure.files.xtc import read_xtc
from ...structure.structure import Structure
from ..trace import Trace
from .content import are_noisy, noise_first
from .levels import wanted_levels
from .made import Asked, made_trace
from .models import read_models

ENDINGS = (*SOURCES, ".dcd", ".xtc")
"""What the name of a file may end in; those of `SOURCES` also with .gz."""


UNKNOWN = "a program that is not known"


def read_plain(path: str, asked: Asked) -> Trace:
    """Order and kind as the frames tell; of noisy ones the last is the end of the run."""
    frames, named, repairs = _frames(path, asked.structure)
    first, said = noise_first(frames)
    repairs.append(f"noise comes {'first' if first else 'last, so the order was turned round'}: {said}")
    if not first:
        frames = frames[::-1]
    kind = asked.kind
    if kind is None:
        kind = "noisy" if are_noisy(frames[0]) else "denoised"
        what = "noise: they are taken for samples" if kind == "noisy" else "a structure: they are taken for estimates"
        repairs.append(f"the frames begin with {what}")
    end = kind == "noisy"
    levels, sigma = wanted_levels(asked.schedule, len(frames), end)
    steps = len(frames) - end
    final = frames[-1:] if end else None
    return made_trace(path, UNKNOWN, {kind: [frames[:steps]]}, levels[:steps], sigma, repairs, final, named)


def _frames(path: str, structure: Structure | None) -> tuple[NDArray[np.float32], Structure | None, list[str]]:
    """(S, N, 3) frames as in the file, names of their atoms, and what was put right."""
    if path.lower().endswith(".dcd"):
        return several(path, mapped_frames(path)), structure, []
    if path.lower().endswith(".xtc"):
        return several(path, read_xtc(path)), structure, []
    models = read_models(path)
    several(path, models.frames)
    repairs = []
    if models.overrun:
        repairs.append(f"{models.overrun:,} lines whose columns overrun were split behind their decimals")
    if structure is None:
        structure = models.structure(-1 if noise_first(models.frames)[0] else 0)
        if models.renamed:
            repairs.append("models name their atoms differently: names are those of the end")
    return models.frames, structure, repairs


def several(path: str, frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same frames, refused where they are no trajectory."""
    if len(frames) < 2:
        raise EdmNoiseError(f"{path} holds {len(frames)} frame{'' if len(frames) == 1 else 's'}: no trajectory")
    return frames
