"""A movie of noise for my talk?

Without a window: the commands of the plugin are functions, and `edm_movie` writes a GIF or, where ffmpeg is, an MP4.
Larger pictures and `ray=1` make a film for a projector, in minutes.

Four frames of the film: the reference and three frames of noise, whose residues are coloured by how far they moved in
their chain.
"""

import sys

from shown import finish

try:
    from pymol import cmd
except ImportError:
    sys.exit("films are made by PyMOL: pip install 'edmnoise[pymol]'")
from matplotlib import pyplot as plt
from PIL import Image, ImageSequence

from edmnoise_pymol import edm_movie, edm_noise

cmd.load(sys.argv[1] if len(sys.argv) > 1 else "$PYMOL_DATA/demo/1tii.pdb", "mine", quiet=1)
cmd.bg_color("white")
cmd.set("orthoscopic", 1)
chosen = "mine and polymer" if len(sys.argv) > 1 else "mine and chain A and resi 4-35"
made = edm_noise(chosen, z=-1, weights="rebalanced", frames=7)
cmd.disable("mine")
cmd.show_as("sticks", made.name)
cmd.orient(made.name, state=1)
cmd.zoom(made.name, -5, state=1)
edm_movie("noise.gif", made.name, width=320, height=240, ray=1, fps=8, overwrite=1)
print("wrote noise.gif,", cmd.count_states(made.name), "frames")

with Image.open("noise.gif") as film:
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]
figure, axes = plt.subplots(2, 2)
for axis, number in zip(axes.flat, (0, 1, 3, 5), strict=True):
    axis.imshow(frames[number])
    axis.set_axis_off()
    axis.set_title(f"frame {number}" if number else "reference", fontweight="normal")
finish(figure)
