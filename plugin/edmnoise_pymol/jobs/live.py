"""x = x_0 + sigma n: one draw n of a noise process, shown at any level at once, and drawn again for other weights.

Noise that is forward only does not scale: its frame is drawn anew at each level, from the same random numbers, once for
all that shows or measures it.

The draw is that of the first frame of `edm_noise` with the same seed: what was shaken live is what is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edmnoise.noise.process import NoiseChoice, NoiseProcess
from edmnoise.structure.part import Part, moving
from edmnoise.structure.structure import Structure

from ..job import Job
from ..scene import arrays, ask, shaders, stage
from ..scene.ask import Cmd
from ..scene.frames import move_state, new_object
from ..scene.objects import free_name
from ..scene.selected import Selected
from ..scene.source import moved_part, reading

Noise = NDArray[np.float32]


class Live:
    """An object that shows the first frame of a seed, at whatever level and of whatever noise it is told.

    Attributes
    ----------
    name
        Of the object.
    source
        Name of the one that it was made from.
    structure
        Its atoms at rest.
    part
        Where atoms are held: which.
    hidden
        Objects that are hidden meanwhile.
    """

    def __init__(
        self,
        cmd: Cmd,
        source: str,
        name: str,
        structure: Structure,
        seed: int,
        hidden: Sequence[str],
        part: Part | None = None,
    ) -> None:
        self.name, self.source, self.structure, self.hidden = name, source, structure, list(hidden)
        self.part = part
        self._cmd = cmd
        self._release = shaders.spare(cmd)
        self._seed = seed
        self._drawn: tuple[tuple[NoiseChoice, float], Noise] | None = None
        self._moved = np.empty_like(structure.coordinates)
        self._known: tuple[NoiseChoice, NoiseProcess] | None = None

    def show(self, sigma: float, noise: NoiseChoice) -> bool:
        """Move the atoms; False where the object is gone or has other atoms by now."""
        if not self.alive:
            return False
        if self.part is not None:
            places = self.part.filled(self.at(sigma, noise))
        elif noise.forward_only:
            places = self.at(sigma, noise)
        else:
            places = np.multiply(self.draw(noise), np.float32(sigma), out=self._moved)
            places += self.structure.coordinates
        move_state(self._cmd, self.name, places)
        return True

    @property
    def moving(self) -> Structure:
        """The atoms that move, at rest."""
        return moving(self.part or self.structure)

    def at(self, sigma: float, noise: NoiseChoice) -> Noise:
        """(N, 3) where the atoms that move are at a noise level."""
        if noise.forward_only:
            return self._kept(sigma, noise)
        places: Noise = self.moving.coordinates + np.float32(sigma) * self.draw(noise)
        return places

    def draw(self, noise: NoiseChoice) -> Noise:
        """(N, 3) the draw of the atoms that move at a noise level of 1 angstrom, of noise that scales.

        To draw all numbers again takes 4 ms for 150,000 atoms, as long as to mix kept draws of each level, and serves
        any process.
        """
        return self._kept(1.0, noise)

    def _kept(self, sigma: float, noise: NoiseChoice) -> Noise:
        """What is drawn at a level, kept until another one or another noise is asked for: places of the atoms where
        noise is forward only, else how far they are moved."""
        if self._drawn is None or self._drawn[0] != (noise, sigma):
            rest = self.moving.coordinates if noise.forward_only else None
            self._drawn = (noise, sigma), self._process(noise).frames(sigma, 1, self._seed, rest)[0].numpy()
        return self._drawn[1]

    def _process(self, noise: NoiseChoice) -> NoiseProcess:
        """The process on the atoms that move, kept until another noise is asked for."""
        if self._known is None or noise != self._known[0]:
            self._known = noise, noise.on(self.part or self.structure)
        return self._known[1]

    def hide(self, names: Sequence[str]) -> None:
        """Hide more objects meanwhile, where they are shown."""
        shown = set(names) & set(ask.shown_objects(self._cmd))
        stage.hide(self._cmd, shown)
        self.hidden.extend(shown)

    def rename(self, name: str, new: str) -> None:
        """The source, or an object that is hidden, has another name by now."""
        self.source = new if self.source == name else self.source
        self.hidden = [new if held == name else held for held in self.hidden]

    @property
    def alive(self) -> bool:
        """Whether the object is there, and has as many places as atoms, which take longer to count than to move."""
        there = ask.is_there(self._cmd, self.name)
        return there and arrays.sizes(self._cmd, self.name, [1]) == [self.structure.n_atoms]

    def leave(self) -> list[str]:
        """Remove the object; gives what is still hidden."""
        self._release()
        stage.remove(self._cmd, [self.name])
        return self.hidden

    def close(self) -> None:
        """Remove the object and show again what it hid, or what it was made from where nothing of that is left."""
        unhide(self._cmd, self.leave(), self.source)


def unhide(cmd: Cmd, hidden: Sequence[str], source: str) -> None:
    """Show again what was hidden and is still there; the source where that is nothing."""
    there = ask.objects(cmd)
    stage.show(cmd, [name for name in hidden if name in there] or [source])


def live(
    cmd: Cmd,
    which: Selected,
    noise: NoiseChoice,
    seed: int = 0,
    beside: Sequence[str] = (),
    hidden: Sequence[str] = (),
) -> Job[Live]:
    """Make the object that moves, at rest.

    Parameters
    ----------
    which, seed
        As in `edmnoise_pymol.jobs.noise.noise`.
    noise
        The process that draws, with its weights.
    beside
        Objects that would be in front of it, to be hidden meanwhile as the one is that it is made from.
    hidden
        Those that an earlier one has hidden already.
    """
    try:
        source = yield from reading(cmd, which)
        part = moved_part(cmd, source, which)
    except BaseException:
        unhide(cmd, hidden, "")
        raise
    name = free_name(cmd, f"{source.object}_live")
    mine = (source.object, *beside)
    hides = [other for other in mine if other in {*ask.shown_objects(cmd), *hidden}]
    try:
        with stage.same_view(cmd):
            structure, order = new_object(cmd, source, name)
            stage.hide(cmd, hides)
            unhide(cmd, [other for other in hidden if other not in mine], "")
        part = part.ordered(structure, order) if part else None
        yield lambda _: noise.on(part or structure)  # brings torch, which the window does not wait for
    except BaseException:
        stage.remove(cmd, [name])
        unhide(cmd, hides, source.object)
        raise
    return Live(cmd, source.object, name, structure, seed, hides, part)
