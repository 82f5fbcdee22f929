"""What a user can ask for, as jobs with a result: commands, scripts and the panel all drive these.

Each checks everything before it makes anything: an EdmNoiseError means that nothing in PyMOL has changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.memory import check_frames_fit
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.frames.colours import DEFAULT_PALETTE, PALETTES, Anchor, check_range, palette_colours
from edmnoise.frames.displacement import ALIGNMENTS, Displacement, Measure, measure_displacement
from edmnoise.noise.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import SigmaDistribution, check_sigma
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import write_frames
from edmnoise.structure.structure import Structure
from edmnoise.study.report import BY, RESIDUE_IN_CHAIN, level_table, z_table

from . import bridge
from . import follow as following
from .jobs import Job, Watch
from .provenance import Provenance

PROCESSES = ("multiscale",)
"""Noise processes by name."""

OVER = ("mean", "max", "state")
"""What a colour stands for: the mean over the frames, the largest, the frame that is shown."""

FOLLOW_LIMIT = 6000
"""Atoms up to which colours can follow the state: a cartoon of 3,000 atoms takes 0.2 s to recolour."""

_STATE_BYTES = 20
"""Memory of one atom in one state inside PyMOL (measured 18.7), coordinates included."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours given to an object: what they stand for (angstrom) and their range."""

    object: str
    label: str
    palette: str
    minimum: float
    maximum: float

    def __str__(self) -> str:
        return f"{self.label} from {self.minimum:.3f} to {self.maximum:.3f} A ({self.palette})"


@dataclass(frozen=True, eq=False)
class NoiseResult:
    """A frames object: its name and that of the object it was made from, how it was made, the table of its levels, its
    colours, and what was left out."""

    name: str
    source: str
    structure: Structure
    provenance: Provenance
    table: Table
    colouring: Colouring
    notes: tuple[str, ...]


