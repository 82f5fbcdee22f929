"""How frames are coloured and filmed."""

from __future__ import annotations

from ..base.colours import DEFAULT_PALETTE, PALETTES
from .knob import real, switch, text, whole, word

LEVEL = word(
    "level",
    ("atom", "residue", "domain", "chain"),
    "residue",
    "whose displacement colours the atoms, in angstrom (RMS per coordinate): atom, residue, domain (where the object "
    "has domains) or chain",
    tip="Whose displacement colours the atoms, in angstrom (RMS per coordinate)",
)
MEASURE = word(
    "measure",
    {"displacement": "displacement", "lddt": "lDDT"},
    "displacement",
    "what colours the atoms: displacement, or lddt, the share of its distances within 15 A that each residue has kept "
    "(without level and align: it aligns nothing)",
    tip="Displacement, or the lDDT of each residue: the share of its distances within 15 A that it has kept",
)
RELATIVE = switch(
    "relative",
    True,
    "relative to the level above (an atom in its residue, a residue in its chain), or absolute; chains are absolute",
)
OVER = word(
    "over",
    {"mean": "mean of all frames", "max": "maximum of all frames", "state": "this frame"},
    "mean",
    "mean (RMS over the states; of lDDT the mean), max (of lDDT the lowest), or state (the state that is shown)",
    tip="RMS over the frames, the largest, or that of the state that is shown",
)
PALETTE = text(
    "palette",
    DEFAULT_PALETTE,
    ", ".join(PALETTES)
    + ', or two or more of PyMOL\'s colours from the lowest to the highest, joined by "_" or spaces',
    words=tuple(PALETTES),
    tip="A palette, or two or more of PyMOL's colours from the lowest to the highest: white red",
)
MINIMUM, MAXIMUM = (
    real(
        name,
        None,
        f"displacement that takes the {end} colour, in angstrom, RMS per coordinate, or lDDT; values within 0.001 of "
        "each other get one colour",
        unit="A",
        usual=f"the {which} of the values",
        tip=f"Displacement that takes the {end} colour, in angstrom; automatic for the {which} of the values",
    )
    for name, end, which in (("minimum", "first", "lowest"), ("maximum", "last", "highest"))
)
FOLLOW = switch(
    "follow",
    False,
    "keep colouring by the state that is shown while it changes, on one range for all states; needs PyMOL's window, "
    "up to 6,000 atoms",
    tip="Keep colouring by the frame that is shown while it plays; up to 6,000 atoms",
)
SHARED = switch(
    "shared",
    True,
    "with follow or bake, one range for all states; 0 gives each state its own, the lowest and the highest of its "
    "values",
    tip="Followed or baked: one range in angstrom for all frames, or each frame on its own",
)
BAKE = switch(
    "bake",
    False,
    "leave the object as it is and make a copy, <object>_baked, whose states carry their own colours: it plays "
    "smoothly at any size and is kept in sessions. It takes 300 bytes for each atom in each state",
)
LEGEND = switch(
    "legend",
    False,
    "show the range in the scene, as <object>_legend and its title, which ray tracing and sessions keep; 0 removes it; "
    "not for baked states with a range each",
    tip="Show the range in angstrom in the scene too; ray tracing and sessions keep it",
)
RESET = switch(
    "reset",
    False,
    "give back the colours that the object came with, before edm_noise, edm_sample or edm_color first coloured it; "
    "the other arguments have no meaning then",
)

WIDTH = whole("width", 0, "pixels, 0 for those of the window", low=0, tip="Width of exported pictures in pixels")
HEIGHT = WIDTH.but(name="height")
RAY = switch("ray", False, "trace rays, slowly and finely", tip="Trace rays for exported pictures: slow and fine")
OVERWRITE = switch(
    "overwrite", False, "replace files that are there already", tip="Replace pictures that are there already"
)
FPS = real("fps", 10.0, "frames of a film a second")
