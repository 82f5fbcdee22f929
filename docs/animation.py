"""Make the moving picture of the panel: python docs/animation.py [file], on a screen (`make screenshots` brings one).

PyMOL's real window and the panel's own slider, dragged up and down once while Live is on; the screen is photographed at
each of its places. A GIF, which GitHub shows and every browser plays.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from screenshots import FOLDER, Window

SIZE = 960, 760
PLACES = 16
"""Of the slider on its way up; as many pictures on its way down."""
LOW, HIGH = -2.6, -0.2
"""Normal scores: nothing moves that one would see, and residues are lost."""
COLOURS = 64
"""Of all frames together, so that what stands still costs nothing; a palette a frame takes three times the bytes."""
MOST = 2 << 20
"""Bytes."""


def grabbed(window: Window) -> Image.Image:
    """The window as it is on the screen."""
    from pymol.Qt import QtCore

    kept = QtCore.QBuffer()
    kept.open(QtCore.QIODevice.OpenModeFlag.ReadWrite)
    window.app.primaryScreen().grabWindow(0).copy(0, 0, *SIZE).save(kept, "PNG")
    return Image.open(io.BytesIO(bytes(kept.data()))).convert("RGB")


def film(window: Window, panel: Any) -> list[Image.Image]:
    """Pictures at each place of the slider: up, slowly at both ends, and down the same way."""
    frames = []
    for step in range(2 * PLACES):
        share = (1 - math.cos(math.pi * step / PLACES)) / 2
        panel.noise.level.z.setValue(LOW + (HIGH - LOW) * share)
        window.rest(0.3)
        frames.append(grabbed(window))
    return frames


def write(frames: list[Image.Image], path: Path) -> None:
    """One palette for all of them, without dither: what does not change is left out of the file."""
    shown = frames[:: PLACES // 4]
    sheet = Image.new("RGB", (SIZE[0], SIZE[1] * len(shown)))
    for place, frame in enumerate(shown):
        sheet.paste(frame, (0, SIZE[1] * place))
    palette = sheet.quantize(COLOURS, dither=Image.Dither.NONE)
    colours = palette.getpalette() or []
    entries = (colours[first : first + 3] for first in range(0, len(colours), 3))
    palette.putpalette([value for entry in entries for value in ([255] * 3 if min(entry) > 247 else entry)])
    few = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    few[0].save(path, save_all=True, append_images=few[1:], duration=110, loop=0, optimize=True)
    if path.stat().st_size > MOST:
        raise OSError(f"{path} has {path.stat().st_size:,} bytes: fewer PLACES or COLOURS")
    print(path, f"{path.stat().st_size:,} bytes", file=sys.__stdout__)


def main(path: Path) -> None:
    """1TII's seven chains, residues coloured by how far they are moved in their chain."""
    window = Window()
    cmd = window.cmd
    from edmnoise_pymol.panel import open_panel

    window.window.ext_window.hide()  # PyMOL's own upper part, for the molecule
    window.window.resize(*SIZE)
    cmd.bg_color("white")
    for setting in ("internal_gui", "internal_feedback"):
        cmd.set(setting, 0)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.remove("solvent")
    cmd.cartoon("tube")
    cmd.show_as("cartoon")
    cmd.set("cartoon_tube_radius", 0.7)
    panel = open_panel(cmd, "noise").panel
    panel.session.look()
    window.rest()
    cmd.orient("1tii")
    cmd.zoom("1tii", 4)
    panel.noise.weights.set_weights("rebalanced")
    panel.noise.level.z.setValue(LOW)
    panel.noise.shaking.coloured.setChecked(True)
    panel.noise.live.click()
    window.until(lambda: panel.session.live is not None)
    window.rest(2)
    write(film(window, panel), path)
    sys.stdout.flush()
    os._exit(0)  # the window's threads end with the process


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"XDG_CONFIG_HOME": home, "XDG_RUNTIME_DIR": home}
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "panel.gif")
