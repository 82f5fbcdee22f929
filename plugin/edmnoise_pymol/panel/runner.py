"""Runs one job at a time: its work in a thread of its own, the rest in the window's thread."""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from pymol.Qt import QtCore

from edmnoise.base.errors import EdmNoiseError

from ..commands import waiting
from ..job import Cancelled, Job, Watch, Work

_TELL_EVERY = 0.05
"""Seconds between two reports of progress, which the window draws."""
_WAIT = 50
"""Milliseconds until it is asked again whether a typed command is done."""
_SHOW_EVERY = 0.5
"""Seconds between two looks at what a job has made by then: PyMOL draws its scene anew for each."""


class Runner(QtCore.QObject):
    """Drives jobs for a window that never waits.

    Signals: ``busy_changed(bool)``; ``progressed(share, words)``; ``shown(seen)`` what a job lets be seen by then;
    ``failed(sentence, details)`` once for a job that ends badly, with an empty sentence for one that was cancelled;
    ``asked(question)`` where a job needs a `Question` answered, which it waits for. Nobody is asked without ``asks``.
    """

    busy_changed = QtCore.Signal(bool)
    progressed = QtCore.Signal(float, str)
    shown = QtCore.Signal(object)
    asked = QtCore.Signal(object)
    failed = QtCore.Signal(str, str)
    # The run, what the work made, what went wrong: in one, for PySide6 6.12 loses count of a None sent between threads.
    _worked = QtCore.Signal(object)

    def __init__(self, parent: Any = None, asks: bool = False) -> None:
        super().__init__(parent)
        self._asks = asks
        self._run: _Run | None = None
        self._sending = threading.RLock()
        self._worked.connect(self._go_on, QtCore.Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        return self._run is not None

    def start(self, make: Callable[[], Job[Any]], done: Callable[[Any], None], torch: bool = True) -> bool:
        """Start a job; ``done`` gets its result. False, and nothing happens, while another one runs.

        ``torch`` says whether it needs that.
        """
        if self.busy:
            return False
        run = _Run(make, done, self._watch)
        self._run = run
        self.busy_changed.emit(True)
        self._order(run, _import_torch if torch else lambda _: None)
        return True

    def cancel(self) -> None:
        """Ask the running job to stop."""
        if self._run is not None:
            self._run.watch.cancel()

    def close(self, patience: float = 2.0) -> None:
        """End the running job now: what it has not finished is not kept. Waits for its work, but not for ever."""
        with self._sending:
            run, self._run = self._run, None
        if run is not None:
            run.watch.cancel()
            run.orders.put(None)
            if run.job is not None:  # else torch is still imported, which nothing waits for
                run.idle.wait(patience)
                run.job.close()
            self.busy_changed.emit(False)

    def _order(self, run: _Run, work: Work) -> None:
        """Have a piece of work done, in the run's own thread."""
        run.idle.clear()
        run.orders.put(lambda: self._do(run, work))

    def _do(self, run: _Run, work: Work) -> None:
        """In the thread: work, and send what came of it to the window's thread."""
        made = error = None
        try:
            made = work(run.watch)
        except BaseException as raised:  # whatever it is, the window is to hear of it
            error = raised
        run.idle.set()
        self._send(run, lambda: self._worked.emit((run, made, error)))

    def _send(self, run: _Run, emit: Callable[[], None]) -> None:
        """In the thread: emit, unless the run is over by now. Who closes the runner, and then deletes it, waits for it:
        a process ends where Qt deletes what another thread emits from."""
        with self._sending, contextlib.suppress(RuntimeError):  # the window is gone
            if self._run is run:
                emit()

    def _go_on(self, worked: tuple[_Run, Any, BaseException | None]) -> None:
        """In the window's thread: give the job what its work made, and order what it asks for next."""
        run, made, error = worked
        if run is not self._run:
            return
        if waiting.drawing():  # a typed command is at work: one at a time
            QtCore.QTimer.singleShot(_WAIT, lambda: self._go_on(worked))
            return
        try:
            if run.job is None:
                if error is not None:
                    raise error
                run.job = run.make()
                work = next(run.job)
            elif error is not None:
                work = run.job.throw(error)
            else:
                work = run.job.send(made)
        except StopIteration as end:
            self._end(run)
            run.done(end.value)
        except Cancelled:
            self._end(run)
            self.failed.emit("", "")
        except EdmNoiseError as refused:
            self._end(run)
            self.failed.emit(str(refused), "")
        except Exception as mistake:
            self._end(run)
            self.failed.emit(f"{type(mistake).__name__}: {mistake}".splitlines()[0], traceback.format_exc())
        else:
            self._order(run, work)

    def _end(self, run: _Run) -> None:
        self._run = None
        run.orders.put(None)
        self.busy_changed.emit(False)

    def _watch(self, run: _Run) -> Watch:
        """What a run tells goes to the window's thread, and so does what it asks."""
        last = 0.0

        def tell(share: float, words: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _TELL_EVERY or share >= 1:
                last = now
                self._send(run, lambda: self.progressed.emit(share, words))

        def show(seen: Any) -> None:
            self._send(run, lambda: self.shown.emit(seen))

        def ask(path: str, digest: str) -> bool:
            question = Question(path, digest)
            self._send(run, lambda: self.asked.emit(question))
            return question.wait(run.watch)

        return Watch(tell, _SHOW_EVERY, show, ask if self._asks else None)


class Question:
    """Whether a program is trusted: a thread waits for what the window's answers, or until nobody wants to know.

    Attributes
    ----------
    path, digest
        Of the program, and its SHA-256.
    """

    def __init__(self, path: str, digest: str) -> None:
        self.path, self.digest = path, digest
        self._trusted = False
        self._answered = threading.Event()

    def answer(self, trusted: bool) -> None:
        """The first answer counts."""
        if not self._answered.is_set():
            self._trusted = trusted
            self._answered.set()

    def wait(self, watch: Watch) -> bool:
        """The answer; raises Cancelled where the run is over before there is one."""
        while not self._answered.wait(_TELL_EVERY):
            watch.check(0.0, f"waiting for your word on {self.path}")
        return self._trusted


class _Run:
    """One job on its way, and the thread that works for it."""

    def __init__(
        self, make: Callable[[], Job[Any]], done: Callable[[Any], None], watch: Callable[[_Run], Watch]
    ) -> None:
        self.make, self.done = make, done
        self.watch = watch(self)
        self.job: Job[Any] | None = None
        self.idle = threading.Event()
        self.orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="edmnoise", daemon=True).start()

    def _serve(self) -> None:
        while (order := self.orders.get()) is not None:
            order()


def _import_torch(watch: Watch) -> None:
    """What a job imports, imported before it starts: torch takes seconds, which the window shall not wait."""
    watch.tell(0.0, "starting torch")
    importlib.import_module("edmnoise_pymol.jobs.noise")
    importlib.import_module("edmnoise_pymol.jobs.sampling")
