"""Displacement against z, along the sequence, and freeze-out, as plots that answer to clicks.

pyqtgraph is imported when there is something to draw: opening the panel does not wait for it.
"""

from .host import Plots

__all__ = ["Plots"]
