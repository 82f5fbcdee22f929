"""Where a function stands, where it finds an argument, and where its result stands."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple


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
        """What a call gave for it; ValueError where it gave nothing."""
        if self.name is not None and self.name in named:
            return named[self.name]
        if self.position is not None and self.position < len(given):
            return given[self.position]
        raise ValueError(f"a call came without {self.name or f'argument {self.position}'}")


def taken(result: Any, out: str | int | None) -> Any:
    """What stands at a key, an attribute or an index; None stands for all of it."""
    if out is None:
        return result
    if isinstance(out, str) and not isinstance(result, Mapping):
        return getattr(result, out)
    return result[out]


def tracer() -> Callable[[], bool]:
    """What says whether torch.compile is making a graph, which is to be the same without a recorder.

    It is asked by what it compiles, so nothing but torch's own function can be it.
    """
    found = getattr(getattr(sys.modules.get("torch"), "compiler", None), "is_compiling", None)
    return _never if found is None else found


def _never() -> bool:
    return False
