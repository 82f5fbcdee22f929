"""Atoms with reference coordinates and their nested groups: residues in chains, or in domains in chains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.coordinates import CoordinatesLike, float_array
from ..base.errors import EdmNoiseError
from .atoms import Atoms
from .hierarchy import DOMAIN, LEVELS, WITH_DOMAINS, Hierarchy, Index, as_read
from .residues import chain_labels, residue_labels

LIGANDS = ("residue", "atom")
"""What a group of level 1 is where a residue is no polymer component: the residue, or each of its atoms."""

NO_BONDS = np.empty((0, 3), dtype=np.int64)
NO_BONDS.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Structure:
    """Atoms with reference coordinates and their nested groups; never changed after it is made.

    Parameters
    ----------
    coordinates
        (N, 3) float32, angstrom.
    atoms
        What the file says of each atom.
    hierarchy
        Atoms in residues in chains, or in residues in domains in chains (`with_domains`).
    bonds
        (B, 3) two atoms and the order of the bond (1, 2, 3; 4 for aromatic) that a file or a program gave along; what
        chemistry says by itself need not be among them (`edmnoise.structure.bonds`).
    residue
        (N,) the residue of each atom, where the groups of level 1 are finer.

    Examples
    --------
    >>> structure = Structure.from_atoms(
    ...     [[0, 0, 0], [1.5, 0, 0], [5, 0, 0]],
    ...     Atoms.make(["N", "CA", "CA"], ["N", "C", "C"], ["GLY", "GLY", "ALA"], [1, 1, 2], "A A A".split(),
    ...                ["", "", ""], [False] * 3))
    >>> structure
    Structure(1 chain, 2 residues, 3 atoms)
    """

    coordinates: NDArray[np.float32]
    atoms: Atoms
    hierarchy: Hierarchy
    bonds: NDArray[np.int64] = field(default_factory=lambda: NO_BONDS)
    residue: Index | None = None

    def __post_init__(self) -> None:
        if self.coordinates.shape != (len(self.atoms), 3):
            raise EdmNoiseError(
                f"coordinates have the shape {self.coordinates.shape}: "
                f"{len(self.atoms)} atoms need {(len(self.atoms), 3)}"
            )
        bad = np.flatnonzero(~np.isfinite(self.coordinates).all(axis=1))
        if bad.size:
            raise EdmNoiseError(
                f"{bad.size} of {len(self.atoms)} atoms have NaN or infinite coordinates, "
                f"first {self.label(int(bad[0]))}: remove them or give them coordinates"
            )
        self.coordinates.setflags(write=False)

    @classmethod
    def from_atoms(
        cls,
        coordinates: CoordinatesLike,
        atoms: Atoms,
        file_order: ArrayLike | None = None,
        bonds: NDArray[np.int64] = NO_BONDS,
        ligands: str = "residue",
    ) -> Structure:
        """Find residues and chains by the rule of `edmnoise.structure.residues`.

        Parameters
        ----------
        coordinates
            (N, 3), angstrom: an array, a tensor or lists; copied.
        atoms
            What the file says of each atom.
        file_order
            (N,) rank of each atom in the file it came from, where the atoms have been sorted since (PyMOL does).
        bonds
            (B, 3) as in the class.
        ligands
            "residue", or "atom": then each atom of a residue that is no polymer component (ligands, ions, modified
            residues, but not water) is a group of level 1 by itself, as tokens are in AlphaFold 3.
        """
        if len(atoms) == 0:
            raise EdmNoiseError("no atoms: a structure needs at least one")
        if ligands not in LIGANDS:
            raise EdmNoiseError(f"ligands is {ligands!r}: give {' or '.join(LIGANDS)}")
        order = np.arange(len(atoms)) if file_order is None else np.argsort(np.asarray(file_order), kind="stable")
        residue = np.empty(len(atoms), dtype=np.int64)
        residue[order] = residue_labels(atoms.take(order))
        chain = np.empty(len(atoms), dtype=np.int64)
        chain[order] = chain_labels(atoms.take(order), residue[order])
        whole = Hierarchy.from_labels(LEVELS, [residue, chain])
        xyz = float_array("coordinates", coordinates).astype(np.float32)
        if ligands == "residue":
            return cls(xyz, atoms, whole, bonds)
        single = ~(atoms.in_component | atoms.is_water)
        group = np.where(single, len(atoms) + np.arange(len(atoms)), residue)
        return cls(xyz, atoms, Hierarchy.from_labels(LEVELS, [group, chain]), bonds, whole.ancestors(0, 1))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    @property
    def residue_of_atoms(self) -> Index:
        """(N,) the residue of each atom: its group of level 1, or the one that holds it where these are finer."""
        return self.hierarchy.ancestors(0, 1) if self.residue is None else self.residue

    def take(self, order: Index) -> Structure:
        """The same residues and chains, their atoms in another order or some of them left out (integers)."""
        groups = [self.hierarchy.ancestors(0, level)[order] for level in range(1, self.hierarchy.depth)]
        hierarchy = Hierarchy.from_labels(self.hierarchy.names, groups)
        residue = None if self.residue is None else np.unique(self.residue[order], return_inverse=True)[1].reshape(-1)
        bonds = renumbered(self.bonds, order, self.n_atoms)
        return Structure(self.coordinates[order], self.atoms.take(order), hierarchy, bonds, residue)

    def with_domains(self, labels: ArrayLike) -> Structure:
        """The same atoms with domains between their residues and their chains, in place of those that it had.

        Parameters
        ----------
        labels
            (N,) numbers or texts: the atoms of a domain have the same. Domains lie in chains, so that a label in two
            chains is two domains. `edmnoise.structure.domains` reads them from residue ranges.

        Raises
        ------
        EdmNoiseError
            Unless each atom has a label, and the atoms of a residue the same one.
        """
        given = np.asarray(labels)
        if given.shape != (self.n_atoms,):
            raise EdmNoiseError(f"labels of domains have the shape {given.shape}: {self.n_atoms} atoms need one each")
        label = np.unique(given, return_inverse=True)[1].reshape(-1)
        residue = self.residue_of_atoms
        usual = label[np.unique(residue, return_index=True)[1]][residue]
        split = np.flatnonzero(label != usual)
        if split.size:
            raise EdmNoiseError(f"domains part a residue, at {self.label(int(split[0]))}: give them whole residues")
        kept = self.without_domains().hierarchy
        groups = [kept.ancestors(0, 1), label, kept.ancestors(0, 2)]
        return replace(self, hierarchy=Hierarchy.from_labels(WITH_DOMAINS, groups))

    def without_domains(self) -> Structure:
        """The same atoms in residues in chains; itself where it has no domains."""
        if DOMAIN not in self.hierarchy.names:
            return self
        return replace(self, hierarchy=self.hierarchy.without(DOMAIN))

    @cached_property
    def first_atoms(self) -> NDArray[np.int64]:
        """(R,) the first atom of each residue, where its number and name can be read."""
        residue = self.hierarchy.ancestors(0, 1)
        return np.unique(residue, return_index=True)[1]

    def label(self, atom: int) -> str:
        """One atom as PyMOL writes it: /segment/chain/residue`number/name."""
        return self.atoms.label(atom)

    def __repr__(self) -> str:
        return f"Structure({describe(self.hierarchy)})"


def describe(hierarchy: Hierarchy) -> str:
    """Counts as people read them: "7 chains, 712 residues, 5,684 atoms"."""
    pairs = zip(as_read(hierarchy.counts), as_read(hierarchy.names), strict=True)
    return ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in pairs)


def renumbered(bonds: NDArray[np.int64], kept: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """Bonds (B, 3) among ``count`` atoms as bonds among those at ``kept`` (integers or a mask)."""
    place = np.full(count, -1, dtype=np.int64)
    chosen = np.arange(count)[kept]
    place[chosen] = np.arange(len(chosen))
    ends = place[bonds[:, :2]]
    return np.concatenate([ends, bonds[:, 2:]], axis=1)[(ends >= 0).all(axis=1)]
