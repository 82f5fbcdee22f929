"""What a user can ask for, as jobs with a result: commands, scripts and the panel all drive these.

Each checks everything before it makes anything: an EdmNoiseError means that nothing in PyMOL has changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from edmnoise import __version__
from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.memory import check_frames_fit
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.frames.displacement import Displacement, Measure, measure_displacement
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution, check_sigma
from edmnoise.noise.weights import Weights
from edmnoise.structure.domains import domain_text
from edmnoise.structure.files import write_frames
from edmnoise.structure.hierarchy import LEVELS
from edmnoise.structure.part import moving
from edmnoise.structure.structure import Structure
from edmnoise.study.figures.levels import levels_figure
from edmnoise.study.levels import RESIDUE_IN_CHAIN, level_table, shape_columns, z_table

from ..job import Job, MakesObjects, Watch, counted
from ..scene import ask, looks
from ..scene.ask import Cmd
from ..scene.frames import appended_frames, new_object, read_frames, set_titles
from ..scene.objects import check_free_name, existing_object, free_name
from ..scene.source import moved_part, reading, with_bonds
from ..scene.states import read_states
from ..scene.titles import Provenance
from . import ensemble
from .colouring import Colouring, Painter
from .ensemble import Basis
from .scales import label_of, left_out, range_of, values_of

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
    selection: str,
    sigma: float,
    weights: Weights | NoiseChoice,
    distribution: SigmaDistribution,
    frames: int,
    name: str | None,
    seed: int,
    state: int,
    hydrogens: bool,
    solvent: bool,
    ligands: str,
    move: str | None = None,
) -> Job[NoiseResult]:
    """Add noise to a selection: a new object whose state 1 is the reference and whose other states are the frames.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object.
    sigma
        Noise level, angstrom.
    weights
        Shares of the chain, the residue and the atom, or the process that draws, with its weights.
    distribution
        Gives z from sigma for the report.
    frames
        Number of frames.
    name
        Name of the new object; "<object>_noise" where none is given.
    seed
        The same seed gives the same frames.
    state
        State of the input, -1 for the one that is shown.
    hydrogens, solvent
        Whether they are kept.
    ligands
        "residue" or "atom": what a group of level 1 is outside polymers.
    move
        A selection of the atoms that move, the others being held; all move where it is not given.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    choice = NoiseChoice.of(weights)
    provenance = Provenance(
        noise=choice,
        sigma=check_sigma(sigma),
        z=distribution.z(sigma),
        seed=check_seed(seed),
        hydrogens=hydrogens,
        solvent=solvent,
        ligands=ligands,
    )
    if name is not None:
        check_free_name(cmd, name)
    source = yield from reading(cmd, selection, state, hydrogens, solvent, ligands)
    _check_room(frames, source.structure.n_atoms)
    part = moved_part(cmd, source, move)
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
    Painter(cmd, name, groups, anchors, low, high, part=part).paint(values)
    still = left_out(RESIDUE_IN_CHAIN, part or structure)
    label = label_of(RESIDUE_IN_CHAIN, reference, "mean")
    colouring = Colouring(name, label, DEFAULT_PALETTE, low, high, anchors, left_out=still)
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


def table(
    cmd: Cmd,
    selection: str,
    z: Sequence[float],
    weights: Sequence[Weights | NoiseChoice],
    distribution: SigmaDistribution,
    draws: int,
    seed: int,
    fresh: bool,
    state: int,
    hydrogens: bool,
    solvent: bool,
    ligands: str,
    move: str | None = None,
) -> Job[Table]:
    """What lands at each level over noise levels, for several weights; makes no object.

    Parameters are those of `noise` and of `edmnoise.study.levels.z_table`.
    """
    source = yield from reading(cmd, selection, state, hydrogens, solvent, ligands)
    check_seed(seed)
    part = moved_part(cmd, source, move)

    def work(watch: Watch) -> Table:
        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"frame {done:,} of {total:,}")

        return z_table(part or source.structure, weights, z, distribution, draws, seed, fresh, progress)

    return (yield work)


