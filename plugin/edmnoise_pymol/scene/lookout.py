"""PyMOL tells nobody what changes in it: one clock looks, asks what wakes nothing up, and tells whoever listens.

There is one lookout for a PyMOL while somebody listens, the panel, colours that follow the frame, or both. It runs in
the window's thread. Atoms take time to count, so no more than a share of the time goes to that: a change of 300,000
atoms is seen within half a second, one of 5,000 at the next look, all else at every look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edmnoise.base.legible import Legible

from . import ask, domains

LOOK_MS = 50
"""Between two looks: what plays at 20 frames a second is followed frame by frame."""

_REST = 20
"""Atoms are counted again after this many times as long as it took."""

_MOST_PICKED = 20_000
"""Atoms up to which it is seen that others are picked with the mouse, and not only more or fewer."""


@dataclass(frozen=True)
class Molecule:
    """How large an object of atoms is."""

    atoms: int
    states: int


@dataclass(frozen=True, repr=False)
class Sight(Legible):
    """What PyMOL held and showed at one look.

    Attributes
    ----------
    objects
        Names of the objects of every kind, in PyMOL's order.
    selections
        Names of the selections.
    molecules
        The objects that hold atoms, in PyMOL's order.
    frame, state
        What PyMOL shows.
    movie
        Frames of the movie that the user has defined, 0 for none.
    playing
        Whether PyMOL's own player runs.
    picked
        Equal for the same atoms in the selection of the mouse; 0 for none.
    domains
        How often domains were set or taken away.
    """

    objects: tuple[str, ...] = ()
    selections: tuple[str, ...] = ()
    molecules: Mapping[str, Molecule] = field(default_factory=dict)
    frame: int = 1
    state: int = 1
    movie: int = 0
    playing: bool = False
    picked: int = 0
    domains: int = 0

    def states(self, name: str) -> int:
        """Number of states of an object, 0 where it is not there."""
        return self.molecules[name].states if name in self.molecules else 0

    def atoms(self, name: str) -> int:
        """Number of atoms of an object, 0 where it is not there."""
        return self.molecules[name].atoms if name in self.molecules else 0

    @property
    def frame_objects(self) -> list[str]:
        """Names of the objects of two or more states."""
        return [name for name, molecule in self.molecules.items() if molecule.states > 1]

    def renamed_since(self, before: Sight) -> dict[str, str]:
        """What has become of the molecules that are not there any more: their names by now, "" for no such one.

        PyMOL tells no renaming: it is taken for one where a single molecule has come, as large as one that has gone.
        """
        gone = [name for name in before.molecules if name not in self.molecules]
        come = [name for name in self.molecules if name not in before.molecules]
        found = {}
        for name in gone:
            size = before.molecules[name]
            alike = [new for new in come if self.molecules[new] == size]
            rivals = [other for other in gone if before.molecules[other] == size]
            found[name] = alike[0] if len(alike) == len(rivals) == 1 else ""
        return found


Told = Callable[[], None]
"""Called after every look, in the window's thread."""

_lookouts: dict[int, Lookout] = {}


def of(cmd: ask.Cmd) -> Lookout:
    """The lookout that looks at a PyMOL."""
    return _lookouts.get(id(cmd)) or Lookout(cmd)


class Lookout:
    """Looks at one PyMOL as long as somebody listens; ask `of` for it.

    Attributes
    ----------
    sight
        What was there at the last look.
    """

    def __init__(self, cmd: ask.Cmd) -> None:
        self.sight = Sight()
        self._cmd = cmd
        self._listeners: list[Told] = []
        self._clock: Any = None
        self._count_at = 0.0

    def listen(self, told: Told) -> None:
        """Call a function after every look from now on, until `ignore`."""
        self._listeners.append(told)
        if self._clock is None:
            from pymol.Qt import QtCore

            _lookouts[id(self._cmd)] = self
            self._clock = QtCore.QTimer()
            self._clock.timeout.connect(self.glance)
            self._clock.start(LOOK_MS)

    def ignore(self, told: Told) -> None:
        """Call it no more."""
        if told in self._listeners:
            self._listeners.remove(told)
        if not self._listeners and self._clock is not None:
            self._clock.stop()
            self._clock = None
            _lookouts.pop(id(self._cmd), None)

    def look(self) -> Sight:
        """See everything as it is now, and tell."""
        self._count_at = 0.0
        return self.glance()

    def glance(self) -> Sight:
        """See what is to be seen at once, count atoms where it is time to, and tell."""
        self.sight = self._see()
        for told in tuple(self._listeners):
            if told in self._listeners:  # the one before may have made it leave
                told()
        return self.sight

    def _see(self) -> Sight:
        cmd, before = self._cmd, self.sight
        start = time.monotonic()
        counts = start >= self._count_at
        molecules = {}
        for name in ask.molecules(cmd):
            size, states = before.molecules.get(name), ask.states(cmd, name)
            if counts or size is None or size.states != states:
                size = Molecule(ask.atoms(cmd, name), states)
            molecules[name] = size
        picked = _picked(cmd) if counts else before.picked
        if counts:
            end = time.monotonic()
            self._count_at = end + _REST * (end - start)
        objects, selections = tuple(ask.objects(cmd)), tuple(ask.selections(cmd))
        here = {name: size for name, size in molecules.items() if name in objects}  # some may have gone meanwhile
        return Sight(
            objects,
            selections,
            here,
            *ask.frame(cmd),
            ask.movie(cmd),
            ask.playing(cmd),
            picked,
            domains.times_marked(cmd),
        )


def _picked(cmd: ask.Cmd) -> int:
    count = ask.count_picked(cmd)
    return hash(tuple(ask.picked(cmd))) if 0 < count <= _MOST_PICKED else count
