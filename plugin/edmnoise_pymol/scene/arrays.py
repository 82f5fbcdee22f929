"""Coordinates out of PyMOL and into it, where its NumPy functions (get_coords, get_coordset, load_coords) fail too.

pip's PyMOL 3.2.0.2 is built against NumPy 1 and asks for NumPy 2, so they raise there; in a PyMOL that is built without
NumPy they answer None. What they do is then done to the last bit by iterate_state, by a session in memory (much faster,
but of a whole object with all its states) and by load_coordset.

get_coords and load_coords go by atom, and mean the places where the object's matrix has put the atoms; iterate_state
goes by atom too, but knows no matrix; get_coordset and load_coordset go by PyMOL's own order, and know none either.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import ask
from .ask import Cmd

Coordinates = NDArray[np.float32]
"""(N, 3), angstrom."""

_GAIN = 60
"""How many states a session holds in the time in which iterate_state goes through one."""

_works: bool | None = None
"""Whether the NumPy functions of this PyMOL do; None until they were asked for something that is there."""


def coordinates(cmd: Cmd, selection: str, state: int) -> Coordinates | None:
    """Where a selection's atoms are in a state, atom by atom; None where none of them has a place in it."""
    found = _asked(cmd.get_coords, selection, state)
    if found is not None or _works:
        return found
    rows: list[tuple[float, float, float]] = []
    models: list[str] = []
    space = {"_row": rows.append, "_model": models.append}
    cmd.iterate_state(state, selection, "_row((x, y, z)); _model(model)", space=space)
    if not rows:
        return None
    _conclude(False)
    found, model = np.array(rows, dtype=np.float32), np.array(models)
    for name in dict.fromkeys(models):
        matrix, here = _matrix(cmd, name, state), model == name
        if matrix is not None:
            found[here] = _moved(found[here], matrix)
    return found


def states(cmd: Cmd, name: str, first: int, last: int) -> Iterator[Coordinates | None]:
    """`coordinates` of a whole object in each of its states from ``first`` to ``last``."""
    if _works is None:
        coordset(cmd, name, first)
    wanted = range(first, last + 1)
    if _works is False and ask.states(cmd, name) < _GAIN * len(wanted):
        kept = _sets(cmd, name)
        for state in wanted:
            one, matrix = _of_state(kept, state), _matrix(cmd, name, state)
            by_atom = None if one is None else one.coordinates[np.argsort(one.atoms, kind="stable")]
            yield by_atom if by_atom is None or matrix is None else _moved(by_atom, matrix)
    else:
        for state in wanted:
            yield coordinates(cmd, name, state)


def sizes(cmd: Cmd, name: str, states: Sequence[int]) -> list[int]:
    """How many atoms have a place in each of some states of an object: 4 us a state where the NumPy functions work."""
    if _works is None:
        coordset(cmd, name, states[0])
    if _works:
        found = (cmd.get_coordset(name, state, copy=0) for state in states)
        return [0 if one is None else len(one) for one in found]
    kept = _sets(cmd, name)
    return [0 if one is None else len(one.atoms) for one in (_of_state(kept, state) for state in states)]


def coordset(cmd: Cmd, name: str, state: int) -> Coordinates | None:
    """The coordinates of an object's state in the order of ``load_coordset``, not moved by its matrix; None where it
    has no such state."""
    found = _asked(cmd.get_coordset, name, state)
    if found is not None or _works:
        return found
    one = _of_state(_sets(cmd, name), state)
    if one is None:
        return None
    _conclude(False)
    return one.coordinates


def move(cmd: Cmd, name: str, places: Coordinates, state: int) -> None:
    """Put the atoms of an object's state elsewhere: (N, 3), atom by atom, for those that have a place in it."""
    if _works is None:
        coordset(cmd, name, state)
    if _works:
        cmd.load_coords(places, name, state)
        return
    one, matrix = _of_state(_sets(cmd, name), state), _matrix(cmd, name, state)
    if one is None or len(one.atoms) != len(places):
        raise ValueError(f"{len(places)} places for the {0 if one is None else len(one.atoms)} atoms of {name}")
    moved = np.empty_like(places, dtype=np.float32)
    moved[np.argsort(one.atoms, kind="stable")] = places if matrix is None else _moved_back(places, matrix)
    load(cmd, name, moved, state)


