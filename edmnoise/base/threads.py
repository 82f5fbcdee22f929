"""Independent pieces of work go to threads of ours, in each of which torch works alone: nobody waits by spinning.

torch cuts one operation into as many parts as it has threads. They wait for each other by spinning, so that where
another process has one of the cores, all of them spin until it is done: an operation of 20 us takes a time slice of the
system, some milliseconds. Here a thread takes the next piece when it has done one, and a core that is taken away delays
that piece alone. What is made is the same to the bit for any number of threads, since each piece is one thread's.

Nothing is set for anybody else. ``torch.set_num_threads`` would be: it is for all threads that start later, too. What
is for the running thread alone are the settings of the OpenMP runtime and of MKL below it. They are put back before
anything of the caller's is called, and read first: who gives torch one thread gets one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class _Running(threading.local):
    """What is known of the running thread."""

    before: tuple[int, int] | None = None
    """Threads of OpenMP and of MKL outside of `alone`; None where it is not within."""
    shares = False
    """Whether it is at pieces of work: there is no more sharing then."""


_running = _Running()


@contextmanager
def alone() -> Iterator[None]:
    """Within, torch's operations start no threads, as far as the thread that asks is concerned."""
    if _running.before is not None:
        yield
        return
    before = torch.get_num_threads()  # the first question that a thread asks sets its number
    if before == 1:
        yield
        return
    set_openmp, set_mkl = _runtime()
    set_openmp(1)
    _running.before = before, set_mkl(1)
    try:
        yield
    finally:
        before, own = _running.before
        set_openmp(before)
        set_mkl(own)
        _running.before = None


@contextmanager
def alone_throughout() -> Iterator[None]:
    """`alone`, in `as_given` too: a network's sums are then the same wherever its task runs."""
    with alone():
        if _running.before is None:  # torch has one thread as it is
            yield
            return
        given, _running.before = _running.before, (1, 1)
        try:
            yield
        finally:
            _running.before = given


@contextmanager
def as_given() -> Iterator[None]:
    """Within, and within `alone`, torch has the threads that it had before: for calls of what the user has given."""
    if _running.before is None:
        yield
        return
    set_openmp, set_mkl = _runtime()
    before, own = _running.before
    set_openmp(before)
    set_mkl(own)
    _running.before = None
    try:
        yield
    finally:
        before = torch.get_num_threads()  # what was called may have set another number
        set_openmp(1)
        _running.before = before, set_mkl(1)


def shared(work: Callable[[Iterator[T]], object], pieces: Collection[T]) -> None:
    """Call ``work`` in some threads at once, this one among them, each with the pieces that it takes.

    Parameters
    ----------
    work
        Called with an iterator, which gives a piece that no other thread has got as long as there are any. It writes
        its results where no other piece's are.
    pieces
        Some tens of microseconds each or more. As many threads are used as there are pieces, as this process has cores
        and as torch may use in the thread that asks, whichever is least.

    Raises
    ------
    Exception
        What ``work`` raises, when all threads have stopped; no piece is begun after that.
    """
    helpers = 0
    if len(pieces) > 1 and not _running.shares:
        threads = _running.before[0] if _running.before else torch.get_num_threads()
        helpers = min(threads, len(pieces), _cores()) - 1
    if helpers < 1:
        with alone():
            work(iter(pieces))
        return
    left = deque(pieces)
    modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def take_part() -> None:
        outside, _running.shares = _running.shares, True
        try:
            with alone(), torch.inference_mode(modes[0]), torch.set_grad_enabled(modes[1]):
                work(_taken(left))
        finally:
            left.clear()  # nothing is left, or nothing more is to be begun after an error
            _running.shares = outside

    helping = [_pool().submit(take_part) for _ in range(helpers)]
    try:
        take_part()
    finally:
        errors = [one.exception() for one in helping if not one.cancel()]
    for error in errors:
        if error is not None:
            raise error


def mapped(function: Callable[[T], R], pieces: Sequence[T]) -> list[R]:
    """``[function(piece) for piece in pieces]``, the pieces `shared`."""
    made: dict[int, R] = {}

    def work(places: Iterator[int]) -> None:
        for place in places:
            made[place] = function(pieces[place])

    shared(work, range(len(pieces)))
    return [made[place] for place in range(len(pieces))]


def _taken(left: deque[T]) -> Iterator[T]:
    while True:
        try:
            piece = left.popleft()
        except IndexError:
            return
        yield piece


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that wait for work, asleep. They are made when there is work, and stay; several callers share them."""
    return ThreadPoolExecutor(max(4, os.cpu_count() or 1), thread_name_prefix="edmnoise")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads


@cache
def _runtime() -> tuple[Callable[[int], object], Callable[[int], int]]:
    """What sets the number of threads that OpenMP and MKL use in the running thread; MKL's gives back the one before.

    Both are looked up in what torch has loaded: other libraries of the process may have runtimes of their own.
    """
    found: dict[str, Any] = {}
    for path in (str(torch._C.__file__), *map(str, Path(torch.__file__).parent.glob("lib/libiomp5md.dll"))):
        for name in ("omp_set_num_threads", "MKL_Set_Num_Threads_Local"):
            with suppress(OSError, AttributeError):
                found.setdefault(name, getattr(ctypes.CDLL(path), name))
    # Where torch hides its runtime there is its own function alone, which also sets the number of threads to come.
    return found.get("omp_set_num_threads", torch.set_num_threads), found.get("MKL_Set_Num_Threads_Local", int)
