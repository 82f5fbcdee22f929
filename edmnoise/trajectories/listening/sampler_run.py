"""One call of a sampler: where its denoiser is called first a folder is made, and a recorder hears it till its end."""

from __future__ import annotations

import inspect
import itertools
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from .coordinates import atoms_of
from .facts import at, facts
from .functions import Argument, Place, taken
from .notes import Notes, in_words
from .recorder import Recorder
from .stand_in import StandIn

Spec = dict[str, Any]

_now = threading.local()
"""``run`` is the one that a thread is in."""


class Sampler(NamedTuple):
    """A sampler that is listened to."""

    spec: Spec
    place: Place
    home: dict[str, Any]
    """Program and distribution, for ``run.json``."""
    motion: bool
    """Whether what turns its samples is listened to, too."""


def running(spec: Spec | None = None) -> SamplerRun | None:
    """The run that this thread is in, of any program or of one."""
    run: SamplerRun | None = getattr(_now, "run", None)
    here = run is not None and run.process == os.getpid() and (spec is None or run.spec is spec)
    return run if here else None


class SamplerRun:
    """The run that this thread is in from now on, until it ends.

    Parameters
    ----------
    sampler
        What was called.
    options
        Of the recording command: ``out``, ``keep`` and ``every``.
    notes
        Where the command is told how it went.
    given, named
        What the sampler was called with.
    """

    def __init__(
        self, sampler: Sampler, options: dict[str, Any], notes: Notes, given: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        self.spec, self.process = sampler.spec, os.getpid()
        self._sampler, self._options, self._notes = sampler, options, notes
        self._arguments: dict[str, Any] = {"module": sys.modules[self.spec["module"]]}
        self._arguments |= _arguments(sampler.place.function, given, named)
        self._same = self._arguments.get(self.spec["same"]) if "same" in self.spec else None
        self._recorder: Recorder | None = None
        self._moved, self._all_steps = set[int](), False
        self._atoms = 0
        self._order: list[int] | None = None
        self._ears: dict[Any, Callable[..., Any]] = {}
        _now.run = self

    def handed(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A sampler's arguments, with an ear in the place of the denoiser that is one of them."""
        which = self.spec["denoiser"].get("argument")
        if which is None:
            return given, named
        try:
            argument = Argument.of(self._sampler.place.function, which, self._sampler.place.bound)
            ear = StandIn(argument.among(given, named), self._called)
            if argument.name in named:
                return given, named | {argument.name: ear}
            assert argument.position is not None  # or it was not among them
            return (*given[: argument.position], ear, *given[argument.position + 1 :]), named
        except Exception as error:
            self._warn("a run of {} is not recorded", error)
            return given, named

    def _called(
        self, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]
    ) -> Callable[..., Any]:
        return self.denoiser(function, False, given, named) if running() is self else function

    def denoiser(
        self, function: Callable[..., Any], bound: bool, given: tuple[Any, ...], named: dict[str, Any]
    ) -> Callable[..., Any]:
        """The function, recorded where the call is one of the run."""
        try:
            about = self.spec["denoiser"]
            if "when" in self.spec and not _has(Argument.of(function, self.spec["when"], bound), given, named):
                return function
            if (
                "same" in self.spec
                and Argument.of(function, self.spec["same"], bound).among(given, named) is not self._same
            ):
                return function
            if self._recorder is None:
                self._atoms = atoms_of(Argument.of(function, about["x"], bound).among(given, named))
                self._recorder = self._begin()
            if function not in self._ears:
                wrap = self._recorder.wrap
                self._ears[function] = wrap(function, about["x"], about["sigma"], about.get("out"), bound)
            return self._ears[function]
        except Exception as error:
            self._warn("a run of {} is not recorded", error)
            return function

    def rows(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which tells the samples that each call of a step will hold."""

        def heard(*given: Any, **named: Any) -> Any:
            chunks = function(*given, **named)
            try:
                order = [int(row) for chunk in chunks for row in chunk]
                if sorted(order) != list(range(len(order))):
                    raise ValueError(f"{order} numbers no samples")
                self._order = order
            except Exception as error:
                self._warn("samples of {} are numbered as they came", error)
            return chunks

        return heard

    def mover(
        self, place: Place, entry: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
    ) -> Callable[..., Any]:
        """The function, from which the recorder hears how samples are turned."""
        function = place.function
        try:
            x, out = (None, entry["rotation"]) if "rotation" in entry else (entry["x"], entry.get("result"))
            if self._recorder is None:  # what comes before the first call is not part of the way from call to call
                with suppress(Exception):  # what is no coordinates is none of the samples
                    turned = x is not None and Argument.of(function, x, place.bound).among(given, named)
                    self._moved.add(0 if x is None else atoms_of(turned))
                return function
            key = (function, id(entry))
            if key not in self._ears:
                wrap, columns = self._recorder.wrap_motion, entry.get("columns", False)
                self._ears[key] = wrap(function, x, entry.get("onto"), out, place.bound, columns)
            return self._ears[key]
        except Exception as error:
            self._warn("how {} turns its samples is not recorded", error)
            return function

    def _begin(self) -> Recorder:
        """A folder of its own, made when the denoiser is called first."""
        path = _claimed(self._options["out"])
        info = facts(self.spec, self._arguments, self._atoms) | self._sampler.home
        still = "turns" in self.spec and not self._holds(self.spec["turns"], True)
        self._all_steps = self._holds(self.spec["sampler"].get("all_steps", False), False)
        self._arguments = {}
        recorder = Recorder(
            path,
            self._options["keep"],
            self._options["every"],
            info,
            motion=self._sampler.motion,
            whole=self.spec["denoiser"].get("whole", False),
            order=self._order,
        )
        if self._moved & {0, self._atoms} or still:
            recorder.turned([[[1, 0, 0], [0, 1, 0], [0, 0, 1]]])
        return recorder

    def _holds(self, path: Any, otherwise: bool) -> bool:
        """Whether what stands at a path is true; where nothing does, as it is otherwise."""
        with suppress(LookupError, AttributeError):
            return bool(at(path, self._arguments))
        return otherwise

    def end(self, result: Any, ended: bool) -> None:
        """Close the folder, with the sampler's result where it has ended as it should."""
        _now.run = None
        if self._recorder is None:
            self._notes.note("silent", program=self.spec["program"])
            return
        try:
            where = self.spec["sampler"].get("result")
            if ended and where is not False:
                found = taken(result, where)
                self._recorder.final(found[-1] if self._all_steps else found)
        finally:
            self._recorder.close(ended)
        self._notes.note("run", program=self.spec["program"], path=self._recorder.path, fault=self._recorder.fault)

    def _warn(self, what: str, error: Exception) -> None:
        self._notes.warn(f"{what.format(self.spec['program'])}: {in_words(error)}")


def _arguments(function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """What a function was given, by name."""
    signature = inspect.signature(function)
    bound = signature.bind(*given, **named)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= arguments[name]
    return arguments


def _has(argument: Argument, given: tuple[Any, ...], named: dict[str, Any]) -> bool:
    try:
        return argument.among(given, named) is not None
    except ValueError:
        return False


def _claimed(folder: str) -> str:
    """The folder of the next run: processes do not take the same one."""
    for number in itertools.count(1):
        path = os.path.join(folder, str(number))
        with suppress(FileExistsError):
            os.mkdir(path)
            return path
    raise AssertionError
