"""The shapes that an object is drawn in."""

from __future__ import annotations

from . import ask
from .ask import Cmd


def cartoon_atoms(cmd: Cmd, name: str) -> int:
    """Number of atoms of an object that are drawn as cartoon."""
    with ask.awake(cmd):
        return int(cmd.count_atoms(f"%{name} and rep cartoon"))


def cartoon_to_ribbon(cmd: Cmd, name: str) -> None:
    """Draw an object's cartoon as ribbon."""
    cmd.show("ribbon", f"%{name} and rep cartoon")
    cmd.hide("cartoon", f"%{name}")
