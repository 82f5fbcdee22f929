"""What a network can ask for by name, and what it can say: the one list of both, with shapes and codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...structure.atoms import distinct
from ...structure.components import AMINO_ACIDS, component_of
from ...structure.elements import atomic_numbers
from ...structure.structure import Structure

RESIDUE_TYPES = (*sorted(AMINO_ACIDS - {"UNK"}), "A", "C", "G", "T", "U")
"""What ``residue_type`` counts from 0: the 20 amino acids by their three letters, then bases, of DNA and RNA alike; the
number after the last is everything else."""

NAME_LETTERS = 4
"""Of an atom's name that a network is told."""

INPUTS = {
    "x": "(B, N, 3) float32: the noisy coordinates, angstrom, centred; times c_in where the network gives a residual",
    "sigma": "(B,) float32: the noise level, angstrom",
    "c_noise": "(B,) float32: ln(sigma / sigma_data) / 4, where the network gives a residual",
    "element": "(N,) int64: atomic numbers, 0 for none",
    "residue": "(N,) int64: the residue of each atom, from 0",
    "chain": "(R,) int64: the chain of each residue, from 0",
    "residue_type": "(R,) int64: index in RESIDUE_TYPES, one past its end for all else",
    "atom_name": "(N, 4) int64: letters of the atom's name, code less 32, 0 for none",
}
"""What a network may ask for, by the names of its arguments."""

OUTPUTS = {
    "atoms": "(B, N, 3)",
    "residues": "(B, R, 3): centres of residues, plain means over their atoms",
    "chains": "(B, C, 3): centres of chains",
}
"""What a network may give: a tensor of atoms, or a dictionary of these with at least the atoms."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What of a structure a network may ask for."""

    structure: Structure

    @property
    def sizes(self) -> dict[str, int]:
        """Length of the first axis but one of each output."""
        atoms, residues, *_, chains = self.structure.hierarchy.counts
        return dict(zip(OUTPUTS, (atoms, residues, chains), strict=True))

    def of_structure(self, names: Iterable[str], device: torch.device | str) -> dict[str, Tensor]:
        """Those of the names that do not depend on x and sigma."""
        return {name: torch.from_numpy(self._known[name]).to(device) for name in names if name in self._known}

    @cached_property
    def _known(self) -> Mapping[str, NDArray[np.int64]]:
        atoms, hierarchy = self.structure.atoms, self.structure.hierarchy
        kinds, kind = distinct(atoms.residue_name[self.structure.first_atoms])
        other = len(RESIDUE_TYPES)
        types = [RESIDUE_TYPES.index(c) if (c := component_of(name)) in RESIDUE_TYPES else other for name in kinds]
        names, name = distinct(atoms.name)
        codes = np.zeros((len(names), NAME_LETTERS), dtype=np.int64)
        for row, text in zip(codes, names, strict=True):
            letters = [ord(letter) - 32 for letter in text.strip()[:NAME_LETTERS]]
            row[: len(letters)] = letters
        return {
            "element": atomic_numbers(atoms),
            "residue": hierarchy.ancestors(0, 1),
            "chain": hierarchy.ancestors(1, hierarchy.depth - 1),
            "residue_type": np.array(types, dtype=np.int64)[kind],
            "atom_name": codes[name],
        }


def check_names(who: str, names: Iterable[str], gives: str) -> None:
    """EdmNoiseError for an input that is not known, for none of x, and for c_noise where nothing has one."""
    names = list(names)
    known = [name for name in INPUTS if name != "c_noise" or gives == "residual"]
    for name in names:
        if name not in known:
            raise EdmNoiseError(f"{who} asks for {name!r}: the known inputs are {', '.join(known)}")
    if "x" not in names:
        raise EdmNoiseError(f"{who} asks for {', '.join(names) or 'nothing'} and not for x: name its inputs {_some()}")


def _some() -> str:
    return "x and sigma, and what it needs of " + ", ".join(list(INPUTS)[3:])


def check_atoms(who: str, said: Iterable[str] | None, structure: Structure) -> None:
    """EdmNoiseError where a network says which atoms it is of, as `Structure.label` writes them, and these differ."""
    if said is None:
        return
    theirs = list(map(str, said))
    ours = [structure.label(atom) for atom in range(structure.n_atoms)]
    if theirs == ours:
        return
    counts = "" if len(theirs) == len(ours) else f" ({len(theirs):,} for {len(ours):,})"
    first = next((k for k, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours)))
    there, here = (rows[first] if first < len(rows) else "missing" for rows in (theirs, ours))
    raise EdmNoiseError(
        f"{who} is of other atoms{counts}: the first that differs is number {first + 1}, {there} there and {here} here"
    )
