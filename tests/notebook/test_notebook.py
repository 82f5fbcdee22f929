"""examples/study.py without a browser: as a script, checked, exported, and what its cells make."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import edmnoise as edm


def run(*arguments, folder):
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True)


def test_as_a_script_it_prints_the_studys_table(notebook, tmp_path):
    done = run(notebook, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, title, *_ = done.stdout.splitlines()
    assert first == "1tii.pdb, chain A, residues 4-35"
    assert title == "20 draws a row, fresh draws in each row, seed 0: 1 chain, 32 residues, 253 atoms"
    rows = [line.split()[:3] for line in done.stdout.splitlines() if line.startswith(("flat", "current", "rebal"))]
    assert len(rows) == 21
    assert ["current", "0.00", "4.819"] in rows
    assert not list(tmp_path.iterdir())


def test_marimo_finds_no_fault(notebook, tmp_path):
    done = run("-m", "marimo", "check", "--strict", notebook, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_exported_page_holds_the_tables(notebook, tmp_path):
    shutil.copy(notebook, tmp_path)  # marimo leaves a folder of its own beside what it exports
    done = run("-m", "marimo", "export", "html", "study.py", "-o", "study.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "study.html").read_text(encoding="utf-8")
    for said in ("10 frames at sigma 1.075 A", "20 draws a row", "scramble points", "preconditioning by level"):
        assert said in page
    assert "MarimoExceptionRaised" not in page


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.pdb", None, "missing.pdb was not read: "),
        ("junk.pdb", "nothing\n", "junk.pdb was not read: "),
        ("notes.txt", "nothing\n", "notes.txt was not read: "),
    ],
)
def test_a_file_that_is_none_is_one_line(name, content, said, notebook, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run(notebook, "--file", name, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)


@pytest.mark.parametrize("arguments", [["my.pdb"], ["--help"], ["--file"], ["--fil", "my.pdb"]])
def test_another_argument_is_one_line_and_no_table_of_another_structure(arguments, study, monkeypatch):
    monkeypatch.setattr(sys, "argv", [study.__file__, *arguments])
    with pytest.raises(SystemExit) as ended:
        study.app.run()
    assert str(ended.value) == "One argument is known: --file my.pdb, a PDB or mmCIF file."


def test_the_table_is_the_librarys(made, fragment):
    assert made["structure"].hierarchy.counts == fragment.hierarchy.counts == (253, 32, 1)
    weights = [edm.Weights.named(name) for name in ("flat", "current", "rebalanced")]
    wanted = edm.z_table(fragment, weights, range(-3, 4), edm.sigma_distribution("alphafold3"), draws=20)
    assert str(made["study_table"]) == str(wanted)


def test_pymol_shows_the_frames_with_their_colours(made, cmd, typed, coordset, shades, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noised.pdb").write_bytes(made["pymol_pdb"])
    lines = made["pymol_script"].splitlines()
    for line in lines:
        assert cmd._parser.parse(line), line
    cmd.mstop()
    assert (cmd.count_states("noised"), cmd.count_frames()) == (11, 10)
    found = []
    cmd.iterate("noised", "found.append((rank, b))", space={"found": found})
    rank, b = zip(*found, strict=True)
    file_order = np.argsort(rank)  # PyMOL sorts the atoms of a residue
    np.testing.assert_allclose(np.array(b)[file_order], made["values"], atol=0.006)
    for state, wanted in ((1, made["structure"].coordinates), (11, made["frames"][-1])):
        np.testing.assert_allclose(coordset("noised", state)[file_order], wanted, atol=1e-3)
    assert len(np.unique(shades("noised"), axis=0)) > 20
    typed(lines[-1].removeprefix("# "))
    assert cmd.count_states("noised_noise") == 11


def test_without_pymol_and_without_a_file_it_says_what_to_do(study, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        study.app.run()
    assert str(ended.value) == "No file: choose a PDB or mmCIF file, or paste the text of one."


def test_where_no_viewer_is_installed_it_says_so_and_goes_on_with_tables(study, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    outputs, made = study.app.run()
    assert made["view"] is None
    shown = "".join(output.text for output in outputs if hasattr(output, "text"))
    assert shown.count("the molecule needs anywidget, which is not installed: pip install anywidget") == 1
    assert len(made["study_table"]) == 21
    assert "scramble points" in shown
