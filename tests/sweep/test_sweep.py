"""Sweeps in one process: the numbers are those of the tables, and nothing is lost, repeated or mixed up."""

import csv
import os
import resource
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from edmnoise.__main__ import main
from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.frames.damage import Native
from edmnoise.frames.displacement import NESTED
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights, parse_weights
from edmnoise.structure.files import read_frames, read_structure
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise.study.levels import z_table
from edmnoise.sweep import run
from edmnoise.sweep.journal import NAME, open_journal
from edmnoise.sweep.measures import MEASURES, Measured, SweepMeasure
from edmnoise.sweep.rows import levels
from edmnoise.sweep.settings import read_settings
from edmnoise.sweep.tasks import plan, run_batch
from edmnoise.trajectories.sampling import run_sampler

WEIGHTS = [parse_weights(given) for given in ("flat", "current", "1 4 4")]


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def study(tmp_path, study_of):
    return study_of(tmp_path / "in")


@pytest.fixture
def finished(study, swept, tmp_path):
    """Tables of an undisturbed run."""
    return swept(study, tmp_path / "whole")


def test_levels_are_the_rows_of_the_z_table(study, finished):
    """Same draws, same numbers, digit for digit."""
    structure = read_structure(study.parent / "s2.pdb")
    rows = [row for row in finished.tables["levels"].rows() if row["structure"] == "s2.pdb" and row["seed"] == 1]
    table = z_table(structure, WEIGHTS, [-1, 0, 1], sigma_distribution("alphafold3"), draws=2, seed=1)
    for row, expected in zip(rows, table.rows(), strict=True):
        assert row["weights"] == expected.pop("noise")
        assert {name: row[name] for name in expected} == expected


def test_freeze_out_is_that_of_a_run(study, finished):
    structure, states = read_frames(study.parent / "s1.pdb")
    covariance = NestedCovariance(structure.hierarchy, Weights.named("current"))
    model = StatesDenoiser(torch.tensor(states).mT, covariance, hierarchy=structure.hierarchy)
    made = run_sampler(structure, model, covariance, *SamplerChoice("heun", steps=4).build(), seed=1)
    rows = {(row["structure"], row["weights"], row["seed"]): row for row in finished.tables["freeze_out"].rows()}
    row = rows["s1.pdb", "current", 1]
    assert row["models"] == 2
    assert row["sampler"] == "heun steps=4"
    assert row["residue in chain"] == made.freeze_out()[NESTED[1]]
    assert row["chain"] is None  # one chain does not move about its own centre
    assert rows["s0.pdb", "flat", 0]["models"] == 1
    assert rows["s0.pdb", "flat", 0]["atom in residue"] is None


def test_denoisers_are_chosen_in_the_words_of_edm_sample(study_of, swept, tmp_path):
    text = """
structures = "s1.pdb"
measures = "freeze_out"
denoisers = ["fixed", { name = "states", state_weights = [1, 3], fluctuations = [0, 0.3, 0.2] }]
samplers = [{ name = "heun", steps = 4 }]
"""
    study = study_of(tmp_path / "in", text=text)
    rows = {row["denoiser"]: row for row in swept(study, tmp_path / "out").tables["freeze_out"].rows()}
    choices = {
        "fixed": DenoiserChoice("fixed"),
        "states state_weights=1/3 fluctuations=0/0.3/0.2": DenoiserChoice("states", (1, 3), (0, 0.3, 0.2)),
    }
    assert list(rows) == list(choices)
    structure, states = read_frames(study.parent / "s1.pdb")
    covariance = NestedCovariance(structure.hierarchy, Weights.named("flat"))
    for name, choice in choices.items():
        model = choice.build(structure, states, covariance)
        motions = dict.fromkeys(("center", "augment"), False) if name == "fixed" else {}
        sampler = SamplerChoice("heun", steps=4, **motions).build()
        made = run_sampler(structure, model, covariance, *sampler, seed=0)
        assert rows[name]["residue in chain"] == made.freeze_out()[NESTED[1]]


