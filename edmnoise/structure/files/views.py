"""Frames with their colours, as the files that another viewer opens: ChimeraX's and Mol*'s."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...base.coordinates import CoordinatesLike
from ...base.errors import EdmNoiseError
from ...base.shading import Shading
from ..residues import in_polymer
from ..structure import Structure
from .chimerax import write_chimerax
from .mmcif import chain_labels
from .molstar import write_molstar
from .writing import Models, placed_models

Write = Callable[[str, Structure, NDArray[np.bool_], Models, Shading, Sequence[str], "NDArray[np.str_] | None"], int]

VIEWS: dict[str, Write] = {
    ".cxc": write_chimerax,
    ".mvsx": write_molstar,
}
"""What a file's ending asks for."""


def write_view(
    path: str | os.PathLike[str],
    structure: Structure,
    models: Iterable[CoordinatesLike],
    shading: Shading,
    remarks: Sequence[str] = (),
    secondary: NDArray[np.str_] | None = None,
) -> int:
    """Write frames and the colours of their atoms for another viewer.

    Files appear when they are complete: after any error old ones are still there.

    Parameters
    ----------
    path
        Name ending in .cxc: commands for ChimeraX, beside <name>_models.cif and <name>_values.defattr, which they open.
        Or in .mvsx: an archive in the format MolViewSpec, for Mol*, with all that it needs, a snapshot a model.
    structure
        What the N atoms are; its coordinates are not written.
    models
        (N, 3) each, angstrom, as `write_frames` takes them.
    shading
        Values of the atoms in all models, or in each model, and how they are coloured.
    remarks
        Lines of text on where the models come from.
    secondary
        (N,) "H" for atoms of helices, "S" for those of strands, for cartoons that stay what they are in every model;
        viewers look at coordinates where it is not given.

    Returns
    -------
    int
        Number of models written.

    Raises
    ------
    EdmNoiseError
        For another ending, a shading of other atoms or models, a file name that ChimeraX takes for a pattern, and for
        what `write_frames` refuses in an mmCIF file.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in VIEWS:
        raise EdmNoiseError(f"cannot write {os.fspath(path)}: the name must end in {', '.join(VIEWS)}")
    if shading.values.shape[-1] != structure.n_atoms:
        raise EdmNoiseError(
            f"values of {shading.values.shape[-1]:,} atoms for {structure.n_atoms:,}: give one for each"
        )
    chain = np.where(structure.atoms.chain == "", chain_labels(structure), structure.atoms.chain)
    named = replace(structure, atoms=replace(structure.atoms, chain=chain))  # viewers need a name to tell them apart
    polymer = in_polymer(structure.atoms, structure.hierarchy.ancestors(0, 1))
    placed = placed_models(models, structure.n_atoms)
    return VIEWS[ending](os.fspath(path), named, polymer, placed, shading, remarks, secondary)
