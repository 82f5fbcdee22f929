"""A recorded run as objects: their names, states and titles, their colours, and what a command returns of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.frames.displacement import Displacement
from edmnoise.frames.shading import range_of, values_of
from edmnoise.structure.hierarchy import Index
from edmnoise.structure.part import Part, moving
from edmnoise.structure.structure import Structure
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.sampling import freeze_out_figure
from edmnoise.study.levels import RESIDUE_IN_CHAIN
from edmnoise.trajectories.run import Run

from ..job import MakesObjects
from ..scene import ask, looks
from ..scene.ask import Cmd
from ..scene.growing import Frames, States
from ..scene.objects import check_free_name, legal_name
from .colouring import Colouring, Painter
from .scales import left_out


@dataclass(frozen=True, eq=False, repr=False)
class SampleResult(MakesObjects, Legible):
    """Objects made and the one they were made from, what was recorded, its table, the colours, and what is to say."""

    names: tuple[str, ...]
    source: str
    run: Run
    table: Table
    colouring: Colouring
    notes: tuple[str, ...]


def object_names(
    cmd: Cmd, wish: str, name: str | None, samples: Sequence[int], trajectory: bool, denoised: bool
) -> tuple[str, ...]:
    """Names of the objects to make: one for each sample's steps, and for its denoised estimates, or one for all.

    Parameters
    ----------
    wish
        What they begin with where no name is given; a number follows where that is taken.
    name
        What they begin with; EdmNoiseError where one of them is taken.
    samples
        Numbers of the samples, from 1: where there are several they stand in the names.
    """

    def of(stem: str) -> tuple[str, ...]:
        if not trajectory:
            return (stem,)
        tails = [""] if len(samples) == 1 else [f"_{number}" for number in samples]
        return tuple(f"{stem}{tail}{kind}" for tail in tails for kind in (("", "_denoised") if denoised else ("",)))

    if name is not None:
        for target in of(name):
            check_free_name(cmd, target)
        return of(name)
    taken = {held.lower() for held in ask.names(cmd)}
    stem = stems = legal_name(cmd, wish)
    number = 1
    while taken & {target.lower() for target in of(stem)}:
        stem = f"{stems}_{number:02d}"
        number += 1
    return of(stem)


def states_of(names: Sequence[str], made: Run, trajectory: bool, denoised: bool, mark: str = "") -> dict[str, States]:
    """Name -> frames (S, N, 3) in one block or several, and their titles, with a mark, for each object."""
    mark, among = mark + (" partial" if made.partial else ""), _among(made)
    if not trajectory:
        titles = [f"{k}/{len(made.final)} sample{mark} edmsample" for k in range(1, len(made.final) + 1)]
        return {names[0]: ((among(made.final),), titles)}
    total = len(made.steps)
    steps = [
        f"{k}/{total} step={step}{_sigma(sigma)}{mark} edmsample"
        for k, (step, sigma) in enumerate(zip(made.steps.tolist(), made.sigmas.tolist(), strict=True), 1)
    ]
    titles = [*steps, f"end{_sigma(made.last_sigma)}{mark} edmsample"]
    objects: dict[str, States] = {}
    left = iter(names)
    for sample_number in range(len(made.final)):
        for recorded in (made.noisy, made.denoised) if denoised else (made.noisy,):
            blocks = (recorded[:, sample_number], made.final[None, sample_number])
            objects[next(left)] = (tuple(map(among, blocks)), titles)
    return objects


def _among(made: Run) -> Callable[[Frames], Frames]:
    """(S, m, 3) frames of a run to those of the whole molecule: among the held atoms, where some are."""
    return made.held.filled if made.held is not None else lambda frames: frames


def _sigma(level: float) -> str:
    """Part of a title; nothing where the level is not known."""
    return "" if math.isnan(level) else f" sigma={level:.6g}"


def ends_of(made: Run, structure: Structure, order: Index) -> tuple[Structure | Part, Frames]:
    """The atoms of an object that were sampled, and their (S, m, 3) places at the end; ``order`` (N,) says which atom
    of the run's molecule each atom of the object is."""
    ends = _among(made)(made.final)[:, order]
    if made.held is None:
        return structure, ends
    part = made.held.ordered(structure, order)
    return part, ends[:, part.moved]


def coloured(cmd: Cmd, structure: Structure | Part, moved: Displacement, names: Sequence[str]) -> Colouring:
    """Colour all objects alike: by how far the residues of the final samples lie from the reference."""
    values, groups = values_of(moved, RESIDUE_IN_CHAIN, "mean"), moved.hierarchy.ancestors(0, RESIDUE_IN_CHAIN.level)
    low, high = range_of(values)
    part = structure if isinstance(structure, Part) else None
    painters = [Painter(cmd, name, groups, PALETTES[DEFAULT_PALETTE], low, high, part=part) for name in names]
    for painter in painters:
        painter.paint(values)
    inside = RESIDUE_IN_CHAIN.label(moving(structure).hierarchy)
    label = f"RMS displacement of the samples from the reference, {inside},"
    still, anchors = left_out(RESIDUE_IN_CHAIN, structure), PALETTES[DEFAULT_PALETTE]
    colouring = Colouring(", ".join(names), label, DEFAULT_PALETTE, low, high, anchors, left_out=still)
    for painter in painters:
        looks.explain(painter.name, replace(colouring, painter=painter))
    return colouring


def write(result: SampleResult, path: str) -> None:
    """Write the table or, by the file's ending, the figure of what each level still has to go."""
    if is_figure(path):
        freeze_out_figure(result.run, path)
    else:
        result.table.save(path)
