"""A selection in PyMOL -> the atoms that it means in one state, as a structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.bonds import believable
from edmnoise.structure.elements import sound_elements
from edmnoise.structure.files import one_conformer
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

from ..job import Job, Watch, run_inline
from . import arrays, ask
from .ask import Cmd
from .domains import with_marked
from .selected import Selected

_CHARGED_BY_PYMOL = "NH1 NZ ND1 OD2 OE2 OXT O1P O2P OP1 OP2".split()
"""Atoms of amino acids and nucleotides that PyMOL gives a formal charge when it looks for bonds, whatever files say."""

_SPOKEN = 5
"""Most objects that are named in a line."""


@dataclass(frozen=True, eq=False, repr=False)
class Source(Legible):
    """Atoms of one object in one state, read out.

    Attributes
    ----------
    object, state
        Where they come from.
    structure
        The atoms, in get_coords order.
    index
        (N,) PyMOL's index of each atom in the object.
    rank
        (N,) place of each atom in the file that the object came from.
    notes
        What was left out, one sentence each.
    others
        More objects that were read with it, each one of the states.
    """

    object: str
    state: int
    structure: Structure
    index: list[int]
    rank: NDArray[np.int64]
    notes: tuple[str, ...]
    others: tuple[str, ...] = ()

    def called(self, without: Sequence[int] = ()) -> str:
        """What holds the states: the object, or of several those whose numbers, from 1, are not left out."""
        if not self.others:
            return self.object
        names = [name for number, name in enumerate((self.object, *self.others), 1) if number not in without]
        more = len(names) - _SPOKEN
        return ", ".join(names[:_SPOKEN]) + (f" and {more:,} more" if more > 0 else "")

    def states(self, count: int, without: Sequence[int] = ()) -> str:
        """So many states and what holds them."""
        return f"{count:,} state{'' if count == 1 else 's'} of {self.called(without)}"

    def take(self, rows: NDArray[np.int64]) -> Source:
        """Some of the atoms, in another order if wanted."""
        if np.array_equal(rows, np.arange(self.structure.n_atoms)):
            return self
        return replace(
            self,
            structure=self.structure.take(rows),
            index=[self.index[row] for row in rows.tolist()],
            rank=self.rank[rows],
        )


def reading(cmd: Cmd, which: Selected, domains: bool = True, alone: bool = True) -> Job[Source]:
    """Read the atoms of a selection, which must lie in one object, in one state.

    What PyMOL is not needed for takes twice as long as what it is, so it is left to another thread where there is one.

    The selection is judged in that state: PyMOL judges places (``within 8 of``, ``x > 3``) in all states otherwise.
    Where it is an object's name and no more, reading wakes nothing up (`edmnoise_pymol.scene.ask`).
    Alternate locations are resolved: in each residue number the conformer of highest mean occupancy stays. The domains
    that the atoms carry (`edmnoise_pymol.scene.domains`) are those of the structure, unless ``domains`` is off. A note
    counts the atoms that only other states hold, unless these are read beside it (``alone`` off).

    Raises
    ------
    EdmNoiseError
        No such selection, no atoms, several objects, no such state, no coordinates; an object that changes meanwhile.
    """
    plain = _plain(cmd, which.text)
    name = plain or _single_object(cmd, which)
    state = _existing_state(cmd, name, which.state)
    rows: list[tuple[Any, ...]] = []
    # type is HETATM for atoms outside polymers; iterate_state skips atoms without coordinates, as get_coords does.
    facts = f"{_KIND}, name, elem, resn, resi, chain, segi, type, rank, index, alt, custom, q, b, formal_charge"
    with nullcontext(whole(name)) if plain else _judged(cmd, which.inside(name), state) as chosen:
        cmd.iterate_state(state, chosen, f"_rows.append(({facts}))", space={"_rows": rows})
        coordinates = arrays.coordinates(cmd, chosen, state)
    size = ask.atoms(cmd, name)
    complete = not alone or cmd.count_discrete(name) or (plain and size == len(rows))
    bare = 0 if complete else _count(cmd, which, f"{which.inside(name)} and not state {state}")

    def work(_: Watch) -> Source:
        wanted = _wanted(rows, which)
        if coordinates is None or not wanted.any():
            raise EdmNoiseError(_why_empty(bool(rows), name, state, which))
        columns = [np.array(column)[wanted] for column in [*zip(*rows, strict=True)][2:]]
        names, elements, residues, numbers, chains, segments, kind, rank, index, altloc, custom, *numeric = columns
        atoms = Atoms.make(names, elements, residues, numbers, chains, segments, kind == "HETATM", *numeric)
        keep = one_conformer(atoms, altloc)
        notes = []
        if bare:
            notes.append(f"{bare:,} atoms without coordinates in state {state} left out")
        if not keep.all():
            notes.append(f"{np.count_nonzero(~keep):,} atoms of alternate locations left out (lower occupancy)")
        kept = coordinates[wanted][keep]
        structure = Structure.from_atoms(kept, atoms.take(keep), rank[keep], ligands=which.ligands)
        if domains:
            structure = with_marked(structure, custom[keep], name)
        sound = sound_elements(structure.atoms, structure.residue_of_atoms, structure.coordinates)
        guessed = structure.atoms.in_component & np.isin(structure.atoms.name, _CHARGED_BY_PYMOL)
        charge = np.where(guessed, 0, structure.atoms.charge)
        structure = replace(structure, atoms=replace(structure.atoms, element=sound, charge=charge))
        return Source(name, state, structure, index[keep].tolist(), rank[keep], tuple(notes))

    source: Source = yield work
    if ask.atoms(cmd, name) != size:
        raise EdmNoiseError(f"{name} was changed or deleted while it was read")
    return source


def read_source(cmd: Cmd, *facts: Any, **named: Any) -> Source:
    """What `reading` reads of what makes a `Selected`, here and now."""
    return run_inline(reading(cmd, Selected(*facts, **named)))


_KIND, _HYDROGEN, _SOLVENT = "protons, flags", 1, 1 << 28
"""What tells hydrogens and solvent, as PyMOL's words do: the element's number, and a flag that PyMOL gives atoms."""


def _wanted(rows: Sequence[tuple[Any, ...]], which: Selected) -> NDArray[np.bool_]:
    """(N,) which of some atoms are to stay, whose facts begin with _KIND."""
    protons, flags = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2).T
    return ((protons != _HYDROGEN) | which.hydrogens) & (((flags & _SOLVENT) == 0) | which.solvent)


def _count(cmd: Cmd, which: Selected, selection: str) -> int:
    """How many atoms of a selection are to stay."""
    kinds: list[tuple[Any, ...]] = []
    with ask.awake(cmd):
        cmd.iterate(selection, f"_kinds.append(({_KIND}))", space={"_kinds": kinds})
    return int(_wanted(kinds, which).sum())


def with_bonds(cmd: Cmd, source: Source) -> Structure:
    """The source's structure with those bonds that PyMOL holds and that can be believed (PyMOL goes by distance)."""
    chosen = cmd.get_unused_name("_edm_atoms")
    try:
        cmd.select_list(chosen, source.object, source.index, mode="index")
        bonds = np.array(cmd.get_bonds(chosen, source.state), dtype=np.int64).reshape(-1, 3)
    finally:
        with ask.awake(cmd):
            cmd.delete(chosen)
    return replace(source.structure, bonds=believable(source.structure, bonds))


