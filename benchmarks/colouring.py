"""Colours for 150,000 atoms: palette and paint, beside the bare `alter` that must be in it and beside `spectrum`."""

from __future__ import annotations

import numpy as np
from pymol import cmd

from edmnoise.base.colours import PALETTES, palette_colours
from edmnoise_pymol.scene.painting import paint

from .harness import Result, compare, show

ATOMS = 150_000
PALETTE = PALETTES["dusk"]


def _values() -> np.ndarray:
    """(N,) what is to be coloured, for the object ``mol``: 27 copies of one that PyMOL ships; values also in b."""
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "crystal")
    copies = []
    for copy in range(-(-ATOMS // cmd.count_atoms("crystal"))):
        cmd.alter("crystal", f"segi = 'C{copy}'")
        copies.append(f"copy_{copy}")
        cmd.create(copies[-1], "crystal", 1, 1, zoom=0)
    cmd.create("mol", " or ".join(copies), 1, 1, zoom=0)
    for name in ("crystal", *copies):
        cmd.delete(name)
    cmd.remove(f"mol and index {ATOMS + 1}-")
    assert cmd.count_atoms("mol") == ATOMS
    cmd.show_as("lines", "mol")
    values = np.random.default_rng(0).gamma(2.0, size=ATOMS)
    cmd.alter("mol", "b = value()", space={"value": iter(values.tolist()).__next__})
    return values


def run() -> list[Result]:
    """The range is given to all, and the colours of `alter` are ready as a list."""
    values = _values()
    low, high = float(values.min()), float(values.max())
    for step, colour in enumerate(PALETTE):
        cmd.set_color(f"dusk{step}", list(colour))
    spectrum = " ".join(f"dusk{step}" for step in range(len(PALETTE)))
    packed = palette_colours(values, PALETTE, low, high).astype(int) @ [1 << 16, 1 << 8, 1] + 0x40000000
    ready = packed.tolist()

    def ours() -> None:
        paint(cmd, "mol", palette_colours(values, PALETTE, low, high))

    def bare_alter() -> None:
        cmd.alter("mol", "color = f()", space={"f": iter(ready).__next__})
        cmd.recolor("mol")

    def in_spectrum() -> None:
        cmd.spectrum("b", spectrum, "mol", low, high)

    ours()
    given: list[int] = []
    cmd.iterate("mol", "given.append(color)", space={"given": given})
    if given != ready:
        raise AssertionError("the atoms do not have the colours that they were given")
    job = f"colour {ATOMS:,} atoms"
    results = [
        compare(f"{job}; bare alter of a ready list", ours, bare_alter, 1.3, "at_most", repeats=15),
        compare(f"{job}; spectrum with the same colours", ours, in_spectrum, 5, repeats=5),
    ]
    cmd.reinitialize()
    return results


if __name__ == "__main__":
    print(show(run()))
