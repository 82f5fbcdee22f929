"""What a sweep can measure: each measure is a table, the settings that it depends on, and a function that is named.

To add one, write a function ``Case -> {column: number}`` and give it a line in `MEASURES`. It is named and not
imported, so that who plans a sweep does not wait for torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from ..base.legible import Legible
from ..frames.damage_measures import MEASURES as DAMAGE
from .case import Case, Value


@dataclass(frozen=True)
class Measured:
    """A column of a measure: its name, unit ("A" or ""), meaning, and the column that it is expected to equal.

    One ``of_domains`` is left out where no structure has any.
    """

    name: str
    unit: str = ""
    help: str = ""
    expected: str | None = None
    of_domains: bool = False


@dataclass(frozen=True, repr=False)
class SweepMeasure(Legible):
    """A measure.

    Attributes
    ----------
    title
        What its table shows, for the report.
    axes
        Of process, weights, level, denoiser, sampler, seed: one row for each structure and each combination of these.
    function
        "module:name" of a function that takes a `edmnoise.sweep.case.Case` and returns a value for each column.
    columns
        What it returns.
    drawn
        Columns that the report draws.
    """

    title: str
    axes: tuple[str, ...]
    function: str
    columns: tuple[Measured, ...]
    drawn: tuple[str, ...]

    def __call__(self, case: Case) -> Mapping[str, Value]:
        """The columns' values for one case."""
        module, name = self.function.split(":")
        values: Mapping[str, Value] = getattr(import_module(module), name)(case)
        return values


MEASURES = {
    "levels": SweepMeasure(
        "Displacement at each level",
        ("process", "weights", "level", "seed"),
        "edmnoise.sweep.rows:levels",
        (
            Measured("atom", "A"),
            Measured("residue", "A", expected="residue expected"),
            Measured("residue expected", "A", "closed form"),
            Measured("residue / atom", expected="ratio expected"),
            Measured("ratio expected", help="mean over draws"),
            Measured("ratio spread", help="standard deviation from draw to draw"),
            Measured("residue in chain", "A", expected="in chain expected"),
            Measured("domain in chain", "A", expected="in chain expected", of_domains=True),
            Measured("in chain expected", "A", "closed form"),
            Measured("residue in domain", "A", expected="in domain expected", of_domains=True),
            Measured("in domain expected", "A", "closed form", of_domains=True),
            Measured("atom in residue", "A", expected="in residue expected"),
            Measured("in residue expected", "A", "closed form"),
        ),
        ("residue", "domain in chain", "residue in domain", "residue in chain", "atom in residue", "residue / atom"),
    ),
    "damage": SweepMeasure(
        "What noise destroys",
        ("process", "weights", "level", "seed"),
        "edmnoise.sweep.rows:damage",
        tuple(Measured(measure.name, measure.unit, measure.help) for measure in DAMAGE),
        tuple(measure.name for measure in DAMAGE if measure.in_report),
    ),
    "freeze_out": SweepMeasure(
        "Noise level at which each part of a sample freezes out",
        ("process", "weights", "denoiser", "sampler", "seed"),
        "edmnoise.sweep.rows:freeze_out",
        (
            Measured("models", help="states of the exact denoiser, which with one model samples nothing"),
            Measured("chain", "A", "sigma below which it stays within a tenth of its way"),
            Measured("domain in chain", "A", "the same", of_domains=True),
            Measured("residue in domain", "A", "the same", of_domains=True),
            Measured("residue in chain", "A", "the same"),
            Measured("atom in residue", "A", "the same"),
        ),
        ("chain", "domain in chain", "residue in domain", "residue in chain", "atom in residue"),
    ),
}
"""Measures by name."""