def test_damage_is_that_of_its_table(study, swept, tmp_path):
    study.write_text(study.read_text().replace('"levels", "freeze_out"', '"damage"').replace("[0, 1]", "[1]"))
    done = swept(study, tmp_path / "out")
    native = Native.of(read_structure(study.parent / "s2.pdb"))
    distribution = sigma_distribution("alphafold3")
    rows = tuple(damage_rows(native, WEIGHTS, [-1, 0, 1], distribution, draws=2, seed=1))
    table = DamageStudy(native, rows, distribution, 2, 1).summary()
    own = [row for row in done.tables["damage"].rows() if row["structure"] == "s2.pdb"]
    for row, expected in zip(own, table.rows(), strict=True):
        # Sums over atoms depend in their last bit on how many frames are measured together.
        own = {"structure": "s2.pdb", "process": "multiscale", "weights": expected.pop("noise"), "seed": 1}
        assert row == own | {
            name: None if value != value else value if isinstance(value, str) else pytest.approx(value, rel=1e-12)
            for name, value in expected.items()
        }


def test_tables_are_in_the_order_of_the_study(finished):
    rows = read(finished.folder / "levels.csv")
    assert [row["structure"] for row in rows] == ["s0.pdb"] * 18 + ["s1.pdb"] * 18 + ["s2.pdb"] * 18
    told = [(row["weights"], float(row["z"]), row["seed"]) for row in rows[:18]]
    assert told == [(w.label, z, s) for w in WEIGHTS for z in (-1, 0, 1) for s in "01"]
    assert finished.failed == 0
    assert not (finished.folder / "failures.csv").exists()


def test_parquet_has_the_table_of_the_csv(finished):
    from pyarrow import parquet

    content = parquet.read_table(finished.folder / "levels.parquet").to_pydict()
    assert content["sigma (A)"] == finished.tables["levels"]["sigma"]
    assert list(content) == list(read(finished.folder / "levels.csv")[0])


def test_the_report_holds_its_figures(study, swept, tmp_path):
    page = (swept(study, tmp_path / "out", report=True).folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "src=" not in page.replace('src="data:', "")
    assert "Displacement at each level" in page


def test_a_journal_cut_anywhere_is_gone_on_with(study, finished, swept, results_of, tmp_path, monkeypatch):
    """Every fourth line is torn at another place, in its middle or at its end: the tables are the same bytes."""
    journal = (finished.folder / NAME).read_bytes()
    lines = journal.splitlines(keepends=True)
    ran = []
    monkeypatch.setattr(run, "BATCH_SECONDS", 0.0)
    for number in range(1, len(lines), 8):
        out = tmp_path / f"cut{number}"
        out.mkdir()
        tear = len(lines[number]) * number // len(lines)
        (out / NAME).write_bytes(b"".join(lines[:number]) + lines[number][:tear])
        original = run._packed
        monkeypatch.setattr(run, "_packed", lambda tasks, original=original: ran.extend(tasks) or original(tasks))
        swept(study, out)
        monkeypatch.setattr(run, "_packed", original)
        assert len(ran) == len(lines) - number  # nothing again, nothing left out
        ran.clear()
        assert results_of(out) == results_of(finished.folder)
        assert sorted((out / NAME).read_bytes().splitlines()) == sorted(journal.splitlines())


def test_a_damaged_line_in_the_middle_is_done_again(study, finished, swept, results_of):
    path = finished.folder / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"1", b"2")
    path.write_bytes(b"".join(lines))
    before = results_of(finished.folder)
    swept(study, finished.folder)
    assert results_of(finished.folder) == before


def test_nothing_is_done_where_all_is_done(study, finished, swept):
    assert swept(study, finished.folder, pool=object()).failed == 0  # no pool is entered


def test_the_report_takes_noise_without_closed_forms(study_of, swept, tmp_path):
    """There is nothing to expect of torsions: no line, and no warning."""
    text = "structures = 's1.pdb'\nprocesses = ['torsions', 'multiscale']\nz = [-1, 0]\ndraws = 1"
    done = swept(study_of(tmp_path / "in", text=text), tmp_path / "out", report=True)
    rows = [row for row in done.tables["levels"].rows() if row["process"].startswith("torsions")]
    assert {row["residue expected"] for row in rows} == {None}
    assert {row["weights"] for row in rows} == {""}  # it has none
    assert (done.folder / "report.html").exists()


