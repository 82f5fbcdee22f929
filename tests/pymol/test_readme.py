"""What the README tells its reader to type runs as it stands there, in its order; the table's lines on few atoms."""

import re
from pathlib import Path

import matplotlib.image

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
TYPED = re.findall(r"^PyMOL> (.*)$", README, flags=re.M)
TABLE = re.search(r"\| type in PyMOL \|.*?\n\n", README, flags=re.S)[0]
COMMANDS = re.findall(r"^\| `(edm_[^`]*)`", TABLE, flags=re.M)
DRAWN = re.findall(r"file=(\w+\.png)", TABLE)


def test_all_of_it_runs(cmd, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) > 12
    for line in TYPED:
        typed(line)
    cmd.delete("all")
    cmd.load("$PYMOL_DATA/demo/1tii.pdb")
    for name in "de":  # the README's two states of one subunit
        cmd.create(name, f"1tii and chain {name.upper()} and resi 1-20", 1, 1)
    cmd.remove("1tii and not (chain A and resi 4-35)")
    cmd.viewport(80, 60)
    for line in COMMANDS:
        if line != "edm_panel":  # of a window
            typed(line.replace("\\|", "|"))
    for picture in DRAWN:
        assert matplotlib.image.imread(picture).std() > 0.01
