"""Runs side by side: what each level still has to go, where it freezes out, and what is spent on moving the whole.

The way of the noisy sample x_t to its end y is d_t = x_t - y, both at rest and laid on the reference. Two parts of it
change no shape, so that nobody who centres or superposes sees them:

    shift:  N |mean d_t|^2 / |d_t|^2, what centring removes;
    turn:   (|d_t - mean d_t|^2 - min over R, s of |R x_t + s - y|^2) / |d_t|^2, what superposition removes beyond that.

The same can be asked of the noise before anything is sampled. With Q an orthonormal basis of the three shifts of all
atoms, or of the three infinitesimal turns of the reference about its centre, it is tr Q^T (K (x) I_3) Q / 3 tr K: the
share of every draw, at the start and in between, that is a shift or a turn.

Where atoms are held, both are of the moved ones, with K_mm, and no waste: they are shifts and turns against the others.

A recorded run of another program is a variant like any other. What its noise was is not known, so these shares are NaN.
So are those of the way where x_t was not recorded, or where steps are not laid by the motion that was: what superposes
them takes shifts and turns away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.table import Column, Table
from ..frames.displacement import Measure, nested
from ..noise.process import NoiseChoice
from ..noise.weights import Weights
from ..structure.hierarchy import Hierarchy, as_read
from ..structure.part import Part, described, moving
from ..structure.structure import Structure
from ..structure.superpose import superpose
from ..trajectories.freeze_out import moves
from ..trajectories.run import Run

MOST = 12
"""Variants that a comparison takes: more lines in one figure cannot be told apart."""

_ROUNDED = 1e-4
"""Of the first level: a way that is shorter is rounding in part."""


@dataclass(frozen=True, eq=False, repr=False)
class Gauge(Legible):
    """Shares of a motion that move the sample as a whole, each from 0 to 1: a number, or one for each step."""

    shift: NDArray[np.float64]
    turn: NDArray[np.float64]


def _unknown(*shape: int) -> Gauge:
    return Gauge(np.full(shape, np.nan), np.full(shape, np.nan))


@dataclass(frozen=True, eq=False, repr=False)
class Variant(Legible):
    """What a comparison keeps of a run.

    Attributes
    ----------
    noise, sampler, trace, denoiser
        What the run was made with and where it was recorded, as it is called in tables; "" for what is not known of it,
        and for the denoiser that all have in common.
    samples
        How many.
    steps, sigmas
        (T,) numbers of the recorded steps, and the levels at which the denoiser was asked, angstrom.
    to_go
        For each part (T,): RMS distance per coordinate of the denoised estimate from the end, angstrom.
    frozen
        For each part the freeze-out level, angstrom; NaN where the part never moved.
    way
        Shares (T,) of the noisy sample's way to its end.
    draws
        Shares of every draw of the noise.
    """

    noise: str
    sampler: str
    trace: str
    samples: int
    steps: NDArray[np.int64]
    sigmas: NDArray[np.float64]
    to_go: dict[Measure, NDArray[np.float64]]
    frozen: dict[Measure, float]
    way: Gauge
    draws: Gauge
    denoiser: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from: its noise, or its trace."""
        return self.noise or self.trace


def names_of(variants: Sequence[Variant]) -> list[str]:
    """What tells variants apart."""
    known = ("origin", "denoiser", "sampler")
    several = [what for what in known if len({getattr(row, what) for row in variants}) > 1]
    return [", ".join(filter(None, (getattr(row, what) for what in several or known))) for row in variants]


def variant(
    run: Run, noise: Weights | NoiseChoice | None, sampler: str, trace: str = "", denoiser: str = ""
) -> Variant:
    """Keep of a run what is compared; its frames may go then. No ``noise`` where nobody knows what was drawn."""
    return Variant(
        noise="" if noise is None else NoiseChoice.of(noise).label,
        sampler=sampler,
        trace=trace,
        samples=len(run.final),
        steps=run.steps,
        sigmas=run.sigmas,
        to_go=run.to_go(),
        frozen=run.freeze_out(),
        way=gauge_of_way(run) if run.laid is None or run.laid.how == "motion" else _unknown(len(run.steps)),
        draws=_unknown() if noise is None else gauge_of_noise(run.held or run.structure, noise),
        denoiser=denoiser,
    )


def gauge_of_way(run: Run) -> Gauge:
    """Shares (T,) of the noisy sample's way to its end at each recorded step, over all samples together.

    NaN where x was not recorded, and where the way is below 1e-4 of the first level: float32 does not say better than
    that where the whole lies.
    """
    least = (_ROUNDED * run.sigmas[0]) ** 2 * run.noisy[0].size
    end = torch.from_numpy(run.final).mT.double()
    centre = end.mean(dim=2, keepdim=True)
    rows = []
    for frame in run.noisy:
        if not np.isfinite(frame).all():
            rows.append((np.nan,) * 3)
            continue
        noisy = torch.from_numpy(frame).mT.double()
        mean = noisy.mean(dim=2, keepdim=True)
        shift = float((mean - centre).square().sum()) * end.shape[2]
        x, y = noisy - mean, end - centre
        centred = float((x - y).square().sum())
        left = float(superpose(x, y).rmsd.square().sum()) * end.shape[2]
        rows.append((shift, max(centred - left, 0.0), shift + centred))
    shift, turn, whole = np.array(rows).T
    whole[whole < least] = np.nan
    return Gauge(shift / whole, turn / whole)


