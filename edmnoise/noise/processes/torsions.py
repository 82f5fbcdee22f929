"""phi_b = phi_b,0 + t sigma g_b for each bond b that turns, g_b ~ N(0, 1): bond lengths, angles and rings stay.

Angles get a wrapped normal, as those of a backbone in FoldingDiff (Wu et al., Nat. Commun. 15, 1059 (2024)) and of
a ligand in DiffDock (Corso et al., arXiv:2210.01776). Which bonds turn says `edmnoise.structure.torsions`. Along the
tree of rigid groups, rotations multiply and pivots add up,

    R_g = R_parent L_g,    p_g = p_parent + R_parent (p_g,0 - p_parent,0),

L_g being the turn about the bond that g hangs by, where it lay. A root is in the middle of its molecule.

A piece of a polymer keeps the mean of its atoms, and its root the way it faces: FoldingDiff's chain has no place of its
own. Every other molecule also moves as DiffDock's ligand does: its mean by N(0, sigma^2) per coordinate, its root by
IGSO(3) with s = t sigma.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...structure.residues import in_polymer
from ...structure.structure import Structure
from ...structure.torsions import RigidGroups, rigid_groups
from ..igso3 import rotations
from .bodies import Bodies, Numbers, in_lanes, taken, turned
from .descent import Descent
from .forward import Drawer, ForwardNoise, vectors

Array = NDArray[np.float64]

_NO_BOND = 1e-6
"""Angstrom below which two bonded atoms are in one place, and their bond has no direction: any serves."""


class TorsionNoise(ForwardNoise):
    """Bonds turn, and what they hold together stays rigid.

    Parameters
    ----------
    structure
        Its bonds are found by `edmnoise.structure.bonds.find_bonds`.
    turn
        Radians of a torsion's standard deviation per angstrom of sigma, and of a ligand's rotation. DiffDock's range is
        .31 at its least level (.1 A) and .17 at its highest (19 A); FoldingDiff's angles have no angstrom.
    omega
        What peptide bonds turn of that: 1 as in FoldingDiff, 0 to keep them as they are.

    Raises
    ------
    EdmNoiseError
        Where no bond turns, and for a negative ``turn`` or ``omega``.
    """

    name = "torsions"

    def __init__(self, structure: Structure, turn: float = 0.02, omega: float = 1.0) -> None:
        super().__init__(structure)
        if turn < 0:
            raise EdmNoiseError(f"turn is {turn:g} radians per angstrom: give 0 or more")
        if omega < 0:
            raise EdmNoiseError(f"omega is {omega:g}: give 0 (peptide bonds stay) or more (1: they turn as others do)")
        self.turn, self.omega = turn, omega
        groups = rigid_groups(structure)
        if not len(groups.turning):
            raise EdmNoiseError(
                f"torsions noise needs bonds that turn, and these {structure.n_atoms:,} atoms have none: give a "
                "polymer with its backbone or a flexible ligand, or choose another process"
            )
        self.layout = _Layout(structure, groups)

    @classmethod
    def on(cls, structure: Structure, turn: float, omega: float) -> TorsionNoise:
        """The noise of a structure's torsions, as `edmnoise.noise.process.NoiseChoice` asks for it."""
        return cls(structure, turn, omega)

    def _drawer(self, around: Array, lanes: int) -> Drawer:
        return _Torsions(self, around, lanes)


class _Layout:
    """Rigid groups in the order in which products along their tree are taken.

    Attributes
    ----------
    group
        (N,) place of each atom's group.
    bond
        (G, 2) the bond that the group at each place hangs by.
    turning, free
        Places of the groups that hang on a bond, in the order of `RigidGroups`, and of the roots of molecules without
        a polymer: normal numbers are theirs in this order.
    peptide
        Whether the bond of each of ``turning`` is a peptide bond.
    molecule
        (G,) molecule of the group at each place, and how many atoms each molecule has: ``sizes``.
    """

    def __init__(self, structure: Structure, groups: RigidGroups) -> None:
        self.descent = Descent(groups.parent)
        order = self.descent.order
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self.group, self.bond, self.molecule = place[groups.group], groups.bond[order], groups.molecule[order]
        self.turning = place[groups.turning]
        atoms, residue = structure.atoms, structure.residue_of_atoms
        ends = groups.bond[groups.turning]
        names = np.sort(atoms.name[ends], axis=1)
        self.peptide = (names == ["C", "N"]).all(axis=1) & (residue[ends[:, 0]] != residue[ends[:, 1]])
        of_atoms = groups.molecule[groups.group]
        polymer = np.bincount(of_atoms, in_polymer(atoms, residue)) > 0
        roots = np.setdiff1d(np.arange(len(order)), groups.turning)
        self.free = place[roots[~polymer[groups.molecule[roots]]]]
        self.sizes = np.bincount(of_atoms).astype(np.float64)


