"""Listens to the programs that specs describe: patches their modules as they are imported, in the program's own Python.

``inside/sitecustomize.py`` loads this file by its path into every process of a recorded command, so it imports the
standard library alone, of Python 3.10, until one of those modules is imported. ``docs/traces.rst`` describes specs.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import itertools
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, NamedTuple

OPTIONS = "EDMNOISE_RECORD"
"""Environment variable with what `listen` is to do, as JSON: ``out``, ``keep``, ``every`` and ``programs`` (files)."""

NOTES, SEEN = "notes.jsonl", "python.seen"
"""In the folder of runs: what processes have to say to the recording command, and that there was one at all."""

_Spec = dict[str, Any]
_HERE = os.path.dirname(os.path.abspath(__file__))
_PATCHED = "_edmnoise_spec"
"""Attribute of a patched function: the programs whose specs ask for it."""


def listen(environment: Mapping[str, str]) -> None:
    """Listen to the programs of `OPTIONS`, where it is set."""
    if OPTIONS not in environment:
        return
    options = json.loads(environment[OPTIONS])
    with open(os.path.join(options["out"], SEEN), "ab"):
        pass
    listening = _Listening(options)
    sys.meta_path.insert(0, _Finder(listening.wanted, listening.patch))


def load(name: str) -> ModuleType:
    """A file beside this one, by its path: edmnoise itself need not be importable here."""
    own = f"_edmnoise_{name}"
    if own not in sys.modules:
        spec = importlib.util.spec_from_file_location(own, os.path.join(_HERE, f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[own] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[own]
            raise
    return sys.modules[own]


class _Finder:
    """Has modules patched when they have been executed; others find them."""

    def __init__(self, wanted: dict[str, set[str]], patch: Callable[[ModuleType], None]) -> None:
        self._wanted, self._patch = wanted, patch
        self._asking = threading.local()
        self._done: dict[str, ModuleType] = {}

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        if getattr(self._asking, "now", False):  # another finder asks all of them
            return None
        self._asking.now = True
        try:
            self._keep_up()
            return self._found(name, path, target) if name in self._wanted else None
        finally:
            self._asking.now = False

    def _keep_up(self) -> None:
        """Finders that came in front may have found a module before this one was asked."""
        with suppress(Exception):
            if sys.meta_path[0] is not self:
                sys.meta_path.remove(self)
                sys.meta_path.insert(0, self)
        for name in self._wanted:
            module = sys.modules.get(name)
            if module is None or self._done.get(name) is module:
                continue
            # Not one that is being executed, or that will be, lazily.
            if type(module) is ModuleType and self._wanted[name] <= vars(module).keys() and not _initializing(module):
                self._patched(module)

    def _found(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> Any:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                with suppress(Exception):  # a loader that cannot be changed: the module is caught up with
                    self._watch(spec.loader, name)
                return spec
        return None

    def _watch(self, loader: Any, name: str) -> None:
        execute = loader.exec_module

        @functools.wraps(execute)
        def executed(module: ModuleType) -> None:
            execute(module)
            # A loader of an archive is that of other modules, too.
            if module.__name__ == name:
                self._patched(module)

        loader.exec_module = executed

    def _patched(self, module: ModuleType) -> None:
        self._done[module.__name__] = module
        self._patch(module)


def _initializing(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def _names(spec: _Spec) -> set[str]:
    return {function.partition(".")[0] for function in _many(spec["sampler"]["function"])}


class _Listening:
    """The specs, and what is wrong with them."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self._specs: dict[str, list[_Spec]] = {}
        for file in options["programs"]:
            with open(file, encoding="utf-8") as handle:
                spec = json.load(handle)
            self._specs.setdefault(spec["module"], []).append(spec)
        self.wanted = {module: set().union(*map(_names, specs)) for module, specs in self._specs.items()}
        """Modules, and what of them specs ask for."""
        self._now = threading.local()
        self._said: set[str] = set()
        self._noted: set[tuple[str, str]] = set()

    def patch(self, module: ModuleType) -> None:
        """Put ears around what the specs name; again it does nothing."""
        for spec in self._specs[module.__name__]:
            try:
                self._patch(module, spec)
            except Exception as error:
                self.warn(f"{spec['program']} cannot be recorded, the run goes on: {_error(error)}")

    def _patch(self, module: ModuleType, spec: _Spec) -> None:
        samplers = [Place.of(module, function) for function in _many(spec["sampler"]["function"])]
        if any(spec["program"] in getattr(place.function, _PATCHED, ()) for place in samplers):
            return
        home = _home(module, spec)
        self._once("imported", spec, **home)
        denoiser, recorder = spec["denoiser"], load("recorder")
        ears: list[tuple[Place, Callable[..., Any]]] = []
        if "function" in denoiser:
            place = Place.of(module, denoiser["function"])
            for key in ("x", "sigma"):
                recorder.Argument.of(place.function, denoiser[key], place.bound)
            ears.append((place, self._denoiser(spec, place)))
        else:
            for place in samplers:
                recorder.Argument.of(place.function, denoiser["argument"], place.bound)
        motion = self._motion(module, spec)
        ears += motion
        if hasattr(module, denoiser.get("rows", "")):  # not every distribution has it
            place = Place.of(module, denoiser["rows"])
            ears.append((place, self._rows(spec, place)))
        ears += [(place, self._sampler(spec, place, home, bool(motion))) for place in samplers]
        for place, ear in ears:
            setattr(ear, _PATCHED, (*getattr(place.function, _PATCHED, ()), spec["program"]))
            place.put(ear)

    def _motion(self, module: ModuleType, spec: _Spec) -> list[tuple[Place, Callable[..., Any]]]:
        """All that turns samples, or nothing: some of it would be wrong."""
        ears = []
        try:
            for entry in spec.get("motion", ()):
                place = Place.of(module, entry["function"])
                for key in ("x", "onto"):
                    if entry.get(key) is not None:
                        load("recorder").Argument.of(place.function, entry[key], place.bound)
                ears.append((place, self._mover(spec, place, entry)))
        except Exception as error:
            self.warn(f"how {spec['program']} turns its samples is not recorded: {_error(error)}")
            return []
        return ears

    def _sampler(self, spec: _Spec, place: Place, home: dict[str, Any], motion: bool) -> Callable[..., Any]:
        function, tracing = place.function, load("recorder").tracer()

        @functools.wraps(function)
        def sampled(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            run = self._begun(spec, place, home, motion, given, named)
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

    def _begun(
        self,
        spec: _Spec,
        place: Place,
        home: dict[str, Any],
        motion: bool,
        given: tuple[Any, ...],
        named: dict[str, Any],
    ) -> _Run | None:
        """None within another sampler: that is one run."""
        try:
            if self.running() is not None:
                return None
            self._once("called", spec)
            self._now.run = _Run(self, spec, place, home, motion, given, named)
            return self._now.run
        except Exception as error:
            self.warn(f"a run of {spec['program']} is not recorded: {_error(error)}")
            return None

    def _ended(self, run: _Run, result: Any, ended: bool) -> None:
        self._now.run = None
        try:
            run.end(result, ended)
        except Exception as error:
            self.warn(f"the end of a run of {run.spec['program']} is not recorded: {_error(error)}")

    def running(self, spec: _Spec | None = None) -> _Run | None:
        """The run that this thread is in, of any program or of one."""
        run: _Run | None = getattr(self._now, "run", None)
        here = run is not None and run.process == os.getpid() and (spec is None or run.spec is spec)
        return run if here else None

    def _denoiser(self, spec: _Spec, place: Place) -> Callable[..., Any]:
        function, tracing = place.function, load("recorder").tracer()

        @functools.wraps(function)
        def heard(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            run = self.running(spec)
            listening = function if run is None else run.denoiser(function, place.bound, given, named)
            return listening(*given, **named)

        return heard

    def _rows(self, spec: _Spec, place: Place) -> Callable[..., Any]:
        function, tracing = place.function, load("recorder").tracer()

        @functools.wraps(function)
        def heard(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            result = function(*given, **named)
            run = self.running(spec)
            if run is not None:
                run.chunked(result)
            return result

        return heard

    def _mover(self, spec: _Spec, place: Place, entry: dict[str, Any]) -> Callable[..., Any]:
        function, tracing = place.function, load("recorder").tracer()

        @functools.wraps(function)
        def heard(*given: Any, **named: Any) -> Any:
            if tracing():
                return function(*given, **named)
            run = self.running(spec)
            listening = function if run is None else run.mover(function, place.bound, entry, given, named)
            return listening(*given, **named)

        return heard

    def _once(self, about: str, spec: _Spec, **facts: Any) -> None:
        """A note of which one a process is enough."""
        if (about, spec["program"]) not in self._noted:
            self._noted.add((about, spec["program"]))
            self.note(about, **{"program": spec["program"]} | facts)

    def warn(self, sentence: str) -> None:
        """A line on the standard error, once a process, and a note."""
        if sentence in self._said:
            return
        self._said.add(sentence)
        with suppress(Exception):
            sys.stderr.write(f"edmnoise: {sentence}\n")
        self.note("warned", sentence=sentence)

    def note(self, about: str, **facts: Any) -> None:
        with suppress(Exception):
            line = json.dumps({"about": about, "process": os.getpid(), **facts}) + "\n"
            with open(os.path.join(self.options["out"], NOTES), "ab") as handle:
                handle.write(line.encode())


class _Run:
    """One call of a sampler."""

    def __init__(
        self,
        listening: _Listening,
        spec: _Spec,
        place: Place,
        home: dict[str, Any],
        motion: bool,
        given: tuple[Any, ...],
        named: dict[str, Any],
    ) -> None:
        self.spec, self.process = spec, os.getpid()
        self._listening, self._home, self._place = listening, home, place
        self._arguments = {"module": sys.modules[spec["module"]]} | _arguments(place.function, given, named)
        self._motion, self._moved, self._all_steps = motion, set[int](), False
        self._same = self._arguments.get(spec.get("same"))
        self._recorder: Any = None
        self._atoms = 0
        self._order: list[int] | None = None
        self._ears: dict[Any, Callable[..., Any]] = {}

    def is_now(self) -> bool:
        """Whether this thread is in it."""
        return self._listening.running() is self

    def handed(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A sampler's arguments, with an ear around the denoiser that is one of them."""
        which = self.spec["denoiser"].get("argument")
        if which is None:
            return given, named
        try:
            argument = load("recorder").Argument.of(self._place.function, which, self._place.bound)
            ear = _Ear(argument.among(given, named), self)
            if argument.name in named:
                return given, named | {argument.name: ear}
            return (*given[: argument.position], ear, *given[argument.position + 1 :]), named
        except Exception as error:
            self._listening.warn(f"a run of {self.spec['program']} is not recorded: {_error(error)}")
            return given, named

    def denoiser(
        self, function: Callable[..., Any], bound: bool, given: tuple[Any, ...], named: dict[str, Any]
    ) -> Callable[..., Any]:
        """The function, recorded where the call is one of the run."""
        try:
            about = self.spec["denoiser"]
            argument = load("recorder").Argument.of
            if "when" in self.spec and not _has(argument(function, self.spec["when"], bound), given, named):
                return function
            if (
                "same" in self.spec
                and argument(function, self.spec["same"], bound).among(given, named) is not self._same
            ):
                return function
            if self._recorder is None:
                self._atoms = load("recorder").atoms_of(argument(function, about["x"], bound).among(given, named))
                self._recorder = self._begin()
            if function not in self._ears:
                wrap = self._recorder.wrap
                self._ears[function] = wrap(function, about["x"], about["sigma"], about.get("out"), bound)
            return self._ears[function]
        except Exception as error:
            self._listening.warn(f"a run of {self.spec['program']} is not recorded: {_error(error)}")
            return function

    def chunked(self, chunks: Any) -> None:
        """Which of the samples each call of a step will hold."""
        try:
            order = [int(row) for chunk in chunks for row in chunk]
            if sorted(order) != list(range(len(order))):
                raise ValueError(f"{order} numbers no samples")
            self._order = order
        except Exception as error:
            self._listening.warn(f"samples of {self.spec['program']} are numbered as they came: {_error(error)}")

    def mover(
        self,
        function: Callable[..., Any],
        bound: bool,
        entry: dict[str, Any],
        given: tuple[Any, ...],
        named: dict[str, Any],
    ) -> Callable[..., Any]:
        """The function, from which the recorder hears how samples are turned."""
        try:
            x, out = (None, entry["rotation"]) if "rotation" in entry else (entry["x"], entry.get("result"))
            recorder = load("recorder")
            if self._recorder is None:  # what comes before the first call is not part of the way from call to call
                with suppress(Exception):  # what is no coordinates is none of the samples
                    turned = x is not None and recorder.Argument.of(function, x, bound).among(given, named)
                    self._moved.add(0 if x is None else recorder.atoms_of(turned))
                return function
            key = (function, id(entry))
            if key not in self._ears:
                columns = entry.get("columns", False)
                self._ears[key] = self._recorder.wrap_motion(function, x, entry.get("onto"), out, bound, columns)
            return self._ears[key]
        except Exception as error:
            self._listening.warn(f"how {self.spec['program']} turns its samples is not recorded: {_error(error)}")
            return function

    def _begin(self) -> Any:
        """A folder of its own, made when the denoiser is called first."""
        options, recorder = self._listening.options, load("recorder")
        path = _claimed(options["out"])
        info = load("facts").facts(self.spec, self._arguments, self._atoms) | self._home
        still = "turns" in self.spec and not self._holds(self.spec["turns"], True)
        self._all_steps = self._holds(self.spec["sampler"].get("all_steps", False), False)
        self._arguments = {}
        about = {"motion": self._motion, "whole": self.spec["denoiser"].get("whole", False), "order": self._order}
        run = recorder.Recorder(path, options["keep"], options["every"], info, **about)
        if self._moved & {0, self._atoms} or still:
            run.turned([[[1, 0, 0], [0, 1, 0], [0, 0, 1]]])
        return run

    def _holds(self, path: Any, otherwise: bool) -> bool:
        """Whether what stands at a path is true; where nothing does, as it is otherwise."""
        with suppress(LookupError, AttributeError):
            return bool(load("facts").at(path, self._arguments))
        return otherwise

    def end(self, result: Any, ended: bool) -> None:
        if self._recorder is None:
            self._listening.note("silent", program=self.spec["program"])
            return
        try:
            where = self.spec["sampler"].get("result")
            if ended and where is not False:
                found = load("recorder").taken(result, where)
                self._recorder.final(found[-1] if self._all_steps else found)
        finally:
            self._recorder.close(ended)
        self._listening.note("run", program=self.spec["program"], path=self._recorder.path, fault=self._recorder.fault)


class _Ear:
    """Stands in the place of a denoiser that a sampler is handed, and is it in all else."""

    def __init__(self, denoiser: Any, run: _Run) -> None:
        self.__dict__.update(_edmnoise_denoiser=denoiser, _edmnoise_called=_called(denoiser), _edmnoise_run=run)
        self.__dict__["_edmnoise_tracing"] = load("recorder").tracer()

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self.__dict__["_edmnoise_tracing"]():
            return self.__dict__["_edmnoise_denoiser"](*given, **named)
        called, run = self.__dict__["_edmnoise_called"], self.__dict__["_edmnoise_run"]
        listening = run.denoiser(called, False, given, named) if run.is_now() else called
        return listening(*given, **named)

    def __getattr__(self, name: str) -> Any:
        denoiser = self.__dict__["_edmnoise_denoiser"]
        return self if name == "forward" and hasattr(denoiser, "forward") else getattr(denoiser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_edmnoise_denoiser"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_edmnoise_denoiser"], name)

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_edmnoise_denoiser"])

    def __repr__(self) -> str:
        return repr(self.__dict__["_edmnoise_denoiser"])

    def __eq__(self, other: object) -> bool:
        own = self.__dict__["_edmnoise_denoiser"]
        return bool(own == (other.__dict__["_edmnoise_denoiser"] if type(other) is _Ear else other))

    def __hash__(self) -> int:
        return hash(self.__dict__["_edmnoise_denoiser"])

    def __reduce_ex__(self, protocol: Any) -> Any:  # copies are copies of the denoiser
        return self.__dict__["_edmnoise_denoiser"].__reduce_ex__(protocol)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # for isinstance
        return type(self.__dict__["_edmnoise_denoiser"])


def _called(denoiser: Any) -> Callable[..., Any]:
    """A function that calls it, and says what it is called with."""

    def called(*given: Any, **named: Any) -> Any:
        return denoiser(*given, **named)

    with suppress(TypeError, ValueError):
        called.__signature__ = inspect.signature(_forward(denoiser))  # type: ignore[attr-defined]
    return called


def _forward(denoiser: Any) -> Any:
    """Torch's modules say in ``forward`` what they are called with; those around another one leave it to that."""
    if isinstance(denoiser, functools.partial) and not denoiser.args:
        denoiser = denoiser.func
    for inner in ("_orig_mod", "module"):  # of torch.compile, of DistributedDataParallel
        denoiser = getattr(denoiser, inner, denoiser)
    return getattr(denoiser, "forward", denoiser)


class Place(NamedTuple):
    """Where a function stands that can be replaced."""

    owner: Any
    name: str
    function: Callable[..., Any]
    kind: Any
    """``staticmethod``, ``classmethod`` or None."""
    bound: bool
    """Whether its first argument is ``self``, or the class."""

    @classmethod
    def of(cls, module: ModuleType | type, dotted: str) -> Place:
        """A function by its name in a module or class; ValueError where there is none that is written in Python."""
        *path, name = dotted.split(".")
        owner: Any = module
        for part in path:
            owner = getattr(owner, part, None)
        found = inspect.getattr_static(owner, name, None)
        kind = type(found) if isinstance(found, staticmethod | classmethod) else None
        function = found if kind is None else found.__func__
        if not (inspect.isfunction(function) if inspect.isclass(owner) else callable(function)):
            raise ValueError(f"{module.__name__} has no function {dotted}")
        return cls(owner, name, function, kind, inspect.isclass(owner) and kind is not staticmethod)

    def put(self, ear: Callable[..., Any]) -> None:
        setattr(self.owner, self.name, ear if self.kind is None else self.kind(ear))


def _home(module: ModuleType, spec: _Spec) -> dict[str, Any]:
    """The distribution that a module is of, as ``run.json`` names it."""
    about = {"program": spec["program"]}
    found = [d for d in map(_distribution, spec["distributions"]) if d is not None]
    if len(found) > 1:
        file = os.path.realpath(module.__file__ or "")
        found = [d for d in found if any(os.path.realpath(str(d.locate_file(own))) == file for own in d.files or ())]
    if not found:
        return about
    name = next(name for name in spec["distributions"] if _same(name, found[0].metadata["Name"]))
    return about | {"distribution": name, "program_version": found[0].version, "tried": spec["distributions"][name]}


def _distribution(name: str) -> Any:
    import importlib.metadata  # late, for it takes longer than all else that a process without a program needs

    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _same(name: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", name).lower() == re.sub(r"[-_.]+", "-", other).lower()


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


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


def _has(argument: Any, given: tuple[Any, ...], named: dict[str, Any]) -> bool:
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


def _error(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
