"""A trace that names its atoms needs no structure; folders of runs; what names are worth where some are missing."""

import json
import shutil

import numpy as np
import pytest

import edmnoise as edm
from edmnoise.trajectories.listening.recorder import Recorder
from edmnoise.trajectories.naming import named_rows, named_structure

PADDED = 5


@pytest.fixture(scope="module")
def names(three_chains):
    """The names of three chains, as run.json has them, behind padding."""
    atoms = three_chains.atoms
    columns = {"atom": atoms.name, "element": atoms.element, "residue_name": atoms.residue_name, "chain": atoms.chain}
    named = {key: [""] * PADDED + column.tolist() for key, column in columns.items()}
    numbers = [0] * PADDED + atoms.number.astype(int).tolist()
    return named | {"residue": numbers, "mask": [0] * PADDED + [1] * three_chains.n_atoms}


@pytest.fixture
def padded(names, three_chains, tmp_path):
    """A trace of three chains behind padding that flies about."""
    recorder = Recorder(tmp_path / "run.trace", info={"names": names})
    rng = np.random.default_rng(0)
    end = three_chains.coordinates
    denoise = recorder.wrap(lambda x, sigma: x / 2, "x", "sigma")
    for sigma in (8.0, 4.0, 2.0):
        x = end + sigma * rng.normal(size=(2, *end.shape))
        denoise(np.concatenate([99 * rng.normal(size=(2, PADDED, 3)), x], axis=1), sigma)
    final = np.stack([end, end + 1])
    recorder.final(np.concatenate([np.zeros((2, PADDED, 3)), final], axis=1))
    recorder.close(ended=True)
    return tmp_path / "run.trace"


def test_a_trace_that_names_its_atoms_needs_no_structure(padded, three_chains):
    trace = edm.open_trace(padded)
    assert trace.rows.tolist() == list(range(PADDED, PADDED + three_chains.n_atoms))
    assert repr(trace.structure) == repr(three_chains)
    assert np.array_equal(trace.structure.coordinates, three_chains.coordinates)
    for column in ("name", "element", "residue_name", "number", "chain"):
        assert np.array_equal(getattr(trace.structure.atoms, column), getattr(three_chains.atoms, column))
    run = edm.run_of(trace, lay="superposition")
    given = edm.run_of(trace, trace.structure, rows=trace.rows, lay="superposition")
    assert np.array_equal(run.denoised, given.denoised)
    np.testing.assert_allclose(run.final[0], three_chains.coordinates, atol=1e-4)


def test_a_run_that_was_killed_is_named_by_its_last_estimate(padded):
    (padded / "final.dcd").unlink()
    trace = edm.open_trace(padded)
    assert np.array_equal(trace.structure.coordinates, trace.frames("denoised", 0)[-1][trace.rows])


def test_elements_that_are_missing_are_those_of_the_names(names, three_chains):
    coordinates = np.concatenate([np.zeros((PADDED, 3), np.float32), three_chains.coordinates])
    without = {key: column for key, column in names.items() if key != "element"}
    some = names | {"element": ["", *names["element"][1:]]}
    for given in (without, some):
        found = named_structure(given, coordinates, named_rows(given, len(coordinates)))
        assert np.array_equal(np.char.upper(found.atoms.element), np.char.upper(three_chains.atoms.element))


@pytest.mark.parametrize(
    "change",
    [
        {"atom": None},
        {"residue": None},
        {"atom": ["CA"]},
        {"residue": "1 2 3"},
    ],
)
def test_names_that_tell_no_atoms_apart_are_none(change, names, padded, three_chains):
    info = json.loads((padded / "run.json").read_text())
    info["names"] = {key: value for key, value in (names | change).items() if value is not None}
    (padded / "run.json").write_text(json.dumps(info))
    trace = edm.open_trace(padded)
    assert trace.structure is None
    with pytest.raises(edm.EdmNoiseError, match="does not name its atoms: give a structure that does"):
        edm.run_of(trace)
    assert edm.run_of(trace, three_chains, rows=trace.rows).final.shape == (2, three_chains.n_atoms, 3)


@pytest.mark.parametrize("names", [None, [], "names", {}, {"mask": [1, 1]}, {"mask": "1"}])
def test_names_of_another_kind_are_none(names):
    assert named_rows(names, 3) is None
    assert named_structure(names, np.zeros((3, 3), np.float32)) is None


def test_runs_of_a_folder(padded, tmp_path):
    """By number, not by letter; a claimed folder that holds nothing yet is no run."""
    folder = tmp_path / "out"
    for number in (2, 10):
        shutil.copytree(padded, folder / str(number))
    (folder / "11").mkdir()
    (folder / "recording.json").write_text("{}")
    assert edm.runs_of(folder) == (str(folder / "2"), str(folder / "10"))
    assert edm.runs_of(padded) == (str(padded),)
    assert edm.open_trace(folder, run=10).path == str(folder / "10")
    assert edm.open_trace(padded, run=1).path == str(padded)
    with pytest.raises(edm.EdmNoiseError, match="out holds 2 runs, from 2 to 10: say which one, as in run=2"):
        edm.open_trace(folder)
    with pytest.raises(edm.EdmNoiseError, match=r"run is 1, and .*out holds 2 runs, from 2 to 10"):
        edm.open_trace(folder, run=1)
    with pytest.raises(edm.EdmNoiseError, match=r"run is 2, and .*run.trace is one trace: leave run out"):
        edm.open_trace(padded, run=2)
    shutil.rmtree(folder / "10")
    assert edm.open_trace(folder).path == str(folder / "2")


def test_folders_that_hold_no_runs(tmp_path):
    with pytest.raises(edm.EdmNoiseError, match=r"is no trace: it holds no run.json that says so, and no runs"):
        edm.runs_of(tmp_path)
    with pytest.raises(edm.EdmNoiseError, match=r"there is no folder .*nowhere"):
        edm.runs_of(tmp_path / "nowhere")
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(edm.EdmNoiseError, match=r"run is 1, and .*file.txt is a file: leave run out"):
        edm.open_trace(tmp_path / "file.txt", run=1)
