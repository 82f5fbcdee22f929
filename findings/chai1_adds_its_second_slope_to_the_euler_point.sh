#!/bin/sh
# Chai-1's second-order step is not Heun's: the mean slope is added to the point that Euler's step has already reached, so
# each step goes about twice as far.
#
# Source: chai-lab 0.6.1, chai_lab/chai1.py, run_folding_on_context, under "Lines 9-11", which name those of Algorithm 2 of
# Karras et al. (2022): there x_next = x_hat + h (d + d') / 2, here x_next = (x_hat + h d) + h (d + d') / 2.
# torch 2.13.0, numpy 1.26.4, Python 3.11.
# Behaviour: with h = sigma_next - sigma_hat, the step is h (1.5 d + 0.5 d'): where the estimate does not change it is
# twice Euler's, as with AlphaFold 3's step_scale it is one and a half times. No constant says so, and a sampler that is made
# from Chai-1's constants and the paper samples something else.
# The function itself is run, with stubs in place of its exported networks; nothing of its loop is replaced.
# Seen: the end differs from Heun's step by up to 9.7 A, from the step above by 1e-6 A.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 einops==0.8.2 tqdm
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python chai-lab==0.6.1
cat > "$folder/compare.py" <<'PY'
import sys

import numpy as np

found = np.load(sys.argv[1])
end, rows = found["final"][0], found["rows"][0]
(x, ahead), (x0, ahead_x0) = (found[key].astype(float).reshape(-1, rows, *end.shape[1:])[-2:] for key in ("x", "x0"))
sigma, target = found["sigma"][-2:]
slopes = (x - x0) / sigma + (ahead - ahead_x0) / target
heun, told = (abs(start + (target - sigma) * slopes / 2 - end).max() for start in (x, ahead))
print(f"last step, {sigma:.4f} to {target:.4f} A: from Heun's step {heun:.2g} A, from Euler's point {told:.2g} A")
sys.exit(0 if told < 1e-4 < 0.1 < heun else 1)
PY
cd "$folder"
"$folder/venv/bin/python" "$here/../tests/programs/drive_chai.py" found.npz > /dev/null
"$folder/venv/bin/python" compare.py found.npz
