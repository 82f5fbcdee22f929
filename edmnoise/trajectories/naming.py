"""The structure of a trace that says by itself what its atoms are: ``names`` of run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structure.atoms import Atoms
from ..structure.components import component_of
from ..structure.elements import element_of_name
from ..structure.structure import Structure

NEEDED = ("atom", "residue")
"""Without these no atom can be told from the others."""


def named_rows(names: Any, atoms: int) -> NDArray[np.int64] | None:
    """(M,) which of the N atoms are real: what a model pads its atoms with is no atom. None where nothing says so."""
    mask = _column(names, "mask", atoms)
    if mask is None:
        return None
    rows = np.flatnonzero([value in (1, True) for value in mask])
    return rows if 0 < len(rows) < atoms else None


def named_structure(
    names: Any, coordinates: NDArray[np.float32], rows: NDArray[np.int64] | None = None
) -> Structure | None:
    """The atoms by name; None where names are missing or malformed, or a coordinate is not finite.

    Parameters
    ----------
    names
        As run.json has them: lists of one length N under "atom" and "residue" (numbers); where they are known under
        "residue_name", "chain" and "element" too.
    coordinates
        (N, 3), angstrom.
    rows
        (M,) the atoms that are real; all of them when not given.

    Returns
    -------
    Structure
        Of M atoms. An element that is not said is that of the atom's name.
    """
    found = {key: _column(names, key, len(coordinates)) for key in ("atom", "residue", "residue_name", "chain")}
    kept = np.arange(len(coordinates)) if rows is None else rows
    if any(found[key] is None for key in NEEDED) or not np.isfinite(coordinates[kept]).all():
        return None
    texts = {key: np.array([str(value) for value in found[key] or [""] * len(coordinates)]) for key in found}
    taken = {key: column[kept] for key, column in texts.items()}
    elements = _column(names, "element", len(coordinates))
    said = [""] * len(kept) if elements is None else [str(elements[atom] or "") for atom in kept]
    pairs = zip(said, taken["atom"].tolist(), taken["residue_name"].tolist(), strict=True)
    atoms = Atoms.make(
        name=taken["atom"],
        element=[element or element_of_name(name, residue) for element, name, residue in pairs],
        residue_name=taken["residue_name"],
        number=taken["residue"],
        chain=taken["chain"],
        segment=np.full(len(kept), ""),
        hetero=[component_of(residue) is None for residue in taken["residue_name"].tolist()],
    )
    return Structure.from_atoms(coordinates[kept], atoms)


def _column(names: Any, key: str, atoms: int) -> list[Any] | None:
    """A list of as many values as there are atoms; anything else is as if it were not there."""
    column = names.get(key) if isinstance(names, Mapping) else None
    return column if isinstance(column, list) and len(column) == atoms else None
