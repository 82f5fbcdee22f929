"""Objects whose states are the steps of a run that still goes on: seen as they are made, written whole at its end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError

from . import ask, looks
from .ask import Cmd
from .frames import add_state, appended_frames, copied_object, new_object, set_titles
from .objects import is_there
from .source import Source

_BUDGET = 0.02
"""Seconds of the window's thread that new states may take at a time; what is left waits for the next time."""
_PATIENCE = 4.0
"""The run goes on this many times as long as PyMOL took to show what it had made: a large picture does not stop it."""

Frames = NDArray[np.float32]

States = tuple[Sequence[Frames], Sequence[str]]
"""Blocks of (s, N, 3) frames, and a title for each frame."""


class Growing:
    """The objects of one run, with its reference as state 1.

    Parameters
    ----------
    names
        Of the objects; they must be free.

    Attributes
    ----------
    order
        (N,) which atom of the source each atom of the objects is.
    """

    def __init__(self, cmd: Cmd, source: Source, names: Sequence[str]) -> None:
        self._cmd, self._source = cmd, source
        self._states: dict[str, int] = {}
        self._waiting: deque[tuple[str, Frames, str, int]] = deque()
        self._let_go = 0.0
        try:
            for name in names:
                looks.forget(name)  # an object that had the name before
                if self._states:
                    copied_object(cmd, self.names[0], name)
                else:
                    placed = new_object(cmd, source, name)
                self._states[name] = 1
                set_titles(cmd, name, ["ref"])
        except BaseException:
            self.remove()
            raise
        self.structure, self.order = placed.structure, placed.order

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._states)

    def add(self, name: str, coordinates: Frames, title: str, state: int = 0) -> None:
        """Have (N, 3) coordinates, in the source's order, shown as another state, or in the place of one, soon."""
        if state:
            self._waiting = deque(item for item in self._waiting if (item[0], item[3]) != (name, state))
        self._waiting.append((name, coordinates, title, state))

    def show(self) -> None:
        """Show what has been added, as much as there is time for."""
        end = time.monotonic() + _BUDGET
        self.check()
        while self._waiting and time.monotonic() < end:
            name, coordinates, title, state = self._waiting.popleft()
            at = min(state, self._states[name] + 1) if state else self._states[name] + 1
            add_state(self._cmd, name, coordinates[self.order], title, at)
            self._states[name] = max(self._states[name], at)
        self._let_go = time.monotonic()

    def pause(self, every: float) -> float:
        """Called when the run goes on: seconds until its next states are to be shown."""
        spent = time.monotonic() - self._let_go if self._let_go else 0.0
        return max(every, _PATIENCE * spent)

    def write(self, frames: Mapping[str, States]) -> None:
        """Replace all states but the first by frames with their titles; objects without any are removed."""
        self._waiting.clear()
        self.check()
        for name in self.names:
            if name not in frames:
                self._cmd.delete(name)
                del self._states[name]
        in_order = np.array_equal(self.order, np.arange(len(self.order)))
        for name, (blocks, titles) in frames.items():
            if self._states[name] > 1 + len(titles):  # PyMOL 2.5 cannot take states away
                self._cmd.delete(name)
                new_object(self._cmd, self._source, name)
            with appended_frames(self._cmd, name, len(titles), first=2) as append:
                for coordinates in blocks:
                    append(coordinates if in_order else coordinates[:, self.order])
            self._states[name] = 1 + len(titles)
            set_titles(self._cmd, name, ["ref", *titles])

    def check(self) -> None:
        """Raise EdmNoiseError where an object is no longer as it was made."""
        for name, states in self._states.items():
            here = is_there(self._cmd, name, len(self.order))
            if not here or ask.states(self._cmd, name) != states:
                raise EdmNoiseError(
                    f"{name} was changed or deleted while the sampler ran: the run has ended, nothing of it is kept"
                )

    def remove(self) -> None:
        """Delete what is there of the objects."""
        present = ask.objects(self._cmd)
        for name in self._states:
            if name in present:
                self._cmd.delete(name)
