"""What is heard of one call of a function: coordinates in and out, and arguments that may be their level."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..base.legible import Legible

_ATOMS = 4
"""Fewest that are taken for coordinates of atoms."""

_PAIRS = 64
"""Pairs of atoms whose distances tell whether a sample was moved as a whole."""

_RIGID = 1e-3
"""Share by which a distance may change in that: programs turn in float32."""

Where = str | int
"""An argument by name, or by position from 0 without ``self``."""


@dataclass(frozen=True, eq=False, repr=False)
class Coordinates(Legible):
    """A tensor of coordinates as it was at one time.

    Attributes
    ----------
    shape
        (..., N, 3) or (..., 3, N).
    spread
        RMS distance per coordinate from the centre of a row.
    distances
        Of some pairs of atoms of the first row.
    first
        Coordinates of its first atom.
    """

    shape: tuple[int, ...]
    spread: float
    distances: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, value: Any) -> Coordinates | None:
        """None for what holds no coordinates."""
        if not (isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim >= 2):
            return None
        shape = tuple(value.shape)
        if 3 not in shape[-2:] or max(shape[-2:]) < _ATOMS or 0 in shape:
            return None
        with torch.no_grad():
            rows = value.detach()
            rows = (rows if shape[-1] == 3 else rows.mT).reshape(-1, max(shape[-2:]), 3).double()
            spread = float((rows - rows.mean(dim=1, keepdim=True)).square().mean().sqrt())
            some = rows[0, :: max(1, rows.shape[1] // _PAIRS)].cpu().numpy()
        return cls(shape, spread, np.linalg.norm(np.diff(some, axis=0), axis=1), some[0])

    def is_moved(self, other: Coordinates) -> bool:
        """Whether the other is this one moved as a whole."""
        same = np.allclose(self.distances, other.distances, rtol=_RIGID, atol=_RIGID * self.spread)
        return bool(same and not np.allclose(self.first, other.first, atol=_RIGID * self.spread))


@dataclass(frozen=True, eq=False, repr=False)
class Heard(Legible):
    """A call with coordinates in it.

    Attributes
    ----------
    given
        Arguments that hold coordinates.
    levels
        Arguments that hold one number for all rows.
    made
        {where in the result: coordinates}; None for the result itself.
    inside
        How many of the calls that are listened to it was made within.
    """

    given: Mapping[Where, Coordinates]
    levels: Mapping[Where, float]
    made: Mapping[Where | None, Coordinates]
    inside: int


def given_to(
    function: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any]
) -> Iterator[tuple[Where, Any]]:
    """The arguments of a method without ``self``: by name where they have one."""
    signature = inspect.signature(function)
    bound = signature.bind_partial(*given, **named).arguments
    for place, (name, value) in enumerate(bound.items()):
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            yield from value.items()
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            yield from ((place - 1 + number, item) for number, item in enumerate(value))
        elif place > 0:
            yield name, value


def level_of(value: Any) -> float | None:
    """The one number that an argument holds, None where it holds none or several."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | np.floating):
        return float(value)
    if isinstance(value, torch.Tensor) and value.is_floating_point() and 0 < value.numel() <= 4096:
        numbers = value.detach().double().flatten()
        low, high = float(numbers.min()), float(numbers.max())
        return low if high - low <= 1e-6 * max(abs(low), abs(high)) else None
    return None


def made_of(result: Any) -> Iterator[tuple[Where | None, Coordinates]]:
    """Coordinates in a result: itself, or what it holds by key, index or attribute."""
    if isinstance(result, torch.Tensor):
        parts: list[tuple[Any, Any]] = [(None, result)]
    elif isinstance(result, Mapping):
        parts = list(result.items())
    elif hasattr(result, "_fields"):
        parts = list(result._asdict().items())
    elif isinstance(result, tuple | list):
        parts = list(enumerate(result))
    else:
        parts = list(getattr(result, "__dict__", {}).items())
    for where, part in parts:
        found = Coordinates.of(part)
        if found is not None and isinstance(where, str | int | None):
            yield where, found
