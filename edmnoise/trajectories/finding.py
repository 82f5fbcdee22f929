"""``with find_denoiser(model) as found``: which call of an unknown torch model denoises, heard during one run."""

from __future__ import annotations

import functools
import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from .hearing import Coordinates, Heard, Where, given_to, level_of, made_of

_OTHERS = ("torch", "lightning", "pytorch_lightning", "builtins", "abc", "typing")
"""Packages whose own methods are nobody's model."""

_FALLING = 0.8
"""Share of the changes of a level that are falls: samplers begin anew with the next samples."""

_IN_UNITS = 0.25, 2.0
"""What x may spread over, in shares of sqrt(sigma^2 + spread of the estimate^2): steps that go too far leave less."""

_STEADY = 3.0
"""By how many times what a network is given may spread over more at one level than at another, scaled as it is."""


@dataclass(frozen=True, repr=False)
class Candidate(Legible):
    """A method that takes coordinates and a level that falls, and returns coordinates of the same shape.

    Attributes
    ----------
    owner
        How to come to it from the model: "model.net"; or the class where no module of the model is one.
    method
        Its name.
    x, sigma, out
        As `edmnoise.trajectories.recording.record` takes them.
    calls
        How often it was called.
    levels
        The first and the last, as it was told them.
    scaled
        Whether it is given coordinates of one size at all levels, and so is a network within a denoiser.
    """

    owner: str
    method: str
    x: Where
    sigma: Where
    out: Where | None
    calls: int
    levels: tuple[float, float]
    scaled: bool

    @property
    def code(self) -> str:
        """The call to write."""
        out = "" if self.out is None else f", out={self.out!r}"
        return f"edm.record({self.owner}, {self.method!r}, x={self.x!r}, sigma={self.sigma!r}{out})"


@dataclass(repr=False)
class Found(Legible):
    """What was heard; as text it says what to write.

    Attributes
    ----------
    candidates
        The denoiser first: the outermost that takes coordinates as they are, then those within it.
    scaled
        Networks that are given scaled coordinates: their denoiser is one floor up.
    moving
        Methods that move samples as a whole, as ``owner.method``.
    methods
        How many methods were listened to.
    fault
        Why listening ended before the run, "" where it did not.
    """

    candidates: tuple[Candidate, ...] = ()
    scaled: tuple[Candidate, ...] = ()
    moving: tuple[str, ...] = ()
    methods: int = 0
    fault: str = ""

    @property
    def code(self) -> str:
        """The call to write; EdmNoiseError where no denoiser was found."""
        if not self.candidates:
            raise EdmNoiseError(str(self))
        return self.candidates[0].code

    def __str__(self) -> str:
        lines = [f"Listening ended before the run: {self.fault}"] if self.fault else []
        for place, one in enumerate(self.candidates):
            high, low = one.levels
            lines.append(
                f"{one.owner}.{one.method} {'denoises' if place == 0 else 'would do as well'}: "
                f"{one.calls} calls, {one.sigma} from {high:.4g} to {low:.4g}"
            )
            if place == 0:
                lines.append(f"    with {one.code} as recorder:")
        lines += [
            f"{one.owner}.{one.method} is given coordinates that are scaled already ({one.calls} calls): "
            "the denoiser is what calls it, one floor up"
            for one in self.scaled
        ]
        if not self.candidates:
            lines.append(
                f"No denoiser was found among {self.methods} methods: none took coordinates (..., N, 3) in angstrom "
                "with a level that fell from call to call, and gave back as many; run the whole sampler in the block"
            )
        lines += [f"{name} moves samples as a whole" for name in self.moving]
        return "\n".join(lines)


@contextmanager
def find_denoiser(model: Any) -> Iterator[Found]:
    """Listen to every method of a torch model's modules while one run is made in the block.

    The results of the run are the same to the bit: nothing is drawn, and coordinates are only looked at. What was heard
    is in what the block is given once it has ended; printed, it says which call of `edmnoise.trajectories.recording`
    to write. A denoiser is told from others by content: its input spreads over sqrt(sigma^2 + that of its estimate^2),
    its output is not what it is given next, and a level among its arguments falls over the calls.

    Parameters
    ----------
    model
        A module, or an object or a class whose methods are listened to as well as those of the modules that it holds.

    Raises
    ------
    EdmNoiseError
        A model without a method that is written in Python.

    Examples
    --------
    >>> class Model(torch.nn.Module):
    ...     def forward(self, x, sigma):
    ...         return {"x0": x / (1 + sigma**2)}
    >>> model, x = Model(), torch.randn(2, 20, 3)
    >>> with find_denoiser(model) as found:
    ...     for sigma in (10.0, 1.0, 0.1):
    ...         _ = model(sigma * x, sigma)
    >>> found.code
    "edm.record(model, 'forward', x='x', sigma='sigma', out='x0')"
    """
    places = _places(model)
    methods = list(_methods(places))
    if not methods:
        raise EdmNoiseError(f"{type(model).__name__} has no method written in Python: give a torch module")
    listener, found = _Listener(), Found(methods=len(methods))
    for owner, name, function in methods:
        setattr(owner, name, listener.hearing((owner, name), function))
    try:
        yield found
    finally:
        for owner, name, function in methods:
            setattr(owner, name, function)
    found.fault = listener.fault
    _judge(found, listener.heard, places)


def _places(model: Any) -> dict[type, str]:
    """{class: how to come to one of it}."""
    if inspect.isclass(model):
        return {model: model.__qualname__}
    places: dict[type, str] = {type(model): "model"}
    held = {"": model} if isinstance(model, torch.nn.Module) else {**getattr(model, "__dict__", {})}
    for name, module in held.items():
        if isinstance(module, torch.nn.Module):
            for path, part in module.named_modules(prefix=name):
                places.setdefault(type(part), f"model.{path}" if path else "model")
    return places


