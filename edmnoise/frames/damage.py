"""What a frame has kept of the structure that it was made from: distances, fold, bonds, chirality, space.

Each measure has its definition in a module of its own: `lddt`, `geometry`, `clashes`. What can be found on the
reference is found once (`Native.of`); frames are then taken some at a time, and work and memory grow as the number of
atoms does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..structure.bonds import find_bonds
from ..structure.levels import as_array
from ..structure.structure import Structure
from ..structure.superpose import superpose
from .clashes import Clashes, clash_score
from .displacement import Frames
from .geometry import (
    Bonds,
    Centres,
    bond_damage,
    centres_flipped,
    contact_pairs,
    contacts_kept,
    find_centres,
    gyration_radius,
)
from .lddt import lddt_by_residue, lddt_scores, local_pairs
from .pairs import Pairs, Points

_MOST_FRAMES = 32
"""Frames that are measured together. An atom's coordinates in all of them are 384 bytes; more gain nothing."""

_PIECE_ATOMS = 1 << 21
"""Most atoms in the frames that are measured together (24 MiB)."""


@dataclass(frozen=True)
class DamageMeasure:
    """One measure: its name in tables, unit ("" for a share), printed decimals, and what it is."""

    name: str
    unit: str
    decimals: int
    help: str


LDDT = DamageMeasure("lDDT", "", 3, "share of local distances kept, superposing nothing: all atoms, within 15 A")
RMSD = DamageMeasure("RMSD", "A", 3, "of all atoms after superposition: a length in 3-D")
CONTACTS = DamageMeasure("contacts kept", "", 3, "of heavy atoms within 4.5 A, of residues that no bond joins")
BOND_LENGTHS = DamageMeasure("bond lengths off", "A", 3, "RMS deviation of bond lengths from the reference's")
BROKEN = DamageMeasure("bonds broken", "", 3, "longer than the covalent radii and 0.45 A allow, or below 0.4 A")
FLIPPED = DamageMeasure("centres flipped", "", 3, "tetrahedral centres whose signed volume has the other sign")
CLASHES = DamageMeasure("clashes", "", 1, "per 1,000 heavy atoms: pairs 0.4 A inside their van der Waals radii")
GYRATION = DamageMeasure("radius of gyration", "A", 2, "RMS distance of the atoms from their mean")

MEASURES = (LDDT, RMSD, CONTACTS, BOND_LENGTHS, BROKEN, FLIPPED, CLASHES, GYRATION)
"""All measures, in the order of tables."""


@dataclass(frozen=True, eq=False, repr=False)
class Native:
    """What there is to be destroyed: pairs, bonds and centres of a structure, found once."""

    structure: Structure
    local: Pairs
    contacts: Pairs
    bonds: Bonds
    centres: Centres
    clashes: Clashes

    @classmethod
    def of(cls, structure: Structure) -> Native:
        """Find them on a structure's own coordinates.

        Raises
        ------
        EdmNoiseError
            Where the pairs do not fit in memory.
        """
        bonds = find_bonds(structure)
        return cls(
            structure,
            local_pairs(structure),
            contact_pairs(structure, bonds),
            Bonds.of(structure, bonds),
            find_centres(structure, bonds),
            Clashes.of(structure, bonds),
        )

    def __repr__(self) -> str:
        counts = (
            (len(self.local), "local distances"),
            (len(self.contacts), "contacts"),
            (len(self.bonds.pairs), "bonds"),
            (len(self.centres), "tetrahedral centres"),
        )
        return f"Native({', '.join(f'{count:,} {name}' for count, name in counts)})"


