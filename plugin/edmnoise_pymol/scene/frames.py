"""Structure -> object, frames -> states of it, and back: with `source` and `arrays` what touches PyMOL's coordinates.

Atoms are always in the order of ``get_coords`` (= iterate order) of the object at hand. States are written in coordset
order, which is the same only in an object that ``create`` has just made: it is proven for every object before use.
"""

from __future__ import annotations

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
from .ask import Cmd
from .objects import check_free_name, is_there
from .silence import silence
from .source import Source


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


def copied_object(cmd: Cmd, made: str, name: str) -> None:
    """The same as an object of `new_object` that has its first state alone, in a tenth of the time.

    Raises
    ------
    EdmNoiseError
        If the name is taken, or the copy is none (nothing is left behind).
    """
    check_free_name(cmd, name)
    with silence(cmd):
        cmd.copy(name, made, zoom=0)
    one, other = (arrays.coordset(cmd, held, 1) for held in (name, made))
    if one is None or other is None or not np.array_equal(one, other):
        cmd.delete(name)
        raise EdmNoiseError(f"PyMOL did not copy {made}: please report this")


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
        with silence(cmd):
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


_FOLDER = "edmnoise_frames_"
"""What the names of temporary folders begin with; the number of their process follows."""


_IDENTITY = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0]