def test_a_bad_structure_is_reported_and_stops_nothing(study, finished, swept, tmp_path):
    (study.parent / "s1bad.pdb").write_text("HELLO\n")
    again = swept(study, tmp_path / "bad", report=True)
    assert again.lines == (
        "72 of 96 tasks have numbers: 4 structures, 24 each",
        "s1bad.pdb: cannot read s1bad.pdb: there are no atoms in it (24 tasks)",
    )
    rows = read(again.folder / "failures.csv")
    assert [(row["structure"], row["measure"], row["tasks"]) for row in rows] == [
        ("s1bad.pdb", "levels", "18"),
        ("s1bad.pdb", "freeze_out", "6"),
    ]
    assert (again.folder / "levels.csv").read_bytes() == (finished.folder / "levels.csv").read_bytes()
    assert "there are no atoms in it" in (again.folder / "report.html").read_text()


def test_a_repaired_structure_alone_is_done_again(study, swept, tmp_path):
    bad, good = study.parent / "s9.pdb", (study.parent / "s0.pdb").read_text()
    bad.write_text("HELLO\n")
    assert swept(study, tmp_path / "out").failed == 24
    before = (tmp_path / "out" / NAME).read_text().count("\n")
    bad.write_text(good)
    assert swept(study, tmp_path / "out").failed == 0
    assert (tmp_path / "out" / NAME).read_text().count("\n") == before + 24
    assert not (tmp_path / "out" / "failures.csv").exists()


