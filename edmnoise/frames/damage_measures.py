"""What can be destroyed, a line each: names, units and how it is drawn; how it is measured is in `damage`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class DamageMeasure:
    """One measure.

    Attributes
    ----------
    name
        As tables have it.
    unit
        "A", or "" for a share or a count.
    decimals
        That are printed.
    help
        What it is, in a few words.
    kind
        "share" (from 0 to 1), "length" (which may run over decades, as the noise does) or "count".
    drawn_as
        Its name in figures, where that is another.
    of_itself
        Whether the structure itself has a value worth telling: it is no comparison with the structure.
    in_report
        Whether the report of a sweep draws it.
    """

    name: str
    unit: str
    decimals: int
    help: str
    kind: str = "share"
    drawn_as: str = ""
    of_itself: bool = False
    in_report: bool = False


LDDT = DamageMeasure(
    "lDDT", "", 3, "share of local distances kept, superposing nothing: all atoms, within 15 A", in_report=True
)
RMSD = DamageMeasure("RMSD", "A", 3, "of all atoms after superposition: a length in 3-D", kind="length", in_report=True)
CONTACTS = DamageMeasure(
    "contacts kept", "", 3, "of heavy atoms within 4.5 A, of residues that no bond joins", in_report=True
)
BOND_LENGTHS = DamageMeasure(
    "bond lengths off", "A", 3, "RMS deviation of bond lengths from the reference's", kind="length", in_report=True
)
BROKEN = DamageMeasure("bonds broken", "", 3, "longer than the covalent radii and 0.45 A allow, or below 0.4 A")
FLIPPED = DamageMeasure("centres flipped", "", 3, "tetrahedral centres whose signed volume has the other sign")
CLASHES = DamageMeasure(
    "clashes",
    "",
    1,
    "per 1,000 heavy atoms: pairs 0.4 A inside their van der Waals radii",
    kind="count",
    drawn_as="clashes per 1,000 atoms",
    of_itself=True,
)
GYRATION = DamageMeasure(
    "radius of gyration", "A", 2, "RMS distance of the atoms from their mean", kind="length", of_itself=True
)

MEASURES = (LDDT, RMSD, CONTACTS, BOND_LENGTHS, BROKEN, FLIPPED, CLASHES, GYRATION)
"""All measures, in the order of tables."""


def drawn_between(measure: DamageMeasure, values: Sequence[float], own: float = math.nan) -> tuple[float, float]:
    """The ends of an axis: from 0 what counts or is a length off, of shares all, of lDDT what there is up to 1, of
    sizes what there is.

    Parameters
    ----------
    values
        Of the states; one of them at least is a number.
    own
        What the structure itself has, NaN for nothing.
    """
    if measure is LDDT:
        return below_one(min(value for value in values if not math.isnan(value)))
    if measure.kind == "share":
        return -0.03, 1.03
    there = [value for value in (*values, own) if not math.isnan(value)]
    low, high = min(there), max(there)
    if measure is GYRATION:
        room = max(0.12 * (high - low), 0.1)
        return low - room, high + room
    return 0.0, 1.1 * high or 1.0


def below_one(lowest: float) -> tuple[float, float]:
    """The ends of an axis of shares that are near 1."""
    room = max(1 - lowest, 0.02)
    return 1 - 1.1 * room, 1 + 0.05 * room
