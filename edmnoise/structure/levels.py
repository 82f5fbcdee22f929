"""x_g = mean of the members of g (down to a coarser level), x_i = x_g(i) (up to a finer one), for atoms-last tensors.

The one home of group algebra: whatever sums, averages or spreads over residues and chains calls these.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import torch
from numpy.typing import NDArray
from torch import Tensor

from .hierarchy import Hierarchy

_indices: weakref.WeakKeyDictionary[Hierarchy, dict[tuple[int, int, str], Tensor]] = weakref.WeakKeyDictionary()
_sizes: weakref.WeakKeyDictionary[Hierarchy, dict[tuple[int, str], Tensor]] = weakref.WeakKeyDictionary()
_coordinates: weakref.WeakKeyDictionary[Hierarchy, dict[int, Tensor]] = weakref.WeakKeyDictionary()


def ancestor_index(hierarchy: Hierarchy, fine: int, coarse: int, device: torch.device | str = "cpu") -> Tensor:
    """(n_fine,) int64: the group of level ``coarse`` that holds each group of level ``fine``; kept per device."""
    cache = _indices.setdefault(hierarchy, {})
    key = (fine, coarse, str(device))
    if key not in cache:
        with torch.inference_mode(False):  # kept for callers that want gradients later
            cache[key] = torch.from_numpy(hierarchy.ancestors(fine, coarse)).to(device)
    return cache[key]


def parent_coordinates(hierarchy: Hierarchy, level: int) -> Tensor:
    """(3 n,) int64: for x, y, z of each group of a level, one after another, their place in those of the level above.

    Looking up three numbers one by one takes three quarters of the time of looking up rows of three (torch 2.13, CPU),
    and, unlike rows, goes for any number of frames at once.
    """
    cache = _coordinates.setdefault(hierarchy, {})
    if level not in cache:
        rows = torch.from_numpy(hierarchy.parents[level])  # in int32 a look-up takes twice as long
        cache[level] = (3 * rows[:, None] + torch.arange(3, device="cpu")).flatten()
    return cache[level]


def group_sum(values: Tensor, hierarchy: Hierarchy, fine: int, coarse: int) -> Tensor:
    """Sum over the members of each group.

    Parameters
    ----------
    values
        (..., n_fine), one value per group of level ``fine`` along the last axis.

    Returns
    -------
    Tensor
        (..., n_coarse), in the values' own precision.
    """
    if fine == coarse:
        return values
    index = ancestor_index(hierarchy, fine, coarse, values.device)
    flat = values.reshape(-1, values.shape[-1])
    sums = flat.new_zeros(flat.shape[0], hierarchy.counts[coarse]).index_add_(1, index, flat)
    return sums.reshape(*values.shape[:-1], hierarchy.counts[coarse])


def atom_means(values: Tensor, hierarchy: Hierarchy, levels: Iterable[int]) -> dict[int, Tensor]:
    """Plain mean over the atoms of each group, at several levels in one pass over the atoms.

    Parameters
    ----------
    values
        (..., N), one value per atom.
    levels
        Levels wanted; level 0 gives the values themselves.

    Returns
    -------
    dict of Tensor
        For each level (..., n_level) in float64: sums of sums are taken in float64, so that a chain of 100,000 atoms
        is averaged as exactly as a residue of ten.
    """
    wanted = set(levels)
    means = {0: values} if 0 in wanted else {}
    sums = values
    for level in range(1, max(wanted, default=0) + 1):  # also those between: float32 sums stay sums of few
        sums = group_sum(sums, hierarchy, level - 1, level).double()
        if level in wanted:
            means[level] = sums / sizes(hierarchy, level, values.device)
    return means


def sizes(hierarchy: Hierarchy, level: int, device: torch.device | str = "cpu") -> Tensor:
    """(n_level,) float64: number of atoms in each group; kept per device."""
    cache = _sizes.setdefault(hierarchy, {})
    key = (level, str(device))
    if key not in cache:
        with torch.inference_mode(False):
            cache[key] = torch.from_numpy(hierarchy.sizes(level)).to(device=device, dtype=torch.float64)
    return cache[key]


def spread(values: Tensor, hierarchy: Hierarchy, coarse: int, fine: int) -> Tensor:
    """Give each group of level ``fine`` the value of its group of level ``coarse``.

    (..., n_coarse) -> (..., n_fine).
    """
    index = ancestor_index(hierarchy, fine, coarse, values.device)
    # Rows flattened to one axis: index_select on three axes is 25 times slower than on two. In float64 gather is three
    # times faster still; in float32 it is slower (torch 2.13, CPU).
    flat = values.reshape(-1, values.shape[-1])
    if values.dtype == torch.float64:
        members = torch.gather(flat, 1, index.expand(len(flat), -1))
    else:
        members = torch.index_select(flat, 1, index)
    return members.reshape(*values.shape[:-1], hierarchy.counts[fine])


def as_array(values: Tensor) -> NDArray:
    """A tensor as a NumPy array on the CPU."""
    return values.detach().cpu().numpy()
