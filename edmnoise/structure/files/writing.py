"""Frames as a file of models, which come one after another and are never all in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.coordinates import CoordinatesLike, float_array
from ...base.errors import EdmNoiseError
from ...base.files import replacing
from ..hierarchy import LEVELS, Hierarchy, check_three
from ..structure import Atoms, Structure, in_polymer
from .layout import Layout
from .mmcif import MmcifLayout
from .pdb import PdbLayout

Path = str | os.PathLike[str]

LAYOUTS: dict[str, type[Layout]] = {
    ".pdb": PdbLayout,
    ".ent": PdbLayout,
    ".cif": MmcifLayout,
    ".mmcif": MmcifLayout,
}
"""What a file's ending asks for."""


def write_frames(
    path: Path,
    structure: Structure,
    models: Iterable[CoordinatesLike],
    level: str = "atom",
    remarks: Sequence[str] = (),
) -> int:
    """Write frames of a structure as the models of a PDB or mmCIF file.

    The file appears when it is complete: after any error the old one is still there. Occupancies, B factors and charges
    are the structure's, and so are the bonds that a reader could not know (`edmnoise.structure.files.connections`). One
    model alone stands in a PDB file without MODEL records.

    Parameters
    ----------
    path
        Name ending in .pdb or .ent (PDB), or in .cif or .mmcif (mmCIF).
    structure
        What the N atoms are; its coordinates are not written.
    models
        (N, 3) each, angstrom: an array (S, N, 3), a list, or a generator, of which three models are held at most.
        By custom the first one is the reference.
    level
        "atom", or, of three levels, "residue" for one pseudo-atom at the mean of each residue's atoms: in a polymer a
        carbon named CA, nucleotides too, so that viewers draw a trace; elsewhere with the name and element of the first
        atom. Its occupancy and B factor are the means of the residue's, without charge and bonds.
    remarks
        Lines of text on where the models come from: REMARK 6 of a PDB file, _software.description of an mmCIF file.

    Returns
    -------
    int
        Number of models written.

    Raises
    ------
    EdmNoiseError
        If the kind of file is unknown or cannot hold these atoms or coordinates (the sentence names the limit; mmCIF
        has hardly any), if a model is not (N, 3) finite numbers, if there is no model, or if the file cannot be
        written.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in LAYOUTS:
        raise EdmNoiseError(f"cannot write {os.fspath(path)}: the name must end in {', '.join(LAYOUTS)}")
    if level not in ("atom", "residue"):
        raise EdmNoiseError(f"cannot write the level {level!r}: give atom or residue")
    structure = structure.without_domains()  # of which files know nothing
    polymer = in_polymer(structure.atoms, structure.hierarchy.ancestors(0, 1))
    if level == "atom":
        layout = LAYOUTS[ending](path, structure, polymer, remarks)
    else:
        layout = LAYOUTS[ending](path, _centres(structure, polymer), polymer[structure.first_atoms], remarks)
    count = 0
    with replacing(path) as handle:
        handle.write(layout.head)
        for number, model in _numbered(models):
            xyz = _checked(model, number or 1, structure.n_atoms)
            if level == "residue":
                xyz = _means(xyz, structure.hierarchy)
            for part in layout.model(number, xyz):
                handle.write(part)
            count += 1
        if count == 0:
            raise EdmNoiseError(f"no models to write to {os.fspath(path)}: give at least one")
        handle.write(layout.tail)
    return count


def _numbered(models: Iterable[CoordinatesLike]) -> Iterator[tuple[int | None, CoordinatesLike]]:
    """The models with their numbers from 1, without a number where there is only one."""
    sequence = iter(models)
    head = list(islice(sequence, 2))
    if len(head) == 1:
        yield None, head[0]
    else:
        yield from enumerate(chain(head, sequence), 1)


def _checked(model: CoordinatesLike, number: int, n_atoms: int) -> NDArray[np.float64]:
    xyz = float_array(f"model {number}", model).astype(np.float64, copy=False)
    if xyz.shape != (n_atoms, 3):
        raise EdmNoiseError(f"model {number} has the shape {xyz.shape}: {n_atoms} atoms need {(n_atoms, 3)}")
    bad = np.flatnonzero(~np.isfinite(xyz).all(axis=1))
    if bad.size:
        raise EdmNoiseError(
            f"model {number} has NaN or infinite coordinates in {bad.size} of {n_atoms} atoms, "
            f"first in atom {bad[0] + 1}: leave the model out"
        )
    return xyz


def _centres(structure: Structure, polymer: NDArray[np.bool_]) -> Structure:
    """A structure of one pseudo-atom per residue, in the order of the residues."""
    check_three(structure.hierarchy)
    first = structure.first_atoms
    atoms = structure.atoms.take(first)
    traced = polymer[first]
    residue, sizes = structure.hierarchy.ancestors(0, 1), structure.hierarchy.sizes(1)
    named = Atoms.make(
        name=np.where(traced, "CA", atoms.name),
        element=np.where(traced, "C", atoms.element),
        residue_name=atoms.residue_name,
        number=atoms.number,
        chain=atoms.chain,
        segment=atoms.segment,
        hetero=atoms.hetero,
        occupancy=np.bincount(residue, structure.atoms.occupancy) / sizes,
        b_factor=np.bincount(residue, structure.atoms.b_factor) / sizes,
    )
    hierarchy = Hierarchy(LEVELS, (np.arange(len(first)), structure.hierarchy.parents[1]))
    return Structure(_means(structure.coordinates, structure.hierarchy).astype(np.float32), named, hierarchy)


def _means(xyz: NDArray[np.floating[Any]], hierarchy: Hierarchy) -> NDArray[np.float64]:
    """(R, 3) means of the residues' atoms."""
    import torch  # atoms are written without it

    from ..levels import as_array, atom_means

    values = torch.tensor(xyz.T, dtype=torch.float64)
    return as_array(atom_means(values, hierarchy, [1])[1]).T
