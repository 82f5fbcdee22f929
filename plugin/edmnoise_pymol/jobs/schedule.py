"""What a sampler would go through, before it is run: its levels, and what it does where nothing is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table
from edmnoise.diffusion.names import Counted
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.units import in_words, sigma_of, translation_table
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.study.figures.figure import is_figure
from edmnoise.study.figures.sampling import schedule_figure

from ..job import Job, Watch


@dataclass(frozen=True, repr=False)
class Course(Legible):
    """The levels of a run before it is made.

    Attributes
    ----------
    sigmas
        Each level, angstrom: one more than there are steps; the last may be 0.
    z
        Normal score of each, NaN for 0.
    asked
        Level at which the denoiser is asked in each step, angstrom: above the step's own where churn adds noise.
    usual
        What each argument is where it is left out.
    noise
        The first level in several programs' units, as `edmnoise.diffusion.samplers.units.in_words`.
    """

    sigmas: tuple[float, ...]
    z: tuple[float, ...]
    asked: tuple[float, ...]
    usual: dict[str, str]
    noise: str

    @property
    def steps(self) -> int:
        return len(self.asked)


def plan(choice: SamplerChoice, distribution: SigmaDistribution) -> Job[Course]:
    """What a sampler would go through; touches no PyMOL."""

    def work(_: Watch) -> Course:
        schedule, sampler = choice.build()
        levels = schedule.sigmas
        scores = tuple(distribution.z(sigma) if sigma > 0 else float("nan") for sigma in levels)
        asked = tuple(sigma * (1 + sampler.churn.of(sigma, target)) for sigma, target in pairwise(levels))
        return Course(levels, scores, asked, choice.usual(), in_words(levels[0], distribution))

    return (yield work)


def table(choice: SamplerChoice, distribution: SigmaDistribution, path: str | None = None) -> Job[Table]:
    """The same as a table; also written, or drawn where the path is a figure's."""

    def work(_: Watch) -> Table:
        schedule, sampler = choice.build()
        asked = [sigma * (1 + sampler.churn.of(sigma, target)) for sigma, target in pairwise(schedule.sigmas)]
        plain = schedule.table(distribution)
        column = Column("asked at", [*asked, float("nan")], "A", decimals=4, help="level after churn")
        made = Table(f"{choice.name}: {plain.title}", (*plain.columns, column), {**plain.meta, "sampler": choice.name})
        if path is not None and is_figure(path):
            schedule_figure({choice.name: schedule}, distribution, path)
        elif path is not None:
            made.save(path)
        return made

    return (yield work)


def translated(levels: Sequence[float | Counted], distribution: SigmaDistribution, path: str | None) -> Job[Table]:
    """Levels in everybody's units, each given in any; also written."""
    if path is not None and is_figure(path):
        raise EdmNoiseError(f"levels in other units are a table, and {path} is a figure: end the name in .csv or .json")

    def work(_: Watch) -> Table:
        made = translation_table([sigma_of(level, distribution) for level in levels], distribution)
        if path is not None:
            made.save(path)
        return made

    return (yield work)
