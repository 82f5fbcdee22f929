"""What noise destroys, as a user asks for it: drawn and measured on the selected atoms; nothing in PyMOL is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.frames.damage import Native
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import Weights
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise.study.figures.damage import damage_figure
from edmnoise.study.figures.figure import is_figure

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.source import moved_part, reading, with_bonds


@dataclass(frozen=True, eq=False, repr=False)
class DamageResult(Legible):
    """What was measured, the whole table, with standard errors, and the one to print: without them, or by residue."""

    study: DamageStudy
    table: Table
    printed: Table
    notes: tuple[str, ...]


def damage(
    cmd: Cmd,
    selection: str,
    z: Sequence[float],
    weights: Sequence[Weights | NoiseChoice],
    distribution: SigmaDistribution,
    draws: int,
    seed: int,
    by: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    ligands: str,
    move: str | None = None,
) -> Job[DamageResult]:
    """What is left of a selection at several noise levels, for several weights.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object.
    z, weights, distribution, draws, seed
        As in `edmnoise.study.damage.damage_rows`.
    by
        "summary" for every measure, "residue" for each residue's lDDT.
    state, hydrogens, solvent, ligands, move
        As in `edmnoise_pymol.jobs.noise.noise`.
    """
    check_seed(seed)
    source = yield from reading(cmd, selection, state, hydrogens, solvent, ligands)
    part = moved_part(cmd, source, move)
    structure = with_bonds(cmd, source)

    def measure(watch: Watch) -> DamageStudy:
        watch.check(0, "finding bonds and neighbours")
        native = Native.of(structure)

        def progress(done: int, total: int) -> None:
            watch.check(done / total, f"frame {done:,} of {total:,}")

        rows = damage_rows(native, weights, z, distribution, draws, seed, progress, part)
        return DamageStudy(native, tuple(rows), distribution, draws, seed, part)

    study = yield measure
    whole, printed = (study.by_residue,) * 2 if by == "residue" else (study.table, study.summary)
    return (yield lambda _: DamageResult(study, whole(), printed(), source.notes))


def write(result: DamageResult, path: str) -> None:
    """Write the whole table or, by the file's ending, the figure of every measure."""
    if is_figure(path):
        damage_figure(result.study, path)
    else:
        result.table.save(path)
