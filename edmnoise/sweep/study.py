"""What a study asks for: structures, and the settings whose combinations are the tasks of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.legible import Legible
from ..noise.sigma import SigmaDistribution
from ..noise.weights import Weights
from .case import Given, Level, NetworkFile
from .networks import name_of


@dataclass(frozen=True, repr=False)
class Study(Legible):
    """What a study asks for.

    Attributes
    ----------
    structures
        Files, as the tables name them: from the study's own folder, sorted within each pattern, each once.
    measures, processes, weights, levels, denoisers, samplers, seeds
        Their combinations are the tasks of each structure; a measure takes those that it depends on. A denoiser is the
        arguments of `edmnoise.diffusion.denoisers.choice.DenoiserChoice`, a sampler those of
        `edmnoise.diffusion.samplers.choice.SamplerChoice`.
    distribution
        Gives sigma from z.
    draws
        Frames of each row that draws noise.
    samples
        Samples of each row that samples.
    fresh
        Whether each row has draws of its own; otherwise all rows of a seed scale the same draws.
    hydrogens, solvent
        Whether they are kept.
    domains
        Files with their domains, as `edmnoise.structure.domains` reads them; "" stands for every file.
    move
        Files with the residue ranges that move in them while the rest is held, in the same way.
    folder
        Where the study's file lies; relative names start there.
    facts
        The same as plain numbers and texts, without ``structures`` found: what the study's hash is made of.
    networks
        The file of each denoiser that is a network, by its name. Like a structure's, its content is no part of the
        study's hash, but of those of its tasks.
    """

    structures: tuple[str, ...]
    measures: tuple[str, ...]
    processes: tuple[str, ...]
    weights: tuple[Weights, ...]
    levels: tuple[Level, ...]
    denoisers: tuple[Given, ...]
    samplers: tuple[Given, ...]
    seeds: tuple[int, ...]
    distribution: SigmaDistribution
    draws: int
    samples: int
    fresh: bool
    hydrogens: bool
    solvent: bool
    domains: tuple[tuple[str, str], ...]
    move: tuple[tuple[str, str], ...]
    folder: Path = field(compare=False)
    name: str = field(compare=False)
    facts: Mapping[str, Any] = field(compare=False)
    networks: Mapping[str, NetworkFile] = field(compare=False)

    def network(self, denoiser: Given | None) -> NetworkFile | None:
        """The file of a denoiser that is a network."""
        return self.networks.get(name_of(denoiser))

    def domains_of(self, name: str) -> str:
        """The domains of a file, as text; "" where it has none."""
        return dict(self.domains).get(name, dict(self.domains).get("", ""))

    def moved_of(self, name: str) -> str:
        """The residue ranges that move in a file, as text; "" where all do."""
        return dict(self.move).get(name, dict(self.move).get("", ""))

    @property
    def digest(self) -> str:
        """Hash of all that changes a number, but of no file name that a pattern has found, comment or layout."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:16]
