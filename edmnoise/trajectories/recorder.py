"""Copies x, sigma and the estimate of every denoiser call into a folder while a program runs, and changes nothing.

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
from collections.abc import Callable, Mapping
from contextlib import suppress
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

    Raises
    ------
    ValueError
        One sentence: a folder that holds something or cannot be made, another ``keep`` or ``every``, an ``info`` that
        JSON cannot hold.
    """

    def __init__(
        self, path: str | os.PathLike[str], keep: str = "both", every: int = 1, info: Mapping[str, Any] | None = None
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
        run = dict(info or {}) | {"format": FORMAT, "version": VERSION, "kinds": self._kinds, "every": every}
        try:
            text = json.dumps(run, indent=1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"info cannot be written as JSON: {error}") from None
        try:
            _make_folder(self.path)
            self._replace(RUN, text.encode())
        except OSError as error:
            raise ValueError(f"cannot make the folder {self.path}: {error.strerror or error}") from None
        self._place = _Place()
        self._atoms = 0
        self._written: dict[int, int] = {}
        self._end: NDArray[np.float32] | None = None
        self._rooms: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
        self._listening, self._inside, self._said = True, False, False
        self._process, self._lock = os.getpid(), threading.Lock()
        self._queue: queue.Queue[tuple[_Place, dict[str, NDArray[np.float32]]] | None] | None = None
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

        @functools.wraps(function)
        def recorded(*given: Any, **named: Any) -> Any:
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

    def final(self, coordinates: Any) -> None:
        """Keep the sampler's result, (samples, N, 3) or (samples, 3, N), angstrom; the last one that is given."""
        with self._lock:
            try:
                self._end = _bordered(np.array(_on_cpu(coordinates), dtype=np.float32))
            except Exception as error:
                self._stop(error)

    def close(self, ended: bool = False) -> None:
        """Write what waits; say in the folder whether the run has ended as it should. Again it does nothing."""
        atexit.unregister(self.close)
        if self._process != os.getpid():  # a fork: the folder is its parent's
            return
        self._process = -1
        if self._thread is not None and self._queue is not None:
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
        if self._end is not None:
            samples = self._place.begin + self._place.together
            if self._end.shape != (samples, self._atoms, 3):
                raise ValueError(f"the final coordinates are {self._end.shape}, not ({samples}, {self._atoms}, 3)")
            frames = b"".join(_record(frame).tobytes() for frame in self._end)
            self._replace(FINAL, _header(samples, self._atoms) + frames)
        if ended:
            self._line({"ended": True})

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
                rows, atoms = _counted(shape)
                if self._atoms not in (0, atoms):
                    raise ValueError(f"a call had {atoms} atoms where those before had {self._atoms}")
                place = self._place.next(rows, _level(find_sigma.among(given, named)))
                # Now, for the denoiser may change what it was given.
                noisy = self._copied(x) if "noisy" in self._kinds and self._kept(place) else None
                self._inside = True
                return _Begun(place, shape, noisy)
            except Exception as error:
                self._stop(error)
                return None

    def _after(self, begun: _Begun, result: Any, out: str | int | None) -> None:
        with self._lock:
            try:
                estimate = _taken(result, out)
                if tuple(np.shape(estimate)) != begun.shape:
                    raise ValueError(f"the estimate has the shape {tuple(np.shape(estimate))} and x {begun.shape}")
                self.calls += 1
                self._atoms = _counted(begun.shape)[1]
                self._place = begun.place._replace(call=self.calls)
                if self._kept(self._place):
                    # Now, for samplers go on in the same memory.
                    frames = {} if begun.noisy is None else {"noisy": begun.noisy}
                    self._hand_over(self._place, frames | {"denoised": self._copied(estimate)})
            except Exception as error:
                self._stop(error)

    def _kept(self, place: _Place) -> bool:
        return (place.step - 1) % self._every == 0

    def _copied(self, values: Any) -> NDArray[np.float32]:
        """float32 in memory that was written before, where there is some: new memory takes four times as long."""
        array = np.asarray(_on_cpu(values))
        rooms = self._rooms.setdefault(array.shape, [])
        room = rooms.pop() if rooms else np.empty(array.shape, np.float32)
        room[...] = array
        return room

    def _hand_over(self, place: _Place, frames: dict[str, NDArray[np.float32]]) -> None:
        """A thread writes: 14 ms a call of 5 x 50,000 atoms would be the program's otherwise."""
        if self._queue is None:
            self._queue = queue.Queue(max(1, _WAITING // sum(block.nbytes for block in frames.values())))
            self._thread = threading.Thread(target=self._serve, args=(self._queue,), daemon=True)
            self._thread.start()
        self._queue.put((place, frames))

    def _serve(self, waiting: queue.Queue[tuple[_Place, dict[str, NDArray[np.float32]]] | None]) -> None:
        while (item := waiting.get()) is not None:
            try:
                if self._listening:
                    self._write(*item)
            except Exception as error:
                self._stop(error)

    def _write(self, place: _Place, frames: dict[str, NDArray[np.float32]]) -> None:
        """Frames first, then the line that says that they are there."""
        for kind, block in frames.items():
            for sample, frame in zip(place.samples, _bordered(block), strict=True):
                _append(os.path.join(self.path, frames_file(kind, sample)), self._written.get(sample, 0), frame)
            self._rooms[block.shape].append(block)
        for sample in place.samples:
            self._written[sample] = self._written.get(sample, 0) + 1
        facts = {"call": place.call, "step": place.step, "samples": list(place.samples), "sigma": place.sigma}
        self._line(facts)

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
        if not self._said:
            self._said = True
            with suppress(Exception):
                said = " ".join(f"{type(error).__name__}: {error}".split())
                # Not by print, which takes the standard output where there is no other.
                sys.stderr.write(f"edmnoise: recording to {self.path} stopped, the run goes on: {said}\n")


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

    def next(self, rows: int, sigma: float) -> _Place:
        if self.step == 0 or sigma > _JUMP * self.sigma:
            return _Place(self.begin + self.together, rows, sigma, 1, rows, rows, sigma)
        if self.step == 1 and sigma == self.first:
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


def _make_folder(path: str) -> None:
    if not os.path.isdir(path):
        os.mkdir(path)
    if os.listdir(path):
        raise ValueError(f"{path} holds something already: give a folder that is new or empty")
    open(os.path.join(path, CALLS), "xb").close()  # of two that come at once one finds it there


def _taken(result: Any, out: str | int | None) -> Any:
    if out is None:
        return result
    if isinstance(out, str) and not isinstance(result, Mapping):
        return getattr(result, out)
    return result[out]


def _on_cpu(values: Any) -> Any:
    """An array, or what can be made one; it may be the memory of the values."""
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else values


def _counted(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and atoms of coordinates."""
    if len(shape) < 2 or 3 not in shape[-2:] or 0 in shape:
        raise ValueError(f"x has the shape {shape}, not (..., N, 3) or (..., 3, N)")
    return int(np.prod(shape[:-2])), shape[-2] if shape[-1] == 3 else shape[-1]


def _bordered(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., N, 3) or (..., 3, N) -> (B, N, 3)."""
    _counted(values.shape)
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