class _Torsions(Drawer):
    def __init__(self, noise: TorsionNoise, around: Array, lanes: int) -> None:
        layout = noise.layout
        self._layout, self._turn = layout, noise.turn
        pivot = around[layout.bond[:, 1]]
        arms = around - pivot[layout.group]
        self.bodies = Bodies(layout.group, arms, lanes)
        self.numbers = len(layout.turning) + 6 * len(layout.free)

        self._spread = np.where(layout.peptide, noise.omega, 1.0).astype(np.float32)
        self._turns = in_lanes(_turns(pivot - around[layout.bond[:, 0]]), lanes)
        self._step = in_lanes((pivot - pivot[layout.descent.up]).T, lanes)
        self._size = np.bincount(layout.group).astype(np.float64)
        self._inner = in_lanes(np.stack([np.bincount(layout.group, column) for column in arms.T]), lanes)
        whole = layout.molecule[layout.group]
        self._mean = np.stack([np.bincount(whole, column) for column in around.T])[..., None] / layout.sizes[:, None]
        self._by_molecule = np.argsort(layout.molecule, kind="stable")
        self._first = np.searchsorted(layout.molecule[self._by_molecule], np.arange(len(layout.sizes)))

    def moved(self, normal: Numbers, sigma: Array) -> tuple[Numbers, Numbers]:
        layout, bonds, turn = self._layout, len(self._spread), self._turn * sigma
        angle = np.zeros((len(self._size), len(sigma)), dtype=np.float32)
        angle[layout.turning] = normal[:bonds] * (self._spread[:, None] * turn.astype(np.float32))
        along, about = self._turns
        cosine = np.cos(angle)
        own = (1 - cosine) * along
        own += np.sin(angle) * about
        for k in range(3):
            own[k, k] += cosine
        shift, axis = vectors(normal[bonds:])
        own[..., layout.free, :] = rotations(axis, turn.tolist())
        rotation = layout.descent.products(own, _compose)

        step = turned(taken(rotation, layout.descent.up), self._step)
        place = layout.descent.products(step.astype(np.float64), _add)
        back = self._mean - self._means(rotation, place)
        back[:, layout.molecule[layout.free]] += sigma * shift
        place += taken(back, layout.molecule)
        return rotation, place.astype(np.float32)

    def _means(self, rotation: Numbers, place: Array) -> Array:
        """(3, molecules, lanes) mean of each molecule's atoms."""
        sums = place * self._size[:, None] + turned(rotation, self._inner)
        total: Array = np.add.reduceat(taken(sums, self._by_molecule), self._first, axis=1)
        return total / self._layout.sizes[:, None]


def _turns(axis: Array) -> Array:
    """(2, 3, 3, n) a a^T and [a]x of the unit vector a along each axis (n, 3): the turn by an angle about it is
    cos 1 + (1 - cos) a a^T + sin [a]x (Rodrigues)."""
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    x, y, z = unit = np.where(length > _NO_BOND, axis / np.maximum(length, _NO_BOND), [1.0, 0.0, 0.0]).T
    none = np.zeros_like(x)
    return np.stack([unit[:, None] * unit, np.array([[none, -z, y], [z, none, -x], [-y, x, none]])])


def _compose(left: Numbers, right: Numbers) -> None:
    """The second becomes the rotation (3, 3, n, lanes) that it is, and then the first."""
    made = left[:, 0, None] * right[0]
    made += left[:, 1, None] * right[1]
    np.add(made, left[:, 2, None] * right[2], out=right)


def _add(left: Array, right: Array) -> None:
    right += left