def test_a_mistake_of_ours_is_reported_and_tried_again(study, swept, tmp_path, monkeypatch):
    function = f"{__name__}:broken"
    monkeypatch.setitem(MEASURES, "levels", SweepMeasure("x", ("seed",), function, (Measured("one"),), ()))
    monkeypatch.setattr("edmnoise.sweep.measures.import_module", lambda name: _Module)
    _Module.broken = staticmethod(lambda case: 1 // 0)
    done = swept(study, tmp_path / "out")
    assert done.again == 2 * 3
    assert "s0.pdb: ZeroDivisionError: integer division or modulo by zero (2 tasks)" in done.lines
    _Module.broken = staticmethod(lambda case: {"one": case.setting.seed})
    done = swept(study, tmp_path / "out")
    assert done.failed == 0
    assert done.tables["levels"]["one"] == [0, 1] * 3


class _Module:
    freeze_out = staticmethod(lambda case: dict.fromkeys(c.name for c in MEASURES["freeze_out"].columns))


def test_a_file_that_changes_in_mid_run_is_noticed(study):
    planned = plan(read_settings(study))
    (study.parent / "s2.pdb").write_text((study.parent / "s1.pdb").read_text())
    (outcome,) = run_batch([(planned.sources[2], planned.rows[:1])])
    assert outcome.error == "s2.pdb is not the file that it was when the sweep began: start it again"


def test_other_settings_are_noticed(study, finished, swept):
    study.write_text(study.read_text().replace("draws = 2", "draws = 3").replace("[-1, 0, 1]", "[-1, 0]"))
    sentence = r"holds results of other settings \(draws, z differ\): put them back, or give a new folder"
    with pytest.raises(EdmNoiseError, match=sentence):
        swept(study, finished.folder)


def test_another_version_is_noticed(study, finished, swept, monkeypatch):
    monkeypatch.setattr("edmnoise.sweep.sweep.__version__", "9")
    with pytest.raises(EdmNoiseError, match=r"was begun by edmnoise .*, this is 9: give a new folder"):
        swept(study, finished.folder)


def test_a_folder_of_something_else_is_left_alone(study, swept, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(EdmNoiseError, match=r"holds thesis.txt and no sweep: give a new or empty folder"):
        swept(study, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["thesis.txt"]


def test_a_file_in_place_of_the_folder(study, swept, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(EdmNoiseError, match=r"cannot write to .*out: File exists"):
        swept(study, tmp_path / "out")


def test_two_sweeps_of_one_folder(study, swept, tmp_path):
    settings = read_settings(study)
    header = {"sweep": "study", "version": "0", "settings": settings.digest, "facts": settings.facts}
    with (
        open_journal(tmp_path / "out", header),
        pytest.raises(EdmNoiseError, match=r"another sweep is at work in .*out: wait for it"),
        open_journal(tmp_path / "out", header),
    ):
        pass


def test_a_full_disk_keeps_what_is_written(study, finished, swept, results_of, tmp_path, monkeypatch):
    """The disk takes 6,000 bytes: one line says so, and with room the sweep goes on to the same bytes."""
    monkeypatch.setattr(run, "BATCH_SECONDS", 0.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(EdmNoiseError, match=r"cannot write .*journal.txt: .*\(\d+ of 72 tasks are kept: the same"):
            swept(study, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = (tmp_path / "out" / NAME).read_bytes()
    assert 1000 < len(kept) <= 6000
    swept(study, tmp_path / "out")
    assert (tmp_path / "out" / NAME).read_bytes().startswith(kept[: kept.rindex(b"\n") + 1])
    assert results_of(tmp_path / "out") == results_of(finished.folder)


def test_a_full_disk_at_the_tables_keeps_the_journal(study, swept, tmp_path, monkeypatch):
    def full(*_):
        raise EdmNoiseError("cannot write levels.csv: No space left on device")

    monkeypatch.setattr("edmnoise.sweep.sweep.write_tables", full)
    with pytest.raises(EdmNoiseError, match=r"No space left on device \(72 of 72 tasks are kept: the same command"):
        swept(study, tmp_path / "out")
    monkeypatch.undo()
    assert swept(study, tmp_path / "out", pool=object()).failed == 0


class Dying:
    """A pool whose worker dies of some structures, as processes do: all batches under way are lost."""

    def __init__(self, deadly):
        self.deadly, self.width, self.renewed, self.waiting = deadly, 2, 0, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def submit(self, batch):
        future = Future()
        self.waiting.append(future)
        if any(source.name in self.deadly for source, _ in batch):
            for lost in self.waiting:
                if not lost.done():
                    lost.set_exception(BrokenProcessPool("a process was terminated abruptly"))
        elif len(self.waiting) % 3:
            future.set_result(run_batch(batch))
        else:  # under way for ever, until it is lost
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
        return future

    def renew(self):
        self.renewed += 1


def test_a_structure_that_kills_its_worker_is_found_out(study_of, swept, results_of, tmp_path):
    """Two seeds of one structure: both tasks are blamed, each alone; the rest is done."""
    study = study_of(tmp_path / "in", text='structures = "*.pdb"\nz = 0\nseeds = [0, 1]')
    pool = Dying({"s1.pdb"})
    done = swept(study, tmp_path / "out", pool)
    assert done.again == 2
    assert done.lines[0] == "4 of 6 tasks have numbers: 3 structures, 2 each"
    assert done.lines[1].startswith("s1.pdb: its worker ended (a process was terminated abruptly): too little memory?")
    assert pool.renewed >= 2
    assert swept(study, tmp_path / "out").failed == 0


def test_workers_that_always_end_are_not_the_tasks_fault(study, swept, tmp_path):
    sentence = r"workers end as soon as they are given work: a process .* \(0 of 72 tasks are kept"
    with pytest.raises(EdmNoiseError, match=sentence):
        swept(study, tmp_path / "out", Dying({"s0.pdb", "s1.pdb", "s2.pdb"}))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--processes", "0"], "processes is 0: give a whole number from 1"),
        (
            ["--processes", "2", "--scheduler", "tcp://x"],
            "--processes and --scheduler are both given: give one of them",
        ),
    ],
)
def test_a_refused_command_is_one_line_and_makes_nothing(study, capsys, options, said):
    before = sorted(study.parent.iterdir())
    assert main(["sweep", str(study), *options]) == 1
    assert capsys.readouterr() == ("", f"edmnoise: {said}\n")
    assert sorted(study.parent.iterdir()) == before


def test_the_command_tells_progress_and_results(study, finished, capsys):
    """A sweep that is done: nothing is left to tell but the results."""
    assert main(["sweep", str(study), "--out", str(finished.folder)]) == 0
    said, errors = capsys.readouterr()
    files = [f"{finished.folder}/{name}" for name in ("levels.csv", "freeze_out.csv", "report.html")]
    assert said.splitlines() == ["72 of 72 tasks have numbers: 3 structures, 24 each", *files]
    assert errors == ""


def test_one_thread_gives_the_numbers_and_the_threads_come_back(study):
    planned = plan(read_settings(study))
    before = torch.get_num_threads()
    run_batch([(planned.sources[0], planned.rows[:1])])
    assert torch.get_num_threads() == before


def test_every_measure_gives_its_columns_and_draws_some_of_them(finished):
    for name, measure in MEASURES.items():
        columns = {column.name for column in measure.columns}
        if name in finished.tables:
            of_domains = {column.name for column in measure.columns if column.of_domains}
            assert set(finished.tables[name].rows()[0]) & columns == columns - of_domains
        assert set(measure.drawn) <= columns
        assert {column.expected for column in measure.columns} - {None} <= columns
    assert MEASURES["levels"].function == f"{levels.__module__}:{levels.__name__}"
