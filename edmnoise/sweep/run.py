"""Run what is not in the journal yet, some tasks at a time, and write each down as soon as it is done.

A batch is about a quarter of a second of work: large enough that handing it over costs little, small enough that little
is lost with a killed process.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from itertools import groupby

from ..base.errors import EdmNoiseError
from .journal import Journal
from .pools import Pool
from .tasks import Outcome, Task, TaskPlan

BATCH_SECONDS = 0.25
"""Work that travels together."""

_TICK = 0.5
"""Seconds after which progress is told even where nothing was done."""

_AHEAD = 2
"""Batches for each worker that are under way, so that none waits for the next."""

_MOST_LOST = 3
"""Tasks lost one after another, each alone with a new worker, at which the workers are to blame and not the tasks."""


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes
    ----------
    done, total
        Tasks, with those of earlier runs.
    failed
        How many of those done have no numbers.
    seconds, left
        Since this run began, and what is still to come; None where nothing is known yet.
    workers
        How many work.
    """

    done: int
    total: int
    failed: int
    seconds: float
    left: float | None
    workers: int


def compute(
    plan: TaskPlan, journal: Journal, pool: Pool, unfinished: list[Outcome] | None = None
) -> Iterator[Progress]:
    """Finish the tasks of a plan.

    Parameters
    ----------
    plan, journal, pool
        What is to be done, what is done, and who does it.
    unfinished
        Gets the outcomes of tasks that could not be finished and are not in the journal.

    Yields
    ------
    Progress
        At the start, after each batch, and from time to time.

    Raises
    ------
    EdmNoiseError
        Where the disk is full or no worker is left. What is done is in the journal.
    """
    lost = [] if unfinished is None else unfinished
    work = _Work(plan, journal)
    running: dict[Future[list[Outcome]], list[Task]] = {}
    workers = pool.width
    in_a_row = 0
    yield work.progress(workers, lost)
    while work.left or running:
        workers = pool.width
        while work.left and len(running) < (1 if work.suspects else max(_AHEAD * workers, 2)):
            tasks = work.take()
            running[pool.submit(_packed(tasks))] = tasks
        done = wait(running, _TICK, FIRST_COMPLETED).done
        if any(isinstance(future.exception(), BrokenExecutor) for future in done if not future.cancelled()):
            done = wait(running).done  # all of them are broken, or done
        alone = len(running) == 1
        broken = None
        for future in done:
            tasks = running.pop(future)
            error = _error(future)
            if error is None:
                outcomes = future.result()
                work.finish(outcomes)
                lost += [outcome for outcome in outcomes if not outcome.final]
                in_a_row = 0
                continue
            broken = error
            if len(tasks) == 1 and (alone or not isinstance(error, BrokenExecutor)):
                in_a_row += 1
                lost.append(
                    Outcome(tasks[0].key, None, f"its worker ended ({_said(error)}): too little memory?", False)
                )
            else:
                work.suspects += tasks
        if broken is not None:
            if in_a_row >= _MOST_LOST:
                raise EdmNoiseError(f"workers end as soon as they are given work: {_said(broken)}")
            pool.renew()
        yield work.progress(workers, lost)


class _Work:
    """Tasks that wait, how long each measure takes, and what is done."""

    def __init__(self, plan: TaskPlan, journal: Journal) -> None:
        self.journal, self.total = journal, len(plan)
        tasks = list(plan.tasks())
        self.waiting = deque(task for task in tasks if task.key not in journal.finished)
        self.suspects: deque[Task] = deque()
        """Tasks that were under way when a worker ended: from now on each goes alone."""
        self.measure = {task.key: task.setting.measure for task in self.waiting}
        self.to_come = Counter(self.measure.values())
        self.seconds: dict[str, float] = dict.fromkeys(self.to_come, 0.0)
        self.counted: Counter[str] = Counter()
        self.start = time.monotonic()
        self.pace: float | None = None
        """When the first task began: workers take seconds to start."""
        here = [journal.finished[task.key] for task in tasks if task.key in journal.finished]
        self.done, self.failed = len(here), sum(outcome.values is None for outcome in here)

    @property
    def left(self) -> bool:
        """Whether there is something to hand out."""
        return bool(self.waiting or self.suspects)

    def take(self) -> list[Task]:
        """Tasks for a batch: one of a measure whose time is not known, or which a worker has ended with."""
        if self.suspects:
            return [self.suspects.popleft()]
        batch = [self.waiting.popleft()]
        seconds = self._cost(batch[0])
        while self.waiting and (seconds := seconds + self._cost(self.waiting[0])) <= BATCH_SECONDS:
            batch.append(self.waiting.popleft())
        return batch

    def finish(self, outcomes: list[Outcome]) -> None:
        """Write down what is done."""
        self.journal.add(outcomes)
        if self.pace is None:
            self.pace = max(self.start, time.monotonic() - sum(outcome.seconds for outcome in outcomes))
        for outcome in outcomes:
            measure = self.measure[outcome.key]
            self.seconds[measure] += outcome.seconds
            self.counted[measure] += 1
            self.to_come[measure] -= 1
        kept = [outcome for outcome in outcomes if outcome.final]
        self.done += len(kept)
        self.failed += sum(outcome.values is None for outcome in kept)

    def progress(self, workers: int, lost: list[Outcome]) -> Progress:
        now = time.monotonic()
        busy = sum(self.seconds.values())
        left = None
        if busy and self.pace is not None:
            mean = busy / sum(self.counted.values())
            work = sum(count * self._mean(measure, mean) for measure, count in self.to_come.items())
            left = work * (now - self.pace) / busy
        return Progress(self.done + len(lost), self.total, self.failed + len(lost), now - self.start, left, workers)

    def _mean(self, measure: str, default: float) -> float:
        counted = self.counted[measure]
        return self.seconds[measure] / counted if counted else default

    def _cost(self, task: Task) -> float:
        return self._mean(task.setting.measure, math.inf)


def _packed(tasks: list[Task]) -> list[tuple]:
    """Tasks with their structure said once."""
    groups = groupby(tasks, lambda task: task.source)
    return [(source, [task.setting for task in group]) for source, group in groups]


def _error(future: Future[list[Outcome]]) -> BaseException | None:
    if future.cancelled():
        return RuntimeError("cancelled")
    return future.exception()


def _said(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
