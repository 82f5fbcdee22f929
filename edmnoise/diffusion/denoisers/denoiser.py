"""D(x; sigma) = E[x_0 | x]: the one thing that a sampler asks of a model."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from ...base.legible import brief
from ...structure.hierarchy import Hierarchy
from ...structure.levels import atom_means, spread


class Denoised(NamedTuple):
    """Estimate of the clean coordinates, angstrom; where a model gives them, of residue and chain centres too."""

    atoms: Tensor  # (B, 3, N)
    residues: Tensor | None = None  # (B, 3, R)
    chains: Tensor | None = None  # (B, 3, C)

    def __repr__(self) -> str:
        return f"Denoised(atoms={brief(self.atoms)}, residues={brief(self.residues)}, chains={brief(self.chains)})"


class Denoiser(Protocol):
    """A model: noised coordinates and their level to clean ones."""

    def denoise(self, x: Tensor, sigma: float) -> Denoised:
        """Estimate E[x_0 | x].

        Parameters
        ----------
        x
            (B, 3, N) coordinates with noise of level ``sigma``, angstrom; not to be changed.
        """


def with_level_means(estimate: Denoised, hierarchy: Hierarchy, residue: float, chain: float) -> Tensor:
    """Atoms moved with the residue and chain centres that the model gives as well.

    Parameters
    ----------
    residue, chain
        0 ignores the level's own estimate, 1 puts the level's mean where it says. Residues come first, so that with 1
        and 1 the chains are exactly where the model has them.

    Returns
    -------
    Tensor
        (B, 3, N).
    """
    atoms, top = estimate.atoms, hierarchy.depth - 1
    for level, centres, weight in ((1, estimate.residues, residue), (top, estimate.chains, chain)):
        if centres is not None and weight:
            correction = weight * (centres.double() - atom_means(atoms, hierarchy, [level])[level])
            atoms = atoms + spread(correction, hierarchy, level, 0).to(atoms.dtype)
    return atoms
