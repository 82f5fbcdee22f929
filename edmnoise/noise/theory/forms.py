"""mean square = G w: what lands at each level is linear in the weights, with coefficients from the group sizes alone.

In units of sigma^2, per coordinate, with n_r atoms in a residue, N_c in its chain, N in all, f_r = n_r / N_c:

    chain                 w_c + w_r h + w_a C / N,                         h = (1/N) sum_r n_r^2 / N_c
    residue in chain      w_r (1 - h) + w_a (R - C) / N
    atom in residue       w_a (1 - R / N)

are the parts over atoms, which add up to 1; the same displacements as means over groups have other coefficients
(`edmnoise.noise.theory.statistics` has them for any depth, with their scatter). A thousand weights are one matrix
product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

LEVELS = ("chain", "residue", "atom")
"""Levels as people name them, coarsest first: the order of every array of this module."""

PARTS = ("chain", "residue in chain", "atom in residue")
"""The nested parts of an atom's displacement, coarsest first."""

_ROUNDING = 1e-14
"""Largest coefficient that is the rounding of a difference of equal sums."""


@dataclass(frozen=True, eq=False, repr=False)
class LevelForms(Legible):
    """Coefficients of mean squares per coordinate, in units of sigma^2; columns: chain, residue, atom weight.

    Attributes
    ----------
    parts
        (3, 3) rows as in PARTS, means over atoms: they add up to 1 in each column.
    centred
        (3, 3) the same after the centre of all atoms is removed: the chain's part is what is left of it.
    relative
        (3, 3) chain in the whole, residue in chain, atom in residue, means over the chains, residues, atoms.
    residue
        (3,) residue centres, absolute, mean over residues.

    Examples
    --------
    >>> hierarchy = Hierarchy(("atom", "residue", "chain"), (np.arange(12) // 4, np.zeros(3, dtype=int)))
    >>> forms = LevelForms.of(hierarchy)
    >>> forms.residue  # the centre of four independent atoms has a quarter of their variance
    array([1.  , 1.  , 0.25])
    >>> forms.centred[0]  # one chain is nothing but its centre
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
        if hierarchy.depth != 3:
            raise EdmNoiseError(f"{hierarchy.depth} levels ({', '.join(hierarchy.names)}): give atom, residue, chain")
        atoms, residues, chains = hierarchy.counts
        home = hierarchy.parents[1]
        in_residue, in_chain = (hierarchy.sizes(level).astype(np.float64) for level in (1, 2))
        share, weight = in_residue / in_chain[home], in_chain / atoms

        def variances(squares: Array, sizes: Array) -> Array:
            """(groups, 3) variance of each group's mean, by level."""
            return np.stack([np.ones_like(sizes), squares, 1 / sizes], axis=1)

        own = variances(np.ones_like(in_residue), in_residue)
        squares = np.bincount(home, share**2, chains).astype(np.float64)
        chain = variances(squares, in_chain)
        whole = weight**2 @ chain
        top = weight @ chain
        inside = own * [0, 1, 1]  # a chain's own noise moves all its residues alike
        centre = np.stack([np.bincount(home, share**2 * column, chains) for column in inside.T], axis=1)
        moved = np.mean((1 - 2 * share)[:, None] * inside + centre[home], axis=0)
        apart = np.mean((1 - 2 * weight)[:, None] * chain, axis=0) + whole
        held = np.array([0, 0, 1 - residues / atoms])
        between = np.array([0, 1 - top[1], (residues - chains) / atoms])
        return cls(
            _clean([top, between, held]),
            _clean([top - whole, between, held]),
            _clean([apart, moved, held]),
            own.mean(axis=0),
        )


def mean_squares(forms: Array, weights: ArrayLike) -> Array:
    """Mean squares for many weights at once.

    Parameters
    ----------
    forms
        (k, 3) or (3,) rows of coefficients.
    weights
        (..., 3) chain, residue, atom.

    Returns
    -------
    NDArray
        (..., k) or (...), in units of sigma^2.
    """
    return np.asarray(weights, dtype=np.float64) @ forms.T


def _clean(rows: list[Array]) -> Array:
    table = np.array(rows)
    table[table < _ROUNDING] = 0.0
    return table
