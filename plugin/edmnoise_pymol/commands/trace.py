"""edm_trace: a recorded run of another program, opened step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, noise, results, sampling, traces

from ..job import Job
from .speech import command, output_file, say, show

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution

    from ..jobs.trace import TraceResult


@command
def edm_trace(
    trace: str = traces.TRACE,
    structure: str | None = traces.STRUCTURE,
    samples: Sequence[int] | None = traces.SAMPLES,
    steps: Sequence[int] = traces.STEPS,
    denoised: bool = sampling.DENOISED,
    name: str | None = traces.TRACE_NAME,
    file: str | None = results.STEPS_FILE,
    distribution: SigmaDistribution = noise.DISTRIBUTION,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    run: int | None = traces.RUN,
    lay: str | None = traces.LAY,
    replay: bool = traces.REPLAY,
    schedule: Sequence[float] | str | None = traces.SCHEDULE,
    kind: str | None = traces.KIND,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[TraceResult]:
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
        edm_trace run.trace, complex_model_0.cif, replay=1

    NOTES

        Atoms are matched by their order where both hold as many and the ends
        fit, otherwise by where the run's output file has them, which need not
        hold all: a model may pad its atoms. In a folder of several runs the
        one is taken that ended in the structure. Without a structure atoms
        have the names that were recorded, if they were.

        Programs turn and shift each step at random. Where the motion was
        recorded, steps are laid in one frame exactly; otherwise by replay of
        the steps, or by superposition on the end, which loses what a sample
        turned as a whole: levels then seem to freeze out earlier. What is
        printed says which, and how far off it may be.

        Files of other programs (BoltzGen, RFdiffusion, RF3, DCD, XTC, models
        of PDB and mmCIF) open too; what had to be repaired is said. One that
        does not tell its levels needs schedule.

    SEE ALSO

        edm_sample, edm_compare, edm_levels, edm_color, edm_movie
    """
    from ..jobs import trace as jobs
    from ..jobs.run_objects import write

    path, _ = output_file(file)
    result = yield from jobs.show_trace(
        _self,
        jobs.Wanted(trace, run, schedule, kind, samples, steps, lay),
        structure,
        denoised=denoised,
        in_full=replay,
        name=name,
        distribution=distribution,
        hydrogens=hydrogens,
        solvent=solvent,
    )
    say(quiet, "edm_trace", result.told)
    show(quiet, result.table)
    if replay and result.replay is not None:
        show(quiet, result.replay.table())
    say(quiet, "edm_trace", f"coloured by {result.colouring}")
    if path is not None:
        write(result, path)
        say(quiet, "edm_trace", f"{path} written")
    return result
