"""edm_color, edm_movie: frames, seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, colours, results

from ..job import Job
from .speech import command, say

if TYPE_CHECKING:
    from ..jobs.colouring import Colouring


@command
def edm_color(
    name: str = atoms.OBJECT,
    level: str = colours.LEVEL,
    relative: bool = colours.RELATIVE,
    over: str = colours.OVER,
    palette: str = colours.PALETTE,
    minimum: float | None = colours.MINIMUM,
    maximum: float | None = colours.MAXIMUM,
    follow: bool = colours.FOLLOW,
    shared: bool = colours.SHARED,
    bake: bool = colours.BAKE,
    legend: bool = colours.LEGEND,
    reset: bool = colours.RESET,
    origin: str = atoms.ORIGIN,
    align: str = atoms.ALIGN,
    common: bool = atoms.MEASURED_COMMON,
    hydrogens: bool = atoms.MEASURED_HYDROGENS,
    solvent: bool | None = atoms.MEASURED_SOLVENT,
    measure: str = colours.MEASURE,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[Colouring | None]:
    """
    DESCRIPTION

        "edm_color" colours an object by how far its atoms, residues or chains
        moved from state 1, or from another origin, in angstrom (RMS per
        coordinate), or by the lDDT of its residues. What cannot move, as a ligand
        alone in its chain, is grey.

    EXAMPLES

        edm_color 1tii_noise
        edm_color 1tii_noise, level=atom, palette=white_red, minimum=0, maximum=5
        edm_color 1tii_noise, level=chain, over=state, legend=1
        edm_color 1tii_noise, bake=1
        edm_color 1tii_noise, over=max, origin=last, align=superpose
        edm_color 1tii_noise, measure=lddt, origin=1tii, legend=1
        edm_color 1tii_noise, reset=1

    SEE ALSO

        edm_noise, edm_levels, edm_quality, edm_movie
    """
    from ..jobs import colouring
    from ..jobs.ensemble import Basis

    if reset:
        yield from colouring.reset(_self, name)
        say(quiet, "edm_color", f"{name} has the colours that it came with")
        return None
    result = yield from colouring.colour(
        _self,
        name,
        level,
        relative,
        over,
        palette,
        minimum,
        maximum,
        follow,
        shared,
        bake,
        legend,
        Basis(origin, align, hydrogens, solvent, common),
        measure,
    )
    say(quiet, "edm_color", f"{result.object} coloured by {result}")
    for note in result.notes:
        say(quiet, "edm_color", note)
    return result


@command
def edm_movie(
    file: str = results.FILM,
    name: str = atoms.SHOWN_OBJECT,
    width: int = colours.WIDTH,
    height: int = colours.HEIGHT,
    ray: bool = colours.RAY,
    overwrite: bool = colours.OVERWRITE,
    fps: float = colours.FPS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[list[str]]:
    """
    DESCRIPTION

        "edm_movie" makes a film of the scene at each state of an object: a .gif,
        which Pillow writes, or an .mp4, which ffmpeg writes. A .png name makes
        pictures with numbers, frames_0001.png and so on. Where a movie is
        defined (mset), its frames are taken instead of the states.

    EXAMPLES

        edm_movie frames.png, 1tii_noise, width=64, height=48
        edm_movie frames.gif, 1tii_noise, width=64, height=48, fps=4

    NOTES

        After the first picture it says how long all of them will take. What is
        cancelled keeps the pictures taken by then, or makes a film of them.
        For .mp4 install ffmpeg, or pip install imageio-ffmpeg.

    SEE ALSO

        edm_color, edm_save
    """
    from ..jobs import film, movie

    written = yield from movie.pictures(
        _self, file, name, width, height, ray, overwrite, fps, lambda words: say(quiet, "edm_movie", words)
    )
    if written and not film.is_film(written[0]):
        plural = f"s, {written[0]} to {written[-1]}" if len(written) > 1 else f", {written[0]}"
        say(quiet, "edm_movie", f"{len(written)} picture{plural}")
    return written
