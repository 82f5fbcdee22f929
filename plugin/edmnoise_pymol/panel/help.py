"""The help of a tab: what its controls are for, and the help pages of the commands that they make."""

from __future__ import annotations

import html
import inspect
import re
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from .. import commands

TEXTS = {
    "Noise": (
        "Choose atoms above, press Live and drag z to see one draw move as the slider does; Apply makes the frames. "
        "The bar shows which share of an atom's variance is drawn per chain, per residue and per atom: what a chain "
        "and a residue share moves their atoms together. Undo takes back what the last button made.",
        ("edm_noise", "edm_table"),
    ),
    "Sampling": (
        "The loaded states are the data, and the denoiser is exact: what the sampler does wrong is its own. A network "
        "of yours, or one of the Training tab, takes its place by its file, or is typed as package.module:function; a "
        ".pt2 is a program, and is asked about before it runs. Each "
        "level's way from noise to structure, and the noise level at which it is decided, is plotted below. Open trace "
        "shows the same of what was recorded of a real model.",
        ("edm_sample", "edm_trace", "edm_precondition"),
    ),
    "Design": (
        "Say how far chains, residues in their chain and atoms in their residue shall move, and Design finds the "
        "weights and the sigma that do it; Use these takes them over to the Noise tab. The triangle maps a measure "
        "over all weights: click it to set them. Scramble points say where each level comes apart with the weights of "
        "the Noise tab, and in how many training steps. Nothing is drawn at random.",
        ("edm_design", "edm_triangle", "edm_scramble"),
    ),
    "Training": (
        "Start trains a small network on the states of the chosen object, which move about themselves as Motion says; "
        "one state needs motion. The plot shows its loss by part, and dashed what no network gets below. Stop keeps a "
        "checkpoint, Resume goes on from it to the last bit. At the end the error over the noise levels is shown "
        "beside the exact denoiser's; Sample with it takes the network over to the Sampling tab.",
        ("edm_train", "edm_error"),
    ),
    "Plots": (
        "Lines are closed forms, points are measured. Click a residue to select it in PyMOL, a step to go to its "
        "frame; what you select in PyMOL is marked here.",
        ("edm_levels",),
    ),
    "Colour": ("What the colours of the frames stand for; every number is RMS per coordinate.", ("edm_color",)),
    "Results": (
        "The level table of the frames, and files of all that was made. Quality opens a window with what every state "
        "has kept of a reference: lDDT, RMSD, contacts, bonds, chirality, clashes and size.",
        ("edm_levels", "edm_quality", "edm_save"),
    ),
}
"""For each tab a few sentences, and the commands whose pages follow."""


def page(tab: str) -> str:
    """The help of a tab as HTML."""
    words, names = TEXTS[tab]
    pages = (f"<h3>{name}</h3>{_as_html(inspect.getdoc(getattr(commands, name)) or '')}" for name in names)
    return f"<h2>{tab}</h2><p>{html.escape(words)}</p>{''.join(pages)}"


def show_help(parent: Any, tab: str) -> Any:
    """Open the help of a tab in a window that waits for nothing."""
    window = QtWidgets.QDialog(parent)
    window.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    window.setWindowTitle(f"EDM noise: {tab}")
    text = QtWidgets.QTextBrowser()
    text.setHtml(page(tab))
    rows = QtWidgets.QVBoxLayout(window)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.addWidget(text)
    window.resize(520, 600)
    window.show()
    return window


def _as_html(docstring: str) -> str:
    parts = []
    for heading, body in re.findall(r"^([A-Z ]+)$\n(.*?)(?=^[A-Z ]+$|\Z)", docstring, re.MULTILINE | re.DOTALL):
        if heading == "EXAMPLES":
            text = f"<pre>{html.escape(inspect.cleandoc(body))}</pre>"
        else:
            paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", body) if part.strip())
            text = "".join(f"<p>{_bold(html.escape(part))}</p>" for part in paragraphs)
        parts.append(f"<h4>{heading.capitalize()}</h4>{text}")
    return "".join(parts)


def _bold(argument: str) -> str:
    return re.sub(r"^([\w, ]+?) = ", r"<b>\1</b> = ", argument)
