"""Make the pictures of the documentation and the README: python docs/pictures.py [folder]

Molecules are drawn by PyMOL's own ray tracer, without a window, and put beside each other with matplotlib.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from PIL import Image
from pymol import cmd

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES, palette_colours
from edmnoise.base.lengths import IN_SPACE
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise_pymol.commands import edm_color, edm_noise, edm_sample, edm_save

FOLDER = Path(__file__).parent / "images"
FRAGMENT = "chain A and resi 4-35"
INK = "#26262e"
DPI = 88
WORDS = {
    "flat": "each atom moves by itself",
    "current": "the chain moves as a whole",
    "rebalanced": "each residue moves by itself",
}
"""The weights that are shown, and what each does most."""
COLOURS = {"flat": "#d1495b", "current": "#3f51b5", "rebalanced": "#e09f3e"}
"""Lines of the figure: one colour for each weights."""
CHAINS = "#3f51b5", "#d1495b", "#e09f3e", "#2a9d8f", "#8e6bbf", "#7a8b3c", "#5aa9e6"

plt.rcParams.update(
    {"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#8a8a94"}
)


def frames_picture(path: Path, width: int = 1500) -> None:
    """One frame with all atoms, and the residue centres of several frames, for three weights at one noise level."""
    view = start(FRAGMENT, turned=170)
    shown, top = 5, 1.6
    atoms, centres = [], []
    for weights in WORDS:
        made = edm_noise("reference", z=-1, weights=weights, frames=shown)
        cmd.hide("everything")
        cmd.cartoon("tube", "reference")
        cmd.show("cartoon", "reference")
        cmd.set("ray_trace_mode", 0)  # outlines would blacken thin sticks
        colour_state(made.name, 2, top)
        cmd.show("sticks", made.name)
        atoms.append(ray(width // 2, view))
        cmd.set("ray_trace_mode", 1)
        cmd.hide("everything")
        load_centres(made.name)
        for state in range(2, shown + 2):
            colour_state("centres", state, top)
            tube("centres", state, 0.25)
        cmd.color("grey70", "centres")
        tube("centres", 1, 0.5)
        centres.append(ray(width // 2, view))
        cmd.delete(f"centres* {made.name}")
    rows = cropped(atoms), cropped(centres)

    share = [image[0].shape[0] / image[0].shape[1] for image in rows]
    figure = plt.figure(figsize=(width / 100, (width / 3 * 0.93 * sum(share) + 190) / 100), dpi=DPI)
    grid = figure.add_gridspec(
        2, 3, left=0.06, right=0.99, top=0.89, bottom=0.14, hspace=0.06, wspace=0.04, height_ratios=share
    )
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            axis = figure.add_subplot(grid[row, column])
            axis.imshow(image)
            axis.set_axis_off()
            if row == 0:
                preset, words = list(WORDS.items())[column]
                axis.set_title(titled(preset), fontsize=19, fontweight="bold", pad=30)
                axis.text(0.5, 1.04, words, transform=axis.transAxes, ha="center", fontsize=16)
            if column == 0:
                said = ("one frame, all atoms", f"{shown} frames, residue centres")[row]
                axis.text(
                    -0.06, 0.5, said, transform=axis.transAxes, rotation=90, va="center", ha="center", fontsize=16
                )
    bar = figure.add_axes((0.30, 0.085, 0.4, 0.022))
    legend(figure, bar, 0, top, "displacement of the residue in its chain (Å, RMS per coordinate)")
    figure.text(0.02, 0.062, f"z = −1\nσ = {made.provenance.sigma:.2f} Å", fontsize=16)
    save(figure, path)


def colours_picture(path: Path, width: int = 1500) -> None:
    """What edm_noise and edm_color show: one frame coloured by its residues' and by its atoms' displacements."""
    view = start(FRAGMENT, turned=170)
    made = edm_noise("reference", weights="current", z=-1)
    cmd.hide("everything")
    cmd.show("sticks", made.name)
    cmd.set("ray_trace_mode", 0)
    cmd.set("stick_radius", 0.25)
    cmd.frame(2)
    images, colourings = [], []
    for level in ("residue", "atom"):
        colourings.append(edm_color(made.name, level=level))
        images.append(ray(width // 2, view))
    figure = plt.figure(figsize=(width / 100, width / 100 * 0.42), dpi=DPI)
    for column, (image, colouring) in enumerate(zip(cropped(images), colourings, strict=True)):
        axis = figure.add_axes((0.02 + 0.5 * column, 0.22, 0.46, 0.77))
        axis.imshow(image)
        axis.set_axis_off()
        bar = figure.add_axes((0.09 + 0.5 * column, 0.14, 0.32, 0.035))
        legend(
            figure,
            bar,
            colouring.low,
            colouring.high,
            ("residue in its chain (Å)", "atom in its residue (Å)")[column],
        )
    save(figure, path)


def chains_picture(path: Path, width: int = 1500) -> None:
    """1TII's seven chains drawn through their residue centres, before and after noise of one level."""
    view = start("polymer", turned=0, rolled=-90)
    chains = cmd.get_chains("reference")
    images, said = [], []
    for weights in ("", *WORDS):
        made = edm_noise("reference", z="", sigma=4.8, weights=weights or "flat", frames=1, seed=3)
        load_centres(made.name)
        state = 2 if weights else 1
        tube("centres", state, 0.6)
        for chain, colour in zip(chains, CHAINS, strict=True):
            cmd.color(f"0x{colour[1:]}", f"centres_{state} and chain {chain}")
        images.append(ray(int(width * 0.45), view))
        moved = dict(zip(made.table["displacement"], made.table["measured"], strict=True))
        said.append([moved["chain"], moved["residue in chain"], moved["atom in residue"]] if weights else None)
        cmd.delete(f"centres* {made.name}")
    images = cropped(images)
    share = images[0].shape[0] / images[0].shape[1]
    figure = plt.figure(figsize=(width / 100, (width / 4 * 0.97 * share + 160) / 100), dpi=DPI)
    height = figure.get_figheight() * 100
    grid = figure.add_gridspec(1, 4, left=0.01, right=0.99, top=1 - 60 / height, bottom=100 / height, wspace=0.03)
    for column, (weights, image, lengths) in enumerate(zip(("", *WORDS), images, said, strict=True)):
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(image)
        axis.set_axis_off()
        axis.set_title(titled(weights) if weights else "1TII", fontsize=19, fontweight="bold", pad=16)
        place = {"transform": axis.transAxes, "va": "baseline", "fontsize": 15}
        if lengths is None:
            axis.text(0.5, -0.06, "residue centres of chains", ha="center", **place)
            axis.text(0.5, -0.20, "one frame each, σ = 4.8 Å", ha="center", **place)
            for k, (chain, colour) in enumerate(zip(chains, CHAINS, strict=True)):
                x = 0.5 + 0.1 * (k - (len(chains) - 1) / 2)
                axis.text(x, -0.13, chain, ha="center", color=colour, fontweight="bold", **place)
        else:
            for k, (what, length) in enumerate(
                zip(("chain", "residue in chain", "atom in residue"), lengths, strict=True)
            ):
                axis.text(0.64, -0.06 - 0.07 * k, what, ha="right", **place)
                axis.text(0.90, -0.06 - 0.07 * k, f"{length:.2f} Å", ha="right", **place)
    save(figure, path)


