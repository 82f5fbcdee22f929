"""docs/pictures.py draws every picture that the pages show, but those of the panel (docs/screenshots.py), of the
notebook (docs/notebook_picture.py) and of a browser (docs/elsewhere_picture.py, which needs what no package brings)."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

DOCS = Path(__file__).resolve().parents[2] / "docs"
SMALL = """
import sys
from pathlib import Path
import pictures
for name, draw in pictures.PICTURES.items():
    draw(Path(sys.argv[1], f"{name}.png"), width=300)
"""


def test_every_picture_is_drawn_anew_in_the_shape_of_the_one_that_is_shown(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SMALL, tmp_path], cwd=DOCS, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    for shown in sorted((DOCS / "images").glob("*.png")):
        if shown.name.startswith(("panel_", "elsewhere", "notebook")):
            continue
        drawn = np.asarray(Image.open(tmp_path / shown.name).convert("RGB"))
        assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20  # a blank one has one colour
        assert shown.stat().st_size < 200_000


def test_every_picture_that_is_shown_is_there_and_no_other():
    shown = {
        name for page in DOCS.glob("*.rst") for name in re.findall(r":: images/(\S+)", page.read_text(encoding="utf-8"))
    }
    assert shown == {path.name for path in (DOCS / "images").iterdir()}


def test_pictures_of_the_panel_show_a_molecule_and_a_panel():
    for path in (DOCS / "images").glob("panel_*.png"):
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert path.stat().st_size < 250_000
        width = pixels.shape[1]
        assert width == (860 if path.name == "panel_first.png" else 1280)  # PyMOL's own window, and a larger one
        scene, panel = pixels[200:, : width // 2], pixels[200:, -360:]
        assert len(np.unique(scene.reshape(-1, 3), axis=0)) > 50, path.name
        assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 50, path.name


def test_the_film_of_the_panel_moves_where_the_molecule_is():
    path = DOCS / "images" / "panel.gif"
    assert path.stat().st_size < 2 << 20
    with Image.open(path) as film:
        assert film.info["loop"] == 0  # for ever
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) > 20
    middle = len(frames) // 2
    half = frames[0].shape[1] // 2
    for place, following in ((0, middle), (middle, middle + 4)):
        moved = (frames[place] != frames[following]).any(axis=2)
        assert moved[:, :half].mean() > 0.05
        assert moved[:, half:].any()  # slider, numbers, plot
    assert (frames[1] != frames[-1]).any(axis=2).mean() < 0.02  # it ends where it began
