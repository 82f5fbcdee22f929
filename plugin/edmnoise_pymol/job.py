"""A job is a generator: it yields what may run away from PyMOL, and is given back what that made.

Between two yields a job may touch PyMOL, so it has to be driven in PyMOL's own thread. What it yields knows arrays
only, so a window can hand it to another thread (`edmnoise_pymol.panel.runner`), while a command runs it on the spot.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from edmnoise.base.trust import Ask

T = TypeVar("T")


class Cancelled(Exception):
    """The user wants no more of a job; what it had made is gone, unless the job keeps it by not raising this."""


class Watch:
    """Between a job and who waits for it: how far it is, and whether it is still wanted. Any thread may use it.

    Parameters
    ----------
    told
        Called with the share that is done (0 to 1) and a few words.
    every
        Seconds after which who waits would like to see what there is by then; for ever where nobody looks on.
    shown
        Called with what there is to see by then.
    ask
        Who says whether a program is trusted, by its path and SHA-256; None where nobody can be asked.
    """

    def __init__(
        self,
        told: Callable[[float, str], None] | None = None,
        every: float = math.inf,
        shown: Callable[[Any], None] | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.every, self.ask = every, ask
        self._told, self._shown = told, shown
        self._unwanted = threading.Event()

    def tell(self, share: float, words: str = "") -> bool:
        """Say how far the work is; False where it should stop."""
        if self._told is not None:
            self._told(share, words)
        return not self.cancelled

    def check(self, share: float, words: str = "") -> None:
        """Say how far the work is; raises Cancelled where it should stop."""
        if not self.tell(share, words):
            raise Cancelled

    def show(self, seen: Any) -> None:
        """Hand over what there is to see by now."""
        if self._shown is not None:
            self._shown(seen)

    def cancel(self) -> None:
        self._unwanted.set()

    @property
    def cancelled(self) -> bool:
        return self._unwanted.is_set()


def counted(things: Sequence[T], watch: Watch, what: str) -> Iterator[T]:
    """The things one after another, each told when it is done with: "state 3 of 10"."""
    for number, thing in enumerate(things, 1):
        yield thing
        watch.check(number / len(things), f"{what} {number:,} of {len(things):,}")


class MakesObjects:
    """What a job returns that has made objects in PyMOL.

    Attributes
    ----------
    names
        Of the objects, which go when the job is undone.
    """

    names: tuple[str, ...]


Work = Callable[[Watch], Any]
"""Runs in any thread; touches no PyMOL."""

Job = Generator[Work, Any, T]


def one_by_one(jobs: Iterable[Job[T]]) -> Job[list[T]]:
    """What each of some jobs makes."""
    made = []
    for job in jobs:
        result = yield from job
        made.append(result)
    return made


def run_inline(job: Job[T], watch: Watch | None = None) -> T:
    """Run a job to its end here and now, and return what it returns; Ctrl-C in a terminal cancels it."""
    watch = watch or Watch()
    with _interrupt_cancels(watch):
        try:
            work = next(job)
            while True:
                try:
                    made = work(watch)
                except BaseException as error:
                    work = job.throw(error)
                else:
                    work = job.send(made)
        except StopIteration as end:
            return end.value


@contextmanager
def _interrupt_cancels(watch: Watch) -> Iterator[None]:
    """While a job runs, a first Ctrl-C asks it to stop at the next step, so that what was made is kept; a second one
    interrupts it. Python lets no thread but the first one listen."""
    import signal  # not while PyMOL starts

    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def cancel(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        watch.cancel()

    signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
