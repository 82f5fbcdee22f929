"""How the samples that are made together are turned as a whole, from one kept call to the next."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .coordinates import on_cpu
from .position import Position
from .rigid import Few, rotations_of, turn_of

_GUIDED = 1e-3
"""Angstrom by which an estimate was moved at least: less is rounding."""

_UNTURNED = np.eye(3)


class Turned(NamedTuple):
    """All samples, by rotations of row vectors or of columns."""

    rotations: NDArray[np.float64]
    columns: bool = False

    @classmethod
    def by(cls, rotations: Any, columns: bool = False) -> Turned:
        """(samples, 3, 3), copied now."""
        return cls(np.array(on_cpu(rotations), np.float64), columns)

    @property
    def atoms(self) -> int:
        return 0  # of any molecule


class Moved(NamedTuple):
    """All samples, laid onto estimates or moved as they are."""

    before: Few
    after: Few
    onto: Few | None

    @property
    def atoms(self) -> int:
        return self.before.atoms


class Way(NamedTuple):
    """What became of an estimate: where a sample comes from, and how it was turned since."""

    origin: int
    """Number of the sample whose last kept estimate it is."""
    turn: NDArray[np.float64] = _UNTURNED
    """From there to the last call, the alignment after it included where it was not kept."""
    since: NDArray[np.float64] = _UNTURNED
    """From the last call to now."""
    align: NDArray[np.float64] | None = None
    """How x of the kept call was turned onto its estimate."""
    guided: float | None = None
    """RMS in angstrom by which the estimate was changed."""

    def past(self, turn: NDArray[np.float64] | None = None) -> Way:
        """The way when all of it is past a call, and perhaps past the alignment after it."""
        all_of_it = self.turn @ self.since
        return self._replace(turn=all_of_it if turn is None else all_of_it @ turn, since=_UNTURNED)

    def aligned(self, turn: NDArray[np.float64], rms: float) -> Way:
        """The way when x was turned onto the estimate, which was changed by so much."""
        align = turn if self.align is None else self.align @ turn
        return self._replace(align=align, guided=rms if rms > _GUIDED else self.guided)


def keys_of(ways: list[Way]) -> dict[str, Any]:
    """What a line says of the motion."""
    if not ways:
        return {}
    keys: dict[str, Any] = {"turned": [_numbers(way.turn @ way.since) for way in ways]}
    if any(way.align is not None for way in ways):
        keys["aligned"] = [_numbers(_UNTURNED if way.align is None else way.align) for way in ways]
    if any(way.guided is not None for way in ways):
        keys["guided"] = [round(way.guided or 0.0, 4) for way in ways]
    return keys


class Motion:
    """The ways of the samples; ValueError where they cannot be followed."""

    def __init__(self) -> None:
        self._begin = 0
        self._ways: list[Way] = []
        self._x: list[NDArray[np.float64]] = []
        self._estimates: list[NDArray[np.float64]] = []
        self._kept = False
        self._other = ""
        self._ends: list[Way] = []

    def called(self, position: Position, samples: list[int], kept: bool, x: Few, estimate: Few) -> list[Way]:
        """What lies behind the samples of a call; nothing where they begin with it."""
        if position.step == 1:
            if position.done == position.rows:
                self._begin_samples(position.begin)
            made = [*zip(self._ways, self._x, self._estimates, strict=True)]
            made += zip(map(Way, samples), x.rows, estimate.rows, strict=True)
            made.sort(key=lambda sample: sample[0].origin)  # as the loop has them
            self._ways, self._x, self._estimates = map(list, zip(*made, strict=True))
            self._kept = kept
            return []
        if self._other or len(self._ways) != position.together:
            raise ValueError(self._other or f"{position.together} samples went on where {len(self._ways)} were aligned")
        rows = [sample - self._begin for sample in samples]
        behind = [self._ways[row] for row in rows]
        for row, way, own_x, own_estimate in zip(rows, behind, x.rows, estimate.rows, strict=True):
            self._ways[row] = Way(self._begin + row) if kept else way.past()
            self._x[row], self._estimates[row] = own_x, own_estimate
        self._kept = kept
        return behind

    def _begin_samples(self, begin: int) -> None:
        # What was turned after the last call of the samples before was that of these: loops turn before they call.
        self._ends += [way._replace(since=_UNTURNED) for way in self._ways]
        self._begin, self._other = begin, ""
        self._ways, self._x, self._estimates = [], [], []

    def heard(self, what: Turned | Moved) -> None:
        """Follow what was heard since the last call."""
        if isinstance(what, Turned):
            turns = rotations_of(what.rotations)
            self._turned(turns.swapaxes(1, 2) if what.columns else turns)
        elif what.onto is None:
            self._turned(turn_of(what.before, what.after))
        elif self._ways:
            self._aligned(what.before, what.after, what.onto)

    def _turned(self, turns: NDArray[np.float64]) -> None:
        if len(turns) != len(self._ways):
            # Perhaps those of samples that begin with the next call.
            self._other = f"{len(turns)} samples were turned where {len(self._ways)} are made together"
            return
        self._ways = [way._replace(since=way.since @ turn) for way, turn in zip(self._ways, turns, strict=True)]

    def _aligned(self, before: Few, after: Few, onto: Few) -> None:
        origins = self._origins(before)
        turns = turn_of(before, after)
        ways = [self._ways[row] for row in origins]
        if not self._kept:
            ways = [way.past(turn) for way, turn in zip(ways, turns, strict=True)]
        else:
            far = [_distance(estimate, self._estimates[row]) for row, estimate in zip(origins, onto.rows, strict=True)]
            ways = [way.aligned(turn, rms) for way, turn, rms in zip(ways, turns, far, strict=True)]
        self._ways, self._x, self._estimates = ways, list(after.rows), list(onto.rows)

    def _origins(self, before: Few) -> list[int]:
        """Which sample each row is, by its x: bytes, for rows are copied where samplers go on from others."""
        rows: dict[bytes, list[int]] = {}
        for row, x in enumerate(self._x):
            rows.setdefault(x.tobytes(), []).append(row)
        found = [rows.get(x.tobytes(), []) for x in before.rows]
        if all(found):
            return [row if row in same else same[0] for row, same in enumerate(found)]
        if len(before.rows) == len(self._ways):  # rounded, or changed
            return list(range(len(self._ways)))
        raise ValueError(f"{len(before.rows)} samples were aligned where {len(self._ways)} are made together")

    def closed(self) -> list[Way]:
        """What lies behind the end of every sample, or of those that the sampler has chosen."""
        if self._other:
            raise ValueError(self._other)
        return self._ends + self._ways


def _distance(rows: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """RMS over atoms, angstrom."""
    return float(np.sqrt(((rows - others) ** 2).sum(-1).mean()))


def _numbers(turn: NDArray[np.float64]) -> list[float]:
    return [round(number, 9) for number in turn.ravel().tolist()]
