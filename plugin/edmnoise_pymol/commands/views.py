"""edm_color, edm_movie: frames, seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..job import Job
from . import arguments as arg
from .speech import command, say

if TYPE_CHECKING:
    from ..jobs.colouring import Colouring


@command
def edm_color(
    name: str,
    level: str = "residue",
    relative: Any = 1,
    over: str = "mean",
    palette: str = "dusk",
    minimum: Any = "",
    maximum: Any = "",
    follow: Any = 0,
    shared: Any = 1,
    bake: Any = 0,
    legend: Any = 0,
    reset: Any = 0,
    origin: Any = "first",
    align: str = "none",
    common: Any = 0,
    hydrogens: Any = 1,
    solvent: Any = "",
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[Colouring | None]:
    """
    DESCRIPTION

        "edm_color" colours an object by how far its atoms, residues or chains
        moved from state 1, or from another origin, in angstrom (RMS per
        coordinate). What cannot move, as a ligand alone in its chain, is grey.

    USAGE

        edm_color name [, level [, relative [, over [, palette [, minimum
            [, maximum [, follow [, shared [, bake [, legend [, reset
            [, origin [, align [, common [, hydrogens
            [, solvent ]]]]]]]]]]]]]]]]

    ARGUMENTS

        name = string: an object of two or more states

        level = string: atom, residue or chain {default: residue}

        relative = 0/1: relative to the level above (an atom in its residue, a
        residue in its chain), or absolute; chains are absolute {default: 1}

        over = string: mean (RMS over the states), max, or state (the state that
        is shown) {default: mean}

        palette = string: dusk, ocean, blue_white_red, rainbow, grey_red, or two
        or more of PyMOL's colours joined by "_" or spaces {default: dusk}

        minimum, maximum = float: range in angstrom, RMS per coordinate
        {default: that of the values}; values within 0.001 A of each other get
        one colour

        follow = 0/1: keep colouring by the state that is shown while it changes,
        on one range for all states; needs PyMOL's window, up to 6,000 atoms
        {default: 0}

        shared = 0/1: with follow or bake, one range for all states; 0 gives each
        state its own, the lowest and the highest of its values {default: 1}

        bake = 0/1: leave the object as it is and make a copy, <object>_baked,
        whose states carry their own colours: it plays smoothly at any size and
        is kept in sessions. It takes 300 bytes for each atom in each state
        {default: 0}

        legend = 0/1: show the range in the scene, as <object>_legend and its
        title, which ray tracing and sessions keep; 0 removes it; not for baked
        states with a range each {default: 0}

        reset = 0/1: give back the colours that the object came with, before
        edm_noise, edm_sample or edm_color first coloured it; the other
        arguments have no meaning then {default: 0}

        origin, align, common, hydrogens, solvent = as in edm_levels

    EXAMPLES

        edm_color 1tii_noise
        edm_color 1tii_noise, level=atom, palette=white_red, minimum=0, maximum=5
        edm_color 1tii_noise, level=chain, over=state, legend=1
        edm_color 1tii_noise, bake=1
        edm_color 1tii_noise, over=max, origin=last, align=superpose
        edm_color 1tii_noise, reset=1

    SEE ALSO

        edm_noise, edm_levels, edm_movie
    """
    from ..jobs import colouring

    if arg.switch("reset", reset):
        yield from colouring.reset(_self, arg.text(name))
        say(quiet, "edm_color", f"{arg.text(name)} has the colours that it came with")
        return None
    result = yield from colouring.colour(
        _self,
        arg.text(name),
        arg.text(level),
        arg.switch("relative", relative),
        arg.text(over),
        arg.text(palette),
        arg.optional(arg.real, "minimum", minimum),
        arg.optional(arg.real, "maximum", maximum),
        arg.switch("follow", follow),
        arg.switch("shared", shared),
        arg.switch("bake", bake),
        arg.switch("legend", legend),
        arg.basis(origin, align, common, hydrogens, solvent),
    )
    say(quiet, "edm_color", f"{result.object} coloured by {result}")
    for note in result.notes:
        say(quiet, "edm_color", note)
    return result


@command
def edm_movie(
    file: str,
    name: str,
    width: Any = 0,
    height: Any = 0,
    ray: Any = 0,
    overwrite: Any = 0,
    fps: Any = 10,
    *,
    quiet: Any = 1,
    _self: Any = None,
) -> Job[list[str]]:
    """
    DESCRIPTION

        "edm_movie" makes a film of the scene at each state of an object: a .gif,
        which Pillow writes, or an .mp4, which ffmpeg writes. A .png name makes
        pictures with numbers, frames_0001.png and so on. Where a movie is
        defined (mset), its frames are taken instead of the states.

    USAGE

        edm_movie file, name [, width [, height [, ray [, overwrite [, fps ]]]]]

    ARGUMENTS

        file = string: a name that ends in .png, .gif or .mp4

        name = string: an object

        width, height = integer: pixels, 0 for those of the window {default: 0}

        ray = 0/1: trace rays, slowly and finely {default: 0}

        overwrite = 0/1: replace files that are there already {default: 0}

        fps = float: frames of a film a second {default: 10}

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
        _self,
        arg.text(file),
        arg.text(name),
        arg.whole("width", width),
        arg.whole("height", height),
        arg.switch("ray", ray),
        arg.switch("overwrite", overwrite),
        arg.real("fps", fps),
        lambda words: say(quiet, "edm_movie", words),
    )
    if written and not film.is_film(written[0]):
        plural = f"s, {written[0]} to {written[-1]}" if len(written) > 1 else f", {written[0]}"
        say(quiet, "edm_movie", f"{len(written)} picture{plural}")
    return written
