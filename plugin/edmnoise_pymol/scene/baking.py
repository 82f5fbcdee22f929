"""A copy of an object whose states have colours of their own."""

from __future__ import annotations

import numpy as np

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.memory import check_frames_fit

from . import arrays, ask
from .ask import Cmd

BAKED_BYTES = 300
"""Memory of one atom in one state of a discrete object inside PyMOL (measured 170 to 260), its picture left out."""


def check_bakable(cmd: Cmd, name: str) -> int:
    """Number of states of an object that `baked_copy` can copy.

    Raises
    ------
    EdmNoiseError
        Where the memory does not hold it.
    """
    states, atoms = ask.states(cmd, name), ask.atoms(cmd, name)
    check_frames_fit(states, BAKED_BYTES * atoms, what="baked states")
    return states


def baked_copy(cmd: Cmd, name: str, target: str) -> None:
    """Make a discrete copy of an object: each state has atoms of its own, in the order of the object's.

    Raises
    ------
    EdmNoiseError
        Where PyMOL put the atoms of a state into another order (nothing is left behind).
    """
    if hasattr(cmd, "set_discrete"):
        cmd.feedback("push")
        cmd.feedback("disable", "executive", "actions")  # copy says twice what it did
        try:
            cmd.copy(target, f"%{name}", zoom=0)
        finally:
            cmd.feedback("pop")
        cmd.set_discrete(target, 1)
    else:  # PyMOL 2.5; settings of the object itself are not copied
        cmd.create(target, f"%{name}", 0, 0, discrete=1, zoom=0)
    last = ask.states(cmd, name)
    for copied, kept in zip(*(arrays.states(cmd, each, 1, last) for each in (target, name)), strict=True):
        if copied is None or kept is None or not np.array_equal(copied, kept):
            cmd.delete(target)
            raise EdmNoiseError(f"PyMOL changed the order of the atoms of {name}: please report this")