def gauge_of_noise(structure: Structure | Part, noise: Weights | NoiseChoice) -> Gauge:
    """Shares of every draw that are a shift of all moved atoms and an infinitesimal turn about their centre.

    Closed forms. Atoms on a line have two turns and a single atom none.
    """
    process = NoiseChoice.of(noise).on(structure)
    covariance = process.covariance
    place = torch.tensor(moving(structure).coordinates.T).double()
    atoms = place.shape[1]
    shifts = torch.eye(3, dtype=torch.float64)[:, :, None].expand(3, 3, atoms) / atoms**0.5
    centred = place - place.mean(dim=1, keepdim=True)
    spun = torch.stack(
        [torch.linalg.cross(axis[:, None].expand(3, atoms), centred, dim=0) for axis in torch.eye(3).double()]
    )
    _, sizes, basis = torch.linalg.svd(spun.reshape(3, -1), full_matrices=False)
    turns = basis[sizes > 1e-6 * max(float(sizes.max()), 1e-12)].reshape(-1, 3, atoms)
    # tr K is the number of atoms where all move.
    total = 3 * atoms * (1.0 if isinstance(structure, Structure) else process.statistics.displacement(0).mean)

    def share(q: Tensor) -> NDArray[np.float64]:
        return np.array(float((q * covariance.multiply(q)).sum()) / total if len(q) else 0.0)

    return Gauge(share(shifts), share(turns))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Legible):
    """Runs of the same atoms: variants of one sampling run, recorded runs of other programs, or both.

    Attributes
    ----------
    structure
        The reference; where atoms are held, which of it move.
    variants
        In the order in which they are listed and drawn.
    seed
        What all that were sampled here have in common; None where all were recorded.
    """

    structure: Structure | Part
    variants: tuple[Variant, ...]
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.variants) <= MOST:
            raise EdmNoiseError(f"{len(self.variants)} variants: give 1 to {MOST}")

    @property
    def hierarchy(self) -> Hierarchy:
        """Of the atoms that move."""
        return moving(self.structure).hierarchy

    def table(self) -> Table:
        """One row a variant: freeze-out levels, and what is spent on moving the whole, the way's over all steps."""
        hierarchy, rows = self.hierarchy, self.variants
        columns = [
            *self._names([1] * len(rows)),
            Column("steps", [int(row.steps[-1]) for row in rows]),
            *(
                Column(
                    f"{part.label(hierarchy)} frozen",
                    [row.frozen[part] for row in rows],
                    "A",
                    help="sigma below which the level stays within a tenth of its way",
                )
                for part in self.moving()
            ),
            Column("noise shift", [float(row.draws.shift) for row in rows], help="share of every draw of noise"),
            Column("noise turn", [float(row.draws.turn) for row in rows], help="share of every draw of noise"),
            Column("way shift", [_mean(row.way.shift) for row in rows], help="share of the noisy way, mean over steps"),
            Column("way turn", [_mean(row.way.turn) for row in rows], help="share of the noisy way, mean over steps"),
        ]
        notes = (
            "Frozen: the sigma below which a level stays within a tenth of its way; the last one where it never does.",
            "Shift, turn: the share of each draw of noise (closed form), and of the noisy samples' way to their end",
            "(mean over the steps), that moves the whole; centring and superposition remove it."
            if isinstance(self.structure, Structure)
            else "(mean over the steps), that moves all moved atoms as one, against the held ones.",
        )
        return self._table(columns, notes)

    def _shown(self) -> Table:
        return self.table()

    def by_step(self) -> Table:
        """One row for each recorded step of each variant."""
        hierarchy, rows = self.hierarchy, self.variants
        columns = [
            *self._names([len(row.steps) for row in rows]),
            Column("step", [step for row in rows for step in row.steps.tolist()]),
            Column("sigma", [sigma for row in rows for sigma in row.sigmas.tolist()], "A", decimals=4),
            *(
                Column(
                    part.label(hierarchy),
                    [length for row in rows for length in row.to_go[part].tolist()],
                    "A",
                    help="RMS still to go per coordinate, of the denoised estimate",
                )
                for part in as_read(nested(hierarchy))
            ),
            Column("way shift", [x for row in rows for x in row.way.shift.tolist()], help="share of the noisy way"),
            Column("way turn", [x for row in rows for x in row.way.turn.tolist()], help="share of the noisy way"),
        ]
        return self._table(columns, ())

    def _names(self, repeats: Sequence[int]) -> list[Column]:
        return [
            Column(
                what,
                [
                    getattr(row, what) or None
                    for row, times in zip(self.variants, repeats, strict=True)
                    for _ in range(times)
                ],
            )
            for what in ("noise", "denoiser", "sampler", "trace")
            if what == "sampler" or any(getattr(row, what) for row in self.variants)
        ]

    def moving(self) -> list[Measure]:
        """The parts that moved in any variant: a single chain has no other to move against."""
        parts = as_read(nested(self.hierarchy))
        return [part for part in parts if any(moves(row.to_go[part]) for row in self.variants)]

    def _table(self, columns: Sequence[Column], notes: tuple[str, ...]) -> Table:
        counts = [row.samples for row in self.variants]
        low, high = min(counts), max(counts)
        made = f"{low} sample{'' if high == 1 else 's'} each" if low == high else f"{low} to {high} samples each"
        seed = "" if self.seed is None else f", seed {self.seed}"
        about = described(self.structure)
        meta = {"samples": counts, "seed": self.seed, "structure": about}
        return Table(f"{made}{seed}: {about}", tuple(columns), meta, notes)


def _mean(shares: NDArray[np.float64]) -> float:
    finite = shares[np.isfinite(shares)]
    return float(finite.mean()) if len(finite) else float("nan")
