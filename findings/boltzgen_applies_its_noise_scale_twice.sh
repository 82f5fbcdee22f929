#!/bin/sh
# BoltzGen multiplies its churn noise by noise_scale twice: .88, with which it designs, acts as .774.
#
# Source: boltzgen 0.3.2, boltzgen/model/modules/diffusion.py, AtomDiffusion.sample: noise_var holds noise_scale^2, and eps
# is noise_scale sqrt(noise_var) times normal numbers. AlphaFold 3's Algorithm 18, and Boltz, of which it is made, have it
# once. torch 2.13.0, Python 3.11.
# Behaviour: between two calls x gains noise of standard deviation noise_scale^2 sqrt(t_hat^2 - t^2). Who compares samplers
# by their constants, or takes BoltzGen's .88 into another sampler, has another temperature there.
# The sampler itself is run, with a stub for its network that knows one molecule. What is added is what the
# length of x gains over that of the step from the call before, made by hand.
# Seen, with noise_scale .88: .777 of sqrt(t_hat^2 - t^2) was added, .002 more or less.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 einops==0.8.2 tqdm
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python boltzgen==0.3.2
cat > "$folder/noise.py" <<'PY'
import sys

import numpy as np

SCALE, STEP_SCALE, GAMMA, SAMPLES = 0.88, 1.5, 0.8, 24
run = np.load(sys.argv[1])
real = run["names_mask"].astype(bool)
schedule = run["schedule"].astype(float)
x, x0 = (run[key][0].reshape(-1, SAMPLES, *run[key].shape[2:])[:, :, real].astype(float) for key in ("x", "x0"))


def centred(frames):
    return frames - frames.mean(axis=-2, keepdims=True)


def laid(moved, on):
    """Each of (B, N, 3) turned onto another, least squares."""
    u, _, vt = np.linalg.svd(moved.swapaxes(1, 2) @ on)
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return moved @ u @ vt


x, x0 = centred(x), centred(x0)
added = []
for step in range(len(x) - 1):
    now, then, after = schedule[step : step + 3]
    hat, raised = now * (1 + GAMMA * (then > 1)), then * (1 + GAMMA * (after > 1))
    start = laid(x[step], x0[step])
    made = start + STEP_SCALE * (then - hat) * (start - x0[step]) / hat
    freedom = made.shape[0] * 3 * (made.shape[1] - 1)
    if raised > then:  # turns change no lengths
        added.append(((x[step + 1] ** 2).sum() - (made**2).sum()) / freedom / (raised**2 - then**2))
acted, error = np.sqrt(np.mean(added)), np.std(added) / np.sqrt(len(added)) / 2 / np.sqrt(np.mean(added))
print(f"noise_scale {SCALE}: {acted:.3f} +- {error:.3f} acted in {len(added)} steps, where its square is {SCALE**2:.3f}")
sys.exit(0 if abs(acted - SCALE**2) < 0.01 else 1)
PY
cd "$folder"
"$folder/venv/bin/python" "$here/../tests/programs/drive_boltz.py" run.npz --module boltzgen.model.modules.diffusion \
    --samples 24 --steps 60 --noise-scale 0.88 > /dev/null
"$folder/venv/bin/python" noise.py run.npz
