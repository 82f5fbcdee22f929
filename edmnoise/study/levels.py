"""Measured beside expected, as tables: per level, per residue, per atom, and over noise levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.coordinates import CoordinatesLike
from ..base.errors import EdmNoiseError
from ..base.table import Column, Table
from ..frames.damage_measures import GYRATION, RMSD
from ..frames.displacement import Displacement, Measure, ReferencePlace, measure_displacement, measures, nested
from ..frames.geometry import gyration_radius
from ..noise.process import AppliedNoise, NoClosedForm, NoiseChoice, Statistics, statistics_at, statistics_of
from ..noise.sigma import SigmaDistribution
from ..noise.theory.statistics import Expected
from ..noise.theory.superposed import rotation_defined
from ..noise.weights import Weights
from ..settings.results import BY
from ..structure.hierarchy import DOMAIN, Hierarchy, as_read, check_levels
from ..structure.levels import as_array
from ..structure.part import Part, described, moving
from ..structure.structure import Structure
from ..structure.superpose import superpose

ATOM, RESIDUE = Measure(0, False), Measure(1, False)
ATOM_IN_RESIDUE, RESIDUE_IN_CHAIN = Measure(0, True), Measure(1, True)
"""The latter in its chain, or in its domain where there are any."""


def level_table(
    structure: Structure | Part,
    moved: Displacement,
    noise: AppliedNoise | None = None,
    by: str = "summary",
    states: Sequence[int] = (),
    origin: str = "",
) -> Table:
    """Displacement at every level, measured and, where the noise is known, expected.

    Parameters
    ----------
    structure
        The reference, atoms in residues (in domains) in chains: EdmNoiseError for other levels. Where atoms were held,
        the part that moved, of which alone all is said.
    moved
        What was measured on the frames, of the atoms that moved.
    noise
        How the frames were made; None for frames of unknown origin, which leaves the expectations out.
    by
        "summary" (a row a measure), "residue", "atom" or "state" (a row each).
    states
        What the frames are called in the table by state; counted from 1 where not given.
    origin
        What the reference is, to be said below the table ("state 1 of nmr").
    """
    by = BY.read(by)
    measured = moving(structure)
    check_levels(measured.hierarchy)
    theory = _Theory(structure, moved, noise)
    meta = {
        "structure": described(structure),
        "frames": moved.frames,
        "align": moved.align,
        "sigma": noise.sigma if noise else None,
        "process": noise.noise.text() if noise else None,
        "weights": list(noise.noise.weights.by_name.values()) if noise else None,
    }
    made = f" at sigma {noise.sigma:.4g} A, {noise.noise.said}" if noise else ""
    title = f"{moved.frames} frame{'' if moved.frames == 1 else 's'}{made}{moved.removed}: {described(structure)}"
    if by == "state":
        columns, notes = _by_state(moved, theory, states or range(1, moved.frames + 1))
    else:
        rows = {"summary": _summary, "residue": _by_residue, "atom": _by_atom}[by]
        columns, notes = rows(measured, moved, theory)
    if origin:
        meta["origin"] = origin
        notes.append(f"Measured from {origin}; lengths are RMS per coordinate.")
        if moved.reference is not None and moved.reference.is_one_of_them:
            warning = _not_a_reference(origin, moved.reference)
            meta["warning"] = warning
            notes.append(warning)
    if theory.refused:
        notes.append(f"Nothing to expect: {theory.refused}.")
    if moved.ambiguous:
        frames = "1 frame" if moved.ambiguous == 1 else f"{moved.ambiguous} frames"
        notes.append(f"The best rotation of {frames} is not unique.")
    return Table(title, tuple(columns), meta, tuple(notes))


def _not_a_reference(origin: str, place: ReferencePlace) -> str:
    return (
        f"{origin[:1].upper()}{origin[1:]} is as far from the others ({place.distance:.3f} A within the chain) as they "
        f"are from each other ({place.among:.3f} A); a structure that they scatter around would be at "
        f"{place.among / math.sqrt(2):.3f} A. If it is not what you want to measure from, name that as origin; "
        "load_traj without state=0 overwrites a reference."
    )


class _Theory:
    """Expectations in angstrom for a set of frames; all missing where the noise is not known."""

    def __init__(self, structure: Structure | Part, moved: Displacement, noise: AppliedNoise | None) -> None:
        self.structure, self.align = moving(structure), moved.align
        self.sigma = noise.sigma if noise else math.nan
        known = noise is not None and (moved.align != "superpose" or rotation_defined(self.structure.coordinates))
        self.process = noise.noise.on(structure) if noise and known else None
        self.statistics, self.refused = None, ""
        try:
            if noise and self.process:
                if self.align == "superpose" and noise.noise.forward_only:
                    raise NoClosedForm(f"{noise.noise.process} noise has no closed forms after superposition")
                self.statistics = statistics_at(self.process, noise.sigma)
        except NoClosedForm as refusal:
            self.refused = str(refusal)

    def of(self, measure: Measure, over_atoms: bool = False) -> Expected | None:
        """Closed form of a measure after the alignment that the frames had."""
        if self.statistics is None or self.process is None:
            return None
        level, top = measure.level, measure.relative_to
        if self.align == "superpose":
            return self.process.superposed(self.structure.coordinates, level, top, over_atoms)
        if self.align == "center" and not measure.relative:
            top = self.statistics.whole
        return self.statistics.displacement(level, top, over_atoms)

    def rms(self, measure: Measure) -> float:
        expected = self.of(measure)
        return expected.rms(self.sigma) if expected else math.nan

    def each(self, measure: Measure) -> NDArray[np.float64]:
        expected = self.of(measure)
        return self.sigma * np.sqrt(np.maximum(expected.each, 0)) if expected else np.array(math.nan)


def _summary(structure: Structure, moved: Displacement, theory: _Theory) -> tuple[list[Column], list[str]]:
    hierarchy = structure.hierarchy
    shown = measures(hierarchy)
    expected = [theory.of(measure) for measure in shown]
    total = moved.part(ATOM) ** 2
    parts = {m: moved.part(m) ** 2 / total if total else math.nan for m in nested(hierarchy)}
    all_atoms = theory.of(ATOM, over_atoms=True)
    wanted = {m: _share(theory.of(m, over_atoms=True), all_atoms) for m in nested(hierarchy)}
    measured = [moved.rms(measure) for measure in shown]
    columns = [
        Column("displacement", [m.label(hierarchy) for m in shown], help="level, or level within the one above"),
        Column("measured", measured, "A", help="RMS per coordinate over groups and frames"),
        Column("expected", [e.rms(theory.sigma) if e else math.nan for e in expected], "A", help="closed form"),
        Column(
            "spread",
            [e.rms_sd(moved.frames, theory.sigma) if e else math.nan for e in expected],
            "A",
            help="standard deviation of the measured value from draw to draw",
        ),
        Column("measured / sigma", [value / theory.sigma for value in measured]),
        Column("share", [parts.get(m, math.nan) for m in shown], help="of the mean square of all atoms"),
        Column("share expected", [wanted.get(m, math.nan) for m in shown]),
    ]
    notes = [] if math.isnan(moved.ratio) else [f"residue/atom {moved.ratio:.3f}"]
    if theory.statistics is not None and moved.align == "none":
        mean, sd = theory.statistics.ratio_scatter(moved.frames)
        scatter = "" if math.isnan(sd) else f" +- {sd:.3f}"
        notes = [f"residue/atom {moved.ratio:.3f}, expected {mean:.3f}{scatter}"]
    if moved.align == "superpose" and theory.statistics is not None:
        notes.append("Expected after superposition: to first order in sigma over the structure's size, without spread.")
    return columns, notes


def _share(part: Expected | None, total: Expected | None) -> float:
    return part.mean / total.mean if part and total and total.mean > 0 else math.nan


def _by_residue(structure: Structure, moved: Displacement, theory: _Theory) -> tuple[list[Column], list[str]]:
    first, atoms, above = structure.first_atoms, structure.atoms, structure.hierarchy.names[2]
    absolute, inside = (np.sqrt(moved.by_group[m]) for m in (RESIDUE, RESIDUE_IN_CHAIN))
    expected = [np.broadcast_to(theory.each(m), absolute.shape) for m in (RESIDUE, RESIDUE_IN_CHAIN)]
    in_residue = np.bincount(
        structure.hierarchy.ancestors(0, 1), weights=moved.by_group[ATOM_IN_RESIDUE]
    ) / structure.hierarchy.sizes(1)
    excess = np.divide(inside, expected[1], out=np.full_like(inside, math.nan), where=expected[1] > 0)
    columns = [
        Column("chain", atoms.chain[first].tolist()),
        *([Column(DOMAIN, (structure.hierarchy.parents[1] + 1).tolist())] if above == DOMAIN else []),
        Column("residue", atoms.residue_name[first].tolist()),
        Column("number", atoms.number[first].tolist()),
        Column("atoms", structure.hierarchy.sizes(1).tolist()),
        Column("absolute", absolute.tolist(), "A", help="RMS displacement of the centre over the frames"),
        Column("absolute expected", expected[0].tolist(), "A"),
        Column(f"in {above}", inside.tolist(), "A", help=f"the same relative to the {above}'s centre"),
        Column(f"in {above} expected", expected[1].tolist(), "A"),
        Column("measured / expected", excess.tolist(), help=f"of the displacement in the {above}"),
        Column(f"largest in {above}", np.sqrt(moved.largest[RESIDUE_IN_CHAIN]).tolist(), "A", help="over the frames"),
        Column("atoms in residue", np.sqrt(in_residue).tolist(), "A", help="RMS about the residue's centre"),
    ]
    return columns, []


def _by_atom(structure: Structure, moved: Displacement, theory: _Theory) -> tuple[list[Column], list[str]]:
    atoms = structure.atoms
    absolute, inside = (np.sqrt(moved.by_group[m]) for m in (ATOM, ATOM_IN_RESIDUE))
    expected = [np.broadcast_to(theory.each(m), absolute.shape) for m in (ATOM, ATOM_IN_RESIDUE)]
    columns = [
        Column("chain", atoms.chain.tolist()),
        Column("residue", atoms.residue_name.tolist()),
        Column("number", atoms.number.tolist()),
        Column("atom", atoms.name.tolist()),
        Column("absolute", absolute.tolist(), "A", help="RMS displacement over the frames"),
        Column("absolute expected", expected[0].tolist(), "A"),
        Column("in residue", inside.tolist(), "A", help="the same relative to the residue's centre"),
        Column("in residue expected", expected[1].tolist(), "A"),
        Column("largest", np.sqrt(moved.largest[ATOM]).tolist(), "A", help="over the frames"),
    ]
    return columns, []


def _by_state(moved: Displacement, theory: _Theory, states: Sequence[int]) -> tuple[list[Column], list[str]]:
    columns, notes = [Column("state", list(states))], []
    for measure in measures(moved.hierarchy):
        label = measure.label(moved.hierarchy)
        columns.append(Column(label, np.sqrt(moved.by_frame[measure]).tolist(), "A", help="RMS over its groups"))
        if not math.isnan(wanted := theory.rms(measure)):
            notes.append(f"{label} {wanted:.3f}")
    return columns, [f"expected of every state (A): {', '.join(notes)}"] if notes else []


def shape_columns(structure: Structure, frames: Sequence[CoordinatesLike]) -> tuple[Column, ...]:
    """Two more columns of a table by state: RMSD after superposition, and size, of states (1, N, 3), angstrom."""
    reference = torch.from_numpy(structure.coordinates.T.copy())
    moved = [torch.as_tensor(frame) for frame in frames]
    rmsd = [float(superpose(each.mT, reference).rmsd) for each in moved]
    size = [float(gyration_radius(as_array(each.permute(1, 2, 0)))[0]) for each in moved]
    return tuple(
        Column(measure.name, values, measure.unit, help=measure.help)
        for measure, values in ((RMSD, rmsd), (GYRATION, size))
    )


def z_table(
    structure: Structure | Part,
    weights: Sequence[Weights | NoiseChoice],
    z: Sequence[float],
    distribution: SigmaDistribution,
    draws: int = 1,
    seed: int = 0,
    fresh: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Table:
    """What lands at each level over noise levels, for several weights, measured and expected side by side.

    Parameters
    ----------
    structure
        The reference, atoms in residues (in domains) in chains: EdmNoiseError for other levels. Of a part with held
        atoms the rest alone is drawn and measured.
    weights, z
        Rows: each weights, or each chosen process with its weights, at each normal score of the noise level.
    distribution
        Gives sigma from z.
    draws
        Frames per row.
    seed, fresh
        With ``fresh`` each row has draws of its own. Without, all rows scale the same draws, which makes ratios look
        constant over z: they then share one accident.
    progress
        Called with the number of frames that are drawn and of all; what it raises ends the work.
    """
    if draws < 1:
        raise EdmNoiseError(f"draws is {draws}: give a whole number from 1")
    if not weights or not z:
        raise EdmNoiseError("no weights or no z given: give at least one of each")
    reference = moving(structure)
    hierarchy = reference.hierarchy
    check_levels(hierarchy)
    inside = as_read(nested(hierarchy)[:-1])
    shown = (ATOM, RESIDUE, *inside)
    rows = []
    for i, noise in enumerate(map(NoiseChoice.of, weights)):
        process = noise.on(structure)
        for j, score in enumerate(z):
            sigma = distribution.sigma(score)
            theory = statistics_of(process, sigma)
            ratio = theory.ratio_scatter(draws) if theory else (math.nan, math.nan)
            first = (i * len(z) + j) * draws if fresh else 0
            numbers = range(first, first + draws)
            blocks = process.blocks(sigma, numbers, seed, reference.coordinates)
            told = _told(blocks, (i * len(z) + j) * draws, len(weights) * len(z) * draws, progress)
            moved = measure_displacement(reference, told, only=shown)
            expected = {m: expected_rms(theory, m, sigma) for m in shown}
            rows.append((noise, float(score), sigma, moved, expected, ratio))
    columns = [
        noise_column([r[0] for r in rows], hierarchy),
        Column("z", [r[1] for r in rows], decimals=2),
        Column("sigma", [r[2] for r in rows], "A"),
        Column("atom", [r[3].rms(ATOM) for r in rows], "A"),
        Column("residue", [r[3].rms(RESIDUE) for r in rows], "A"),
        Column("residue expected", [r[4][RESIDUE] for r in rows], "A"),
        Column("residue / atom", [r[3].ratio for r in rows]),
        Column("ratio expected", [r[5][0] for r in rows], help="mean over draws"),
        Column("ratio spread", [r[5][1] for r in rows], help="standard deviation from draw to draw"),
    ]
    for part in inside:
        columns.append(Column(part.label(hierarchy), [r[3].rms(part) for r in rows], "A"))
        columns.append(Column(f"in {hierarchy.names[part.level + 1]} expected", [r[4][part] for r in rows], "A"))
    drawn = "fresh draws in each row" if fresh else "the same draws scaled in each row"
    title = f"{draws} draw{'' if draws == 1 else 's'} a row, {drawn}, seed {seed}: {described(structure)}"
    meta = {"draws": draws, "seed": seed, "fresh": fresh, "distribution": distribution.name}
    return Table(title, tuple(columns), meta, ("RMS per coordinate; expected: closed forms.",))


def noise_column(noises: Sequence[NoiseChoice], hierarchy: Hierarchy) -> Column:
    """Which noise each row is of: by its weights, or a process that has none by its name."""
    weights = "/".join(as_read(hierarchy.names))
    return Column("noise", [noise.label for noise in noises], help=f"weights ({weights}), or the process")


def expected_rms(statistics: Statistics | None, measure: Measure, sigma: float) -> float:
    """RMS displacement per coordinate that is expected of a measure, angstrom; NaN without closed forms."""
    if statistics is None:
        return math.nan
    return statistics.displacement(measure.level, measure.relative_to).rms(sigma)


def _told(
    blocks: Iterable[torch.Tensor], done: int, total: int, progress: Callable[[int, int], None]
) -> Iterator[torch.Tensor]:
    """The blocks, and how many frames there are by each of them."""
    for block in blocks:
        yield block
        done += len(block)
        progress(done, total)
