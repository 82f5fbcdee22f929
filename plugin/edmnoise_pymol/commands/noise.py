"""edm_noise, edm_levels, edm_table, edm_save: noise, measured and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, noise, results

from ..job import Job
from ..scene.selected import Selected
from .speech import command, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.noise import NoiseResult


@command
def edm_noise(
    selection: str = atoms.SELECTION,
    z: float | None = noise.Z,
    weights: Weights = noise.WEIGHTS,
    frames: int = noise.FRAMES,
    process: str = noise.PROCESS,
    name: str | None = noise.NAME,
    seed: int = noise.SEED,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    sigma: float | None = noise.SIGMA,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    ligands: str = atoms.LIGANDS,
    play: bool = noise.PLAY,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[NoiseResult]:
    """
    DESCRIPTION

        "edm_noise" adds the noise that diffusion models of molecules are trained
        with to the atoms of one object. It makes a new object: state 1 is the
        reference, the other states are the noised frames, residues are coloured
        by how far they moved in their chain. The input is not touched. A table
        of the displacement at every level is printed, measured and expected.

    EXAMPLES

        edm_noise 1tii
        edm_noise 1tii, play=1
        edm_noise 1tii and chain A, z=-1, weights=1 4 4, frames=20
        edm_noise polymer, sigma=2.5, weights=current, name=shaken
        edm_noise 1tii, move=chain C and resi 205-230

    NOTES

        The same seed draws the same random numbers at every sigma and for all
        weights, so that settings can be compared draw by draw; processors of
        different kinds agree on them to five digits. Atoms that move= leaves
        out are held and grey; the others get the numbers that they get without
        it, and are measured alone. "measured" is the RMS
        over groups, "share" counts atoms. How residues and chains are told
        apart, and all formulas, are in the documentation. An object with
        domains (edm_domains) may have a fourth weight: weights=1 4 2 1.

    SEE ALSO

        edm_levels, edm_table, edm_color, edm_save, edm_domains
    """
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import noise as jobs
    from ..scene.stage import perform

    which = Selected(selection, state, hydrogens, solvent, ligands, move=move)
    choice, level = NoiseChoice.parse(process, weights), _sigma(z, sigma, distribution)
    result = yield from jobs.noise(_self, which, choice, level, distribution, frames, seed, name)
    made = result.provenance
    shown = f"z = {made.z:.4g}, sigma = {made.sigma:.4g} A, {made.noise.said}, seed {made.seed}"
    say(quiet, "edm_noise", f"object {result.name}: reference and {result.table.meta['frames']} frames; {shown}")
    for note in result.notes:
        say(quiet, "edm_noise", note)
    show(quiet, result.table)
    say(quiet, "edm_noise", f"coloured by {result.colouring}")
    if play:
        perform(_self, result.name)
    return result


@command
def edm_levels(
    name: str = atoms.OBJECT,
    align: str = atoms.ALIGN,
    by: str = results.BY,
    file: str | None = results.LEVELS_FILE,
    origin: str = atoms.ORIGIN,
    common: bool = atoms.MEASURED_COMMON,
    hydrogens: bool = atoms.MEASURED_HYDROGENS,
    solvent: bool | None = atoms.MEASURED_SOLVENT,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_levels" measures how far the atoms, residues and chains of an object
        moved from state 1, or from another origin, in its other states: each
        level by itself, and within the level above. Lengths are RMS per
        coordinate, in angstrom (in space they are sqrt 3 times as long). For
        objects of edm_noise the closed-form expectation stands beside, with its
        spread from draw to draw.

    EXAMPLES

        edm_levels 1tii_noise
        edm_levels 1tii_noise, align=superpose
        edm_levels 1tii_noise, by=residue, file=residues.csv
        edm_levels 1tii_noise, superpose, state, origin=last
        edm_levels 1tii_noise, superpose, state, file=levels.png
        edm_levels 1tii_noise, origin=1tii

    NOTES

        by=state also gives each state's RMSD, of all atoms after superposition,
        a length in 3-D whatever align is, and its radius of gyration. Chains may
        be named otherwise in other states or objects: atoms are then told by
        residue and name.
        The last lines say what was measured from. Where the noise is not known,
        they also say when that is no nearer to the other states than these are
        to each other: as a trajectory's frame is that load_traj has written
        over the reference (load_traj file, object, 0 writes behind it).

    SEE ALSO

        edm_noise, edm_table, edm_color, edm_quality
    """
    from ..jobs import noise as jobs
    from ..jobs.ensemble import Basis

    path, drawn = output_file(file)
    if drawn and by != "state":
        raise EdmNoiseError(f"{path} would be a figure, which has the states along its axis: give by=state")
    table = yield from jobs.levels(_self, name, by, Basis(origin, align, hydrogens, solvent, common))
    show(quiet, table)
    if path is not None and drawn:
        jobs.draw_levels(table, path)
        say(quiet, "edm_levels", f"{path} written")
    else:
        write(quiet, "edm_levels", table, path)
    return table


