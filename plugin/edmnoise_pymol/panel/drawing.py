"""Qt 6 on Mesa before 25: the 3-D view turns black when it is first resized, as it is by every dock that opens."""

from __future__ import annotations

import re
from typing import Any

from pymol.Qt import QtCore

from ..scene import ask
from ..scene.mesa import WAY_ROUND, way_round_taken

_DRAWN_SO = ("llvmpipe", "softpipe", "swrast", "intel")
"""Mesa's drivers that are known for it, or some of them: those in software and Intel's."""


def what_turns_black(cmd: Any) -> str | None:
    """A sentence for a window whose 3-D view will turn black, None where it will not."""
    _, driver, version = ask.renderer(cmd)
    mesa = re.search(r"Mesa (\d+)", version)
    if QtCore.QT_VERSION < 0x060000 or mesa is None or int(mesa[1]) >= 25:
        return None
    if way_round_taken() or not any(name in driver.lower() for name in _DRAWN_SO):
        return None
    return (
        f"If the molecule turns black: Qt {QtCore.QT_VERSION_STR} on Mesa {mesa[1]} does so when the view is resized. "
        f"Start PyMOL with {WAY_ROUND}, or use PyQt5 or Mesa 25"
    )
