"""mean |d|^2 = mean |d_i - d_r|^2 + mean |d_r - d_c|^2 + mean |d_c|^2 over atoms: a training's error, level by level.

One number for all atoms and all noise levels hides what a network has not learned: most of it is the error of chains at
high sigma. To be logged from any loop; the parts are those of `edmnoise.noise.theory.forms`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import torch
from torch import Tensor, distributed

from ..base.errors import EdmNoiseError
from ..noise.batch import PaddedGroups
from ..structure.hierarchy import PARTS

SIGMA_EDGES = (0.5, 2.0, 8.0, 32.0)
"""Noise levels between which errors are averaged, angstrom."""


def part_mean_squares(displacement: Tensor, groups: PaddedGroups) -> Tensor:
    """Mean squares over the atoms of each row, per coordinate.

    Parameters
    ----------
    displacement
        (B, N, 3) angstrom: noise, or denoised minus true coordinates; what stands in padding is not read.
    groups
        Of its rows, on its device.

    Returns
    -------
    Tensor
        (B, 3) float64, angstrom^2, finest first as in `PARTS`: atom in residue, residue in chain, chain. They add up
        to the mean square of the displacement. No gradient passes.

    Raises
    ------
    EdmNoiseError
        For a displacement of other rows than the groups'.
    """
    if displacement.shape != (*groups.atoms, 3):
        raise EdmNoiseError(f"displacement of the shape {tuple(displacement.shape)}: give {(*groups.atoms, 3)}")
    d = displacement.detach().double()
    there = torch.ones_like(d) if groups.weight is None else groups.weight.double()
    d = torch.where(there > 0, d, 0)  # and not a product, which would keep a NaN
    batch, residues = groups.chain.shape
    moments = torch.cat([d.flatten(0, 1), there[..., :1].flatten(0, 1)], dim=1)
    of_residues = moments.new_zeros(batch * residues, 4).index_add_(0, groups.atom_rows, moments)
    of_chains = moments.new_zeros(batch * groups.chains, 4).index_add_(0, groups.residue_rows, of_residues)
    squares = [_mean_squares(sums, batch) for sums in (of_residues, of_chains)]
    atoms = 3 * there[..., 0].sum(dim=1)
    atom, residue, chain = d.square().sum(dim=(1, 2)), *squares
    return torch.stack([atom - residue, residue - chain, chain], dim=1).clamp(min=0) / atoms[:, None]


class LevelMetrics:
    """Root mean square of each part, by noise level, over the batches that it is shown.

    Parameters
    ----------
    edges
        Noise levels between which errors are averaged, angstrom, rising.

    Examples
    --------
    >>> groups = PaddedGroups(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0]]))
    >>> metrics = LevelMetrics()
    >>> metrics.update(torch.ones(1, 4, 3), torch.tensor([4.0]), groups)
    >>> metrics.compute()["chain at sigma 2 to 8 A"]
    1.0
    """

    def __init__(self, edges: Sequence[float] = SIGMA_EDGES) -> None:
        if not edges or any(b <= a for a, b in zip((0.0, *edges), (*edges, math.inf), strict=True)):
            raise EdmNoiseError(f"edges are {list(edges)}: give noise levels above 0, each above the one before")
        self.edges = tuple(float(edge) for edge in edges)
        self._bounds = torch.tensor(self.edges, dtype=torch.float64)
        self.reset()

    def __repr__(self) -> str:
        rows = int(self._sums[:, -1].sum())
        return f"LevelMetrics({rows} rows, edges {', '.join(f'{edge:g}' for edge in self.edges)} A)"

    def reset(self) -> None:
        """Forget what was shown."""
        self._sums = torch.zeros(len(self.edges) + 1, len(PARTS) + 1, dtype=torch.float64)  # squares, and rows

    def update(self, displacement: Tensor, sigma: Tensor, groups: PaddedGroups) -> None:
        """Take (B, N, 3) displacements at the levels (B,), angstrom, as `part_mean_squares` reads them.

        Sums are kept where the displacements are: a GPU's host does not wait for it before `compute`.
        """
        if sigma.numel() != len(displacement):
            raise EdmNoiseError(f"{sigma.numel()} noise levels for {len(displacement)} rows: give one a row")
        squares = part_mean_squares(displacement, groups)
        self._sums, self._bounds = self._sums.to(squares.device), self._bounds.to(squares.device)
        band = torch.bucketize(sigma.detach().flatten().to(squares), self._bounds)
        counted = torch.cat([squares, torch.ones_like(squares[:, :1])], dim=1)
        # Not in place: processes that torch.multiprocessing spawns share the memory of tensors that they are handed.
        self._sums = self._sums.index_add(0, band, counted)

    def all_reduced(self) -> LevelMetrics:
        """What all processes of `torch.distributed` were shown, in each of them; a copy of itself where there are none.

        Every process has to ask for it at the same place of its loop. Levels that one alone was shown have their names
        in all of them, so that none waits for a name that another one does not log.
        """
        found = copy(self)
        found._sums = self._sums.clone()
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(found._sums)
        return found

    def compute(self) -> dict[str, float]:
        """RMS per coordinate, angstrom, by "part at sigma a to b A"; bands that nothing fell into are left out.

        Loggers take these names as they are: MLflow refuses commas.
        """
        inner = (f"{a:g} to {b:g}" for a, b in pairwise(self.edges))
        between = [f"below {self.edges[0]:g}", *inner, f"above {self.edges[-1]:g}"]
        return {
            f"{part} at sigma {band} A": math.sqrt(square / rows)
            for band, (*squares, rows) in zip(between, self._sums.tolist(), strict=True)
            for part, square in zip(PARTS, squares, strict=True)
            if rows
        }


def _mean_squares(sums: Tensor, batch: int) -> Tensor:
    """(B,) sum over atoms of |mean of their group|^2, from each group's sum and number of atoms (B G, 4)."""
    return (sums[:, :3].square().sum(dim=1) / sums[:, 3].clamp(min=1)).view(batch, -1).sum(dim=1)
