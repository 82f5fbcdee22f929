"""Where PyMOL's cartoon is what takes the time, say so and offer the ribbon instead."""

from __future__ import annotations

from ...scene import ask
from ..session import Session

MANY = 20_000
"""Atoms whose cartoon takes PyMOL most of a second to build, at each step of Live and at each frame that is played."""


def offer_ribbon(session: Session, name: str) -> None:
    """Offer to draw one of our own objects as ribbon, where it has a large cartoon."""
    cartoon = f"%{name} and rep cartoon"
    if ask.atoms(session.cmd, name) < MANY:
        return
    with ask.awake(session.cmd):
        atoms = session.cmd.count_atoms(cartoon)
    if atoms < MANY:
        return

    def change() -> None:
        if name in session.sight.molecules:
            session.cmd.show("ribbon", cartoon)
            session.cmd.hide("cartoon", f"%{name}")
            session.said.emit(f"{name} is drawn as ribbon")

    words = f"{name}: PyMOL builds the cartoon of {atoms:,} atoms anew at each step; a ribbon is drawn much sooner"
    session.offered.emit(words, "Ribbon", change)
