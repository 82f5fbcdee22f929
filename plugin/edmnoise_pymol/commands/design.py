"""edm_design, edm_scramble, edm_signal, edm_triangle: weights chosen, not guessed, and what they do to training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, design, noise, results

from ..job import Job
from ..scene.selected import Selected
from .speech import command, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table
    from edmnoise.noise.design.solve import Constraint
    from edmnoise.noise.design.weight_map import WeightMap
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.design import DesignResult


@command
def edm_design(
    selection: str = atoms.SELECTION,
    chain: float | None = design.CHAIN,
    residue: float | None = design.RESIDUE,
    atom: float | None = design.ATOM,
    z: float = design.Z,
    sigma: float | None = design.SIGMA,
    fixed: Sequence[Constraint] | None = design.FIXED,
    compare: Sequence[Weights] = design.COMPARE,
    file: str | None = results.TABLE,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    ligands: str = atoms.LIGANDS,
    domain: float | None = design.DOMAIN,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[DesignResult]:
    """
    DESCRIPTION

        "edm_design" finds the weights and the sigma of noise that moves each
        level as far as you want: the chains, the residues in their chain and
        the atoms in their residue of this structure. It prints what they give,
        beside other weights at the same sigma. Nothing is drawn: closed forms.
        Where no weights do it, it says which come closest, and why.

    EXAMPLES

        edm_design 1tii, chain=10, residue=3.8, atom=1.4
        edm_design 1tii, residue=3.8, atom=1.4, sigma=4.82
        edm_design 1tii, atom=1.4, fixed=chain 0.1 | residue/atom 4

    NOTES

        3.8 A between neighbouring C-alpha is a distance in space, and so are
        all lengths that are asked for; the columns without 3-D are RMS per
        coordinate, as in all tables: the same over sqrt 3.
        Where the object has domains (edm_domains), residues are moved in their
        domain, and domain=5 moves the domains in their chain.
        For one chain the chain's part is a shift of the whole: after centring
        it is worth nothing. The result has the attributes weights and sigma,
        which edm_noise takes.

    SEE ALSO

        edm_triangle, edm_scramble, edm_noise, edm_domains
    """
    from ..jobs import design as jobs

    path = table_file(file)
    targets = {"chain": chain, "residue": residue, "atom": atom, "domain": domain}
    which = Selected(selection, state, hydrogens, solvent, ligands)
    result = yield from jobs.design(_self, which, targets, distribution, z, sigma, fixed or (), compare)
    say(quiet, "edm_design", f"weights={result.weights.text('.4g')}, sigma={result.sigma:.4g}")
    show(quiet, result.table)
    write(quiet, "edm_design", result.table, path)
    return result


@command
def edm_scramble(
    selection: str = atoms.SELECTION,
    weights: Sequence[Weights] = noise.COMPARED,
    distribution: Sequence[SigmaDistribution] = noise.SEVERAL_DISTRIBUTIONS,
    chain: float | None = design.CHAIN_LENGTH,
    residue: float | None = design.RESIDUE_LENGTH,
    atom: float | None = design.ATOM_LENGTH,
    file: str | None = results.TABLE,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    ligands: str = atoms.LIGANDS,
    domain: float | None = design.DOMAIN_LENGTH,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_scramble" prints where each level of a structure is scrambled: the
        noise level at which its displacement relative to the level above, a
        length in space (3-D RMS), reaches a reference length, so that its
        groups are rearranged independently of each other, and in what share of
        training steps the noise is larger than that.

    EXAMPLES

        edm_scramble 1tii
        edm_scramble 1tii and chain A, weights=flat | 8.2 1.6 1.3 | 0 1 1
        edm_scramble 1tii, distribution=alphafold3 | -1 1.8 16, residue=5

    NOTES

        The column displacement is RMS per coordinate, as in all tables. Sigma
        is where sqrt 3 times that, its length in space, is the reference. The
        last column says what lies beyond if references were meant per
        coordinate.

    SEE ALSO

        edm_design, edm_signal, edm_table
    """
    from ..jobs import design as jobs

    path = table_file(file)
    lengths = {"chain": chain, "residue": residue, "atom": atom, "domain": domain}
    which = Selected(selection, state, hydrogens, solvent, ligands)
    table = yield from jobs.scramble(_self, which, weights, distribution, lengths)
    show(quiet, table)
    write(quiet, "edm_scramble", table, path)
    return table


@command
def edm_signal(
    selection: str = atoms.SELECTION,
    weights: Sequence[Weights] = noise.COMPARED,
    distribution: Sequence[SigmaDistribution] = noise.SEVERAL_DISTRIBUTIONS,
    by: str = results.SIGNAL_BY,
    z: Sequence[float] = noise.ROW_LEVELS,
    file: str | None = results.FIGURE,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    ligands: str = atoms.LIGANDS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_signal" prints what training steps see of each level of a
        structure: the share of the steps in which the level stands clear of
        the noise (10 dB above), is in play, or is drowned (10 dB below), for
        training distributions and weights side by side. By z it prints the
        density of the steps, EDM's loss weight, c_out^2 and their product,
        which is 1, and the signal to noise of each level.

    EXAMPLES

        edm_signal 1tii
        edm_signal 1tii, by=z, weights=1 4 4, distribution=alphafold3
        edm_signal 1tii, distribution=wide | -1 1.8 16, file=signal.png

    NOTES

        The data of a level is its part of the structure's own coordinates,
        centred. A figure takes up to four weights and four distributions.

    SEE ALSO

        edm_scramble, edm_precondition
    """
    from ..jobs import design as jobs

    path, drawn = output_file(file)
    which = Selected(selection, state, hydrogens, solvent, ligands)
    table = yield from jobs.signal(_self, which, weights, distribution, by, z, path if drawn else None)
    show(quiet, table)
    write(quiet, "edm_signal", table, path, drawn)
    return table


@command
def edm_triangle(
    selection: str = atoms.SELECTION,
    measure: str = design.MEASURE,
    level: str = design.MEASURED_LEVEL,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    reference: float | None = design.LENGTH,
    file: str | None = results.MAP_FILE,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    ligands: str = atoms.LIGANDS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[WeightMap]:
    """
    DESCRIPTION

        "edm_triangle" maps a measure over all weights of chain, residue and
        atom for one structure: closed forms, nothing is drawn at random. It
        prints the values at the named weights and at those in proportion to
        the structure's own data scales, and writes the whole map as a figure
        or a table.

    EXAMPLES

        edm_triangle 1tii, file=triangle.png
        edm_triangle 1tii, measure=share, level=atom, distribution=wide
        edm_triangle 1tii, measure=scramble, reference=5, file=scramble.csv

    NOTES

        The triangle is of three weights: the domains of an object are passed
        over, as if it had none.
        From Python the result has the arrays weights, (5050, 3) as atom,
        residue, chain, and values.

    SEE ALSO

        edm_design, edm_scramble
    """
    from ..jobs import design as jobs

    path, drawn = output_file(file)
    which = Selected(selection, state, hydrogens, solvent, ligands)
    result = yield from jobs.triangle(_self, which, measure, level, distribution, reference, path if drawn else None)
    show(quiet, result.table)
    write(quiet, "edm_triangle", result.grid, path, drawn)
    return result
