"""edm_compare: why a level does not move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..job import Job
from . import arguments as arg
from .sampling import SETTINGS, chosen_sampler
from .speech import command, output_file, say, show, write

if TYPE_CHECKING:
    from edmnoise.diffusion.samplers.choice import SamplerChoice

    from ..jobs.compare import CompareResult


@command
def edm_compare(
    selection: str,
    weights: Any = "flat | current | rebalanced",
    sampler: Any = "heun",
    steps: Any = "",
    samples: Any = 1,
    seed: Any = 0,
    denoiser: str = "states",
    by: str = "summary",
    file: str = "",
    device: str = "auto",
    hydrogens: Any = 1,
    solvent: Any = 0,
    common: Any = 0,
    ligands: str = "residue",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[CompareResult]:
    """
    DESCRIPTION

        "edm_compare" runs edm_sample for every combination of weights and
        samplers, from the same seed, and shows why a level does not move:
        what each level still has to go against sigma, the sigma at which it
        is frozen out, and what is spent on shifting and turning the whole,
        which centring and superposition remove. It makes no object.

    USAGE

        edm_compare selection [, weights [, sampler [, steps [, samples
            [, seed [, denoiser [, by [, file [, device [, hydrogens
            [, solvent [, common [, ligands ]]]]]]]]]]]]]

    ARGUMENTS

        selection = string: atoms of one object, whose states are the data, or
        of several objects, the shown state of each

        weights = string: noises to compare, as in edm_noise, with "|" between
        them {default: flat | current | rebalanced}

        sampler = string: samplers with "|" between them: euler, heun, ralston,
        midpoint, chai, dpmpp_2m, dpmpp_2m_sde, ancestral, alphafold3, boltz1,
        boltz2, chai1, protenix, openfold3; each may have settings of
        edm_sample behind it: heun churn 0.4 schedule log_linear {default: heun}

        steps = integer: number of steps of all samplers that do not set it
        {default: 40, or the published one's}

        samples = integer: number of samples in each run {default: 1}

        seed = integer: all runs start from the same numbers {default: 0}

        denoiser = string: states, translation, fixed or kabsch, as in
        edm_sample {default: states}

        by = string: summary (a row for each run), or step (what each level
        has to go at each step of each run) {default: summary}

        file = string: also write the table (.csv, .json) or a figure (.png,
        .svg, .pdf)

        device = string: auto, cpu or cuda {default: auto}

        hydrogens, solvent = as in edm_noise

        common = 0/1: where states do not have the same atoms, take those that
        all have {default: 0}

        ligands = as in edm_noise

    EXAMPLES

        edm_compare 1tii and chain D, steps=16
        edm_compare 1tii and chain D, weights=flat | 1 4 4, file=compare.png
        edm_compare 1tii and chain D, flat, heun | heun churn 0.4 | boltz2

    NOTES

        Up to 12 runs. "noise shift" and "noise turn" are the shares of every
        draw of noise that move all atoms as one, by closed form; "way shift"
        and "way turn" those of the noisy sample's way to its end, a mean over
        the steps. An exact denoiser that takes a structure at any place never
        undoes a shift: the noise that was spent on it does nothing.

    SEE ALSO

        edm_sample, edm_design, edm_damage
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.noise.weights import parse_weights

    from ..jobs import compare

    path, drawn = output_file(file)
    result = yield from compare.compare(
        _self,
        arg.text(selection),
        [parse_weights(item) for item in arg.items(weights)],
        _samplers(sampler, steps),
        denoiser=DenoiserChoice(arg.text(denoiser)),
        samples=arg.whole("samples", samples),
        seed=arg.whole("seed", seed),
        by=arg.text(by),
        figure=path if drawn else None,
        device=arg.text(device),
        hydrogens=arg.switch("hydrogens", hydrogens),
        solvent=arg.switch("solvent", solvent),
        ligands=arg.text(ligands),
        common=arg.switch("common", common),
    )
    say(quiet, "edm_compare", "; ".join(result.notes))
    show(quiet, result.table)
    if drawn:
        say(quiet, "edm_compare", f"{path} written")
    else:
        write(quiet, "edm_compare", result.table, path)
    return result


def _samplers(given: Any, steps: Any) -> Mapping[str, SamplerChoice]:
    """Samplers as they are typed -> name in tables -> what they choose."""
    from edmnoise.base.errors import EdmNoiseError

    chosen = {}
    for item in arg.items(given):
        name, *words = arg.text(item).replace("=", " ").split()
        keys, values = words[::2], words[1::2]
        for key in keys:
            if key not in SETTINGS:
                raise EdmNoiseError(f"no setting {key!r} of {name}: the known ones are {', '.join(SETTINGS)}")
        if len(keys) > len(values):
            raise EdmNoiseError(f"{keys[-1]} of {name} has no value: give {name} {keys[-1]} and a number")
        choice = chosen_sampler(name, **{"steps": steps, **dict(zip(keys, values, strict=True))})
        label = " ".join([choice.name, *(word for pair in zip(keys, values, strict=True) for word in pair)])
        if label in chosen:
            raise EdmNoiseError(f"sampler {label!r} is given twice: give it once")
        chosen[label] = choice
    return chosen
