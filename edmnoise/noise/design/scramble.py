"""sigma* = l / (sqrt(3) d), z* = z(sigma*), P(Z > z*): where a level's noise has moved it by its reference length l.

d is the level's relative displacement in units of sigma (an atom in its residue, a residue in its chain, a chain in the
whole), RMS per coordinate as in all tables; sqrt(3) d sigma is its length in space, as l is one. Beyond sigma* the
groups of the level are rearranged independently of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...base.errors import EdmNoiseError
from ...base.lengths import IN_SPACE
from ...base.table import Column, Table
from ...structure.hierarchy import DOMAIN, as_read, check_levels, part_names
from ...structure.structure import Structure, describe
from ..sigma import SigmaDistribution
from ..theory.forms import Array, LevelForms, mean_squares
from ..weights import Weights

BOND, NEIGHBOURS = 1.4, 3.8
"""Angstrom between bonded atoms, and between the C-alpha of neighbouring residues."""


def relative_names(names: Sequence[str]) -> tuple[str, ...]:
    """The displacements that are compared with a reference length, finest first, of levels by their names."""
    return part_names((*names, "structure"))[:-1]


def chain_spacing(structure: Structure) -> float:
    """Distance from a chain's centre to the nearest other one's, mean over chains, angstrom; NaN for one chain.

    EdmNoiseError for groups of other levels than `check_levels` takes.
    """
    check_levels(structure.hierarchy)
    return _spacing(structure, structure.hierarchy.depth - 1)


def _spacing(structure: Structure, level: int) -> float:
    from scipy.spatial import cKDTree  # only where there are groups to look at

    groups = structure.hierarchy.counts[level]
    if groups == 1:
        return math.nan
    home, sizes = structure.hierarchy.ancestors(0, level), structure.hierarchy.sizes(level)
    centres = np.stack([np.bincount(home, axis, groups) for axis in structure.coordinates.T], axis=1) / sizes[:, None]
    return float(np.mean(cKDTree(centres).query(centres, 2)[0][:, 1]))


def reference_lengths(
    structure: Structure,
    *,
    chain: float | None = None,
    residue: float | None = None,
    atom: float | None = None,
    domain: float | None = None,
) -> dict[str, float]:
    """Reference length of each level by its name, angstrom in space; where none is given, the structure's own chain
    spacing (NaN for one chain), 3.8 and 1.4, and the spacing of its domains where it has any."""
    given = {"atom": atom, "residue": residue, DOMAIN: domain, "chain": chain}
    if DOMAIN not in structure.hierarchy.names and given.pop(DOMAIN) is not None:
        raise EdmNoiseError(f"reference length of the domain is {domain:g} A, and there are no domains: leave it out")
    for level, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise EdmNoiseError(f"reference length of the {level} is {value:g} A: give a number above 0")
    usual = {"atom": BOND, "residue": NEIGHBOURS, "chain": chain_spacing(structure) if chain is None else chain}
    if DOMAIN in given:
        usual[DOMAIN] = _spacing(structure, structure.hierarchy.level(DOMAIN))
    return {level: usual[level] if value is None else float(value) for level, value in given.items()}


def scramble_sigma(
    forms: Array, weights: Weights | Sequence[Weights] | Array, reference: float | Sequence[float] | Array
) -> Array:
    """Noise levels at which displacements, as lengths in space, reach their reference lengths.

    Parameters
    ----------
    forms
        (k, L) rows of ``LevelForms.relative``.
    weights
        As `edmnoise.noise.theory.forms.share_rows` takes them.
    reference
        (k,) angstrom in space, in the order of the rows.

    Returns
    -------
    NDArray
        (..., k) angstrom; infinite where the noise does not move the level, NaN without a reference length.
    """
    moved = IN_SPACE * np.sqrt(mean_squares(forms, weights))
    with np.errstate(divide="ignore"):
        return np.asarray(reference, dtype=np.float64) / moved


def share_beyond(distribution: SigmaDistribution, sigma: ArrayLike) -> Array:
    """Share of training steps with more noise, P(Z > z), of many noise levels at once."""
    from scipy.special import ndtr

    return np.asarray(ndtr(-distribution.z(np.asarray(sigma))))


def scramble_table(
    structure: Structure,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    reference: Mapping[str, float] | None = None,
) -> Table:
    """Where each level is scrambled, and in how many training steps, for several weights side by side.

    Parameters
    ----------
    structure
        Its groups, atoms in residues (in domains) in chains, and the spacing of its chains.
    weights
        Noises to compare.
    distributions
        Of the training levels.
    reference
        Reference lengths as from `reference_lengths`, angstrom.

    Returns
    -------
    Table
        A row for each distribution, level and weights. ``beyond`` counts displacements as lengths in space, which are
        compared with the reference; ``per coordinate`` those per coordinate, which reach it at sqrt(3) times the sigma.
    """
    if not weights or not distributions:
        raise EdmNoiseError("no weights or no distribution given: give at least one of each")
    lengths = structure.hierarchy.by_level(reference or reference_lengths(structure), math.nan)
    forms = LevelForms.of(structure.hierarchy).relative
    names = structure.hierarchy.names
    moved, levels = np.sqrt(mean_squares(forms, weights)), scramble_sigma(forms, weights, lengths)
    order = [(d, k, i) for d in distributions for k in as_read(range(len(names))) for i in range(len(weights))]
    rows = {name: [] for name in ("sigma", "z", "beyond", "coordinate")}  # type: dict[str, list[float]]
    for distribution, k, i in order:
        sigma = levels[i, k]
        rows["sigma"].append(_finite(sigma))
        rows["z"].append(_finite(distribution.z(levels)[i, k]))
        rows["beyond"].append(100 * float(share_beyond(distribution, sigma)))
        rows["coordinate"].append(100 * float(share_beyond(distribution, sigma * IN_SPACE)))
    columns = (
        Column("distribution", [d.name for d, _, _ in order]),
        Column("level", [relative_names(names)[k] for _, k, _ in order]),
        Column("weights", [weights[i].label for _, _, i in order], help="/".join(as_read(names))),
        Column("displacement", [float(moved[i, k]) for _, k, i in order], "sigma", help="RMS per coordinate"),
        Column("reference", [lengths[k] for _, k, _ in order], "A", help="a distance in space"),
        Column("sigma", rows["sigma"], "A", help="where the displacement in space is the reference length"),
        Column("z", rows["z"], decimals=2),
        Column("beyond", rows["beyond"], "%", 1, "share of training steps with more noise"),
        Column("per coordinate", rows["coordinate"], "%", 1, "beyond, were the reference a length per coordinate"),
    )
    notes = [
        "References are lengths in space: sigma is where sqrt 3 times the displacement, which is RMS per coordinate, "
        "reaches them; per coordinate: what lies beyond if they were meant so."
    ]
    if structure.hierarchy.counts[-1] == 1:
        notes.append("One chain: once the structure is centred no noise moves it.")
    meta = {"distributions": [[d.name, d.sigma_data, d.p_mean, d.p_std] for d in distributions]}
    title = f"scramble points: {describe(structure.hierarchy)}"
    return Table(title, columns, meta, tuple(notes))


def _finite(value: ArrayLike) -> float:
    """A number for a table; NaN, which is printed as nothing, where it is never reached."""
    number = float(np.asarray(value))
    return number if math.isfinite(number) else math.nan
