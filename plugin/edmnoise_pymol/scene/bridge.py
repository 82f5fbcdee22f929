"""Structure -> object, frames -> states of it, values -> colours: with `source` and `arrays` what touches PyMOL's data.

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
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise.structure.structure import Structure

from . import arrays, ask
from .source import Source as Source
from .source import current_state as current_state
from .source import objects_of as objects_of
from .source import read_source as read_source
from .source import reading as reading
from .source import whole
from .source import with_bonds as with_bonds

Cmd = ask.Cmd

_FOLDER = "edmnoise_frames_"
"""What the names of temporary folders begin with; the number of their process follows."""

_IDENTITY = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0]


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
        arrays.load(cmd, name, structure.coordinates, 1)
        for found in (_read(cmd, name, 1), arrays.coordset(cmd, name, 1)):
            if found is None or not np.array_equal(found, structure.coordinates):
                raise EdmNoiseError(f"PyMOL changed the order of the atoms of {source.object}: please report this")
    except BaseException:
        cmd.delete(name)
        raise
    finally:
        with ask.awake(cmd):
            cmd.delete(draft)
            cmd.delete(chosen)
    return Placed(structure, order)


def _places(cmd: Cmd, name: str) -> NDArray[np.int64]:
    """(N,) where each atom of a new object has its coordinates, which is its place in the source; they are lost."""
    places = np.zeros((ask.atoms(cmd, name), 3), dtype=np.float32)
    places[:, 0] = np.arange(len(places))
    arrays.load(cmd, name, places, 1)
    return np.asarray(_read(cmd, name, 1), dtype=np.int64)[:, 0]


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
    atoms, states = ask.atoms(cmd, name), ask.states(cmd, name)
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
        if ask.states(cmd, name) != wanted:
            raise EdmNoiseError(f"{name} has {ask.states(cmd, name)} states and not {wanted}")
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


def read_frames(cmd: Cmd, name: str, first: int = 2) -> Iterator[NDArray[np.float32]]:
    """The states of an object from ``first`` on, each as (1, N, 3) in get_coords order."""
    atoms, last = ask.atoms(cmd, name), ask.states(cmd, name)
    for state, found in enumerate(arrays.states(cmd, name, first, last), first):
        yield _all_of_them(name, state, found, atoms)


def read_state(cmd: Cmd, name: str, state: int, atoms: int = 0) -> NDArray[np.float32]:
    """One state of an object: (1, N, 3) float32, in get_coords order; its atoms are counted where they are not given.

    Raises
    ------
    EdmNoiseError
        Where the state does not hold all atoms of the object, or not in finite places.
    """
    return _all_of_them(name, state, _read(cmd, name, state), atoms or ask.atoms(cmd, name))


def _read(cmd: Cmd, name: str, state: int) -> arrays.Coordinates | None:
    return next(arrays.states(cmd, name, state, state))


def _all_of_them(name: str, state: int, coordinates: arrays.Coordinates | None, atoms: int) -> arrays.Coordinates:
    """What `read_state` gives of what was read."""
    found = 0 if coordinates is None else len(coordinates)
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
    known = ask.molecules(cmd)
    if name not in known:
        listed = ", ".join(known) if known else "none"
        raise EdmNoiseError(f"no molecular object {name!r}: loaded are {listed}")
    return name


def is_there(cmd: Cmd, name: str, atoms: int) -> bool:
    """Whether an object is loaded and has so many atoms."""
    return ask.is_there(cmd, name) and ask.atoms(cmd, name) == atoms


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
    return next((held for held in ask.names(cmd) if held.lower() == name.lower()), None)


def paint(cmd: Cmd, name: str, shades: NDArray[np.uint8], index: NDArray[np.int64] | None = None) -> None:
    """Colour each atom of an object, or those of PyMOL's indices: (N, 3) red, green, blue from 0 to 255, in order."""
    packed = packed_colours(shades)
    chosen = whole(name)
    if index is not None:
        packed = put(colours(cmd, name), packed, index - 1)
    try:
        # alter tells how many atoms there are: to ask before takes as long as a tenth of it.
        atoms = cmd.alter(chosen, "color = _next()", space={"_next": iter(packed).__next__})
    except StopIteration:
        atoms = ask.atoms(cmd, name)
    cmd.recolor(chosen)
    if atoms != len(packed):
        raise EdmNoiseError(f"{len(packed):,} colours for the {atoms:,} atoms of {name}: some are coloured wrongly")


def packed_colours(shades: NDArray[np.uint8]) -> list[int]:
    """(N, 3) red, green, blue from 0 to 255 as PyMOL's numbers of colours."""
    return (shades.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1]) + 0x40000000).tolist()


def put(before: list[int], packed: list[int], rows: NDArray[np.int64]) -> list[int]:
    """Colours with some of them replaced; those before where they have become too few."""
    if len(rows) and rows.max() >= len(before):
        return packed
    for row, number in zip(rows.tolist(), packed, strict=True):
        before[row] = number
    return before


def colours(cmd: Cmd, name: str) -> list[int]:
    """What `restore_colours` needs to give an object the colours back that it has now."""
    found: list[int] = []
    cmd.iterate(whole(name), "_found.append(color)", space={"_found": found})
    return found


def restore_colours(cmd: Cmd, name: str, kept: list[int]) -> None:
    """Give an object its colours back, unless it has got other atoms since."""
    if is_there(cmd, name, len(kept)):
        cmd.alter(whole(name), "color = _next()", space={"_next": iter(kept).__next__})
        cmd.recolor(whole(name))


def add_state(cmd: Cmd, name: str, coordinates: NDArray[np.float32], title: str, state: int = 0) -> None:
    """Put (N, 3) coordinates behind the states of an object of `new_object`, or into the one that is given."""
    arrays.load(cmd, name, coordinates, state)
    cmd.set_title(name, state or ask.states(cmd, name), title)


def move_state(cmd: Cmd, name: str, coordinates: NDArray[np.float32], state: int = 1) -> None:
    """Put the atoms of a state elsewhere, in get_coords order.

    To write where PyMOL keeps the numbers is quicker (0.4 ms for 150,000 atoms, not 8), but what makes the picture
    follow then, `rebuild`, draws sticks anew from their bonds: 240 ms for 5,500 atoms instead of 195.
    """
    arrays.move(cmd, name, coordinates, state)


def anchors_of(cmd: Cmd, names: list[str]) -> list[tuple[float, float, float]]:
    """Red, green, blue of PyMOL's colours by name; EdmNoiseError for one that PyMOL does not know."""
    for name in names:
        if not name or cmd.get_color_index(name) < 0:  # PyMOL takes no name for white
            raise EdmNoiseError(f"PyMOL knows no colour {name!r}")
    return [tuple(cmd.get_color_tuple(name)) for name in names]


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
