"""edm_sample, edm_precondition: what a sampler does at each level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..job import Job
from . import arguments as arg
from .speech import command, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    from ..jobs.sampling import SampleResult
    from ..jobs.schedule import Course


@command
def edm_sample(
    selection: str,
    denoiser: str = "states",
    sampler: str = "heun",
    steps: Any = "",
    samples: Any = 1,
    trajectory: Any = 1,
    weights: Any = "flat",
    sigma_max: Any = "",
    sigma_min: Any = "",
    rho: Any = "",
    churn: Any = "",
    step_scale: Any = "",
    noise_scale: Any = "",
    center: Any = "",
    augment: Any = "",
    align: Any = "",
    device: str = "auto",
    seed: Any = 0,
    name: str = "",
    file: str = "",
    denoised: Any = 0,
    state_weights: Any = "",
    fluctuations: Any = "",
    level_weights: Any = "0 0",
    hydrogens: Any = 1,
    solvent: Any = 0,
    distribution: str = "alphafold3",
    schedule: Any = "karras",
    common: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[SampleResult]:
    """
    DESCRIPTION

        "edm_sample" runs a sampler of the EDM family from pure noise with a
        denoiser whose right answer is known: the exact posterior mean over
        the states of the loaded object (or over several objects of the same
        atoms), at any place and turned in any way. It makes an object whose
        state 1 is the reference and whose other states are the steps, laid
        on the reference by their end, and prints what each level still has
        to go at each step.

    USAGE

        edm_sample selection [, denoiser [, sampler [, steps [, samples
            [, trajectory [, weights [, sigma_max [, sigma_min [, rho
            [, churn [, step_scale [, noise_scale [, center [, augment
            [, align [, device [, seed [, name [, file [, denoised
            [, state_weights [, fluctuations [, level_weights [, hydrogens
            [, solvent [, distribution [, schedule
            [, common [, ligands ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object, whose states are the data, or
        of several objects, the shown state of each

        denoiser = string: states (any place and rotation), translation, fixed,
        or kabsch (best rotation instead of all: an approximation)
        {default: states}

        sampler = string: euler, heun, ralston, midpoint, chai, dpmpp_2m,
        dpmpp_2m_sde, ancestral; or a published one: alphafold3 (or af3),
        boltz1, boltz2, chai1, protenix, openfold3 {default: heun}

        steps = integer: number of steps {default: 40, or the published one's}

        samples = integer: number of samples {default: 1}

        trajectory = 0/1: an object of steps for each sample, or one object of
        final samples {default: 1}

        weights = string: chain, residue and atom shares of the noise, as in
        edm_noise {default: flat}

        sigma_max, sigma_min, rho = float: the schedule, angstrom
        {default: 2560, 0.0064, 7, or the published one's}

        churn = float: noise added before each step, gamma {default: 0, or the
        published one's}

        step_scale, noise_scale = float: factors of the step and of the churn
        noise; 1 is exact {default: 1, or the published one's}

        center, augment, align = 0/1: each step, move the centroid to the
        origin; turn at random; superpose the denoised structure on the noisy
        one {default: 1, 1, 0, or the published one's}

        device = string: auto, cpu or cuda {default: auto}

        seed = integer: sample k depends on the seed and k only {default: 0}

        name = string: name of the new object {default: <object>_sample}

        file = string: also write the table (.csv, .json) or its figure (.png,
        .svg, .pdf)

        denoised = 0/1: another object with the denoised estimates {default: 0}

        state_weights = floats: probability of each state {default: equal}

        fluctuations = floats: each state's own motion as standard deviations
        of chain, residue and atom per coordinate, angstrom, the atom's above
        0; or network, an elastic network of its residues {default: none}

        level_weights = floats: how far the denoiser's residue and chain
        centres replace those of its atoms in the step, each from 0 to 1;
        harmless with an exact denoiser {default: 0 0}

        hydrogens, solvent, distribution = as in edm_noise

        schedule = string: karras (by rho), log_linear (a geometric series), or
        the levels one by one in angstrom: 100 10 1 0 {default: karras}

        common = 0/1: where states do not have the same atoms, take those that
        all have {default: 0}

        ligands = as in edm_noise

    EXAMPLES

        edm_sample 1tii and chain D
        edm_sample 1tii and chain D, sampler=boltz2, samples=2, seed=7
        edm_sample 1tii and chain D, weights=1 4 4, steps=20, file=steps.png

    NOTES

        Two or more states make a sampler choose; with one state it can only
        find it. A trajectory is shown without the random rotations that the
        sampler made.

    SEE ALSO

        edm_schedule, edm_precondition, edm_noise, edm_color
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.noise.sigma import sigma_distribution
    from edmnoise.noise.weights import parse_weights

    from ..jobs import sampling

    path, _ = output_file(file)
    constants = sigma_distribution(arg.text(distribution))
    choice = chosen_sampler(
        sampler=sampler,
        steps=steps,
        sigma_max=sigma_max,
        sigma_min=sigma_min,
        rho=rho,
        churn=churn,
        step_scale=step_scale,
        noise_scale=noise_scale,
        center=center,
        augment=augment,
        align=align,
        level_weights=level_weights,
        schedule=schedule,
    )
    result = yield from sampling.sample(
        _self,
        arg.text(selection),
        parse_weights(arg.text(weights) if isinstance(weights, str) else weights),
        constants,
        denoiser=DenoiserChoice(
            arg.text(denoiser),
            arg.optional(arg.numbers, "state_weights", state_weights),
            arg.optional(_numbers_or_word, "fluctuations", fluctuations),
        ),
        choice=choice,
        samples=arg.whole("samples", samples),
        trajectory=arg.switch("trajectory", trajectory),
        denoised=arg.switch("denoised", denoised),
        seed=arg.whole("seed", seed),
        name=None if arg.absent(name) else arg.text(name),
        device=arg.text(device),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
        common=arg.switch("common", common),
    )
    say(quiet, "edm_sample", f"object {', '.join(result.names)}: {'; '.join(result.notes)}")
    show(quiet, result.table)
    say(quiet, "edm_sample", f"coloured by {result.colouring}")
    if path is not None:
        sampling.write(result, path)
        say(quiet, "edm_sample", f"{path} written")
    return result


@command
def edm_schedule(
    sampler: str = "heun",
    steps: Any = "",
    sigma_max: Any = "",
    sigma_min: Any = "",
    rho: Any = "",
    schedule: Any = "karras",
    churn: Any = "",
    file: str = "",
    distribution: str = "alphafold3",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_schedule" prints the noise levels that edm_sample would go through
        with the same arguments: sigma at each step, its normal score, and the
        level at which the denoiser is asked where churn adds noise before.

    USAGE

        edm_schedule [ sampler [, steps [, sigma_max [, sigma_min [, rho
            [, schedule [, churn [, file [, distribution ]]]]]]]]]

    ARGUMENTS

        sampler = string: euler, heun, ralston, midpoint, chai, dpmpp_2m,
        dpmpp_2m_sde, ancestral; or a published one: alphafold3 (or af3),
        boltz1, boltz2, chai1, protenix, openfold3 {default: heun}

        steps = integer: number of steps, or the published one's {default: 40}

        sigma_max, sigma_min, rho = float: highest and lowest level, angstrom, and
        how they are spaced, or the published one's {default: 2560, 0.0064, 7}

        schedule = string: karras (by rho), log_linear (a geometric series), or
        the levels one by one in angstrom: 100 10 1 0 {default: karras}

        churn = float: noise added before each step, gamma, or the published
        one's {default: 0}

        file = string: also write the table (.csv, .json) or its figure (.png,
        .svg, .pdf)

        distribution = as in edm_noise

    EXAMPLES

        edm_schedule
        edm_schedule boltz2, file=levels.png
        edm_schedule heun, steps=20, schedule=log_linear

    SEE ALSO

        edm_sample
    """
    from edmnoise.noise.sigma import sigma_distribution

    from ..jobs import schedule as plan

    path, _ = output_file(file)
    constants = sigma_distribution(arg.text(distribution))
    choice = chosen_sampler(
        sampler=sampler,
        steps=steps,
        sigma_max=sigma_max,
        sigma_min=sigma_min,
        rho=rho,
        schedule=schedule,
        churn=churn,
    )
    table = yield from plan.table(choice, constants, path)
    show(quiet, table)
    if path is not None:
        say(quiet, "edm_schedule", f"{path} written")
    return table


@command
def edm_precondition(
    selection: str,
    weights: Any = "flat",
    rule: str = "finite",
    z: Any = "-3 -2 -1 0 1 2 3",
    file: str = "",
    distribution: str = "alphafold3",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_precondition" prints EDM's coefficients for each level of a
        structure: c_skip, c_out, c_in and c_noise of chain, residue in chain
        and atom in residue over noise levels, with the data scale of each
        level measured on the structure, and what each rule for the noise of a
        level costs in error over the exact linear filter.

    USAGE

        edm_precondition selection [, weights [, rule [, z [, file
            [, distribution ]]]]]

    ARGUMENTS

        selection = string: atoms of one object

        weights = string: shares of the noise, as in edm_noise {default: flat}

        rule = string: finite (closed form for groups of finite size),
        increment (the level's own weight), cumulative (its own and those
        above), global (one scale for all: EDM) {default: finite}

        z = floats: noise levels as normal scores {default: -3 -2 -1 0 1 2 3}

        file = string: also write the table, as .csv or .json

        distribution = as in edm_noise

    EXAMPLES

        edm_precondition 1tii, weights=1 4 4
        edm_precondition 1tii, weights=current, rule=increment

    SEE ALSO

        edm_sample, edm_noise
    """
    from edmnoise.noise.sigma import sigma_distribution
    from edmnoise.noise.weights import parse_weights

    from ..jobs import sampling

    path = table_file(file)
    table = yield from sampling.precondition(
        _self,
        arg.text(selection),
        parse_weights(arg.text(weights) if isinstance(weights, str) else weights),
        sigma_distribution(arg.text(distribution)),
        arg.numbers("z", arg.text(z) if isinstance(z, str) else z),
        arg.text(rule),
    )
    show(quiet, table)
    write(quiet, "edm_precondition", table, path)
    return table


def plan(options: Mapping[str, str]) -> Job[Course]:
    """What `edm_sample` with these arguments would go through, those that have no part in it left aside."""
    from edmnoise.noise.sigma import sigma_distribution

    from ..jobs import schedule as plan

    chosen = {name: options[name] for name in _OF_THE_SAMPLER if name in options}
    return (
        yield from plan.plan(chosen_sampler(**chosen), sigma_distribution(options.get("distribution", "alphafold3")))
    )


_CONVERT: dict[str, Callable[[str, Any], Any]] = {
    "steps": arg.whole,
    **dict.fromkeys(("sigma_max", "sigma_min", "rho", "churn", "step_scale", "noise_scale"), arg.real),
    **dict.fromkeys(("center", "augment", "align"), arg.switch),
}
SETTINGS = (*_CONVERT, "schedule")
"""Arguments that set one thing of a sampler by a word or a number."""

_OF_THE_SAMPLER = ("sampler", *SETTINGS, "level_weights")


def chosen_sampler(
    sampler: Any = "heun", level_weights: Any = "0 0", schedule: Any = "karras", **given: Any
) -> SamplerChoice:
    """Arguments of `edm_sample` as they are typed -> what they choose."""
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    changed = {name: arg.optional(_CONVERT[name], name, value) for name, value in given.items()}
    return SamplerChoice(
        arg.text(sampler),
        **changed,
        level_weights=arg.numbers("level_weights", level_weights),
        schedule=_numbers_or_word("schedule", schedule),
    )


def _numbers_or_word(name: str, value: Any) -> list[float] | str:
    """Numbers, or a name."""
    word = arg.text(value) if isinstance(value, str) else ""
    return word if word.isidentifier() else arg.numbers(name, value)
