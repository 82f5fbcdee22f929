"""A structure and frames of noise about it, shaking in a notebook, coloured by a value of each atom.

An anywidget of our own whose JavaScript (``viewer.js``) is all that a browser needs: nothing is fetched when it runs.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.colours import DEFAULT_PALETTE, PALETTES, palette_colours
from ..base.errors import EdmNoiseError
from ..structure.bonds import find_bonds
from ..structure.structure import Structure

SCRIPT = Path(__file__).with_suffix(".js")

HEIGHT = 420
"""Of the picture, pixels."""


class MoleculeView:
    """A molecule in a Jupyter or marimo notebook, drawn in the browser by WebGL.

    Between two frames of Gaussian noise the picture goes by cos and sin of an angle, so that every picture on the way
    has the noise of the frames. The reference stands behind in grey.

    Parameters
    ----------
    structure
        The reference; its bonds are drawn.
    height
        Of the picture, pixels.

    Attributes
    ----------
    widget
        What a notebook shows, an ``anywidget.AnyWidget``.

    Raises
    ------
    EdmNoiseError
        Where anywidget is missing.
    """

    def __init__(self, structure: Structure, height: int = HEIGHT) -> None:
        self.structure = structure
        bonds = find_bonds(structure).astype(np.int32).tobytes()
        self.widget = _widget_class()(bonds=bonds, axes=_axes(structure), height=height)
        self.shake(structure.coordinates[None])

    def shake(self, frames: ArrayLike, values: ArrayLike | None = None, label: str = "", unit: str = "Å") -> None:
        """Show other frames, coloured anew.

        Parameters
        ----------
        frames
            (S, N, 3), angstrom: the reference is not among them.
        values
            (N,) what colours each atom, over the palette ``dusk`` from the least to the largest; one colour without.
        label, unit
            What the values are, above the colours.
        """
        structure = self.structure
        places = np.asarray(frames, dtype=np.float32)  # no torch: the reference is seen while that is loaded
        if places.ndim != 3 or places.shape[1:] != structure.coordinates.shape or not len(places):
            raise EdmNoiseError(
                f"frames have the shape {places.shape}: give (frames, {structure.n_atoms}, 3), one frame or more"
            )
        if not np.isfinite(places).all():
            raise EdmNoiseError("frames hold NaN or infinite coordinates")
        shades, scale = _colours(structure, values, label, unit)
        whole = np.concatenate([structure.coordinates[None].astype(np.float32), places])
        sizes = np.array([structure.n_atoms, len(places)], dtype=np.int32)
        with self.widget.hold_sync():
            self.widget.scale = scale
            self.widget.data = sizes.tobytes() + whole.tobytes() + shades.tobytes()

    def __repr__(self) -> str:
        return f"MoleculeView({self.structure.n_atoms:,} atoms)"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """What Jupyter shows; in words where it shows no widgets, as in a notebook that is not trusted."""
        shown, about = self.widget._repr_mimebundle_(**kwargs)
        return {**shown, "text/plain": repr(self)}, about


def _axes(structure: Structure) -> list[float]:
    """A rotation that lays the longest axis across and the shortest one towards the eye, column by column."""
    about = structure.coordinates.astype(np.float64) - structure.coordinates.mean(axis=0)
    axes = np.linalg.eigh(about.T @ about)[1][:, ::-1].T  # rows, the longest first
    axes[2] *= np.sign(np.linalg.det(axes))  # no mirror image
    return [float(value) for value in axes.T.ravel()]


def _colours(
    structure: Structure, values: ArrayLike | None, label: str, unit: str
) -> tuple[NDArray[np.uint8], dict[str, str]]:
    """(N, 3) uint8, and what the legend says."""
    anchors = PALETTES[DEFAULT_PALETTE]
    if values is None:
        return palette_colours(np.zeros(structure.n_atoms), anchors, 0, 1), {}
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (structure.n_atoms,):
        raise EdmNoiseError(f"values have the shape {given.shape}: give one for each of {structure.n_atoms} atoms")
    known = given[np.isfinite(given)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    one = math.isclose(low, high, rel_tol=1e-6, abs_tol=1e-12)  # but for rounding: it takes the middle of the colours
    ends = (low - 1, low + 1) if one else (low, high)
    css = ", ".join(f"rgb({', '.join(str(round(255 * part)) for part in anchor)})" for anchor in anchors)
    said = {"label": label, "low": f"{low:.3g} {unit}", "high": f"{high:.3g} {unit}", "colours": css}
    return palette_colours(given, anchors, *ends), said


def _widget_class() -> Any:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise EdmNoiseError(
            "the molecule needs anywidget, which is not installed: pip install anywidget, or edmnoise with its extra "
            "notebook"
        ) from error

    class MoleculeWidget(anywidget.AnyWidget):
        _esm = SCRIPT
        bonds = traitlets.Bytes().tag(sync=True)
        axes = traitlets.List().tag(sync=True)
        data = traitlets.Bytes().tag(sync=True)
        scale = traitlets.Dict().tag(sync=True)
        height = traitlets.Int().tag(sync=True)

    return MoleculeWidget
