"""What a user can ask for, as jobs with a result: commands, scripts and the panel all drive these.

Each checks everything before it makes anything: an EdmNoiseError means that nothing in PyMOL has changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.memory import check_frames_fit
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.frames.displacement import Displacement, measure_displacement
from edmnoise.frames.shading import range_of, values_of
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution, check_sigma
from edmnoise.structure.part import moving
from edmnoise.structure.structure import Structure
from edmnoise.study.figures.levels import levels_figure
from edmnoise.study.levels import RESIDUE_IN_CHAIN, level_table, shape_columns, z_table

from ..job import Job, MakesObjects, Watch, counted
from ..scene import looks
from ..scene.ask import Cmd
from ..scene.frames import appended_frames, new_object, set_titles
from ..scene.objects import check_free_name, free_name
from ..scene.selected import Selected
from ..scene.source import moved_part, reading
from ..scene.titles import Provenance
from . import ensemble
from .colouring import Colouring, Painter
from .drawn import Draws
from .ensemble import Basis
from .scales import label_of, left_out

_STATE_BYTES = 20
"""Memory of one atom in one state inside PyMOL (measured 18.7), coordinates included."""


@dataclass(frozen=True, eq=False, repr=False)
class NoiseResult(MakesObjects, Legible):
    """A frames object: its name and that of the object it was made from, how it was made, the table of its levels, its
    colours, and what was left out. The structure is that of the atoms that moved."""

    name: str
    source: str
    structure: Structure
    provenance: Provenance
    table: Table
    colouring: Colouring
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.name,)


def noise(
    cmd: Cmd,
    which: Selected,
    choice: NoiseChoice,
    sigma: float,
    distribution: SigmaDistribution,
    frames: int,
    seed: int,
    name: str | None,
) -> Job[NoiseResult]:
    """Add noise to a selection: a new object whose state 1 is the reference and whose other states are the frames.

    Parameters
    ----------
    cmd
        PyMOL.
    which
        Atoms of one object.
    choice
        The process that draws, with its weights.
    sigma
        Noise level, angstrom.
    distribution
        Gives z from sigma for the report.
    frames
        Number of frames.
    seed
        The same seed gives the same frames.
    name
        Name of the new object; "<object>_noise" where none is given.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    provenance = Provenance(
        noise=choice,
        sigma=check_sigma(sigma),
        z=distribution.z(sigma),
        seed=check_seed(seed),
        hydrogens=which.hydrogens,
        solvent=which.solvent,
        ligands=which.ligands,
    )
    if name is not None:
        check_free_name(cmd, name)
    source = yield from reading(cmd, which)
    _check_room(frames, source.structure.n_atoms)
    part = moved_part(cmd, source, which)
    choice.on(part or source.structure)  # a process may refuse it
    provenance = replace(provenance, moved=len(part.moved) if part else 0)
    name = name or free_name(cmd, f"{source.object}_noise")

    looks.forget(name)  # an object that had the name before
    structure, order = new_object(cmd, source, name)
    part = part.ordered(structure, order) if part else None
    reference = moving(part or structure)
    with appended_frames(cmd, name, frames) as append:

        def draw(watch: Watch) -> Displacement:
            drawn = choice.on(part or structure).blocks(sigma, frames, seed, reference.coordinates)
            return measure_displacement(reference, passed_on(drawn, watch))

        def passed_on(drawn: Iterator[torch.Tensor], watch: Watch) -> Iterator[torch.Tensor]:
            """Each block is drawn once, goes to PyMOL's file and is measured before the next one overwrites it."""
            done = 0
            for block in drawn:
                append(part.filled(block.numpy()) if part else block.numpy())
                yield block
                done += len(block)
                watch.check(done / frames, f"frame {done:,} of {frames:,}")

        moved = yield draw
    set_titles(cmd, name, provenance.titles(frames))
    values, groups = values_of(moved, RESIDUE_IN_CHAIN, "mean"), moved.hierarchy.ancestors(0, RESIDUE_IN_CHAIN.level)
    low, high = range_of(values)
    anchors = PALETTES[DEFAULT_PALETTE]
    painter = Painter(cmd, name, groups, anchors, low, high, part=part)
    painter.paint(values)
    still = left_out(RESIDUE_IN_CHAIN, part or structure)
    label = label_of(RESIDUE_IN_CHAIN, reference, "mean")
    colouring = Colouring(name, label, DEFAULT_PALETTE, low, high, anchors, painter=painter, left_out=still)
    looks.explain(name, colouring)
    table = yield lambda _: level_table(part or structure, moved, provenance.applied)
    return NoiseResult(
        name=name,
        source=source.object,
        structure=reference,
        provenance=provenance,
        table=table,
        colouring=colouring,
        notes=source.notes,
    )


def levels(cmd: Cmd, name: str, by: str, basis: Basis) -> Job[Table]:
    """Displacement of an object's states from its reference, at every level.

    Parameters
    ----------
    name
        An object of `noise`, or any object of two or more states (no expectations then).
    by
        "summary", "residue", "atom" or "state".
    basis
        What the states are measured from, on which atoms, and what is removed from them first.
    """
    found = yield from ensemble.read(cmd, name, basis)
    frames = list(found.frames())

    def measure(watch: Watch) -> Table:
        moved = found.measure(counted(frames, watch, "state"), place_reference=found.made is None)
        noise = found.made.applied if found.made else None
        table = level_table(found.part or found.structure, moved, noise, by, found.states, found.origin)
        shape = shape_columns(found.structure, frames) if by == "state" and found.part is None else ()
        return replace(table, columns=(*table.columns, *shape), notes=(*table.notes, *found.notes))

    return (yield measure)


def draw_levels(table: Table, path: str) -> None:
    """Write the figure of a table of `levels` by state."""
    levels_figure(table, path)


def table(cmd: Cmd, which: Selected, draws: Draws, fresh: bool) -> Job[Table]:
    """What lands at each level over noise levels, for several noises; makes no object.

    Parameters
    ----------
    fresh
        As in `edmnoise.study.levels.z_table`.
    """
    source = yield from reading(cmd, which)
    part = moved_part(cmd, source, which)

    def work(watch: Watch) -> Table:
        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"frame {done:,} of {total:,}")

        given = draws.noises, draws.z, draws.distribution, draws.count, draws.seed
        return z_table(part or source.structure, *given, fresh, progress)

    return (yield work)


def _check_room(frames: int, atoms: int) -> None:
    """Refuse frames that would not fit in memory, or their file on the disk, and say how many would."""
    check_frames_fit(frames, _STATE_BYTES * atoms)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if frames * 12 * atoms > free:
        raise EdmNoiseError(
            f"{frames:,} frames need {frames * 12 * atoms / 2**30:,.1f} GiB in {tempfile.gettempdir()}, which has "
            f"{free / 2**30:,.1f} GiB free: at most {free // (12 * atoms):,} frames fit"
        )