def noise(
    cmd: bridge.Cmd,
    selection: str,
    sigma: float,
    weights: Weights,
    distribution: SigmaDistribution,
    frames: int = 10,
    process: str = "multiscale",
    name: str | None = None,
    seed: int = 0,
    state: int = -1,
    hydrogens: bool = True,
    solvent: bool = False,
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
        Shares of the chain, the residue and the atom.
    distribution
        Gives z from sigma for the report.
    frames
        Number of frames.
    process
        A name from PROCESSES.
    name
        Name of the new object; "<object>_noise" where none is given.
    seed
        The same seed gives the same frames.
    state
        State of the input, -1 for the one that is shown.
    hydrogens, solvent
        Whether they are kept.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used; nothing has been made then.
    """
    if process not in PROCESSES:
        raise EdmNoiseError(f"no noise process {process!r}: the known ones are {', '.join(PROCESSES)}")
    if frames < 1:
        raise EdmNoiseError(f"frames is {frames}: give a whole number from 1")
    provenance = Provenance(
        process, weights, check_sigma(sigma), distribution.z(sigma), check_seed(seed), hydrogens, solvent
    )
    if name is not None:
        bridge.check_free_name(cmd, name)
    source = bridge.read_source(cmd, selection, state, hydrogens, solvent)
    _check_room(frames, source.structure.n_atoms)
    name = name or bridge.free_name(cmd, f"{source.object}_noise")

    following.stop(name)  # of an object that had the name before
    structure = bridge.new_object(cmd, source, name).structure
    covariance = MultiscaleNoise.of(structure.hierarchy, weights)
    with bridge.appended_frames(cmd, name, frames) as append:

        def draw(watch: Watch) -> Displacement:
            drawn = covariance.blocks(sigma, frames, seed, torch.tensor(structure.coordinates))
            return measure_displacement(structure, passed_on(drawn, watch))

        def passed_on(drawn: Iterator[torch.Tensor], watch: Watch) -> Iterator[torch.Tensor]:
            """Each block is drawn once, goes to PyMOL's file and is measured before the next one overwrites it."""
            done = 0
            for block in drawn:
                append(block.numpy())
                yield block
                done += len(block)
                watch.check(done / frames, f"frame {done:,} of {frames:,}")

        moved = yield draw
    bridge.set_titles(cmd, name, provenance.titles(frames))
    values = _values(moved, RESIDUE_IN_CHAIN, "mean")
    low, high = float(values.min()), float(values.max())
    Painter(cmd, name, RESIDUE_IN_CHAIN, PALETTES[DEFAULT_PALETTE], low, high).paint(moved)
    colouring = Colouring(name, _label(RESIDUE_IN_CHAIN, structure, "mean"), DEFAULT_PALETTE, low, high)
    table = yield lambda _: level_table(structure, moved, provenance.noise)
    return NoiseResult(name, source.object, structure, provenance, table, colouring, source.notes)


def levels(cmd: bridge.Cmd, name: str, align: str = "none", by: str = "summary") -> Job[Table]:
    """Displacement of an object's states 2, 3, ... from state 1, at every level.

    Parameters
    ----------
    name
        An object of `noise`, or any object of two or more states of the same atoms (no expectations then).
    align
        "none", "center" or "superpose".
    by
        "summary", "residue" or "atom".
    """
    if align not in ALIGNMENTS:
        raise EdmNoiseError(f"align is {align!r}: give one of {', '.join(ALIGNMENTS)}")
    if by not in BY:
        raise EdmNoiseError(f"by is {by!r}: give one of {', '.join(BY)}")
    structure, made = _frames_object(cmd, name)
    frames = list(bridge.read_frames(cmd, name))

    def measure(_: Watch) -> Table:
        moved = measure_displacement(structure, frames, align)
        return level_table(structure, moved, made.noise if made else None, by)

    return (yield measure)


def table(
    cmd: bridge.Cmd,
    selection: str,
    z: Sequence[float],
    weights: Sequence[Weights],
    distribution: SigmaDistribution,
    draws: int = 1,
    seed: int = 0,
    fresh: bool = True,
    state: int = -1,
    hydrogens: bool = True,
    solvent: bool = False,
) -> Job[Table]:
    """What lands at each level over noise levels, for several weights; makes no object.

    Parameters are those of `noise` and of `edmnoise.study.report.z_table`.
    """
    source = bridge.read_source(cmd, selection, state, hydrogens, solvent)
    check_seed(seed)
    return (yield lambda _: z_table(source.structure, weights, z, distribution, draws, seed, fresh))


def colour(
    cmd: bridge.Cmd,
    name: str,
    level: str = "residue",
    relative: bool = True,
    over: str = "mean",
    palette: str = DEFAULT_PALETTE,
    minimum: float | None = None,
    maximum: float | None = None,
    follow: bool = False,
) -> Job[Colouring]:
    """Colour an object's atoms by how far their atom, residue or chain moved.

    Parameters
    ----------
    name
        An object of two or more states of the same atoms; state 1 is the reference.
    level
        "atom", "residue" or "chain".
    relative
        Relative to the level above (not for chains), or absolute.
    over
        "mean" (RMS over the frames), "max", or "state" (the one that is shown).
    palette
        A name from PALETTES, or PyMOL's colours joined by spaces or underscores.
    minimum, maximum
        Range in angstrom, RMS per coordinate; the values' own where not given.
    follow
        Colour by the state that is shown from now on, on the range of all states. A later call ends it.
    """
    if over not in OVER:
        raise EdmNoiseError(f"over is {over!r}: give one of {', '.join(OVER)}")
    anchors = _anchors(cmd, palette)
    structure, _ = _frames_object(cmd, name)
    number = structure.hierarchy.level(level)
    measure = Measure(number, relative and number + 1 < structure.hierarchy.depth)
    if follow and structure.n_atoms > FOLLOW_LIMIT:
        raise EdmNoiseError(
            f"{name} has {structure.n_atoms:,} atoms: follow=1 recolours up to {FOLLOW_LIMIT:,} in time, use over=state"
        )

    def of(state: int) -> Displacement:
        return measure_displacement(structure, [bridge.read_state(cmd, name, state)], only=[measure])

    if over == "state" and not follow:
        moved = of(bridge.current_state(cmd, name))
    else:
        frames = list(bridge.read_frames(cmd, name))
        moved = yield lambda _: measure_displacement(structure, frames, only=[measure])
    values = _values(moved, measure, "max" if follow else over)
    low = (0.0 if follow else float(values.min())) if minimum is None else minimum
    high = float(values.max()) if maximum is None else maximum
    check_range(low, high)
    painter = Painter(cmd, name, measure, anchors, low, high)
    if follow:
        following.start(cmd, name, lambda state: painter.paint(of(state)))
    else:
        following.stop(name)
        painter.paint(moved, over)
    return Colouring(name, _label(measure, structure, "state" if follow else over), palette, low, high)


def save(cmd: bridge.Cmd, file: str, name: str, level: str = "atom") -> Job[int]:
    """Write an object's states as one multi-MODEL file; returns the number of models.

    Parameters
    ----------
    file
        A .pdb or .cif name; an existing file is replaced when the new one is whole.
    name
        A molecular object; its first state is the first model.
    level
        "atom", or "residue" for one pseudo-atom at each residue's centre.
    """
    bridge.existing_object(cmd, name)
    source = bridge.read_source(cmd, f"%{name}", 1, solvent=True)
    if source.notes:
        raise EdmNoiseError(f"{name} cannot be written whole: {source.notes[0]}")
    frames = list(bridge.read_frames(cmd, name, first=1))
    yield lambda _: write_frames(file, source.structure, (block[0] for block in frames), level)
    return len(frames)


def _frames_object(cmd: bridge.Cmd, name: str) -> tuple[Structure, Provenance | None]:
    """Reference structure of an object of two or more states, and how it was made if that is known."""
    bridge.existing_object(cmd, name)
    states = cmd.count_states(f"%{name}")
    if states < 2:
        raise EdmNoiseError(f"{name} has {states} state: states 2 and up are measured from state 1 (see edm_noise)")
    source = bridge.read_source(cmd, f"%{name}", 1, solvent=True)
    if source.notes:
        raise EdmNoiseError(f"{name} cannot be measured: {source.notes[0]}; make an object without them by edm_noise")
    made = Provenance.of([bridge.title(cmd, name, state) for state in range(1, states + 1)])
    return source.structure, made


def _values(moved: Displacement, measure: Measure, over: str) -> NDArray[np.float64]:
    """(groups,) what is coloured, angstrom."""
    return np.sqrt(moved.largest[measure] if over == "max" else moved.by_group[measure])


def _label(measure: Measure, structure: Structure, over: str) -> str:
    kind = {"mean": "RMS", "max": "largest", "state": "present"}[over]
    return f"{kind} displacement, {measure.label(structure.hierarchy)},"


@dataclass(frozen=True, eq=False)
class Painter:
    """Gives every atom of an object the colour of its group, on one range."""

    cmd: bridge.Cmd
    name: str
    measure: Measure
    anchors: Sequence[Anchor]
    low: float
    high: float

    def paint(self, moved: Displacement, over: str = "mean") -> None:
        shades = palette_colours(_values(moved, self.measure, over), self.anchors, self.low, self.high)
        bridge.paint(self.cmd, self.name, shades[moved.hierarchy.ancestors(0, self.measure.level)])


def _anchors(cmd: bridge.Cmd, palette: str) -> Sequence[Anchor]:
    """Colours of a palette by name, or of PyMOL's colours joined by spaces or underscores."""
    if palette in PALETTES:
        return PALETTES[palette]
    names = palette.split() if " " in palette.strip() else palette.split("_")
    if len(names) < 2:
        raise EdmNoiseError(
            f"no palette {palette!r}: give one of {', '.join(PALETTES)}, or two or more of PyMOL's colours (white_red)"
        )
    return bridge.anchors_of(cmd, names)


def _check_room(frames: int, atoms: int) -> None:
    """Refuse frames that would not fit in memory, or their file on the disk, and say how many would."""
    check_frames_fit(frames, _STATE_BYTES * atoms)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if frames * 12 * atoms > free:
        raise EdmNoiseError(
            f"{frames:,} frames need {frames * 12 * atoms / 2**30:,.1f} GiB in {tempfile.gettempdir()}, which has "
            f"{free / 2**30:,.1f} GiB free: at most {free // (12 * atoms):,} frames fit"
        )
