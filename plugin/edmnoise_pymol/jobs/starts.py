"""start= as a user types it -> the coordinates that are noised and sampled back, on the atoms of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible

from ..job import Job
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import Source, objects_of, reading
from ..scene.states import in_common, read_states

Coordinates = NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class Start(Legible):
    """What is noised: its name in titles, how a sentence says it, and (N, 3) coordinates, angstrom."""

    name: str
    said: str
    coordinates: Coordinates

    def shown(self, source: Source) -> Source:
        """The atoms of the data in the places of the start: the reference of the objects that are made."""
        return replace(source, structure=replace(source.structure, coordinates=self.coordinates))


def read_data(cmd: Cmd, which: Selected, start: str | None) -> Job[tuple[Source, list[Coordinates], Start | None]]:
    """The data, as `edmnoise_pymol.scene.states.read_states` gives them, and what is noised of them, if anything: both
    on the atoms that both have, which are all of them, unless ``common``.

    Parameters
    ----------
    start
        A state's number among the data, or atoms of one object in the state that is shown.

    Raises
    ------
    EdmNoiseError
        As `read_states`; a number without a state, no such atoms, several objects, or other atoms than the data's.
    """
    source, states = yield from read_states(cmd, which)
    if start is None:
        return source, states, None
    if start.lstrip("+-").isdigit():
        number = int(start)
        if not 1 <= number <= len(states):
            known = "1, the only one" if len(states) == 1 else f"one from 1 to {len(states)}"
            raise EdmNoiseError(f"start is {start}, which is no state of the data: give {known}, or an object")
        return source, states, Start(f"{source.object}:{number}", f"state {number}", states[number - 1])
    try:
        names = objects_of(cmd, start)
    except EdmNoiseError as error:
        raise EdmNoiseError(f"start is {start!r}: give a state's number or an object; {error}") from None
    if len(names) > 1:
        raise EdmNoiseError(f"start is {start!r}, atoms of {len(names)} objects ({', '.join(names)}): give one")
    member = yield from reading(cmd, replace(which, text=start, state=-1))
    rows, _ = in_common([source, member], which.common, renamed=True, what="the data and their start")
    taken, begun = source.take(rows[0]), member.take(rows[1])
    said = f"{member.object} state {member.state}"
    found = Start(f"{member.object}:{member.state}", said, begun.structure.coordinates)
    return taken, [state[rows[0]] for state in states], found
