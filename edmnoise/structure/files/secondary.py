"""Helices and strands as mmCIF says them: _struct_conf and _struct_sheet_range, from residue to residue of a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from .connections import loop

HELIX, STRAND = "H", "S"
"""Of a residue, as PyMOL says it."""

_ENDS = ("label_asym_id", "label_comp_id", "label_seq_id", "auth_asym_id", "auth_seq_id")


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
        return [columns[column][atom] for atom in run for column in _ENDS]

    tags = [f"{side}_{column}" for side in ("beg", "end") for column in _ENDS]
    helices = [["HELX_P", f"HELX_P{number}", *ends(run)] for number, run in enumerate(runs[HELIX], 1)]
    strands = [["A", str(number), *ends(run)] for number, run in enumerate(runs[STRAND], 1)]
    return loop("struct_conf", ["conf_type_id", "id", *tags], helices) + loop(
        "struct_sheet_range", ["sheet_id", "id", *tags], strands
    )
