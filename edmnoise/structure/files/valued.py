"""Which rows tell the values of all atoms: residues by chain and number where these are enough, else atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.shading import Shading
from ..atoms import Atoms


def residue_rows(atoms: Atoms, shading: Shading) -> NDArray[np.int64] | None:
    """The first atom of each chain and residue number, or None if atoms of one differ in their values.

    Residues with an insertion code come last: what names them without it, where codes may be left out, comes before.
    """
    keys = np.stack([atoms.chain, atoms.number], axis=1)
    _, first, member = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    values = shading.rows
    if not np.array_equal(values, values[:, first[member.reshape(-1)]], equal_nan=True):
        return None
    first = np.sort(first)
    coded = np.array([not text.lstrip("-").isdigit() for text in atoms.number[first].tolist()], dtype=np.bool_)
    return first[np.argsort(coded, kind="stable")]


def check_models(shading: Shading, count: int) -> None:
    """EdmNoiseError where each model has values of its own, and there were others than these."""
    if shading.by_model and count != len(shading.rows):
        raise EdmNoiseError(f"values of {len(shading.rows):,} models for {count:,}: give as many")
