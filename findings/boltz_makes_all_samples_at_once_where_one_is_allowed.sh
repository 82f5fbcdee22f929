#!/bin/sh
# Boltz's --max_parallel_samples does not bound how many samples are made at once: with 1 all of them are, and with more
# than there are samples they are made one by one.
#
# Source: boltz 2.2.1, boltz/model/modules/diffusionv2.py and diffusion.py, AtomDiffusion.sample:
# sample_ids.chunk(multiplicity % max_parallel_samples + 1), where torch's chunk is told the number of parts.
# boltz/main.py describes the option as the maximum number of samples to predict in parallel. torch 2.13.0, Python 3.11.
# Behaviour: n samples with m allowed are made in n % m + 1 parts. So m that divides n, 1 among them, gives one part of n,
# and who asks for 1 because memory is short has all at once; the default, 5, makes 3 samples in 3 calls of one.
# The sampler itself is run, with a stub in place of its network that counts the samples of its calls.
# Seen, samples in each call of a step: of 6 with 1 allowed 6; with 5: 3 3; of 3 with 5: 1 1 1; of 10 with 5: 10.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 einops==0.8.2
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python boltz==2.2.1
cat > "$folder/count.py" <<'PY'
import sys

import numpy as np

STEPS = 4
told = []
for name in sys.argv[1:]:
    rows = np.load(f"{name}.npz")["rows"].ravel().tolist()
    told.append(rows[: len(rows) // STEPS])
    print(f"samples and allowed {name}: in each step calls of", *told[-1])
sys.exit(0 if told == [[6], [3, 3], [1, 1, 1], [10]] else 1)
PY
cd "$folder"
for pair in 6-1 6-5 3-5 10-5; do
    "$folder/venv/bin/python" "$here/../tests/programs/drive_boltz.py" "$pair.npz" --steps 4 \
        --samples "${pair%-*}" --parallel "${pair#*-}" > /dev/null
done
"$folder/venv/bin/python" count.py 6-1 6-5 3-5 10-5
