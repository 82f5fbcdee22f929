"""Install the system packages that PyMOL needs and this machine lacks, or name them if that is not allowed.

`make` runs this before there is a virtual environment, with the Python that it was given: no other packages.
"""

from __future__ import annotations  # an old Python shall reach the line that tells what is wrong with it

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

# The Debian package of each library; found by loading the library, so that other systems are served too.
PYMOL = {"libGL.so.1": "libgl1"}
WINDOW = {
    "libEGL.so.1": "libegl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth", "chromium": "chromium"}
"""A display that no screen shows, and a browser for the notebook."""


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_packages(purpose: str) -> Iterable[str]:
    """What is missing to `run` PyMOL without a window, or to `test` it with a window on no screen, and in a browser."""
    if importlib.util.find_spec("ensurepip") is None:
        yield "python3-venv"
    libraries = PYMOL if purpose == "run" else PYMOL | WINDOW
    yield from (package for library, package in libraries.items() if not loads(library))
    if purpose == "test":
        yield from (package for program, package in PROGRAMS.items() if shutil.which(program) is None)


def main(purpose: str) -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"make: {sys.executable} is Python {version}, but the versions in constraints.txt "
            "need 3.11 or 3.12: make PYTHON=/path/to/python3.11"
        )
    missing = list(missing_packages(purpose)) if sys.platform == "linux" else []
    if not missing:
        return
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        command = " ".join(["sudo", *install])
        sys.exit(f"make: these system packages are missing, here by their Debian names: {command}")
    print("installing system packages:", *missing, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update", "-qq"], install)
    if any(subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) for command in commands):
        sys.exit(f"make: apt-get could not install {' '.join(missing)}")


if __name__ == "__main__":
    main(sys.argv[1])
