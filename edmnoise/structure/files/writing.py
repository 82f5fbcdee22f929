"""Frames as a file of models or a trajectory: they come one after another and are never all in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, islice
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...base.coordinates import CoordinatesLike, float_array
from ...base.errors import EdmNoiseError
from ...base.files import replacing
from ..atoms import Atoms
from ..hierarchy import LEVELS, Hierarchy, check_three
from ..residues import in_polymer
from ..structure import Structure
from .dcd import DcdWriter
from .layout import Layout
from .mmcif import MmcifLayout
from .pdb import PdbLayout
from .xtc import xtc_writer

Path = str | os.PathLike[str]

LAYOUTS: dict[str, type[Layout]] = {
    ".pdb": PdbLayout,
    ".ent": PdbLayout,
    ".cif": MmcifLayout,
    ".mmcif": MmcifLayout,
}
"""What a file's ending asks for, of files of models."""

Models = Iterator[tuple[int | None, NDArray[np.float64]]]
"""Coordinates (N, 3), angstrom, with their numbers from 1; without a number where there is one alone."""


def write_frames(
    path: Path,
    structure: Structure,
    models: Iterable[CoordinatesLike],
    level: str = "atom",
    remarks: Sequence[str] = (),
) -> int:
    """Write frames of a structure: models of a PDB or mmCIF file, or a DCD or XTC trajectory beside its first model.

    The file appears when it is complete: after any error the old one is still there. Occupancies, B factors and charges
    are the structure's, and so are the bonds that a reader could not know (`edmnoise.structure.files.connections`). One
    model alone stands in a PDB file without MODEL records.

    Parameters
    ----------
    path
        Name ending in .pdb or .ent (PDB), in .cif or .mmcif (mmCIF), or in .dcd or .xtc: all frames, the first one
        too, which also lies beside in <name>_first.pdb, for a trajectory does not say what its atoms are.
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
        has hardly any), if a model is not (N, 3) finite numbers, if there is no model, if the file cannot be written,
        or if what writes XTC files is not installed.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in LAYOUTS and ending not in TRAJECTORIES:
        raise EdmNoiseError(
            f"cannot write {os.fspath(path)}: the name must end in {', '.join((*LAYOUTS, *TRAJECTORIES))}"
        )
    if level not in ("atom", "residue"):
        raise EdmNoiseError(f"cannot write the level {level!r}: give atom or residue")
    structure = structure.without_domains()  # of which files know nothing
    polymer = in_polymer(structure.atoms, structure.hierarchy.ancestors(0, 1))
    placed, rows = placed_models(models, structure.n_atoms), structure
    if level == "residue":
        placed = ((number, _means(xyz, structure.hierarchy)) for number, xyz in placed)
        rows, polymer = _centres(structure, polymer), polymer[structure.first_atoms]
    if ending in TRAJECTORIES:
        return _write_trajectory(os.fspath(path), rows, polymer, placed, remarks)
    layout = LAYOUTS[ending](path, rows, polymer, remarks)
    with replacing(path) as handle:
        return write_models(handle, layout, placed)


def write_models(handle: IO[bytes], layout: Layout, models: Models) -> int:
    """Write a file of models to what is open, and return how many there were; EdmNoiseError for none."""
    count = 0
    handle.write(layout.head)
    for number, xyz in models:
        for part in layout.model(number, xyz):
            handle.write(part)
        count += 1
    handle.write(layout.tail)
    return _some(count, layout.path)


def _write_trajectory(
    path: str, rows: Structure, polymer: NDArray[np.bool_], models: Models, remarks: Sequence[str]
) -> int:
    stem, ending = os.path.splitext(path)
    layout = PdbLayout(f"{stem}_first.pdb", rows, polymer, remarks)
    _check_shared(stem, ending.lower(), layout.path, rows.n_atoms)
    count = 0
    with replacing(layout.path) as first, TRAJECTORIES[ending.lower()](path, rows.n_atoms) as write:
        for _, xyz in models:
            if count == 0:
                write_models(first, layout, iter([(None, xyz)]))
            write(xyz[None].astype(np.float32))
            count += 1
        return _some(count, path)


def _check_shared(stem: str, ending: str, first: str, atoms: int) -> None:
    """EdmNoiseError where another trajectory is of the first model that would be replaced, and of other atoms."""
    others = [f"{stem}{other}" for other in TRAJECTORIES if other != ending and os.path.exists(f"{stem}{other}")]
    if not others or not os.path.exists(first):
        return
    with open(first, "rb") as handle:
        before = sum(line.startswith((b"ATOM", b"HETATM")) for line in handle)
    if before != atoms:
        raise EdmNoiseError(
            f"{first} says what the {before:,} atoms of {others[0]} are, and {stem}{ending} would have {atoms:,}: "
            "give another name"
        )


@contextmanager
def _dcd_writer(path: str, atoms: int) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    with replacing(path) as handle:
        writer = DcdWriter(handle, 0, atoms)
        yield writer.write
        writer.say_how_many()


TRAJECTORIES: dict[str, Callable[[str, int], AbstractContextManager[Callable[[NDArray[np.float32]], None]]]] = {
    ".dcd": _dcd_writer,
    ".xtc": lambda path, _: xtc_writer(path),
}
"""What a file's ending asks for, of files that hold coordinates alone: what adds (s, N, 3), angstrom, to a new one."""


def placed_models(models: Iterable[CoordinatesLike], atoms: int) -> Models:
    """Models as they are to be written; EdmNoiseError for one that is not (N, 3) finite numbers."""
    sequence = iter(models)
    head = list(islice(sequence, 2))
    numbered = zip([None], head, strict=True) if len(head) == 1 else enumerate(chain(head, sequence), 1)
    del head
    for number, model in numbered:
        yield number, _checked(model, number or 1, atoms)


def _some(count: int, path: str) -> int:
    if count == 0:
        raise EdmNoiseError(f"no models to write to {path}: give at least one")
    return count


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
