"""What is listed, and the files that it is written to."""

from __future__ import annotations

from .colours import LEVEL
from .knob import text, word

TABLE = text("file", None, "also write the table, as .csv or .json")
FIGURE = text("file", None, "also write the table (.csv, .json) or a figure (.png, .svg, .pdf)")
DAMAGE_FILE = FIGURE.but(
    help="also write the table with its standard errors (.csv, .json), or a figure of every measure (.png, .svg, .pdf)"
)
LEVELS_FILE = FIGURE.but(
    help="also write the table (.csv, .json) or, with by=state, a figure of every level over the states (.png, .svg, "
    ".pdf)"
)
QUALITY_FILE = FIGURE.but(help="also write the table (.csv, .json), or a figure of every measure (.png, .svg, .pdf)")
ERROR_FILE = FIGURE.but(
    help="also write the table with its standard errors (.csv, .json), or its figure (.png, .svg, .pdf)"
)
MAP_FILE = FIGURE.but(
    help="also write the map as a figure (.png, .svg, .pdf), or all of its 5,050 weights as a table (.csv, .json)"
)
STEPS_FILE = FIGURE.but(help="also write the table (.csv, .json) or its figure (.png, .svg, .pdf)")

SAVED_FILES = {
    "pdb": "PDB",
    "cif": "mmCIF",
    "cxc": "ChimeraX",
    "mvsx": "Mol*",
    "dcd": "DCD trajectory",
    "xtc": "XTC trajectory",
}
"""Endings of the files that frames are saved to, and what each is."""

FRAMES_FILE = text(
    "file", help="a name that ends in " + ", ".join(f".{ending} ({kind})" for ending, kind in SAVED_FILES.items())
)
FILM = text("file", help="a name that ends in .png, .gif or .mp4")
SAVED_LEVEL = LEVEL.but(
    default="atom",
    words={"atom": "atom", "residue": "residue"},
    help="atom, or residue for one pseudo-atom at the centre of each residue",
)
B_FACTORS = word(
    "b",
    ("displacement", "residue"),
    None,
    "displacement, for B factors that are the RMS displacement from state 1 in the other states, angstrom per "
    "coordinate, or residue, for that of the atom's residue in its chain, which colours an object of edm_noise",
    usual="the B factors of the object",
)

BY = word(
    "by",
    {"summary": "summary", "residue": "every residue", "atom": "every atom", "state": "every frame"},
    "summary",
    "summary, residue, atom, or state (every level in each state)",
    tip="What a row is: a level, a residue, an atom or a frame; lengths are RMS per coordinate, in angstrom",
)
DAMAGE_BY = word(
    "by",
    ("summary", "residue"),
    "summary",
    "summary (every measure), or residue (each residue's lDDT at every noise level)",
)
QUALITY_BY = word(
    "by",
    ("summary", "state", "residue"),
    "summary",
    "summary (every measure over the states), state (every measure of each state), or residue (each residue's lDDT)",
)
COMPARE_BY = word(
    "by",
    ("summary", "step", "samples"),
    "summary",
    "summary (a row for each run), step (what each level has to go at each step of each run), or samples (what the "
    "samples of each run are worth, as in edm_judge)",
)
SIGNAL_BY = word("by", ("level", "z"), "level", "level (what is spent on each), or z (a row for each noise level)")
