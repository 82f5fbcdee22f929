"""What the states of one object, or several objects, hold: the same atoms, or those that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.common import common_rows

from ..job import Job, one_by_one
from . import arrays, ask
from .ask import Cmd
from .selected import Selected
from .source import Source, objects_of, reading

Index = NDArray[np.int64]
"""(N,) PyMOL's indices of atoms in an object, counted from 1."""


def read_states(cmd: Cmd, which: Selected) -> Job[tuple[Source, list[NDArray[np.float32]]]]:
    """All states of one object, or the shown states of several objects of the same atoms, as (N, 3) coordinates.

    The source is the first of them; with ``common`` they are of the atoms that all have. A ``state`` other than 0 is
    read alone, of one object or of several.

    Raises
    ------
    EdmNoiseError
        As `reading`, and where states or objects differ in their atoms.
    """
    names = objects_of(cmd, which.text)
    if len(names) > 1 or which.state:
        one_each = (reading(cmd, replace(which, text=which.inside(name), state=which.state or -1)) for name in names)
        members = yield from one_by_one(one_each)
    else:
        members = yield from read_members(cmd, replace(which, state=1))
    rows, notes = in_common(members, which.common, renamed=len(names) > 1)
    first = members[0].take(rows[0])
    if len(names) == len(members) == 1 and not which.state:
        states, atoms, index = range(1, ask.states(cmd, names[0]) + 1), ask.atoms(cmd, names[0]), np.array(first.index)
        return first, [read_atoms(cmd, names[0], state, index, atoms)[0] for state in states]
    found = [member.structure.coordinates[row] for member, row in zip(members, rows, strict=True)]
    return replace(first, notes=(*first.notes, *notes)), found


def read_members(cmd: Cmd, which: Selected) -> Job[list[Source]]:
    """What each state of one object holds of a selection; of its own state alone, where all hold the same atoms."""
    (name,) = objects_of(cmd, which.text)
    states = range(1, ask.states(cmd, name) + 1)
    alike, sizes, atoms = not cmd.count_discrete(name), arrays.sizes(cmd, name, states), ask.atoms(cmd, name)
    if 0 in sizes:
        empty = states[sizes.index(0)]
        raise EdmNoiseError(f"state {empty} of {name} holds 0 of its {atoms:,} atoms: frames need some")
    if alike and any(size != atoms for size in sizes):
        first, *others = (held(cmd, name, other) for other in states)
        alike = all(np.array_equal(first, other) for other in others)
    wanted = [which.state] if alike else states
    each = (reading(cmd, replace(which, state=other), alone=alike) for other in wanted)
    return (yield from one_by_one(each))


def in_common(
    members: Sequence[Source], common: bool, renamed: bool, what: str = "states"
) -> tuple[list[Index], tuple[str, ...]]:
    """Rows of the atoms that all have, for each of them, and what is to say; as `edmnoise.structure.common`."""
    named = [(f"{member.object} state {member.state}", member.structure.atoms) for member in members]
    advice = f"{what} need the same atoms, give common=1 for those that all have"
    rows = common_rows(named, common, advice, renamed)
    left = max(member.structure.n_atoms for member in members) - len(rows[0])
    return rows, (f"{left:,} atom{'' if left == 1 else 's'} left out that not all have",) if left else ()


def read_atoms(cmd: Cmd, name: str, state: int, index: Index, atoms: int) -> NDArray[np.float32]:
    """Some of the ``atoms`` of an object in one state: (1, N, 3) float32, in the order of ``index``.

    Raises
    ------
    EdmNoiseError
        Where the state does not hold all of them, or not in finite places.
    """
    found, rows = arrays.coordinates(cmd, f"%{name}", state), places(cmd, name, state, index, atoms)
    if found is None or rows is None:
        raise EdmNoiseError(f"state {state} of {name} does not hold all atoms that are measured: it has changed")
    coordinates = np.asarray(found[rows], dtype=np.float32)
    if not np.isfinite(coordinates).all():
        raise EdmNoiseError(f"state {state} of {name} holds NaN or infinite coordinates: frames need finite ones")
    return coordinates[None]


def places(cmd: Cmd, name: str, state: int, index: Index, atoms: int) -> Index | None:
    """(N,) where atoms stand among those that a state holds of all ``atoms``; None where it does not hold them."""
    if not cmd.count_discrete(name) and arrays.sizes(cmd, name, [state]) == [atoms]:
        return index - 1  # PyMOL's index is the place in the object, from 1
    there = held(cmd, name, state)
    rows = np.searchsorted(there, index)
    return rows if len(there) and rows.max() < len(there) and np.array_equal(there[rows], index) else None


def held(cmd: Cmd, name: str, state: int) -> Index:
    """The atoms that have coordinates in a state, in their order."""
    found: list[int] = []
    cmd.iterate_state(state, f"%{name}", "_found.append(index)", space={"_found": found})
    return np.array(found, dtype=np.int64)
