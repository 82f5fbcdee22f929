"""Which PyMOL this is: its version, the Qt of its window, and what draws that."""

from __future__ import annotations

import sys
from typing import Any


def facts(cmd: Any) -> dict[str, str]:
    """What a report needs to say of the program, by name; of the window where there is one."""
    found = {"PyMOL": str(cmd.get_version()[0])}
    qt = sys.modules.get("pymol.Qt")  # which a window has loaded
    if qt is not None:
        found["Qt"] = f"{qt.QtCore.qVersion()} by {qt.PYQT_NAME}"
    if drawn_by := ", ".join(filter(None, cmd.get_renderer())):
        found["OpenGL"] = drawn_by
    return found
