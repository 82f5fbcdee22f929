"""edm_return: what comes back of a structure that is noised and sampled back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, noise, partial, sampling

from ..job import Job
from ..scene.selected import Selected
from .speech import command, deliver, output_file, say

if TYPE_CHECKING:
    from edmnoise.diffusion.names import Counted
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.round_trip import ReturnResult


@command
def edm_return(
    selection: str = atoms.DATA,
    sigma: Sequence[float | Counted] | None = partial.SIGMAS,
    z: Sequence[float] | None = partial.LEVELS,
    denoiser: str = sampling.ANY_DENOISER,
    sampler: str = sampling.SAMPLER,
    steps: int | None = sampling.STEPS,
    samples: int = partial.RETURN_SAMPLES,
    left: Sequence[int] | None = partial.LEFT,
    weights: Weights = sampling.SAMPLED_WEIGHTS,
    file: str | None = partial.RETURN_FILE,
    seed: int = sampling.COMPARED_SEED,
    device: str = sampling.DEVICE,
    churn: float | None = sampling.CHURN,
    center: bool | None = sampling.CENTER,
    augment: bool | None = sampling.AUGMENT,
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
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    ligands: str = atoms.LIGANDS,
    process: str = noise.PROCESS,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[ReturnResult]:
    """
    DESCRIPTION

        "edm_return" noises each state of an object (or each of several objects
        of the same atoms) to several levels, samples back, and measures how
        likely it comes back to the state that it left: the share that does,
        RMSD and lDDT to it, and how far chains, residues in chains and atoms
        in residues have moved; and the level of no return of each. It makes
        no object.

    EXAMPLES

        edm_return ensemble, samples=16, file=return.png
        edm_return ensemble, sigma=2 8 rfdiffusion:20, left=1
        edm_return ensemble, z=-1 0 1, sampler=boltz2, steps=40
        edm_return ensemble, move=resi 3-6, fluctuations=network

    NOTES

        A sample has come back where the nearest state, by RMSD, is the one
        that it left. No return: half of the way from coming back surely to
        what samples are without a start; the rows without sigma show those of
        the whole schedule. "posterior" is what a sampler with fresh noise at
        every level is expected to return, given where the samples began;
        "stochastic" the same by closed form, for two states, and "flow" that
        of a sampler without fresh noise (heun). Churn returns less than both.
        The two are exact for denoiser=fixed and translation, and near for
        states, where sigma is well below the size.

        With move= the other atoms are held where the state that is left has
        them. The moved ones are measured, among these; the closed forms are
        exact then for states that keep still.

    SEE ALSO

        edm_sample, edm_schedule, edm_judge
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.diffusion.samplers.choice import SamplerChoice
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import round_trip
    from ..jobs.drawn import Batch

    path, _ = output_file(file)
    if sigma is not None and z is not None:
        raise EdmNoiseError("z and sigma are both given: give one of them, the other follows")
    scores = z or noise.FINE_LEVELS.default
    result = yield from round_trip.round_trip(
        _self,
        Selected(selection, state, hydrogens, solvent, ligands, common, move),
        Batch([NoiseChoice.parse(process, weights)], samples, seed, device),
        DenoiserChoice(denoiser, state_weights, fluctuations, gives, rule, data_scales, trust),
        SamplerChoice(sampler, steps, churn=churn, center=center, augment=augment),
        sigma or [distribution.sigma(score) for score in scores],
        distribution,
        left or (),
    )
    say(quiet, "edm_return", "; ".join(result.notes))
    deliver(quiet, "edm_return", result.printed, path, lambda to: round_trip.write(result, to))
    return result
