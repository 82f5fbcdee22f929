"""eps_i = sqrt(w_c) e_chain(i) + sqrt(w_r) e_residue(i) + sqrt(w_a) e_i on a padded batch: for torch.randn_like in a
training loop.

A network that trains on noise of any other law than the one it is sampled with is asked about coordinates that it has
never seen, so that loop and sampler take the noise from one object. Each e is standard normal in 3-D and the weights
add up to 1: every atom has the variance that `torch.randn_like` gives it, and schedules and loss weights stay as they
are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.seeds import NOISE, check_seed, reseed
from ..structure.structure import Structure
from .weights import Weights


class PaddedGroups:
    """Which residue and which chain each atom of a padded batch belongs to.

    Parameters
    ----------
    residue
        (B, N) int64: the residue of each atom, counted from 0 in each row; anything from 0 to R - 1 where there is
        padding.
    chain
        (B, R) int64: the chain of each residue, counted from 0 in each row.
    mask
        (B, N) bool: where there are atoms; everywhere when not given.

    Raises
    ------
    EdmNoiseError
        For shapes that do not go together, other than whole numbers, and, on the CPU, numbers that are out of range.

    Notes
    -----
    In the features of AlphaFold 3 and its relatives ``residue`` is nearly ``atom_to_token`` and ``chain`` the tokens'
    ``asym_id``. A ligand's or a modified residue's tokens are single atoms there, which move apart under noise of
    tokens; number by ``residue_index`` within ``asym_id`` where they shall be residues.
    """

    def __init__(self, residue: Tensor, chain: Tensor, mask: Tensor | None = None) -> None:
        if residue.ndim != 2 or chain.ndim != 2 or len(residue) != len(chain) or 0 in (*residue.shape, *chain.shape):
            raise EdmNoiseError(
                f"residue of the shape {tuple(residue.shape)} and chain of the shape {tuple(chain.shape)}: "
                "give (B, N), a residue for each atom, and (B, R), a chain for each residue"
            )
        if mask is not None and (mask.shape != residue.shape or mask.dtype != torch.bool):
            raise EdmNoiseError(
                f"mask is {mask.dtype} of the shape {tuple(mask.shape)}: give torch.bool of {tuple(residue.shape)}"
            )
        for name, numbers, limit in (("residue", residue, chain.shape[1]), ("chain", chain, None)):
            if numbers.dtype != torch.int64:
                raise EdmNoiseError(f"{name} is {numbers.dtype}: give torch.int64")
            if numbers.device.type == "cpu":  # elsewhere a look would make the host wait for the device
                _check_range(name, numbers, limit)
        self.residue, self.chain, self.mask = residue, chain, mask
        # Here and not when asked for: torch.compile takes no lock, and a property that is kept has one on Python 3.11.
        self.chains = int(chain.max()) + 1
        """Chains in the row with most of them."""
        self.sizes = _sizes(residue, chain, mask)
        """(B, 3) int64, chains, residues and atoms of each row without its padding, where the groups were made."""
        self._look_up()

    def _look_up(self) -> None:
        """What follows from the numbers, and asks the device for none of them."""
        self.atom_rows, self.residue_rows = _rows(self.residue, self.chain.shape[1]), _rows(self.chain, self.chains)
        """(B N,) each atom's residue and (B R,) each residue's chain, among those of all rows."""
        three = torch.arange(3, device=self.residue.device)
        self.atom_places = (3 * self.atom_rows[:, None] + three).flatten()
        """(3 B N,) where x, y and z of its residue are. To look up numbers takes two thirds of the time of looking up
        rows of three (torch 2.13, CPU), and these are made once, where a batch is collated."""
        self.weight = None if self.mask is None else self.mask[..., None].float().repeat(1, 1, 3)
        """(B, N, 3) float32: 1 for atoms and 0 for padding. Written out: to multiply by (B, N, 1) takes 60 times as
        long (torch 2.13, CPU)."""

    def __repr__(self) -> str:
        rows, residues = self.chain.shape
        return (
            f"PaddedGroups({rows} rows of {self.residue.shape[1]:,} atoms, {residues:,} residues, {self.chains} chains)"
        )

    @classmethod
    def of(cls, structures: Sequence[Structure], atoms: int | None = None) -> PaddedGroups:
        """The groups of some structures, padded at the end to the largest one, or to a number of atoms."""
        hierarchies = [structure.hierarchy for structure in structures]
        if not hierarchies:
            raise EdmNoiseError("no structures: give at least one")
        most = max(hierarchy.counts[0] for hierarchy in hierarchies)
        if atoms is not None and atoms < most:
            raise EdmNoiseError(f"atoms is {atoms}: the largest structure has {most}")
        residue = torch.zeros(len(hierarchies), atoms or most, dtype=torch.int64)
        chain = torch.zeros(len(hierarchies), max(h.counts[1] for h in hierarchies), dtype=torch.int64)
        mask = torch.zeros(residue.shape, dtype=torch.bool)
        for row, hierarchy in enumerate(hierarchies):
            residue[row, : hierarchy.counts[0]] = torch.from_numpy(hierarchy.ancestors(0, 1))
            chain[row, : hierarchy.counts[1]] = torch.from_numpy(hierarchy.ancestors(1, 2))
            mask[row, : hierarchy.counts[0]] = True
        return cls(residue, chain, mask)

    def to(self, device: torch.device | str) -> PaddedGroups:
        """The same on a device; nothing waits for it."""
        moved = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and name != "sizes":
                setattr(moved, name, value.to(device, non_blocking=True))
        return moved

    def repeated(self, copies: int) -> PaddedGroups:
        """Each row several times, one after another, as diffusion batches repeat a structure: (B copies, N)."""
        made = copy(self)
        for name in ("residue", "chain", "mask", "sizes"):
            numbers = getattr(self, name)
            setattr(made, name, None if numbers is None else numbers.repeat_interleave(copies, 0))
        made._look_up()
        return made

    @property
    def atoms(self) -> tuple[int, int]:
        """(B, N)."""
        return self.residue.shape[0], self.residue.shape[1]


class MultiscaleNoiseLike:
    """Called with a batch like `torch.randn_like`, with its groups beside it: standard multiscale noise.

    Parameters
    ----------
    weights
        `Weights`; or a tensor of three shares (chain, residue, atom) that add up to 1, through which gradients pass.

    Examples
    --------
    >>> groups = PaddedGroups(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0]]))
    >>> noise_like = MultiscaleNoiseLike(Weights.named("rebalanced"))
    >>> x = torch.zeros(1, 4, 3)
    >>> noise_like(x, groups).shape
    torch.Size([1, 4, 3])

    With ``seeds`` a row's noise depends on its own seed alone, whatever else is in the batch:

    >>> torch.equal(noise_like(x, groups, seeds=[7]), noise_like(x, groups, seeds=[7]))
    True
    """

    def __init__(self, weights: Weights | Tensor) -> None:
        if isinstance(weights, Tensor):
            if weights.shape != (3,):
                raise EdmNoiseError(f"weights of the shape {tuple(weights.shape)}: give (3,), chain residue atom")
            shares = (1.0, 1.0, 1.0)  # numbers that come scaled cost nothing, but no gradient would pass
        elif isinstance(weights, Weights):
            shares = (weights.chain, weights.residue, weights.atom)
        else:
            raise EdmNoiseError(f"weights is {weights!r}: give Weights, or a tensor of three shares")
        self.weights, self._scales = weights, tuple(map(math.sqrt, shares))

    def __repr__(self) -> str:
        return f"MultiscaleNoiseLike({self.weights})"

    def __call__(
        self,
        x: Tensor,
        groups: PaddedGroups,
        *,
        generator: torch.Generator | None = None,
        seeds: Sequence[int] | Tensor | None = None,
    ) -> Tensor:
        """Draw noise for a batch.

        Parameters
        ----------
        x
            (B, N, 3) coordinates, of which shape, type and device are taken; or (B, S, N, 3) for S draws of each row.
        groups
            Of the B rows, on the device of ``x``.
        generator
            Where random numbers come from; torch's own one when not given, as for `torch.randn_like`.
        seeds
            Instead: B whole numbers, one a row (B S for S draws of each).

        Returns
        -------
        Tensor
            Like ``x``: mean 0, variance 1 per coordinate, 0 where there is padding.

        Raises
        ------
        EdmNoiseError
            For groups of other rows, seeds that are not one a row, and both a generator and seeds.
        """
        if x.ndim == 4:
            rows = x.flatten(0, 1)
            return self(rows, groups.repeated(x.shape[1]), generator=generator, seeds=seeds).view(x.shape)
        if x.shape != (*groups.atoms, 3):
            raise EdmNoiseError(
                f"x of the shape {tuple(x.shape)} with groups of {groups.atoms}: give (B, N, 3) or (B, S, N, 3)"
            )
        if seeds is not None and generator is not None:
            raise EdmNoiseError("generator and seeds: give one of them")
        counts = groups.chains, groups.chain.shape[1], x.shape[1]
        new = x.new_empty if seeds is None else x.new_zeros
        levels = [new(len(x), count, 3) for count in counts]
        if seeds is None:
            self._draw(levels, generator)
        else:
            # Without its padding: the numbers that a generator gives depend on how many it is asked for.
            own = torch.Generator(x.device)
            for row, (seed, sizes) in enumerate(zip(_checked(seeds, len(x)), groups.sizes.tolist(), strict=True)):
                there = [level[row, :size] for level, size in zip(levels, sizes, strict=True)]
                self._draw(there, reseed(own, seed, 0, NOISE))
        if isinstance(self.weights, Tensor):
            roots = self.weights.to(x).sqrt()
            levels = [level * root for level, root in zip(levels, roots, strict=True)]
        return _summed(levels, groups)

    def _draw(self, levels: Sequence[Tensor], generator: torch.Generator | None) -> None:
        for level, scale in zip(levels, self._scales, strict=True):
            level.normal_(0, scale, generator=generator)


def _summed(levels: list[Tensor], groups: PaddedGroups) -> Tensor:
    """Each atom's sum of what it, its residue and its chain have drawn, in the memory of the last."""
    chain, residue, atom = levels
    residue.view(-1, 3).add_(torch.index_select(chain.view(-1, 3), 0, groups.residue_rows))
    # In halves: what is looked up would be as large as the noise itself.
    half = groups.atom_places.numel() // 2
    for part in (slice(0, half), slice(half, None)):
        atom.view(-1)[part] += torch.index_select(residue.view(-1), 0, groups.atom_places[part])
    return atom if groups.weight is None else atom.mul_(groups.weight.to(atom.dtype))


