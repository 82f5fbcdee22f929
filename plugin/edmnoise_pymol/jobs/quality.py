"""What the states of an object have kept of a reference: measured as they are, nothing is drawn and nothing changed."""

from __future__ import annotations

from edmnoise.frames.damage import Native
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.quality import quality_figure
from edmnoise.study.quality import QualityStudy, measure_quality

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.source import with_bonds
from . import ensemble
from .ensemble import Basis


def quality(cmd: Cmd, name: str, basis: Basis) -> Job[QualityStudy]:
    """lDDT, RMSD, contacts, bonds, chirality, clashes and size of every state of an object.

    Parameters
    ----------
    name
        An object of two or more states, or of one with another object as origin.
    basis
        What the states are measured from, and on which atoms. Nothing is aligned, but for the RMSD. Where atoms were
        held, the whole is measured.
    """
    found = yield from ensemble.read(cmd, name, basis, whole=True)
    structure = with_bonds(cmd, found.source)
    frames = list(found.frames())

    def measure(watch: Watch) -> QualityStudy:
        done, total = 0, len(frames)

        def measured(states: int) -> None:
            nonlocal done
            done += states
            watch.check(done / total, f"state {done:,} of {total:,}")

        watch.check(0, "finding bonds and neighbours")
        native = Native.of(structure)
        study = measure_quality(native, frames, found.states, found.origin, found.notes, measured)
        _ = study.itself  # now, and not where a table is asked for, in a window's thread
        return study

    return (yield measure)


def write(study: QualityStudy, by: str, path: str) -> None:
    """Write the table or, by the file's ending, the figure."""
    if is_figure(path):
        quality_figure(study, path)
    else:
        study.table(by).save(path)
