"""What a task is about: a structure's file, what is done to it, and both as a measure is given them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import EdmNoiseError
from ..noise.process import NoiseChoice
from ..noise.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..structure.structure import Structure

Given = tuple[tuple[str, Any], ...]
"""A table of the file, as pairs."""


Value = float | int | str | None
"""A cell of a table."""


UNREADABLE = "unreadable"
"""Digest of a file that could not be read when the sweep was planned."""


Made = TypeVar("Made")


@dataclass(frozen=True)
class Level:
    """A noise level: its normal score and sigma, angstrom."""

    z: float
    sigma: float


@dataclass(frozen=True)
class SourceFile:
    """A structure's file: its name in the tables, where it is, what it held when the sweep was planned, its domains,
    and which of its atoms move."""

    name: str
    path: str
    digest: str
    hydrogens: bool
    solvent: bool
    domains: str = ""
    move: str = ""

    @cached_property
    def key(self) -> str:
        """What tells the structure from others, wherever its file lies."""
        facts = [self.name, self.digest, self.hydrogens, self.solvent]
        more = [self.domains, self.move] if self.move else [self.domains] if self.domains else []
        return hash_of([*facts, *more])


@dataclass(frozen=True)
class NetworkFile:
    """A network's file, or that of the module which makes it: where it is, its SHA-256 when the sweep was planned."""

    path: str
    digest: str


@dataclass(frozen=True)
class Setting:
    """What is done to a structure. Where a measure does not depend on an axis, that is None, a seed 0.

    ``process`` is a text that `edmnoise.noise.process.NoiseChoice.parse` reads, ``first`` the number of the first frame
    that is drawn, ``count`` how many frames or samples, ``network`` the file of a denoiser that is a network.
    """

    measure: str
    process: str | None
    weights: Weights | None
    level: Level | None
    denoiser: Given | None
    sampler: Given | None
    seed: int
    first: int
    count: int
    network: NetworkFile | None = None

    @cached_property
    def key(self) -> str:
        """What tells the setting from others: of a network's file its content, wherever it lies."""
        network = None if self.network is None else self.network.digest
        return hash_of({**asdict(self), "network": network, "weights": self.weights and self.weights.by_name})


def digest_of(path: str | Path) -> str:
    """Hash of a file's bytes."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=12).hexdigest()
    except OSError:
        return UNREADABLE


def hash_of(facts: Any) -> str:
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


class Loaded:
    """A structure as a worker keeps it, with what is computed once for all its tasks."""

    def __init__(self, source: SourceFile) -> None:
        from ..structure.domains import with_domains
        from ..structure.files import read_structure
        from ..structure.part import Part

        if source.digest != UNREADABLE and digest_of(source.path) != source.digest:
            raise EdmNoiseError(f"{source.name} is not the file that it was when the sweep began: start it again")
        self.source = source
        read: Structure = read_structure(source.path, hydrogens=source.hydrogens, solvent=source.solvent)
        self.structure = with_domains(read, source.domains) if source.domains else read
        self.part = Part.named(self.structure, source.move) if source.move else None
        self._kept: dict[tuple[object, ...], Any] = {}

    def once(self, make: Callable[..., Made], *arguments: Hashable) -> Made:
        """What ``make`` makes of the structure and of arguments, made once for all tasks of this worker."""
        key = make, *arguments
        if key not in self._kept:
            self._kept[key] = make(self.structure, *arguments)
        made: Made = self._kept[key]
        return made

    @cached_property
    def states(self) -> NDArray[np.float32]:
        """(S, N, 3) all models of the file, angstrom."""
        from ..structure.files import read_frames

        return read_frames(self.source.path, self.source.hydrogens, self.source.solvent)[1]


@dataclass(frozen=True)
class Case:
    """What a measure is given."""

    loaded: Loaded
    setting: Setting

    @property
    def structure(self) -> Structure:
        """The file's first model."""
        return self.loaded.structure

    @property
    def moving(self) -> Structure:
        """What of it moves: all, or the part that is not held."""
        return self.structure if self.loaded.part is None else self.loaded.part.structure

    @property
    def noise(self) -> NoiseChoice:
        """Process and weights, for a measure that depends on them."""
        assert self.setting.process is not None
        assert self.setting.weights is not None
        return NoiseChoice.parse(self.setting.process, self.setting.weights)

    @property
    def sigma(self) -> float:
        """Noise level, angstrom, for a measure that depends on it."""
        assert self.setting.level is not None
        return self.setting.level.sigma