def save(cmd: Cmd, file: str, name: str, level: str, b: str | None) -> Job[int]:
    """Write an object's states as one multi-MODEL file; returns the number of models.

    The atoms of a residue stand together, residues and atoms in the order of the file that the object came from.

    Parameters
    ----------
    file
        A .pdb or .cif name; an existing file is replaced when the new one is whole.
    name
        A molecular object; its first state is the first model.
    level
        "atom", or "residue" for one pseudo-atom at each residue's centre.
    b
        "displacement" for B factors that are the RMS displacement of the atom, or of the residue's centre, from the
        first state in all others, angstrom per coordinate; those that PyMOL holds where it is not given.
    """
    existing_object(cmd, name)
    made = Provenance.parse(ask.title(cmd, name, 1))
    ligands = made.ligands if made else "residue"
    if ask.is_discrete(cmd, name):  # each of its states has atoms of its own
        source, found = yield from read_states(cmd, f"%{name}", solvent=True, ligands=ligands)
        frames = [places[None] for places in found]
    else:
        source = yield from reading(cmd, f"%{name}", 1, solvent=True, ligands=ligands)
        frames = list(read_frames(cmd, name, first=1))
    if source.notes:
        raise EdmNoiseError(f"{name} cannot be written whole: {source.notes[0]}")
    if b is not None and len(frames) < 2:
        raise EdmNoiseError(f"{name} has one state: b={b} is measured from the first state in the others")
    structure = with_bonds(cmd, source)
    remarks = _remarks(cmd, name, level, b, len(frames))
    if domains := domain_text(structure):
        remarks.append(f"edm_domains object, {domains}")

    def write(watch: Watch) -> int:
        written = structure
        if b is not None:
            measure = Measure(LEVELS.index(level) if level in LEVELS else 0, False)
            moved = values_of(measure_displacement(structure, frames[1:], only=[measure]), measure, "mean")
            values = moved[structure.hierarchy.ancestors(0, measure.level)]
            written = replace(structure, atoms=replace(structure.atoms, b_factor=values))
        residue = structure.residue_of_atoms
        first = np.full(int(residue.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, residue, source.rank)
        order = np.lexsort((source.rank, first[residue]))
        models = (block[0][order] for block in counted(frames, watch, "model"))
        return write_frames(file, written.take(order), models, level, remarks)

    return (yield write)


def _remarks(cmd: Cmd, name: str, level: str, b: str | None, states: int) -> list[str]:
    """How the models of a file came about, as far as their titles know."""
    made = Provenance.of([ask.title(cmd, name, state) for state in range(1, states + 1)])
    lines = [f"edmnoise {__version__}: edm_save of the object {name}, {level} level"]
    if made is not None:
        lines += [
            f"model 1 is the reference, the others are noised: sigma={made.sigma:.6g} A (z={made.z:.6g}), "
            f"{made.noise.said}, seed={made.seed}",
            f"edm_noise selection, sigma={made.sigma!r}, weights={made.noise.weights.text()}, frames={states - 1}, "
            f"process={made.noise.text()}, seed={made.seed}, hydrogens={int(made.hydrogens)}, "
            f"solvent={int(made.solvent)}, ligands={made.ligands}",
        ]
        if made.moved:
            lines.append(f"{made.moved} atoms moved, the others were held where they are in model 1 (move=)")
    if b is not None:
        lines.append("B factors are RMS displacements from model 1 in the other models, angstrom per coordinate")
    return lines


def _check_room(frames: int, atoms: int) -> None:
    """Refuse frames that would not fit in memory, or their file on the disk, and say how many would."""
    check_frames_fit(frames, _STATE_BYTES * atoms)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if frames * 12 * atoms > free:
        raise EdmNoiseError(
            f"{frames:,} frames need {frames * 12 * atoms / 2**30:,.1f} GiB in {tempfile.gettempdir()}, which has "
            f"{free / 2**30:,.1f} GiB free: at most {free // (12 * atoms):,} frames fit"
        )
