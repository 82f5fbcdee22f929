"""A task is one structure under one setting: names and seeds go out, a few numbers come back.

The same task gives the same numbers in any process, in any order and beside any other, because noise depends on its
seed and frame number alone and one thread adds up the sums.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..noise.process import NoiseChoice
from ..noise.weights import Weights
from .measures import MEASURES, Value
from .settings import Given, Level, Study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..structure.structure import Structure

UNREADABLE = "unreadable"
"""Digest of a file that could not be read when the sweep was planned."""

Made = TypeVar("Made")

_KEPT = 4
"""Structures that a worker keeps: tasks of one structure come one after another."""


@dataclass(frozen=True)
class SourceFile:
    """A structure's file: its name in the tables, where it is, what it held when the sweep was planned."""

    name: str
    path: str
    digest: str
    hydrogens: bool
    solvent: bool

    @cached_property
    def key(self) -> str:
        """What tells the structure from others, wherever its file lies."""
        return _hash([self.name, self.digest, self.hydrogens, self.solvent])


@dataclass(frozen=True)
class Setting:
    """What is done to a structure. Where a measure does not depend on an axis, that is None, a seed 0.

    ``process`` is a text that `edmnoise.noise.process.NoiseChoice.parse` reads, ``first`` the number of the first frame
    that is drawn, ``count`` how many frames or samples.
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

    @cached_property
    def key(self) -> str:
        """What tells the setting from others."""
        return _hash(asdict(self))


@dataclass(frozen=True)
class Task:
    """One structure under one setting."""

    source: SourceFile
    setting: Setting

    @property
    def key(self) -> str:
        """The task's name in the journal."""
        return f"{self.source.key}-{self.setting.key}"


@dataclass(frozen=True, repr=False)
class Outcome(Legible):
    """What became of a task: its values, or a sentence. One that is not ``final`` is tried again by the next run."""

    key: str
    values: Mapping[str, Value] | None
    error: str = ""
    final: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class TaskPlan(Legible):
    """All tasks of a study, in the order of its tables."""

    settings: Study
    sources: tuple[SourceFile, ...]
    rows: tuple[Setting, ...]

    def tasks(self) -> Iterator[Task]:
        """Structure by structure."""
        return (Task(source, row) for source in self.sources for row in self.rows)

    def __len__(self) -> int:
        return len(self.sources) * len(self.rows)


def plan(settings: Study) -> TaskPlan:
    """The tasks of a study; each file is read once, for its hash, so that a file that changed is another task."""
    sources = tuple(
        SourceFile(
            name, str(settings.folder / name), digest_of(settings.folder / name), settings.hydrogens, settings.solvent
        )
        for name in settings.structures
    )
    rows = tuple(row for measure in settings.measures for row in _rows(settings, measure))
    return TaskPlan(settings, sources, rows)


def digest_of(path: str | Path) -> str:
    """Hash of a file's bytes."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=12).hexdigest()
    except OSError:
        return UNREADABLE


def _rows(settings: Study, measure: str) -> Iterator[Setting]:
    axes = MEASURES[measure].axes
    processes: Sequence[str | None] = settings.processes if "process" in axes else [None]
    weights: Sequence[Weights | None] = settings.weights if "weights" in axes else [None]
    levels: Sequence[Level | None] = settings.levels if "level" in axes else [None]
    denoisers: Sequence[Given | None] = settings.denoisers if "denoiser" in axes else [None]
    samplers: Sequence[Given | None] = settings.samplers if "sampler" in axes else [None]
    seeds = settings.seeds if "seed" in axes else (0,)
    count = settings.samples if "sampler" in axes else settings.draws
    for process in processes:
        # Rows are numbered as those of `edmnoise.study.levels.z_table` are, so that both draw the same frames.
        for number, chosen in enumerate(product(weights, levels, denoisers, samplers)):
            first = number * count if settings.fresh and "level" in axes else 0
            for seed in seeds:
                yield Setting(measure, process, *chosen, seed=seed, first=first, count=count)


def _hash(facts: Any) -> str:
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


class Loaded:
    """A structure as a worker keeps it, with what is computed once for all its tasks."""

    def __init__(self, source: SourceFile) -> None:
        from ..structure.files import read_structure

        if source.digest != UNREADABLE and digest_of(source.path) != source.digest:
            raise EdmNoiseError(f"{source.name} is not the file that it was when the sweep began: start it again")
        self.source = source
        self.structure: Structure = read_structure(source.path, hydrogens=source.hydrogens, solvent=source.solvent)
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


_load = lru_cache(maxsize=_KEPT)(Loaded)

Batch = Sequence[tuple[SourceFile, Sequence[Setting]]]
"""Tasks that travel together."""


def run_batch(batch: Batch) -> list[Outcome]:
    """Run tasks in this process, one torch thread; what goes wrong with one is its outcome, never an exception."""
    from ..base.threads import alone  # who plans a sweep does not wait for torch

    with alone():
        return [run_task(source, setting) for source, settings in batch for setting in settings]


def run_task(source: SourceFile, setting: Setting) -> Outcome:
    """Run one task. An EdmNoiseError is final, being about the file or the setting; another error is tried again."""
    start = time.perf_counter()
    key = Task(source, setting).key
    try:
        values = dict(MEASURES[setting.measure](Case(_load(source), setting)))
        return Outcome(key, values, seconds=time.perf_counter() - start)
    except EdmNoiseError as error:
        sentence = str(error).replace(source.path, source.name)
        return Outcome(key, None, sentence, seconds=time.perf_counter() - start)
    except Exception as error:
        return Outcome(key, None, f"{type(error).__name__}: {error}", False, time.perf_counter() - start)