def secondary_of(cmd: Cmd, source: Source) -> NDArray[np.str_]:
    """(N,) PyMOL's secondary structure of each atom's residue: "H", "S", or something else."""
    found: dict[int, str] = {}
    cmd.iterate(whole(source.object), "_found.__setitem__(index, ss)", space={"_found": found})
    return np.array([found[index] for index in source.index])


def current_state(cmd: Cmd, name: str) -> int:
    """State of the object that PyMOL shows.

    Raises
    ------
    EdmNoiseError
        Where it shows all states, or a state that the object does not have.
    """
    states, state = ask.states(cmd, name), ask.state(cmd, name)
    if 1 <= state <= states:
        return state
    if not states:
        raise EdmNoiseError(f"{name} is not there any more")
    if state:
        raise EdmNoiseError(f"PyMOL shows state {state} and {name} has 1 to {states}: choose one of these")
    raise EdmNoiseError(f"PyMOL shows all states of {name}, 1 to {states}: choose one, or type set all_states, 0")


def moved_part(cmd: Cmd, source: Source, which: Selected) -> Part | None:
    """The atoms of a source that are to be moved while the others are held; None where all move.

    Raises
    ------
    EdmNoiseError
        Words that are no selection; one that names none of the atoms, or all of them.
    """
    if (move := which.move) is None:
        return None
    named: list[int] = []
    if _plain(cmd, move) or _touched(cmd, move):
        with _judged(cmd, f"({move}) and {whole(source.object)}", source.state) as chosen, ask.awake(cmd):
            cmd.iterate(chosen, "_named.append(index)", space={"_named": named})
    mask = np.isin(source.index, named)
    if mask.all() or not mask.any():
        raise EdmNoiseError(
            f"move is {move!r}, which names {'all' if mask.all() else 'none'} of the {len(mask):,} atoms of "
            f"{source.object}: name some of them, the others are held; without move all of them move"
        )
    return Part.of(source.structure, mask)


