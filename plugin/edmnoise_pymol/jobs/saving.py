"""An object's states, the atoms in the order of their file, as a file of another program."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edmnoise import __version__
from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.shading import Shading
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.frames.shading import range_of, values_of
from edmnoise.structure.domains import domain_text
from edmnoise.structure.files import write_frames, write_view
from edmnoise.structure.files.views import VIEWS
from edmnoise.structure.files.writing import LAYOUTS, TRAJECTORIES
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import ATOM, RESIDUE, RESIDUE_IN_CHAIN

from ..job import Job, Watch, counted
from ..scene import ask, looks
from ..scene.ask import Cmd
from ..scene.frames import read_frames
from ..scene.objects import existing_object, object_of_file
from ..scene.selected import Selected
from ..scene.source import Source, reading, secondary_of, with_bonds
from ..scene.states import read_states
from ..scene.titles import Provenance
from .colouring import Colouring
from .scales import label_of

Frames = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Saved:
    """What was written: so many models, what colours them, and the object that PyMOL's load would put them into."""

    models: int
    colours: str = ""
    held: str | None = None


def save(cmd: Cmd, file: str, name: str, level: str, b: str | None) -> Job[Saved]:
    """Write an object's states, all of them, to one file and what belongs beside it.

    The atoms of a residue stand together, residues and atoms in the order of the file that the object came from.

    Parameters
    ----------
    file
        A name that ends as `edmnoise.settings.results.SAVED_FILES` says; an existing file is replaced when the new one
        is whole. Files of viewers hold the object's colours, as PyMOL shows them.
    name
        A molecular object; its first state is the first model.
    level
        "atom", or "residue" for one pseudo-atom at each residue's centre, which viewers' files do not take.
    b
        "displacement" for B factors that are the RMS displacement of the atom, or of the residue's centre, from the
        first state in all others, angstrom per coordinate; "residue" for that of the residue in its chain; those that
        PyMOL holds where it is not given.
    """
    ending = os.path.splitext(file)[1].lower()
    _check_asked(file, ending, level, b)
    existing_object(cmd, name)
    made = Provenance.parse(ask.title(cmd, name, 1))
    ligands = made.ligands if made else "residue"
    if ask.is_discrete(cmd, name):  # each of its states has atoms of its own
        source, found = yield from read_states(cmd, Selected(f"%{name}", 0, solvent=True, ligands=ligands))
        frames = [places[None] for places in found]
    else:
        source = yield from reading(cmd, Selected(f"%{name}", 1, solvent=True, ligands=ligands))
        frames = list(read_frames(cmd, name, first=1))
    if source.notes:
        raise EdmNoiseError(f"{name} cannot be written whole: {source.notes[0]}")
    colouring = _colouring(cmd, name) if ending in VIEWS else None
    _check_states(name, file, ending, len(frames), b, colouring)
    structure, folds = with_bonds(cmd, source), secondary_of(cmd, source)
    remarks = _remarks(cmd, name, level, b, len(frames))
    if domains := domain_text(structure):
        remarks.append(f"edm_domains object, {domains}")
    held = object_of_file(cmd, file) if ending in LAYOUTS else None

    def write(watch: Watch) -> Saved:
        order = _order(source)
        models = (block[0][order] for block in counted(frames, watch, "model"))
        if ending not in VIEWS:
            valued = structure if b is None else _with_b_factors(structure, frames, level, b)
            return Saved(write_frames(file, valued.take(order), models, level, remarks), held=held)
        shading = _default(structure, frames) if colouring is None else _shown(colouring, source, frames)
        unit = " A" if shading.unit else ""
        shown = f"{shading.title} from {shading.low:.3f} to {shading.high:.3f}{unit}"
        written = write_view(file, structure.take(order), models, shading.take(order), remarks, folds[order])
        return Saved(written, shown)

    return (yield write)


def _check_asked(file: str, ending: str, level: str, b: str | None) -> None:
    """Refuse what does not go together, before anything is read."""
    known = (*LAYOUTS, *VIEWS, *TRAJECTORIES)
    if ending not in known:
        raise EdmNoiseError(f"cannot write {file}: the name must end in {', '.join(known)}")
    if level != "atom" and ending in VIEWS:
        raise EdmNoiseError(f"level is {level} and {file} shows atoms with their colours: leave level out")
    if b is not None and ending not in LAYOUTS:
        raise EdmNoiseError(f"b is {b} and {file} holds no B factors: give a name that ends in .pdb or .cif")
    if b == "residue" and level == "residue":
        raise EdmNoiseError("b and level are both residue: give b=displacement, that of the residue's centre")


