"""Straight lines between a palette's colours, by numpy's own interpolation to one step of 255."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES, check_range, palette_colours
from edmnoise.base.errors import EdmNoiseError

GREY = [128, 128, 128]
RAMP = ((0.0, 0.0, 0.0), (1.0, 0.5, 0.0), (1.0, 1.0, 1.0))


def interpolated(values, anchors, minimum, maximum):
    """(N, 3) 0 ... 255, not rounded."""
    places = np.linspace(minimum, maximum, len(anchors))
    return np.stack([255 * np.interp(values, places, channel) for channel in np.array(anchors).T], axis=1)


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize(("minimum", "maximum"), [(0.0, 1.0), (-3.5, 12.0), (1e-6, 2e-6), (0.0, 1e30)])
def test_every_palette_is_interpolated(palette, minimum, maximum):
    anchors = PALETTES[palette]
    width = maximum - minimum
    values = np.linspace(minimum - 0.2 * width, maximum + 0.2 * width, 5001)
    colours = palette_colours(values, anchors, minimum, maximum)
    assert colours.dtype == np.uint8
    assert colours.shape == (5001, 3)
    assert abs(colours - interpolated(values, anchors, minimum, maximum)).max() <= 1


@pytest.mark.parametrize("palette", PALETTES)
def test_the_anchors_are_hit_exactly(palette):
    anchors = np.array(PALETTES[palette])
    ends = palette_colours([2.0, 5.0], PALETTES[palette], 2.0, 5.0)
    assert (ends == np.rint(255 * anchors[[0, -1]])).all()
    between = palette_colours(np.linspace(2, 5, len(anchors)), PALETTES[palette], 2, 5)
    assert abs(between - 255 * anchors).max() <= 1


def test_midpoints_lie_halfway():
    assert abs(palette_colours([0.25, 0.75], RAMP, 0, 1) - [[127.5, 63.75, 0], [255, 191.25, 127.5]]).max() <= 1


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.floats(-1e3, 1e3),
    st.floats(1e-3, 1e3),
    st.integers(2, 6),
)
def test_any_palette_and_range(values, minimum, width, count):
    anchors = np.random.default_rng(count).random((count, 3)).tolist()
    maximum = minimum + width
    colours = palette_colours(values, anchors, minimum, maximum)
    # Half a step of the table, the rounding to a whole number, and half of float's own in t.
    steepest = 255 * abs(np.diff(anchors, axis=0)).max() * (count - 1) / 1023
    expected = interpolated(values, anchors, minimum, maximum)
    assert abs(colours - expected).max() <= 0.5 + steepest / 2 + 1e-6 * steepest * 1e3


def test_values_outside_take_the_ends():
    colours = palette_colours([-1e30, -0.1, 0, 1, 1.1, math.inf, -math.inf], RAMP, 0, 1)
    assert colours.tolist() == [[0, 0, 0]] * 3 + [[255, 255, 255]] * 3 + [[0, 0, 0]]


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 1), (3, 3)])
def test_what_is_not_a_number_is_grey(minimum, maximum):
    colours = palette_colours([math.nan, 3.0, math.nan], RAMP, minimum, maximum)
    assert colours[[0, 2]].tolist() == [GREY, GREY]
    assert colours[1].tolist() != GREY


def test_equal_ends_give_all_values_the_first_colour():
    colours = palette_colours([1.0, 2.0, 3.0], PALETTES["rainbow"], 2.0, 2.0)
    assert colours.tolist() == [np.rint(255 * np.array(PALETTES["rainbow"][0])).astype(int).tolist()] * 3


def test_colours_of_nothing():
    assert palette_colours([], RAMP, 0, 1).shape == (0, 3)


@pytest.mark.parametrize("palette", ["dusk", "ocean"])
def test_the_palettes_for_print_grow_lighter_all_the_way(palette):
    """Lightness L* of CIELAB (sRGB, D65), which is what stays in grey."""
    colours = palette_colours(np.linspace(0, 1, 101), PALETTES[palette], 0, 1) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    assert (np.diff(lightness[::10]) > 0).all()
    assert lightness[-1] - lightness[0] > 40


def test_the_default_palette_is_one_of_them():
    assert DEFAULT_PALETTE in PALETTES
    assert all(len(colour) == 3 and min(colour) >= 0 and max(colour) <= 1 for p in PALETTES.values() for colour in p)


@pytest.mark.parametrize("anchors", [[], [(0, 0, 0)]])
def test_a_palette_of_one_colour_is_refused(anchors):
    with pytest.raises(EdmNoiseError, match=f"a palette of {len(anchors)} colours: give two or more"):
        palette_colours([1], anchors, 0, 1)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 0), (math.nan, 1), (0, math.nan), (0, math.inf), (-math.inf, 0)])
def test_a_range_that_is_none_is_refused(minimum, maximum):
    sentence = f"the colour range is {minimum:g} to {maximum:g}: give a minimum below the maximum"
    with pytest.raises(EdmNoiseError) as error:
        check_range(minimum, maximum)
    assert str(error.value) == sentence
    with pytest.raises(EdmNoiseError):
        palette_colours([1], RAMP, minimum, maximum)
