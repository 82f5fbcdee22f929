"""edm_compare: why a level does not move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, networks, noise, partial, results, sampling
from edmnoise.settings import traces as recorded

from ..job import Job
from ..scene.selected import Selected
from .denoisers import chosen
from .sampling import top
from .speech import command, output_file, say, show, write

if TYPE_CHECKING:
    from edmnoise.diffusion.names import Counted
    from edmnoise.diffusion.samplers.choice import SamplerChoice
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.compare import CompareResult


_USUAL = ", or none beside traces"
_WEIGHTS = noise.COMPARED.but(default=None, usual=noise.COMPARED.said + _USUAL)
_SAMPLERS = sampling.SAMPLERS.but(default=None, usual=sampling.SAMPLERS.said + _USUAL)


@command
def edm_compare(
    selection: str = atoms.DATA,
    weights: Sequence[Weights] | None = _WEIGHTS,
    sampler: Sequence[str] | None = _SAMPLERS,
    steps: int | None = sampling.COMPARED_STEPS,
    samples: int = sampling.COMPARED_SAMPLES,
    seed: int = sampling.COMPARED_SEED,
    denoiser: Sequence[networks.Listed] = networks.COMPARED_DENOISERS,
    by: str = results.COMPARE_BY,
    file: str | None = results.FIGURE,
    device: str = sampling.DEVICE,
    state: int = atoms.STATES,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    common: bool = atoms.COMMON,
    ligands: str = atoms.LIGANDS,
    state_weights: Sequence[float] | None = sampling.STATE_WEIGHTS,
    fluctuations: Sequence[float] | str | None = sampling.FLUCTUATIONS,
    process: str = noise.PROCESS,
    traces: Sequence[tuple[str, int | None]] | None = recorded.TRACES,
    gives: str = sampling.NETWORK_GIVES,
    rule: str = sampling.NETWORK_RULE,
    data_scales: Sequence[float] | None = sampling.DATA_SCALES,
    trust: bool = sampling.TRUST,
    start: str | None = partial.COMPARED_START,
    sigma_max: float | Counted | None = partial.COMPARED_TOP,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    move: str | None = atoms.MOVE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[CompareResult]:
    """
    DESCRIPTION

        "edm_compare" runs edm_sample for every combination of weights,
        denoisers and samplers, from the same seed, and shows why a level does
        not move: what each level still has to go against sigma, the sigma at
        which it is frozen out, and what is spent on shifting and turning the
        whole, which centring and superposition remove; or, with by=samples,
        what the samples of each are worth. Recorded runs of real models stand
        beside them, or are compared alone. It makes no object.

    EXAMPLES

        edm_compare 1tii and chain D, steps=16
        edm_compare 1tii and chain D, weights=flat | 1 4 4, file=compare.png
        edm_compare 1tii and chain D, flat, heun | heun churn 0.4 | boltz2
        edm_compare complex_model_0, traces=run.trace, file=compare.png
        edm_compare complex_model_0, flat, boltz2, traces=run.trace
        edm_compare ensemble, denoiser=states | mymodel:build, by=samples
        edm_compare ensemble, flat, heun | boltz2, start=1, sigma_max=8
        edm_compare ensemble, flat, heun sigma_max z:0 | heun sigma_max z:1
        edm_compare ensemble, flat | 1 4 4, heun, move=resi 3-6

    NOTES

        Up to 12 runs. "noise shift" and "noise turn" are the shares of every
        draw of noise that move all atoms as one, by closed form; "way shift"
        and "way turn" those of the noisy sample's way to its end, a mean over
        the steps. An exact denoiser that takes a structure at any place never
        undoes a shift: the noise that was spent on it does nothing.

        Traces are as "edm_trace" opens them, matched with the selection, in
        which one of them has ended at least; others of as many atoms, of
        another seed or other settings, take theirs from that one. What their
        training noise was is not known, so its shares are missing.

        With move= the other atoms are held, as in edm_sample, and all is of
        the moved ones: a shift or a turn is one against the held atoms then,
        and nothing removes it.

    SEE ALSO

        edm_sample, edm_judge, edm_trace, edm_design, edm_damage
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.noise.process import choices

    from ..jobs import compare
    from ..jobs.drawn import Batch

    path, drawn = output_file(file)
    denoisers = chosen(denoiser, fluctuations, gives, rule, data_scales, trust, state_weights)
    if denoisers and all(each.is_network for each in denoisers.values()):
        judged = by == "samples"  # by what the states' probabilities are, whatever made the samples
        DenoiserChoice(next(iter(denoisers.values())).name, None if judged else state_weights, fluctuations)
    usual = noise.COMPARED.read(noise.COMPARED.default)
    if traces and weights is None and sampler is None:
        weights, sampler = [], []
    else:  # one of them alone has the other with its usual words
        weights = usual if weights is None else weights
        sampler = sampling.SAMPLERS.read(sampling.SAMPLERS.default) if sampler is None else sampler
    highest = top(sigma_max, distribution, quiet, "edm_compare")
    result = yield from compare.compare(
        _self,
        Selected(selection, state, hydrogens, solvent, ligands, common, move),
        Batch(choices(process, weights, usual), samples, seed, device),
        denoisers,
        _samplers(sampler, {"steps": steps, "sigma_max": highest, "start": start}, distribution),
        traces or (),
        start,
        state_weights,
        by,
        path if drawn else None,
    )
    say(quiet, "edm_compare", "; ".join(result.notes))
    show(quiet, result.printed)
    write(quiet, "edm_compare", result.table, path, drawn)
    return result


def _samplers(
    given: Sequence[str], usual: Mapping[str, Any], distribution: SigmaDistribution
) -> Mapping[str, SamplerChoice]:
    """Samplers as they are typed, with what those have that do not set it -> name in tables -> what they choose."""
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    chosen = {}
    for item in given:
        name, *words = item.replace("=", " ").split()
        keys, values = words[::2], words[1::2]
        for key in keys:
            if key not in SETTINGS:
                raise EdmNoiseError(f"no setting {key!r} of {name}: the known ones are {', '.join(SETTINGS)}")
        if len(keys) > len(values):
            raise EdmNoiseError(f"{keys[-1]} of {name} has no value: give {name} {keys[-1]} and a number")
        changed = {key: SETTINGS[key].read(value) for key, value in zip(keys, values, strict=True)}
        typed = dict(zip(keys, values, strict=True))
        if isinstance(changed.get("sigma_max"), tuple):
            sigma = changed["sigma_max"] = top(changed["sigma_max"], distribution, 1, "")
            typed["sigma_max"] += f" ({sigma:.4g} A)"
        choice = SamplerChoice(sampling.SAMPLER.read(name), **{**usual, **changed})
        label = " ".join([choice.name, *(word for pair in typed.items() for word in pair)])
        if label in chosen:
            raise EdmNoiseError(f"sampler {label!r} is given twice: give it once")
        chosen[label] = choice
    return chosen


SETTINGS = {knob.name: knob for knob in (*sampling.CHANGED, sampling.SCHEDULE)}
"""What may stand behind the name of a sampler, each with a word or a number."""
