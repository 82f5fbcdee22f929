"""Copies x, sigma and the estimate of every denoiser call into a folder while a program runs, and changes nothing.

Where it is told which functions turn the samples as a whole, it follows that motion as well.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .coordinates import counted, level_of, on_cpu, rows_of
from .folder import FORMAT, KEPT, VERSION, Folder
from .functions import Argument, taken, tracer
from .motion import Moved, Turned
from .notes import in_words, tell
from .position import Position
from .rigid import Few
from .writing import Call, Writer


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
        if not isinstance(info, Mapping | None):
            raise ValueError(f"info is a {type(info).__name__}: give a dictionary")
        self._kinds, self._every = KEPT[keep], every
        about = {"format": FORMAT, "version": VERSION, "kinds": self._kinds, "every": every}
        run = about | dict(info or {}) | about
        folder = Folder(path, run)
        self.path, self.calls, self.fault = folder.path, 0, ""
        self._writer = Writer(folder, run, motion, order, self._stop)
        self._whole, self._position, self._atoms = whole, Position(), 0
        self._end: NDArray[np.float32] | None = None
        self._listening, self._inside = True, False
        self._process, self._lock = os.getpid(), threading.Lock()
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
            held: list[Few] = []
            self._hear(lambda: held.extend(Few.of(at.among(given, named)) for at in (find_x, find_onto) if at))
            result = function(*given, **named)
            where = 0 if out is None and isinstance(result, tuple) else out
            if find_x is None:
                self._hear(lambda: Turned.by(taken(result, where), columns))
            elif held:
                self._hear(lambda: self._moved(Few.of(taken(result, where)), *held))
            return result

        return heard

    def turned(self, rotation: Any) -> None:
        """All samples that are made together were turned: (samples, 3, 3), after = before @ rotation."""
        self._hear(lambda: Turned.by(rotation))

    def moved(self, before: Any, after: Any) -> None:
        """All samples that are made together were moved as rigid bodies: coordinates as those that `wrap` takes."""
        self._hear(lambda: self._moved(Few.of(after), Few.of(before)))

    def aligned(self, before: Any, after: Any, onto: Any) -> None:
        """The last x of all samples were moved as rigid bodies onto estimates, with which the sampler goes on.

        Rows of ``before`` may be those of other samples, where a sampler goes on from some of them; estimates may have
        been changed after the denoiser gave them.
        """
        self._hear(lambda: self._moved(Few.of(after), Few.of(before), Few.of(onto)))

    def _hear(self, take: Callable[[], Turned | Moved | None]) -> None:
        """Copy now what says how samples were turned, and have it worked out by the thread that writes."""
        # What turns within a denoiser call turns nothing of the loop.
        if not self._writer.follows or self._inside or not self._listening or self._process != os.getpid():
            return
        with self._lock:
            try:
                heard = take()
            except Exception as error:
                self._writer.lose_motion(error)
            else:
                if heard is not None:
                    self._writer.follow(heard)

    def _moved(self, after: Few, before: Few, onto: Few | None = None) -> Moved | None:
        """None where other atoms than the samples' were moved."""
        return Moved(before, after, onto) if self._atoms in (0, before.atoms) else None

    def final(self, coordinates: Any) -> None:
        """Keep the sampler's result, (samples, N, 3) or (samples, 3, N), angstrom; the last one that is given."""
        with self._lock:
            try:
                self._end = rows_of(np.array(on_cpu(coordinates), dtype=np.float32))
            except Exception as error:
                self._stop(error)

    def close(self, ended: bool = False) -> None:
        """Write what waits; say in the folder whether the run has ended as it should. Again it does nothing."""
        atexit.unregister(self.close)
        if self._process != os.getpid():  # a fork: the folder is its parent's
            return
        self._process = -1
        self._writer.end()
        with self._lock:
            try:
                if self._listening:
                    self._writer.finish(self._end, ended)
            except Exception as error:
                self._stop(error)
            self._listening = False

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
                position = self._position.next(rows, level_of(find_sigma.among(given, named)), self._whole)
                # Now, for the denoiser may change what it was given.
                noisy = self._writer.copied(x) if "noisy" in self._kinds and self._kept(position) else None
                few = Few.of(x) if self._writer.follows else None
                self._inside = True
                return _Begun(position, shape, noisy, few)
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
                self._position = begun.position._replace(call=self.calls)
                # Now, for samplers go on in the same memory.
                few = None if begun.few is None else (begun.few, Few.of(estimate))
                frames = {} if begun.noisy is None else {"noisy": begun.noisy}
                frames |= {"denoised": self._writer.copied(estimate)} if self._kept(self._position) else {}
                self._writer.take(Call(self._position, self._atoms, frames, few))
            except Exception as error:
                self._stop(error)

    def _kept(self, position: Position) -> bool:
        return (position.step - 1) % self._every == 0

    def _stop(self, error: Exception) -> None:
        self._listening = False
        if not self.fault:
            self.fault = in_words(error)
            tell(f"recording to {self.path} stopped, the run goes on: {self.fault}")


class _Begun(NamedTuple):
    """A call that has not returned yet."""

    position: Position
    shape: tuple[int, ...]
    noisy: NDArray[np.float32] | None
    few: Few | None
