"""Coordinates without PyMOL's NumPy functions: what these give, to the last bit, wherever an object has been moved."""

import numpy as np
import pytest

from edmnoise_pymol.scene import arrays

TURN = [0.36, 0.48, -0.8, 1, -0.8, 0.6, 0, 2, 0.48, 0.64, 0.6, 3]
"""A rotation and a shift, (3, 4)."""


def _moved_by_hand(cmd):
    cmd.rotate("y", 20, object="m")
    cmd.translate([1, 2, 3], object="m")
    cmd.rotate([1, 2, 3], 71, object="m", origin=[3, 4, 5])


def _matrix_of_another(cmd):
    cmd.create("other", "m")
    cmd.rotate("x", 50, object="other")
    cmd.matrix_copy("other", "m")


def _fitted(cmd, mode):
    cmd.set("matrix_mode", mode)
    cmd.create("other", "m")
    cmd.rotate("x", 50, "other")
    cmd.fit("m", "other", quiet=1)


def _state_matrix_and_ttt(cmd):
    cmd.transform_object("m", [*TURN, 0, 0, 0, 1], homogenous=1)
    cmd.set("matrix_mode", 1, "m")
    cmd.rotate("x", 9, object="m")


def _renumbered(cmd):
    """Neither the order of the atoms nor the number of them is that of the file."""
    cmd.remove("m and resi 30-40")
    cmd.alter("m and chain A", "chain = 'Z'")
    cmd.sort("m")
    cmd.h_add("m and resi 1-5")
    cmd.rotate("x", 30, object="m")


def _discrete(cmd):
    cmd.create("d", "m", 0, 0, discrete=1)
    cmd.delete("m")
    cmd.set_name("d", "m")
    cmd.rotate("x", 30, object="m")


MOVES = {
    "as loaded": lambda cmd: None,
    "atoms": lambda cmd: cmd.rotate("x", 33, "m"),
    "by hand": _moved_by_hand,
    "TTT": lambda cmd: cmd.set_object_ttt("m", [*TURN, 4, 5, 6, 1]),
    "selection transformed": lambda cmd: cmd.transform_selection("m", [*TURN, 0, 0, 0, 1], homogenous=1),
    "object transformed": lambda cmd: cmd.transform_object("m", [*TURN, 0, 0, 0, 1], homogenous=1),
    "matrix copied": _matrix_of_another,
    "matrix reset": lambda cmd: (cmd.rotate("x", 50, object="m"), cmd.matrix_reset("m")),
    "fitted": lambda cmd: _fitted(cmd, 0),
    "fitted, matrix_mode 1": lambda cmd: _fitted(cmd, 1),
    "matrix_mode 2": lambda cmd: (cmd.set("matrix_mode", 2), cmd.rotate("x", 20, object="m")),
    "state matrix and TTT": _state_matrix_and_ttt,
    "in a group": lambda cmd: (cmd.group("g", "m"), cmd.rotate("x", 30, object="g")),
    "renumbered": _renumbered,
    "discrete": _discrete,
}


@pytest.fixture
def without(cmd, monkeypatch):
    """As on a PyMOL whose NumPy functions fail; gives a function that asks PyMOL as it is."""
    if cmd.get_version()[1] < 2.6:
        pytest.skip("PyMOL 2.5's get_object_ttt is not safe, and is not used there")
    monkeypatch.setattr(arrays, "_works", False)

    def really(function, *arguments):
        monkeypatch.setattr(arrays, "_works", None)
        found = function(*arguments)
        monkeypatch.setattr(arrays, "_works", False)
        return found

    return really


@pytest.fixture(params=MOVES)
def moved(request, cmd, pymol_data):
    """Chains A and C of 1TII, moved in some way: the number of its states."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    cmd.create("m", "whole and chain A+C", 1, 1)
    cmd.create("m", "whole and chain A+C", 1, 2)
    cmd.translate([1, 2, 3], "m", 2)
    cmd.delete("whole")
    MOVES[request.param](cmd)
    return cmd.count_states("%m")


def _as_pymol_says(cmd, selection, state):
    """get_model transforms coordinates as get_coords does, and makes no array."""
    return np.array(cmd.get_model(selection, state).get_coord_list(), dtype=np.float32)


def test_every_way_of_moving_an_object_is_followed(cmd, without, moved):
    by_state = list(arrays.states(cmd, "m", 1, moved))
    assert len(by_state) == moved == 2
    for state, whole in enumerate(by_state, 1):
        for selection in ("m", "m and name CA", "all"):
            wanted = _as_pymol_says(cmd, selection, state)
            for found in (
                arrays.coordinates(cmd, selection, state),
                without(arrays.coordinates, cmd, selection, state),
            ):
                assert found.dtype == np.float32
                assert np.array_equal(found, wanted)
        assert np.array_equal(whole, _as_pymol_says(cmd, "m", state))
        assert np.array_equal(arrays.coordset(cmd, "m", state), without(arrays.coordset, cmd, "m", state))


def test_atoms_are_put_where_load_coords_puts_them(cmd, without, moved):
    before = _as_pymol_says(cmd, "m", moved)
    first = _as_pymol_says(cmd, "m", 1)
    wanted = before + np.random.default_rng(0).normal(size=before.shape).astype(np.float32)
    without(arrays.move, cmd, "m", wanted, moved)
    theirs = _as_pymol_says(cmd, "m", moved)
    arrays.move(cmd, "m", before, moved)
    arrays.move(cmd, "m", wanted, moved)
    assert np.array_equal(_as_pymol_says(cmd, "m", moved), theirs)
    assert np.abs(theirs - wanted).max() < 1e-4
    assert np.array_equal(_as_pymol_says(cmd, "m", 1), first)


def test_a_coordset_goes_back_where_it_came_from(cmd, without, moved):
    kept = arrays.coordset(cmd, "m", 1)
    before = _as_pymol_says(cmd, "m", 1)
    arrays.load(cmd, "m", kept + np.float32(1), 1)
    assert not np.array_equal(_as_pymol_says(cmd, "m", 1), before)
    arrays.load(cmd, "m", kept, 1)
    assert np.array_equal(_as_pymol_says(cmd, "m", 1), before)


@pytest.mark.parametrize("works", [False, None])
def test_what_is_not_there_has_no_coordinates(cmd, monkeypatch, works):
    monkeypatch.setattr(arrays, "_works", works)
    cmd.fragment("ala", "made_2")
    cmd.create("made_2", "made_2", 1, 3)  # and an empty state 2
    assert arrays.coordinates(cmd, "made_2 and name XX", 1) is None
    assert arrays.coordinates(cmd, "made_2", 2) is None
    assert arrays.coordset(cmd, "made_2", 2) is None
    assert arrays.coordset(cmd, "made_2", 4) is None
    assert arrays.coordset(cmd, "made", 1) is None  # a name that PyMOL completes
    found = list(arrays.states(cmd, "made_2", 1, 3))
    assert found[1] is None
    assert np.array_equal(found[0], found[2])


def test_an_object_is_made_and_measured_without_them(cmd, without, pymol_data, frames_of):
    from edmnoise_pymol import edm_levels, edm_noise

    cmd.load(str(pymol_data / "tut" / "1hpv.pdb"), "hpv")
    cmd.rotate("x", 40, object="hpv")
    made = edm_noise("hpv", frames=3, name="made_one")
    theirs = without(lambda: edm_noise("hpv", frames=3, name="made_two"))
    assert frames_of("made_one", 1).tobytes() == frames_of("made_two", 1).tobytes()
    assert str(edm_levels(made.name)).replace("made_one", "made_two") == str(edm_levels(theirs.name))
