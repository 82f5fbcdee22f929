"""edm_damage, edm_quality: what noise destroys, and what loaded states have kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, noise, results

from ..job import Job
from ..scene.selected import Selected
from .speech import command, deliver, output_file, say

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights
    from edmnoise.study.quality import QualityStudy

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

        edm_noise, edm_quality, edm_table, edm_levels
    """
    from ..jobs import damage
    from ..jobs.drawn import Draws

    path, _ = output_file(file)
    which = Selected(selection, state, hydrogens, solvent, ligands, move=move)
    drawn = Draws.of(process, weights, z, distribution, draws, seed)
    result = yield from damage.damage(_self, which, drawn, by)
    for note in result.notes:
        say(quiet, "edm_damage", note)
    deliver(quiet, "edm_damage", result.printed, path, lambda to: damage.write(result, to))
    return result


@command
def edm_quality(
    name: str = atoms.OBJECT,
    by: str = results.QUALITY_BY,
    file: str | None = results.QUALITY_FILE,
    origin: str = atoms.ORIGIN,
    common: bool = atoms.MEASURED_COMMON,
    hydrogens: bool = atoms.MEASURED_HYDROGENS,
    solvent: bool | None = atoms.MEASURED_SOLVENT,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[QualityStudy]:
    """
    DESCRIPTION

        "edm_quality" measures what the loaded states of an object have kept of a
        reference, by the measures of edm_damage: lDDT, RMSD after superposition,
        contacts, bond lengths, chirality, clashes and the radius of gyration. It
        draws no noise, makes no object and superposes nothing but for the RMSD.
        The states may be a trajectory's, those of an NMR ensemble, or samples.

    EXAMPLES

        edm_quality 1tii_noise
        edm_quality 1tii_noise, by=state, file=states.csv
        edm_quality 1tii_noise, residue, origin=last
        edm_quality 1tii_noise, origin=1tii, file=quality.png

    NOTES

        The measures are those of help edm_damage. Contacts, bonds and centres are
        those of the reference; "reference" is what it has itself. A command of
        its own, not an option of edm_damage, since no argument that says how
        noise is drawn has a meaning here; its arguments are those of edm_levels.
        Where atoms were held, the whole is measured. edm_color measure=lddt
        colours residues by their lDDT.

    SEE ALSO

        edm_damage, edm_levels, edm_color, edm_judge
    """
    from ..jobs import quality
    from ..jobs.ensemble import Basis

    path, _ = output_file(file)
    study = yield from quality.quality(_self, name, Basis(origin, "none", hydrogens, solvent, common))
    deliver(quiet, "edm_quality", study.table(by), path, lambda to: quality.write(study, by, to))
    return study
