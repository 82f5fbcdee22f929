"""A task is one structure under one setting: names and seeds go out, a few numbers come back.

The same task gives the same numbers in any process, in any order and beside any other, because noise depends on its
seed and frame number alone and one thread adds up the sums.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..noise.process import FLAT, NoiseChoice
from ..noise.weights import Weights
from .case import Case, Given, Level, Loaded, Setting, SourceFile, Value, digest_of
from .measures import MEASURES
from .networks import is_made, name_of
from .study import Study

_KEPT = 4
"""Structures that a worker keeps: tasks of one structure come one after another."""


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
            name,
            str(settings.folder / name),
            digest_of(settings.folder / name),
            settings.hydrogens,
            settings.solvent,
            settings.domains_of(name),
            settings.moved_of(name),
        )
        for name in settings.structures
    )
    rows = tuple(row for measure in settings.measures for row in _rows(settings, measure))
    return TaskPlan(settings, sources, rows)


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
        own = weights if process is None or NoiseChoice.parse(process).weighted else [FLAT]
        for number, chosen in enumerate(product(own, levels, denoisers, samplers)):
            first = number * count if settings.fresh and "level" in axes else 0
            for seed in seeds:
                yield Setting(measure, process, *chosen, seed, first, count, settings.network(chosen[2]))


_load = lru_cache(maxsize=_KEPT)(Loaded)

Batch = Sequence[tuple[SourceFile, Sequence[Setting]]]
"""Tasks that travel together."""


def run_batch(batch: Batch) -> list[Outcome]:
    """Run tasks in this process, one torch thread; what goes wrong with one is its outcome, never an exception."""
    from ..base.threads import alone_throughout  # who plans a sweep does not wait for torch

    with alone_throughout():
        return [run_task(source, setting) for source, settings in batch for setting in settings]


def run_task(source: SourceFile, setting: Setting) -> Outcome:
    """Run one task. An EdmNoiseError is final, being about the file or the setting; another error is tried again.

    So is one of a user's function, which may depend on what else it reads.
    """
    start = time.perf_counter()
    key = Task(source, setting).key
    try:
        values = dict(MEASURES[setting.measure](Case(_load(source), setting)))
        return Outcome(key, values, seconds=time.perf_counter() - start)
    except EdmNoiseError as error:
        sentence = _as_named(str(error), source, setting)
        return Outcome(key, None, sentence, not is_made(setting.denoiser), time.perf_counter() - start)
    except Exception as error:
        return Outcome(key, None, f"{type(error).__name__}: {error}", False, time.perf_counter() - start)


def _as_named(sentence: str, source: SourceFile, setting: Setting) -> str:
    """With files called what they are called in the study, the same wherever it lies."""
    if setting.network is not None:
        sentence = sentence.replace(setting.network.path, name_of(setting.denoiser))
    return sentence.replace(source.path, source.name)
