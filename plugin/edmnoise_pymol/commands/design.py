"""edm_design, edm_scramble, edm_signal, edm_triangle: weights chosen, not guessed, and what they do to training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..job import Job
from . import arguments as arg
from .speech import command, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table
    from edmnoise.noise.design.weight_map import WeightMap
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.design import DesignResult


@command
def edm_design(
    selection: str,
    chain: Any = "",
    residue: Any = "",
    atom: Any = "",
    z: Any = 0,
    sigma: Any = "",
    fixed: Any = "",
    compare: Any = "flat | current | rebalanced",
    file: str = "",
    distribution: Any = "alphafold3",
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[DesignResult]:
    """
    DESCRIPTION

        "edm_design" finds the weights and the sigma of noise that moves each
        level as far as you want: the chains, the residues in their chain and
        the atoms in their residue of this structure. It prints what they give,
        beside other weights at the same sigma. Nothing is drawn: closed forms.
        Where no weights do it, it says which come closest, and why.

    USAGE

        edm_design selection [, chain [, residue [, atom [, z [, sigma
            [, fixed [, compare [, file [, distribution [, state [, hydrogens
            [, solvent [, ligands ]]]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        chain, residue, atom = float: wanted displacement in angstrom of the
        chains, of the residues in their chain, of the atoms in their residue:
        RMS length in space (3-D) over atoms. A level that is left out gets no
        noise of its own, unless sigma or fixed gives it some

        z = float: normal score at which it is wanted; what P_mean puts the
        sigma there is printed {default: 0}

        sigma = float: keep this sigma in angstrom

        fixed = string: weights or ratios of two weights to keep, for example
        atom 0.1 | residue/atom 4

        compare = string: other weights, as in edm_noise, with "|" between them
        {default: flat | current | rebalanced}

        file = string: also write the table, as .csv or .json

        distribution = string: training distribution, as in edm_noise:
        alphafold3, boltz, lucidrains, wide; or one's own as P_mean P_std
        sigma_data {default: alphafold3}

        state, hydrogens, solvent, ligands = as in edm_noise

    EXAMPLES

        edm_design 1tii, chain=10, residue=3.8, atom=1.4
        edm_design 1tii, residue=3.8, atom=1.4, sigma=4.82
        edm_design 1tii, atom=1.4, fixed=chain 0.1 | residue/atom 4

    NOTES

        3.8 A between neighbouring C-alpha is a distance in space, and so are
        all lengths that are asked for; the columns without 3-D are RMS per
        coordinate, as in all tables: the same over sqrt 3.
        For one chain the chain's part is a shift of the whole: after centring
        it is worth nothing. The result has the attributes weights and sigma,
        which edm_noise takes.

    SEE ALSO

        edm_triangle, edm_scramble, edm_noise
    """
    from edmnoise.noise.design.solve import parse_constraints

    from ..jobs import design

    path = table_file(file)
    result = yield from design.design(
        _self,
        arg.text(selection),
        {name: arg.optional(arg.real, name, x) for name, x in (("chain", chain), ("residue", residue), ("atom", atom))},
        _distribution(distribution),
        z=arg.real("z", z),
        sigma=arg.optional(arg.real, "sigma", sigma),
        constraints=parse_constraints(fixed if isinstance(fixed, Mapping) else arg.items(fixed)),
        compared=_weights(compare),
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    say(quiet, "edm_design", f"weights={result.weights.text('.4g')}, sigma={result.sigma:.4g}")
    show(quiet, result.table)
    write(quiet, "edm_design", result.table, path)
    return result


@command
def edm_scramble(
    selection: str,
    weights: Any = "flat | current | rebalanced",
    distribution: Any = "alphafold3 | wide",
    chain: Any = "",
    residue: Any = "",
    atom: Any = "",
    file: str = "",
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_scramble" prints where each level of a structure is scrambled: the
        noise level at which its displacement relative to the level above, a
        length in space (3-D RMS), reaches a reference length, so that its
        groups are rearranged independently of each other, and in what share of
        training steps the noise is larger than that.

    USAGE

        edm_scramble selection [, weights [, distribution [, chain [, residue
            [, atom [, file [, state [, hydrogens [, solvent
            [, ligands ]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        weights = string: noises to compare, as in edm_noise, with "|" between
        them {default: flat | current | rebalanced}

        distribution = string: training distributions with "|" between them:
        alphafold3, boltz, lucidrains, wide, or one's own as P_mean P_std
        sigma_data {default: alphafold3 | wide}

        chain = float: reference length of the chain in angstrom, as all of them
        a length in space; without it the mean distance from a chain's centre to
        the nearest other one's

        residue = float: reference length of the residue; without it 3.8, the
        distance of neighbouring C-alpha

        atom = float: reference length of the atom; without it 1.4, a bond

        file = string: also write the table, as .csv or .json

        state, hydrogens, solvent, ligands = as in edm_noise

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
    from ..jobs import design

    path = table_file(file)
    table = yield from design.scramble(
        _self,
        arg.text(selection),
        _weights(weights),
        [_distribution(item) for item in arg.items(distribution)],
        {name: arg.optional(arg.real, name, x) for name, x in (("chain", chain), ("residue", residue), ("atom", atom))},
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    show(quiet, table)
    write(quiet, "edm_scramble", table, path)
    return table


@command
def edm_signal(
    selection: str,
    weights: Any = "flat | current | rebalanced",
    distribution: Any = "alphafold3 | wide",
    by: str = "level",
    z: Any = "-3 -2 -1 0 1 2 3",
    file: str = "",
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
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

    USAGE

        edm_signal selection [, weights [, distribution [, by [, z [, file
            [, state [, hydrogens [, solvent [, ligands ]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        weights = string: noises to compare, as in edm_noise, with "|" between
        them {default: flat | current | rebalanced}

        distribution = string: training distributions with "|" between them:
        alphafold3, boltz, lucidrains, wide, or one's own as P_mean P_std
        sigma_data {default: alphafold3 | wide}

        by = string: level (what is spent on each), or z (a row for each noise
        level) {default: level}

        z = floats: normal scores of the rows by z {default: -3 -2 -1 0 1 2 3}

        file = string: also write the table (.csv, .json) or a figure (.png,
        .svg, .pdf)

        state, hydrogens, solvent, ligands = as in edm_noise

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
    from ..jobs import design

    path, drawn = output_file(file)
    table = yield from design.signal(
        _self,
        arg.text(selection),
        _weights(weights),
        [_distribution(item) for item in arg.items(distribution)],
        arg.text(by),
        arg.numbers("z", arg.text(z) if isinstance(z, str) else z),
        figure=path if drawn else None,
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    show(quiet, table)
    if drawn:
        say(quiet, "edm_signal", f"{path} written")
    else:
        write(quiet, "edm_signal", table, path)
    return table


@command
def edm_triangle(
    selection: str,
    measure: str = "displacement",
    level: str = "residue",
    distribution: Any = "alphafold3",
    reference: Any = "",
    file: str = "",
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[WeightMap]:
    """
    DESCRIPTION

        "edm_triangle" maps a measure over all weights of chain, residue and
        atom for one structure: closed forms, nothing is drawn at random. It
        prints the values at the named weights and at those in proportion to
        the structure's own data scales, and writes the whole map as a figure
        or a table.

    USAGE

        edm_triangle selection [, measure [, level [, distribution
            [, reference [, file [, state [, hydrogens [, solvent
            [, ligands ]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        measure = string: displacement (of the level relative to the one above,
        in sigma), ratio (residue/atom, absolute), scramble (the z at which
        the level moves by its reference length in space), or share (of the
        training steps beyond it) {default: displacement}

        level = string: atom, residue or chain {default: residue}

        distribution = string: training distribution: alphafold3, boltz,
        lucidrains, wide, or one's own as P_mean P_std sigma_data
        {default: alphafold3}

        reference = float: reference length of the level in angstrom in space
        (3-D); without it that of edm_scramble

        file = string: also write the map as a figure (.png, .svg, .pdf), or
        all of its 5,050 weights as a table (.csv, .json)

        state, hydrogens, solvent, ligands = as in edm_noise

    EXAMPLES

        edm_triangle 1tii, file=triangle.png
        edm_triangle 1tii, measure=share, level=atom, distribution=wide
        edm_triangle 1tii, measure=scramble, reference=5, file=scramble.csv

    NOTES

        From Python the result has the arrays weights, (5050, 3) as atom,
        residue, chain, and values.

    SEE ALSO

        edm_design, edm_scramble
    """
    from ..jobs import design

    path, drawn = output_file(file)
    result = yield from design.triangle(
        _self,
        arg.text(selection),
        arg.text(measure),
        arg.text(level),
        _distribution(distribution),
        arg.optional(arg.real, "reference", reference),
        figure=path if drawn else None,
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    show(quiet, result.table)
    if drawn:
        say(quiet, "edm_triangle", f"{path} written")
    else:
        write(quiet, "edm_triangle", result.grid, path)
    return result


def _weights(given: Any) -> list[Weights]:
    from edmnoise.noise.weights import parse_weights

    return [parse_weights(item) for item in arg.items(given)]


def _distribution(given: Any) -> SigmaDistribution:
    from edmnoise.noise.sigma import parse_distribution

    return parse_distribution(arg.text(given) if isinstance(given, str) else given)
