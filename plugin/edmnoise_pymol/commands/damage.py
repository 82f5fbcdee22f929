"""edm_damage: what noise destroys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..job import Job
from . import arguments as arg
from .speech import command, output_file, say, show

if TYPE_CHECKING:
    from ..jobs.damage import DamageResult


@command
def edm_damage(
    selection: str,
    z: Any = "-3 -2.5 -2 -1.5 -1 -0.5 0 0.5 1 1.5 2 2.5 3",
    weights: Any = "flat | 8.2 1.6 1.3 | 1 4 4",
    draws: Any = 5,
    seed: Any = 0,
    file: str = "",
    by: str = "summary",
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    distribution: Any = "alphafold3",
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[DamageResult]:
    """
    DESCRIPTION

        "edm_damage" draws noise at several levels, for several weights, and
        measures what is left of the structure: lDDT, RMSD after superposition,
        contacts, bond lengths, chirality, clashes and the radius of gyration.
        It makes no object.

    USAGE

        edm_damage selection [, z [, weights [, draws [, seed [, file [, by
            [, state [, hydrogens [, solvent [, distribution
            [, ligands ]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        z = floats: noise levels as normal scores
        {default: -3 -2.5 -2 -1.5 -1 -0.5 0 0.5 1 1.5 2 2.5 3}

        weights = strings: weights separated by "|", each three numbers or a name
        as in edm_noise {default: flat | 8.2 1.6 1.3 | 1 4 4}

        draws = integer: frames drawn for each row {default: 5}

        seed = integer: the same seed gives the same table {default: 0}

        file = string: also write the table with its standard errors (.csv,
        .json), or a figure of every measure (.png, .svg, .pdf)

        by = string: summary (every measure), or residue (each residue's lDDT
        at every noise level) {default: summary}

        state, hydrogens, solvent = as in edm_noise

        distribution = string: training distribution, as in edm_noise:
        alphafold3, boltz, lucidrains, wide; or one's own as P_mean P_std
        sigma_data {default: alphafold3}

        ligands = as in edm_noise

    EXAMPLES

        edm_damage 1tii and chain A, file=damage.png
        edm_damage 1tii and chain D, z=-1 0 1, weights=flat | current, draws=20
        edm_damage 1tii and chain D, z=0, by=residue, file=residues.csv

    NOTES

        lDDT: all atoms of different residues within 15 A, thresholds 0.5, 1, 2
        and 4 A. RMSD: of all atoms, a length in 3-D. Contacts: heavy atoms
        within 4.5 A, of residues that no bond joins. Bonds: pairs closer than
        their covalent radii and 0.45 A; broken where they no longer are.
        Centres: tetrahedral, with three or four heavy neighbours; strong noise
        flips half of them, as a coin would. Clashes: heavy atoms 0.4 A within
        their van der Waals radii that no three bonds join, per 1,000; the
        strongest noise has few, since its atoms are far apart.

    SEE ALSO

        edm_noise, edm_table, edm_levels
    """
    from edmnoise.noise.sigma import parse_distribution
    from edmnoise.noise.weights import parse_weights

    from ..jobs import damage

    path, _ = output_file(file)
    result = yield from damage.damage(
        _self,
        arg.text(selection),
        arg.numbers("z", arg.text(z) if isinstance(z, str) else z),
        [parse_weights(item) for item in arg.items(weights)],
        parse_distribution(arg.text(distribution) if isinstance(distribution, str) else distribution),
        draws=arg.whole("draws", draws),
        seed=arg.whole("seed", seed),
        by=arg.text(by),
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    for note in result.notes:
        say(quiet, "edm_damage", note)
    show(quiet, result.printed)
    if path is not None:
        damage.write(result, path)
        say(quiet, "edm_damage", f"{path} written")
    return result
