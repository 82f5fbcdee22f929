"""edm_trace: a recorded run of another program, opened step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, noise, results, sampling, traces

from ..job import Job
from .speech import command, output_file, say, show

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution

    from ..jobs.run_objects import SampleResult


@command
def edm_trace(
    trace: str = traces.TRACE,
    structure: str = traces.STRUCTURE,
    samples: Sequence[int] | None = traces.SAMPLES,
    steps: Sequence[int] = traces.STEPS,
    denoised: bool = sampling.DENOISED,
    name: str | None = traces.TRACE_NAME,
    file: str | None = results.STEPS_FILE,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[SampleResult]:
    """
    DESCRIPTION

        "edm_trace" opens what was recorded of a real run: an object for each
        sample whose state 1 is the structure and whose other states are the
        steps, laid on the end of the sample, and prints what each level still
        has to go at each step. Objects are coloured by how far residues lie
        from the structure at the end.

    EXAMPLES

        edm_trace run.trace, complex_model_0.cif
        edm_trace run.trace, complex_model_0, samples=1 3, denoised=1
        edm_trace run.trace, complex_model_0.cif, steps=1 200 5, file=steps.png

    NOTES

        Atoms are matched by their order where both hold as many and the ends
        fit, otherwise by where the run's output file has them, which need not
        hold all: a model may pad its atoms.

        Programs turn and shift each step at random. Steps are laid back by
        superposition on the end. What a sample turned as a whole is lost with
        that: where churn turns it, levels seem to freeze out far earlier than
        in one frame. The page of traces in the documentation measures it.

    SEE ALSO

        edm_sample, edm_levels, edm_color, edm_movie
    """
    from ..jobs import trace as jobs
    from ..jobs.run_objects import write

    path, _ = output_file(file)
    result = yield from jobs.show_trace(
        _self,
        trace,
        structure,
        samples=samples,
        steps=steps,
        denoised=denoised,
        name=name,
        distribution=distribution,
        hydrogens=hydrogens,
        solvent=solvent,
    )
    say(quiet, "edm_trace", f"object {', '.join(result.names)}: {'; '.join(result.notes)}")
    show(quiet, result.table)
    say(quiet, "edm_trace", f"coloured by {result.colouring}")
    if path is not None:
        write(result, path)
        say(quiet, "edm_trace", f"{path} written")
    return result
