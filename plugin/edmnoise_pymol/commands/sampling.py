"""edm_sample, edm_precondition: what a sampler does at each level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, noise, partial, results, sampling
from edmnoise.settings.knob import Knob

from ..job import Job
from ..scene.selected import Selected
from .speech import command, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.base.table import Table
    from edmnoise.diffusion.names import Counted
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.run_objects import SampleResult
    from ..jobs.schedule import Course


@command
def edm_sample(
    selection: str = atoms.DATA,
    denoiser: str | Callable[..., Any] = sampling.ANY_DENOISER,
    sampler: str = sampling.SAMPLER,
    steps: int | None = sampling.STEPS,
    samples: int = sampling.SAMPLES,
    trajectory: bool = sampling.TRAJECTORY,
    weights: Weights = sampling.SAMPLED_WEIGHTS,
    sigma_max: float | Counted | None = sampling.SIGMA_MAX,
    sigma_min: float | None = sampling.SIGMA_MIN,
    rho: float | None = sampling.RHO,
    churn: float | None = sampling.CHURN,
    step_scale: float | None = sampling.STEP_SCALE,
    noise_scale: float | None = sampling.NOISE_SCALE,
    center: bool | None = sampling.CENTER,
    augment: bool | None = sampling.AUGMENT,
    align: bool | None = sampling.ALIGN,
    device: str = sampling.DEVICE,
    seed: int = sampling.SAMPLE_SEED,
    name: str | None = sampling.SAMPLE_NAME,
    file: str | None = results.STEPS_FILE,
    denoised: bool = sampling.DENOISED,
    state_weights: Sequence[float] | None = sampling.STATE_WEIGHTS,
    fluctuations: Sequence[float] | str | None = sampling.FLUCTUATIONS,
    level_weights: Sequence[float] = sampling.LEVEL_WEIGHTS,
    state: int = atoms.STATES,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    schedule: Sequence[float] | str = sampling.SCHEDULE,
    common: bool = atoms.COMMON,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    gives: str = sampling.NETWORK_GIVES,
    rule: str = sampling.NETWORK_RULE,
    data_scales: Sequence[float] | None = sampling.DATA_SCALES,
    trust: bool = sampling.TRUST,
    start: str | None = partial.START,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
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

    EXAMPLES

        edm_sample 1tii and chain D
        edm_sample 1tii and chain D, sampler=boltz2, samples=2, seed=7
        edm_sample 1tii and chain D, weights=1 4 4, steps=20, file=steps.png
        edm_sample 1tii and chain D, start=1, sigma_max=8
        edm_sample 1tii and chain D, start=1, sigma_max=rfdiffusion:20
        edm_sample 1tii and chain D, steps=20, move=resi 30-50

    NOTES

        Two or more states make a sampler choose; with one state it can only
        find it. A trajectory is shown without the random rotations that the
        sampler made. With move= the other atoms are held where the first state
        has them, and the denoiser is that of the moved ones given these.

        With a start (partial diffusion) the reference is the start. A sampler
        with churn noises it further before its first step, AlphaFold 3's to
        1.8 sigma_max. edm_return says how surely a state comes back.

    SEE ALSO

        edm_return, edm_schedule, edm_precondition, edm_noise, edm_color
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.diffusion.samplers.choice import SamplerChoice
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import sampling as jobs
    from ..jobs.drawn import Batch
    from ..jobs.run_objects import write as write_run

    path, _ = output_file(file)
    choice = SamplerChoice(
        sampler,
        steps=steps,
        sigma_max=top(sigma_max, distribution, quiet, "edm_sample"),
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
        start=start,
    )
    result = yield from jobs.sample(
        _self,
        Selected(selection, state, hydrogens, solvent, ligands, common, move),
        Batch([NoiseChoice.parse(process, weights)], samples, seed, device),
        DenoiserChoice(denoiser, state_weights, fluctuations, gives, rule, data_scales, trust),
        choice,
        distribution,
        name,
        trajectory,
        denoised,
        start,
    )
    say(quiet, "edm_sample", f"object {', '.join(result.names)}: {'; '.join(result.notes)}")
    show(quiet, result.run.summary(distribution))
    say(quiet, "edm_sample", f"coloured by {result.colouring}")
    if path is not None:
        write_run(result, path)
        say(quiet, "edm_sample", f"{path} written")
    return result


@command
def edm_schedule(
    sampler: str = sampling.SAMPLER,
    steps: int | None = sampling.STEPS,
    sigma_max: float | Counted | None = sampling.SIGMA_MAX,
    sigma_min: float | None = sampling.SIGMA_MIN,
    rho: float | None = sampling.RHO,
    schedule: Sequence[float] | str = sampling.SCHEDULE,
    churn: float | None = sampling.CHURN,
    file: str | None = results.STEPS_FILE,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    sigma: Sequence[float | Counted] | None = partial.TRANSLATED,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_schedule" prints the noise levels that edm_sample would go through
        with the same arguments: sigma at each step, its normal score, and the
        level at which the denoiser is asked where churn adds noise before.
        With sigma it prints levels as programs count them: z, the step of a
        sampler, the partial_t of RFdiffusion 3, the partial_T of RFdiffusion.

    EXAMPLES

        edm_schedule
        edm_schedule boltz2, file=levels.png
        edm_schedule heun, steps=20, schedule=log_linear
        edm_schedule sigma=8
        edm_schedule sigma=2 8 rfdiffusion:20

    SEE ALSO

        edm_sample
    """
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    from ..jobs import schedule as jobs

    path, _ = output_file(file)
    if sigma is not None:
        _check_alone(sampler, steps, sigma_max, sigma_min, rho, churn, schedule)
        table = yield from jobs.translated(sigma, distribution, path)
    else:
        highest = top(sigma_max, distribution, quiet, "edm_schedule")
        choice = SamplerChoice(sampler, steps, highest, sigma_min, rho, churn, schedule=schedule)
        table = yield from jobs.table(choice, distribution, path)
    show(quiet, table)
    if path is not None:
        say(quiet, "edm_schedule", f"{path} written")
    return table


