"""Every script of the gallery answers its question in a folder of its own: lines, and a picture that is not blank."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gallery import Said
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "examples.rst").read_text(encoding="utf-8")
GALLERY = re.findall(r"^   (\w+)$", PAGE.partition(".. gallery::")[2], flags=re.M)

A = r"\d[\d.]* A"
PROMISED = {
    "which_weights": rf"designed +chain 10\.00 A  residue in chain 3\.80 A  atom in residue 1\.40 A\nflat +chain {A}",
    "how_much_is_8": rf"sigma 8 A is z = 0\.34: 37% of .* steps have more\nchain: {A} in space\nresidue in chain: {A}",
    "what_noise_destroys": r"flat +at 1\.7 A  lDDT 0\.\d\d  contacts kept 0\.\d\d  bonds broken 0\.\d\d",
    "freeze_out": rf"current +atom in residue {A}  residue in chain {A}  chain {A}",
    "record_boltz": rf"4 samples in 60 steps\natom in residue is frozen out below {A}\n",
    "my_network": rf"mine at 10 A: error {A}\nexact at 10 A: error {A}",
    "training_loop": rf"chain: {A} in the first epoch, {A} in the last",
    "md_levels": r"98 frames, superposed\n(.*\n)*residue in chain +2\.\d+\n(.*\n)*Weights\(chain=0, .* sigma 2\.46 A",
    "sweep_folder": r"21 of 21 tasks have numbers(.*\n)*flat +A \d\.\d\d C \d\.\d\d D",
    "talk_movie": r"wrote noise\.gif, 8 frames",
}
"""What each prints, but the last line."""


def run(name, folder, *arguments, first=""):
    """A script in a folder, as one who has it beside ``shown.py``; modules of ``first`` come before others."""
    path = os.pathsep.join(filter(None, [str(first), str(ROOT), str(ROOT / "plugin"), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_the_page_and_this_file_speak_of_the_same_scripts():
    assert list(PROMISED) == GALLERY


@pytest.mark.parametrize("name", GALLERY)
def test_it_says_and_draws_what_it_promises(name, tmp_path):
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(PROMISED[name], done.stdout), done.stdout
    assert done.stdout.endswith(f"wrote {name}.png\n")
    with Image.open(tmp_path / f"{name}.png") as picture:
        assert picture.size == (800, 480)
        drawn = (np.asarray(picture.convert("RGB")) < 240).any(axis=2)
    assert 0.02 < drawn.mean() < 0.6
    thirds = np.array_split(drawn, 3, axis=1)
    assert all(third.any() for third in thirds)


@pytest.mark.parametrize("name", GALLERY)
def test_it_is_short_and_asks_one_question(name):
    script = EXAMPLES / f"{name}.py"
    said = Said.of(script)
    assert re.fullmatch(r"[A-Z].*\?", said.question)
    assert said.prose
    assert said.picture.endswith(".")
    lines = script.read_text(encoding="utf-8").splitlines()
    assert len(lines) - said.lines <= 60
    assert not any(re.match(r"\s*(from|import) edmnoise\.", line) for line in lines)  # the face alone


def test_a_file_of_the_readers_own_is_taken(pymol_data, tmp_path):
    done = run("how_much_is_8", tmp_path, pymol_data / "demo" / "pept.pdb")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "how_much_is_8.png").is_file()


@pytest.mark.parametrize(
    ("name", "missing", "said"),
    [
        ("md_levels", "MDAnalysis", "trajectories are read by MDAnalysis here: pip install MDAnalysis MDAnalysisTests"),
        ("talk_movie", "pymol", "films are made by PyMOL: pip install 'edmnoise[pymol]'"),
    ],
)
def test_what_is_missing_is_one_line(name, missing, said, tmp_path):
    (tmp_path / f"{missing}.py").write_text("raise ImportError")
    done = run(name, tmp_path, first=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"{said}\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("how_much_is_8", "cannot read nosuch.pdb: No such file or directory"),
        ("talk_movie", 'failed to open file "nosuch.pdb"'),
        ("record_boltz", "cannot read nosuch.pdb: No such file or directory"),
        ("freeze_out", "freeze_out.py does this with PyMOL's own 1TII: give it no file"),
    ],
)
def test_a_wrong_file_is_one_line(name, said, tmp_path):
    done = run(name, tmp_path, "nosuch.pdb")
    assert done.returncode == 1
    assert done.stderr.removeprefix("Error: ") == f"{said}\n"
    assert not list(tmp_path.glob("*.png"))


def test_a_script_that_is_not_there_stops_the_build(site):
    assert "no script nosuch.py in examples/" in site.build("Page\n====\n\n.. gallery::\n\n   nosuch\n")
    assert site.stopped


def test_a_page_shows_the_picture_of_a_script_with_a_caption_of_its_own(site):
    page = site.build("Page\n====\n\n.. shown-by:: how_much_is_8\n\n   Eight *and more*.\n")
    assert not site.stopped, page
    assert "Eight <em>and more</em>." in page
    assert 'src="data:image/png;base64,' in page
