"""Helices and strands from residue to residue of a chain: HELIX and SHEET, _struct_conf and _struct_sheet_range.

Where two of them overlap, a residue is of the later one: the one that stands later in a PDB file, the one that begins
later in mmCIF. So PyMOL has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..atoms import distinct
from .connections import loop

HELIX, STRAND = "H", "S"
"""Of a residue, as PyMOL says it."""

_CODE = "pdbx_PDB_ins_code"
_ENDS = ("label_asym_id", "label_comp_id", "label_seq_id", "auth_asym_id", "auth_seq_id")


class Element(NamedTuple):
    """A helix or a strand: HELIX or STRAND, its chain, and the `rank` of its first and its last residue."""

    kind: str
    chain: str
    first: int
    last: int


def rank(number: str) -> int:
    """A residue number with its insertion code, as a number that rises along the chain; the lowest for none.

    Examples
    --------
    >>> rank("-1") < rank("5") < rank("5A") < rank("6")
    True
    """
    found = re.match(r"([+-]?\d+)(.?)", number.strip())
    return (int(found[1]) << 21) + (ord(found[2]) if found[2] else 0) if found else -(1 << 62)


def in_elements(
    elements: Sequence[Element], chain: NDArray[np.str_], number: NDArray[np.str_]
) -> NDArray[np.str_] | None:
    """(N,) HELIX, STRAND or "" of each atom by its chain (N,) and residue number (N,); None for no elements.

    Each element overwrites those before it.
    """
    if not elements:
        return None
    said, which = distinct(number)
    ranks = np.array([rank(text) for text in said], dtype=np.int64)[which]
    members = {name: np.flatnonzero(chain == name) for name in {element.chain for element in elements}}
    kinds = np.zeros(len(chain), dtype="U1")
    for kind, name, first, last in elements:
        at = members[name]
        kinds[at[(ranks[at] >= first) & (ranks[at] <= last)]] = kind
    return kinds


def secondary_categories(
    kinds: NDArray[np.str_], first: NDArray[np.int64], columns: Mapping[str, Sequence[str]]
) -> str:
    """The text of both categories, "" where there is nothing to say.

    Parameters
    ----------
    kinds
        (N,) HELIX, STRAND or anything else of each atom.
    first
        The first atom of each residue.
    columns
        Values of the atoms as they stand in the loop _atom_site; label_seq_id is "." outside polymers.
    """
    chains, sequence = columns["label_asym_id"], columns["label_seq_id"]
    members = [(str(kinds[atom]), chains[atom], atom) for atom in first.tolist() if sequence[atom] != "."]
    runs: dict[str, list[tuple[int, int]]] = {HELIX: [], STRAND: []}
    for (kind, _), run in groupby(members, key=lambda member: member[:2]):
        if kind in runs:
            atoms = [atom for *_, atom in run]
            runs[kind].append((atoms[0], atoms[-1]))

    def ends(run: tuple[int, int]) -> list[str]:
        return [columns[column][atom] for atom in run for column in (*_ENDS, _CODE)]

    tags = []
    for side in ("beg", "end"):
        tags += [*(f"{side}_{column}" for column in _ENDS), f"pdbx_{side}_PDB_ins_code"]
    helices = [["HELX_P", f"HELX_P{number}", *ends(run)] for number, run in enumerate(runs[HELIX], 1)]
    strands = [["A", str(number), *ends(run)] for number, run in enumerate(runs[STRAND], 1)]
    return loop("struct_conf", ["conf_type_id", "id", *tags], helices) + loop(
        "struct_sheet_range", ["sheet_id", "id", *tags], strands
    )
