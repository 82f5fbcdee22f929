"""The steps of a training: told, shown beside the least loss that there is, and ended when nobody wants more."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from edmnoise.base.legible import Legible
from edmnoise.base.units import duration
from edmnoise.learning.floor import loss_and_floor
from edmnoise.learning.train import Progress, Trainer
from edmnoise.study.error_study import moving_parts

from ..job import Watch

EVERY = 30.0
"""Seconds between two checkpoints, and for which a failed one is spoken of."""

Parts = tuple[float, float, float]
"""Of atoms in their residue, residues in their chain and chains."""


class Course(NamedTuple):
    """How a run went: whether to its end and with a checkpoint of that, and why there last was none."""

    seconds: float
    ended: bool
    kept: bool
    missed: str


@dataclass(frozen=True, repr=False)
class Learned(Legible):
    """What there is to see of a training by now.

    Attributes
    ----------
    path
        Of its checkpoint.
    step, steps
        Done, of how many; None while minutes are not yet steps.
    count
        Steps since this was shown last, 0 before the first.
    losses
        Their mean loss by part.
    floor
        The loss of the exact denoiser, which no network gets below; NaN for a part that nothing moves.
    """

    path: str
    step: int
    steps: int | None
    count: int
    losses: Parts
    floor: Parts


def run(trainer: Trainer, path: str, watch: Watch) -> Course:
    """All steps, or those until it is cancelled."""
    shown = _Shown(trainer, path, watch) if watch.every < math.inf else None
    began, missed, until, wanted, kept = time.monotonic(), "", 0.0, True, True
    with closing(trainer.run(path, EVERY)) as steps:
        for step in steps:
            now, kept = time.monotonic(), not step.note
            if step.note:
                missed, until = step.note, now + EVERY
            spent, left = now - began, step.seconds_left or 0.0
            of = "" if step.steps is None else f" of {step.steps:,}"
            words = f"step {step.step:,}{of}, loss {step.loss:.3g}" + (f"; {missed}" if now < until else "")
            wanted = watch.tell(spent / (spent + left), words)
            if shown is not None:
                shown.add(step, now)
            if not wanted:
                break
    if shown is not None:
        shown.show()
    ended = trainer.steps is not None and trainer.step >= trainer.steps
    return Course(time.monotonic() - began, ended and wanted, kept or not ended, missed)


class _Shown:
    """What is shown to who looks on: the least loss before the first step, then the mean of the steps since."""

    def __init__(self, trainer: Trainer, path: str, watch: Watch) -> None:
        def told(done: int, total: int) -> None:
            watch.check(0.0, f"measuring the least loss, draw {done:,} of {total:,}")

        least = loss_and_floor(trainer, progress=told).exact.tolist()
        moving = moving_parts(trainer.ensemble.structure.hierarchy)
        atom, residue, chain = (loss if part in moving else math.nan for part, loss in enumerate(least))
        self._floor = (atom, residue, chain)
        self._path, self._watch, self._trainer = path, watch, trainer
        self._last, self._steps = time.monotonic(), list[Progress]()
        self.show()

    def add(self, step: Progress, now: float) -> None:
        """Another step, shown with others when it is time."""
        self._steps.append(step)
        if now - self._last >= self._watch.every:
            self._last = now
            self.show()

    def show(self) -> None:
        """Those that were not shown yet."""
        steps, self._steps = self._steps, []
        atom, residue, chain = (
            sum(step.parts[part] for step in steps) / len(steps) if steps else math.nan for part in range(3)
        )
        trainer = self._trainer
        self._watch.show(
            Learned(self._path, trainer.step, trainer.steps, len(steps), (atom, residue, chain), self._floor)
        )


def said(trainer: Trainer, first: int, course: Course, path: str) -> list[str]:
    """How it went and where it lies."""
    gone = f"{trainer.step - first:,} step{'' if trainer.step - first == 1 else 's'}"
    of = "" if trainer.steps is None else f" of {trainer.steps:,}"
    after = f" after {first:,}" if first else ""
    notes = [f"{gone}{after} in {duration(course.seconds)}"]
    if not course.ended and (trainer.steps is None or trainer.step < trainer.steps):
        notes.append(f"cancelled at step {trainer.step:,}{of}, resume={path} goes on")
    if course.missed:
        notes.append(course.missed)
    return notes
