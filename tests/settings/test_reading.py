"""Text typed in PyMOL -> values."""

import math
from pathlib import Path

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.names import Counted
from edmnoise.settings import knob, reading


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("4.8", 4.8),
        (" -1e3 ", -1000.0),
        ("'2'", 2.0),
        ('"2.5"', 2.5),
        (3, 3.0),
        (np.float32(0.5), 0.5),
        ("1e2", 100.0),
        (".5", 0.5),
        ("5.", 5.0),
    ],
)
def test_real(given, value):
    assert reading.real("x", given) == value


@pytest.mark.parametrize(
    "given", ["", "four", "1 2", None, [1], "'", "1.2.3", "inf", "nan", math.inf, "1_5", "1'5", "\u0661", "0x10", "e2"]
)
def test_no_real(given):
    with pytest.raises(EdmNoiseError) as refused:
        reading.real("sigma", given)
    assert str(refused.value) == f"sigma is {given!r}: give a number"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("sigma", "5A", "lengths are in angstrom and have no unit, so write 5"),
        ("sigma", "5 Å", "lengths are in angstrom and have no unit, so write 5"),
        ("maximum", "0.5 nm", "lengths are in angstrom and have no unit, so write 5"),
        ("residue", "380PM", "lengths are in angstrom and have no unit, so write 3.8"),
        ("sigma", "nm", "lengths are in angstrom and have no unit"),
        ("z", "5 angstrom", "give a number without a unit"),
        ("z", "1,5", "decimals have a point, numbers are separated by spaces: write 1.5 or 1 5"),
    ],
)
def test_what_people_write_for_a_number(name, given, said):
    with pytest.raises(EdmNoiseError) as refused:
        reading.real(name, given, length=name != "z")
    assert str(refused.value) == f"{name} is {given!r}: {said}"


@pytest.mark.parametrize("given", ["", "  ", None, "''", '""'])
def test_left_out(given):
    assert reading.absent(given)
    assert knob.real("x", None).read(given) is None


@pytest.mark.parametrize("given", ["0", 0, 0.0, "no", False, "' '  x", []])
def test_not_left_out(given):
    assert not reading.absent(given)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("8", 8.0),
        (np.float64(8), 8.0),
        ("'rfdiffusion:20'", Counted("rfdiffusion", 20.0)),
        ("RFd3:8", Counted("rfdiffusion3", 8.0)),
        ("AlphaFold-3:1e2", Counted("alphafold3", 100.0)),
        ("z:-.5", Counted("z", -0.5)),
        (Counted("rf3", 3.0), Counted("rf3", 3.0)),
    ],
)
def test_a_level_in_any_unit(given, value):
    found = reading.level("sigma_max", given)
    assert found == value
    assert type(found) is type(value)
    assert reading.levels("sigma", [given, 2]) == [value, 2]


@pytest.mark.parametrize("given", ["", "z", "rfdiffusion:", ":8", "8:rfdiffusion", "boltz3:8", "z:1,5", "z:8 A", None])
def test_no_level(given):
    with pytest.raises(EdmNoiseError) as refused:
        reading.level("sigma_max", given)
    assert str(refused.value).startswith(f"sigma_max is {given!r}: give angstrom, or the number of another unit as in ")


def test_a_level_with_an_angstrom_behind():
    with pytest.raises(EdmNoiseError, match="sigma_max is '8 A': lengths are in angstrom and have no unit, so write 8"):
        reading.level("sigma_max", "8 A")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("10", 10),
        (" -1 ", -1),
        ("'7'", 7),
        (5, 5),
        (2.0, 2),
        (np.int64(3), 3),
        (str(2**70), 2**70),
        (True, 1),
        ("1e3", 1000),
        ("1.0", 1),
    ],
)
def test_whole(given, value):
    assert reading.whole("x", given) == value


@pytest.mark.parametrize("given", ["", "1.5", 1.5, "1e-3", "many", None, math.nan, math.inf, [1], "0x10", "1_0"])
def test_not_whole(given):
    with pytest.raises(EdmNoiseError) as refused:
        reading.whole("frames", given)
    assert str(refused.value) == f"frames is {given!r}: give a whole number"


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("form", [str, str.upper, "'{}'".format, " {} ".format])
def test_switch(on, form):
    for word in reading.TRUE if on else reading.FALSE:
        assert reading.switch("x", form(word)) is on
    assert reading.switch("x", on) is on
    assert reading.switch("x", int(on)) is on


@pytest.mark.parametrize("given", ["", "maybe", "2", 2, -1, None, "10", 0.5])
def test_no_switch(given):
    with pytest.raises(EdmNoiseError) as refused:
        reading.switch("solvent", given)
    assert str(refused.value) == f"solvent is {given!r}: give 1 or 0"


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("-3 -2 0", [-3, -2, 0]),
        ("'0.5 1'", [0.5, 1]),
        ("7", [7]),
        (7, [7]),
        (0.5, [0.5]),
        ([1, "2"], [1, 2]),
        (range(3), [0, 1, 2]),
        (np.arange(2.0), [0, 1]),
        (np.float64(1.5), [1.5]),
    ],
)
def test_numbers(given, values):
    assert reading.numbers("z", given) == values


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "z is empty: give numbers separated by spaces"),
        ([], "z is empty: give numbers separated by spaces"),
        ("0 x", "z is 'x': give a number"),
        ("1,2", "z is '1,2': decimals have a point, numbers are separated by spaces: write 1.2 or 1 2"),
        ("-1, 0, 1", "z is '-1, 0, 1': decimals have a point, numbers are separated by spaces: write -1 0 1"),
        ("1,-2", "z is '1,-2': decimals have a point, numbers are separated by spaces: write 1 -2"),
        ([0, None], "z is None: give a number"),
    ],
)
def test_no_numbers(given, said):
    with pytest.raises(EdmNoiseError) as refused:
        reading.numbers("z", given)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("flat | 1 4 4", ["flat", "1 4 4"]),
        ("flat|1 4 4", ["flat", "1 4 4"]),
        ("'flat; 1 4 4'", ["flat", "1 4 4"]),
        ('"flat"', ["flat"]),
        ("flat ||  | current |", ["flat", "current"]),
        ("", []),
        (["flat", (1, 4, 4)], ["flat", (1, 4, 4)]),
    ],
)
def test_items(given, parts):
    assert reading.items(given) == parts


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("chain A", "chain A"),
        ("  'chain A' ", "chain A"),
        ('"a b"', "a b"),
        ("'", "'"),
        ("name C4'", "name C4'"),
        ("'a\"", "'a\""),
        ("", ""),
        (Path("frames.pdb"), "frames.pdb"),
        (5, "5"),
    ],
)
def test_text(given, value):
    assert reading.text(given) == value