def _methods(places: Mapping[type, str]) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Each function of each class, and of those that it inherits from, once."""
    classes = dict.fromkeys(base for one in places for base in one.__mro__)
    for owner in classes:
        if owner.__module__.partition(".")[0] in _OTHERS:
            continue
        for name, function in list(vars(owner).items()):
            plain = inspect.isfunction(function) and not inspect.isgeneratorfunction(function)
            if plain and (name == "__call__" or not name.startswith("__")) and inspect.signature(function).parameters:
                yield owner, name, function


Key = tuple[type, str]


@dataclass
class _Listener:
    """Hears calls that have coordinates in and out."""

    heard: dict[Key, list[Heard]] = field(default_factory=lambda: defaultdict(list))
    fault: str = ""
    inside: int = 0

    def hearing(self, key: Key, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def heard(*given: Any, **named: Any) -> Any:
            if torch.compiler.is_compiling() or self.fault:
                return function(*given, **named)
            # Before the call, for it may change what it was given.
            before = self._arguments(function, given, named)
            self.inside += 1
            try:
                result = function(*given, **named)
            finally:
                self.inside -= 1
            if before is not None:
                self._result(key, *before, result)
            return result

        return heard

    def _arguments(
        self, function: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any]
    ) -> tuple[dict[Where, Coordinates], dict[Where, float]] | None:
        try:
            arguments = dict(given_to(function, given, named))
            places = {where: at for where, value in arguments.items() if (at := Coordinates.of(value)) is not None}
            levels = {where: level for where, value in arguments.items() if (level := level_of(value)) is not None}
            return (places, levels) if places else None
        except Exception as error:  # the run goes on
            self.fault = f"{type(error).__name__}: {error}"
            return None

    def _result(self, key: Key, given: dict[Where, Coordinates], levels: dict[Where, float], result: Any) -> None:
        try:
            made = dict(made_of(result))
            if made:
                self.heard[key].append(Heard(given, levels, made, self.inside))
        except Exception as error:  # the run goes on
            self.fault = f"{type(error).__name__}: {error}"


def _judge(found: Found, heard: Mapping[Key, Sequence[Heard]], places: Mapping[type, str]) -> None:
    """Say of each method that was heard what it is."""
    ranked: list[tuple[int, Candidate]] = []
    moving: list[str] = []
    for (owner, name), calls in heard.items():
        where = next((place for one, place in places.items() if issubclass(one, owner)), owner.__qualname__)
        if _moves(calls):
            moving.append(f"{where}.{name}")
        elif (candidate := _candidate(where, name, calls)) is not None:
            ranked.append((min(call.inside for call in calls), candidate))
    ranked.sort(key=lambda one: one[0])
    found.candidates = tuple(one for _, one in ranked if not one.scaled)
    found.scaled = tuple(one for _, one in ranked if one.scaled)
    found.moving = tuple(moving)


def _moves(calls: Sequence[Heard]) -> bool:
    """Whether every call gave back what it was given, moved as a whole."""
    return all(
        any(
            one.is_moved(other)
            for one in call.given.values()
            for other in call.made.values()
            if one.shape == other.shape
        )
        for call in calls
    )


def _candidate(owner: str, name: str, calls: Sequence[Heard]) -> Candidate | None:
    """The arguments that make a denoiser or a network of it; None where there are none."""
    best: tuple[float, Candidate] | None = None
    for x in set.intersection(*(set(call.given) for call in calls)):
        for out in set.intersection(*(set(call.made) for call in calls)):
            pairs = [(call.given[x], call.made[out]) for call in calls]
            if any(one.shape != other.shape for one, other in pairs) or _makes_the_next(pairs):
                continue
            for sigma in set.intersection(*(set(call.levels) for call in calls)):
                levels = [call.levels[sigma] for call in calls]
                if not _falls(levels):
                    continue
                off = _off_units(pairs, levels)
                scaled = not math.isfinite(off)
                if scaled and not _steady([one.spread for one, _ in pairs]):
                    continue
                made = Candidate(owner, name, x, sigma, out, len(calls), (max(levels), min(levels)), scaled)
                if best is None or off < best[0]:
                    best = off, made
    return None if best is None else best[1]


def _falls(levels: Sequence[float]) -> bool:
    changes = [after - before for before, after in pairwise(levels) if after != before]
    return len(changes) > 0 and sum(change < 0 for change in changes) >= _FALLING * len(changes)


def _makes_the_next(pairs: Sequence[tuple[Coordinates, Coordinates]]) -> bool:
    """Whether what a call gives back is what the next one is given, as it is with a step of a sampler."""
    same = [math.isclose(made.spread, given.spread, rel_tol=1e-4) for (_, made), (given, _) in pairwise(pairs)]
    return len(same) > 0 and sum(same) > len(same) / 2


def _off_units(pairs: Sequence[tuple[Coordinates, Coordinates]], levels: Sequence[float]) -> float:
    """By how much x is off a sample at its level, as a factor's logarithm; infinite where it is none at all."""
    if min(levels) <= 0:
        return math.inf
    wanted = [math.hypot(level, made.spread) for level, (_, made) in zip(levels, pairs, strict=True)]
    shares = [given.spread / want for want, (given, _) in zip(wanted, pairs, strict=True)]
    low, high = _IN_UNITS
    return abs(float(np.mean(np.log(shares)))) if all(low < share < high for share in shares) else math.inf


def _steady(spreads: Sequence[float]) -> bool:
    return max(spreads) < _STEADY * min(spreads)
