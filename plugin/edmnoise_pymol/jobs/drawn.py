"""What is drawn at random for a job: of which noise, how often, from which seed; refused before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.noise.process import NoiseChoice, check_linear, choices
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import Weights
from edmnoise.settings.noise import TABLE_WEIGHTS


@dataclass(frozen=True, eq=False, repr=False)
class Draws(Legible):
    """Frames of several noises at several levels, to be measured.

    Attributes
    ----------
    noises
        Processes, with their weights.
    z
        Normal scores of the levels.
    distribution
        What gives sigma from z.
    count
        Frames of each noise at each level.
    seed
        The same seed gives the same frames.
    """

    noises: Sequence[NoiseChoice]
    z: Sequence[float]
    distribution: SigmaDistribution
    count: int
    seed: int

    def __post_init__(self) -> None:
        check_seed(self.seed)

    @classmethod
    def of(
        cls,
        process: str,
        weights: Sequence[Weights],
        z: Sequence[float],
        distribution: SigmaDistribution,
        count: int,
        seed: int,
    ) -> Draws:
        """A process with each of some weights; a process without weights once, where these are the usual ones."""
        usual = TABLE_WEIGHTS.read(TABLE_WEIGHTS.default)
        return cls(choices(process, weights, usual), z, distribution, count, seed)


@dataclass(frozen=True, eq=False, repr=False)
class Batch(Legible):
    """What denoisers are given: samples that begin as noise, or states that noise is added to.

    Attributes
    ----------
    noises
        What has the noise covariances: linear ones.
    count
        Samples of each run, or draws at each level.
    seed
        The same seed gives the same samples.
    device
        "auto" (a GPU if there is one), "cpu" or "cuda".
    """

    noises: Sequence[NoiseChoice]
    count: int
    seed: int
    device: str

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for noise in self.noises:
            check_linear(noise)
        object.__setattr__(self, "device", torch_device(self.device))

    @property
    def noise(self) -> NoiseChoice:
        """The one that there is."""
        (noise,) = self.noises
        return noise


def torch_device(name: str) -> str:
    """The device that auto, cpu or cuda means here; EdmNoiseError for another name or a GPU that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise EdmNoiseError(f"device is {name!r}: give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EdmNoiseError("device is 'cuda' and torch finds no GPU: give cpu or auto")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
