"""The way round a view that Qt 6 turns black on an old Mesa: what it is, whether it is taken, and what it costs."""

from __future__ import annotations

import os

from edmnoise.base.errors import EdmNoiseError

_VARIABLE, _VALUE = "MESA_EXTENSION_OVERRIDE", "-GL_ARB_framebuffer_object"
WAY_ROUND = f"{_VARIABLE}={_VALUE}"


def way_round_taken() -> bool:
    return _VALUE in os.environ.get(_VARIABLE, "")


def check_drawable(ray: bool) -> None:
    """Raise EdmNoiseError where PyMOL's window would end by a picture that is drawn: draw and png do so themselves."""
    from pymol import gui

    if not ray and way_round_taken() and gui.get_qtwindow() is not None:
        raise EdmNoiseError(f"PyMOL ends when a picture is drawn under {WAY_ROUND}: use ray=1")
