"""Puts ears around the functions that a spec names: the sampler, its denoiser, and what turns its samples."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .distribution import distribution_of
from .functions import Argument, Place, tracer
from .notes import Notes, in_words
from .sampler_run import Sampler, SamplerRun, Spec, running

_PATCHED = "_edmnoise_spec"
"""Attribute of a patched function: the programs whose specs ask for it."""

_Ear = tuple[Place, Callable[..., Any]]
"""A function, and what is put in its place."""

_Listening = Callable[[SamplerRun, tuple[Any, ...], dict[str, Any]], Callable[..., Any]]
"""Given a run and the arguments of a call, what is to be called."""


class Patches:
    """Those of one process.

    Parameters
    ----------
    options
        Of the recording command: the folder ``out`` of the runs, ``keep`` and ``every``.
    notes
        Where the command is told what was found.
    """

    def __init__(self, options: dict[str, Any], notes: Notes) -> None:
        self._options, self._notes = options, notes

    def put(self, module: ModuleType, spec: Spec) -> None:
        """Patch a module, unless this was done; ValueError where it has not what the spec names."""
        samplers = [Place.of(module, function) for function in spec["sampler"]["function"]]
        if any(spec["program"] in getattr(place.function, _PATCHED, ()) for place in samplers):
            return
        home = distribution_of(module, spec)
        self._notes.once("imported", **home)
        denoiser, motion = _denoiser(module, spec, samplers), self._motion(module, spec)
        ears = [*denoiser, *motion, *_rows(module, spec)]
        ears += [(place, self._sampler(Sampler(spec, place, home, bool(motion)))) for place in samplers]
        for place, ear in ears:
            setattr(ear, _PATCHED, (*getattr(place.function, _PATCHED, ()), spec["program"]))
            place.put(ear)

    def _motion(self, module: ModuleType, spec: Spec) -> list[_Ear]:
        """All that turns samples, or nothing: some of it would be wrong."""
        try:
            return [_mover(module, spec, entry) for entry in spec.get("motion", ())]
        except Exception as error:
            self._notes.warn(f"how {spec['program']} turns its samples is not recorded: {in_words(error)}")
            return []

    def _sampler(self, sampler: Sampler) -> Callable[..., Any]:
        function, tracing = sampler.place.function, tracer()

        @functools.wraps(function)
        def sampled(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            run = self._begun(sampler, given, named)
            if run is None:
                return function(*given, **named)
            try:
                given, named = run.handed(given, named)
                result = function(*given, **named)
            except BaseException:
                self._ended(run, None, False)
                raise
            self._ended(run, result, True)
            return result

        return sampled

    def _begun(self, sampler: Sampler, given: tuple[Any, ...], named: dict[str, Any]) -> SamplerRun | None:
        """None within another sampler: that is one run."""
        program = sampler.spec["program"]
        try:
            if running() is not None:
                return None
            self._notes.once("called", program)
            return SamplerRun(sampler, self._options, self._notes, given, named)
        except Exception as error:
            self._notes.warn(f"a run of {program} is not recorded: {in_words(error)}")
            return None

    def _ended(self, run: SamplerRun, result: Any, ended: bool) -> None:
        try:
            run.end(result, ended)
        except Exception as error:
            self._notes.warn(f"the end of a run of {run.spec['program']} is not recorded: {in_words(error)}")


def _denoiser(module: ModuleType, spec: Spec, samplers: list[Place]) -> list[_Ear]:
    """None around one that a sampler is handed: a run stands in for it."""
    denoiser = spec["denoiser"]
    if "function" not in denoiser:
        for sampler in samplers:
            Argument.of(sampler.function, denoiser["argument"], sampler.bound)
        return []
    place = Place.of(module, denoiser["function"])
    for key in ("x", "sigma"):
        Argument.of(place.function, denoiser[key], place.bound)
    return [_ear(spec, place, lambda run, given, named: run.denoiser(place.function, place.bound, given, named))]


def _mover(module: ModuleType, spec: Spec, entry: dict[str, Any]) -> _Ear:
    place = Place.of(module, entry["function"])
    for key in ("x", "onto"):
        if entry.get(key) is not None:
            Argument.of(place.function, entry[key], place.bound)
    return _ear(spec, place, lambda run, given, named: run.mover(place, entry, given, named))


def _rows(module: ModuleType, spec: Spec) -> list[_Ear]:
    """Around what says which samples a call holds."""
    name = spec["denoiser"].get("rows", "")
    if not hasattr(module, name):  # not every distribution has it
        return []
    place = Place.of(module, name)
    return [_ear(spec, place, lambda run, given, named: run.rows(place.function))]


def _ear(spec: Spec, place: Place, listening: _Listening) -> _Ear:
    """A function in whose place, while a run of the program goes on, something else is called."""
    function, tracing = place.function, tracer()

    @functools.wraps(function)
    def heard(*given: Any, **named: Any) -> Any:
        if tracing():
            return function(*given, **named)
        run = running(spec)
        called = function if run is None else listening(run, given, named)
        return called(*given, **named)

    return place, heard
