"""Design and diagnosis as a user asks for them: closed forms on the selected atoms; nothing in PyMOL is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edmnoise.base.table import Table
from edmnoise.noise.design import Constraint, Design, design_table
from edmnoise.noise.design import design as design_noise
from edmnoise.noise.scramble import reference_lengths, scramble_table
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import Weights

from . import bridge
from .jobs import Job


@dataclass(frozen=True, eq=False)
class DesignResult:
    """Designed noise: its weights (chain, residue, atom) and sigma in angstrom, how they were found, and the table of
    what they and other weights give."""

    weights: Weights
    sigma: float
    design: Design
    table: Table


def design(
    cmd: bridge.Cmd,
    selection: str,
    targets: Sequence[float | None],
    distribution: SigmaDistribution,
    z: float = 0.0,
    sigma: float | None = None,
    constraints: Sequence[Constraint] = (),
    compared: Sequence[Weights] = (),
    state: int = -1,
    hydrogens: bool = True,
    solvent: bool = False,
) -> Job[DesignResult]:
    """Weights and sigma that move the chains, the residues and the atoms of a selection as far as wanted.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object.
    targets
        Chain, residue, atom: RMS per coordinate over atoms, angstrom; None for no wish.
    distribution, z
        Training levels, and the normal score at which the targets are wanted: for the notes.
    sigma, constraints, compared
        As in `edmnoise.noise.design`.
    state, hydrogens, solvent
        As in `service.noise`.
    """
    distribution.sigma(z)  # a score that cannot be is refused before anything else
    hierarchy = bridge.read_source(cmd, selection, state, hydrogens, solvent).structure.hierarchy
    made = yield lambda _: design_noise(hierarchy, *targets, sigma=sigma, constraints=constraints)
    table = design_table(hierarchy, made, distribution, compared, z)
    return DesignResult(made.weights, made.sigma, made, table)


def scramble(
    cmd: bridge.Cmd,
    selection: str,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    reference: Sequence[float | None] = (None, None, None),
    state: int = -1,
    hydrogens: bool = True,
    solvent: bool = False,
) -> Job[Table]:
    """Where each level of a selection is scrambled, and in how many training steps.

    Parameters are those of `design` and of `edmnoise.noise.scramble.scramble_table`.
    """
    structure = bridge.read_source(cmd, selection, state, hydrogens, solvent).structure
    lengths = reference_lengths(structure, *reference)
    return (yield lambda _: scramble_table(structure, weights, distributions, lengths))