def load(cmd: Cmd, name: str, places: Coordinates, state: int = 0) -> None:
    """Put (N, 3) coordinates, in the order of `coordset`, into a state of an object, or behind all with 0.

    PyMOL reads a list four times as fast as an array, in every version.
    """
    cmd.feedback("push")
    cmd.feedback("disable", "executive", "actions")  # PyMOL 2.5 tells of every state
    try:
        cmd.load_coordset(np.asarray(places, dtype=np.float32).tolist(), name, state)
    finally:
        cmd.feedback("pop")


# How it is done without the NumPy functions


class _Set(NamedTuple):
    """One state: (N, 3) coordinates in PyMOL's own order, and the atom (N,) of each."""

    coordinates: Coordinates
    atoms: NDArray[np.int32]


def _asked(function: Callable[..., Any], what: str, state: int) -> Coordinates | None:
    """What a NumPy function of PyMOL answers; None where they do not work."""
    if _works is False:
        return None
    try:
        with nullcontext() if _works else _nothing_printed():
            found = function(what, state)
    except (SystemError, ImportError):
        _conclude(False)
        return None
    if found is None:
        return None
    _conclude(True)
    return np.asarray(found, dtype=np.float32)


@contextmanager
def _nothing_printed() -> Iterator[None]:
    """Where a module for NumPy 1 meets NumPy 2, a page is written and the exception printed before it is raised."""
    hook = sys.excepthook
    sys.excepthook = lambda *_: None
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        sys.excepthook = hook


def _conclude(works: bool) -> None:
    global _works

    _works = works


def _sets(cmd: Cmd, name: str) -> list[_Set | None]:
    """All states of an object, None for those that are empty, as PyMOL writes them into sessions."""
    session = cmd.get_session(name, partial=1, quiet=1, cache=0, binary=1, version=0)
    # A name that is gone stands for those that begin with it.
    kept: list[Any] = next((entry[5][4] for entry in session["names"] if entry and entry[0] == name), [])
    return [one and _Set(_array(one[2], np.float32).reshape(-1, 3), _array(one[3], np.int32)) for one in kept]


def _of_state(kept: list[_Set | None], state: int) -> _Set | None:
    return kept[state - 1] if 1 <= state <= len(kept) else None


def _array(numbers: bytes | list[float], kind: type) -> NDArray[Any]:
    return np.frombuffer(numbers, kind) if isinstance(numbers, bytes) else np.array(numbers, kind)


def _matrix(cmd: Cmd, name: str, state: int) -> NDArray[np.float64] | None:
    """(3, 4) what moves an object's atoms from where `coordset` has them to where they are; None where nothing does."""
    if cmd.get_setting_int("matrix_mode", name) > 0:  # only then the matrix of a state is not in its coordinates
        return np.array(cmd.get_object_matrix(name, state)).reshape(4, 4)[:3]
    ttt = cmd.get_object_ttt(name)  # where NumPy's functions work this is not reached: in 2.5.0 it harms Python
    if ttt is None:
        return None
    # It moves by its last row, turns by the three columns, and moves by the fourth.
    (_, _, _, last) = rows = np.array(ttt).reshape(4, 4)
    shift = rows[:3, 0] * last[0] + rows[:3, 1] * last[1] + rows[:3, 2] * last[2] + rows[:3, 3]
    return np.column_stack([rows[:3, :3], shift])


def _moved(places: Coordinates, matrix: NDArray[np.float64]) -> Coordinates:
    """The sums in PyMOL's order, which matrix products do not keep."""
    x, y, z = places.T.astype(np.float64)
    return np.column_stack([(a * x + b * y + c * z + d).astype(np.float32) for a, b, c, d in matrix])


def _moved_back(places: Coordinates, matrix: NDArray[np.float64]) -> Coordinates:
    """By the transposed rotation, as PyMOL does."""
    x, y, z = (places - matrix[:, 3]).T
    return np.column_stack([(a * x + b * y + c * z).astype(np.float32) for a, b, c in matrix[:, :3].T])
