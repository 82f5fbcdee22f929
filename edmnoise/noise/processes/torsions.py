"""phi_b = phi_b,0 + t sigma g_b for each bond b that turns, g_b ~ N(0, 1): bond lengths, angles and rings stay.

Angles are noised by a wrapped normal, as in FoldingDiff (Wu et al., Nat. Commun. 15, 1059 (2024)) those of the backbone and
in DiffDock (Corso et al., arXiv:2210.01776) those of a ligand; which bonds turn says `edmnoise.structure.torsions`. Along
the tree of rigid groups, rotations multiply and pivots add up,

    R_g = R_parent L_g,    p_g = p_parent + R_parent (p_g,0 - p_parent,0),

L_g being the turn about the bond that g hangs by, where it lay. A root is in the middle of its molecule.

A piece of a polymer keeps the mean of its atoms, and its root the way it faces: FoldingDiff's chain has no place of its
own. Every other molecule moves as DiffDock's ligand does, besides: its mean by N(0, sigma^2) per coordinate, its root by
IGSO(3) with s = t sigma.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...structure.hierarchy import Index
from ...structure.structure import Structure, in_polymer
from ...structure.torsions import RigidGroups, rigid_groups
from ..igso3 import rotations
from .bodies import Bodies, columns
from .descent import Descent
from .forward import Drawer, ForwardNoise

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

    def __init__(self, structure: Structure, turn: float = 0.1, omega: float = 1.0) -> None:
        super().__init__(structure)
        if turn < 0:
            raise EdmNoiseError(f"turn is {turn:g} radians per angstrom: give 0 or more")
        if omega < 0:
            raise EdmNoiseError(f"omega is {omega:g}: give 0 (peptide bonds stay) or more (1: they turn as others do)")
        self.turn, self.omega = turn, omega
        groups = rigid_groups(structure)
        if not len(groups.turning):
            raise EdmNoiseError(
                f"torsions noise needs bonds that turn, and these {structure.n_atoms:,} atoms have none: give a polymer "
                "with its backbone or a flexible ligand, or choose another process"
            )
        self.layout = _Layout(structure, groups)

    @classmethod
    def on(cls, structure: Structure, turn: float, omega: float) -> TorsionNoise:
        """The noise of a structure's torsions, as `edmnoise.noise.process.NoiseChoice` asks for it."""
        return cls(structure, turn, omega)

    def _drawer(self, around: Array) -> Drawer:
        return _Torsions(self, around)


class _Layout:
    """Rigid groups in the order of rows that products along their tree are taken in.

    Attributes
    ----------
    group
        (N,) row of each atom's group.
    bond
        (G, 2) the bond that each row hangs by.
    turning, free
        Rows that hang on a bond, and roots of molecules without a polymer.
    peptide
        Whether the bond of each of ``turning`` is a peptide bond.
    molecule
        (G,) molecule of each row; ``loose`` are the molecules of ``free``.
    """

    def __init__(self, structure: Structure, groups: RigidGroups) -> None:
        self.descent = Descent(groups.parent)
        order = self.descent.order
        row = np.empty_like(order)
        row[order] = np.arange(len(order))
        self.group, self.bond, self.molecule = row[groups.group], groups.bond[order], groups.molecule[order]
        hangs = self.descent.up != np.arange(len(order))
        self.turning, roots = np.flatnonzero(hangs), np.flatnonzero(~hangs)
        atoms, residue = structure.atoms, structure.residue_of_atoms
        ends = self.bond[self.turning]
        names = np.sort(atoms.name[ends], axis=1)
        self.peptide = (names == ["C", "N"]).all(axis=1) & (residue[ends[:, 0]] != residue[ends[:, 1]])
        of_atoms = self.molecule[self.group]
        polymer = np.bincount(of_atoms, in_polymer(atoms, residue)) > 0
        self.free = roots[~polymer[self.molecule[roots]]]
        self.loose = self.molecule[self.free]
        self.sizes = np.bincount(of_atoms).astype(np.float64)


