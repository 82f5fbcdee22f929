"""edm_damage: what noise destroys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, noise, results

from ..job import Job
from .speech import command, output_file, say, show

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.damage import DamageResult


@command
def edm_damage(
    selection: str = atoms.SELECTION,
    z: Sequence[float] = noise.FINE_LEVELS,
    weights: Sequence[Weights] = noise.TABLE_WEIGHTS,
    draws: int = noise.DRAWS,
    seed: int = noise.TABLE_SEED,
    file: str | None = results.DAMAGE_FILE,
    by: str = results.DAMAGE_BY,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[DamageResult]:
    """
    DESCRIPTION

        "edm_damage" draws noise at several levels, for several weights, and
        measures what is left of the structure: lDDT, RMSD after superposition,
        contacts, bond lengths, chirality, clashes and the radius of gyration.
        It makes no object.

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
    from edmnoise.noise.process import choices

    from ..jobs import damage

    path, _ = output_file(file)
    noises = choices(process, weights, noise.TABLE_WEIGHTS.read(noise.TABLE_WEIGHTS.default))
    result = yield from damage.damage(
        _self, selection, z, noises, distribution, draws, seed, by, state, hydrogens, solvent, ligands, move
    )
    for note in result.notes:
        say(quiet, "edm_damage", note)
    show(quiet, result.printed)
    if path is not None:
        damage.write(result, path)
        say(quiet, "edm_damage", f"{path} written")
    return result
