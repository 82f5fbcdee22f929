"""t = (value - minimum) / (maximum - minimum), colour = palette(t): values to red, green, blue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import EdmNoiseError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Anchor = tuple[float, float, float]

PALETTES: dict[str, tuple[Anchor, ...]] = {
    "dusk": ((0.25, 0.32, 0.71), (0.49, 0.41, 0.78), (0.80, 0.42, 0.64), (0.95, 0.55, 0.41), (0.98, 0.83, 0.40)),
    "ocean": ((0.17, 0.29, 0.49), (0.16, 0.47, 0.56), (0.22, 0.64, 0.55), (0.55, 0.78, 0.44), (0.96, 0.90, 0.45)),
    "blue_white_red": ((0.15, 0.30, 0.85), (0.95, 0.95, 0.95), (0.85, 0.12, 0.15)),
    "rainbow": ((0.2, 0.2, 1.0), (0.0, 0.8, 0.9), (0.2, 0.85, 0.2), (1.0, 0.9, 0.1), (1.0, 0.2, 0.1)),
    "grey_red": ((0.75, 0.75, 0.75), (0.95, 0.60, 0.35), (0.80, 0.10, 0.10)),
}
"""Colours at even steps from the lowest to the highest value. ``dusk`` and ``ocean`` grow lighter all the way, so that
they can be read in grey and by the colour-blind, and stand out from black and from white backgrounds."""

DEFAULT_PALETTE = "dusk"

SERIES_COLOURS = (
    *("#3f51b5", "#d2694c", "#4f9d69", "#8e5ea2", "#c08a2e", "#2a9db5"),
    *("#7a5c48", "#b5386b", "#6b7a1f", "#1f3d2b", "#9a9aa5", "#e08fb0"),
)
"""Of what a figure sets side by side; the first three are told apart in grey and by the colour-blind."""

LEVEL_COLOURS = dict(zip(("chain", "residue", "atom", "domain"), SERIES_COLOURS, strict=False))
"""Of each level, in all figures and plots."""


def palette_colours(values: ArrayLike, anchors: Sequence[Anchor], minimum: float, maximum: float) -> NDArray[np.uint8]:
    """Colour of each value.

    Parameters
    ----------
    values
        (N,) numbers; those outside the range take the colour of its end, NaN the middle grey.
    anchors
        Two or more (red, green, blue) from 0 to 1, at even steps over the range, joined by straight lines.
    minimum, maximum
        The range, in the values' unit. Where both are equal, all values take the first colour.

    Returns
    -------
    NDArray
        (N, 3) uint8, red, green, blue.
    """
    import numpy as np  # palettes are named without it

    if len(anchors) < 2:
        raise EdmNoiseError(f"a palette of {len(anchors)} colours: give two or more")
    check_range(minimum, maximum)
    values = np.asarray(values, dtype=np.float64)
    t = np.clip((values - minimum) / (maximum - minimum), 0, 1) if maximum > minimum else np.zeros_like(values)
    # A table of 1,024 steps costs one look-up a value, where interpolation costs three searches; a colour channel has
    # 256 steps, so nothing is lost.
    steps = np.linspace(0, len(anchors) - 1, 1024)
    channels = np.array(anchors, dtype=np.float64).T
    table = np.stack([np.interp(steps, np.arange(len(anchors)), channel) for channel in channels], axis=1)
    shades = np.vstack([np.rint(table * 255), [128, 128, 128]]).astype(np.uint8)
    return shades[np.where(np.isnan(values), 1024, np.nan_to_num(t) * 1023 + 0.5).astype(np.intp)]


def check_range(minimum: float, maximum: float) -> None:
    """Raise EdmNoiseError unless both ends are finite and in order."""
    if not (math.isfinite(minimum) and math.isfinite(maximum) and minimum <= maximum):
        raise EdmNoiseError(f"the colour range is {minimum:g} to {maximum:g}: give a minimum below the maximum")