def _checked(seeds: Sequence[int] | Tensor, rows: int) -> list[int]:
    found = seeds.tolist() if isinstance(seeds, Tensor) else [int(seed) for seed in seeds]
    if len(found) != rows:
        raise EdmNoiseError(f"{len(found)} seeds for {rows} rows: give one a row")
    return [check_seed(seed) for seed in found]


def _sizes(residue: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """(B, 3) chains, residues and atoms of each row, up to the last of each that is there."""
    counted = torch.arange(1, residue.shape[1] + 1, device=residue.device)
    atoms = counted.expand_as(residue) if mask is None else torch.where(mask, counted, 0)
    residues = torch.where(atoms > 0, residue + 1, 0).amax(1)
    known = torch.arange(chain.shape[1], device=chain.device) < residues[:, None]
    return torch.stack([torch.where(known, chain + 1, 0).amax(1), residues, atoms.amax(1)], dim=1)


def _rows(numbers: Tensor, count: int) -> Tensor:
    """Numbers that begin anew in each row, counted on from row to row."""
    first = count * torch.arange(len(numbers), device=numbers.device)
    return (numbers + first[:, None]).flatten()


def _check_range(name: str, numbers: Tensor, limit: int | None) -> None:
    least, most = (int(value) for value in numbers.aminmax())
    if least < 0 or (limit is not None and most >= limit):
        wanted = "numbers from 0" if limit is None else f"numbers from 0 to {limit - 1}, as chain has {limit} columns"
        raise EdmNoiseError(f"{name} holds numbers from {least} to {most}: give {wanted}")
