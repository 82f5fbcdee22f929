"""edm_color gives each atom the palette's colour of its group's displacement, computed anew from the coordinates."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.colours import PALETTES, palette_colours
from edmnoise_pymol import edm_color, edm_noise
from edmnoise_pymol.bridge import paint

GROUP = {"atom": "index", "residue": "(segi, chain, resi, resn)", "chain": "(segi, chain)"}
ABOVE = {"atom": "residue", "residue": "chain"}
FRAMES = 5


@pytest.fixture
def frames(cmd):
    """An object of six states: two chains of 1TII with their noise."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain A+C", weights="2 3 2", frames=FRAMES, name="frames")
    cmd.color("green", "frames")
    return "frames"


@pytest.fixture
def displacements(atoms, frames_of):
    """(S, N) mean square displacement per coordinate of each atom's group in each frame."""

    def groups(name, level):
        keys = atoms(f"%{name}", GROUP[level])
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys])

    def centres(moved, group):
        means = np.stack([moved[:, group == g].mean(axis=1) for g in range(group.max() + 1)], axis=1)
        return means[:, group]

    def compute(name, level, relative):
        states = frames_of(name, 1).astype(np.float64)
        moved = states[1:] - states[0]
        own = centres(moved, groups(name, level))
        if relative and level in ABOVE:
            own = own - centres(moved, groups(name, ABOVE[level]))
        return (own**2).mean(axis=2)

    return compute


def same(shades, expected):
    """Equal, but for values that rounding puts on the other side of a step of the palette."""
    difference = np.abs(shades - expected.astype(int))
    return difference.max() <= 3 and (difference > 0).mean() < 0.02


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("level", GROUP)
@pytest.mark.parametrize("over", ["mean", "max", "state"])
def test_colours_are_the_palette_of_the_displacement(cmd, frames, displacements, shades, level, relative, over):
    cmd.frame(4)
    result = edm_color(frames, level=level, relative=relative, over=over)
    squares = displacements(frames, level, relative)
    values = np.sqrt({"mean": squares.mean(axis=0), "max": squares.max(axis=0), "state": squares[2]}[over])
    assert result.minimum == pytest.approx(values.min(), rel=1e-4)
    assert result.maximum == pytest.approx(values.max(), rel=1e-4)
    assert same(shades(frames), palette_colours(values, PALETTES["dusk"], values.min(), values.max()))
    assert level in result.label
    assert (" in " in result.label) == (relative and level in ABOVE)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_palette_from_its_first_colour_to_its_last(frames, displacements, shades, palette):
    edm_color(frames, level="atom", palette=palette)
    values = np.sqrt(displacements(frames, "atom", True).mean(axis=0))
    found = shades(frames)
    first, last = (np.rint(255 * np.array(PALETTES[palette][end])) for end in (0, -1))
    assert np.array_equal(found[values.argmin()], first)
    assert np.array_equal(found[values.argmax()], last)


@pytest.mark.parametrize(
    ("palette", "colours"),
    [
        ("white_red", ["white", "red"]),
        ("blue white red", ["blue", "white", "red"]),
        ("'tv_blue white tv_red'", ["tv_blue", "white", "tv_red"]),
        ("0x102030_0xffffff", ["0x102030", "0xffffff"]),
        ("mine grey50", ["mine", "grey50"]),
    ],
)
def test_lists_of_pymols_colours(cmd, frames, displacements, shades, typed, palette, colours):
    cmd.set_color("mine", [10, 200, 30])
    typed(f"edm_color {frames}, level=atom, palette={palette}")
    anchors = [cmd.get_color_tuple(colour) for colour in colours]
    values = np.sqrt(displacements(frames, "atom", True).mean(axis=0))
    assert same(shades(frames), palette_colours(values, anchors, values.min(), values.max()))
    for end, colour in ((values.argmin(), colours[0]), (values.argmax(), colours[-1])):
        assert np.array_equal(shades(frames)[end], np.rint(255 * np.array(cmd.get_color_tuple(colour))))