@dataclass(frozen=True, eq=False, repr=False)
class Damage(Legible):
    """Every measure of every frame.

    Attributes
    ----------
    by_frame
        For each measure (S,); NaN where the structure has nothing that the measure could count.
    lddt_by_residue
        (R,) mean over the frames of each residue's lDDT; NaN for a residue without neighbours.
    """

    by_frame: dict[DamageMeasure, NDArray[np.float64]]
    lddt_by_residue: NDArray[np.float64]

    def mean(self, measure: DamageMeasure) -> float:
        """Mean over the frames."""
        return float(self.by_frame[measure].mean())

    def error(self, measure: DamageMeasure) -> float:
        """Standard error of the mean over the frames: their standard deviation / sqrt(S); NaN for one frame."""
        values = self.by_frame[measure]
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def measure_damage(native: Native, blocks: Iterable[Frames]) -> Damage:
    """Measure what frames have kept of a structure.

    Parameters
    ----------
    native
        Of the structure, from `Native.of`.
    blocks
        (s, N, 3) coordinates, angstrom, some frames at a time (a list with one array of all frames will do).

    Raises
    ------
    EdmNoiseError
        For a wrong shape, no frames, or coordinates that are not finite (naming the frame).

    Examples
    --------
    >>> from edmnoise.structure.structure import Atoms
    >>> atoms = Atoms.make(["CA", "CA"], ["C", "C"], ["GLY", "GLY"], [1, 2], ["A", "A"], ["", ""], [False] * 2)
    >>> pair = Native.of(Structure.from_atoms([[0, 0, 0], [3.8, 0, 0]], atoms))
    >>> moved = np.array([[[0, 0, 0], [5.3, 0, 0]]], np.float32)
    >>> measure_damage(pair, [moved]).mean(LDDT)  # off by 1.5 A: within two of the four thresholds
    0.5
    """
    reference = torch.from_numpy(native.structure.coordinates.T.copy())
    parts: dict[DamageMeasure, list[NDArray[np.float64]]] = {measure: [] for measure in MEASURES}
    by_pair = np.zeros(len(native.local), dtype=np.float64)
    count = 0
    for points in _pieces(blocks, native.structure.n_atoms):
        lddt, scores = lddt_scores(native.local, points)
        by_pair += scores
        off, broken = bond_damage(native.bonds, points)
        found = {
            LDDT: lddt,
            RMSD: as_array(superpose(torch.from_numpy(points).permute(2, 1, 0), reference).rmsd),
            CONTACTS: contacts_kept(native.contacts, points),
            BOND_LENGTHS: off,
            BROKEN: broken,
            FLIPPED: centres_flipped(native.centres, points),
            CLASHES: clash_score(native.clashes, points),
            GYRATION: gyration_radius(points),
        }
        for measure, values in found.items():
            parts[measure].append(values)
        count += points.shape[2]
    if count == 0:
        raise EdmNoiseError("no frames to measure: give at least one")
    by_residue = lddt_by_residue(native.structure, native.local, by_pair / count)
    return Damage({measure: np.concatenate(values) for measure, values in parts.items()}, by_residue)


def _pieces(blocks: Iterable[Frames], atoms: int) -> Iterator[Points]:
    """The frames (N, 3, s) some at a time; EdmNoiseError for a wrong shape or coordinates that are not finite."""
    size = max(1, min(_MOST_FRAMES, _PIECE_ATOMS // atoms))
    done = 0
    for block in blocks:
        if block.ndim != 3 or tuple(block.shape[1:]) != (atoms, 3):
            raise EdmNoiseError(f"frames have the shape {tuple(block.shape)}: give (frames, {atoms}, 3)")
        frames = as_array(block) if isinstance(block, Tensor) else block
        for start in range(0, len(frames), size):
            piece = frames[start : start + size]
            bad = np.flatnonzero(~np.isfinite(piece).all(axis=(1, 2)))
            if bad.size:
                raise EdmNoiseError(f"frame {done + int(bad[0]) + 1} holds NaN or infinite coordinates: remove it")
            yield np.array(piece.transpose(1, 2, 0), dtype=np.float32, order="C")  # torch warns of read-only views
            done += len(piece)
