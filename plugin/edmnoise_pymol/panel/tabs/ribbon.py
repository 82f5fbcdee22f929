"""Where PyMOL's cartoon is what takes the time, say so and offer the ribbon instead."""

from __future__ import annotations

from ...scene import ask, shapes
from ..session import Session

MANY = 20_000
"""Atoms whose cartoon takes PyMOL most of a second to build, at each step of Live and at each frame that is played."""


def offer_ribbon(session: Session, name: str) -> None:
    """Offer to draw one of our own objects as ribbon, where it has a large cartoon."""
    if ask.atoms(session.cmd, name) < MANY:
        return
    atoms = shapes.cartoon_atoms(session.cmd, name)
    if atoms < MANY:
        return

    def change() -> None:
        if name in session.sight.molecules:
            shapes.cartoon_to_ribbon(session.cmd, name)
            session.said.emit(f"{name} is drawn as ribbon")

    words = f"{name}: PyMOL builds the cartoon of {atoms:,} atoms anew at each step; a ribbon is drawn much sooner"
    session.offered.emit(words, "Ribbon", change)
