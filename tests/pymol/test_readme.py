"""What the README tells its reader to type runs as it stands there, in its order; the table's lines on few atoms."""

import re
import sys
from pathlib import Path

import matplotlib.image
import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
TYPED = re.findall(r"^PyMOL> (.*)$", README, flags=re.M)
TABLE = re.search(r"\| type in PyMOL \|.*?\n\n", README, flags=re.S)[0]
COMMANDS = [line.replace("\\|", "|") for line in re.findall(r"^\| `(edm_[^`]*)`", TABLE, flags=re.M)]
DRAWING = {file[1]: line for line in COMMANDS if (file := re.search(r"file=(\w+\.png)", line))}


@pytest.fixture
def states(cmd, traced, tmp_path):
    """What the README's commands speak of, of few atoms, and in the folder."""
    traced.into(tmp_path)
    cmd.load(str(traced.file))
    cmd.load("$PYMOL_DATA/demo/1tii.pdb")
    for name in "de":
        cmd.create(name, f"1tii and chain {name.upper()} and resi 1-20", 1, 1)
    cmd.remove("1tii and not (chain A and resi 4-35)")
    cmd.viewport(80, 60)


def test_what_stands_at_its_head_runs(typed, traced, tmp_path, monkeypatch):
    traced.into(tmp_path)
    monkeypatch.chdir(tmp_path)
    for line in TYPED:
        typed(line)


def test_the_table_of_commands_runs(states, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) > 12
    for line in COMMANDS:
        if line != "edm_panel":  # of a window
            typed(line)
    for picture in DRAWING:
        assert matplotlib.image.imread(picture).std() > 0.01


@pytest.mark.parametrize("line", DRAWING.values())
def test_without_matplotlib_nothing_is_begun(states, refusal, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "figures need matplotlib: pip install matplotlib" in refusal(line)
