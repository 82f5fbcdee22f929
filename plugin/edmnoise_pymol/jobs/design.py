"""Design and diagnosis as a user asks for them: closed forms on the selected atoms; nothing in PyMOL is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.noise.design.scramble import reference_lengths, scramble_table
from edmnoise.noise.design.signal import signal_table, step_table
from edmnoise.noise.design.solve import Constraint, Design, design_table
from edmnoise.noise.design.solve import design as design_noise
from edmnoise.noise.design.triangle import WeightMeasure
from edmnoise.noise.design.weight_map import WeightMap, weight_map
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.scales import measured_scales
from edmnoise.noise.weights import Weights
from edmnoise.study.figures.design import signal_figure, triangle_figure

from ..job import Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import reading


@dataclass(frozen=True, eq=False, repr=False)
class DesignResult(Legible):
    """Designed noise: its weights and sigma in angstrom, how they were found, and the table of
    what they and other weights give."""

    weights: Weights
    sigma: float
    design: Design
    table: Table


def design(
    cmd: Cmd,
    which: Selected,
    targets: Mapping[str, float | None],
    distribution: SigmaDistribution,
    z: float,
    sigma: float | None,
    constraints: Sequence[Constraint],
    compared: Sequence[Weights],
) -> Job[DesignResult]:
    """Weights and sigma that move the chains, the residues and the atoms of a selection as far as wanted.

    Parameters
    ----------
    which
        Atoms of one object.
    targets
        Wanted lengths by level, as `edmnoise.noise.design.solve` takes them, angstrom; None for no wish.
    distribution, z
        Training levels, and the normal score at which the targets are wanted: for the notes.
    sigma, constraints, compared
        As in `edmnoise.noise.design.solve`.
    """
    hierarchy = (yield from reading(cmd, which)).structure.hierarchy
    made = yield lambda _: design_noise(hierarchy, **targets, sigma=sigma, constraints=constraints)
    table = design_table(hierarchy, made, distribution, compared, z)
    return DesignResult(made.weights, made.sigma, made, table)


def scramble(
    cmd: Cmd,
    which: Selected,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    reference: Mapping[str, float | None] | None,
) -> Job[Table]:
    """Where each level of a selection is scrambled, and in how many training steps.

    Parameters are those of `design` and of `edmnoise.noise.design.scramble.scramble_table`.
    """
    structure = (yield from reading(cmd, which)).structure
    lengths = reference_lengths(structure, **(reference or {}))
    return (yield lambda _: scramble_table(structure, weights, distributions, lengths))


def signal(
    cmd: Cmd,
    which: Selected,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    by: str,
    z: Sequence[float],
    figure: str | None,
) -> Job[Table]:
    """What training steps see of each level of a selection; with the name of a figure, that is drawn too.

    Parameters are those of `scramble` and of `edmnoise.noise.design.signal`; ``by`` is "level" or "z".
    """
    structure = (yield from reading(cmd, which)).structure

    def work(_: Watch) -> Table:
        forms, scales = LevelForms.of(structure.hierarchy), measured_scales(structure)
        if by == "level":
            table = signal_table(forms, scales, weights, distributions)
        else:
            table = step_table(forms, scales, weights, distributions, z)
        if figure is not None:
            signal_figure(structure, weights, distributions, figure)
        return table

    return (yield work)


def triangle(
    cmd: Cmd,
    which: Selected,
    measure: str,
    level: str,
    distribution: SigmaDistribution,
    reference: float | None,
    figure: str | None,
) -> Job[WeightMap]:
    """A measure of a selection over all weights; with the name of a figure, that is drawn too.

    Parameters are those of `design` and of `edmnoise.noise.design.triangle.WeightMeasure`; without ``reference`` the
    level's own reference length is taken.
    """
    source = yield from reading(cmd, which)
    structure = source.structure.without_domains()  # the triangle is of three weights
    lengths = reference_lengths(structure, **{level: reference})
    wanted = WeightMeasure(measure, level, distribution, lengths[level])

    def work(_: Watch) -> WeightMap:
        made = weight_map(structure, wanted)
        if figure is not None:
            triangle_figure(made, figure)
        return made

    return (yield work)
