"""mean square = G w: what lands at each level is linear in the weights, with coefficients from the group sizes alone.

In units of sigma^2, per coordinate, with n_r atoms in a residue, N_c in its chain, N in all, f_r = n_r / N_c:

    atom in residue       w_a (1 - R / N)
    residue in chain      w_a (R - C) / N + w_r (1 - h)
    chain                 w_a C / N + w_r h + w_c,                         h = (1/N) sum_r n_r^2 / N_c

are the parts over atoms, which add up to 1; the same displacements as means over groups have other coefficients
(`edmnoise.noise.theory.statistics` has them for any depth, with their scatter). A thousand weights are one matrix
product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.hierarchy import LEVELS, Hierarchy, check_levels, level_names
from ..weights import Weights, check_weights

Array = NDArray[np.float64]

_ROUNDING = 1e-14
"""Largest coefficient that is the rounding of a difference of equal sums."""


@dataclass(frozen=True, eq=False, repr=False)
class LevelForms(Legible):
    """Coefficients of mean squares per coordinate, in units of sigma^2; columns: weights of the L levels, finest first.

    For a structure's levels, with or without domains; `NoiseStatistics` has the same forms, and more, for any depth.

    Attributes
    ----------
    parts
        (L, L) rows as in `Hierarchy.parts`, means over atoms: they add up to 1 in each column.
    centred
        (L, L) the same after the centre of all atoms is removed: the chain's part is what is left of it.
    relative
        (L, L) atom in residue, residue in chain, chain in the whole (each level in the one above), means over the
        atoms, residues, chains.
    residue
        (L,) residue centres, absolute, mean over residues.

    Examples
    --------
    >>> hierarchy = Hierarchy(("atom", "residue", "chain"), (np.arange(12) // 4, np.zeros(3, dtype=int)))
    >>> forms = LevelForms.of(hierarchy)
    >>> forms.residue  # the centre of four independent atoms has a quarter of their variance
    array([0.25, 1.  , 1.  ])
    >>> forms.centred[2]  # one chain is nothing but its centre
    array([0., 0., 0.])
    """

    parts: Array
    centred: Array
    relative: Array
    residue: Array

    @classmethod
    def of(cls, hierarchy: Hierarchy) -> LevelForms:
        """For atoms in residues (in domains) in chains, in O(groups); EdmNoiseError for other levels.

        Source: variances of the means of nested independent numbers, derived on the docs' page of the mathematics.
        """
        check_levels(hierarchy)
        means = _Means.of(hierarchy)
        steps = [means.within(level) for level in range(hierarchy.depth)]
        top = means.over_atoms(hierarchy.depth - 1)
        parts = [*(over_atoms for over_atoms, _ in steps[:-1]), top]
        return cls(
            _clean(parts),
            _clean([*parts[:-1], steps[-1][0]]),
            _clean([over_groups for _, over_groups in steps]),
            means.variances[1].mean(axis=0),
        )


@dataclass(frozen=True, eq=False)
class _Means:
    """Variances of the means of groups, by level, and of what they are within the group above.

    A group's mean has 1 from its own level and all above, and sum over the groups h of a finer level in it of
    (n_h / n_g)^2 from that level.
    """

    hierarchy: Hierarchy
    variances: list[Array]
    """For each level from the residues on and, last, the whole: (groups, L); of an atom all are 1."""

    @classmethod
    def of(cls, hierarchy: Hierarchy) -> _Means:
        depth = hierarchy.depth
        variances: list[Array] = [np.ones((0, depth))]
        for level in range(1, depth + 1):
            sizes = hierarchy.sizes(level) if level < depth else np.array([hierarchy.counts[0]])
            rows = np.ones((len(sizes), depth))
            rows[:, 0] = 1 / sizes
            if level > 1:
                home, share = _parent(hierarchy, level - 1)
                for k in range(1, level):
                    rows[:, k] = np.bincount(home, share**2 * variances[-1][:, k], len(sizes))
            variances.append(rows)
        return cls(hierarchy, variances)

    def over_atoms(self, level: int) -> Array:
        """(L,) variance of the groups' means, mean over atoms."""
        atoms, mean = self.hierarchy.counts[0], np.ones(self.hierarchy.depth)
        mean[0] = self.hierarchy.counts[level] / atoms
        if level > 1:
            mean[1:level] = (self.hierarchy.sizes(level) / atoms) @ self.variances[level][:, 1:level]
        return mean

    def within(self, level: int) -> tuple[Array, Array]:
        """(L,) variances of the groups' means about that of the group above: mean over atoms, and over groups."""
        atoms, counts = self.hierarchy.counts[0], (*self.hierarchy.counts, 1)
        above = self.over_atoms(level + 1) if level + 1 < self.hierarchy.depth else self.variances[-1][0]
        part = self.over_atoms(level) - above
        part[0] = (counts[level] - counts[level + 1]) / atoms
        if level == 0:
            return part, part
        home, share = _parent(self.hierarchy, level)
        moved, own = np.zeros_like(part), self.variances[level]
        for k in range(level + 1):  # what a group shares with all others in its parent does not move it there
            moved[k] = np.mean((1 - 2 * share) * own[:, k] + self.variances[level + 1][home, k])
        return part, moved


def _parent(hierarchy: Hierarchy, level: int) -> tuple[NDArray[np.int64], Array]:
    """The group above each group of a level, at the top the whole, and the share of its atoms that the group has."""
    sizes = hierarchy.sizes(level)
    if level == hierarchy.depth - 1:
        return np.zeros(len(sizes), dtype=np.int64), sizes / sizes.sum()
    home = hierarchy.parents[level]
    return home, sizes / hierarchy.sizes(level + 1)[home]


def share_rows(weights: Weights | Sequence[Weights] | Array, names: Sequence[str] = LEVELS) -> Array:
    """(..., L) the shares of one or more `Weights`, finest first; an array has them in that order already.

    EdmNoiseError for bare numbers, whose order would have to be guessed, for arrays of another shape, and for a share
    of domains where there are none.
    """
    if isinstance(weights, Weights):
        return np.array(weights.on(names))
    if isinstance(weights, np.ndarray):
        if weights.shape[-1:] != (len(names),):
            raise EdmNoiseError(
                f"weights have the shape {weights.shape}: give (..., {len(names)}) as {', '.join(names)}"
            )
        return weights.astype(np.float64, copy=False)
    given = weights if isinstance(weights, Sequence) else [weights]
    return np.array([check_weights(each).on(names) for each in given]).reshape(-1, len(names))


def mean_squares(forms: Array, weights: Weights | Sequence[Weights] | Array) -> Array:
    """Mean squares for many weights at once.

    Parameters
    ----------
    forms
        (k, L) or (L,) rows of coefficients, of three levels or, with domains, of four.
    weights
        One, several, or an array (..., L) as `share_rows` takes them.

    Returns
    -------
    NDArray
        (..., k) or (...), in units of sigma^2.
    """
    return share_rows(weights, level_names(forms.shape[-1])) @ forms.T


def _clean(rows: list[Array]) -> Array:
    table = np.array(rows)
    table[table < _ROUNDING] = 0.0
    return table
