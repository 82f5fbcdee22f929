"""Has the modules that specs name patched as they are imported, in the program's own Python.

``inside/sitecustomize.py`` loads this into every process of a recorded command, so it imports the standard library
alone until one of those modules is imported. ``docs/traces.rst`` describes specs.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from .notes import SEEN, Notes, in_words

OPTIONS = "EDMNOISE_RECORD"
"""Environment variable with what `listen` is to do, as JSON: ``out``, ``keep``, ``every`` and ``programs`` (files)."""


def listen(environment: Mapping[str, str]) -> None:
    """Listen to the programs of `OPTIONS`, where it is set."""
    if OPTIONS not in environment:
        return
    options = json.loads(environment[OPTIONS])
    with open(os.path.join(options["out"], SEEN), "ab"):
        pass
    programs = _Programs(options)
    sys.meta_path.insert(0, _Finder(programs.wanted, programs.patch))


class _Programs:
    """The specs, by the module that each is of."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options, self._notes = options, Notes(options["out"])
        self._specs: dict[str, list[dict[str, Any]]] = {}
        for file in options["programs"]:
            with open(file, encoding="utf-8") as handle:
                spec = json.load(handle)
            functions = spec["sampler"]["function"]
            spec["sampler"]["function"] = functions if isinstance(functions, list) else [functions]
            self._specs.setdefault(spec["module"], []).append(spec)
        self.wanted = {module: set().union(*map(_names, specs)) for module, specs in self._specs.items()}
        """Modules, and what of them specs ask for."""
        self._patches: Any = None

    def patch(self, module: ModuleType) -> None:
        """Put ears around what the specs name; again it does nothing."""
        for spec in self._specs[module.__name__]:
            try:
                if self._patches is None:
                    from .patches import Patches  # late, for it imports NumPy

                    self._patches = Patches(self._options, self._notes)
                self._patches.put(module, spec)
            except Exception as error:
                self._notes.warn(f"{spec['program']} cannot be recorded, the run goes on: {in_words(error)}")


def _names(spec: dict[str, Any]) -> set[str]:
    return {function.partition(".")[0] for function in spec["sampler"]["function"]}


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
