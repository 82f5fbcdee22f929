"""Which atoms, in which state: what a user selects, as every reader of the scene and every job takes it."""

from __future__ import annotations

from dataclasses import dataclass

from edmnoise.base.legible import Legible


@dataclass(frozen=True, repr=False)
class Selected(Legible):
    """Atoms, and the states that they are read in.

    Attributes
    ----------
    text
        A selection as PyMOL reads it: atoms of one object or, where their states are the data, of several.
    state
        The one that is read, -1 for the one that is shown; 0 for all, where states are the data (the shown one of each
        of several objects).
    hydrogens, solvent
        Whether they are kept.
    ligands
        "residue" or "atom": what a group of level 1 is outside polymers.
    common
        Whether to take the atoms that all states have, where they do not have the same.
    move
        A selection of the atoms that move, the others being held where they are; all move where it is not given.
    """

    text: str
    state: int = -1
    hydrogens: bool = True
    solvent: bool = False
    ligands: str = "residue"
    common: bool = False
    move: str | None = None

    def inside(self, name: str) -> str:
        """The selection of those that are in an object."""
        return f"({self.text}) and %{name}"
