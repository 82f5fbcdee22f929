"""sqrt E|D - y|^2, its ratio to the reference's and sqrt E|D - D*|^2, part by part, with their standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..structure.hierarchy import Hierarchy, as_read
from ..structure.part import Part, described
from ..structure.structure import describe

_ROUNDING = 4 * torch.finfo(torch.float32).eps
"""A reference that errs by less than this share of the data's size errs by rounding: nothing is a multiple of it."""

_OVER = "mean square error over the reference's"


@dataclass(frozen=True, eq=False, repr=False)
class ErrorStudy(Legible):
    """Errors of every draw.

    Attributes
    ----------
    hierarchy
        Groups that the parts are of.
    labels
        (K,) name of each candidate and what it knows.
    sigmas
        (S,) noise levels, angstrom.
    of
        What the noise was added to.
    reference
        Name of the candidate that the others are compared with; None for no comparison.
    size
        RMS of the clean coordinates, angstrom: an error far below is rounding.
    squares
        (K, S, L, draws): mean square over atoms and axes of each part of D - y, parts finest first, angstrom^2.
    apart
        The same of D - D* with D* the reference; NaN without one.
    seed
        Of the draws.
    part
        Where atoms were held: which.
    """

    hierarchy: Hierarchy
    labels: tuple[tuple[str, str], ...]
    sigmas: tuple[float, ...]
    of: str
    reference: str | None
    size: float
    squares: NDArray[np.float64]
    apart: NDArray[np.float64]
    seed: int = 0
    part: Part | None = None

    @property
    def draws(self) -> int:
        """At each level."""
        return self.squares.shape[-1]

    @property
    def parts(self) -> list[int]:
        """Those of `moving_parts`."""
        return moving_parts(self.hierarchy, self.part is not None)

    def rms(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Root mean square error (S, L) of a candidate, angstrom, and its standard error."""
        return _rms(self.squares[self._place(name)])

    def total(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Root mean square error (S,) of a candidate in all parts together, angstrom, and its standard error."""
        return _rms(self.squares[self._place(name)].sum(axis=1))

    def excess(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """RMS distance (S, L) from the reference, angstrom, and its standard error; NaN without one."""
        return _rms(self.apart[self._place(name)])

    def ratio(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean square error (S, L) over that of the reference, and its standard error, of paired draws.

        NaN without a reference, and where that errs by rounding alone.
        """
        if self.reference is None:
            none = np.full(self.squares.shape[1:3], np.nan)
            return none, none
        own, least = self.squares[self._place(name)], self.squares[self._place(self.reference)]
        mean = least.mean(axis=-1)
        mean[mean < (_ROUNDING * self.size) ** 2] = np.nan
        ratio = own.mean(axis=-1) / mean
        # To first order the ratio moves by (a - ratio b) / mean b: what both share of a draw's difficulty drops out.
        scatter = (own - ratio[..., None] * least).std(axis=-1, ddof=1) / math.sqrt(self.draws)
        return ratio, scatter / mean

    def table(self) -> Table:
        """A row for each candidate at each level: errors, ratios and distances, with standard errors."""
        columns = self._settings()
        for part in self.parts:
            for label, unit, measure, help_ in (
                ("{}", "A", self.rms, "RMS error per coordinate"),
                (f"{{}} over {self.reference}", "", self.ratio, _OVER),
                (f"{{}} from {self.reference}", "A", self.excess, "RMS distance of the two estimates"),
            ):
                if self.reference is None and measure != self.rms:
                    continue
                name = label.format(self.hierarchy.parts[part])
                means, errors = self._column(measure, part)
                columns.append(Column(name, means, unit, 4 if unit else 3, help_))
                columns.append(Column(f"{name}, error", errors, unit, 4 if unit else 3, "standard error"))
        totals, errors = self._totals()
        columns.append(Column("all parts", totals, "A", 4, "RMS error per coordinate"))
        columns.append(Column("all parts, error", errors, "A", 4, "standard error"))
        return self._table(columns)

    def summary(self) -> Table:
        """The table without standard errors and distances, which fits on a screen."""
        columns = self._settings()
        for part in self.parts:
            columns.append(
                Column(self.hierarchy.parts[part], self._column(self.rms, part)[0], "A", 4, "RMS error per coordinate")
            )
            if self.reference is not None:
                ratios = self._column(self.ratio, part)[0]
                columns.append(Column(f"{self.hierarchy.parts[part]} over {self.reference}", ratios, "", 2, _OVER))
        columns.append(Column("all parts", self._totals()[0], "A", 4, "RMS error per coordinate"))
        return self._table(columns)

    def _shown(self) -> Table:
        return self.summary()

    def _place(self, name: str) -> int:
        names = [label for label, _ in self.labels]
        if name not in names:
            raise EdmNoiseError(f"no candidate {name!r}: the candidates are {', '.join(names)}")
        return names.index(name)

    def _column(
        self, measure: Callable[[str], tuple[NDArray[np.float64], NDArray[np.float64]]], part: int
    ) -> tuple[list[float], list[float]]:
        """Values and errors of one part, levels one after another, all candidates at each."""
        found = [measure(name) for name, _ in self.labels]
        return _by_level([(values[:, part], errors[:, part]) for values, errors in found])

    def _totals(self) -> tuple[list[float], list[float]]:
        return _by_level([self.total(name) for name, _ in self.labels])

    def _settings(self) -> list[Column]:
        count = len(self.labels)
        return [
            Column("sigma", [sigma for sigma in self.sigmas for _ in range(count)], "A"),
            Column("denoiser", [name for name, _ in self.labels] * len(self.sigmas)),
            Column("knows", [knows or "-" for _, knows in self.labels] * len(self.sigmas), help="which states"),
        ]

    def _table(self, columns: list[Column]) -> Table:
        about = describe(self.hierarchy) if self.part is None else described(self.part)
        title = f"denoising error on {self.of}, {self.draws} draws a level, seed {self.seed}: {about}"
        lying = "everything centred" if self.part is None else "of the moved atoms, the held ones clean in their places"
        notes = [f"RMS per coordinate of D - y by part, {lying}; the same draws for all denoisers."]
        if self.reference is not None:
            knows = dict(self.labels)[self.reference]
            named = f"{self.reference} ({knows})" if knows else self.reference
            notes.append(f"Over {self.reference}: mean square error over that of {named}, the optimum of these alone.")
        meta: Mapping[str, object] = {
            "of": self.of,
            "draws": self.draws,
            "seed": self.seed,
            "reference": self.reference,
            "structure": about,
        }
        return Table(title, tuple(columns), meta, tuple(notes))


def moving_parts(hierarchy: Hierarchy, held: bool = False) -> list[int]:
    """Parts that there are, coarsest first: a single chain has no place among others, but one among held atoms."""
    there = (*hierarchy.counts, 0 if held else 1)
    return [part for part in as_read(range(hierarchy.depth)) if there[part] > there[part + 1]]


def _by_level(found: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[list[float], list[float]]:
    """Values and errors (S,) of each candidate, levels one after another."""
    values, errors = (np.stack(column, axis=1).ravel().tolist() for column in zip(*found, strict=True))
    return values, errors


def _rms(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root of the mean over draws, and its standard error: that of the mean over twice the root."""
    root = np.sqrt(squares.mean(axis=-1))
    error = squares.std(axis=-1, ddof=1) / math.sqrt(squares.shape[-1])
    return root, np.divide(error, 2 * root, out=np.zeros_like(root), where=root > 0)
