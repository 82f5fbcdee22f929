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

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...structure.residues import in_polymer
from ...structure.structure import Structure
from ...structure.torsions import RigidGroups, rigid_groups
from ..igso3 import rotations
from .bodies import LANES, Bodies, columns
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
        self.bodies, self.count = Bodies(layout.group, arms), len(pivot)
        self.numbers = len(layout.turning) + 6 * len(layout.free)

        axis: Array = (pivot - around[layout.bond[:, 0]])[layout.turning]
        length = np.linalg.norm(axis, axis=1, keepdims=True)
        axis = np.where(length > _NO_BOND, axis / np.maximum(length, _NO_BOND), [1.0, 0.0, 0.0])
        share = np.where(layout.peptide, noise.omega, 1.0)
        self._half = torch.from_numpy(share * noise.turn / 2).float()[:, None]
        self._axis = _rows(axis)
        self._step = _rows(pivot - pivot[layout.descent.up])
        self._turning, self._free = torch.from_numpy(layout.turning), torch.from_numpy(layout.free)
        self._up, self._molecule = torch.from_numpy(layout.descent.up), torch.from_numpy(layout.molecule)
        self._loose, self._sizes = torch.from_numpy(layout.loose), torch.from_numpy(layout.sizes)[:, None]

        size = np.bincount(layout.group).astype(np.float64)
        inner = np.stack([np.bincount(layout.group, column) for column in arms.T], axis=1)
        self._size, self._inner = torch.from_numpy(size)[:, None], _rows(inner)
        whole = layout.molecule[layout.group]
        mean = np.stack([np.bincount(whole, column) for column in around.T]) / layout.sizes
        self._mean = torch.from_numpy(mean)[..., None]

    def move(self, normal: Tensor, sigmas: tuple[float, ...], placing: Tensor) -> None:
        descent, bonds, lanes = self._layout.descent, len(self._turning), normal.shape[1]
        sigma = torch.tensor(sigmas, dtype=torch.float32, device="cpu")
        half = normal[:bonds] * self._half * sigma
        shift, axis = normal[bonds:].view(2, -1, 3, lanes)

        own = normal.new_zeros(4, len(self._up), lanes)
        own[0] = 1
        own[0].index_copy_(0, self._turning, half.cos())
        sine = half.sin_()
        for part, along in zip(own[1:], self._axis, strict=True):
            part.index_copy_(0, self._turning, sine * along)
        if len(self._free):
            turned = rotations(axis, tuple(self._turn * s for s in sigmas))
            own.index_copy_(1, self._free, turned / (turned * turned).sum(0).sqrt_())
        rotation, centre = columns(descent.products(own, multiply_quaternions), placing[:9]), placing[9:]

        torch.mul(rotation[:3].index_select(1, self._up), self._step[0], out=centre)
        for k in (1, 2):
            centre.addcmul_(rotation[3 * k : 3 * k + 3].index_select(1, self._up), self._step[k])
        place = descent.products(centre.double(), _add)
        wanted = self._mean.repeat(1, 1, lanes)
        wanted.index_add_(1, self._loose, (shift * sigma).double().movedim(1, 0))
        place += self._back(rotation, place, wanted).index_select(1, self._molecule)
        centre.copy_(place)

    def _back(self, rotation: Tensor, place: Tensor, wanted: Tensor) -> Tensor:
        """(3, molecules, lanes) from where the mean of each molecule's atoms is to where it is wanted."""
        inner = rotation[:3] * self._inner[0]
        for k in (1, 2):
            inner.addcmul_(rotation[3 * k : 3 * k + 3], self._inner[k])
        total = torch.zeros_like(wanted)
        for axis, centre, within in zip(total, place, inner, strict=True):
            axis.index_add_(0, self._molecule, centre * self._size + within)
        return wanted - total / self._sizes


def _rows(vectors: NDArray[Any]) -> Tensor:
    """(n, 3) as (3, n, LANES) float32, the same in all lanes."""
    return torch.from_numpy(vectors.T).float()[..., None].repeat(1, 1, LANES)


_FACTORS = (
    ((0, 0, 1), (1, 1, -1), (2, 2, -1), (3, 3, -1)),
    ((0, 1, 1), (1, 0, 1), (2, 3, 1), (3, 2, -1)),
    ((0, 2, 1), (1, 3, -1), (2, 0, 1), (3, 1, 1)),
    ((0, 3, 1), (1, 2, 1), (2, 1, -1), (3, 0, 1)),
)
"""Which component of the left factor meets which of the right one in w, x, y, z of a product, and with which sign."""


def multiply_quaternions(a: Tensor, b: Tensor) -> None:
    """b becomes a b, the rotation b and then a: quaternions (4, n, lanes), w first."""
    left, right = a.unbind(), b.clone().unbind()
    for out, ((i, j, _), *others) in zip(b.unbind(), _FACTORS, strict=True):
        torch.mul(left[i], right[j], out=out)
        for k, m, sign in others:
            out.addcmul_(left[k], right[m], value=sign)


def _add(a: Tensor, b: Tensor) -> None:
    b += a
