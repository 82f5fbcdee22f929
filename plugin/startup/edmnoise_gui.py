# Version: 0.2.0
# Author: the edmnoise developers
# License: MIT
"""EDM noise: see, measure and design the noise that trains diffusion models of biomolecules.

This file is all that PyMOL reads while it starts. It is found as pmg_tk.startup.edmnoise_gui, either beside
PyMOL's own modules, where pip puts it, or as a folder that the Plugin Manager unpacked: then the folder holds
the packages too, and an installed edmnoise is preferred to them.
"""

import importlib.metadata
import importlib.util
import os
import sys
import sysconfig

NEEDED = ("numpy", "psutil", "scipy", "torch")
USED = ("gemmi", "matplotlib", "pyqtgraph")
"""To read files without PyMOL, and to draw: each is asked for where it is first needed."""


def __init_plugin__(app: object = None) -> None:
    # Only looked for, not imported: importing torch would freeze the window for seconds.
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        # PyMOL prints the message of an exception as one line, and tells that the plugin did not start.
        raise ImportError(
            f"EDM noise needs {', '.join(missing)} in PyMOL's Python. Install what is missing and start PyMOL again: "
            + _how(missing + [name for name in USED if importlib.util.find_spec(name) is None])
        )

    bundled = os.path.join(os.path.dirname(__file__), "edmnoise_bundled")
    if os.path.isdir(bundled) and bundled not in sys.path:
        sys.path.append(bundled)

    import edmnoise_pymol

    edmnoise_pymol.start_gui()


def _how(missing: list[str]) -> str:
    """The command that installs packages for this PyMOL."""
    what = " ".join(missing)
    if "numpy" not in missing:
        # A new scipy would bring a new NumPy along, and a PyMOL built against NumPy 1 breaks with NumPy 2.
        what += f' "numpy<{int(importlib.metadata.version("numpy").split(".")[0]) + 1}"'
    managed = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    if sys.prefix == sys.base_prefix and os.path.exists(managed):  # Debian's Python lets pip install nothing
        new = f"{sys.executable} -m venv --system-site-packages ~/edm && ~/edm/bin/python -m pip install {what}"
        return f"{new} && ~/edm/bin/python -m pymol"
    return f"{sys.executable} -m pip install {what}"
