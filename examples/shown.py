"""For the examples of the gallery: the structure that is given or PyMOL's own, and pictures of one style."""

import importlib.util
import sys
from pathlib import Path

import matplotlib

import edmnoise as edm

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"flat": "#d1495b", "current": "#3f51b5", "rebalanced": "#e09f3e"}
"""One for each weights that the pages speak of."""
PARTS = {"chain": "#3f51b5", "residue in chain": "#2a9d8f", "atom in residue": "#d1495b"}
"""One for each nested part of a displacement, in the order in which people read them."""
LEVELS = {"chain": (2, None), "residue in chain": (1, 2), "atom in residue": (0, 1)}
"""What `NoiseStatistics.displacement` is asked for them."""

plt.rcParams.update(
    {
        "figure.figsize": (8, 4.8),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 15,
        "axes.titlesize": 17,
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8a8a94",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e6e6ea",
        "lines.linewidth": 2.6,
        "legend.frameon": False,
    }
)


def _in_one_line(kind, error, trace):
    """What is wrong with a file, or cannot be done with it, is a sentence."""
    if kind.__name__ in ("EdmNoiseError", "CmdException"):  # the second is PyMOL's
        print(str(error).strip(), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _in_one_line


def given(chains="", residues=None):
    """The file that the command line names, whole; else PyMOL's own 1TII, or a part of it."""
    return edm.read_structure(sys.argv[1]) if len(sys.argv) > 1 else toxin(chains, residues)


def toxin(chains="", residues=None):
    """PyMOL's own 1TII: some of its chains, and residues of them."""
    if len(sys.argv) > 1:
        sys.exit(f"{Path(sys.argv[0]).name} does this with PyMOL's own 1TII: give it no file")
    pymol = importlib.util.find_spec("pymol")
    if pymol is None:
        sys.exit("no PyMOL here, whose 1TII is taken: pip install 'edmnoise[pymol]'")
    return cut(edm.read_structure(Path(pymol.origin).parent / "data" / "demo" / "1tii.pdb"), chains, residues)


def cut(structure, chains="", residues=None):
    """Some chains, all where none is named, and residues of them, polymer alone."""
    kept = [
        not hetero and (not chains or chain in chains) and (residues is None or int(number) in residues)
        for chain, number, hetero in zip(
            structure.atoms.chain, structure.atoms.number, structure.atoms.hetero, strict=True
        )
    ]
    return edm.Structure.from_atoms(structure.coordinates[kept], structure.atoms.take(kept))


def finish(figure):
    """Write the picture beside the reader, under the script's name."""
    file = f"{Path(sys.argv[0]).stem}.png"
    figure.savefig(file)
    print("wrote", file)
