"""x = x_0 + sigma (sqrt(w_c) e_c + sqrt(w_r) e_r + sqrt(w_a) e_a): one draw, shown at any level and weights at once.

The draw is that of the first frame of `edm_noise` with the same seed: what was shaken live is what is made.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edmnoise.noise.weights import Weights
from edmnoise.structure.structure import Structure

from . import ask, bridge, shaders
from .jobs import Job, Watch

Units = tuple[NDArray[np.float32], ...]
"""Noise of the chains, the residues and the atoms, each (N, 3) float32 of unit variance."""


class Live:
    """An object that shows the first frame of a draw, at whatever level and weights it is told.

    The object it was made from is hidden meanwhile.
    """

    def __init__(self, cmd: bridge.Cmd, source: str, name: str, structure: Structure, units: Units) -> None:
        self.name, self.source, self.structure = name, source, structure
        self._cmd = cmd
        self._release = shaders.spare(cmd)
        self._units = units
        self._mixed: tuple[Weights | None, NDArray[np.float32]] = (None, np.zeros_like(structure.coordinates))
        self._moved = np.empty_like(structure.coordinates)

    def show(self, sigma: float, weights: Weights) -> bool:
        """Move the atoms; False where the object is gone or has other atoms by now."""
        if not self.alive:
            return False
        if weights != self._mixed[0]:
            shares = (weights.chain, weights.residue, weights.atom)
            mixed = sum(np.float32(math.sqrt(w)) * unit for w, unit in zip(shares, self._units, strict=True) if w)
            self._mixed = (weights, np.asarray(mixed, dtype=np.float32))
        np.multiply(self._mixed[1], np.float32(sigma), out=self._moved)
        self._moved += self.structure.coordinates
        bridge.move_state(self._cmd, self.name, self._moved)
        return True

    @property
    def alive(self) -> bool:
        return bridge.is_there(self._cmd, self.name, self.structure.n_atoms)

    def close(self) -> None:
        """Remove the object and show the one it was made from again."""
        self._release()
        if ask.is_there(self._cmd, self.name):
            self._cmd.delete(self.name)
        if ask.is_there(self._cmd, self.source):
            self._cmd.enable(self.source)


def live(
    cmd: bridge.Cmd, selection: str, seed: int = 0, state: int = -1, hydrogens: bool = True, solvent: bool = False
) -> Job[Live]:
    """Make the object that moves, at rest; parameters as in `edmnoise_pymol.service.noise`."""
    source = bridge.read_source(cmd, selection, state, hydrogens, solvent)
    name = bridge.free_name(cmd, f"{source.object}_live")
    view = cmd.get_view()
    structure = bridge.new_object(cmd, source, name).structure
    try:
        cmd.disable(source.object)
        cmd.set_view(view)
        units = yield lambda watch: _draw(watch, structure, seed)
    except BaseException:
        cmd.delete(name)
        cmd.enable(source.object)
        raise
    return Live(cmd, source.object, name, structure, units)


def _draw(watch: Watch, structure: Structure, seed: int) -> Units:
    from edmnoise.noise.multiscale import MultiscaleNoise

    def unit(*weights: float) -> Any:
        watch.check(0.0, "drawing")
        return MultiscaleNoise.of(structure.hierarchy, Weights.of(*weights)).frames(1.0, 1, seed)[0].numpy()

    return unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)
