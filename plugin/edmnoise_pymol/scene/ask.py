"""Questions to PyMOL that wake nothing up: what is loaded, how large it is, what is shown and picked.

PyMOL answers every selection but a plain name by making one and deleting it again. That empties the list of objects in
its window, which then loses the next click, and forces a redraw: a ray-traced picture is gone. Whatever asks unasked,
from a timer or behind a slider, asks here; whatever has to select does it within `awake`. An object may go at any time;
of one that is gone the answers are 0, "" and nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Cmd = Any
"""A ``pymol.cmd`` module or the cmd of a pymol2 instance."""

T = TypeVar("T")

TITLE = "_legend_title"
"""What the names of legends' titles end in."""

PICKED = "sele"
"""The selection that PyMOL's mouse makes."""


def names(cmd: Cmd) -> list[str]:
    """Names of everything: objects of every kind and selections."""
    return list(cmd.get_names("all"))


def objects(cmd: Cmd) -> list[str]:
    """Names of the objects of every kind."""
    return list(cmd.get_names("objects"))


def shown_objects(cmd: Cmd) -> list[str]:
    """Names of the objects that are enabled."""
    return list(cmd.get_names("objects", enabled_only=1))


def selections(cmd: Cmd) -> list[str]:
    """Names of the selections."""
    return list(cmd.get_names("selections"))


def molecules(cmd: Cmd) -> list[str]:
    """Names of the objects that hold atoms of molecules."""
    return without_titles(cmd.get_object_list("all") or [])  # "(all)" is the same and wakes


def without_titles(names: Iterable[str]) -> list[str]:
    """Names of objects but the titles of legends: PyMOL writes words in its scene at an atom, which is no molecule."""
    return [str(name) for name in names if not name.endswith(TITLE)]


def is_there(cmd: Cmd, name: str) -> bool:
    """Whether an object of any kind has exactly this name."""
    return name in objects(cmd)


def states(cmd: Cmd, name: str) -> int:
    """Number of states of an object."""
    return _of(cmd, name, 0, lambda: int(cmd.count_states(f"%{name}")))


def atoms(cmd: Cmd, name: str) -> int:
    """Number of atoms of an object, with and without coordinates: 23 ms for 300,000, where count_atoms takes 8.

    The number of coordinates is there at once, but is another one: of one state, and where NumPy's functions work.
    """
    return _of(cmd, name, 0, lambda: int(cmd.iterate(f"%{name}", "pass")))


def state(cmd: Cmd, name: str) -> int:
    """State of an object that PyMOL shows, which it may not have; 0 for all of them."""

    def ask() -> int:
        if cmd.count_states(f"%{name}") == 1:
            return 1
        return 0 if cmd.get_setting_int("all_states", name) else int(cmd.get_setting_int("state", name))

    return _of(cmd, name, 0, ask)


def is_discrete(cmd: Cmd, name: str) -> bool:
    """Whether each state of an object has atoms of its own."""
    return bool(_of(cmd, name, 0, lambda: int(cmd.count_discrete(name))))


def renderer(cmd: Cmd) -> tuple[str, str, str]:
    """Who draws: vendor, driver, version."""
    vendor, driver, version = (str(words or "") for words in cmd.get_renderer())
    return vendor, driver, version


def title(cmd: Cmd, name: str, state: int) -> str:
    """Title of one state of an object."""
    return _of(cmd, name, "", lambda: str(cmd.get_title(name, state) or ""))


def frame(cmd: Cmd) -> tuple[int, int]:
    """The frame that PyMOL shows, and its state."""
    return int(cmd.get_frame()), int(cmd.get_state())


def movie(cmd: Cmd) -> int:
    """Number of frames of the movie that the user has defined, 0 for none."""
    return int(cmd.get_movie_length()) and int(cmd.count_frames())


def playing(cmd: Cmd) -> bool:
    """Whether PyMOL's own player runs."""
    return bool(cmd.get_movie_playing())


def picked(cmd: Cmd, facts: str = "model, index") -> list[Any]:
    """Facts of each atom that the user has picked with the mouse, as iterate spells them."""
    found: list[Any] = []
    if PICKED in selections(cmd):
        cmd.iterate(PICKED, f"_found.append(({facts}))", space={"_found": found})
    return found


def count_picked(cmd: Cmd) -> int:
    """How many atoms the user has picked with the mouse."""
    return int(cmd.iterate(PICKED, "pass")) if PICKED in selections(cmd) else 0


@contextmanager
def awake(cmd: Cmd) -> Iterator[None]:
    """Around selections: PyMOL's list of objects is drawn anew afterwards and takes clicks again.

    PyMOL's own redraw does not fill the list that a selection has emptied.
    """
    try:
        yield
    finally:
        cmd.refresh_wizard()


def _of(cmd: Cmd, name: str, otherwise: T, ask: Callable[[], T]) -> T:
    """The answer, where the object is there before and after: once it is gone, ``%made`` is ``made_2``."""
    if not is_there(cmd, name):
        return otherwise
    try:
        answer = ask()
    except Exception:
        if is_there(cmd, name):
            raise
        return otherwise
    return answer if is_there(cmd, name) else otherwise
