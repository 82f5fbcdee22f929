"""sigma^2 G w = t^2 / 3, w >= 0: the noise whose nested parts are as large as wanted, by non-negative least squares.

G w sigma^2 are mean squares per coordinate, and t lengths in space, RMS over atoms: what a distance is compared with.

What a constraint leaves of the triangle of weights is a polygon, and v = sigma^2 w is a sum of its corners with
non-negative amounts u, so that constraints hold exactly and the targets alone are fitted (Lawson and Hanson 1974).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.lengths import IN_SPACE
from ...base.numbers import check_commas, is_number
from ...base.table import Column, Table
from ...structure.hierarchy import DOMAIN, LEVELS, WITH_DOMAINS, Hierarchy, as_read, check_levels
from ...structure.structure import describe
from ..sigma import SigmaDistribution, check_sigma
from ..theory.forms import Array, LevelForms, mean_squares, share_rows
from ..weights import Weights, check_weights

_EXACT = 1e6
"""Weight of the row that holds sigma; what it leaves, 1e-12, is taken off behind it."""

_LEAST = 1e-4
"""Weight of the row that asks for the least noise where the targets leave a choice."""

_REACHED = 2e-3
"""Relative error of a part's mean square below which a target counts as reached: .1 % of a displacement, so that a
sigma or a weight that was copied with four digits does not contradict the targets that it was found for."""

_ZERO = 1e-9
"""Weight that is nothing but what the least squares leave."""

_MOST_SIGMA = 1e9

_LEVEL = "|".join(WITH_DOMAINS)
_CONSTRAINT = re.compile(rf"({_LEVEL})(?:\s*/\s*({_LEVEL}))?\s*[= ]\s*(\S+)")
_CONSTRAINTS = "give a weight as 'atom 0.2' or a ratio of two as 'residue/atom 4'"


@dataclass(frozen=True, repr=False)
class Design(Legible):
    """Noise that reaches its targets on one structure.

    Attributes
    ----------
    weights
        Shares of the variance.
    sigma
        Noise level, angstrom.
    targets
        Wanted RMS length in space over atoms of each of `Hierarchy.parts`, finest first, angstrom; None for no wish.
    parts
        What the noise gives, in the same order and as lengths in space.
    centred_chain
        What is left of the chain's part when the centre of all atoms is removed, angstrom: 0 for one chain.
    """

    weights: Weights
    sigma: float
    targets: tuple[float | None, ...]
    parts: tuple[float, ...]
    centred_chain: float


@dataclass(frozen=True)
class Constraint:
    """A weight that is fixed (``atom`` 0.2), or the ratio of two weights (``residue/atom`` 4)."""

    level: str
    value: float
    over: str | None = None

    def __post_init__(self) -> None:
        known = {self.level, *([] if self.over is None else [self.over])} <= set(WITH_DOMAINS)
        if not known or self.level == self.over:
            raise EdmNoiseError(f"constraint {self}: {_CONSTRAINTS}; the levels are {', '.join(as_read(LEVELS))}")
        if not (math.isfinite(self.value) and self.value >= 0):
            raise EdmNoiseError(f"constraint {self}: give a finite number that is not negative")
        if self.over is None and self.value > 1:
            raise EdmNoiseError(f"constraint {self}: weights are shares that add up to 1, give one from 0 to 1")

    def row(self, names: Sequence[str]) -> Array:
        """(L,) the row that is 0 on the weights of these levels that meet it; EdmNoiseError for one not among them."""
        if not {self.level, self.over or self.level} <= set(names):
            raise EdmNoiseError(f"constraint {self}: the levels are {', '.join(as_read(names))}, there are no domains")
        row = np.array([float(level == self.level) for level in names])
        if self.over is None:
            return row - self.value
        row[list(names).index(self.over)] = -self.value
        return row

    def meant(self, weights: Array, names: Sequence[str]) -> bool:
        """False where a ratio is that of two weights that are 0."""
        named = [level in (self.level, self.over) for level in names]
        return self.over is None or float(weights[named].sum()) > _ZERO

    def __str__(self) -> str:
        return f"{self.level}{'' if self.over is None else '/' + self.over} {self.value:g}"


def parse_constraints(items: Sequence[str] | Mapping[str, float]) -> tuple[Constraint, ...]:
    """Constraints from texts like "atom 0.2" and "residue/atom 4", or from a dictionary of the same words."""
    texts = [f"{name} {value}" for name, value in items.items()] if isinstance(items, Mapping) else items
    found = []
    for text in texts:
        check_commas("constraint", text)
        match = _CONSTRAINT.fullmatch(text.strip().lower())
        if match is None or not is_number(match[3]):
            raise EdmNoiseError(f"constraint {text!r}: {_CONSTRAINTS}; the levels are {', '.join(as_read(LEVELS))}")
        found.append(Constraint(match[1], float(match[3]), match[2]))
    return tuple(found)


def design(
    hierarchy: Hierarchy,
    *,
    chain: float | None = None,
    residue: float | None = None,
    atom: float | None = None,
    domain: float | None = None,
    sigma: float | None = None,
    constraints: Sequence[Constraint] = (),
) -> Design:
    """Weights and noise level that move the parts of a structure as far as wanted.

    Parameters
    ----------
    hierarchy
        Atoms in residues (in domains) in chains; other levels are refused.
    chain, residue, atom, domain
        Wanted RMS displacement over atoms, angstrom in space, of the chain centres, of the residues in their chain and
        of the atoms in their residue; where there are domains of these in their chain, and of the residues in their
        domain. None leaves a part open: of all noise that does the rest, the least is taken, in
        which an open level has no noise of its own unless a constraint gives it some.
    sigma
        Noise level that is to be kept, angstrom.
    constraints
        Weights and ratios of weights that are to be kept.

    Raises
    ------
    EdmNoiseError
        In one line: targets that no weights reach (with the closest, and why), constraints that contradict each other,
        too few of both to decide, a domain where there are none, or groups of other levels.

    Examples
    --------
    >>> hierarchy = Hierarchy(("atom", "residue", "chain"), (np.arange(400) // 8, np.arange(50) // 25))
    >>> made = design(hierarchy, chain=10, residue=3.8, atom=1.4)
    >>> made.weights, round(made.sigma, 2)
    (Weights(chain=0.8539, residue=0.1268, atom=0.01924), 6.23)
    """
    check_levels(hierarchy)
    names, parts_of = hierarchy.names, hierarchy.parts
    given = {"atom": _number(atom), "residue": _number(residue), DOMAIN: _number(domain), "chain": _number(chain)}
    if domain is not None and DOMAIN not in names:
        raise EdmNoiseError(
            f"domain is {domain:g} A, and there are no domains: set them (edm_domains), or leave it out"
        )
    targets = tuple(given[name] for name in names)
    wanted = {part: value for part, value in zip(parts_of, targets, strict=True) if value is not None}
    for level, value in as_read(zip(names, targets, strict=True)):
        if value is not None and not (math.isfinite(value) and 0 < value <= _MOST_SIGMA):
            raise EdmNoiseError(f"{level} is {value:g} A: give a number above 0, or leave it out for no wish")
    if sigma is not None:
        check_sigma(sigma)
    if not wanted and sigma is None:
        raise EdmNoiseError(f"nothing to design for: give one or more of {', '.join(as_read(names))} in angstrom")
    corners = _corners(constraints, names)
    forms = LevelForms.of(hierarchy)
    rows = [part in wanted for part in parts_of]
    goal = np.square(np.array(list(wanted.values()), dtype=np.float64) / IN_SPACE)
    fit = mean_squares(forms.parts[rows], corners).T  # (targets, corners)
    free = len(corners) - np.linalg.matrix_rank(np.vstack([fit, np.ones(len(corners))]))
    if sigma is not None and free:
        said = [f"sigma {sigma:g} A", *_said(hierarchy, targets), *map(str, constraints)]
        raise EdmNoiseError(f"{', '.join(said)} leave the weights open: give another target, weight or ratio")
    variances = _solve(fit, goal, None if sigma is None else sigma**2) @ corners
    total = float(variances.sum())
    if not total > 0:
        why = _why(hierarchy, targets, (0.0,) * len(names), sigma, constraints)
        raise EdmNoiseError(f"no weights give {', '.join([*_said(hierarchy, targets), *map(str, constraints)])}: {why}")
    reached = mean_squares(forms.parts, variances)
    reach = math.sqrt(total) if sigma is None else sigma
    weights = Weights.of(**dict(zip(names, variances / total, strict=True)))
    parts = tuple(IN_SPACE * float(x) for x in np.sqrt(reached))
    if np.any(np.abs(reached[rows] / goal - 1) > _REACHED):
        found = as_read(zip(parts, targets, strict=True))
        closest = ", ".join(f"{value:.4g}" for value, given in found if given is not None)
        kept = "".join(f", {text}" for text in [*([f"sigma {sigma:g} A"] if sigma else []), *map(str, constraints)])
        raise EdmNoiseError(
            f"no weights give {', '.join(_said(hierarchy, targets))}{kept}: the closest, {weights.text('.3g', '/')} at "
            f"sigma {reach:.4g} A, give {closest} A; {_why(hierarchy, targets, parts, sigma, constraints)}"
        )
    for constraint in constraints:
        if not constraint.meant(variances / total, names):
            wishes = ", ".join(_said(hierarchy, targets))
            raise EdmNoiseError(f"{wishes} leave {constraint} open, 0 to 0: give one of its levels a target")
    left = IN_SPACE * math.sqrt(float(mean_squares(forms.centred[-1], variances)))
    return Design(weights, reach, targets, parts, left)


def _corners(constraints: Sequence[Constraint], names: Sequence[str]) -> Array:
    """(k, L) corners of what the constraints leave of the simplex of weights: of three levels 1 to 3 of a triangle."""
    corners = list(np.eye(len(names)))
    for constraint in constraints:
        row = constraint.row(names)
        heights = [float(row @ corner) for corner in corners]
        heights = [0.0 if abs(height) < 1e-12 else height for height in heights]
        kept = [corner for corner, height in zip(corners, heights, strict=True) if height == 0]
        for (a, ha), (b, hb) in combinations(zip(corners, heights, strict=True), 2):
            if ha * hb < 0:
                kept.append((a * hb - b * ha) / (hb - ha))
        corners = kept
    if not all(any(constraint.meant(corner, names) for corner in corners) for constraint in constraints):
        said, count = ", ".join(map(str, constraints)), {3: "three", 4: "four"}[len(names)]
        raise EdmNoiseError(
            f"constraints {said} contradict each other: no {count} weights from 0 to 1 that add up to 1 meet them"
        )
    return np.array(corners)


def _solve(fit: Array, goal: Array, total: float | None) -> Array:
    """(corners,) amounts u >= 0 with fit u as near to goal as can be, each target counted relatively."""
    from scipy.optimize import nnls  # 40 ms to import, and only this needs it

    size = float(goal.max()) if total is None else total
    rows, right = [fit * (size / goal)[:, None]], [np.ones(len(goal))]
    if total is not None:
        rows.append(_EXACT * np.ones((1, fit.shape[1])))
        right.append(np.array([_EXACT]))
    elif np.linalg.matrix_rank(fit) < fit.shape[1]:
        rows.append(_LEAST * np.ones((1, fit.shape[1])))
        right.append(np.zeros(1))
    amounts = np.asarray(nnls(np.vstack(rows), np.concatenate(right))[0]) * size
    return amounts if total is None else amounts * (total / amounts.sum())


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _said(hierarchy: Hierarchy, targets: Sequence[float | None]) -> list[str]:
    given = as_read(zip(hierarchy.parts, targets, strict=True))
    return [f"{part} {value:g} A" for part, value in given if value is not None]


def _why(
    hierarchy: Hierarchy,
    targets: Sequence[float | None],
    parts: Sequence[float],
    sigma: float | None = None,
    constraints: Sequence[Constraint] = (),
) -> str:
    """What stands in the way, and what to do."""
    names, counts = hierarchy.names, hierarchy.counts
    for level in range(len(names) - 1):
        if targets[level] is not None and counts[level] == counts[level + 1]:
            above, own = names[level + 1], names[level]
            return f"every {above} is one {own}, which cannot move in it: leave {own} out"
    if sigma is not None or constraints:
        kept = [*(["sigma"] if sigma is not None else []), *(["a constraint"] if constraints else [])]
        return f"free {' or '.join(kept)}, or change a target"
    # Finer noise moves the centres above it: what is given too much of has no weight of its own any more.
    excess = [0.0 if value is None else part / value for value, part in zip(targets, parts, strict=True)]
    level = len(names) - 1 - int(np.argmax(as_read(excess)))  # the coarsest, where several have as much
    finer = " and ".join(as_read([f"{name}s" for name in names[:level]]))
    try:
        known: Mapping[str, Any] = dict(zip(names[: max(level, 1)], targets, strict=False))
        least = design(hierarchy, **known).parts[level]
    except EdmNoiseError:  # what is finer contradicts itself already
        return f"{finer} that move so far move the centres above them more: ask for more of {names[level]}"
    return f"{finer} that move so far move {names[level]} centres by {least:.3g} A: ask for no less"


def design_table(
    hierarchy: Hierarchy,
    made: Design,
    distribution: SigmaDistribution,
    compared: Sequence[Weights] = (),
    z: float = 0.0,
) -> Table:
    """What is wanted, what the design gives, and what other weights give at the same noise level.

    Parameters
    ----------
    hierarchy
        Atoms in residues (in domains) in chains.
    made
        The design.
    distribution, z
        The distribution of training levels and the normal score at which the targets are wanted: the notes say what
        score the design's sigma has, and with what P_mean it lies at ``z``.
    compared
        Other weights.
    """
    rows = [("designed", made.weights), *((check_weights(weights).label, weights) for weights in compared)]
    table = comparison(hierarchy, [weights for _, weights in rows], made.sigma, [name for name, _ in rows])
    first: dict[str, object] = {"weights": "wanted"}
    for part, target in zip(hierarchy.parts, made.targets, strict=True):
        value = math.nan if target is None else target
        first |= {part: value / IN_SPACE, f"{part} 3-D": value}
    columns = tuple(
        Column(c.name, [first.get(c.name, math.nan), *c.values], c.unit, c.decimals, c.help) for c in table.columns
    )
    meta = {**table.meta, "z": z, "distribution": distribution.name}
    return Table(f"designed noise, {table.title}", columns, meta, (*_notes(hierarchy, made, distribution, z),))


def comparison(
    hierarchy: Hierarchy, weights: Sequence[Weights], sigma: float, names: Sequence[str] | None = None
) -> Table:
    """What each of several weights gives at one noise level: a row each, RMS per coordinate over atoms, and in 3-D."""
    check_sigma(sigma)
    forms = LevelForms.of(hierarchy)
    shares = share_rows(weights, hierarchy.names)
    parts = sigma * np.sqrt(mean_squares(forms.parts, weights))
    centred = sigma * np.sqrt(mean_squares(forms.centred[-1], weights))
    ratio = np.sqrt(mean_squares(forms.residue, weights))
    columns = [Column("weights", list(names or [w.label for w in weights]))]
    columns += [
        Column(f"{level} weight", shares[:, k].tolist(), decimals=4, help="share of an atom's noise variance")
        for k, level in as_read(enumerate(hierarchy.names))
    ]
    for k, part in as_read(enumerate(hierarchy.parts)):
        columns.append(Column(part, parts[:, k].tolist(), "A", help="RMS per coordinate over atoms"))
        space = (IN_SPACE * parts[:, k]).tolist()
        columns.append(Column(f"{part} 3-D", space, "A", help="RMS length in space over atoms"))
        if part == "chain":
            columns.append(Column("chain centred", centred.tolist(), "A", help="without the centre of all atoms"))
    columns.append(Column("residue / atom", ratio.tolist(), help="absolute, mean over residues and atoms"))
    return Table(f"sigma {sigma:.4g} A: {describe(hierarchy)}", tuple(columns), {"sigma": sigma})


def _notes(hierarchy: Hierarchy, made: Design, distribution: SigmaDistribution, z: float) -> list[str]:
    score = distribution.z(made.sigma)
    mean = distribution.p_mean + distribution.p_std * (score - z)
    notes = [
        f"sigma {made.sigma:.4g} A lies at z = {score:.2f} of {distribution.name} "
        f"(sigma {distribution.sigma(z):.4g} A at z = {z:g}); P_mean {mean:.3f} puts it at z = {z:g}.",
        "What is wanted are lengths in space (3-D RMS); per coordinate, as in other tables, they are 1/sqrt 3 of that.",
    ]
    if hierarchy.counts[-1] == 1:
        notes.append(
            f"One chain: after centring its part is worth nothing, {made.parts[-1]:.3g} A become 0, and the chain's "
            "weight only shifts the whole."
        )
    if made.weights.atom == 0:
        notes.append("Without noise of its own on atoms the covariance is singular: denoisers need some.")
    return notes
