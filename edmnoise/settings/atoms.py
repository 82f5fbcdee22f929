"""Which atoms: selection, state, hydrogens, solvent, ligands; and what displacements are measured from."""

from __future__ import annotations

from ..frames.names import ALIGNMENTS
from .knob import switch, text, whole, word

SELECTION = text("selection", help="atoms of one object")
DATA = SELECTION.but(
    help="atoms of one object, whose states are the data, or of several objects, the shown state of each"
)
STATE = whole(
    "state",
    -1,
    "state of the input, -1 for the one shown",
    tip="State of the object, or the one that PyMOL shows",
)
STATES = STATE.but(
    default=0,
    help="the state that is the data, -1 for the one shown; 0 for all states of the object, or the shown "
    "one of each object",
)
HYDROGENS = switch("hydrogens", True, "keep hydrogens")
SOLVENT = switch("solvent", False, "keep solvent", tip="Keep water and other solvent")
LIGANDS = word(
    "ligands",
    {"residue": "as residues", "atom": "atom by atom"},
    "residue",
    "what a group of the residue level is in ligands, ions and modified residues: residue, or atom, as tokens are in "
    "AlphaFold 3",
)
DOMAINS = text(
    "domains",
    None,
    'selections or residue ranges with "|" between them ("resi 4-20 | A:21-35"), rest as the last for what is left; '
    "or ss (each run of secondary structure), segi or custom (atoms with the same value), none (no domains)",
    {"ss": "secondary structure", "segi": "segments", "custom": "the property custom", "none": "no domains"},
    usual="those that it has are printed",
    tip="Domains between residues and chains: selections with | between them, ss, segi, custom or none",
)
COMMON = switch("common", False, "where states do not have the same atoms, take those that all have")
MOVE = text(
    "move",
    None,
    "a selection of the atoms that move, the others are held where they are",
    usual="all atoms",
    tip="Selection of the atoms that move; the others are held where they are. Empty: all move",
)

OBJECT = text("name", help="an object of two or more states")
SHOWN_OBJECT = OBJECT.but(help="an object")
SAVED_OBJECT = OBJECT.but(help="a molecular object")
ORIGIN = text(
    "origin",
    "first",
    "what states are measured from: first or last, a state's number, or another object (its shown state; a single "
    "state is enough to measure then)",
    {"first": "first state", "last": "last state"},
    tip="What displacements are measured from: the first state (the reference of frames), the last (the end of a "
    "trajectory), a state's number, or another object's name",
)
ALIGN = word(
    "align",
    dict(zip(ALIGNMENTS, ("as they are", "centred", "superposed"), strict=True)),
    "none",
    "what to remove from each state first: none, center (the translation) or superpose (translation and rotation)",
)
MEASURED_COMMON = COMMON.but(
    help="where states do not hold the same atoms, measure those that all hold; 0 names the atoms that differ"
)
MEASURED_HYDROGENS = HYDROGENS.but(help="measure hydrogens")
MEASURED_SOLVENT = SOLVENT.but(default=None, help="measure solvent", usual="where all states hold the same")
