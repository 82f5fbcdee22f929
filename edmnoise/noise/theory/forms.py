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
from ...structure.hierarchy import Hierarchy, check_three
from ..weights import Weights, check_weights

Array = NDArray[np.float64]

_ROUNDING = 1e-14
"""Largest coefficient that is the rounding of a difference of equal sums."""


@dataclass(frozen=True, eq=False, repr=False)
class LevelForms(Legible):
    """Coefficients of mean squares per coordinate, in units of sigma^2; columns: atom, residue, chain weight.

    For a structure's three levels; `NoiseStatistics` has the same forms, and more, for any depth.

    Attributes
    ----------
    parts
        (3, 3) rows as in `PARTS`, means over atoms: they add up to 1 in each column.
    centred
        (3, 3) the same after the centre of all atoms is removed: the chain's part is what is left of it.
    relative
        (3, 3) atom in residue, residue in chain, chain in the whole, means over the atoms, residues, chains.
    residue
        (3,) residue centres, absolute, mean over residues.

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
        """For atoms in residues in chains, in O(groups); EdmNoiseError for another depth.

        Source: variances of the means of nested independent numbers, derived on the docs' page of the mathematics.
        """
        check_three(hierarchy)
        atoms, residues, chains = hierarchy.counts
        home = hierarchy.parents[1]
        in_residue, in_chain = (hierarchy.sizes(level).astype(np.float64) for level in (1, 2))
        share, weight = in_residue / in_chain[home], in_chain / atoms

        def variances(squares: Array, sizes: Array) -> Array:
            """(groups, 3) variance of each group's mean, by level."""
            return np.stack([1 / sizes, squares, np.ones_like(sizes)], axis=1)

        own = variances(np.ones_like(in_residue), in_residue)
        squares = np.bincount(home, share**2, chains).astype(np.float64)
        chain = variances(squares, in_chain)
        whole = weight**2 @ chain
        top = weight @ chain
        inside = own * [1, 1, 0]  # a chain's own noise moves all its residues alike
        centre = np.stack([np.bincount(home, share**2 * column, chains) for column in inside.T], axis=1)
        moved = np.mean((1 - 2 * share)[:, None] * inside + centre[home], axis=0)
        apart = np.mean((1 - 2 * weight)[:, None] * chain, axis=0) + whole
        held = np.array([1 - residues / atoms, 0, 0])
        between = np.array([(residues - chains) / atoms, 1 - top[1], 0])
        return cls(
            _clean([held, between, top]),
            _clean([held, between, top - whole]),
            _clean([held, moved, apart]),
            own.mean(axis=0),
        )


def share_rows(weights: Weights | Sequence[Weights] | Array) -> Array:
    """(..., 3) the shares of one or more `Weights`, finest first; an array has them in that order already.

    EdmNoiseError for bare numbers, whose order would have to be guessed, and for arrays of another shape.
    """
    if isinstance(weights, Weights):
        return np.array(weights.by_level)
    if isinstance(weights, np.ndarray):
        if weights.shape[-1:] != (3,):
            raise EdmNoiseError(f"weights have the shape {weights.shape}: give (..., 3) as atom, residue, chain")
        return weights.astype(np.float64, copy=False)
    given = weights if isinstance(weights, Sequence) else [weights]
    return np.array([check_weights(each).by_level for each in given]).reshape(-1, 3)


def mean_squares(forms: Array, weights: Weights | Sequence[Weights] | Array) -> Array:
    """Mean squares for many weights at once.

    Parameters
    ----------
    forms
        (k, 3) or (3,) rows of coefficients.
    weights
        One, several, or an array (..., 3) as `share_rows` takes them.

    Returns
    -------
    NDArray
        (..., k) or (...), in units of sigma^2.
    """
    return share_rows(weights) @ forms.T


def _clean(rows: list[Array]) -> Array:
    table = np.array(rows)
    table[table < _ROUNDING] = 0.0
    return table
