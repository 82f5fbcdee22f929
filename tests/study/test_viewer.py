"""What the browser is handed: reference, frames and colours in one message, and one line for what cannot be shown."""

import sys

import numpy as np
import pytest

import edmnoise as edm
from edmnoise.structure.bonds import find_bonds


@pytest.fixture
def view(fragment):
    return edm.MoleculeView(fragment)


def unpacked(view):
    data = view.widget.data
    atoms, draws = np.frombuffer(data, np.int32, 2)
    places = np.frombuffer(data, np.float32, 3 * atoms * (draws + 1), offset=8).reshape(draws + 1, atoms, 3)
    return places, np.frombuffer(data, np.uint8, offset=8 + places.nbytes).reshape(atoms, 3)


def test_it_begins_with_the_reference_in_one_colour(view, fragment):
    places, colours = unpacked(view)
    np.testing.assert_array_equal(places, np.stack([fragment.coordinates] * 2))
    assert len(np.unique(colours, axis=0)) == 1
    np.testing.assert_array_equal(np.frombuffer(view.widget.bonds, np.int32).reshape(-1, 2), find_bonds(fragment))


def test_frames_and_colours_are_handed_over_to_the_bit(view, fragment):
    frames = edm.MultiscaleNoise(fragment.hierarchy, edm.Weights.named("flat")).frames(1.0, 3, 0, fragment.coordinates)
    view.shake(frames, np.arange(fragment.n_atoms), "number", "Å")
    places, colours = unpacked(view)
    np.testing.assert_array_equal(places, np.concatenate([fragment.coordinates[None], frames.numpy()]))
    assert view.widget.scale["label"] == "number"
    assert (view.widget.scale["low"], view.widget.scale["high"]) == ("0 Å", "252 Å")
    assert tuple(colours[0]) == (64, 82, 181)
    assert tuple(colours[-1]) == (250, 212, 102)


def test_one_value_takes_the_middle_of_the_colours(view, fragment):
    view.shake(fragment.coordinates[None], 2 + 1e-9 * np.arange(fragment.n_atoms))
    assert {tuple(colour) for colour in unpacked(view)[1].tolist()} == {(204, 107, 163)}


@pytest.mark.parametrize(
    ("frames", "values", "said"),
    [
        (np.zeros((2, 5, 3)), None, "frames have the shape (2, 5, 3): give (frames, 253, 3), one frame or more"),
        (np.zeros((0, 253, 3)), None, "frames have the shape (0, 253, 3): give (frames, 253, 3), one frame or more"),
        (np.full((1, 253, 3), np.nan), None, "frames hold NaN or infinite coordinates"),
        (np.zeros((1, 253, 3)), np.zeros(3), "values have the shape (3,): give one for each of 253 atoms"),
    ],
)
def test_what_cannot_be_shown_changes_nothing(frames, values, said, view):
    before = view.widget.data
    with pytest.raises(edm.EdmNoiseError) as refused:
        view.shake(frames, values)
    assert str(refused.value) == said
    assert view.widget.data == before


def test_without_anywidget_it_says_what_is_missing(fragment, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(edm.EdmNoiseError, match="the molecule needs anywidget, which is not installed: pip install "):
        edm.MoleculeView(fragment)


def test_a_notebook_shows_the_widget(view):
    assert repr(view) == "MoleculeView(253 atoms)"
    shown, _ = view._repr_mimebundle_()
    assert shown["application/vnd.jupyter.widget-view+json"]["model_id"] == view.widget.model_id
    assert shown["text/plain"] == repr(view)


def test_it_is_turned_so_that_it_is_seen_broadly_and_not_as_its_mirror_image(view, fragment):
    turn = np.array(view.widget.axes).reshape(3, 3).T
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    across, up, away = (fragment.coordinates @ turn.T).std(axis=0)
    assert across > up > away