def _check_alone(*given: Any) -> None:
    """Levels in everybody's units are of no schedule of ours."""
    for knob, value in zip(_OF_A_SCHEDULE, given, strict=True):
        if value != knob.default:
            raise EdmNoiseError(
                f"sigma asks for levels in the units of programs, each with its own schedule, and {knob.name} is of a "
                "schedule to print: leave one of them out"
            )


_OF_A_SCHEDULE: tuple[Knob, ...] = (
    sampling.SAMPLER,
    sampling.STEPS,
    sampling.SIGMA_MAX,
    sampling.SIGMA_MIN,
    sampling.RHO,
    sampling.CHURN,
    sampling.SCHEDULE,
)


@command
def edm_precondition(
    selection: str = atoms.SELECTION,
    weights: Weights = sampling.SAMPLED_WEIGHTS,
    rule: str = sampling.RULE,
    z: Sequence[float] = noise.LEVELS,
    file: str | None = results.TABLE,
    state: int = atoms.STATE,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Table]:
    """
    DESCRIPTION

        "edm_precondition" prints EDM's coefficients for each level of a
        structure: c_skip, c_out, c_in and c_noise of chain, residue in chain
        and atom in residue over noise levels, with the data scale of each
        level measured on the structure, and what each rule for the noise of a
        level costs in error over the exact linear filter.

    EXAMPLES

        edm_precondition 1tii, weights=1 4 4
        edm_precondition 1tii, weights=current, rule=increment
        edm_precondition 1tii, process=harmonic

    NOTES

        Noise without weights has the rules finite and global. Its exact
        filter is not computed: what global costs is printed over finite,
        which are the best numbers that a level can be multiplied with.

    SEE ALSO

        edm_sample, edm_noise
    """
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import sampling as jobs

    path = table_file(file)
    which = Selected(selection, state, hydrogens, solvent, ligands)
    table = yield from jobs.precondition(_self, which, NoiseChoice.parse(process, weights), distribution, z, rule)
    show(quiet, table)
    write(quiet, "edm_precondition", table, path)
    return table


def top(level: float | Counted | None, distribution: SigmaDistribution, quiet: int, command: str) -> float | None:
    """sigma_max in angstrom; says what it is where it was given in another unit."""
    if level is None or isinstance(level, float):  # nothing of torch is needed
        return level
    from edmnoise.diffusion.samplers.units import sigma_of

    sigma = sigma_of(level, distribution, "sigma_max")
    say(quiet, command, f"sigma_max {level} is {sigma:.4g} A")
    return sigma


def plan(options: Mapping[str, str]) -> Job[Course]:
    """What `edm_sample` with these arguments would go through, those that have no part in it left aside."""
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    from ..jobs import schedule as jobs

    def read(knob: Knob) -> Any:
        return knob.read(options.get(knob.name, knob.default))

    distribution = read(noise.DISTRIBUTION)
    changed = {name: read(knob) for name, knob in sampling.OF_A_SAMPLER.items()}
    changed["sigma_max"] = top(changed["sigma_max"], distribution, 1, "")
    choice = SamplerChoice(read(sampling.SAMPLER), **changed, start=read(partial.START))
    return (yield from jobs.plan(choice, distribution))
