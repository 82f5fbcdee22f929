"""Prints how far freeze-out from a trace is from what Protenix's loop did: all of 1TII, five seeds, three ways to lay.

    make .programs/installed
    .venv/bin/python tests/programs/print_exact.py

Takes a minute and writes 1 GB into a temporary folder.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pymol

from edmnoise.frames.displacement import NESTED
from edmnoise.structure.files import read_structure, write_frames
from edmnoise.trajectories.laid import run_of
from edmnoise.trajectories.laying import WAYS
from edmnoise.trajectories.trace import open_trace, runs_of

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parents[1] / ".programs"


def main(folder):
    data = Path(os.environ.get("PYMOL_DATA") or Path(pymol.__file__).parent / "data")
    structure = read_structure(data / "demo" / "1tii.pdb")
    write_frames(folder / "1tii.cif", structure, structure.coordinates[None])
    path = [
        PROGRAMS / "protenix",
        PROGRAMS / "common",
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    record = [sys.executable, "-m", "edmnoise", "record", "--out", folder / "out", "--", sys.executable]
    options = ["--structure", folder / "1tii.cif", "--samples", "4", "--seeds", "5"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    subprocess.run([*record, HERE / "drive_exact.py", folder / "truth.npz", *options], env=env, check=True)
    parts = [part.label(structure.hierarchy) for part in NESTED]
    for run, truth in zip(runs_of(folder / "out"), np.load(folder / "truth.npz")["freeze_out"], strict=True):
        print(", ".join(f"{part} {sigma:.3g} A" for part, sigma in zip(parts, truth, strict=True)))
        for way in WAYS:
            found = run_of(open_trace(run), structure, lay=way).freeze_out()
            off = [100 * (found[part] / sigma - 1) for part, sigma in zip(NESTED, truth, strict=True)]
            print(f"  {way}: " + ", ".join(f"{part} {by:+.3f} %" for part, by in zip(parts, off, strict=True)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
