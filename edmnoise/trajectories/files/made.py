"""A trace of frames that are in memory, or mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.structure import Structure
from ..trace import KINDS, Call, Trace


def made_trace(
    path: str,
    program: str,
    frames: Mapping[str, Sequence[NDArray[np.float32]]],
    levels: NDArray[np.float64],
    sigma: str,
    repairs: Sequence[str],
    final: NDArray[np.float32] | None = None,
    structure: Structure | None = None,
) -> Trace:
    """A run that has ended, of one level for all samples in each step.

    Parameters
    ----------
    frames
        {kind: for each sample (S, N, 3)}, angstrom, noise first.
    levels
        (S,) angstrom; NaN where nobody knows.
    sigma
        How the levels were found, in words.
    repairs
        What was put right, a sentence each.
    final
        (B, N, 3) the end of each sample, where it is known.
    structure
        N atoms.
    """
    kinds = tuple(kind for kind in KINDS if kind in frames)
    samples, atoms = len(frames[kinds[0]]), frames[kinds[0]][0].shape[1]
    if structure is not None and structure.n_atoms != atoms:
        raise EdmNoiseError(f"{path} has {atoms:,} atoms and the structure {structure.n_atoms:,}: give one of the same")
    info: dict[str, Any] = {"program": program, "kinds": kinds, "sigma": sigma, "repairs": list(repairs)}
    every = tuple(range(samples))
    return Trace(
        path=path,
        info=info,
        calls=tuple(Call(step, step, every, float(level)) for step, level in enumerate(levels, 1)),
        atoms=atoms,
        samples=samples,
        kinds=kinds,
        ended=True,
        final=final,
        read=lambda kind, sample: frames[kind][sample],
        structure=structure,
    )