def _check_states(name: str, file: str, ending: str, states: int, b: str | None, colouring: Colouring | None) -> None:
    if states < 2 and b is not None:
        raise EdmNoiseError(f"{name} has one state: b={b} is measured from the first state in the others")
    if states < 2 and ending in VIEWS and colouring is None:
        raise EdmNoiseError(
            f"{name} has one state and no colours by displacement, which {file} is to show: make frames (edm_noise)"
        )
    if colouring is not None and colouring.each:
        raise EdmNoiseError(
            f"frames of {name} have a colour range each, {file} holds one for all: edm_color with shared=1"
        )


def _order(source: Source) -> NDArray[np.int64]:
    """The atoms residue by residue, in the order of the file that they came from."""
    residue = source.structure.residue_of_atoms
    first = np.full(int(residue.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, residue, source.rank)
    return np.lexsort((source.rank, first[residue]))


def _with_b_factors(structure: Structure, frames: Frames, level: str, b: str) -> Structure:
    """B factors that are displacements from the first frame in the others."""
    measure = RESIDUE_IN_CHAIN if b == "residue" else RESIDUE if level == "residue" else ATOM
    values = np.nan_to_num(_measured(structure, frames[1:], measure))
    return replace(structure, atoms=replace(structure.atoms, b_factor=values))


def _measured(structure: Structure, frames: Frames, measure: Measure) -> NDArray[np.float64]:
    """(N,) RMS displacement of each atom's group, NaN where it cannot move."""
    moved = measure_displacement(structure, frames, only=[measure])
    return values_of(moved, measure, "mean")[structure.hierarchy.ancestors(0, measure.level)]


# What viewers show


def _colouring(cmd: Cmd, name: str) -> Colouring | None:
    """What an object's colours stand for; None where nothing has coloured it, or it has got other atoms since."""
    known: Colouring | None = looks.explanation(cmd, name)
    if known is None or known.painter is None or known.painter.values is None:
        return None
    scale = known.painter.scale
    expected = len(known.painter.values) if scale is None else scale.found.size
    copies = ask.states(cmd, name) if ask.is_discrete(cmd, name) else 1  # a baked object has its atoms in each state
    return known if expected * copies == ask.atoms(cmd, name) else None


def _default(structure: Structure, frames: Frames) -> Shading:
    """What edm_noise and edm_color show where nothing else is said."""
    values = _measured(structure, frames[1:], RESIDUE_IN_CHAIN)
    title = label_of(RESIDUE_IN_CHAIN, structure, "mean").rstrip(",")
    return Shading(values, PALETTES[DEFAULT_PALETTE], *range_of(values), title)


def _shown(colouring: Colouring, source: Source, frames: Frames) -> Shading:
    """What the object shows in PyMOL, on its atoms in the order of ``source``; what is not measured has no value."""
    painter = colouring.painter
    assert painter is not None
    scale = painter.scale
    found = None if scale is None else scale.found
    own = np.array(source.index)
    measured = np.arange(1, len(own) + 1) if found is None else np.array(found.source.index)
    place = np.full(int(max(own.max(), measured.max())) + 1, -1)
    place[own] = np.arange(len(own))
    rows = place[measured]

    part = None if found is None else found.part  # whose moved atoms alone are measured

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = np.full(len(own), np.nan)
        whole[rows] = values if part is None else values[part.moved]
        return whole

    if colouring.by_state and scale is not None:
        each = (scale.values([frame[:, rows]], "mean") for frame in frames)
        values = np.stack([spread(painter.of_atoms(groups)) for groups in each])
    else:
        assert painter.values is not None
        values = spread(painter.values)
    title = colouring.label.rstrip(",")
    unit = "angstrom" if colouring.unit else ""
    return Shading(values, tuple(painter.anchors), colouring.low, colouring.high, title, unit)


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
        of = "RMS displacements of residues in their chains" if b == "residue" else "RMS displacements"
        lines.append(f"B factors are {of} from model 1 in the other models, angstrom per coordinate")
    return lines
