"""edm_error, edm_judge: what denoisers are worth, and their samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, networks, noise, results, sampling

from ..job import Job
from ..scene.selected import Selected
from .denoisers import chosen
from .speech import command, deliver, output_file, say, show, table_file, write

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.error import ErrorResult
    from ..jobs.judge import JudgeResult


@command
def edm_error(
    selection: str = atoms.DATA,
    denoiser: Sequence[networks.Listed] | None = networks.DENOISERS,
    z: Sequence[float] | None = networks.ERROR_LEVELS,
    sigma: Sequence[float] | None = networks.SIGMAS,
    held_out: Sequence[int] | None = networks.HELD_OUT,
    weights: Weights = noise.WEIGHTS,
    draws: int = networks.ERROR_DRAWS,
    seed: int = noise.TABLE_SEED,
    file: str | None = results.ERROR_FILE,
    fluctuations: Sequence[float] | str | None = sampling.FLUCTUATIONS,
    gives: str = sampling.NETWORK_GIVES,
    rule: str = sampling.NETWORK_RULE,
    data_scales: Sequence[float] | None = sampling.DATA_SCALES,
    trust: bool = sampling.TRUST,
    state: int = atoms.STATES,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    common: bool = atoms.COMMON,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    device: str = networks.ERROR_DEVICE,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[ErrorResult]:
    """
    DESCRIPTION

        "edm_error" adds noise to the states of an object (or of several
        objects of the same atoms), turned at random, and measures what
        denoisers make of it: how far chain, residue and atom are from where
        they were, at each noise level. Beside any networks stand the exact
        denoiser of the states, which no other can beat, the exact one with
        fluctuations about them, and doing nothing. It makes no object.

    EXAMPLES

        edm_error ensemble, denoiser=mymodel:build, file=error.png
        edm_error ensemble, mymodel:build | kabsch, sigma=1 3 10, draws=50
        edm_error ensemble, mymodel:build gives=residual data_scales=16
        edm_error ensemble, held_out=4 5, file=error.csv
        edm_error ensemble, mymodel:build, move=resi 3-6

    NOTES

        Errors are RMS per coordinate, everything centred. "over exact" is the
        mean square error over that of the exact denoiser, on the same draws:
        1 cannot be beaten where the states that are found again are those
        that it knows. With held_out they are not, and a denoiser that has
        learned more than states may err less. Fluctuations, where they are
        not given, are such that each state is what the others would expect.

        With move= the other atoms are clean, where the first state has them,
        and all denoisers are given these. Errors are those of the moved atoms,
        and nothing is turned or centred.

    SEE ALSO

        edm_judge, edm_train, edm_sample, edm_compare, edm_precondition
    """
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import error
    from ..jobs.drawn import Batch

    path, _ = output_file(file)
    if sigma is not None and z is not None:
        raise EdmNoiseError("z and sigma are both given: give one of them, the other follows")
    levels = sigma or [distribution.sigma(each) for each in z or noise.LEVELS.default]
    result = yield from error.error(
        _self,
        Selected(selection, state, hydrogens, solvent, ligands, common, move),
        Batch([NoiseChoice.parse(process, weights)], draws, seed, device),
        chosen(denoiser or (), fluctuations, gives, rule, data_scales, trust),
        levels,
        held_out or (),
        fluctuations,
    )
    for note in result.notes:
        say(quiet, "edm_error", note)
    deliver(quiet, "edm_error", result.printed, path, lambda to: error.write(result, to))
    return result


@command
def edm_judge(
    selection: str = atoms.DATA,
    sampled: Sequence[str] | None = networks.SAMPLED,
    denoiser: Sequence[networks.Listed] | None = networks.JUDGED_DENOISERS,
    sampler: str = sampling.SAMPLER,
    steps: int | None = sampling.STEPS,
    samples: int = networks.JUDGED_SAMPLES,
    weights: Weights = sampling.SAMPLED_WEIGHTS,
    by: str = networks.JUDGE_BY,
    file: str | None = results.TABLE,
    seed: int = sampling.COMPARED_SEED,
    device: str = sampling.DEVICE,
    state_weights: Sequence[float] | None = sampling.STATE_WEIGHTS,
    fluctuations: Sequence[float] | str | None = sampling.FLUCTUATIONS,
    gives: str = sampling.NETWORK_GIVES,
    rule: str = sampling.NETWORK_RULE,
    data_scales: Sequence[float] | None = sampling.DATA_SCALES,
    trust: bool = sampling.TRUST,
    state: int = atoms.STATES,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    common: bool = atoms.COMMON,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[JudgeResult]:
    """
    DESCRIPTION

        "edm_judge" says what samples are worth against the states that they
        should be: RMSD to the nearest state, the share of mirror images,
        lDDT, bonds, chirality and clashes, and with by=state how many samples
        are of each state. Samples are loaded ones, or made for it with
        denoisers, from the same noise. It makes no object.

    EXAMPLES

        edm_judge ensemble, denoiser=states | mymodel:build
        edm_judge ensemble, sampled=mine | theirs, file=judged.csv
        edm_judge ensemble, denoiser=states | kabsch, by=state, samples=100

    NOTES

        The RMSD is over all atoms, a length in 3-D, superposed without
        reflections. A sample is a mirror image where its reflection is nearer
        to a state than it is itself: distances, bonds and lDDT cannot tell.
        The other measures are those of edm_damage, against the state that a
        sample, or its mirror image, is nearest to. "off by" is how many
        binomial errors the share of a state is from its probability. The
        exact denoiser of the states (denoiser=states) shows what the sampler
        alone makes of them.

    SEE ALSO

        edm_error, edm_train, edm_sample, edm_compare, edm_damage
    """
    from edmnoise.diffusion.samplers.choice import SamplerChoice
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import judge
    from ..jobs.drawn import Batch

    path = table_file(file)
    result = yield from judge.judge(
        _self,
        Selected(selection, state, hydrogens, solvent, ligands, common),
        Batch([NoiseChoice.parse(process, weights)], samples, seed, device),
        sampled or (),
        chosen(denoiser or (), fluctuations, gives, rule, data_scales, trust, state_weights),
        SamplerChoice(sampler, steps=steps),
        state_weights,
        by,
    )
    for note in result.notes:
        say(quiet, "edm_judge", note)
    show(quiet, result.printed)
    write(quiet, "edm_judge", result.table, path)
    return result
