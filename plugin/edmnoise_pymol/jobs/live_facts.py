"""What is to be said of an object that moves live: colours, curves and table of the draw that it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES, palette_colours
from edmnoise.base.lengths import IN_SPACE
from edmnoise.base.table import Table
from edmnoise.frames.displacement import measure_displacement, nested
from edmnoise.noise.process import AppliedNoise, NoiseChoice
from edmnoise.study.levels import RESIDUE_IN_CHAIN, level_table

from ..job import Job
from ..scene import looks
from ..scene.ask import Cmd
from ..scene.painting import colours_of, paint, restore_colours
from ..scene.source import Source
from . import ensemble
from .colouring import Colouring
from .live import Live
from .plots.measured import Curves, measured_of
from .scales import label_of

FARTHEST = 3.8 / IN_SPACE
"""Angstrom, RMS per coordinate, from which on residues have the last colour: in space the distance of neighbouring
C-alpha. One range for all levels, so that colours follow z."""


class LiveColours:
    """Colours of one `Live`, and those that it came with."""

    def __init__(self, cmd: Cmd, live: Live) -> None:
        self._cmd, self._live = cmd, live
        self._before = colours_of(cmd, live.name)
        self._values: tuple[tuple[NoiseChoice, float] | None, NDArray[np.float64]] = (None, np.zeros(0))
        self._shades: NDArray[np.uint8] | None = None

    def show(self, sigma: float, noise: NoiseChoice) -> None:
        """Colour it for a level and a noise: a draw is measured once where it scales."""
        structure, part, level = self._live.moving, self._live.part, measured_level(sigma, noise)
        if (noise, level) != self._values[0]:
            frame = self._live.at(level, noise)[None]
            moved = measure_displacement(structure, [frame], only=[RESIDUE_IN_CHAIN])
            self._values = (noise, level), np.sqrt(moved.by_group[RESIDUE_IN_CHAIN]) / level
        palette = PALETTES[DEFAULT_PALETTE]
        values = sigma * self._values[1][structure.hierarchy.ancestors(0, RESIDUE_IN_CHAIN.level)]
        if part is not None:
            held = np.full(part.n_atoms, np.nan)  # grey
            held[part.moved] = values
            values = held
        shades = palette_colours(values, palette, 0.0, FARTHEST)
        if self._shades is None or not np.array_equal(shades, self._shades):
            self._shades = shades
            paint(self._cmd, self._live.name, shades)
        label = label_of(RESIDUE_IN_CHAIN, structure, "state")
        looks.explain(self._live.name, Colouring(self._live.name, label, DEFAULT_PALETTE, 0.0, FARTHEST, palette))

    def undo(self) -> None:
        """Give it the colours back that it came with."""
        restore_colours(self._cmd, self._live.name, self._before)
        looks.explain(self._live.name, None)


def measured_level(sigma: float, noise: NoiseChoice) -> float:
    """The level at which a draw is measured, angstrom: 1 where it scales to any other, else its own."""
    return sigma if noise.forward_only else 1.0


def measured(cmd: Cmd, live: Live, sigma: float, noise: NoiseChoice) -> Job[Curves]:
    """The draw at a level, per angstrom of it: `Curves.at` gives that level, and any other where noise scales."""
    level = measured_level(sigma, noise)
    structure, frame = live.moving, live.at(level, noise)
    rank = live.part.moved if live.part else np.arange(structure.n_atoms)
    source = Source(live.name, 1, structure, (rank + 1).tolist(), rank, ())
    found = ensemble.Ensemble(
        cmd=cmd,
        source=source,
        states=(),
        origin="rest",
        align="none",
        made=None,
        notes=(),
        indices=None,
        size=live.structure.n_atoms,
        part=live.part,
    )

    def work(_: Any) -> Curves:
        moved = measure_displacement(structure, [frame[None]], only=nested(structure.hierarchy))
        squares = {measure: values / level**2 for measure, values in moved.by_group.items()}
        return measured_of(found, 1, squares, AppliedNoise(1.0, noise))

    return (yield work)


def table(live: Live, sigma: float, noise: NoiseChoice, by: str, align: str) -> Job[Table]:
    """What `edm_levels` would print of the frame."""
    frame = live.at(sigma, noise)

    def work(_: Any) -> Table:
        moved = measure_displacement(live.moving, [frame[None]], "none" if live.part else align)
        return level_table(live.part or live.structure, moved, AppliedNoise(sigma, noise), by)

    return (yield work)
