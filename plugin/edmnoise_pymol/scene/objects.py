"""Names of objects: which are loaded, which are free, which PyMOL would spell in another way."""

from __future__ import annotations

import os

from edmnoise.base.errors import EdmNoiseError

from . import ask
from .ask import Cmd


def object_of_file(cmd: Cmd, file: str) -> str | None:
    """The loaded object that PyMOL's ``load`` would put a file's models into, for it has the file's name."""
    stem = os.path.basename(file)
    for ending in (".gz", os.path.splitext(stem.removesuffix(".gz"))[1]):
        stem = stem.removesuffix(ending) if ending else stem
    return _holder(cmd, legal_name(cmd, stem))


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
    legal = legal_name(cmd, name)
    if legal != name:
        raise EdmNoiseError(f"{name!r} cannot be an object's name: " + (f"{legal!r} could" if legal else "use letters"))
    holder = _holder(cmd, name)
    if holder:
        raise EdmNoiseError(f"the name {name!r} is taken: give another, or delete {holder} first")
    return name


def legal_name(cmd: Cmd, wish: str) -> str:
    """The wish as PyMOL can spell it."""
    return str(cmd.get_legal_name(wish))


def free_name(cmd: Cmd, wish: str) -> str:
    """The wish as PyMOL can spell it, with a number behind it where it is taken."""
    legal = legal_name(cmd, wish)
    return str(cmd.get_unused_name(legal + "_")) if _holder(cmd, legal) else legal


def _holder(cmd: Cmd, name: str) -> str | None:
    """What has a name already. PyMOL tells names by their letters, not by their case."""
    return next((held for held in ask.names(cmd) if held.lower() == name.lower()), None)
