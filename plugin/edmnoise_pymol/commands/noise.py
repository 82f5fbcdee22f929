"""edm_noise, edm_levels, edm_table, edm_save: noise, measured and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError

from ..job import Job
from . import arguments as arg
from .speech import command, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table

    from ..jobs.noise import NoiseResult


@command
def edm_noise(
    selection: str,
    z: Any = "",
    weights: Any = "flat",
    frames: Any = 10,
    process: str = "multiscale",
    name: str = "",
    seed: Any = 0,
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    sigma: Any = "",
    distribution: str = "alphafold3",
    ligands: str = "residue",
    play: Any = 0,
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[NoiseResult]:
    """
    DESCRIPTION

        "edm_noise" adds the noise that diffusion models of molecules are trained
        with to the atoms of one object. It makes a new object: state 1 is the
        reference, the other states are the noised frames, residues are coloured
        by how far they moved in their chain. The input is not touched. A table
        of the displacement at every level is printed, measured and expected.

    USAGE

        edm_noise selection [, z [, weights [, frames [, process [, name [, seed
            [, state [, hydrogens [, solvent [, sigma [, distribution
            [, ligands [, play ]]]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        z = float: noise level as a normal score: sigma = sigma_data exp(P_mean +
        P_std z), and training draws z from N(0, 1) {default: 0}

        weights = string: chain, residue and atom shares of the variance, three
        numbers ("8.2 1.6 1.3") or a name: flat, current, rebalanced,
        residue-heavy, balanced-residue {default: flat, independent atoms}

        frames = integer: number of noised frames {default: 10}

        process = string: noise process {default: multiscale}

        name = string: name of the new object {default: <object>_noise}

        seed = integer: the same seed gives the same frames {default: 0}

        state = integer: state of the input, -1 for the one shown {default: -1}

        hydrogens = 0/1: keep hydrogens {default: 1}

        solvent = 0/1: keep solvent {default: 0}

        sigma = float: noise level in angstrom, instead of z

        distribution = string: constants of z: alphafold3 (or af3), boltz (the
        same), lucidrains, wide {default: alphafold3}

        ligands = string: what a group of the residue level is in ligands, ions
        and modified residues: residue, or atom, as tokens are in AlphaFold 3
        {default: residue}

        play = 0/1: show the new object alone, zoom to it and play its frames
        {default: 0}

    EXAMPLES

        edm_noise 1tii
        edm_noise 1tii, play=1
        edm_noise 1tii and chain A, z=-1, weights=1 4 4, frames=20
        edm_noise polymer, sigma=2.5, weights=current, name=shaken

    NOTES

        The same seed draws the same random numbers at every sigma and for all
        weights, so that settings can be compared draw by draw; processors of
        different kinds agree on them to five digits. "measured" is the RMS
        over groups, "share" counts atoms. How residues and chains are told
        apart, and all formulas, are in the documentation.

    SEE ALSO

        edm_levels, edm_table, edm_color, edm_save
    """
    from edmnoise.noise.process import NoiseChoice
    from edmnoise.noise.sigma import sigma_distribution
    from edmnoise.noise.weights import parse_weights

    from ..jobs import noise as service
    from ..scene.stage import perform

    constants, plays = sigma_distribution(arg.text(distribution)), arg.switch("play", play)
    result = yield from service.noise(
        _self,
        arg.text(selection),
        _sigma(z, sigma, constants),
        NoiseChoice.parse(arg.text(process), parse_weights(arg.text(weights) if isinstance(weights, str) else weights)),
        constants,
        frames=arg.whole("frames", frames),
        name=None if arg.absent(name) else arg.text(name),
        seed=arg.whole("seed", seed),
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    made = result.provenance
    shown = f"z = {made.z:.4g}, sigma = {made.sigma:.4g} A, weights {made.noise.label}, seed {made.seed}"
    say(quiet, "edm_noise", f"object {result.name}: reference and {result.table.meta['frames']} frames; {shown}")
    for note in result.notes:
        say(quiet, "edm_noise", note)
    show(quiet, result.table)
    say(quiet, "edm_noise", f"coloured by {result.colouring}")
    if plays:
        perform(_self, result.name)
    return result


@command
def edm_levels(
    name: str,
    align: str = "none",
    by: str = "summary",
    file: str = "",
    origin: Any = "first",
    common: Any = 0,
    hydrogens: Any = 1,
    solvent: Any = "",
    *,
    quiet: Any = 1,
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

    USAGE

        edm_levels name [, align [, by [, file [, origin [, common
            [, hydrogens [, solvent ]]]]]]]

    ARGUMENTS

        name = string: an object of two or more states

        align = string: what to remove from each state first: none, center (the
        translation) or superpose (translation and rotation) {default: none}

        by = string: summary, residue, atom, or state (every level in each state)
        {default: summary}

        file = string: also write the table, as .csv or .json

        origin = string: what states are measured from: first or last, a state's
        number, or another object (its shown state; a single state is enough to
        measure then) {default: first}

        common = 0/1: where states do not hold the same atoms, measure those that
        all hold; 0 names the atoms that differ {default: 0}

        hydrogens = 0/1: measure hydrogens {default: 1}

        solvent = 0/1: measure solvent {default: where all states hold the same}

    EXAMPLES

        edm_levels 1tii_noise
        edm_levels 1tii_noise, align=superpose
        edm_levels 1tii_noise, by=residue, file=residues.csv
        edm_levels 1tii_noise, superpose, state, origin=last
        edm_levels 1tii_noise, origin=1tii

    NOTES

        The last lines say what was measured from. Where the noise is not known,
        they also say when that is no nearer to the other states than these are
        to each other: as a trajectory's frame is that load_traj has written
        over the reference (load_traj file, object, 0 writes behind it).

    SEE ALSO

        edm_noise, edm_table, edm_color
    """
    from ..jobs import noise as service

    path = table_file(file)
    chosen = arg.basis(origin, align, common, hydrogens, solvent)
    table = yield from service.levels(_self, arg.text(name), arg.text(by), chosen)
    show(quiet, table)
    write(quiet, "edm_levels", table, path)
    return table


@command
def edm_table(
    selection: str,
    z: Any = "-3 -2 -1 0 1 2 3",
    weights: Any = "flat | 8.2 1.6 1.3 | 1 4 4",
    draws: Any = 1,
    seed: Any = 0,
    file: str = "",
    fresh: Any = 1,
    state: Any = -1,
    hydrogens: Any = 1,
    solvent: Any = 0,
    distribution: str = "alphafold3",
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_table" prints what noise does at every level of a structure over
        noise levels, for several weights: the table that a study of noise
        weights starts with, measured on fresh draws and expected from closed
        forms, side by side. It makes no object.

    USAGE

        edm_table selection [, z [, weights [, draws [, seed [, file [, fresh
            [, state [, hydrogens [, solvent [, distribution
            [, ligands ]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        z = floats: noise levels as normal scores {default: -3 -2 -1 0 1 2 3}

        weights = strings: weights separated by "|", each three numbers or a name
        as in edm_noise {default: flat | 8.2 1.6 1.3 | 1 4 4}

        draws = integer: frames drawn for each row {default: 1}

        seed = integer: the same seed gives the same table {default: 0}

        file = string: also write the table, as .csv or .json

        fresh = 0/1: draw each row anew; 0 scales one draw to all noise levels,
        which makes ratios look constant over z {default: 1}

        state, hydrogens, solvent, distribution = as in edm_noise

        ligands = as in edm_noise

    EXAMPLES

        edm_table 1tii and chain A and resi 4-35
        edm_table 1tii, z=-1 0 1, weights=flat | current | 3 8 1, draws=20
        edm_table polymer, file=table.csv

    SEE ALSO

        edm_noise, edm_levels
    """
    from edmnoise.noise.sigma import sigma_distribution
    from edmnoise.noise.weights import parse_weights

    from ..jobs import noise as service

    path = table_file(file)
    table = yield from service.table(
        _self,
        arg.text(selection),
        arg.numbers("z", arg.text(z) if isinstance(z, str) else z),
        [parse_weights(item) for item in arg.items(weights)],
        sigma_distribution(arg.text(distribution)),
        draws=arg.whole("draws", draws),
        seed=arg.whole("seed", seed),
        fresh=arg.switch("fresh", fresh),
        state=arg.whole("state", state),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
    )
    show(quiet, table)
    write(quiet, "edm_table", table, path)
    return table


@command
def edm_save(file: str, name: str, level: str = "atom", b: str = "", *, quiet: Any = 1, _self: Any = None) -> Job[int]:
    """
    DESCRIPTION

        "edm_save" writes the states of an object as one multi-MODEL file; for
        objects of edm_noise the first model is the reference, and remarks tell
        sigma, weights and seed. B factors, occupancies, charges and the bonds of
        ligands are kept, atoms stand in the order of the file that they came
        from, residue by residue. What a PDB file cannot hold (more than 99,999
        atoms, coordinates past 9,999 angstrom) is refused: an mmCIF file holds
        it. An existing file is replaced only by a whole new one.

    USAGE

        edm_save file, name [, level [, b ]]

    ARGUMENTS

        file = string: a .pdb or .cif name

        name = string: a molecular object

        level = string: atom, or residue for one pseudo-atom at the centre of each
        residue {default: atom}

        b = string: displacement, for B factors that are the RMS displacement from
        state 1 in the other states, angstrom per coordinate {default: the B
        factors of the object}

    EXAMPLES

        edm_save frames.pdb, 1tii_noise
        edm_save centres.cif, 1tii_noise, residue
        edm_save moved.pdb, 1tii_noise, b=displacement

    NOTES

        PyMOL's "load frames.cif" does not replace an object called frames: it
        drops an mmCIF file's models, and puts a PDB file's behind the ones that
        are there. Delete the object before, or give the file's another name.

    SEE ALSO

        edm_noise
    """
    from ..jobs import noise as service
    from ..scene.objects import free_name, object_of_file

    path = arg.text(file)
    b_factors = None if arg.absent(b) else arg.text(b)
    models = yield from service.save(_self, path, arg.text(name), arg.text(level), b_factors)
    plural = "" if models == 1 else "s"
    say(quiet, "edm_save", f"{path} written: {models} model{plural}, {arg.text(level)} level")
    if held := object_of_file(_self, path):
        say(
            quiet,
            "edm_save",
            f"an object {held} is loaded, which PyMOL's load does not replace: type delete {held} before load {path}, "
            f"or load {path}, {free_name(_self, held)}",
        )
    return models


def _sigma(z: Any, sigma: Any, constants: Any) -> float:
    """The noise level in angstrom from z or sigma, of which only one may be given."""
    if arg.absent(sigma):
        return float(constants.sigma(0.0 if arg.absent(z) else arg.real("z", z)))
    if not arg.absent(z):
        raise EdmNoiseError(f"z is {z} and sigma is {sigma}: give one of them, the other follows")
    return arg.real("sigma", sigma)