def objects_of(cmd: Cmd, selection: str) -> list[str]:
    """Names of the objects that a selection touches, one at least."""
    plain = _plain(cmd, selection)
    objects = [plain] if plain else _touched(cmd, selection)
    if not objects:
        raise EdmNoiseError(f"selection {selection!r} holds no atoms")
    return objects


def _touched(cmd: Cmd, selection: str) -> list[str]:
    """The objects that a selection touches; EdmNoiseError for what is none."""
    import pymol

    try:
        with ask.awake(cmd):
            objects = cmd.get_object_list(f"({selection})")
            if objects is None:  # what is newer than 3.1 and 3.2.0a0 raises by itself
                cmd.count_atoms(f"({selection})")
    except pymol.CmdException as error:
        raise EdmNoiseError(
            f"selection {selection!r} cannot be read ({_first_line(error)}): loaded are "
            + (", ".join(ask.molecules(cmd)) or "no objects")
        ) from error
    return ask.without_titles(objects or []) or [str(name) for name in objects or []]


def _plain(cmd: Cmd, selection: str) -> str:
    """The object whose name a selection is, and no more; "" for any other."""
    name = selection.strip().removeprefix("%")
    return name if name in ask.molecules(cmd) else ""


@contextmanager
def _judged(cmd: Cmd, selection: str, state: int) -> Iterator[str]:
    """A selection of its own of what another one means in a state, -1 for the one that is shown."""
    chosen = cmd.get_unused_name("_edm_chosen")
    try:
        cmd.select(chosen, f"({selection})", enable=0, quiet=1, state=state)
        yield chosen
    finally:
        with ask.awake(cmd):
            cmd.delete(chosen)


def _single_object(cmd: Cmd, which: Selected) -> str:
    """The only object that a selection touches in its state."""
    objects = objects_of(cmd, which.text)
    if len(objects) == 1:
        return objects[0]
    with _judged(cmd, which.text, which.state) as chosen:
        here = ask.without_titles(cmd.get_object_list(chosen) or [])
    if len(here) != 1:
        raise EdmNoiseError(
            f"selection {which.text!r} holds atoms of {len(objects)} objects ({', '.join(objects)}): "
            "name atoms of one object"
        )
    return str(here[0])


def _existing_state(cmd: Cmd, name: str, state: int) -> int:
    if state == -1:
        return current_state(cmd, name)
    states = ask.states(cmd, name)
    if not 1 <= state <= states:
        raise EdmNoiseError(f"{name} has no state {state}: give 1 to {states}, or -1 for the state that is shown")
    return state


def _why_empty(found: bool, name: str, state: int, which: Selected) -> str:
    if not found:
        return f"selection {which.text!r} has no atoms with coordinates in state {state} of {name}"
    left = [what for what, kept in (("hydrogens", which.hydrogens), ("solvent", which.solvent)) if not kept]
    remedy = ", ".join(f"{what}=1" for what in left)
    return f"selection {which.text!r} holds nothing but {' and '.join(left)}: keep them with {remedy}"


def _first_line(error: BaseException) -> str:
    said = str(error).strip().removeprefix("Error:").strip()
    return (said or type(error).__name__).splitlines()[0]


def whole(name: str) -> str:
    """The selection of a whole object, whatever its name: "chain" and "all" may be names too."""
    return f"%{name}"
