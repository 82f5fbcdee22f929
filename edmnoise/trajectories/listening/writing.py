"""What was heard is written in its order by a thread of its own, while the program goes on."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .coordinates import on_cpu, rows_of
from .folder import Folder
from .motion import Motion, Moved, Turned, Way, keys_of
from .notes import in_words
from .position import Position
from .rigid import Few

_WAITING = 256 << 20
"""Bytes that may wait to be written before the program has to."""


class Call(NamedTuple):
    """A denoiser call that was heard."""

    position: Position
    atoms: int
    frames: dict[str, NDArray[np.float32]]
    """By kind, of the shape that the program has, in memory that `Writer.copied` gave; empty where it is not kept."""
    few: tuple[Few, Few] | None
    """Of x and of the estimate, where motion is followed."""


class Writer:
    """The thread, and what it has written: 14 ms a call of 5 x 50,000 atoms would be the program's otherwise.

    Parameters
    ----------
    folder
        Of the trace.
    info
        What its ``run.json`` says.
    motion
        Whether it will be told how samples are turned.
    order
        Of the samples in the calls of a step, where it is not their own.
    stop
        Is called with what went wrong; nothing more is written then.
    """

    def __init__(
        self,
        folder: Folder,
        info: dict[str, Any],
        motion: bool,
        order: Sequence[int] | None,
        stop: Callable[[Exception], None],
    ) -> None:
        self._folder, self._info, self._order, self._stop = folder, info, order, stop
        self._motion = Motion() if motion else None
        self._turns: set[int] = set()  # of how many atoms turns were heard; 0 of any
        self._position, self._atoms = Position(), 0
        self._rooms: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: threading.Semaphore | None = None
        self._thread: threading.Thread | None = None
        self._writing = True

    @property
    def follows(self) -> bool:
        """Whether it wants to hear how samples are turned."""
        return self._motion is not None

    def copied(self, values: Any) -> NDArray[np.float32]:
        """float32 in memory that was written before, where there is some: new memory takes four times as long."""
        array = np.asarray(on_cpu(values))
        rooms = self._rooms.setdefault(array.shape, [])
        room = rooms.pop() if rooms else np.empty(array.shape, np.float32)
        room[...] = array
        return room

    def take(self, call: Call) -> None:
        """Write a call, as soon as what was heard before is written."""
        if call.frames:
            if self._waiting is None:
                count = _WAITING // sum(block.nbytes for block in call.frames.values())
                self._waiting = threading.Semaphore(max(1, count))
            self._waiting.acquire()
        self._put(functools.partial(self._take, call))

    def follow(self, heard: Turned | Moved) -> None:
        """Go on from how the samples were turned."""
        self._put(functools.partial(self._follow, heard))

    def lose_motion(self, error: Exception) -> None:
        """How samples are turned cannot be heard any more: the folder says so, and frames are written as before."""
        self._put(functools.partial(self._lose_motion, error))

    def end(self) -> None:
        """Wait for what has to be written; nothing is taken after."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def finish(self, end: NDArray[np.float32] | None, ended: bool) -> None:
        """After `end`: write the sampler's result, (B, N, 3), and whether the run has ended as it should."""
        ways = self._ways()
        if end is not None:
            try:
                ways = self._write_end(end, ways)
            except Exception as error:
                self._stop(error)
        if ended:
            origins = [way.origin for way in ways]
            own = origins == list(self._position.until_now)
            self._folder.add_line({"ended": True} | self._keys(ways) | ({} if own else {"from": origins}))

    def _put(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()
        self._queue.put(work)

    # What follows is done by the thread, or after it.
    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception as error:
                self._writing = False
                self._stop(error)

    def _take(self, call: Call) -> None:
        try:
            self._position, self._atoms = call.position, call.atoms
            keys = self._motion_till(call)
            # Whatever stopped the listening, what was heard before is written.
            if call.frames and self._writing:
                self._write(call, keys)
        finally:
            if call.frames and self._waiting is not None:
                self._waiting.release()

    def _write(self, call: Call, keys: dict[str, Any]) -> None:
        samples = self._samples(call.position)
        facts = {"call": call.position.call, "step": call.position.step, "samples": samples}
        frames = {kind: rows_of(block) for kind, block in call.frames.items()}
        self._folder.add_call(samples, frames, facts | {"sigma": call.position.sigma} | keys)
        for block in call.frames.values():
            self._rooms[block.shape].append(block)

    def _samples(self, position: Position) -> list[int]:
        """Numbers of the samples in a call, from 0."""
        if self._order is None:
            return list(position.samples)
        return [position.begin + self._order[row - position.begin] for row in position.samples]

    def _write_end(self, end: NDArray[np.float32], ways: list[Way]) -> list[Way]:
        """What lies behind the ends that were given: of all, or of those that were made last."""
        rows = len(end)
        last = sum(way.origin >= self._position.begin for way in ways)
        if end.shape[1:] != (self._atoms, 3) or rows not in (len(ways), last):
            raise ValueError(f"the final coordinates are {end.shape}, not ({len(ways)}, {self._atoms}, 3)")
        self._folder.write_final(end)
        return ways[len(ways) - rows :]

    def _motion_till(self, call: Call) -> dict[str, Any]:
        """What the line of a call says of the motion since the kept call before."""
        if self._motion is None or call.few is None:
            return {}
        try:
            samples = self._samples(call.position)
            ways = self._motion.called(call.position, samples, bool(call.frames), *call.few)
            self._tell_motion()
        except Exception as error:
            self._lose_motion(error)
            return {}
        keys = self._keys(ways)
        if [way.origin for way in ways] != samples[: len(ways)]:
            keys["from"] = [way.origin for way in ways]
        return keys

    def _follow(self, heard: Turned | Moved) -> None:
        if self._motion is None:
            return
        try:
            self._motion.heard(heard)
            self._turns.add(heard.atoms)
        except Exception as error:
            self._lose_motion(error)

    def _tell_motion(self) -> None:
        """Once something was heard that turns as many atoms as the calls have."""
        if "motion" not in self._info and self._turns & {0, self._atoms}:
            self._info["motion"] = True
            self._folder.write_info(self._info)

    def _lose_motion(self, error: Exception) -> None:
        self._motion = None
        self._info |= {"motion": False, "motion_lost": in_words(error)}
        with suppress(Exception):
            self._folder.write_info(self._info)

    def _keys(self, ways: list[Way]) -> dict[str, Any]:
        return keys_of(ways) if self._motion is not None and self._info.get("motion") else {}

    def _ways(self) -> list[Way]:
        """What lies behind each end."""
        if self._motion is not None:
            try:
                self._tell_motion()
                return self._motion.closed()
            except Exception as error:
                self._lose_motion(error)
        return [Way(sample) for sample in self._position.until_now]
