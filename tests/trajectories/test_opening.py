"""Which run of a folder ended in a structure: told by the ends alone, and said in one sentence where it cannot be."""

import json
import shutil

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.structure import Structure
from edmnoise.trajectories.listening.recorder import Recorder
from edmnoise.trajectories.opening import fitting_trace, list_runs, runs_table


def recorded(path, ends, info=None, ended=True):
    """A trace of two steps that ends in (samples, N, 3); without its end where it had not ended."""
    recorder = Recorder(path, info=info)
    denoise = recorder.wrap(lambda x, sigma: x, "x", "sigma")
    for sigma in (10.0, 1.0):
        denoise(ends + np.float32(sigma), sigma)
    if ended:
        recorder.final(ends)
    recorder.close(ended=ended)


@pytest.fixture
def bent(fragment):
    """The structure with each atom moved by a law of its own: (copies, N, 3), apart by 1 A and more."""
    rng = np.random.default_rng(5)
    return fragment.coordinates + rng.normal(scale=1.0, size=(6, *fragment.coordinates.shape)).astype(np.float32)


@pytest.fixture
def out(tmp_path, bent):
    """Run 1: two samples; run 2: a crop of it, as of an affinity head; run 3: two others, the last one is named."""
    folder = tmp_path / "out"
    folder.mkdir()
    recorded(folder / "1", bent[:2])
    recorded(folder / "2", bent[:2, :100])
    recorded(folder / "3", bent[2:4], {"name": "toxin", "program": "Toy"})
    return folder


def named(fragment, coordinates):
    return Structure.from_atoms(coordinates, fragment.atoms)


@pytest.mark.parametrize(("copy", "run", "sample"), [(0, 1, 0), (1, 1, 1), (2, 3, 0), (3, 3, 1)])
def test_the_run_is_the_one_that_ended_in_the_structure(fragment, bent, out, copy, run, sample):
    turned = bent[copy] @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], dtype=np.float32) + 3
    found = fitting_trace(out, named(fragment, turned))
    assert (found.run, found.runs, found.match.sample, found.match.by) == (run, 3, sample, "order")
    asked = fitting_trace(out, named(fragment, bent[copy]), run=run)
    assert asked.trace.path == found.trace.path


def test_a_part_is_found_by_place_in_any_order(fragment, bent, out):
    rows = np.random.default_rng(1).permutation(len(fragment.coordinates))[:40]
    part = Structure.from_atoms(bent[2][rows], fragment.atoms.take(rows))
    found = fitting_trace(out, part)
    assert (found.run, found.match.by) == (3, "place")
    np.testing.assert_array_equal(found.match.rows, rows)


def test_a_run_without_an_end_is_taken_where_no_other_fits(fragment, bent, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    recorded(folder / "1", bent[:1, :9])
    recorded(folder / "2", bent[1:2], ended=False)
    found = fitting_trace(folder, named(fragment, bent[0]))
    assert found.run == 2
    assert np.isnan(found.match.farthest)
    recorded(folder / "3", bent[2:3], ended=False)
    with pytest.raises(EdmNoiseError, match=r"runs 2, 3 of .* no end that would tell them apart: choose one by run"):
        fitting_trace(folder, named(fragment, bent[0]))
    recorded(folder / "4", bent[:1])
    assert fitting_trace(folder, named(fragment, bent[0])).run == 4


def test_several_runs_are_listed_where_nothing_tells(fragment, bent, out):
    listed = "holds 3 runs: 1 (2 samples of 253 atoms), 2 (2 samples of 100 atoms), 3 toxin (2 samples of 253 atoms)"
    for given in (None, named(fragment, bent[5])):
        with pytest.raises(EdmNoiseError) as refused:
            fitting_trace(out, given)
        assert listed in str(refused.value)
    with pytest.raises(EdmNoiseError, match="names of its atoms"):
        fitting_trace(out, run=1)
    with pytest.raises(EdmNoiseError, match="run is 4"):
        fitting_trace(out, named(fragment, bent[0]), run=4)


def test_levels_are_not_given_to_a_folder_that_has_its_own(fragment, out):
    for given in ({"schedule": [10, 1]}, {"kind": "noisy"}):
        with pytest.raises(EdmNoiseError, match="a folder, whose trace says them itself"):
            fitting_trace(out, fragment, run=1, **given)


def test_the_list_says_what_is_wrong_with_each(out):
    (out / "1" / "calls.jsonl").write_text("")
    last = out / "2" / "calls.jsonl"
    last.write_text(last.read_text().replace(json.dumps({"ended": True}) + "\n", ""))
    table = runs_table(list_runs(out))
    assert table["run"] == [1, 2, 3]
    assert table["atoms"] == [None, 100, 253]
    assert table["samples"] == [None, 2, 2]
    assert table["steps"] == [None, 2, 2]
    assert table["program"] == [None, None, "Toy"]
    assert "holds no calls" in table["end"][0]
    assert table["end"][1:] == ["not ended", "ended"]


def test_a_single_trace_that_cannot_be_opened_says_why(out):
    shutil.rmtree(out / "2")
    with pytest.raises(EdmNoiseError, match="no folder"):
        list_runs(out / "2")
