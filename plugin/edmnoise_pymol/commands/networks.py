"""edm_error, edm_judge: what denoisers are worth, and their samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion import names
from edmnoise.settings import atoms, networks, noise, results, sampling

from ..job import Job
from .speech import command, output_file, say, show

if TYPE_CHECKING:
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.error import ErrorResult


@command
def edm_error(
    selection: str = atoms.DATA,
    denoiser: Sequence[str] | None = networks.DENOISERS,
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

        edm_error ensemble, denoiser=net.pt2, sigma=1 3 10 30, file=error.png
        edm_error d or e, denoiser=kabsch, sigma=2 8, draws=50
        edm_error ensemble, net.pt2 | old.pt2, held_out=4 5, file=error.csv

    NOTES

        Errors are RMS per coordinate, everything centred. "over exact" is the
        mean square error over that of the exact denoiser, on the same draws:
        1 cannot be beaten where the states that are found again are those
        that it knows. With held_out they are not, and a denoiser that has
        learned more than states may err less. Fluctuations, where they are
        not given, are such that each state is what the others would expect.

    SEE ALSO

        edm_sample, edm_compare, edm_precondition
    """
    from edmnoise.noise.process import NoiseChoice

    from ..jobs import error

    path, _ = output_file(file)
    if sigma is not None and z is not None:
        raise EdmNoiseError("z and sigma are both given: give one of them, the other follows")
    levels = sigma or [distribution.sigma(each) for each in z or noise.LEVELS.default]
    result = yield from error.error(
        _self,
        selection,
        _denoisers(denoiser or (), fluctuations, gives, rule, data_scales, trust),
        NoiseChoice.parse(process, weights),
        levels,
        draws,
        seed,
        held_out or (),
        fluctuations,
        state,
        hydrogens,
        solvent,
        common,
        ligands,
    )
    for note in result.notes:
        say(quiet, "edm_error", note)
    show(quiet, result.printed)
    if path is not None:
        error.write(result, path)
        say(quiet, "edm_error", f"{path} written")
    return result


def _denoisers(
    given: Sequence[str],
    fluctuations: Sequence[float] | str | None,
    gives: str,
    rule: str,
    data_scales: Sequence[float] | None,
    trust: bool,
) -> list[DenoiserChoice]:
    """What is said of networks is said of all of them; where there are none it is refused as of an exact denoiser."""
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice

    networks_there = any(name not in names.DENOISERS for name in given)
    of_networks: Any = (gives, rule, data_scales, trust)
    if not networks_there:
        DenoiserChoice("states", None, None, *of_networks)
    return [
        DenoiserChoice(name, None, fluctuations)
        if name in names.DENOISERS
        else DenoiserChoice(name, None, None, *of_networks)
        for name in given
    ]
