"""An object, an origin, an alignment -> the reference and the states that are measured from it.

Tables, colours and plots ask here. States that do not hold the same atoms are measured without the solvent, where
nothing else differs, and otherwise on the atoms that all hold, where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.frames.displacement import Displacement, Measure, measure_displacement
from edmnoise.structure.common import AtomsDiffer, matched
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

from ..job import Job
from ..scene import ask
from ..scene import states as held
from ..scene.ask import Cmd
from ..scene.frames import read_frames, read_state
from ..scene.objects import existing_object
from ..scene.selected import Selected
from ..scene.source import Source, current_state, reading
from ..scene.states import Index
from ..scene.titles import Provenance

ORIGINS = ("first", "last")
"""The states that displacements are measured from by name; others are given by number, or another object is."""


@dataclass(frozen=True)
class Basis:
    """What displacements are measured from, and on which atoms.

    Attributes
    ----------
    origin
        "first" or "last", the number of a state, or the name of another object (the state of it that is shown).
    align
        What is removed from each state first: a name from `edmnoise.frames.names.ALIGNMENTS`.
    hydrogens
        Whether to measure hydrogens.
    solvent
        Whether to measure solvent; None for where all states hold the same.
    common
        Whether to measure the atoms that all states have, where these differ in others.
    """

    origin: str = "first"
    align: str = "none"
    hydrogens: bool = True
    solvent: bool | None = None
    common: bool = False


FIRST = Basis()


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(Legible):
    """States of an object, and the reference that they are measured from.

    Attributes
    ----------
    object
        Its name.
    source
        The measured atoms, in the order of the object's; its coordinates are the reference.
    states
        Numbers of the measured states: all but the reference, where that is one of them.
    origin
        What the reference is, as a sentence says it.
    align
        What is removed from each state first.
    made
        How the states were made, where that is known and says what they are expected to be.
    notes
        What was left out, one sentence each.
    """

    cmd: Cmd
    source: Source
    states: tuple[int, ...]
    origin: str
    align: str
    made: Provenance | None
    notes: tuple[str, ...]
    indices: dict[int, Index] | None
    """PyMOL's indices of the measured atoms in each state; None where every state holds nothing but these."""
    size: int
    """Number of the object's atoms."""
    part: Part | None = None
    """Where atoms were held: which. Of the source the moved ones alone are kept, and measured."""

    @property
    def object(self) -> str:
        return self.source.object

    @property
    def structure(self) -> Structure:
        return self.source.structure

    def read(self, state: int) -> NDArray[np.float32]:
        """One state: (1, N, 3) in the order of the structure."""
        if self.indices is None:
            return self._moved(read_state(self.cmd, self.object, state, self.size))
        return self._moved(held.read_atoms(self.cmd, self.object, state, self.indices[state], self.size))

    def _moved(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        return frame if self.part is None else frame[:, self.part.moved]

    def frames(self) -> Iterator[NDArray[np.float32]]:
        """The measured states, each as `read` gives it."""
        if self.indices is not None:
            return map(self.read, self.states)
        every = enumerate(read_frames(self.cmd, self.object, self.states[0]), self.states[0])
        return (self._moved(frame) for state, frame in every if state in self.states)

    def measure(
        self,
        frames: Iterable[NDArray[np.float32]],
        only: Sequence[Measure] | None = None,
        place_reference: bool = False,
    ) -> Displacement:
        """How far frames are from the reference; without PyMOL."""
        return measure_displacement(self.structure, frames, self.align, only, place_reference)

    def places(self, state: int) -> Index | None:
        """Where the measured atoms stand among those that a state holds; None for all in order."""
        if self.indices is None:
            return None
        return held.places(self.cmd, self.object, state, self.indices[state], self.size)

    def atoms(self) -> tuple[Index, Index] | None:
        """PyMOL's indices of the measured atoms, and of the held ones, in all states (each has its own in a discrete
        object), and their rows in the structure; None for all in order."""
        if self.indices is None:
            return None
        index, first = np.unique(np.concatenate(list(self.indices.values())), return_index=True)
        return index, first % (self.part or self.structure).n_atoms


def read(cmd: Cmd, name: str, basis: Basis = FIRST, whole: bool = False) -> Job[Ensemble]:
    """Find the reference of an object, the states that are measured from it, and the atoms that all of them hold.

    Where atoms were held, the moved ones alone are measured; with ``whole`` all are.

    Raises
    ------
    EdmNoiseError
        No such object, origin or states, or states that differ in atoms that are not left out.
    """
    existing_object(cmd, name)
    number = _state_of(cmd, name, basis.origin)
    states = tuple(range(1, ask.states(cmd, name) + 1))
    if number is not None and len(states) < 2:
        raise EdmNoiseError(f"{name} has 1 state: make frames of it (edm_noise), or give another object as origin")
    if number is None:
        origin = f"{basis.origin}, state {current_state(cmd, basis.origin)}"
    else:
        origin = f"state {number} of {name}"
    kept, common = basis.solvent is not False, basis.common and basis.solvent is not None
    try:
        found, indices = yield from _members(cmd, name, states, number, basis, kept, common)
    except AtomsDiffer:
        if basis.solvent is not None:
            raise
        found, indices = yield from _members(cmd, name, states, number, basis, False, basis.common)
        found = replace(found, notes=("solvent left out, in which the states differ", *found.notes))
    made = None
    if number == 1:
        made = Provenance.of([ask.title(cmd, name, state) for state in states])
    measured = tuple(state for state in states if state != number)
    every = Ensemble(
        cmd=cmd,
        source=found,
        states=measured,
        origin=origin,
        align=basis.align,
        made=made,
        notes=found.notes,
        indices=indices,
        size=ask.atoms(cmd, name),
    )
    return _of_moved(every, made) if made and made.moved and not whole else every


_VISIBLE = 0.01
"""Noise level, angstrom, from which on no atom comes to lie where it was, to the last bit, in one state."""


def _of_moved(whole: Ensemble, made: Provenance) -> Ensemble:
    """The same of the atoms that moved: those that are not where the reference has them, bit by bit.

    Where more are not, the states were moved since, and nothing is expected.
    """
    still = np.ones(whole.structure.n_atoms, dtype=np.bool_)
    for state in whole.states:
        still &= (whole.read(state)[0] == whole.structure.coordinates).all(axis=1)
        if made.sigma >= _VISIBLE:
            break
    going = int(np.count_nonzero(~still))
    if not 0 < going <= made.moved:
        said = f"{going:,} atoms are not where they were, of which {made.moved:,} had noise: nothing is expected"
        return replace(whole, made=None, notes=(said, *whole.notes))
    if not still.any():
        return whole
    part, notes = Part.of(whole.structure, ~still), whole.notes
    if whole.align != "none":
        notes = ("held atoms are the frame: nothing was centred or superposed", *notes)
    source = replace(whole.source.take(part.moved), structure=part.structure)
    return replace(whole, source=source, part=part, align="none", notes=notes)


def _state_of(cmd: Cmd, name: str, origin: str) -> int | None:
    """The number of an object's state that an origin means; None for another object."""
    states = ask.states(cmd, name)
    if origin in ORIGINS:
        return 1 if origin == "first" else int(states)
    if origin.lstrip("+-").isdigit():
        if not 1 <= int(origin) <= states:
            raise EdmNoiseError(f"origin is {origin} and {name} has the states 1 to {states}: give one of them")
        return int(origin)
    if origin == name:
        raise EdmNoiseError(f"origin is {name} itself: give first, last, a state's number or another object")
    try:
        existing_object(cmd, origin)
    except EdmNoiseError as error:
        raise EdmNoiseError(f"origin is {origin!r}: give first, last, a state's number or an object; {error}") from None
    return None


def _members(
    cmd: Cmd,
    name: str,
    states: Sequence[int],
    number: int | None,
    basis: Basis,
    solvent: bool,
    common: bool,
) -> Job[tuple[Source, dict[int, Index] | None]]:
    """The reference on the atoms that are measured, and the indices of these in each state."""
    titled = Provenance.parse(ask.title(cmd, name, 1))
    ligands = titled.ligands if titled else "residue"
    which = Selected(f"%{name}", number or 1, basis.hydrogens, solvent, ligands)
    own = yield from held.read_members(cmd, which)
    if number is None:
        given = yield from reading(cmd, Selected(f"%{basis.origin}", -1, basis.hydrogens, solvent))
        reference = given.take(matched(own[0].structure.atoms, given.structure.atoms, renamed=True)[1])
    else:
        given = reference = own[number - 1] if len(own) > 1 else own[0]
    rows, notes = held.in_common([reference, *own], common, renamed=True)
    if (most := given.structure.n_atoms) > len(rows[0]):
        notes = (*notes, f"{len(rows[0]):,} atoms measured, of {most:,} of {given.object}")
    source = own[0].take(rows[1])
    structure = replace(source.structure, coordinates=reference.structure.coordinates[rows[0]])
    source = replace(source, structure=structure, notes=(*source.notes, *notes))
    index = [np.array(member.index)[row] for member, row in zip(own, rows[1:], strict=True)]
    if len(own) == 1 and np.array_equal(index[0], np.arange(1, ask.atoms(cmd, name) + 1)):
        return source, None
    return source, dict(zip(states, index if len(own) > 1 else index * len(states), strict=True))
