"""A trace: the folder that holds every denoiser call of a real run, read step by step without loading it.

``docs/traces.rst`` describes the folder. `edmnoise.trajectories.recorder` writes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible
from ..structure.structure import Structure
from .run import Run


@dataclass(frozen=True)
class Call:
    """One call of the denoiser.

    Attributes
    ----------
    number
        Which call of the run, from 1.
    step
        Which call of its samples, from 1.
    samples
        Numbers of the samples that it was made for, from 0.
    sigma
        Level that the denoiser was told, angstrom.
    """

    number: int
    step: int
    samples: tuple[int, ...]
    sigma: float


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Legible):
    """What a recorded run holds; coordinates stay in their files until they are asked for.

    Attributes
    ----------
    path
        The folder.
    info
        What ``run.json`` says: format and version; program, command, seed, settings and names where they are known.
    calls
        In the order in which they were made; those of which every frame is there.
    atoms, samples
        How many.
    kinds
        What was kept: "noisy", "denoised" or both.
    ended
        Whether the run said that it had ended; False where it was killed, or still goes on.
    final
        (samples, N, 3) float32, angstrom: the sampler's result, where it was recorded.
    """

    path: str
    info: Mapping[str, Any]
    calls: tuple[Call, ...]
    atoms: int
    samples: int
    kinds: tuple[str, ...]
    ended: bool
    final: NDArray[np.float32] | None

    @property
    def steps(self) -> NDArray[np.int64]:
        """(S,) numbers of the recorded steps that every sample has."""
        raise NotImplementedError

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """(S,) levels of `steps`, angstrom."""
        raise NotImplementedError

    def frames(self, kind: str, sample: int, steps: Sequence[int] | None = None) -> NDArray[np.float32]:
        """(S, N, 3) float32, angstrom: what the denoiser was given ("noisy") or gave ("denoised").

        Parameters
        ----------
        kind
            One of `kinds`.
        sample
            Number of the sample, from 0.
        steps
            Numbers of steps; `steps` when not given.

        Raises
        ------
        EdmNoiseError
            A kind that was not kept, a sample or a step that is not there.
        """
        raise NotImplementedError


def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Open a folder that a recorder has written or still writes; lines and frames that are not whole are left out.

    Raises
    ------
    EdmNoiseError
        No such folder, another folder than a trace, one of a newer version, or one without calls.
    """
    raise NotImplementedError


def run_of(
    trace: Trace, structure: Structure, samples: Sequence[int] | None = None, steps: Sequence[int] | None = None
) -> Run:
    """The run, each step laid on the end by superposition, and the end on the structure.

    Parameters
    ----------
    structure
        In three levels, its atoms those of the trace in their order.
    samples, steps
        Their numbers; all when not given.

    Raises
    ------
    EdmNoiseError
        Another number of atoms, no denoised frames, samples or steps that are not there, a record that does not fit in
        memory.
    """
    raise NotImplementedError