class _Torsions(Drawer):
    def __init__(self, noise: TorsionNoise, around: Array) -> None:
        layout = noise.layout
        self._layout, self._turn = layout, noise.turn
        pivot = around[layout.bond[:, 1]]
        arms = around - pivot[layout.group]
        self.bodies = Bodies(layout.group, arms)
        self.numbers = len(layout.turning) + 6 * len(layout.free)

        axis = (pivot - around[layout.bond[:, 0]])[layout.turning]
        length = np.linalg.norm(axis, axis=1, keepdims=True)
        axis = np.where(length > _NO_BOND, axis / np.maximum(length, _NO_BOND), [1.0, 0.0, 0.0])
        share = np.where(layout.peptide, noise.omega, 1.0)
        self._half = torch.from_numpy(share * noise.turn / 2)[:, None]
        self._axis = torch.from_numpy(axis)[..., None]
        self._step = torch.from_numpy(pivot - pivot[layout.descent.up])[..., None]
        self._turning, self._free = torch.from_numpy(layout.turning), torch.from_numpy(layout.free)
        self._up = torch.from_numpy(layout.descent.up)

        size = np.bincount(layout.group).astype(np.float64)
        inner = np.stack([np.bincount(layout.group, column) for column in arms.T], axis=1)
        self._size, self._inner = torch.from_numpy(size)[:, None, None], torch.from_numpy(inner)[..., None]
        whole = layout.molecule[layout.group]
        mean = np.stack([np.bincount(whole, column) for column in around.T], axis=1) / layout.sizes[:, None]
        self._mean = torch.from_numpy(mean)[..., None]

    def moved(self, normal: Tensor, sigmas: tuple[float, ...]) -> tuple[Tensor, Tensor]:
        layout, bonds, lanes = self._layout, len(self._turning), normal.shape[1]
        sigma = torch.tensor(sigmas, dtype=torch.float64, device="cpu")
        half = normal[:bonds] * self._half * sigma
        shift, axis = normal[bonds:].view(2, -1, 3, lanes)

        own = normal.new_zeros(len(self._up), 4, lanes)
        own[:, 0] = 1
        own[self._turning] = torch.cat([half.cos()[:, None], half.sin()[:, None] * self._axis], 1)
        if len(self._free):
            turned = rotations(axis, tuple(self._turn * s for s in sigmas))
            own[self._free] = turned / turned.square().sum(1, keepdim=True).sqrt_()
        rotation = columns(layout.descent.products(own, quaternion_product))

        step = _turned(rotation.index_select(0, self._up), self._step)
        centre = layout.descent.products(step, torch.add)
        wanted = self._mean.repeat(1, 1, lanes)
        wanted[torch.from_numpy(layout.loose)] += shift * sigma
        return rotation, centre + self._back(rotation, centre, wanted).index_select(0, torch.from_numpy(layout.molecule))

    def _back(self, rotation: Tensor, centre: Tensor, wanted: Tensor) -> Tensor:
        """(molecules, 3, lanes) from where the mean of each molecule's atoms is to where it is wanted."""
        sums = centre * self._size + _turned(rotation, self._inner)
        total = _summed(sums, self._layout.molecule)
        return wanted - total / torch.from_numpy(self._layout.sizes)[:, None, None]


def _turned(rotation: Tensor, vector: Tensor) -> Tensor:
    """R v: (n, 9, lanes) matrices by columns, (n, 3, 1) vectors -> (n, 3, lanes)."""
    made = rotation[:, :3] * vector[:, 0:1]
    for k in (1, 2):
        made += rotation[:, 3 * k : 3 * k + 3] * vector[:, k : k + 1]
    return made


def _summed(rows: Tensor, group: Index) -> Tensor:
    """(groups, ...) sums of rows, in the order in which they stand."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sums = np.add.reduceat(rows.numpy()[order].reshape(len(rows), -1), starts, axis=0)
    return torch.from_numpy(sums).view(-1, *rows.shape[1:])


_PLACES = torch.tensor([0, 1, 2, 3, 1, 0, 3, 2, 2, 3, 0, 1, 3, 2, 1, 0])
_SIGNS = torch.tensor(
    [[1, 1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1]], dtype=torch.float64
)[..., None]


def quaternion_product(a: Tensor, b: Tensor) -> Tensor:
    """a b of quaternions (n, 4, lanes), w first: the rotation b, then a."""
    matrix = b.index_select(1, _PLACES).view(len(b), 4, 4, -1) * _SIGNS
    made = a[:, 0:1] * matrix[:, 0]
    for k in (1, 2, 3):
        made += a[:, k : k + 1] * matrix[:, k]
    return made
