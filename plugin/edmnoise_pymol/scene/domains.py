"""An atom's domain is its PyMOL property custom, "domain 3": copies and sessions keep it, each reading finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.structure import Structure

from . import ask
from .ask import Cmd

_MARK = "domain "

Key = tuple[str, str, str, str]
"""Segment, chain, number and name of a residue."""

_times: dict[int, int] = {}


def with_marked(structure: Structure, custom: NDArray[np.str_], name: str) -> Structure:
    """The structure with the domains that its atoms' custom (N,) tells; itself where it tells none."""
    marked = np.char.startswith(custom, _MARK)
    if not marked.any():
        return structure
    if not marked.all():
        left = np.flatnonzero(~marked)
        raise EdmNoiseError(
            f"domains of {name} leave out {left.size:,} of {structure.n_atoms:,} atoms, first "
            f"{structure.label(int(left[0]))}: set them anew (edm_domains {name})"
        )
    return structure.with_domains(custom)


def mark(cmd: Cmd, name: str, by_index: Mapping[int, int], by_residue: Mapping[Key, int]) -> None:
    """Give atoms of an object their domains, by PyMOL's index; others, as of other conformers, by their residue."""

    def of(index: int, residue: Key) -> str:
        number = by_index.get(index, by_residue.get(residue))
        return "" if number is None else f"{_MARK}{number}"

    _alter(cmd, name, "custom = _of(index, (segi, chain, resi, resn))", _of=of)


def unmark(cmd: Cmd, name: str) -> None:
    """Take the domains of an object away; other values of custom stay."""
    _alter(cmd, name, "custom = _of(custom)", _of=lambda custom: "" if custom.startswith(_MARK) else custom)


def times_marked(cmd: Cmd) -> int:
    """How often domains were set or taken away: who keeps what was read compares it."""
    return _times.get(id(cmd), 0)


def has_domains(cmd: Cmd, name: str) -> bool:
    """Whether an object has domains, judged by its first atom: all have one, or none."""
    found: list[str] = []
    cmd.iterate(f"%{name}", "None if _found else _found.append(custom)", space={"_found": found})
    return bool(found) and found[0].startswith(_MARK)


def facts(cmd: Cmd, name: str, fact: str) -> dict[int, str]:
    """A fact of every atom of an object (ss, segi, custom), by PyMOL's index."""
    found: dict[int, str] = {}
    with ask.awake(cmd):
        cmd.iterate(f"%{name}", f"_found[index] = {fact}", space={"_found": found})
    return found


def indices(cmd: Cmd, name: str, selection: str) -> set[int]:
    """PyMOL's indices of the atoms of an object that a selection holds."""
    found: set[int] = set()
    with ask.awake(cmd):
        cmd.iterate(f"({selection}) and %{name}", "_found.add(index)", space={"_found": found})
    return found


def _alter(cmd: Cmd, name: str, expression: str, **space: Any) -> None:
    with ask.awake(cmd):
        cmd.alter(f"%{name}", expression, space=space)
    _times[id(cmd)] = times_marked(cmd) + 1
