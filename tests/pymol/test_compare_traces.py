"""edm_compare with recorded runs: each row says what edm_trace finds of it, beside exact runs or alone."""

import json
import shutil

import numpy as np
import pytest

from edmnoise.frames.displacement import NESTED
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise.trajectories.trace import open_trace
from edmnoise_pymol import edm_compare, edm_trace


@pytest.fixture
def folder(cmd, traced, tmp_path, monkeypatch):
    """run.trace, a.trace without x, of another program, and the structure that the run wrote, loaded."""
    traced.into(tmp_path)
    monkeypatch.chdir(tmp_path)
    shutil.copytree("run.trace", "a.trace")
    run = tmp_path / "a.trace" / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"kinds": ["denoised"], "program": "Other"}))
    cmd.load("complex_model_0.cif", "output")
    return tmp_path


@pytest.mark.parametrize("given", ["run.trace a.trace", "run.trace | a.trace", ["run.trace", "a.trace"]])
def test_traces_alone_are_what_edm_trace_finds(cmd, folder, snapshot, given):
    before = snapshot()
    result = edm_compare("output", traces=given)
    assert snapshot() == before
    table = result.table
    assert table["trace"] == ["run.trace", "a.trace"]
    assert table["sampler"] == ["toy", "Other"]
    assert "noise" not in {column.name for column in table.columns}
    assert "seed" not in table.title
    assert np.isnan(table["noise shift"]).all()
    assert np.isnan(table["way shift"]).all()  # what the whole moved was not recorded
    for row in result.comparison.variants:
        single = edm_trace(row.trace, "output").run
        assert row.samples == 3
        np.testing.assert_array_equal(row.sigmas, single.sigmas)
        for part in NESTED:
            np.testing.assert_allclose(row.to_go[part], single.to_go()[part], rtol=1e-5)
            assert row.frozen[part] == pytest.approx(single.freeze_out()[part], nan_ok=True)


def test_beside_exact_runs_both_are_as_alone(cmd, folder):
    """A row for each; what one of them lacks is missing there alone."""
    alone = edm_compare("output", "flat", "heun | euler", steps=6)
    recorded = edm_compare("output", traces="run.trace")
    both = edm_compare("output", "flat", "heun | euler", steps=6, traces="run.trace")
    assert both.table["noise"] == ["flat", "flat", None]
    assert both.table["sampler"] == ["heun", "euler", "toy"]
    assert both.table["trace"] == [None, None, "run.trace"]
    assert "1 to 3 samples each, seed 0" in both.table.title
    for row, single in zip(
        both.comparison.variants, (*alone.comparison.variants, *recorded.comparison.variants), strict=True
    ):
        assert row.frozen == pytest.approx(single.frozen, nan_ok=True)
    assert np.isfinite(both.table["noise shift"][:2]).all()
    assert np.isnan(both.table["noise shift"][2])


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("weights=flat", [("flat", "heun")]),
        ("sampler=euler", [("flat", "euler"), ("current", "euler"), ("rebalanced", "euler")]),
    ],
)
def test_what_is_asked_for_beside_traces_has_its_usual_other(cmd, folder, given, made):
    name, value = given.split("=")
    result = edm_compare("output", steps=2, traces="run.trace", **{name: value})
    rows = result.comparison.variants
    assert [(row.noise, row.sampler) for row in rows] == [*made, ("", "toy")]


def test_one_run_of_several_and_folders_of_one_name_are_told_apart(cmd, folder):
    for number in "12":
        shutil.copytree("run.trace", f"out/{number}")
    shutil.copytree("run.trace", "other/run.trace")
    labels = edm_compare("output", traces="out:2 run.trace other/run.trace").table["trace"]
    assert labels[0].endswith("out:2")
    assert labels[2].endswith("other/run.trace")
    assert len(set(labels)) == 3


def moved_end(path):
    """Another seed's run: each atom ends 3 A elsewhere."""
    end = np.fromfile(path / "final.dcd", np.uint8)
    trace = open_trace(path)
    rng = np.random.default_rng(0)
    ends = trace.final + 3 * rng.normal(size=trace.final.shape).astype(np.float32)
    with open(path / "final.dcd", "wb") as handle:
        DcdWriter(handle, *ends.shape[:2]).write(ends)
    assert (path / "final.dcd").stat().st_size == len(end)


def test_runs_that_ended_elsewhere_stand_beside_one_that_ended_there(cmd, folder, refusal, typed):
    """Two seeds or settings of one model never end alike; of other atoms, or alone, they are refused as before."""
    moved_end(folder / "a.trace")
    said = typed("edm_compare output, traces=a.trace run.trace")
    assert "a.trace: it ended elsewhere: 298 atoms as of the trace that ended in the selection, with as many" in said
    rows = edm_compare("output", traces="a.trace run.trace").comparison.variants
    assert [row.trace for row in rows] == ["a.trace", "run.trace"]
    assert "are not those of the trace" in refusal("edm_compare output, traces=a.trace")
    run = folder / "a.trace" / "run.json"
    facts = json.loads(run.read_text())
    named = {"atom": ["CA"] * 300, "chain": ["A"] * 300}
    run.write_text(json.dumps(facts | {"names": named}))
    other = folder / "run.trace" / "run.json"
    other.write_text(json.dumps(json.loads(other.read_text()) | {"names": named | {"chain": ["B"] * 300}}))
    assert "are not those of the trace" in refusal("edm_compare output, traces=a.trace run.trace")


def test_a_part_without_hydrogens_is_compared_in_its_place(cmd, folder):
    """Atoms of a selection are matched with the whole and compared as a part."""
    part = edm_compare("output and name CA+C+N", traces="run.trace").comparison
    assert part.structure.n_atoms == cmd.count_atoms("output and name CA+C+N")
    cmd.alter("output and resi 3 and name CB", "elem = 'H'; name = 'HB'")
    kept = edm_compare("output", hydrogens=0, traces="run.trace")
    assert kept.comparison.structure.n_atoms == 298 - cmd.count_atoms("output and elem H")


def test_it_is_printed_drawn_and_listed_by_step(cmd, folder, typed):
    said = typed("edm_compare output, flat, heun, steps=4, traces=run.trace a.trace, file=why.png")
    assert "run.trace: 298 atoms of the selection found among the 300 of the trace by place" in said
    assert (folder / "why.png").read_bytes().startswith(b"\x89PNG")
    typed("edm_compare output, traces=a.trace, file=alone.svg")
    assert (folder / "alone.svg").read_bytes().startswith(b"<?xml")
    assert len(edm_compare("output", "flat", "heun", steps=4, traces="run.trace", by="step").table) == 4 + 12


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("traces=nowhere.trace", "no folder or file nowhere.trace"),
        ("traces=run.trace run.trace", "give each trace once"),
        ("traces=run.trace:0", "runs are counted from 1"),
        ("traces=run.trace:2", "run is 2"),
        ("traces=|", "give the folder of a trace"),
        (
            "flat | current | rebalanced, heun | euler | chai | ralston, traces=run.trace",
            "and 1 trace are 13 variants",
        ),
        ("traces=complex_model_0.cif", "no trajectory"),
        ("weights=|, traces=run.trace", "no weights or no sampler"),
    ],
)
def test_wrong_traces_are_one_line(cmd, folder, refusal, line, message):
    assert message in refusal(f"edm_compare output, {line}")


def test_other_atoms_are_refused_before_anything_is_sampled(cmd, folder, refusal):
    cmd.fragment("ala")
    assert "10 atoms are not those of the trace" in refusal("edm_compare ala, flat, heun, steps=9999, traces=run.trace")