@command
def edm_table(
    selection: str = atoms.SELECTION,
    z: Sequence[float] = noise.LEVELS,
    weights: Sequence[Weights] = noise.TABLE_WEIGHTS,
    draws: int = noise.DRAWS,
    seed: int = noise.TABLE_SEED,
    file: str | None = results.TABLE,
    fresh: bool = noise.FRESH,
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
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_table" prints what noise does at every level of a structure over
        noise levels, for several weights: the table that a study of noise
        weights starts with, measured on fresh draws and expected from closed
        forms, side by side. It makes no object.

    EXAMPLES

        edm_table 1tii and chain A and resi 4-35
        edm_table 1tii, z=-1 0 1, weights=flat | current | 3 8 1, draws=20
        edm_table polymer, file=table.csv

    SEE ALSO

        edm_noise, edm_levels
    """
    from ..jobs import noise as jobs
    from ..jobs.drawn import Draws

    path = table_file(file)
    which = Selected(selection, state, hydrogens, solvent, ligands, move=move)
    drawn = Draws.of(process, weights, z, distribution, draws, seed)
    table = yield from jobs.table(_self, which, drawn, fresh)
    show(quiet, table)
    write(quiet, "edm_table", table, path)
    return table


@command
def edm_save(
    file: str = results.FRAMES_FILE,
    name: str = atoms.SAVED_OBJECT,
    level: str = results.SAVED_LEVEL,
    b: str | None = results.B_FACTORS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[int]:
    """
    DESCRIPTION

        "edm_save" writes the states of an object to a file that other programs
        open. The name's ending chooses it:

        .pdb, .cif   one multi-MODEL file
        .cxc         commands for ChimeraX, with the models and their values
                     beside
        .mvsx        everything for Mol*, a snapshot for each state
        .dcd, .xtc   a trajectory, with the first state beside as _first.pdb:
                     for VMD, MDAnalysis, mdtraj

        For objects of edm_noise the first model is the reference, and remarks
        tell sigma, weights and seed. B factors, occupancies, charges and the
        bonds of ligands are kept, atoms stand in the order of the file that
        they came from, residue by residue. What a PDB file cannot hold (more
        than 99,999 atoms, coordinates past 9,999 angstrom) is refused: an mmCIF
        file holds it. An existing file is replaced only by a whole new one.

        .cxc and .mvsx show what the object shows: the displacement that colours
        it, by the same palette on the same range. An object that follows its
        frames, or a baked one, has other colours in each frame there too.

    EXAMPLES

        edm_save frames.pdb, 1tii_noise
        edm_save centres.cif, 1tii_noise, residue
        edm_save moved.pdb, 1tii_noise, b=displacement
        edm_save frames.cxc, 1tii_noise
        edm_save frames.mvsx, 1tii_noise
        edm_save frames.dcd, 1tii_noise

    NOTES

        PyMOL's "load frames.cif" does not replace an object called frames: it
        drops an mmCIF file's models, and puts a PDB file's behind the ones that
        are there. Delete the object before, or give the file's another name.
        XTC files are rounded to 0.01 angstrom, and are written by mdtraj or
        MDAnalysis where one of them is installed: pip install mdtraj.

    SEE ALSO

        edm_noise, edm_color
    """
    from ..jobs.saving import save
    from ..scene.objects import free_name

    saved = yield from save(_self, file, name, level, b)
    plural = "" if saved.models == 1 else "s"
    shown = f"coloured by {saved.colours}" if saved.colours else f"{level} level"
    say(quiet, "edm_save", f"{file} written: {saved.models} model{plural}, {shown}")
    if held := saved.held:
        say(
            quiet,
            "edm_save",
            f"an object {held} is loaded, which PyMOL's load does not replace: type delete {held} before load {file}, "
            f"or load {file}, {free_name(_self, held)}",
        )
    return saved.models


def _sigma(z: float | None, sigma: float | None, distribution: SigmaDistribution) -> float:
    """The noise level in angstrom from z or sigma, of which only one may be given."""
    if sigma is None:
        return distribution.sigma(z or 0.0)
    if z is not None:
        raise EdmNoiseError(f"z is {z:g} and sigma is {sigma:g}: give one of them, the other follows")
    return sigma