def test_a_range_of_ones_own_cuts_the_values(frames, displacements, shades):
    values = np.sqrt(displacements(frames, "residue", True).mean(axis=0))
    low, high = np.quantile(values, [0.2, 0.8])
    result = edm_color(frames, palette="white_red", minimum=low, maximum=high)
    assert (result.minimum, result.maximum) == (low, high)
    found = shades(frames)
    assert (found[values < low] == [255, 255, 255]).all()
    assert (found[values > high] == [255, 0, 0]).all()
    assert same(found, palette_colours(values, [(1, 1, 1), (1, 0, 0)], low, high))


def test_the_reference_shown_has_the_first_colour_everywhere(cmd, frames, shades):
    cmd.frame(1)
    result = edm_color(frames, over="state", palette="white_red")
    assert (result.minimum, result.maximum) == (0, 0)
    assert (shades(frames) == 255).all()


def test_noise_colours_its_object_as_edm_color_does(cmd, frames, shades):
    edm_noise("1tii and chain A+C", weights="2 3 2", frames=FRAMES, name="fresh")
    edm_color(frames)
    assert np.array_equal(shades("fresh"), shades(frames))


def test_only_the_colours_of_that_object_change(cmd, frames, snapshot, atoms):
    """Also where a part of it had been shown by a colour of its own, and the atoms are no longer sorted."""
    cmd.alter(f"{frames} and chain C and resi 200", "chain = 'Q'")
    before, others = snapshot(leave_out=[frames]), atoms(frames, "(index, name, b, q, reps, vdw)")
    edm_color(frames)
    assert snapshot(leave_out=[frames]) == before
    assert atoms(frames, "(index, name, b, q, reps, vdw)") == others


def test_unsorted_atoms_get_their_own_colours(cmd, frames, displacements, shades):
    cmd.alter(f"{frames} and chain C and resi 200+210", "chain = 'Q'")
    edm_color(frames, level="atom", relative=0)
    values = np.sqrt(displacements(frames, "atom", False).mean(axis=0))
    assert same(shades(frames), palette_colours(values, PALETTES["dusk"], values.min(), values.max()))


def test_what_is_printed(frames, typed):
    said = typed(f"edm_color {frames}, level=chain, over=max, palette=ocean, minimum=0, maximum=5")
    assert said == " edm_color: frames coloured by largest displacement, chain, from 0.000 to 5.000 A (ocean)\n"


def test_an_ensemble_that_edmnoise_did_not_make(cmd, mda, displacements, shades):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    edm_color("nmr", level="atom", relative=0, palette="rainbow")
    values = np.sqrt(displacements("nmr", "atom", False).mean(axis=0))
    assert same(shades("nmr"), palette_colours(values, PALETTES["rainbow"], values.min(), values.max()))


def test_names_that_pymol_reads_as_selections(cmd, frames, shades):
    """An object may be called like a selection, or like a part of its language."""
    for name in ("same", "1", "a+b", "7-up.x^y"):
        cmd.copy(name, frames)
        edm_color(name, palette="ocean")
    edm_color(frames, palette="ocean")
    assert np.array_equal(shades("same"), shades(frames))
    assert np.array_equal(shades("7-up.x^y"), shades(frames))


@pytest.mark.parametrize("count", [0, 9, 11])
def test_another_number_of_colours_than_atoms(cmd, count):
    cmd.fragment("ala")
    with pytest.raises(EdmNoiseError, match=f"{count} colours for the 10 atoms of ala"):
        paint(cmd, "ala", np.zeros((count, 3), np.uint8))


def test_the_picture_changes(cmd, frames):
    """Atoms may have a colour that their picture has not."""
    cmd.show_as("spheres", frames)
    cmd.zoom(frames)
    before = cmd.png(None, 60, 45, ray=1)
    edm_color(frames)
    assert cmd.png(None, 60, 45, ray=1) != before