def levels_picture(path: Path, width: int = 1500, draws: int = 4) -> None:
    """Displacement at each level over noise levels: closed forms as lines, measured draws as points."""
    start(FRAGMENT, turned=170)
    structure = edm_noise("reference", frames=1).structure
    constants = sigma_distribution("alphafold3")
    points, lines = np.arange(-2.5, 2.51, 0.5), np.linspace(-2.7, 2.7, 55)
    shown = (Measure(2, False), Measure(1, True), Measure(0, True))
    marked = (None, (3.8, "3.8 Å in space:\nneighbouring Cα"), (1.4, "1.4 Å in space:\nbonded atoms"))
    figure, axes = plt.subplots(1, 3, figsize=(width / 100, width / 100 * 0.4), dpi=DPI, sharey=True)
    reference = torch.tensor(structure.coordinates)
    for k, weights in enumerate(map(Weights.named, WORDS)):
        process = MultiscaleNoise(structure.hierarchy, weights)
        statistics = NoiseStatistics(structure.hierarchy, weights)
        rows = [
            measure_displacement(
                structure, process.blocks(constants.sigma(z), range(first, first + draws), mean=reference), only=shown
            )
            for first, z in zip(itertools.count(k * len(points) * draws, draws), points.tolist(), strict=False)
        ]
        for axis, measure in zip(axes, shown, strict=True):
            expected = statistics.displacement(measure.level, measure.relative_to)
            sigma = np.array([constants.sigma(z) for z in lines.tolist()])
            colour = COLOURS[weights.label]
            middle, spread = expected.rms(), expected.rms_sd(draws)
            axis.fill_between(
                lines, sigma * (middle - spread), sigma * (middle + spread), color=colour, alpha=0.18, lw=0
            )
            axis.plot(lines, sigma * middle, color=colour, lw=2.2, label=titled(weights.label))
            axis.plot(points, [row.rms(measure) for row in rows], "o", color=colour, ms=6, mec="white", mew=0.8)
    for axis, measure, mark in zip(axes, shown, marked, strict=True):
        axis.set_title(measure.label(structure.hierarchy), fontsize=19, fontweight="bold", pad=12)
        axis.set(yscale="log", xlim=(-2.7, 2.7), ylim=(0.02, 400))
        axis.set_xlabel("z", fontsize=15)
        axis.yaxis.set_major_formatter("{x:g}")
        axis.tick_params(labelsize=14)
        axis.grid(color="#e6e6ea", lw=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        above = axis.secondary_xaxis("top")
        above.set_xticks(range(-2, 3), [f"{constants.sigma(z):.2g}" for z in range(-2, 3)])
        above.set_xlabel("σ (Å)", fontsize=14, color="#6b6b75")
        above.tick_params(labelsize=14, colors="#6b6b75", length=0)
        above.spines["top"].set_visible(False)
        if mark:
            axis.axhline(mark[0] / IN_SPACE, color=INK, lw=1.2, ls=(0, (5, 4)))
            axis.text(-2.6, mark[0] / IN_SPACE * 1.15, mark[1], fontsize=14, va="bottom")
    axes[0].set_ylabel("displacement (Å, RMS per coordinate)", fontsize=15)
    axes[0].legend(fontsize=14, frameon=False, loc="upper left", borderaxespad=0.2)
    figure.tight_layout()
    save(figure, path)


def held_picture(path: Path, width: int = 1500) -> None:
    """A loop that moves while the rest is held: noised frames of its residue centres, and samples given the rest."""
    loop, around, top = "resi 50-61", "resi 49-62", 1.2
    view = start("chain D", turned=20)
    images = []
    for sampled in (False, True):
        if sampled:
            options = {"sampler": "heun", "steps": 20, "samples": 8, "trajectory": 0, "fluctuations": "network"}
            edm_sample("reference", move=loop, name="made", **options)
        else:
            edm_noise("reference", z=-1, move=loop, frames=5, weights="rebalanced", name="made")
        load_centres("made")
        cmd.color("grey70", "centres")
        tube("centres", 1, 0.4)
        for state in range(2, cmd.count_states("made") + 1):
            colour_state("centres", state, top, relative=False)
            tube("centres", state, 0.2, around)
        images.append(ray(width // 2, view))
        cmd.delete("centres* made")
    figure = plt.figure(figsize=(width / 100, width / 100 * 0.5), dpi=DPI)
    said = "five noised frames, edm_noise", "eight samples given the rest, edm_sample"
    for column, (image, words) in enumerate(zip(cropped(images), said, strict=True)):
        axis = figure.add_axes((0.02 + 0.5 * column, 0.2, 0.46, 0.7))
        axis.imshow(image)
        axis.set_axis_off()
        axis.set_title(words, fontsize=17, pad=10)
    bar = figure.add_axes((0.3, 0.13, 0.4, 0.03))
    legend(figure, bar, 0, top, "displacement of the residue (Å, RMS per coordinate)")
    save(figure, path)


def processes_picture(path: Path, width: int = 1500) -> None:
    """The trace of residue centres in a frame of each linear process, beside the reference."""
    view, top, images = start("chain D", turned=20), 10.0, []
    said = ("multiscale", "chroma_gas", "chroma_globular", "harmonic")
    for process in said:
        edm_noise("reference", sigma=4.8, process=process, frames=1, name="made")
        load_centres("made")
        cmd.color("grey70", "centres")
        tube("centres", 1, 0.35)
        colour_state("centres", 2, top, relative=False)
        tube("centres", 2, 0.45)
        images.append(ray(width // 2, view))
        cmd.delete("centres* made")
    figure = plt.figure(figsize=(width / 100, width / 100 * 0.34), dpi=DPI)
    for column, (image, words) in enumerate(zip(cropped(images), said, strict=True)):
        axis = figure.add_axes((0.01 + 0.25 * column, 0.22, 0.23, 0.66))
        axis.imshow(image)
        axis.set_axis_off()
        axis.set_title(words, fontsize=17, pad=8)
    bar = figure.add_axes((0.3, 0.15, 0.4, 0.04))
    legend(figure, bar, 0, top, "displacement of the residue (Å, RMS per coordinate)")
    save(figure, path)


def titled(weights: str) -> str:
    """A preset and its numbers."""
    return f"{weights}  {'/'.join(f'{share:g}' for share in PRESETS[weights])}"


def start(selection: str, turned: float, rolled: float = 0) -> Any:
    """1TII's atoms of a selection as the object ``reference``, drawn on white; returns a view that they fill."""
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "reference", quiet=1)
    cmd.remove(f"reference and not ({selection})")
    cmd.bg_color("white")
    for setting, value in (
        ("ray_opaque_background", 1),
        ("ray_shadows", 0),
        ("ray_trace_mode", 1),
        ("ray_trace_color", "grey30"),
        ("ray_trace_gain", 0.06),
        ("depth_cue", 0),
        ("antialias", 2),
        ("ambient", 0.4),
        ("specular", 0.2),
        ("orthoscopic", 1),
        ("stick_radius", 0.17),
        ("valence", 0),
    ):
        cmd.set(setting, value)
    cmd.color("grey80", "reference")
    cmd.orient("reference")
    cmd.turn("x", turned)
    cmd.turn("z", rolled)
    cmd.zoom("reference", buffer=12)
    return cmd.get_view()


def colour_state(name: str, state: int, top: float, relative: bool = True) -> None:
    """Colour an object by how far its residues moved in one state, in their chain or at all, and show that state."""
    cmd.frame(state)
    edm_color(name, over="state", minimum=0, maximum=top, relative=relative)


def load_centres(name: str) -> None:
    """Residue centres of an object's states as the object ``centres``."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "centres.pdb"))
        edm_save(file, name, level="residue")
        cmd.load(file, "centres", quiet=1)
    cmd.hide("everything")


def tube(name: str, state: int, radius: float, part: str = "all") -> None:
    """Keep one state, or a part of it, as a tube of the colours that the object has now."""
    copy = f"{name}_{state}"
    cmd.create(copy, f"{name} and ({part})", state, 1)
    cmd.set("cartoon_trace_atoms", 1, copy)
    cmd.set("cartoon_tube_radius", radius, copy)
    cmd.cartoon("tube", copy)
    cmd.show("cartoon", copy)


def ray(width: int, view: Any) -> np.ndarray:
    """A square picture by PyMOL's ray tracer: (width, width, 3) uint8."""
    cmd.set_view(view)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "picture.png"))
        cmd.png(file, width, width, ray=1, quiet=1)
        return np.asarray(Image.open(file).convert("RGB"))


def cropped(images: list[np.ndarray], margin: int = 4) -> list[np.ndarray]:
    """Pictures of one size without the white around all of them."""
    drawn = np.any([(image < 250).any(axis=2) for image in images], axis=0)
    rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
    across = slice(max(columns[0] - margin, 0), columns[-1] + margin)
    return [image[max(rows[0] - margin, 0) : rows[-1] + margin, across] for image in images]


def legend(figure: Any, axis: Any, low: float, top: float, label: str) -> None:
    """A colour bar in edm_color's own colours."""
    colours = LinearSegmentedColormap.from_list(DEFAULT_PALETTE, PALETTES[DEFAULT_PALETTE])
    bar = figure.colorbar(ScalarMappable(Normalize(low, top), colours), cax=axis, orientation="horizontal")
    bar.set_label(label, fontsize=15)
    bar.ax.tick_params(labelsize=14)
    bar.outline.set_visible(False)


def save(figure: Any, path: Path) -> None:
    """Write a figure in few colours, those of the legend among them: they are enough, and a quarter of the bytes."""
    figure.savefig(path)
    plt.close(figure)
    picture = Image.open(path).convert("RGB")
    legend = palette_colours(np.linspace(0, 1, 48), PALETTES[DEFAULT_PALETTE], 0, 1)
    palette = picture.quantize(128, kmeans=2).getpalette() or []
    chosen = Image.new("P", (1, 1))
    colours = np.array([*palette[: 3 * 128], *legend.ravel().tolist()]).reshape(-1, 3)
    colours[colours.min(axis=1) > 247] = 255
    chosen.putpalette(colours.ravel().tolist())
    picture.quantize(palette=chosen, dither=Image.Dither.NONE).save(path, optimize=True)


PICTURES = {
    "frames": frames_picture,
    "colours": colours_picture,
    "chains": chains_picture,
    "levels": levels_picture,
    "held": held_picture,
    "processes": processes_picture,
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    chosen = sys.argv[2:] or list(PICTURES)
    for name in chosen:
        PICTURES[name](folder / f"{name}.png")


if __name__ == "__main__":
    main()
