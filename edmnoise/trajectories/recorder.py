"""Copies x, sigma and the estimate of every denoiser call into a folder while a program runs, and changes nothing.

Where it is told which functions turn the samples as a whole, it follows that motion as well.

A lone copy of this file listens in any program: it needs the standard library and the program's own NumPy, and takes
its tensors as they are. So it repeats the header of a DCD file, which ``edmnoise.structure.files.dcd`` has as well.
``docs/traces.rst`` describes the folder.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import json
import os
import queue
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FORMAT, VERSION = "edmnoise trace", 1
RUN, CALLS, FINAL = "run.json", "calls.jsonl", "final.dcd"
KEPT = {"x0": ("denoised",), "both": ("noisy", "denoised")}
"""What ``keep`` may be, and the kinds of frames that it means."""

_JUMP = 2
"""A level so many times the one before begins other samples: churn raises levels by less (AlphaFold 3: 1.8)."""

_WAITING = 256 << 20
"""Bytes that may wait to be written before the program has to."""

_FRAMES_AT = 8
"""Where the number of frames stands in a DCD file."""

_FITTED = 1000
"""Atoms at most, every so many of all, by which turns are fitted and samples told apart."""

_RIGID = 0.02
"""Part of a molecule's size that may be left when it was turned as a whole: bfloat16 rounds to .004."""

_GUIDED = 1e-3
"""Angstrom by which an estimate was moved at least: less is rounding."""


def frames_file(kind: str, sample: int) -> str:
    """Name of the DCD file with the frames of a sample."""
    return f"{kind}_{sample:04d}.dcd"


