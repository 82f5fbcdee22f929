"""Make images/elsewhere.png: python docs/elsewhere_picture.py VIEWER [file]; VIEWER is Mol*'s folder build/viewer.

What edm_save writes for Mol* is opened in a browser without a window and photographed; beside it is PyMOL's own picture
from the same place. Mol* comes by ``npm install molstar``, the browser is Chromium; nothing else is fetched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from pictures import FOLDER, INK, cropped, plt, save
from PIL import Image
from pymol import cmd

from edmnoise_pymol.commands import edm_noise, edm_save

SIZE = 1000, 480
FRAME = 144
"""Pixels of height that Chromium takes from its window, even if it shows none."""
STATE = 2
PATIENCE = 30_000
"""Milliseconds of the page's own time, which stands still while it works."""

PAGE = """<html><link rel=stylesheet href=molstar.css><script src=molstar.js></script>
<body style="margin:0"><div id=app style="position:absolute;inset:0"></div><script>
const shown = {layoutShowControls: false, layoutShowSequence: false, layoutShowLog: false, layoutShowLeftPanel: false};
molstar.Viewer.create("app", shown).then(async viewer => {
  await viewer.loadMvsData(new Uint8Array(await (await fetch("frames.mvsx")).arrayBuffer()), "mvsx");
  const snapshots = viewer.plugin.managers.snapshot;
  await snapshots.applyKey("frame_%d");
});
</script></body></html>"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder to the browser on this machine, and says nothing."""

    def log_message(self, *_: Any) -> None:
        pass


def made(folder: Path) -> dict[str, Any]:
    """Noised frames in PyMOL and in the folder; the camera that the file for Mol* has."""
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii", quiet=1)
    edm_noise("1tii and chain C+D", z=-1, weights="rebalanced", frames=8, name="frames")
    edm_save(str(folder / "frames.mvsx"), "frames")
    with zipfile.ZipFile(folder / "frames.mvsx") as archive:
        tree = json.loads(archive.read("index.mvsj"))
    children = tree["snapshots"][0]["root"]["children"]
    return next(node["params"] for node in children if node["kind"] == "camera")


def in_pymol(folder: Path, camera: dict[str, Any]) -> np.ndarray:
    """The frame as PyMOL draws it from where the camera stands."""
    target, position, up = (np.array(camera[name]) for name in ("target", "position", "up"))
    away = np.linalg.norm(position - target)
    back = (position - target) / away
    axes = np.stack([np.cross(up, back), up, back], axis=1)
    place = away / (2 * np.sin(np.pi / 8))
    cmd.delete("1tii")
    cmd.show_as("cartoon", "frames")
    cmd.bg_color("white")
    looks = {"field_of_view": 45, "ray_opaque_background": 1, "ray_shadows": 0, "depth_cue": 0, "antialias": 2}
    for setting, value in looks.items():
        cmd.set(setting, value)
    cmd.set_view([*axes.ravel().tolist(), 0, 0, -place, *target.tolist(), place - 100, place + 100, 0])
    cmd.frame(STATE)
    cmd.png(str(folder / "pymol.png"), *SIZE, ray=1, quiet=1)
    return np.asarray(Image.open(folder / "pymol.png").convert("RGB"))


def in_molstar(folder: Path, viewer: Path) -> np.ndarray:
    """The browser's picture of the same file."""
    for name in ("molstar.js", "molstar.css"):
        shutil.copy(viewer / name, folder / name)
    (folder / "index.html").write_text(PAGE % STATE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    options = [
        *("--headless=new", "--no-sandbox", f"--user-data-dir={folder / 'browser'}"),
        *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars"),
        *(f"--window-size={SIZE[0]},{SIZE[1] + FRAME}", f"--virtual-time-budget={PATIENCE}"),
        f"--screenshot={folder / 'molstar.png'}",
    ]
    page = f"http://127.0.0.1:{server.server_port}/index.html"
    try:
        subprocess.run(["chromium", *options, page], check=True, capture_output=True)
    finally:
        server.shutdown()
    return np.asarray(Image.open(folder / "molstar.png").convert("RGB"))[: SIZE[1]]


def main() -> None:
    viewer = Path(sys.argv[1])
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER / "elsewhere.png"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = made(folder)
        (pymol,) = cropped([in_pymol(folder, camera)], margin=60)
        molstar = in_molstar(folder, viewer)
    height = SIZE[1] - pymol.shape[0]
    pymol = np.pad(pymol, ((height // 2, height - height // 2), (0, 0), (0, 0)), constant_values=255)
    widths = pymol.shape[1], molstar.shape[1]
    figure, axes = plt.subplots(1, 2, figsize=(14, 14 * SIZE[1] / sum(widths)), width_ratios=widths, dpi=100)
    figure.subplots_adjust(0, 0, 1, 1, 0, 0)
    for axis, picture, title, place in zip(axes, (pymol, molstar), ("PyMOL", "Mol*"), (0.04, 0.62), strict=True):
        axis.imshow(picture)
        axis.axis("off")
        axis.text(place, 0.93, title, transform=axis.transAxes, fontsize=16, color=INK, va="top")
    save(figure, target)


if __name__ == "__main__":
    main()