class Recorder:
    """Writes a trace: hand it the denoiser by `wrap`, and `close` it.

    From the first call on it raises nothing: a fault is one line on the standard error, ends the recording and never
    the run. It draws no random number.

    Parameters
    ----------
    path
        A folder that is not there yet, or an empty one.
    keep
        "both" what the denoiser is given and what it gives, or "x0", the latter alone.
    every
        Of each sample the calls 1, 1 + every, 1 + 2 every, ... are kept.
    info
        More for ``run.json``, as JSON has it.
    motion
        Whether it will be told by `wrap_motion`, `turned`, `moved` or `aligned` how samples are turned as a whole.
    whole
        Whether each call is known to hold all samples that are made together.
    order
        Which of the samples that are made together come first, second, ... in the calls of a step, where they do not
        come in their order.

    Attributes
    ----------
    calls
        How many were recorded or, by ``every``, left out.
    fault
        Why the recording stopped, where it did.

    Raises
    ------
    ValueError
        One sentence: a folder that holds something or cannot be made, another ``keep`` or ``every``, an ``info`` that
        JSON cannot hold.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        keep: str = "both",
        every: int = 1,
        info: Mapping[str, Any] | None = None,
        motion: bool = False,
        whole: bool = False,
        order: Sequence[int] | None = None,
    ) -> None:
        if keep not in KEPT:
            raise ValueError(f"keep is {keep!r}: give {' or '.join(KEPT)}")
        if not (isinstance(every, int) and every >= 1):
            raise ValueError(f"every is {every!r}: give a whole number from 1")
        # Absolute, for the program may change its folder.
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self.calls = 0
        self._kinds, self._every = KEPT[keep], every
        if not isinstance(info, Mapping | None):
            raise ValueError(f"info is a {type(info).__name__}: give a dictionary")
        about = {"format": FORMAT, "version": VERSION, "kinds": self._kinds, "every": every}
        self._run = about | dict(info or {}) | about
        try:
            text = _lines(self._run)
        except (TypeError, ValueError) as error:
            raise ValueError(f"info cannot be written as JSON: {error}") from None
        try:
            _make_folder(self.path)
            self._replace(RUN, text)
        except OSError as error:
            raise ValueError(f"cannot make the folder {self.path}: {error.strerror or error}") from None
        self._place = _Place()
        self._whole, self._order = whole, order
        self._atoms = 0
        self._written: dict[int, int] = {}
        self._end: NDArray[np.float32] | None = None
        self._rooms: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
        self._motion = _Motion() if motion else None
        self._turns: set[int] = set()  # of how many atoms turns were heard; 0 of any
        self._listening, self._inside, self._writing, self.fault = True, False, True, ""
        self._process, self._lock = os.getpid(), threading.Lock()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: threading.Semaphore | None = None
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"Recorder({self.path!r}, {self.calls} calls)"

    def wrap(
        self,
        function: Callable[..., Any],
        x: str | int,
        sigma: str | int,
        out: str | int | None = None,
        method: bool = False,
    ) -> Callable[..., Any]:
        """The same function, of which every call is recorded.

        Parameters
        ----------
        function
            A denoiser.
        x, sigma
            Its arguments that hold the noisy coordinates, (..., N, 3) or (..., 3, N) in angstrom, and their one level:
            by name, or by position from 0. Three axes before three atoms are read as (..., N, 3).
        out
            Where the estimate, of the shape of x, stands in what it returns: a key, an attribute or an index; None
            where it returns the estimate.
        method
            Whether its first argument is ``self``, which is not counted as a position.

        Raises
        ------
        ValueError
            Arguments that the function does not have.
        """
        find_x, find_sigma = (Argument.of(function, which, method) for which in (x, sigma))
        tracing = tracer()

        @functools.wraps(function)
        def recorded(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            begun = self._before(find_x, find_sigma, given, named)
            if begun is None:
                return function(*given, **named)
            try:
                result = function(*given, **named)
            finally:
                self._inside = False
            self._after(begun, result, out)
            return result

        return recorded

    def call(self, sigma: Any, estimate: Any, x: Any = None) -> None:
        """A denoiser call that has been made, from a program that tells its steps and in which nothing can be wrapped.

        Parameters
        ----------
        sigma
            The level that the denoiser was told, angstrom.
        estimate
            What it gave, (..., N, 3) or (..., 3, N), angstrom.
        x
            What it was given, alike; it may be missing where ``keep`` is "x0".
        """
        if x is None and "noisy" in self._kinds:
            self._stop(ValueError("a call came without x: give it, or keep x0 alone"))
        told = self.wrap(lambda x, sigma: estimate, "x", "sigma")
        told(estimate if x is None else x, sigma)

    def wrap_motion(
        self,
        function: Callable[..., Any],
        x: str | int | None = None,
        onto: str | int | None = None,
        out: str | int | None = None,
        method: bool = False,
        columns: bool = False,
    ) -> Callable[..., Any]:
        """The same function, from which the recorder hears how the samples are turned as a whole.

        Parameters
        ----------
        function
            One that moves all samples, which are made together, between denoiser calls.
        x
            Its argument that holds what it moves, by name or position; None where what it returns are rotations, for
            `turned`.
        onto
            Its argument that holds estimates, where it aligns x onto them.
        out
            Where the moved x, or the rotations, stand in what it returns, as in `wrap`; None where it returns them, or
            a tuple that begins with them.
        method
            As in `wrap`.
        columns
            Whether rotations turn columns, after = rotation @ before, where `turned` has rows.

        Raises
        ------
        ValueError
            Arguments that the function does not have.
        """
        find_x = None if x is None else Argument.of(function, x, method)
        find_onto = None if onto is None else Argument.of(function, onto, method)
        tracing = tracer()

        @functools.wraps(function)
        def heard(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            held: list[_Few] = []
            self._hear(lambda: held.extend(_few(at.among(given, named)) for at in (find_x, find_onto) if at))
            result = function(*given, **named)
            where = 0 if out is None and isinstance(result, tuple) else out
            if find_x is None:
                self._hear(lambda: _Turned(_numbers_of(taken(result, where)), columns))
            elif held:
                self._hear(lambda: self._moved(_few(taken(result, where)), *held))
            return result

        return heard

    def turned(self, rotation: Any) -> None:
        """All samples that are made together were turned: (samples, 3, 3), after = before @ rotation."""
        self._hear(lambda: _Turned(_numbers_of(rotation)))

    def moved(self, before: Any, after: Any) -> None:
        """All samples that are made together were moved as rigid bodies: coordinates as those that `wrap` takes."""
        self._hear(lambda: self._moved(_few(after), _few(before)))

    def aligned(self, before: Any, after: Any, onto: Any) -> None:
        """The last x of all samples were moved as rigid bodies onto estimates, with which the sampler goes on.

        Rows of ``before`` may be those of other samples, where a sampler goes on from some of them; estimates may have
        been changed after the denoiser gave them.
        """
        self._hear(lambda: self._moved(_few(after), _few(before), _few(onto)))

    def _hear(self, take: Callable[[], _Turned | _Moved | None]) -> None:
        """Copy now what says how samples were turned, and have it worked out by the thread that writes."""
        # What turns within a denoiser call turns nothing of the loop.
        if self._motion is None or self._inside or not self._listening or self._process != os.getpid():
            return
        with self._lock:
            try:
                heard = take()
            except Exception as error:
                self._put(functools.partial(self._lose_motion, error))
            else:
                if heard is not None:
                    self._put(functools.partial(self._follow, heard))

    def _moved(self, after: _Few, before: _Few, onto: _Few | None = None) -> _Moved | None:
        """None where other atoms than the samples' were moved."""
        return _Moved(before, after, onto) if self._atoms in (0, before.atoms) else None

    # What follows is done by the thread that writes, or after it.
    def _follow(self, heard: _Turned | _Moved) -> None:
        """Where the motion cannot be followed any more the folder says so, and frames are recorded as before."""
        if self._motion is None:
            return
        try:
            self._motion.heard(heard)
            self._turns.add(heard.atoms)
        except Exception as error:
            self._lose_motion(error)

    def _tell_motion(self) -> None:
        """Once something was heard that turns as many atoms as the calls have."""
        if "motion" not in self._run and self._turns & {0, self._atoms}:
            self._run["motion"] = True
            self._replace(RUN, _lines(self._run))

    def _lose_motion(self, error: Exception) -> None:
        self._motion = None
        self._run |= {"motion": False, "motion_lost": _said(error)}
        with suppress(Exception):
            self._replace(RUN, _lines(self._run))

    def final(self, coordinates: Any) -> None:
        """Keep the sampler's result, (samples, N, 3) or (samples, 3, N), angstrom; the last one that is given."""
        with self._lock:
            try:
                self._end = _bordered(np.array(on_cpu(coordinates), dtype=np.float32))
            except Exception as error:
                self._stop(error)

    def close(self, ended: bool = False) -> None:
        """Write what waits; say in the folder whether the run has ended as it should. Again it does nothing."""
        atexit.unregister(self.close)
        if self._process != os.getpid():  # a fork: the folder is its parent's
            return
        self._process = -1
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        with self._lock:
            try:
                if self._listening:
                    self._finish(ended)
            except Exception as error:
                self._stop(error)
            self._listening = False

    def _finish(self, ended: bool) -> None:
        ways = self._ways()
        if self._end is not None:
            try:
                ways = self._write_end(self._end, ways)
            except Exception as error:
                self._stop(error)
        if ended:
            origins = [way.origin for way in ways]
            own = origins == list(range(self._place.begin + self._place.together))
            self._line({"ended": True} | self._motion_keys(ways) | ({} if own else {"from": origins}))

    def _ways(self) -> list[_Way]:
        """What lies behind each end."""
        if self._motion is not None:
            try:
                self._tell_motion()
                return self._motion.closed()
            except Exception as error:
                self._lose_motion(error)
        return [_Way(sample) for sample in range(self._place.begin + self._place.together)]

    def _write_end(self, end: NDArray[np.float32], ways: list[_Way]) -> list[_Way]:
        """What lies behind the ends that were given: of all, or of those that were made last."""
        rows = len(end)
        last = sum(way.origin >= self._place.begin for way in ways)
        if end.shape[1:] != (self._atoms, 3) or rows not in (len(ways), last):
            raise ValueError(f"the final coordinates are {end.shape}, not ({len(ways)}, {self._atoms}, 3)")
        frames = b"".join(_record(frame).tobytes() for frame in end)
        self._replace(FINAL, _header(rows, self._atoms) + frames)
        return ways[len(ways) - rows :]

    def _motion_keys(self, ways: list[_Way]) -> dict[str, Any]:
        return _keys(ways) if self._motion is not None and self._run.get("motion") else {}

    def _before(
        self, find_x: Argument, find_sigma: Argument, given: tuple[Any, ...], named: dict[str, Any]
    ) -> _Begun | None:
        """What is known of a call that is to be recorded."""
        # In a fork the folder is its parent's, and nobody may be left to open the lock.
        if not self._listening or self._process != os.getpid():
            return None
        with self._lock:
            try:
                if self._inside:
                    raise ValueError("a call began before the one before it had returned")
                x = find_x.among(given, named)
                shape = tuple(np.shape(x))
                rows, atoms = counted(shape)
                if self._atoms not in (0, atoms):
                    raise ValueError(f"a call had {atoms} atoms where those before had {self._atoms}")
                place = self._place.next(rows, _level(find_sigma.among(given, named)), self._whole)
                # Now, for the denoiser may change what it was given.
                noisy = self._copied(x) if "noisy" in self._kinds and self._kept(place) else None
                few = None if self._motion is None else _few(x)
                self._inside = True
                return _Begun(place, shape, noisy, few)
            except Exception as error:
                self._stop(error)
                return None

    def _after(self, begun: _Begun, result: Any, out: str | int | None) -> None:
        with self._lock:
            try:
                estimate = taken(result, out)
                if isinstance(estimate, tuple | Mapping):
                    raise ValueError(f"the denoiser gave a {type(estimate).__name__}: say by out where its estimate is")
                shape = tuple(np.shape(estimate))
                # Chai-1 hands its network an axis more than comes back.
                if shape[-2:] != begun.shape[-2:] or np.prod(shape) != np.prod(begun.shape):
                    raise ValueError(f"the estimate has the shape {shape} and x {begun.shape}")
                self.calls += 1
                self._atoms = counted(begun.shape)[1]
                self._place = begun.place._replace(call=self.calls)
                # Now, for samplers go on in the same memory.
                few = None if begun.few is None else (begun.few, _few(estimate))
                frames = {} if begun.noisy is None else {"noisy": begun.noisy}
                frames |= {"denoised": self._copied(estimate)} if self._kept(self._place) else {}
                self._hand_over(_Heard(self._place, frames, few))
            except Exception as error:
                self._stop(error)

    def _samples(self, place: _Place) -> list[int]:
        """Numbers of the samples in a call, from 0."""
        if self._order is None:
            return list(place.samples)
        return [place.begin + self._order[row - place.begin] for row in place.samples]

    def _kept(self, place: _Place) -> bool:
        return (place.step - 1) % self._every == 0

    def _copied(self, values: Any) -> NDArray[np.float32]:
        """float32 in memory that was written before, where there is some: new memory takes four times as long."""
        array = np.asarray(on_cpu(values))
        rooms = self._rooms.setdefault(array.shape, [])
        room = rooms.pop() if rooms else np.empty(array.shape, np.float32)
        room[...] = array
        return room

    def _hand_over(self, call: _Heard) -> None:
        """A thread writes: 14 ms a call of 5 x 50,000 atoms would be the program's otherwise."""
        if call.frames:
            if self._waiting is None:
                count = _WAITING // sum(block.nbytes for block in call.frames.values())
                self._waiting = threading.Semaphore(max(1, count))
            self._waiting.acquire()
        self._put(functools.partial(self._take, call))

    def _put(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()
        self._queue.put(work)

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception as error:
                self._writing = False
                self._stop(error)

    def _take(self, call: _Heard) -> None:
        try:
            keys = self._motion_till(call)
            # Whatever stopped the listening, what was heard before is written.
            if call.frames and self._writing:
                self._write(call.place, call.frames, keys)
        finally:
            if call.frames and self._waiting is not None:
                self._waiting.release()

    def _motion_till(self, call: _Heard) -> dict[str, Any]:
        """What the line of a call says of the motion since the kept call before."""
        if self._motion is None or call.few is None:
            return {}
        try:
            samples = self._samples(call.place)
            ways = self._motion.called(call.place, samples, bool(call.frames), *call.few)
            self._tell_motion()
        except Exception as error:
            self._lose_motion(error)
            return {}
        keys = self._motion_keys(ways)
        if [way.origin for way in ways] != samples[: len(ways)]:
            keys["from"] = [way.origin for way in ways]
        return keys

    def _write(self, place: _Place, frames: dict[str, NDArray[np.float32]], keys: dict[str, Any]) -> None:
        """Frames first, then the line that says that they are there."""
        samples = self._samples(place)
        for kind, block in frames.items():
            for sample, frame in zip(samples, _bordered(block), strict=True):
                _append(os.path.join(self.path, frames_file(kind, sample)), self._written.get(sample, 0), frame)
            self._rooms[block.shape].append(block)
        for sample in samples:
            self._written[sample] = self._written.get(sample, 0) + 1
        facts = {"call": place.call, "step": place.step, "samples": samples, "sigma": place.sigma}
        self._line(facts | keys)

    def _line(self, facts: dict[str, Any]) -> None:
        with open(os.path.join(self.path, CALLS), "ab") as handle:
            handle.write(json.dumps(facts).encode() + b"\n")

    def _replace(self, name: str, content: bytes) -> None:
        target = os.path.join(self.path, name)
        with open(target + ".part", "wb") as handle:
            handle.write(content)
        os.replace(target + ".part", target)

    def _stop(self, error: Exception) -> None:
        self._listening = False
        if not self.fault:
            self.fault = _said(error)
            with suppress(Exception):
                # Not by print, which takes the standard output where there is no other.
                sys.stderr.write(f"edmnoise: recording to {self.path} stopped, the run goes on: {self.fault}\n")


class _Place(NamedTuple):
    """Which call of which samples: rows are counted.

    As many rows as are told the first level are the samples that are made together, in one call or in several. Each
    call after holds the next of them in turn. A level that jumps up begins other samples.
    """

    begin: int = 0
    together: int = 0
    first: float = 0.0
    step: int = 0
    done: int = 0
    rows: int = 0
    sigma: float = 0.0
    call: int = 0

    @property
    def samples(self) -> range:
        end = self.begin + self.done
        return range(end - self.rows, end)

    def next(self, rows: int, sigma: float, whole: bool) -> _Place:
        if self.step == 0 or sigma > _JUMP * self.sigma:
            return _Place(self.begin + self.together, rows, sigma, 1, rows, rows, sigma)
        if self.step == 1 and sigma == self.first and not whole:
            return self._replace(together=self.together + rows, done=self.done + rows, rows=rows)
        new = self.done == self.together
        done = rows if new else self.done + rows
        if done > self.together:
            raise ValueError(
                f"a call held {rows} samples where {self.together - done + rows} were left of {self.together}"
            )
        return self._replace(step=self.step + new, done=done, rows=rows, sigma=sigma)


class _Begun(NamedTuple):
    """A call that has not returned yet."""

    place: _Place
    shape: tuple[int, ...]
    noisy: NDArray[np.float32] | None
    few: _Few | None


class _Heard(NamedTuple):
    """A call that waits to be written."""

    place: _Place
    frames: dict[str, NDArray[np.float32]]
    """Empty where the call is not kept."""
    few: tuple[_Few, _Few] | None
    """Of x and of the estimate, where motion is followed."""


class _Few(NamedTuple):
    """Some atoms of every row, by which turns are fitted and rows told apart."""

    atoms: int
    rows: NDArray[np.float64]
    """(B, n, 3), every so many of all atoms."""


def _few(values: Any) -> _Few:
    values = values if hasattr(values, "shape") else np.asarray(values)
    shape = tuple(values.shape)
    atoms = counted(shape)[1]
    every = -(-atoms // _FITTED)
    # Taken where the values are: on a graphics card the rest need not come.
    some = values[..., ::every, :] if shape[-1] == 3 else values[..., ::every]
    return _Few(atoms, _bordered(np.array(on_cpu(some), np.float64)))


class _Turned(NamedTuple):
    """All samples, by rotations of row vectors or of columns."""

    rotations: NDArray[np.float64]
    columns: bool = False

    @property
    def atoms(self) -> int:
        return 0  # of any molecule


class _Moved(NamedTuple):
    """All samples, laid onto estimates or moved as they are."""

    before: _Few
    after: _Few
    onto: _Few | None

    @property
    def atoms(self) -> int:
        return self.before.atoms


def turn_of(before: Any, after: Any) -> NDArray[np.float64]:
    """(B, 3, 3) how coordinates were turned as a whole: after = before @ turn + a shift.

    Parameters
    ----------
    before, after
        (..., N, 3) or (..., 3, N), as many rows of as many atoms. Atoms at exactly 0 in one of them do not count:
        there models put atoms that are masked.

    Raises
    ------
    ValueError
        Other rows, a change that is no motion of rigid bodies, or atoms that do not say how they were turned.

    References
    ----------
    Kabsch, Acta Crystallogr. A 32, 922 (1976).
    """
    return _fitted(_few(before), _few(after))


def _fitted(before: _Few, after: _Few) -> NDArray[np.float64]:
    if before.rows.shape != after.rows.shape or before.atoms != after.atoms:
        raise ValueError(
            f"{len(before.rows)} samples of {before.atoms} atoms became {len(after.rows)} of {after.atoms} "
            "where they should be turned"
        )
    there = (before.rows.any(-1) & after.rows.any(-1))[..., None]
    b, a = (_centred(rows, there) for rows in (before.rows, after.rows))
    u, widths, v = np.linalg.svd(b.swapaxes(1, 2) @ a)
    if not (widths[:, 1] > 1e-9 * widths[:, 0]).all():
        raise ValueError("the atoms lie in a line, which does not say how they were turned")
    u[..., 2] *= np.sign(np.linalg.det(u @ v))[:, None]
    turn = u @ v
    left, size = (np.sqrt((rows**2).mean((1, 2))) for rows in (a - b @ turn, a))
    if not (left <= _RIGID * size).all():
        raise ValueError(f"samples were changed by {left.max():.3g} A beside a motion of the whole")
    return turn


def _centred(rows: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (rows - rows.sum(1, keepdims=True, where=there) / np.maximum(there.sum(1, keepdims=True), 1)) * there


def _numbers_of(values: Any) -> NDArray[np.float64]:
    return np.array(on_cpu(values), np.float64)


def _rotations(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 3, 3), the rotations nearest to the values: half precision rounds them."""
    if given.shape[-2:] != (3, 3):
        raise ValueError(f"rotations have the shape {given.shape}, not (samples, 3, 3)")
    u, widths, v = np.linalg.svd(given.reshape(-1, 3, 3))
    if not (abs(widths - 1) <= _RIGID).all() or (np.linalg.det(u @ v) < 0).any():
        raise ValueError("what should be rotations are none")
    return u @ v


@dataclass
class _Way:
    """What became of an estimate: where a sample comes from, and how it was turned since."""

    origin: int
    """Number of the sample whose last kept estimate it is."""
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    """From there to the last call, the alignment after it included where it was not kept."""
    since: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    """From the last call to now."""
    align: NDArray[np.float64] | None = None
    """How x of the kept call was turned onto its estimate."""
    guided: float | None = None
    """RMS in angstrom by which the estimate was changed."""


def _keys(ways: list[_Way]) -> dict[str, Any]:
    """What a line says of the motion."""
    if not ways:
        return {}
    keys: dict[str, Any] = {"turned": [_numbers(way.turn @ way.since) for way in ways]}
    if any(way.align is not None for way in ways):
        keys["aligned"] = [_numbers(np.eye(3) if way.align is None else way.align) for way in ways]
    if any(way.guided is not None for way in ways):
        keys["guided"] = [round(way.guided or 0.0, 4) for way in ways]
    return keys


def _numbers(turn: NDArray[np.float64]) -> list[float]:
    return [round(number, 9) for number in turn.ravel().tolist()]


class _Motion:
    """How the samples that are made together are turned as a whole, from one kept call to the next."""

    def __init__(self) -> None:
        self._begin = 0
        self._ways: list[_Way] = []
        self._x: list[NDArray[np.float64]] = []
        self._estimates: list[NDArray[np.float64]] = []
        self._kept = False
        self._other = ""
        self._ends: list[_Way] = []

    def called(self, place: _Place, samples: list[int], kept: bool, x: _Few, estimate: _Few) -> list[_Way]:
        """What lies behind the samples of a call; nothing where they begin with it."""
        if place.step == 1:
            if place.done == place.rows:
                self._begin_samples(place.begin)
            made = [*zip(self._ways, self._x, self._estimates, strict=True)]
            made += zip(map(_Way, samples), x.rows, estimate.rows, strict=True)
            made.sort(key=lambda sample: sample[0].origin)  # as the loop has them
            self._ways, self._x, self._estimates = map(list, zip(*made, strict=True))
            self._kept = kept
            return []
        if self._other or len(self._ways) != place.together:
            raise ValueError(self._other or f"{place.together} samples went on where {len(self._ways)} were aligned")
        rows = [sample - self._begin for sample in samples]
        behind = [self._ways[row] for row in rows]
        for row, way, own_x, own_estimate in zip(rows, behind, x.rows, estimate.rows, strict=True):
            self._ways[row] = _Way(self._begin + row) if kept else _past(way)
            self._x[row], self._estimates[row] = own_x, own_estimate
        self._kept = kept
        return behind

    def _begin_samples(self, begin: int) -> None:
        # What was turned after the last call of the samples before was that of these: loops turn before they call.
        self._ends += [replace(way, since=np.eye(3)) for way in self._ways]
        self._begin, self._other = begin, ""
        self._ways, self._x, self._estimates = [], [], []

    def heard(self, what: _Turned | _Moved) -> None:
        if isinstance(what, _Turned):
            turns = _rotations(what.rotations)
            self._turned(turns.swapaxes(1, 2) if what.columns else turns)
        elif what.onto is None:
            self._turned(_fitted(what.before, what.after))
        elif self._ways:
            self._aligned(what.before, what.after, what.onto)

    def _turned(self, turns: NDArray[np.float64]) -> None:
        if len(turns) != len(self._ways):
            # Perhaps those of samples that begin with the next call.
            self._other = f"{len(turns)} samples were turned where {len(self._ways)} are made together"
            return
        self._ways = [replace(way, since=way.since @ turn) for way, turn in zip(self._ways, turns, strict=True)]

    def _aligned(self, before: _Few, after: _Few, onto: _Few) -> None:
        origins = self._origins(before)
        turns = _fitted(before, after)
        ways = [self._ways[row] for row in origins]
        if not self._kept:
            ways = [_past(way, turn) for way, turn in zip(ways, turns, strict=True)]
        else:
            far = [_distance(estimate, self._estimates[row]) for row, estimate in zip(origins, onto.rows, strict=True)]
            ways = [_aligned(way, turn, rms) for way, turn, rms in zip(ways, turns, far, strict=True)]
        self._ways, self._x, self._estimates = ways, list(after.rows), list(onto.rows)

    def _origins(self, before: _Few) -> list[int]:
        """Which sample each row is, by its x: bytes, for rows are copied where samplers go on from others."""
        rows: dict[bytes, list[int]] = {}
        for row, x in enumerate(self._x):
            rows.setdefault(x.tobytes(), []).append(row)
        found = [rows.get(x.tobytes(), []) for x in before.rows]
        if all(found):
            return [row if row in same else same[0] for row, same in enumerate(found)]
        if len(before.rows) == len(self._ways):  # rounded, or changed
            return list(range(len(self._ways)))
        raise ValueError(f"{len(before.rows)} samples were aligned where {len(self._ways)} are made together")

    def closed(self) -> list[_Way]:
        """What lies behind the end of every sample, or of those that the sampler has chosen."""
        if self._other:
            raise ValueError(self._other)
        return self._ends + self._ways


def _past(way: _Way, turn: NDArray[np.float64] | None = None) -> _Way:
    """A way of which all is past a call, and perhaps past the alignment after it."""
    all_of_it = way.turn @ way.since
    return replace(way, turn=all_of_it if turn is None else all_of_it @ turn, since=np.eye(3))


def _aligned(way: _Way, turn: NDArray[np.float64], rms: float) -> _Way:
    return replace(
        way,
        align=turn if way.align is None else way.align @ turn,
        guided=rms if rms > _GUIDED else way.guided,
    )


def _distance(rows: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """RMS over atoms, angstrom."""
    return float(np.sqrt(((rows - others) ** 2).sum(-1).mean()))


class Argument(NamedTuple):
    """Where a function finds one of its arguments."""

    name: str | None
    position: int | None

    @classmethod
    def of(cls, function: Callable[..., Any], which: str | int, method: bool) -> Argument:
        """The argument of a name, or of a position from 0 without ``self``; ValueError where there is none."""
        parameters = list(inspect.signature(function).parameters.values())
        kinds = {parameter.kind for parameter in parameters}
        places = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if isinstance(which, str):
            if which in names or inspect.Parameter.VAR_KEYWORD in kinds:
                return cls(which, places.index(which) if which in places else None)
        elif isinstance(which, int) and which >= 0:
            position = which + method
            if position < len(places):
                return cls(places[position], position)
            if inspect.Parameter.VAR_POSITIONAL in kinds:
                return cls(None, position)
        called = getattr(function, "__name__", type(function).__name__)
        has = ", ".join(names[method:]) or "none"
        raise ValueError(f"{called} has no argument {which!r}: give one of {has}, by name or by position from 0")

    def among(self, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self.name is not None and self.name in named:
            return named[self.name]
        if self.position is not None and self.position < len(given):
            return given[self.position]
        raise ValueError(f"a call came without {self.name or f'argument {self.position}'}")


def _said(error: Exception) -> str:
    """In words where they are ours or the system's: those of others need the name of their kind."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    words = " ".join(str(error).split())
    return words if type(error) is ValueError and words else f"{type(error).__name__}: {words}"


def _lines(facts: Mapping[str, Any]) -> bytes:
    """JSON, a line each key: lists of names are long."""
    return (
        "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()) + "\n}"
    ).encode()


def _make_folder(path: str) -> None:
    if not os.path.isdir(path):
        os.mkdir(path)
    if os.listdir(path):
        raise ValueError(f"{path} holds something already: give a folder that is new or empty")
    open(os.path.join(path, CALLS), "xb").close()  # of two that come at once one finds it there


def tracer() -> Callable[[], bool]:
    """What says whether torch.compile is making a graph, which is to be the same without a recorder.

    It is asked by what it compiles, so nothing but torch's own function can be it.
    """
    found = getattr(getattr(sys.modules.get("torch"), "compiler", None), "is_compiling", None)
    return _never if found is None else found


def _never() -> bool:
    return False


def taken(result: Any, out: str | int | None) -> Any:
    """What stands at a key, an attribute or an index; None stands for all of it."""
    if out is None:
        return result
    if isinstance(out, str) and not isinstance(result, Mapping):
        return getattr(result, out)
    return result[out]


def on_cpu(values: Any) -> Any:
    """An array, or what can be made one; it may be the memory of the values."""
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else values


def counted(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and atoms of coordinates."""
    if len(shape) < 2 or 3 not in shape[-2:] or 0 in shape:
        raise ValueError(f"x has the shape {shape}, not (..., N, 3) or (..., 3, N)")
    return int(np.prod(shape[:-2])), shape[-2] if shape[-1] == 3 else shape[-1]


def atoms_of(values: Any) -> int:
    """How many atoms coordinates are of."""
    return counted(tuple(np.shape(values)))[1]


def _bordered(values: NDArray[Any]) -> NDArray[Any]:
    """(..., N, 3) or (..., 3, N) -> (B, N, 3)."""
    counted(values.shape)
    rows = values.reshape(-1, *values.shape[-2:])
    return rows if values.shape[-1] == 3 else rows.swapaxes(1, 2)


def _level(value: Any) -> float:
    """The one level of a call."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    levels = np.asarray(value, dtype=np.float64).ravel()
    if not (levels.size and np.isfinite(levels).all() and np.ptp(levels) <= 1e-6 * abs(levels).max()):
        raise ValueError(f"sigma is {value}, not one level for all samples of the call")
    return float(levels[0])


def _header(frames: int, atoms: int) -> bytes:
    control = np.zeros(20, "<i4")
    control[[0, 1, 2, 19]] = frames, 1, 1, 24
    return b"".join(
        (
            struct.pack("<i4s80si", 84, b"CORD", control.tobytes(), 84),
            struct.pack("<ii80si", 84, 1, b"edmnoise".ljust(80), 84),
            struct.pack("<iii", 4, atoms, 4),
        )
    )


def _record(frame: NDArray[np.float32]) -> NDArray[np.void]:
    """(N, 3) coordinates as the three Fortran records of a DCD frame."""
    atoms = len(frame)
    record = np.empty(3, [("before", "<i4"), ("values", "<f4", (atoms,)), ("after", "<i4")])
    record["before"] = record["after"] = 4 * atoms
    record["values"] = frame.T
    return record


def _append(path: str, frames: int, frame: NDArray[np.float32]) -> None:
    """Add to a DCD file of so many frames; the number in its header comes after what it counts."""
    record, header = _record(frame), _header(1, len(frame))
    if frames == 0:
        with open(path, "xb") as handle:
            handle.write(header)
            handle.write(record.data)
        return
    with open(path, "r+b") as handle:
        handle.seek(len(header) + frames * record.nbytes)
        handle.write(record.data)
        handle.seek(_FRAMES_AT)
        handle.write(struct.pack("<i", frames + 1))
